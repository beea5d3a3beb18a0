#include "gateway/issue/life/family.h"

#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/life/step.h"
#include "gateway/issue/upstream/request.h"
#include "gateway/log.h"

/* Reports may give the day alone, in any zone. */
static const int64_t SKEW_S = 26 * 3600;

static void adopt(struct errand *e, const char *order_number, const char *certificate_id)
{
    struct sectigo_order_answer *answer = &e->result.answer;
    memcpy(answer->order_number, order_number, strlen(order_number) + 1);
    memcpy(answer->certificate_id, certificate_id, strlen(certificate_id) + 1);
    errand_log(e, LOG_LEVEL_INFO, "found the replacement whose answer was lost", order_number);
    step_go(e, ISSUANCE_SUBMITTED, 0);
}

static void ask_again(struct errand *e, const char *call, int code, const char *message)
{
    step_note(e, "%s answers %d: %s", call, code, message ? message : "");
    step_again_later(e, ISSUANCE_UNKNOWN);
}

static void unanswered(struct errand *e, const char *call, const struct upstream_reply *reply)
{
    step_note(e, "%s: %s", call, reply->reason ? reply->reason : "the reply is no answer of this API");
    step_unanswered(e, reply, ISSUANCE_UNKNOWN);
}

/* ---- the certificate of the newest one, where there is one ---- */

/* The same key alone proves nothing: clients that reuse theirs have it in older certificates of the family. */
static bool is_ours(struct errand *e, const struct sectigo_collect_answer *answer)
{
    struct acme_certificate certificate = {0};
    struct acme_id known;
    struct store_txn *txn;
    bool ours = answer->certificate && life_judge(e, answer->certificate, answer->ca_certificates, &certificate);
    if (ours && store_read(e->issuer->at.store, &txn) == STORE_OK) {
        ours = acme_certificate_by_serial(txn, certificate.serial, certificate.serial_len, &known) == STORE_NOT_FOUND;
        store_read_end(txn);
    }
    acme_certificate_clear(&certificate);
    return ours;
}

static void on_answer(struct errand *e, const struct sectigo_collect_answer *answer)
{
    switch (sectigo_classify(SECTIGO_COLLECT_SSL, answer->code, answer->message)) {
    case SECTIGO_PLACED:
        if (is_ours(e, answer))
            adopt(e, answer->order_number, e->candidate);
        else
            life_not_found(e, clock_ms());
        break;
    case SECTIGO_REJECTED:
    case SECTIGO_REVOKED:
        life_not_found(e, clock_ms());
        break;
    case SECTIGO_PENDING:
        if (e->candidate[0])
            adopt(e, answer->order_number, e->candidate);
        else /* it cannot be told whose it is before it is issued; another replacement would be refused now anyway */
            ask_again(e, "CollectSSL", answer->code, "the newest order of the family is not issued yet");
        break;
    default:
        ask_again(e, "CollectSSL", answer->code, answer->message);
    }
}

static void on_collect(void *ctx, const struct upstream_reply *reply)
{
    struct errand *e = ctx;
    struct sectigo_collect_answer answer = {0};
    e->result.looked = true;
    if (reply->outcome == UPSTREAM_ANSWERED && sectigo_parse_collect(reply->body, reply->body_len, &answer))
        on_answer(e, &answer);
    else
        unanswered(e, "CollectSSL", reply);
    sectigo_collect_clear(&answer);
    errand_commit(e);
}

static void ask_certificate(struct errand *e)
{
    struct sectigo_form form = {0};
    request_newest(&form, &e->sub, e->candidate);
    upstream_call(e->login, SECTIGO_COLLECT_SSL, &form, on_collect, e);
}

/* ---- the family ---- */

/* The newest certificate ID that the family did not have before; false where there is none. */
static bool find_candidate(struct errand *e, const struct sectigo_report_answer *answer)
{
    e->candidate[0] = '\0';
    for (size_t i = 0; i < answer->order_count; i++) {
        const struct sectigo_report_order *order = &answer->orders[i];
        bool earlier = order->ordered_s && order->ordered_s < (int64_t)(e->is.sent_ms / 1000) - SKEW_S;
        if (earlier || strcmp(order->order_number, e->sub.order_number) == 0)
            continue;
        for (size_t n = 0; n < order->certificate_count; n++) {
            const char *id = order->certificates[n].certificate_id;
            if (id[0] && !subscription_has_certificate_id(&e->sub, id))
                memcpy(e->candidate, id, strlen(id) + 1);
        }
    }
    return e->candidate[0] != '\0';
}

/* True where another call was started, so that there is nothing to commit yet. */
static bool on_family(struct errand *e, const struct sectigo_report_answer *answer)
{
    if (answer->code == 0 && !find_candidate(e, answer)) {
        life_not_found(e, clock_ms());
        return false;
    }
    enum sectigo_class class = sectigo_classify(SECTIGO_GET_DETAILED_ORDER_STATUS, answer->code, answer->message);
    if (class == SECTIGO_LATER || class == SECTIGO_LOGIN_REFUSED || class == SECTIGO_UNKNOWN) {
        ask_again(e, "GetDetailedOrderStatus", answer->code, answer->message);
        return false;
    }
    if (answer->code != 0)
        e->candidate[0] = '\0'; /* the account may not use the call: the newest certificate tells too */
    ask_certificate(e);
    return true;
}

static void on_status(void *ctx, const struct upstream_reply *reply)
{
    struct errand *e = ctx;
    struct sectigo_report_answer answer = {0};
    bool waiting = false;
    if (reply->outcome == UPSTREAM_ANSWERED &&
        sectigo_parse_report(SECTIGO_GET_DETAILED_ORDER_STATUS, reply->body, reply->body_len, &answer))
        waiting = on_family(e, &answer);
    else
        unanswered(e, "GetDetailedOrderStatus", reply);
    e->result.looked = true;
    sectigo_report_clear(&answer);
    if (!waiting)
        errand_commit(e);
}

enum step family_settle(struct errand *e)
{
    struct sectigo_form form = {0};
    request_family(&form, &e->sub);
    upstream_call(e->login, SECTIGO_GET_DETAILED_ORDER_STATUS, &form, on_status, e);
    return STEP_WAIT;
}
