#include "gateway/issue/life/reading.h"

#include <stdio.h>
#include <string.h>

enum sectigo_call_kind ask_call(const struct issuance *is, enum question question)
{
    switch (question) {
    case ASK_ORDER:
        return is->kind == ISSUANCE_PURCHASE ? SECTIGO_AUTO_APPLY_ORDER : SECTIGO_AUTO_REPLACE_SSL;
    case ASK_REPORT:
        return SECTIGO_WEB_HOST_REPORT;
    case ASK_FAMILY:
    case ASK_STATUS:
        return SECTIGO_GET_DETAILED_ORDER_STATUS;
    case ASK_NEWEST:
    case ASK_COLLECT:
        return SECTIGO_COLLECT_SSL;
    case ASK_NUDGE:
        return SECTIGO_AUTO_UPDATE_DCV;
    case ASK_CAA_RETRY:
        return SECTIGO_RETRY_CAA_CHECK;
    case ASK_REJECT:
        return SECTIGO_AUTO_REJECT;
    default:
        return SECTIGO_CALLS;
    }
}

const char *ask_text(const struct issuance *is, enum question question)
{
    enum sectigo_call_kind call = ask_call(is, question);
    return call != SECTIGO_CALLS        ? sectigo_call_info(call)->name
           : question == ASK_READERS    ? "whether a client still waits"
           : question == ASK_PUBLISHERS ? "publishing of CNAME records"
           : question == ASK_PREFLIGHT  ? "preflight"
                                        : "own look at CAA";
}

static bool parse(struct reading *r, enum sectigo_call_kind call, const char *body, size_t len)
{
    static const struct sectigo_order_flags flags = {.url_encoded = true, .certificate_id = true};
    switch (call) {
    case SECTIGO_AUTO_APPLY_ORDER:
    case SECTIGO_AUTO_REPLACE_SSL:
        return sectigo_parse_order(call, body, len, &flags, &r->order);
    case SECTIGO_WEB_HOST_REPORT:
    case SECTIGO_GET_DETAILED_ORDER_STATUS:
        return sectigo_parse_report(call, body, len, &r->report);
    case SECTIGO_COLLECT_SSL:
        return sectigo_parse_collect(body, len, &r->collect);
    default:
        return sectigo_parse_result(call, body, len, &r->result);
    }
}

void reading_of_reply(struct reading *r, const struct ask *ask, const struct issuance *is,
                      const struct upstream_reply *reply)
{
    *r = (struct reading){
        .ask = *ask, .outcome = reply->outcome, .date_ms = reply->date_ms, .again_ms = reply->again_ms};
    r->parsed =
        reply->outcome == UPSTREAM_ANSWERED && parse(r, ask_call(is, ask->question), reply->body, reply->body_len);
    if (!r->parsed)
        snprintf(r->why, sizeof r->why, "%s", reply->reason ? reply->reason : "the reply is no answer of this API");
}

void reading_of_look(struct reading *r, const struct ask *ask, bool asked, const char *why)
{
    *r = (struct reading){.ask = *ask, .outcome = UPSTREAM_NEVER_LEFT, .parsed = asked};
    snprintf(r->why, sizeof r->why, "%s", why);
}

void reading_unread(struct reading *r)
{
    struct reading unread = {.ask = r->ask, .outcome = r->outcome, .date_ms = r->date_ms};
    reading_clear(r);
    *r = unread;
    snprintf(r->why, sizeof r->why, "the store does not say just now whose the order in the answer is");
}

void reading_clear(struct reading *r)
{
    switch (r->ask.question) {
    case ASK_REPORT:
    case ASK_FAMILY:
    case ASK_STATUS:
        sectigo_report_clear(&r->report);
        break;
    case ASK_NEWEST:
    case ASK_COLLECT:
        sectigo_collect_clear(&r->collect);
        break;
    default:
        break;
    }
    memset(r, 0, sizeof *r);
}
