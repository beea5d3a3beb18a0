#include "sectigo/sectigo.h"

#include <string.h>

#include "sectigo/lines.h"
#include "sectigo/reply.h"
#include "sectigo/value.h"

static bool read_refusal(enum sectigo_call_kind call, struct sectigo_lines *lines, struct sectigo_order_answer *answer)
{
    sectigo_reply_message(call, answer->code, sectigo_lines_next(lines), answer->message);
    return true;
}

static bool read_unique_value(const char *line, struct sectigo_order_answer *answer)
{
    return !line || sectigo_value_unique(line, answer->unique_value);
}

/* Notes 2.17: the two last lines, where they are there; blank ones keep their place before them. */
static bool read_rest_with_site(struct sectigo_lines *lines, struct sectigo_order_answer *answer)
{
    enum { REST_MAX = 5 };
    char rest[REST_MAX][128] = {{0}};
    const char *line;
    size_t count = 0, unread = 0;

    while ((line = sectigo_lines_next(lines))) {
        if (count == REST_MAX)
            return false;
        sectigo_value_text(line, rest[count++], sizeof rest[0]);
    }
    if (count >= 2 && sectigo_value_site(rest[count - 2], rest[count - 1], &answer->site))
        count -= 2;
    for (size_t i = 0; i < count; i++)
        unread += *rest[i] && !(i == 0 && read_unique_value(rest[i], answer));
    return unread == 0;
}

/* Reference 2.2.2. A replacement has neither order number nor amount (notes 2.1). */
static bool read_success(enum sectigo_call_kind call, struct sectigo_lines *lines,
                         const struct sectigo_order_flags *flags, struct sectigo_order_answer *answer)
{
    if (call == SECTIGO_AUTO_APPLY_ORDER) {
        if (!sectigo_value_order_number(sectigo_lines_next(lines), answer->order_number) ||
            !sectigo_value_cents(sectigo_lines_next(lines), &answer->cost_cents))
            return false;
        answer->has_cost = true;
    }
    if (!sectigo_lines_next(lines)) /* expected delivery time, of no meaning any more */
        return false;
    if (flags->certificate_id && !sectigo_value_certificate_id(sectigo_lines_next(lines), answer->certificate_id))
        return false;
    if (flags->certificate_state) {
        const char *state = sectigo_lines_next(lines);
        if (!state)
            return false;
        sectigo_value_text(state, answer->certificate_status, sizeof answer->certificate_status);
    }
    return flags->sitelock ? read_rest_with_site(lines, answer) : read_unique_value(sectigo_lines_next(lines), answer);
}

static bool parse_lines(enum sectigo_call_kind call, const char *body, size_t len,
                        const struct sectigo_order_flags *flags, struct sectigo_order_answer *answer)
{
    struct sectigo_lines lines;

    sectigo_lines_start(&lines, body, len);
    if (!sectigo_value_int(sectigo_lines_next(&lines), &answer->code))
        return false;
    bool read = answer->code < 0 ? read_refusal(call, &lines, answer) : read_success(call, &lines, flags, answer);
    return read && sectigo_lines_ended(&lines);
}

/* Reference 3.2. What decides is read strictly; an amount, an ID or a unique value that cannot be read is left out,
 * since the order stands all the same. */
static bool parse_form(enum sectigo_call_kind call, const char *body, size_t len, struct sectigo_order_answer *answer)
{
    struct sectigo_reply reply;
    bool ok = sectigo_reply_open(call, body, len, &reply);

    if (ok) {
        const struct sectigo_form *form = &reply.form;
        const char *order_number = sectigo_form_get(form, "orderNumber");

        answer->code = reply.code;
        memcpy(answer->message, reply.message, sizeof answer->message);
        answer->has_cost = sectigo_value_cents(sectigo_form_get(form, "totalCost"), &answer->cost_cents);
        sectigo_value_certificate_id(sectigo_form_get(form, "certificateID"), answer->certificate_id);
        sectigo_value_text(sectigo_form_get(form, "certificateStatus"), answer->certificate_status,
                           sizeof answer->certificate_status);
        sectigo_value_unique(sectigo_form_get(form, "uniqueValue"), answer->unique_value);
        bool numbered = sectigo_value_order_number(order_number, answer->order_number);
        ok = reply.code < 0 || numbered || (call == SECTIGO_AUTO_REPLACE_SSL && !order_number);
    }
    sectigo_reply_clear(&reply);
    return ok;
}

bool sectigo_parse_order(enum sectigo_call_kind call, const char *body, size_t len,
                         const struct sectigo_order_flags *flags, struct sectigo_order_answer *answer)
{
    memset(answer, 0, sizeof *answer);
    if (call != SECTIGO_AUTO_APPLY_ORDER && call != SECTIGO_AUTO_REPLACE_SSL)
        return false;
    return flags->url_encoded ? parse_form(call, body, len, answer) : parse_lines(call, body, len, flags, answer);
}
