#include "gateway/issue/life/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/life/asking.h"
#include "gateway/issue/life/life.h"
#include "gateway/log.h"
#include "gateway/metrics/metrics.h"

void step_log(const struct step *s, enum log_level level, const char *msg, const char *reason)
{
    char order[ACME_ID_TEXT + 1] = "";
    if (s->is.order_count > 0)
        acme_id_text(&s->is.orders[0], order);
    log_set_cause(s->work.subject, s->work.subject_len);
    log_line(level, msg, "order", order, "issuance", (const char *)s->work.subject, "order_number",
             s->is.order_number[0] ? s->is.order_number : NULL, "reason", reason, (char *)0);
    log_set_request(0);
}

void step_say(const struct step *s)
{
    for (unsigned i = 0; i < s->outcome.line_count; i++) {
        const struct work_line *line = &s->outcome.lines[i];
        step_log(s, line->level, line->msg, line->reason[0] ? line->reason : NULL);
    }
}

void step_see(struct step *s, const char *reason)
{
    snprintf(s->seen.why, sizeof s->seen.why, "%s", reason);
}

/* Nothing of one endpoint, or of test, is ever sent to another. */
static bool is_same_login(const struct step *s)
{
    const struct config_login *login = s->account;
    return login && strcmp(login->url, s->sub.endpoint) == 0 && login->test == s->sub.test;
}

static enum store_status load_issuance(struct store_txn *txn, struct work *work)
{
    struct step *s = (struct step *)work;
    const char *id = (const char *)work->subject;
    s->issuer = work->owner;
    enum store_status status = issuance_load(txn, id, &s->is);
    if (status == STORE_OK)
        status = subscription_load(txn, &s->is.subscription, &s->sub);
    if (status == STORE_OK)
        status = dcv_rules_load(txn, &work->config->dcv, s->sub.policy, &s->rules);
    if (status == STORE_OK)
        status = dcv_rules_load_stored(txn, id, &s->rules);
    if (status != STORE_OK)
        return status;
    s->profile = config_profile_named(work->config, s->is.profile);
    s->account = config_login_named(work->config, s->sub.login);
    s->login = upstream_login(s->issuer->at.upstream, s->account);
    if (s->profile && is_same_login(s))
        return STORE_OK;
    log_error("an issuance needs a profile or login that the configuration has no longer, or has changed: put it back",
              "issuance", id, "profile", s->is.profile, "login", s->sub.login, "url", s->sub.endpoint);
    return STORE_REFUSED;
}

bool step_has_records(const struct step *s)
{
    return s->records.count > 0 || s->records.cname_first;
}

struct step *step_make(struct issuer *issuer, const char *issuance)
{
    return (struct step *)work_make(&issuer->run, JOB_ISSUANCE, issuance, strlen(issuance));
}

static void forget_step(struct step *s)
{
    acme_certificate_clear(&s->certificate);
    kept_clear(&s->kept);
    dcv_records_clear(&s->records);
    s->not_global = false;
    s->asked[0] = '\0';
    memset(&s->outcome, 0, sizeof s->outcome);
}

static void clear_issuance(struct work *work)
{
    struct step *s = (struct step *)work;
    forget_step(s);
    issuance_clear(&s->is);
    issuance_clear(&s->next_is);
    subscription_clear(&s->sub);
    subscription_clear(&s->next_sub);
    dcv_rules_clear(&s->rules);
    push_free(s->push);
}

/* ---- after the commit ---- */

static void notify(const struct step *s)
{
    for (uint32_t i = 0; i < s->is.order_count; i++)
        s->issuer->at.notify(s->issuer->at.notify_ctx, &s->is.orders[i]);
}

/* A push that came before the reply that told us the number. */
static void take_early_pushes(struct step *s)
{
    struct sectigo_push *push;
    while ((push = pushes_take(s->issuer->early, s->is.order_number, s->is.certificate_id, clock_boot_ms())) != NULL) {
        issuer_push(s->issuer, push);
        push_free(push);
    }
}

/* The steps before the request leaves are not worth a line unless something is in the way. */
static void log_move(const struct step *s)
{
    bool early = s->is.state == ISSUANCE_PUBLISHED || s->is.state == ISSUANCE_SUBMITTING;
    if (early && !s->is.note[0])
        return;
    char msg[64];
    snprintf(msg, sizeof msg, "issuance is %s", issuance_state_text(s->is.state));
    step_log(s, LOG_LEVEL_INFO, msg, s->is.note[0] ? s->is.note : NULL);
}

/* A certificate is learned of by the push that carries it, by a look that a push made due, or by a look of ours. */
static void count_certificate(const struct step *s)
{
    enum metric_learned learned = s->push           ? METRIC_BY_PUSH
                                  : s->is.pushed_ms ? METRIC_BY_PUSH_THEN_POLL
                                                    : METRIC_BY_POLL;
    metrics_observe(METRIC_ISSUANCE_DURATION, clock_since(s->is.created_ms, clock_ms()) * 1000, (unsigned)learned);
    metrics_change(METRIC_SAVED, s->is.order_count - 1, METRIC_SAVED_MEETING);
}

/* Who spent it; from where the request came is told by the lines of the same request_id. */
static void log_placed(const struct step *s)
{
    char account[ACME_ID_TEXT + 1];
    acme_id_text(&s->is.account, account);
    log_set_cause(s->is.id, strlen(s->is.id));
    log_info(s->is.kind == ISSUANCE_PURCHASE ? "bought" : "replaced within the term", "issuance", s->is.id, "account",
             account, "policy", s->sub.policy, "profile", s->sub.profile, "login", s->sub.login, "order_number",
             s->is.order_number);
    log_set_request(0);
}

/* What Sectigo has taken. */
static void count_placed(const struct step *s)
{
    unsigned login = metrics_login(s->sub.login);
    log_placed(s);
    if (s->is.kind == ISSUANCE_PURCHASE) {
        metrics_count(METRIC_PURCHASES, login);
        metrics_change(METRIC_SPENT, s->sub.test ? 0 : s->sub.paid_cents, login);
    } else {
        metrics_count(METRIC_REPLACEMENTS, login);
        metrics_count(METRIC_SAVED, METRIC_SAVED_REPLACEMENT);
    }
}

static void count_move(const struct step *s, enum issuance_state from)
{
    bool sent = from == ISSUANCE_SUBMITTING || from == ISSUANCE_UNKNOWN || from == ISSUANCE_HELD;
    metrics_count(METRIC_ISSUANCE_MOVES, s->is.state);
    if (s->is.state == ISSUANCE_SUBMITTED && sent)
        count_placed(s);
    else if (s->is.state == ISSUANCE_COLLECTED)
        count_certificate(s);
}

static void take_over(struct step *s)
{
    enum issuance_state from = s->is.state;
    issuance_clear(&s->is);
    subscription_clear(&s->sub);
    s->is = s->next_is;
    s->sub = s->next_sub;
    memset(&s->next_is, 0, sizeof s->next_is);
    memset(&s->next_sub, 0, sizeof s->next_sub);
    if (step_has_records(s))
        dcv_rules_take_stored(&s->rules, &s->records);
    s->sending = s->is.state == ISSUANCE_SUBMITTING && from != ISSUANCE_SUBMITTING;
    s->asking_caa = s->outcome.kind == OUTCOME_STAY && s->outcome.learned == LEARNED_CAA_ASKED;
    if (s->is.state != from) {
        count_move(s, from);
        log_move(s);
    }
    if (s->is.state != from && s->is.state == ISSUANCE_SUBMITTED)
        take_early_pushes(s); /* the next step waits for Sectigo */
    issuer_debug_commit(s->issuer, from, s->is.state, false);
}

/* The certificate that came is one that we have: go on looking for the new one. */
static enum work_next keep_looking(struct step *s)
{
    struct facts facts;
    uint64_t now_ms = clock_ms();
    step_log(s, LOG_LEVEL_INFO, "an old certificate came instead of the new one", NULL);
    forget_step(s);
    asking_facts(s, now_ms, &facts);
    if (s->push)
        submitted_pushed(&facts, s->push->kind, now_ms, &s->outcome);
    else
        submitted_known(&facts, now_ms, &s->outcome);
    return asking_follow(s);
}

/* Somebody else changed the issuance meanwhile, and its job with it. */
static enum work_next start_over(struct step *s)
{
    if (s->push) /* its push is still good */
        issuer_push(s->issuer, s->push);
    return WORK_LOOK;
}

/* A push comes once, and an answer to what was sent is worth more than a report that has to be waited for. */
static bool is_told_once(const struct step *s)
{
    return s->push || (s->is.state == ISSUANCE_SUBMITTING && !s->sending);
}

static enum work_next on_step_stored(struct work *work, enum store_status status)
{
    struct step *s = (struct step *)work;
    if (status == STORE_EXISTS)
        return keep_looking(s);
    if (s->stale && s->asked[0])
        story_add_soon(s->issuer->at.store, s->is.id, s->asked, "answered when it had moved on already");
    if (s->stale)
        return start_over(s);
    if (status != STORE_OK)
        return is_told_once(s) && status != STORE_CLOSED ? WORK_AGAIN : WORK_REST;
    if (s->push)
        scheduler_wake(s->issuer->at.scheduler, JOB_ISSUANCE, s->is.id, strlen(s->is.id));
    take_over(s);
    if (issuance_ended(s->is.state))
        notify(s);
    if (!s->push && s->next_ms <= clock_ms())
        return WORK_ASK;
    if (s->is.state == ISSUANCE_SUBMITTED || s->is.state == ISSUANCE_BLOCKED)
        take_early_pushes(s); /* nothing more is to be done now: the job, if there is one, is due later */
    return WORK_DONE;
}

/* ---- a step ---- */

static enum work_next ask_state(struct work *work)
{
    struct step *s = (struct step *)work;
    forget_step(s);
    s->began_jumps = clock_jumps();
    s->began_ms = clock_ms();
    return asking_first(s);
}

/* What is stored as on its way has not left: say so, which spares the next start to settle it. */
static enum work_next take_back(struct work *work)
{
    struct step *s = (struct step *)work;
    struct facts facts;
    if (!s->sending)
        return WORK_REST;
    forget_step(s);
    s->sending = false;
    asking_facts(s, clock_ms(), &facts);
    submitting_take_back(&facts, &s->outcome);
    return WORK_STORE;
}

static enum store_status apply_step(struct store_txn *txn, struct work *work, uint64_t now_ms)
{
    return commit_result(txn, (struct step *)work, now_ms);
}

static void write_log(const struct work *work, enum log_level level, const char *msg, const char *reason)
{
    step_log((const struct step *)work, level, msg, reason);
}

const struct work_kind issuance_work = {
    .job = JOB_ISSUANCE,
    .size = sizeof(struct step),
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
