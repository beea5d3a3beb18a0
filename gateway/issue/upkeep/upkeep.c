#include "gateway/issue/upkeep/upkeep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/tables.h"
#include "sectigo/result.h"

/* While the clock is in doubt. */
static const uint64_t DOUBT_REST_MS = 250;
/* At a start each login is asked for its balance at once, which shows a wrong password: one after another. */
static const uint64_t START_EVERY_MS = 500;
/* A job of a login that is configured no longer. */
static const uint64_t UNCONFIGURED_REST_MS = HOUR_MS;

static const uint64_t RECALL_REST_MAX_MS = HOUR_MS;

const char *upkeep_login(const struct upkeep *u)
{
    return (const char *)u->work.subject;
}

/* ---- the frame ---- */

static enum store_status load_upkeep(struct store_txn *txn, struct work *work)
{
    struct upkeep *u = (struct upkeep *)work;
    const struct issuer *issuer = work->owner;
    if (work->kind->job != JOB_BALANCE && clock_in_doubt()) { /* a report of which days? */
        work->rest_ms = DOUBT_REST_MS;
        return STORE_REFUSED;
    }
    u->account = config_login_named(work->config, upkeep_login(u));
    u->login = upstream_login(issuer->at.upstream, u->account);
    if (!u->login) {
        work->rest_ms = UNCONFIGURED_REST_MS;
        return STORE_REFUSED;
    }
    enum store_status status = ledger_load(txn, upkeep_login(u), &u->ledger);
    u->report.numbered = u->ledger.numbered;
    return status;
}

static void clear_upkeep(struct work *work)
{
    report_clear(&((struct upkeep *)work)->report);
}

static void log_upkeep(const struct work *work, enum log_level level, const char *msg, const char *reason)
{
    log_line(level, msg, "login", (const char *)work->subject, "reason", reason, (char *)0);
}

static void on_report(void *ctx, bool complete, const char *reason)
{
    work_answer(ctx, &(struct report_end){complete, reason});
}

enum work_next upkeep_gather(struct upkeep *u)
{
    report_gather(u->login, u->work.config->instance, u->account->test, &u->report, on_report, u);
    return WORK_WAIT;
}

enum work_next upkeep_look(struct upkeep *u, const struct report_end *end,
                           enum store_status (*look)(struct upkeep *u, struct store_txn *txn))
{
    struct store_txn *txn;
    if (!end->complete)
        return upkeep_fail(u, end->reason);
    enum store_status status = store_read(u->work.runner->store, &txn);
    if (status == STORE_OK) {
        status = look(u, txn);
        store_read_end(txn);
    }
    return status == STORE_OK ? WORK_STORE : upkeep_fail(u, store_status_text(status));
}

void upkeep_remember(struct upkeep *u, const char *order_number)
{
    size_t len = strlen(u->found);
    if (len + strlen(order_number) + 2 < sizeof u->found)
        snprintf(u->found + len, sizeof u->found - len, "%s%s", len ? " " : "", order_number);
}

enum store_status upkeep_look_for_unknown(struct upkeep *u, struct store_txn *txn,
                                          void (*fn)(struct upkeep *u, const struct report_row *row))
{
    enum store_status status = STORE_OK;
    for (size_t i = 0; status == STORE_OK && i < u->report.count; i++) {
        const struct report_row *row = &u->report.rows[i];
        enum report_known known;
        status = report_find(txn, u->account->url, row, &known);
        if (status != STORE_OK || known == REPORT_KNOWN || row->over)
            continue;
        u->unknown++;
        upkeep_remember(u, row->order_number);
        fn(u, row);
    }
    return status;
}

/* ---- not this time ---- */

static const char BALANCE[] = "the balance";

uint64_t upkeep_later_ms(enum job_kind kind, uint64_t recall_ms, uint64_t least_ms, uint64_t now_ms)
{
    uint64_t waited_ms = now_ms > recall_ms ? now_ms - recall_ms : 0;
    if (kind == JOB_RECALL)
        return waited_ms < least_ms ? least_ms : waited_ms < RECALL_REST_MAX_MS ? waited_ms : RECALL_REST_MAX_MS;
    return 10 * least_ms;
}

static enum store_status store_failure(struct store_txn *txn, const struct upkeep *u, uint64_t now_ms)
{
    struct ledger ledger;
    enum store_status status = ledger_load(txn, upkeep_login(u), &ledger);
    memcpy(ledger.note, u->failure, sizeof ledger.note);
    if (status == STORE_OK)
        status = ledger_save(txn, upkeep_login(u), &ledger);
    uint64_t later_ms =
        upkeep_later_ms(u->work.kind->job, u->ledger.recall_ms, u->work.config->issuance.later_ms, now_ms);
    return status == STORE_OK ? work_set_job(txn, &u->work, now_ms + later_ms) : status;
}

enum work_next upkeep_fail(struct upkeep *u, const char *reason)
{
    static const char *const what[] = {
        [JOB_BALANCE] = BALANCE,
        [JOB_DRIFT] = "the comparison with Sectigo's report",
        [JOB_RECONCILE] = "the reconciliation",
        [JOB_RECALL] = "the look for orders that the store does not know, before which nothing is bought,"};
    snprintf(u->failure, sizeof u->failure, "%s failed and is tried again; mend what it names: %.400s",
             what[u->work.kind->job], reason ? reason : "no answer");
    log_warning(u->failure, "login", upkeep_login(u));
    return WORK_STORE;
}

static enum store_status apply_upkeep(struct store_txn *txn, struct work *work, uint64_t now_ms)
{
    struct upkeep *u = (struct upkeep *)work;
    return u->failure[0] ? store_failure(txn, u, now_ms) : u->found_out(txn, u, now_ms);
}

/* ---- the daily jobs ---- */

static enum job_kind const daily[] = {JOB_BALANCE, JOB_DRIFT};

enum store_status upkeep_next(struct store_txn *txn, const struct upkeep *u, uint64_t now_ms)
{
    return work_set_job(txn, &u->work, now_ms + u->work.config->issuance.check_interval_ms);
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

/* Whether the login is another than before, as far as what Sectigo has of it goes. */
static bool is_new_login(const struct config *was, const struct config_login *login)
{
    const struct config_login *before = config_login_named(was, login->name);
    return !before || strcmp(before->url, login->url) != 0 ||
           before->report_foreign_order_number != login->report_foreign_order_number;
}

/* What a reload changes. */
struct reloading {
    const struct config *was, *fresh;
};

static enum store_status admit(struct store_txn *txn, void *arg)
{
    const struct reloading *reloading = arg;
    uint64_t now_ms = clock_ms();
    enum store_status status = STORE_OK;
    for (unsigned i = 0; status == STORE_OK && i < reloading->fresh->login_count; i++) {
        const struct config_login *login = &reloading->fresh->logins[i];
        struct ledger ledger;
        if (!is_new_login(reloading->was, login))
            continue;
        status = ledger_load(txn, login->name, &ledger);
        ledger.recall_ms = login->report_foreign_order_number ? now_ms : 0;
        if (status == STORE_OK)
            status = ledger_save(txn, login->name, &ledger);
    }
    return status;
}

enum store_status upkeep_admit(struct store *store, const struct config *was, const struct config *fresh)
{
    struct reloading reloading = {was, fresh};
    return store_call(store, admit, &reloading);
}

static enum store_status begin(struct store_txn *txn, void *arg)
{
    const struct reloading *reloading = arg;
    const struct config *fresh = reloading->fresh;
    uint64_t now_ms = clock_ms(), due_ms = now_ms + fresh->issuance.check_interval_ms;
    enum store_status status = STORE_OK;
    for (unsigned i = 0; status == STORE_OK && i < fresh->login_count; i++) {
        const struct config_login *login = &fresh->logins[i];
        bool fresh_login = is_new_login(reloading->was, login);
        status = settle_job(txn, JOB_BALANCE, login->name, fresh_login ? now_ms : due_ms);
        if (status == STORE_OK)
            status = settle_job(txn, JOB_DRIFT, login->name, due_ms);
        if (status == STORE_OK && fresh_login)
            status = settle_recall(txn, login, now_ms);
    }
    return status;
}

enum store_status upkeep_begin(struct store *store, const struct config *was, const struct config *fresh)
{
    struct reloading reloading = {was, fresh};
    return store_call(store, begin, &reloading);
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

bool balance_decide(const struct upstream_reply *reply, int64_t *balance_cents, char why[static LEDGER_NOTE_MAX])
{
    struct sectigo_balance answer = {0};
    const char *reason = reply->reason ? reply->reason : "the reply is no answer of this API";
    bool read = reply->outcome == UPSTREAM_ANSWERED && sectigo_parse_balance(reply->body, reply->body_len, &answer);
    snprintf(why, LEDGER_NOTE_MAX, "%.400s", read ? answer.result.message : reason);
    *balance_cents = answer.balance_cents;
    return read && answer.result.code == 0;
}

static enum store_status store_balance(struct store_txn *txn, struct upkeep *u, uint64_t now_ms)
{
    struct ledger ledger;
    enum store_status status = ledger_load(txn, upkeep_login(u), &ledger);
    ledger.balance_ms = now_ms;
    if (strncmp(ledger.note, BALANCE, strlen(BALANCE)) == 0) /* it went wrong before */
        ledger.note[0] = '\0';
    ledger.balance_cents = u->balance_cents;
    if (status == STORE_OK)
        status = ledger_save(txn, upkeep_login(u), &ledger);
    return status == STORE_OK ? upkeep_next(txn, u, now_ms) : status;
}

static enum work_next decide_balance(struct work *work, const void *answer, uint64_t now_ms)
{
    struct upkeep *u = (struct upkeep *)work;
    char cents[32], why[LEDGER_NOTE_MAX];
    (void)now_ms;
    if (!balance_decide(answer, &u->balance_cents, why))
        return upkeep_fail(u, why);
    snprintf(cents, sizeof cents, "%" PRId64 ".%02d", u->balance_cents / 100, abs((int)(u->balance_cents % 100)));
    if (upkeep_is_low(u->account, u->balance_cents))
        log_error("the credit of a Sectigo account is low: pay in before purchases are refused (-15)", "login",
                  upkeep_login(u), "balance", cents);
    u->found_out = store_balance;
    return WORK_STORE;
}

static enum work_next ask_balance(struct work *work)
{
    struct sectigo_form form = {0};
    return issuer_ask(work, ((struct upkeep *)work)->login, SECTIGO_GET_ACCOUNT_BALANCE, &form);
}

/* ---- the rows ---- */

#define UPKEEP(kind, asks, decides, stores)                                                                            \
    {                                                                                                                  \
        .job = (kind), .size = sizeof(struct upkeep), .subject_min = 1, .subject_max = STORE_SUBJECT_MAX,              \
        .load = load_upkeep, .ask = (asks), .decide = (decides), .apply = apply_upkeep, .stored = (stores),            \
        .clear = clear_upkeep, .log = log_upkeep,                                                                      \
        .unreadable = "what is known of a login cannot be read from the store; see to its disk",                       \
        .unstored = "what was found out about a login cannot be stored; it is asked again. See to the store's disk",   \
    }

const struct work_kind balance_work = UPKEEP(JOB_BALANCE, ask_balance, decide_balance, NULL);
const struct work_kind drift_work = UPKEEP(JOB_DRIFT, drift_ask, drift_decide, NULL);
const struct work_kind recall_work = UPKEEP(JOB_RECALL, recall_ask, recall_decide, NULL);
const struct work_kind reconcile_work = UPKEEP(JOB_RECONCILE, reconcile_ask, reconcile_decide, reconcile_stored);
