#include "gateway/issue/life/errand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/life/asking.h"
#include "gateway/issue/life/life.h"
#include "gateway/log.h"
#include "gateway/metrics/metrics.h"

void errand_log(const struct errand *e, enum log_level level, const char *msg, const char *reason)
{
    char order[ACME_ID_TEXT + 1] = "";
    if (e->is.order_count > 0)
        acme_id_text(&e->is.orders[0], order);
    log_set_cause(e->work.subject, e->work.subject_len);
    log_line(level, msg, "order", order, "issuance", (const char *)e->work.subject, "order_number",
             e->is.order_number[0] ? e->is.order_number : NULL, "reason", reason, (char *)0);
    log_set_request(0);
}

void errand_say(const struct errand *e)
{
    for (unsigned i = 0; i < e->outcome.line_count; i++) {
        const struct work_line *line = &e->outcome.lines[i];
        errand_log(e, line->level, line->msg, line->reason[0] ? line->reason : NULL);
    }
}

void errand_see(struct errand *e, const char *reason)
{
    snprintf(e->seen.why, sizeof e->seen.why, "%s", reason);
}

static enum store_status load_rules(struct errand *e, struct store_txn *txn)
{
    struct dcv_records records;
    enum store_status status = dcv_rules_load(txn, &e->issuer->at.config->dcv, e->sub.policy, &e->rules);
    if (status == STORE_OK && dcv_records_load(txn, e->is.id, &records) == STORE_OK && records.cname_first)
        dcv_rules_cname_first(&e->rules);
    if (status == STORE_OK)
        dcv_records_clear(&records);
    return status;
}

/* Nothing of one endpoint, or of test, is ever sent to another. */
static bool is_same_login(const struct errand *e)
{
    const struct config_login *login = e->login ? upstream_login_config(e->login) : NULL;
    return login && strcmp(login->url, e->sub.endpoint) == 0 && login->test == e->sub.test;
}

static enum store_status load_issuance(struct store_txn *txn, struct work *work)
{
    struct errand *e = (struct errand *)work;
    const char *id = (const char *)work->subject;
    e->issuer = work->owner;
    enum store_status status = issuance_load(txn, id, &e->is);
    if (status == STORE_OK)
        status = subscription_load(txn, &e->is.subscription, &e->sub);
    if (status == STORE_OK)
        status = load_rules(e, txn);
    if (status != STORE_OK)
        return status;
    e->profile = issuer_profile(e->issuer, e->is.profile);
    e->login = upstream_login(e->issuer->at.upstream, e->sub.login);
    if (e->profile && is_same_login(e))
        return STORE_OK;
    log_error("an issuance needs a profile or login that the configuration has no longer, or has changed: put it back",
              "issuance", id, "profile", e->is.profile, "login", e->sub.login, "url", e->sub.endpoint);
    return STORE_REFUSED;
}

struct errand *errand_make(struct issuer *issuer, const char *issuance)
{
    return (struct errand *)work_make(&issuer->run, JOB_ISSUANCE, issuance, strlen(issuance));
}

static void forget_step(struct errand *e)
{
    acme_certificate_clear(&e->certificate);
    kept_clear(&e->kept);
    dcv_records_clear(&e->records);
    e->not_global = false;
    memset(&e->outcome, 0, sizeof e->outcome);
}

static void clear_issuance(struct work *work)
{
    struct errand *e = (struct errand *)work;
    forget_step(e);
    issuance_clear(&e->is);
    issuance_clear(&e->next_is);
    subscription_clear(&e->sub);
    subscription_clear(&e->next_sub);
    dcv_rules_clear(&e->rules);
    push_free(e->push);
}

/* ---- after the commit ---- */

static void notify(const struct errand *e)
{
    for (uint32_t i = 0; i < e->is.order_count; i++)
        e->issuer->at.notify(e->issuer->at.notify_ctx, &e->is.orders[i]);
}

/* A push that came before the reply that told us the number. */
static void take_early_pushes(struct errand *e)
{
    struct sectigo_push *push;
    while ((push = pushes_take(e->issuer->early, e->is.order_number, e->is.certificate_id, clock_boot_ms())) != NULL) {
        issuer_push(e->issuer, push);
        push_free(push);
    }
}

/* The steps before the request leaves are not worth a line unless something is in the way. */
static void log_move(const struct errand *e)
{
    bool early = e->is.state == ISSUANCE_PUBLISHED || e->is.state == ISSUANCE_SUBMITTING;
    if (early && !e->is.note[0])
        return;
    char msg[64];
    snprintf(msg, sizeof msg, "issuance is %s", issuance_state_text(e->is.state));
    errand_log(e, LOG_LEVEL_INFO, msg, e->is.note[0] ? e->is.note : NULL);
}

/* A certificate is learned of by the push that carries it, by a look that a push made due, or by a look of ours. */
static void count_certificate(const struct errand *e)
{
    enum metric_learned learned = e->push           ? METRIC_BY_PUSH
                                  : e->is.pushed_ms ? METRIC_BY_PUSH_THEN_POLL
                                                    : METRIC_BY_POLL;
    metrics_observe(METRIC_ISSUANCE_DURATION, clock_since(e->is.created_ms, clock_ms()) * 1000, (unsigned)learned);
    metrics_change(METRIC_SAVED, e->is.order_count - 1, METRIC_SAVED_MEETING);
}

/* Who spent it; from where the request came is told by the lines of the same request_id. */
static void log_placed(const struct errand *e)
{
    char account[ACME_ID_TEXT + 1];
    acme_id_text(&e->is.account, account);
    log_set_cause(e->is.id, strlen(e->is.id));
    log_info(e->is.kind == ISSUANCE_PURCHASE ? "bought" : "replaced within the term", "issuance", e->is.id, "account",
             account, "policy", e->sub.policy, "profile", e->sub.profile, "login", e->sub.login, "order_number",
             e->is.order_number);
    log_set_request(0);
}

/* What Sectigo has taken. */
static void count_placed(const struct errand *e)
{
    unsigned login = metrics_login(e->sub.login);
    log_placed(e);
    if (e->is.kind == ISSUANCE_PURCHASE) {
        metrics_count(METRIC_PURCHASES, login);
        metrics_change(METRIC_SPENT, e->sub.test ? 0 : e->sub.paid_cents, login);
    } else {
        metrics_count(METRIC_REPLACEMENTS, login);
        metrics_count(METRIC_SAVED, METRIC_SAVED_REPLACEMENT);
    }
}

static void count_move(const struct errand *e, enum issuance_state from)
{
    bool sent = from == ISSUANCE_SUBMITTING || from == ISSUANCE_UNKNOWN || from == ISSUANCE_HELD;
    metrics_count(METRIC_ISSUANCE_MOVES, e->is.state);
    if (e->is.state == ISSUANCE_SUBMITTED && sent)
        count_placed(e);
    else if (e->is.state == ISSUANCE_COLLECTED)
        count_certificate(e);
}

static void take_over(struct errand *e)
{
    enum issuance_state from = e->is.state;
    issuance_clear(&e->is);
    subscription_clear(&e->sub);
    e->is = e->next_is;
    e->sub = e->next_sub;
    memset(&e->next_is, 0, sizeof e->next_is);
    memset(&e->next_sub, 0, sizeof e->next_sub);
    e->sending = e->is.state == ISSUANCE_SUBMITTING && from != ISSUANCE_SUBMITTING;
    e->asking_caa = e->outcome.kind == OUTCOME_STAY && e->outcome.learned == LEARNED_CAA_ASKED;
    if (e->is.state != from) {
        count_move(e, from);
        log_move(e);
    }
    if (e->is.state != from && e->is.state == ISSUANCE_SUBMITTED)
        take_early_pushes(e); /* the next step waits for Sectigo */
    issuer_debug_commit(e->issuer, from, e->is.state, false);
}

/* The certificate that came is one that we have: go on looking for the new one. */
static enum work_next keep_looking(struct errand *e)
{
    struct facts facts;
    uint64_t now_ms = clock_ms();
    errand_log(e, LOG_LEVEL_INFO, "an old certificate came instead of the new one", NULL);
    forget_step(e);
    asking_facts(e, now_ms, &facts);
    if (e->push)
        submitted_pushed(&facts, e->push->kind, now_ms, &e->outcome);
    else
        submitted_known(&facts, now_ms, &e->outcome);
    return asking_follow(e);
}

/* Somebody else changed the issuance meanwhile, and its job with it. */
static enum work_next start_over(struct errand *e)
{
    if (e->push) /* its push is still good */
        issuer_push(e->issuer, e->push);
    return WORK_LOOK;
}

static enum work_next on_step_stored(struct work *work, enum store_status status)
{
    struct errand *e = (struct errand *)work;
    if (status == STORE_EXISTS)
        return keep_looking(e);
    if (e->stale)
        return start_over(e);
    if (status != STORE_OK)
        return WORK_REST;
    if (e->push)
        scheduler_wake(e->issuer->at.scheduler, JOB_ISSUANCE, e->is.id, strlen(e->is.id));
    take_over(e);
    if (issuance_ended(e->is.state))
        notify(e);
    if (!e->push && e->next_ms <= clock_ms())
        return WORK_ASK;
    if (e->is.state == ISSUANCE_SUBMITTED || e->is.state == ISSUANCE_BLOCKED)
        take_early_pushes(e); /* nothing more is to be done now: the job, if there is one, is due later */
    return WORK_DONE;
}

/* ---- a step ---- */

static enum work_next ask_state(struct work *work)
{
    struct errand *e = (struct errand *)work;
    forget_step(e);
    e->began_ms = clock_ms();
    return asking_first(e);
}

/* What is stored as on its way has not left: say so, which spares the next start to settle it. */
static enum work_next take_back(struct work *work)
{
    struct errand *e = (struct errand *)work;
    struct facts facts;
    if (!e->sending)
        return WORK_REST;
    forget_step(e);
    e->sending = false;
    asking_facts(e, clock_ms(), &facts);
    submitting_take_back(&facts, &e->outcome);
    return WORK_STORE;
}

static enum store_status apply_step(struct store_txn *txn, struct work *work, uint64_t now_ms)
{
    return commit_result(txn, (struct errand *)work, now_ms);
}

static void write_log(const struct work *work, enum log_level level, const char *msg, const char *reason)
{
    errand_log((const struct errand *)work, level, msg, reason);
}

const struct work_kind issuance_work = {
    .job = JOB_ISSUANCE,
    .size = sizeof(struct errand),
    .subject_min = 1,
    .subject_max = ISSUANCE_ID_MAX,
    .load = load_issuance,
    .ask = ask_state,
    .decide = asking_decide,
    .apply = apply_step,
    .stored = on_step_stored,
    .stop = take_back,
    .clear = clear_issuance,
    .log = write_log,
    .unreadable = "an issuance cannot be read from the store; see to its disk",
    .unstored = "a step of an issuance cannot be stored; it is taken again. See to the store's disk",
};
