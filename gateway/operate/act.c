/* act: what the operator changes. Each answer follows the commit. */
#include <stdio.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/dcv/record.h"
#include "gateway/issue/money/payment.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/record/story.h"
#include "gateway/issue/upkeep/upkeep.h"
#include "gateway/log.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"
#include "gateway/operate/view.h"
#include "gateway/tables.h"

/* A report's times may be of another zone, and a backup takes time. */
static const uint64_t RESTORED_MARGIN_MS = 26 * HOUR_MS;
/* How far back is looked where no backup says since when. */
static const uint64_t RECONCILE_SPAN_MS = 31 * DAY_MS;

/* ---- what is done outside the store ---- */

struct act {
    const char *what, *subject;
    const struct audit_by *by;
    uint64_t now_ms;
};

static enum store_status note_act(struct store_txn *txn, void *arg)
{
    const struct act *act = arg;
    char subject[100]; /* the beginning of a long path: a line's key is short */
    snprintf(subject, sizeof subject, "%s", act->subject);
    return audit_note(txn, act->what, subject, NULL, act->by, act->now_ms);
}

void act_note(const struct request *request, const char *what, const char *subject)
{
    struct act act = {.what = what, .subject = subject, .by = &request->by, .now_ms = clock_ms()};
    enum store_status status = store_call(request->admin->store, note_act, &act);
    if (status != STORE_OK)
        log_warning("the audit has no line about what an operator does; see to the store", "what", what, "subject",
                    subject, "reason", store_status_text(status));
}

/* ---- an order's next step now ---- */

struct retry {
    struct acme_id order;
    const struct audit_by *by;
    uint64_t now_ms;
    bool skip_preflight;
    const char *order_text;
    char issuance[ISSUANCE_ID_MAX + 1]; /* "": the order has none */
    enum issuance_state state;
};

/* Its step may be taken early: nothing that may be on the wire is touched. */
static bool may_retry(enum issuance_state state)
{
    return state == ISSUANCE_HELD || state == ISSUANCE_PREPARED || state == ISSUANCE_PUBLISHED ||
           state == ISSUANCE_BLOCKED || state == ISSUANCE_SUBMITTED || state == ISSUANCE_CANCELLING;
}

static const char *why_not_retry(enum issuance_state state)
{
    return state == ISSUANCE_QUEUED       ? "another one of its names has the turn"
           : state == ISSUANCE_SUBMITTING ? "the request is on its way"
           : state == ISSUANCE_UNKNOWN    ? "Sectigo is asked at its times, so that nothing is bought twice"
                                          : "nothing is left to do";
}

/* Kept with its records: preflight looks there, and both end with the issuance. */
static enum store_status skip_preflight(struct store_txn *txn, const char *issuance)
{
    struct dcv_records records;
    enum store_status status = dcv_records_load(txn, issuance, &records);
    records.skip_preflight = true;
    if (status == STORE_OK || status == STORE_NOT_FOUND)
        status = dcv_records_save(txn, issuance, &records);
    dcv_records_clear(&records);
    return status;
}

static enum store_status retry(struct store_txn *txn, void *arg)
{
    struct retry *r = arg;
    struct acme_order order;
    struct issuance is = {0};
    r->issuance[0] = '\0';
    r->state = 0;
    enum store_status status = acme_order_load(txn, &r->order, &order);
    acme_order_clear(&order);
    if (status != STORE_OK)
        return status;
    status = view_issuance_of(txn, &r->order, &is);
    if (status == STORE_OK) {
        memcpy(r->issuance, is.id, sizeof r->issuance);
        r->state = is.state;
    }
    if (status == STORE_NOT_FOUND || (status == STORE_OK && !may_retry(r->state)))
        status = STORE_REFUSED;
    if (status == STORE_OK)
        status = story_add(txn, &is, STORY_OPERATOR, r->skip_preflight ? "order retry --skip-preflight" : "order retry",
                           r->now_ms);
    issuance_clear(&is);
    if (status == STORE_OK && r->skip_preflight)
        status = skip_preflight(txn, r->issuance);
    if (status == STORE_OK)
        status = audit_note(txn, r->skip_preflight ? "order retried without preflight" : "order retried", r->order_text,
                            NULL, r->by, r->now_ms);
    return status == STORE_OK ? store_job_set(txn, JOB_ISSUANCE, r->issuance, strlen(r->issuance), r->now_ms) : status;
}

static json_t *retry_json(const struct retry *r)
{
    struct object o;
    object_begin(&o);
    object_text(&o, "issuance", r->issuance);
    object_text(&o, "state", issuance_state_text(r->state));
    object_time(&o, "due_ms", r->now_ms);
    return object_end(&o);
}

void order_retry(struct request *request)
{
    struct retry r = {.by = &request->by,
                      .now_ms = clock_ms(),
                      .skip_preflight = request->skip_preflight,
                      .order_text = request->argument};
    enum store_status status = acme_id_parse(request->argument, strlen(request->argument), &r.order)
                                   ? store_call(request->admin->store, retry, &r)
                                   : STORE_NOT_FOUND;
    if (status == STORE_OK) {
        scheduler_wake(request->admin->scheduler, JOB_ISSUANCE, r.issuance, strlen(r.issuance));
        log_info(r.skip_preflight ? "the operator lets an order go on whatever preflight sees"
                                  : "the operator makes an order's next step due",
                 "order", request->argument, "issuance", r.issuance);
        answer_json(request->answer, 200, retry_json(&r));
    } else if (status != STORE_REFUSED) {
        answer_store(request->answer, status, "order");
    } else if (!r.issuance[0]) {
        answer_error(request->answer, 409, "the order has not been finalized: it waits for its client");
    } else {
        answer_error(request->answer, 409,
                     "the order's issuance is %s; only one that is held, prepared, published, submitted, blocked or "
                     "cancelling can be retried (of one that is %s %s)",
                     issuance_state_text(r.state), issuance_state_text(r.state), why_not_retry(r.state));
    }
}

/* ---- a login that buys nothing ---- */

struct pausing {
    const char *login;
    const struct audit_by *by;
    uint64_t now_ms;
    bool pause;
    unsigned woken, payments;
};

/* The operator knows better than a store that was restored. */
static enum store_status forget_restored(struct store_txn *txn, const char *login)
{
    struct ledger ledger;
    enum store_status status = ledger_load(txn, login, &ledger);
    if (status != STORE_OK || (ledger.restored_ms == 0 && ledger.recall_ms == 0))
        return status;
    ledger.restored_ms = ledger.recall_ms = 0;
    ledger.forgotten = 0;
    return ledger_save(txn, login, &ledger);
}

static enum store_status set_paused(struct store_txn *txn, void *arg)
{
    struct pausing *p = arg;
    p->woken = 0;
    enum store_status status = login_set_paused(txn, p->login, p->pause ? p->now_ms : 0);
    if (status == STORE_OK && !p->pause)
        status = forget_restored(txn, p->login);
    if (status == STORE_OK && !p->pause)
        status = login_wake_held(txn, p->login, p->now_ms, &p->woken);
    if (status == STORE_OK && !p->pause)
        status = payment_wake(txn, p->login, p->now_ms, &p->payments);
    return status == STORE_OK
               ? audit_note(txn, p->pause ? "purchases paused" : "purchases resumed", p->login, NULL, p->by, p->now_ms)
               : status;
}

static void answer_paused(struct request *request, const struct pausing *p)
{
    struct object o;
    object_begin(&o);
    object_text(&o, "login", p->login);
    object_put(&o, "paused", json_boolean(p->pause));
    if (!p->pause)
        object_number(&o, "held_made_due", p->woken);
    if (!p->pause)
        object_number(&o, "payments_made_due", p->payments);
    answer_json(request->answer, 200, object_end(&o));
}

static void set_login(struct request *request, bool pause)
{
    struct pausing p = {.login = request->argument, .by = &request->by, .now_ms = clock_ms(), .pause = pause};
    const struct config_login *config = config_login_named(request->config, p.login);
    if (!config) {
        answer_error(request->answer, 404, "no login of the configuration is called %s", p.login);
        return;
    }
    if (!pause) /* first: what the store makes due would meet a login that refuses, and rest until its next probe */
        upstream_login_reopen(upstream_login(request->admin->upstream, config));
    enum store_status status = store_call(request->admin->store, set_paused, &p);
    if (status != STORE_OK) {
        answer_store(request->answer, status, "login");
        return;
    }
    log_info(pause ? "the operator pauses purchases" : "the operator resumes purchases", "login", p.login);
    answer_paused(request, &p);
}

void upstream_pause(struct request *request)
{
    set_login(request, true);
}

void upstream_resume(struct request *request)
{
    set_login(request, false);
}

/* ---- what was ordered and is not known ---- */

struct reconciling {
    const char *login;
    const struct audit_by *by;
    uint64_t since_ms, from_ms, now_ms; /* since_ms 0: as long as it takes */
};

static enum store_status reconcile(struct store_txn *txn, void *arg)
{
    struct reconciling *r = arg;
    struct ledger ledger;
    enum store_status status = ledger_load(txn, r->login, &ledger);
    r->from_ms = r->since_ms                               ? r->since_ms
                 : ledger.restored_ms > RESTORED_MARGIN_MS ? ledger.restored_ms - RESTORED_MARGIN_MS
                                                           : r->now_ms - RECONCILE_SPAN_MS;
    if (status == STORE_OK)
        status = upkeep_reconcile(txn, r->login, r->from_ms, r->now_ms);
    return status == STORE_OK ? audit_note(txn, "reconciliation begun", r->login, NULL, r->by, r->now_ms) : status;
}

void upstream_reconcile(struct request *request)
{
    struct reconciling r = {
        .login = request->argument, .by = &request->by, .since_ms = request->since_ms, .now_ms = clock_ms()};
    struct object o;
    if (!config_login_named(request->config, r.login)) {
        answer_error(request->answer, 404, "no login of the configuration is called %s", r.login);
        return;
    }
    enum store_status status = store_call(request->admin->store, reconcile, &r);
    if (status != STORE_OK) {
        answer_store(request->answer, status, "login");
        return;
    }
    log_info("the operator reconciles a login with Sectigo's report", "login", r.login);
    object_begin(&o);
    object_text(&o, "login", r.login);
    object_time(&o, "reconcile_from_ms", r.from_ms);
    answer_json(request->answer, 200, object_end(&o));
}

/* ---- a copy of the store ---- */

/* The folder's path within body, NULL (and answered) where it is not what is wanted. */
static const char *directory_of(struct request *request, const json_t *body)
{
    const char *directory = json_string_value(json_object_get(body, "directory"));
    if (directory && directory[0] == '/' && json_object_size(body) == 1)
        return directory;
    answer_error(request->answer, 400, "a backup wants {\"directory\": \"/absolute/path\"} and nothing else");
    return NULL;
}

static void backup(struct request *request, const char *directory)
{
    char reason[STORE_REASON_SIZE];
    struct object o;
    if (atomic_exchange(&request->admin->backing_up, true)) {
        answer_error(request->answer, 409, "another backup is being written; wait for its end");
        return;
    }
    uint64_t began_ms = clock_boot_ms();
    /* Whoever has a copy knows what the store knows: it is written down before there is one. */
    act_note(request, "backup begun", directory);
    enum store_status status = store_backup(request->admin->store, directory, reason);
    atomic_store(&request->admin->backing_up, false);
    if (status != STORE_OK) {
        answer_error(request->answer, status == STORE_EXISTS ? 409 : 500, "%s", reason);
        return;
    }
    log_info("a backup is written", "directory", directory);
    object_begin(&o);
    object_text(&o, "directory", directory);
    object_number(&o, "seconds", (clock_boot_ms() - began_ms) / 1000);
    answer_json(request->answer, 200, object_end(&o));
}

void backup_post(struct request *request)
{
    const struct http_call *call = request->call;
    json_t *body = json_loadb(call->body, call->body_len, JSON_REJECT_DUPLICATES, NULL);
    const char *directory = directory_of(request, body);
    if (directory)
        backup(request, directory);
    json_decref(body);
}

/* ---- the store itself ---- */

void store_compact_post(struct request *request)
{
    char reason[STORE_REASON_SIZE];
    uint64_t before, after, began_ms = clock_boot_ms();
    struct object o;
    act_note(request, "store compacted", "store");
    enum store_status status = store_compact(request->admin->store, &before, &after, reason);
    if (status != STORE_OK) {
        if (status == STORE_REFUSED)
            log_info("the store was not compacted", "reason", reason);
        else
            log_error("the store could not be compacted; see to its disk, and start the gateway anew where nothing is "
                      "stored any more",
                      "reason", reason);
        answer_error(request->answer, status == STORE_REFUSED ? 409 : 500, "%s", reason);
        return;
    }
    log_info("the store is compacted");
    object_begin(&o);
    object_number(&o, "before_octets", before);
    object_number(&o, "after_octets", after);
    object_number(&o, "seconds", (clock_boot_ms() - began_ms) / 1000);
    answer_json(request->answer, 200, object_end(&o));
}
