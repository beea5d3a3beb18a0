#include "gateway/issue/revocation/notice.h"

#include <stdlib.h>
#include <string.h>

#include "acme/order.h"
#include "gateway/clock.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/revocation/revoke.h"
#include "gateway/issue/upstream/request.h"
#include "gateway/log.h"

/* The subject of the job: which of the two, then the issuance's id. */
enum { REVOKED = 'r', WILL_BE = 'w', SUBJECT_MAX = 1 + ISSUANCE_ID_MAX };

struct notice {
    struct work work;
    struct issuance is;
    struct subscription sub;
    struct upstream_login *login;
    enum notice_found found;
    bool alarm, expected; /* found out inside the transaction; expected: it was asked for here */
};

static const char *issuance_of(const struct work *work)
{
    return (const char *)work->subject + 1;
}

static bool is_revocation(const struct notice *n)
{
    return n->work.subject[0] == REVOKED;
}

/* ---- taken ---- */

struct taking {
    struct store_op op;
    char subject[SUBJECT_MAX + 1];
};

static enum store_status set_job(struct store_txn *txn, void *arg)
{
    const struct taking *taking = arg;
    uint64_t due_ms;
    size_t len = strlen(taking->subject);
    struct issuance is;
    if (store_job_get(txn, JOB_NOTICE, taking->subject, len, &due_ms) == STORE_OK)
        return STORE_OK; /* it is going to be asked */
    /* Read here: an answer may have been stored since the push came in. */
    enum store_status status = issuance_load(txn, taking->subject + 1, &is);
    due_ms = is.looked_ms + LOOK_EVERY_MS;
    issuance_clear(&is);
    if (status != STORE_OK)
        return status;
    return store_job_set(txn, JOB_NOTICE, taking->subject, len, due_ms > clock_ms() ? due_ms : clock_ms());
}

bool notice_is_due(struct store_txn *txn, const char *issuance)
{
    static const char kinds[] = {REVOKED, WILL_BE};
    char subject[SUBJECT_MAX + 1];
    uint64_t due_ms;
    bool due = false;
    for (size_t i = 0; i < sizeof kinds && !due; i++) {
        int len = snprintf(subject, sizeof subject, "%c%s", kinds[i], issuance);
        due = store_job_get(txn, JOB_NOTICE, subject, (size_t)len, &due_ms) != STORE_NOT_FOUND;
    }
    return due;
}

static void on_taken(struct store_op *op, enum store_status status)
{
    struct taking *taking = op->arg;
    if (status != STORE_OK)
        log_error("a push that tells of a revocation cannot be stored; see to the store's disk", "issuance",
                  taking->subject + 1, "reason", store_status_text(status));
    free(taking);
}

void notice_take(struct issuer *issuer, const struct issuance *is, enum sectigo_push_status kind)
{
    struct taking *taking = calloc(1, sizeof *taking);
    if (!taking) {
        log_warning(
            "out of memory: a push that tells of a revocation is forgotten. Look with order show, and give more memory",
            "issuance", is->id);
        return;
    }
    taking->subject[0] = kind == SECTIGO_PUSH_REVOKED ? REVOKED : WILL_BE;
    memcpy(taking->subject + 1, is->id, strlen(is->id) + 1);
    taking->op = (struct store_op){.fn = set_job, .arg = taking, .done = on_taken};
    store_submit(issuer->at.store, &taking->op);
}

/* ---- the decision ---- */

static bool is_revoked(const struct sectigo_report_order *order)
{
    bool revoked = order->status && strcasecmp(order->status, "revoked") == 0;
    for (size_t i = 0; i < order->certificate_count; i++)
        revoked =
            revoked || (order->certificates[i].status && strcasecmp(order->certificates[i].status, "revoked") == 0);
    return revoked;
}

enum notice_found notice_decide(const struct upstream_reply *reply, bool will_be)
{
    struct sectigo_report_answer answer = {0};
    bool answered = reply->outcome == UPSTREAM_ANSWERED &&
                    sectigo_parse_report(SECTIGO_GET_DETAILED_ORDER_STATUS, reply->body, reply->body_len, &answer) &&
                    answer.code == 0 && answer.order_count > 0;
    bool confirmed = answered && (will_be || is_revoked(&answer.orders[0]));
    sectigo_report_clear(&answer);
    return confirmed ? NOTICE_CONFIRMED : answered ? NOTICE_DENIED : NOTICE_UNANSWERED;
}

/* ---- what was found out, stored ---- */

static void log_notice(const struct work *work, enum log_level level, const char *msg, const char *reason)
{
    const struct notice *n = (const struct notice *)work;
    log_line(level, msg, "issuance", issuance_of(work), "order_number", n->is.order_number, "login", n->sub.login,
             "reason", reason, (char *)0);
}

static enum store_status load_certificate(struct store_txn *txn, const struct issuance *is,
                                          struct acme_certificate *certificate)
{
    enum store_status status = STORE_NOT_FOUND;
    memset(certificate, 0, sizeof *certificate);
    for (uint32_t i = 0; i < is->order_count && status == STORE_NOT_FOUND; i++) {
        struct acme_order order;
        status = acme_order_load(txn, &is->orders[i], &order);
        if (status == STORE_OK)
            status =
                order.has_certificate ? acme_certificate_load(txn, &order.certificate, certificate) : STORE_NOT_FOUND;
        acme_order_clear(&order);
    }
    return status;
}

/* Also where its replacement has been asked for, and is not here yet: Sectigo may tell of the old one first. */
static enum store_status find_replaced(struct store_txn *txn, const struct subscription *sub,
                                       const struct acme_certificate *certificate, bool *replaced)
{
    struct issuance next = {0};
    *replaced = sub->has_certificate && memcmp(&sub->certificate, &certificate->id, sizeof certificate->id) != 0;
    if (*replaced || !sub->under_way[0])
        return STORE_OK;
    enum store_status status = issuance_load(txn, sub->under_way, &next);
    *replaced = status == STORE_OK && next.kind == ISSUANCE_REPLACEMENT && next.sends > 0;
    issuance_clear(&next);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* A store that was an older copy of itself may have asked for it, and has forgotten that: what is older than the
 * reconciliation by which it caught up proves nothing of Sectigo. */
static enum store_status knows_its_past(struct store_txn *txn, const struct notice *n, bool *knows)
{
    struct ledger ledger;
    enum store_status status = ledger_load(txn, n->sub.login, &ledger);
    *knows = status == STORE_OK && ledger.restored_ms == 0 && n->is.created_ms > ledger.reconciled_ms;
    return status;
}

/* Nobody here had asked for it. */
static enum store_status note_revoked(struct store_txn *txn, struct notice *n, struct acme_certificate *certificate,
                                      uint64_t now_ms)
{
    const struct subscription *sub = &n->sub;
    enum store_status status = find_replaced(txn, sub, certificate, &n->alarm);
    if (status == STORE_OK && n->alarm)
        status = knows_its_past(txn, n, &n->alarm);
    if (status != STORE_OK)
        return status;
    acme_certificate_set_revocation(certificate, ACME_REVOCATION_ASKED);
    acme_certificate_set_revocation(certificate, ACME_REVOCATION_DONE);
    certificate->revocation_asked_ms = certificate->revoked_ms = now_ms;
    status = acme_certificate_save(txn, certificate);
    if (status == STORE_OK)
        status = revoke_audit(txn, "revoked-by-sectigo", &certificate->account, certificate, sub, now_ms);
    return status == STORE_OK && n->alarm ? login_set_unshared(txn, sub->login, now_ms) : status;
}

static enum store_status act(struct store_txn *txn, struct notice *n, uint64_t now_ms)
{
    struct acme_certificate certificate;
    enum store_status status = load_certificate(txn, &n->is, &certificate);
    n->expected = certificate.revocation != ACME_REVOCATION_NONE;
    if (status == STORE_OK && !n->expected) {
        if (is_revocation(n)) {
            status = note_revoked(txn, n, &certificate, now_ms);
        } else {
            bool told = certificate.renew_from_ms != 0;
            certificate.renew_from_ms = now_ms;
            status = acme_certificate_save(txn, &certificate);
            if (status == STORE_OK && !told)
                status = revoke_audit(txn, "revocation-announced", &certificate.account, &certificate, &n->sub, now_ms);
        }
    }
    acme_certificate_clear(&certificate);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status note_looked(struct store_txn *txn, const char *issuance, uint64_t now_ms)
{
    struct issuance is;
    enum store_status status = issuance_load(txn, issuance, &is);
    is.looked_ms = now_ms;
    if (status == STORE_OK)
        status = issuance_save(txn, &is);
    issuance_clear(&is);
    return status;
}

static enum store_status apply_notice(struct store_txn *txn, struct work *work, uint64_t now_ms)
{
    struct notice *n = (struct notice *)work;
    n->alarm = n->expected = false;
    if (n->found == NOTICE_UNANSWERED)
        return work_set_job(txn, work, now_ms + LOOK_EVERY_MS);
    subscription_clear(&n->sub); /* anew: it may have another certificate by now */
    enum store_status status = subscription_load(txn, &n->is.subscription, &n->sub);
    if (status == STORE_OK && n->found == NOTICE_CONFIRMED)
        status = act(txn, n, now_ms);
    if (status == STORE_OK)
        status = work_clear_job(txn, work);
    return status == STORE_OK ? note_looked(txn, n->is.id, now_ms) : status;
}

static void tell(const struct notice *n)
{
    if (n->expected) /* revoke.c has told of what was asked for here */
        log_notice(&n->work, LOG_LEVEL_DEBUG, "a push tells of the revocation that was asked for here", NULL);
    else if (n->alarm)
        log_notice(
            &n->work, LOG_LEVEL_ERROR,
            "Sectigo has revoked a certificate that was replaced, though others may still serve it; from now on "
            "this login's subscriptions serve one key each, and other keys buy their own. Ask Sectigo to stop it, "
            "then acmegatectl upstream resume",
            NULL);
    else if (n->found == NOTICE_CONFIRMED && is_revocation(n))
        log_notice(
            &n->work, LOG_LEVEL_ERROR,
            "Sectigo has revoked a certificate that nobody here asked it to: see whether its client has renewed, and "
            "ask Sectigo why",
            NULL);
    else if (n->found == NOTICE_CONFIRMED)
        log_notice(
            &n->work, LOG_LEVEL_ERROR,
            "Sectigo is going to revoke a certificate; its renewal is due now: see that its client renews in time",
            NULL);
    else if (n->found == NOTICE_DENIED)
        log_notice(&n->work, LOG_LEVEL_WARNING,
                   "a push tells of a revocation that Sectigo does not confirm; if it comes again, see who knows the "
                   "credentials of public.push",
                   NULL);
}

static enum work_next on_notice_stored(struct work *work, enum store_status status)
{
    if (status != STORE_OK)
        return WORK_REST;
    tell((struct notice *)work);
    return WORK_DONE;
}

/* ---- the job ---- */

static enum store_status load_notice(struct store_txn *txn, struct work *work)
{
    struct notice *n = (struct notice *)work;
    enum store_status status = issuance_load(txn, issuance_of(work), &n->is);
    if (status == STORE_OK)
        status = subscription_load(txn, &n->is.subscription, &n->sub);
    if (status != STORE_OK)
        return status;
    n->login = issuer_login(work, &n->sub,
                            "a push tells of a revocation, and the login to ask with is configured no longer, or has "
                            "changed: put it back");
    return n->login ? STORE_OK : STORE_REFUSED;
}

static enum work_next ask_notice(struct work *work)
{
    struct notice *n = (struct notice *)work;
    struct sectigo_form form = {0};
    request_status(&form, &n->is);
    return issuer_ask(work, n->login, SECTIGO_GET_DETAILED_ORDER_STATUS, &form);
}

static enum work_next decide_notice(struct work *work, const void *answer, uint64_t now_ms)
{
    struct notice *n = (struct notice *)work;
    (void)now_ms;
    n->found = notice_decide(answer, !is_revocation(n));
    return WORK_STORE;
}

static void clear_notice(struct work *work)
{
    struct notice *n = (struct notice *)work;
    issuance_clear(&n->is);
    subscription_clear(&n->sub);
}

const struct work_kind notice_work = {
    .job = JOB_NOTICE,
    .size = sizeof(struct notice),
    .subject_min = 2,
    .subject_max = SUBJECT_MAX,
    .load = load_notice,
    .ask = ask_notice,
    .decide = decide_notice,
    .apply = apply_notice,
    .stored = on_notice_stored,
    .clear = clear_notice,
    .log = log_notice,
    .unreadable = "an issuance that a push is about cannot be read from the store; see to its disk",
    .unstored = "what became of a revocation cannot be stored; it is asked again. See to the store's disk",
};
