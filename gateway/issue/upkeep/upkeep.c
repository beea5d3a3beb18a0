#include "gateway/issue/upkeep/upkeep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/tables.h"
#include "sectigo/result.h"

/* After the store or memory would not let a job begin. */
static const uint64_t UNREADABLE_REST_MS = 30 * 1000;
/* While the clock is in doubt. */
static const uint64_t DOUBT_REST_MS = 250;
/* At a start each login is asked for its balance at once, which shows a wrong password: one after another. */
static const uint64_t START_EVERY_MS = 500;
/* A job of a login that is configured no longer. */
static const uint64_t UNCONFIGURED_REST_MS = 3600 * 1000;

static const uint64_t RECALL_REST_MAX_MS = 3600 * 1000;

const char *upkeep_login(const struct upkeep *u)
{
    return upstream_login_config(u->login)->name;
}

/* ---- the end ---- */

static void upkeep_free(struct upkeep *u)
{
    const char *name = upkeep_login(u);
    if (u->stored)
        scheduler_done(u->issuer->at.scheduler, u->kind, name, strlen(name));
    else
        scheduler_release_after(u->issuer->at.scheduler, u->kind, name, strlen(name),
                                runner_unstored_rest_ms(&u->issuer->run));
    report_clear(&u->report);
    free(u);
}

static void submit(struct upkeep *u);

static void on_stored(struct store_op *op, enum store_status status)
{
    struct upkeep *u = op->arg;
    u->stored = status == STORE_OK;
    runner_note_stored(&u->issuer->run, u->stored);
    if (!u->stored)
        log_error("what was found out about a login cannot be stored; it is asked again. See to the store's disk",
                  "login", upkeep_login(u), "reason", store_status_text(status));
    if (u->stored && u->more && u->more(u))
        submit(u);
    else
        upkeep_free(u);
}

static void submit(struct upkeep *u)
{
    u->op = (struct store_op){.fn = u->apply, .arg = u, .done = on_stored};
    store_submit(u->issuer->at.store, &u->op);
}

void upkeep_commit(struct upkeep *u, store_fn *apply)
{
    u->apply = apply;
    submit(u);
}

/* ---- not this time ---- */

static const char BALANCE[] = "the balance";

/* Where purchases wait for it: after as long as they have waited so far, from issuance.later to an hour. */
static uint64_t later_ms(const struct upkeep *u)
{
    uint64_t now_ms = clock_ms(), least_ms = u->issuer->at.config->issuance.later_ms;
    uint64_t waited_ms = now_ms > u->ledger.recall_ms ? now_ms - u->ledger.recall_ms : 0;
    if (u->kind == JOB_RECALL)
        return waited_ms < least_ms ? least_ms : waited_ms < RECALL_REST_MAX_MS ? waited_ms : RECALL_REST_MAX_MS;
    return 10ull * u->issuer->at.config->issuance.later_ms;
}

static enum store_status store_failure(struct store_txn *txn, void *arg)
{
    const struct upkeep *u = arg;
    struct ledger ledger;
    const char *name = upkeep_login(u);
    enum store_status status = ledger_load(txn, name, &ledger);
    memcpy(ledger.note, u->reason, sizeof ledger.note);
    if (status == STORE_OK)
        status = ledger_save(txn, name, &ledger);
    return status == STORE_OK ? store_job_set(txn, u->kind, name, strlen(name), clock_ms() + later_ms(u)) : status;
}

void upkeep_fail(struct upkeep *u, const char *reason)
{
    static const char *const what[] = {[JOB_BALANCE] = BALANCE,
                                       [JOB_DRIFT] = "the comparison with Sectigo's report",
                                       [JOB_RECONCILE] = "the reconciliation",
                                       [JOB_RECALL] = "the look for orders that the store does not know, before which "
                                                      "nothing is bought,"};
    snprintf(u->reason, sizeof u->reason, "%s failed and is tried again; mend what it names: %.400s", what[u->kind],
             reason ? reason : "no answer");
    log_warning(u->reason, "login", upkeep_login(u));
    u->more = NULL;
    upkeep_commit(u, store_failure);
}

/* ---- the daily jobs ---- */

static enum job_kind const daily[] = {JOB_BALANCE, JOB_DRIFT};

enum store_status upkeep_next(struct store_txn *txn, const struct upkeep *u, uint64_t now_ms)
{
    const char *name = upkeep_login(u);
    return store_job_set(txn, u->kind, name, strlen(name), now_ms + u->issuer->at.config->issuance.check_interval_ms);
}

/* A shorter interval than the one that the last start knew counts at once. */
static enum store_status settle_job(struct store_txn *txn, enum job_kind kind, const char *login, uint64_t due_ms)
{
    uint64_t present_ms;
    enum store_status status = store_job_get(txn, kind, login, strlen(login), &present_ms);
    if (status == STORE_OK && present_ms <= due_ms)
        return STORE_OK;
    return status == STORE_OK || status == STORE_NOT_FOUND ? store_job_set(txn, kind, login, strlen(login), due_ms)
                                                           : status;
}

static enum store_status settle_restored(struct store_txn *txn, const char *login, uint64_t copied_ms)
{
    struct ledger ledger;
    enum store_status status = ledger_load(txn, login, &ledger);
    if (ledger.restored_ms == 0 || copied_ms < ledger.restored_ms)
        ledger.restored_ms = copied_ms;
    return status == STORE_OK ? ledger_save(txn, login, &ledger) : status;
}

/* Nothing is bought before the report was asked; where it never says whose its orders are, asking proves nothing. */
static enum store_status settle_recall(struct store_txn *txn, const struct config_login *login, uint64_t now_ms)
{
    size_t len = strlen(login->name);
    struct ledger ledger;
    enum store_status status = ledger_load(txn, login->name, &ledger);
    ledger.recall_ms = login->report_foreign_order_number ? now_ms : 0;
    if (status == STORE_OK)
        status = ledger_save(txn, login->name, &ledger);
    if (status != STORE_OK || ledger.recall_ms)
        return status == STORE_OK ? store_job_set(txn, JOB_RECALL, login->name, len, now_ms) : status;
    status = store_job_clear(txn, JOB_RECALL, login->name, len);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status upkeep_settle(struct store_txn *txn, const struct config *config, uint64_t now_ms)
{
    enum store_status status = STORE_OK;
    uint64_t copied_ms = store_copied_ms(txn), due_ms = now_ms + config->issuance.check_interval_ms;
    for (unsigned i = 0; status == STORE_OK && i < config->login_count; i++) {
        status = settle_job(txn, JOB_BALANCE, config->logins[i].name, now_ms + i * START_EVERY_MS);
        for (size_t k = 0; status == STORE_OK && k < sizeof daily / sizeof *daily; k++)
            status = settle_job(txn, daily[k], config->logins[i].name, due_ms);
        if (status == STORE_OK)
            status = settle_recall(txn, &config->logins[i], now_ms);
        if (status == STORE_OK && copied_ms)
            status = settle_restored(txn, config->logins[i].name, copied_ms);
    }
    return status == STORE_OK && copied_ms ? store_copied_settle(txn) : status;
}

enum store_status upkeep_reconcile(struct store_txn *txn, const char *login, uint64_t from_ms, uint64_t now_ms)
{
    struct ledger ledger;
    enum store_status status = ledger_load(txn, login, &ledger);
    ledger.reconcile_from_ms = from_ms;
    ledger.imported = 0;
    ledger.note[0] = '\0';
    if (status == STORE_OK)
        status = ledger_save(txn, login, &ledger);
    return status == STORE_OK ? store_job_set(txn, JOB_RECONCILE, login, strlen(login), now_ms) : status;
}

/* ---- credit ---- */

bool upkeep_is_low(const struct config_login *login, int64_t balance_cents)
{
    return login->low_credit_cents > 0 && balance_cents < login->low_credit_cents;
}

static enum store_status store_balance(struct store_txn *txn, void *arg)
{
    const struct upkeep *u = arg;
    struct ledger ledger;
    uint64_t now_ms = clock_ms();
    enum store_status status = ledger_load(txn, upkeep_login(u), &ledger);
    ledger.balance_ms = now_ms;
    if (strncmp(ledger.note, BALANCE, strlen(BALANCE)) == 0) /* it went wrong before */
        ledger.note[0] = '\0';
    ledger.balance_cents = u->balance_cents;
    if (status == STORE_OK)
        status = ledger_save(txn, upkeep_login(u), &ledger);
    return status == STORE_OK ? upkeep_next(txn, u, now_ms) : status;
}

static void on_balance(void *ctx, const struct upstream_reply *reply)
{
    struct upkeep *u = ctx;
    struct sectigo_balance answer = {0};
    char cents[32];
    if (reply->outcome != UPSTREAM_ANSWERED || !sectigo_parse_balance(reply->body, reply->body_len, &answer)) {
        upkeep_fail(u, reply->reason ? reply->reason : "the reply is no answer of this API");
        return;
    }
    if (answer.result.code != 0) {
        upkeep_fail(u, answer.result.message);
        return;
    }
    u->balance_cents = answer.balance_cents;
    snprintf(cents, sizeof cents, "%" PRId64 ".%02d", u->balance_cents / 100, abs((int)(u->balance_cents % 100)));
    if (upkeep_is_low(upstream_login_config(u->login), u->balance_cents))
        log_error("the credit of a Sectigo account is low: pay in before purchases are refused (-15)", "login",
                  upkeep_login(u), "balance", cents);
    upkeep_commit(u, store_balance);
}

static void balance_begin(struct upkeep *u)
{
    struct sectigo_form form = {0};
    upstream_call(u->login, SECTIGO_GET_ACCOUNT_BALANCE, &form, on_balance, u);
}

/* ---- the job ---- */

static void begin(void *ctx)
{
    struct upkeep *u = ctx;
    if (atomic_load(&u->issuer->run.stopping))
        upkeep_free(u);
    else if (u->kind == JOB_BALANCE)
        balance_begin(u);
    else if (u->kind == JOB_DRIFT)
        drift_begin(u);
    else if (u->kind == JOB_RECALL)
        recall_begin(u);
    else
        reconcile_begin(u);
}

static struct upstream_login *login_of(struct issuer *issuer, const struct store_job *job,
                                       char name[static STORE_SUBJECT_MAX + 1])
{
    memcpy(name, job->subject, job->subject_len);
    name[job->subject_len] = '\0';
    return upstream_login(issuer->at.upstream, name);
}

static bool is_configured(struct issuer *issuer, const struct store_job *job)
{
    char name[STORE_SUBJECT_MAX + 1];
    return login_of(issuer, job, name) != NULL;
}

static struct upkeep *load(struct issuer *issuer, const struct store_job *job)
{
    struct store_txn *txn;
    char name[STORE_SUBJECT_MAX + 1];
    struct upstream_login *login = login_of(issuer, job, name);
    struct upkeep *u = login ? calloc(1, sizeof *u) : NULL;
    if (!u || store_read(issuer->at.store, &txn) != STORE_OK) {
        free(u);
        return NULL;
    }
    *u = (struct upkeep){.issuer = issuer, .kind = (enum job_kind)job->kind, .login = login};
    enum store_status status = ledger_load(txn, name, &u->ledger);
    u->report.numbered = u->ledger.numbered;
    store_read_end(txn);
    if (status == STORE_OK)
        return u;
    log_error("what is known of a login cannot be read from the store; see to its disk", "login", name, "reason",
              store_status_text(status));
    free(u);
    return NULL;
}

void upkeep_on_job(void *ctx, const struct store_job *job)
{
    struct issuer *issuer = ctx;
    if (job->kind != JOB_BALANCE && clock_in_doubt()) { /* a report of which days? */
        scheduler_release_after(issuer->at.scheduler, (enum job_kind)job->kind, job->subject, job->subject_len,
                                DOUBT_REST_MS);
        return;
    }
    struct upkeep *u = load(issuer, job);
    if (!u) {
        scheduler_release_after(issuer->at.scheduler, (enum job_kind)job->kind, job->subject, job->subject_len,
                                is_configured(issuer, job) ? UNREADABLE_REST_MS : UNCONFIGURED_REST_MS);
        return;
    }
    u->post = (struct egress_post){.fn = begin, .ctx = u};
    if (!egress_post(issuer->at.egress, &u->post))
        upkeep_free(u); /* stopping: it is taken up after the next start */
}
