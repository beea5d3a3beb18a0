/* family: settling a replacement whose outcome is unknown where the login takes no foreignOrderNumber on AutoReplaceSSL
 * (issuance.md section 4, rule 5). A certificate ID of the family that was not in the list committed before the request
 * left, and whose certificate (where it is issued already) passes accept.h, is ours. */
#include <string.h>

#include "acme/durations.h"
#include "gateway/issue/life/asking.h"
#include "gateway/issue/life/life.h"

/* Reports may give the day alone, in any zone. */
static const int64_t SKEW_S = 26 * HOUR_S;

static void adopt(const char *order_number, const char *certificate_id, struct outcome *out)
{
    out->kind = OUTCOME_PLACED;
    out->placed = (struct outcome_placed){.answer = {.code = 0}};
    memcpy(out->placed.answer.order_number, order_number, strlen(order_number) + 1);
    memcpy(out->placed.answer.certificate_id, certificate_id, strlen(certificate_id) + 1);
    outcome_say(out, LOG_LEVEL_INFO, "found the replacement whose answer was lost", order_number);
}

static void ask_again(const struct facts *f, const char *call, int code, const char *message, uint64_t now_ms,
                      struct outcome *out)
{
    outcome_note(out, "%s answers %d: %s", call, code, message);
    outcome_again_later(f, now_ms, out);
}

static void unanswered(const struct facts *f, const char *call, const struct reading *r, uint64_t now_ms,
                       struct outcome *out)
{
    outcome_note(out, "%s: %.900s", call, r->why);
    outcome_unanswered(f, r, now_ms, out);
}

/* ---- the family ---- */

/* The newest certificate ID that the family did not have before; false where there is none. */
static bool find_candidate(const struct facts *f, const struct sectigo_report_answer *answer,
                           char candidate[static SECTIGO_CERTIFICATE_ID_MAX + 1])
{
    candidate[0] = '\0';
    for (size_t i = 0; i < answer->order_count; i++) {
        const struct sectigo_report_order *order = &answer->orders[i];
        bool earlier = order->ordered_s && order->ordered_s < (int64_t)(f->is->sent_ms / 1000) - SKEW_S;
        if (earlier || strcmp(order->order_number, f->sub->order_number) == 0)
            continue;
        for (size_t n = 0; n < order->certificate_count; n++) {
            const char *id = order->certificates[n].certificate_id;
            if (id[0] && !subscription_has_certificate_id(f->sub, id))
                memcpy(candidate, id, strlen(id) + 1);
        }
    }
    return candidate[0] != '\0';
}

static void on_family(const struct facts *f, const struct sectigo_report_answer *answer, uint64_t now_ms,
                      struct outcome *out)
{
    char candidate[SECTIGO_CERTIFICATE_ID_MAX + 1] = "";
    if (answer->code == 0 && !find_candidate(f, answer, candidate)) {
        unknown_not_found(f, now_ms, out);
        return;
    }
    enum sectigo_class class = sectigo_classify(SECTIGO_GET_DETAILED_ORDER_STATUS, answer->code, answer->message);
    if (class == SECTIGO_LATER || class == SECTIGO_LOGIN_REFUSED || class == SECTIGO_UNKNOWN) {
        ask_again(f, "GetDetailedOrderStatus", answer->code, answer->message, now_ms, out);
        return;
    }
    outcome_ask(out, ASK_NEWEST); /* without a candidate the account may not use the call: the newest tells too */
    memcpy(out->ask.candidate, candidate, sizeof out->ask.candidate);
}

void family_told(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    out->looked = true;
    if (r->parsed)
        on_family(f, &r->report, now_ms, out);
    else
        unanswered(f, "GetDetailedOrderStatus", r, now_ms, out);
}

/* ---- the certificate of the newest one, where there is one ---- */

static void on_newest(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    const struct sectigo_collect_answer *answer = &r->collect;
    switch (sectigo_classify(SECTIGO_COLLECT_SSL, answer->code, answer->message)) {
    case SECTIGO_PLACED:
        if (r->ours)
            adopt(answer->order_number, r->ask.candidate, out);
        else
            unknown_not_found(f, now_ms, out);
        break;
    case SECTIGO_REJECTED:
    case SECTIGO_REVOKED:
        unknown_not_found(f, now_ms, out);
        break;
    case SECTIGO_PENDING:
        if (r->ask.candidate[0])
            adopt(answer->order_number, r->ask.candidate, out);
        else /* it cannot be told whose it is before it is issued; another replacement would be refused now anyway */
            ask_again(f, "CollectSSL", answer->code, "the newest order of the family is not issued yet", now_ms, out);
        break;
    default:
        ask_again(f, "CollectSSL", answer->code, answer->message, now_ms, out);
    }
}

void family_collected(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    out->looked = true;
    if (r->parsed)
        on_newest(f, r, now_ms, out);
    else
        unanswered(f, "CollectSSL", r, now_ms, out);
}

/* ---- asking ---- */

/* The same key alone proves nothing: clients that reuse theirs have it in older certificates of the family. */
void family_consult(struct step *s, struct reading *r)
{
    struct acme_certificate certificate = {0};
    struct store_txn *txn;
    char reason[ACCEPT_REASON_MAX];
    if (!r->collect.certificate)
        return;
    enum accept_verdict verdict =
        submitted_test(s, r->collect.certificate, r->collect.ca_certificates, &certificate, reason);
    enum store_status status = verdict == ACCEPT_SHORTAGE ? STORE_SHORT : STORE_OK;
    if (accept_is_ours(verdict) && (status = store_read(s->issuer->at.store, &txn)) == STORE_OK) {
        status = acme_certificate_serial_taken(txn, certificate.serial, certificate.serial_len);
        store_read_end(txn);
        r->ours = status == STORE_NOT_FOUND;
    }
    acme_certificate_clear(&certificate);
    if (status != STORE_OK && !r->ours)
        reading_unread(r);
}
