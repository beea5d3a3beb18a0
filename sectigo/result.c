#include "sectigo/result.h"

#include <ctype.h>
#include <string.h>

#include "sectigo/lines.h"
#include "sectigo/reply.h"
#include "sectigo/value.h"

static bool parse_form(enum sectigo_call_kind call, const char *body, size_t len, struct sectigo_result *result)
{
    struct sectigo_reply reply;
    bool ok = sectigo_reply_open(call, body, len, &reply);

    if (ok) {
        result->code = reply.code;
        memcpy(result->message, reply.message, sizeof result->message);
        if (reply.code >= 0)
            sectigo_value_text(sectigo_form_get(&reply.form, "errorMessage"), result->message, sizeof result->message);
    }
    sectigo_reply_clear(&reply);
    return ok;
}

static bool parse_lines(enum sectigo_call_kind call, const char *body, size_t len, struct sectigo_result *result)
{
    struct sectigo_lines lines;

    sectigo_lines_start(&lines, body, len);
    if (!sectigo_value_int(sectigo_lines_next(&lines), &result->code))
        return false;
    sectigo_reply_message(call, result->code, sectigo_lines_next(&lines), result->message);
    return sectigo_lines_ended(&lines);
}

bool sectigo_parse_result(enum sectigo_call_kind call, const char *body, size_t len, struct sectigo_result *result)
{
    memset(result, 0, sizeof *result);
    return parse_form(call, body, len, result) || parse_lines(call, body, len, result);
}

static bool read_balance(const char *text, int64_t *cents)
{
    bool negative = text && *text == '-';

    if (!sectigo_value_cents(negative ? text + 1 : text, cents))
        return false;
    *cents = negative ? -*cents : *cents;
    return true;
}

/* The first of the keys that holds an amount; true also for a refusal, which has none. */
static bool amount_of_form(enum sectigo_call_kind call, const char *body, size_t len, const char *const *keys,
                           int64_t *cents)
{
    struct sectigo_reply reply;
    bool ok = sectigo_reply_open(call, body, len, &reply);
    bool found = ok && reply.code < 0;

    for (; ok && !found && *keys; keys++)
        found = read_balance(sectigo_form_get(&reply.form, *keys), cents);
    sectigo_reply_clear(&reply);
    return found;
}

/* A code, and of a success an amount: by one of the keys, or alone in the second line. */
static bool parse_amount(enum sectigo_call_kind call, const char *body, size_t len, const char *const *keys,
                         struct sectigo_result *result, int64_t *cents)
{
    struct sectigo_lines lines;

    if (parse_form(call, body, len, result))
        return amount_of_form(call, body, len, keys, cents);
    sectigo_lines_start(&lines, body, len);
    if (!sectigo_value_int(sectigo_lines_next(&lines), &result->code))
        return false;
    const char *second = sectigo_lines_next(&lines);
    if (result->code >= 0)
        return read_balance(second, cents) && sectigo_lines_ended(&lines);
    sectigo_reply_message(call, result->code, second, result->message);
    return sectigo_lines_ended(&lines);
}

bool sectigo_parse_balance(const char *body, size_t len, struct sectigo_balance *answer)
{
    static const char *const keys[] = {"balance", "accountBalance", "availableBalance", NULL};

    memset(answer, 0, sizeof *answer);
    return parse_amount(SECTIGO_GET_ACCOUNT_BALANCE, body, len, keys, &answer->result, &answer->balance_cents);
}

bool sectigo_parse_upgrade_cost(const char *body, size_t len, struct sectigo_upgrade_cost *answer)
{
    static const char *const keys[] = {"upgradeCost", "cost", "totalCost", "price", "amount", NULL};

    memset(answer, 0, sizeof *answer);
    return parse_amount(SECTIGO_SL_GET_UPGRADE_COST, body, len, keys, &answer->result, &answer->cost_cents);
}

/* What follows the code of a success: nothing, a message, the account, or a message and the account. */
static bool read_authorized(struct sectigo_lines *lines, struct sectigo_authorization *answer)
{
    enum { REST_MAX = 3 };
    char rest[REST_MAX][SECTIGO_MESSAGE_MAX];
    const char *line;
    size_t count = 0;

    while ((line = sectigo_lines_next(lines))) {
        if (count == REST_MAX)
            return false;
        sectigo_value_text(line, rest[count++], SECTIGO_MESSAGE_MAX);
    }
    if (count == 1 || count == REST_MAX)
        memcpy(answer->result.message, rest[0], sizeof answer->result.message);
    return sectigo_lines_ended(lines) &&
           (count < 2 || sectigo_value_site(rest[count - 2], rest[count - 1], &answer->site));
}

bool sectigo_parse_authorization(const char *body, size_t len, struct sectigo_authorization *answer)
{
    struct sectigo_lines lines;

    memset(answer, 0, sizeof *answer);
    if (parse_form(SECTIGO_AUTO_AUTHORIZE, body, len, &answer->result))
        return true;
    sectigo_lines_start(&lines, body, len);
    if (!sectigo_value_int(sectigo_lines_next(&lines), &answer->result.code))
        return false;
    if (answer->result.code >= 0)
        return read_authorized(&lines, answer);
    sectigo_reply_message(SECTIGO_AUTO_AUTHORIZE, answer->result.code, sectigo_lines_next(&lines),
                          answer->result.message);
    return sectigo_lines_ended(&lines);
}

/* Exactly as many hex digits; out is left empty otherwise. */
static void read_hex(const char *text, size_t digits, char *out)
{
    if (!text || strlen(text) != digits || strspn(text, "0123456789abcdefABCDEF") != digits)
        return;
    for (size_t i = 0; i <= digits; i++)
        out[i] = (char)tolower((unsigned char)text[i]);
}

static void read_line(struct sectigo_form *form, char *line)
{
    char *equals = strchr(line, '=');

    if (!equals)
        return;
    *equals = '\0';
    sectigo_value_text(line, line, strlen(line) + 1);
    sectigo_value_text(equals + 1, equals + 1, strlen(equals + 1) + 1);
    sectigo_form_add(form, line, equals + 1);
}

bool sectigo_parse_decoded_csr(const char *body, size_t len, struct sectigo_decoded_csr *answer)
{
    struct sectigo_lines lines;

    memset(answer, 0, sizeof *answer);
    sectigo_lines_start(&lines, body, len);
    if (!sectigo_value_int(sectigo_lines_next(&lines), &answer->result.code))
        return false;
    if (answer->result.code < 0)
        sectigo_reply_message(SECTIGO_DECODE_CSR, answer->result.code, sectigo_lines_next(&lines),
                              answer->result.message);
    while (sectigo_lines_next(&lines))
        read_line(&answer->fields, lines.line);
    if (!sectigo_lines_ended(&lines) || answer->fields.failed) {
        sectigo_decoded_csr_clear(answer);
        return false;
    }
    read_hex(sectigo_form_get(&answer->fields, "md5"), 32, answer->md5);
    read_hex(sectigo_form_get(&answer->fields, "sha256"), 64, answer->sha256);
    return true;
}

void sectigo_decoded_csr_clear(struct sectigo_decoded_csr *answer)
{
    sectigo_form_clear(&answer->fields);
    memset(answer, 0, sizeof *answer);
}

const char *sectigo_refund_reason(int code)
{
    static const char *const reasons[] = {
        [1] = "Unable to validate Certificate",
        [2] = "Domain or Organization no longer active",
        [3] = "Would like to get another type of certificate",
        [4] = "Failed Brand Validation",
        [5] = "Comodo rejected certificate request",
        [6] = "Certificate revoked due to malware",
        [7] = "Certificate revoked due to phishing",
        [8] = "Certificate revoked due to Google safe browsing",
        [9] = "Moving to another Certificate Authority",
        [10] = "Found the certificate for a better price",
        [11] = "Other",
    };

    return code > 0 && code < (int)(sizeof reasons / sizeof *reasons) ? reasons[code] : NULL;
}

const char *sectigo_revocation_reason(int code)
{
    static const char *const reasons[] = {
        [0] = "unspecified", [1] = "keyCompromise",        [3] = "affiliationChanged",
        [4] = "superseded",  [5] = "cessationOfOperation",
    };

    return code >= 0 && code < (int)(sizeof reasons / sizeof *reasons) ? reasons[code] : NULL;
}
