/* summary: the status and the logins. */
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/issue/money/spending.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/upkeep/upkeep.h"
#include "gateway/keep/sweep.h"
#include "gateway/log.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"
#include "gateway/tables.h"

/* ---- status ---- */

static json_t *jobs_json(const struct admin *admin, struct store_txn *txn)
{
    struct object o;
    struct scheduler_due jobs;
    scheduler_count_due(txn, clock_ms(), &jobs);
    object_begin(&o);
    object_number(&o, "due", jobs.due);
    object_number(&o, "overdue", jobs.late);
    object_number(&o, "under_way", scheduler_busy(admin->scheduler));
    object_time(&o, "next_ms", jobs.next_ms);
    return object_end(&o);
}

static json_t *counts_json(struct store_txn *txn)
{
    static const struct {
        const char *name;
        unsigned table;
    } counted[] = {
        {"accounts", ACME_ACCOUNTS},
        {"orders", ACME_ORDERS},
        {"certificates", ACME_CERTIFICATES},
        {"issuances", ISSUE_ISSUANCES},
        {"subscriptions", ISSUE_SUBSCRIPTIONS},
    };
    struct object o;
    object_begin(&o);
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        object_number(&o, counted[i].name, store_count(txn, counted[i].table));
    return object_end(&o);
}

static json_t *clock_json(void)
{
    struct clock_state state;
    struct object o;
    clock_state(&state);
    object_begin(&o);
    object_put(&o, "in_doubt", json_boolean(state.in_doubt));
    object_text(&o, "why", state.why);
    object_put(&o, "system_ahead_seconds", json_integer(state.ahead_ms / 1000));
    object_put(&o, "sectigo_ahead_seconds",
               state.heard_ago_ms == UINT64_MAX ? json_null() : json_integer(state.sectigo_ms / 1000));
    object_put(&o, "heard_seconds_ago",
               state.heard_ago_ms == UINT64_MAX ? json_null() : json_integer((json_int_t)state.heard_ago_ms / 1000));
    object_put(&o, "trusted", json_boolean(state.trusted));
    object_number(&o, "doubts", clock_doubts());
    return object_end(&o);
}

/* What is held against the spending limits: what is on its way to Sectigo counts too. */
static json_t *spending_json(struct store_txn *txn)
{
    struct spending_sums sums;
    struct object o;
    if (spending_sums(txn, NULL, clock_ms(), &sums) != STORE_OK)
        return json_null();
    object_begin(&o);
    object_number(&o, "purchases_today", sums.day_count);
    object_put(&o, "amount_today_cents", json_integer(sums.day_cents));
    object_number(&o, "purchases_this_month", sums.month_count);
    object_put(&o, "amount_this_month_cents", json_integer(sums.month_cents));
    return object_end(&o);
}

static json_t *store_json(const struct admin *admin)
{
    struct store_stats stats;
    struct object o;
    store_stats(admin->store, &stats);
    object_begin(&o);
    object_number(&o, "commits", stats.commits);
    object_number(&o, "operations", stats.operations);
    object_number(&o, "failed", stats.failed);
    object_number(&o, "used_octets", stats.used);
    object_number(&o, "map_size_octets", stats.map_size);
    return object_end(&o);
}

/* Whether what must be equal is as with the owner; "unknown" where one of them has not said. */
static const char *compared(const struct store_gateway *one, const struct store_gateway *owner)
{
    return !one->digest[0] || !owner->digest[0]        ? "unknown"
           : strcmp(one->digest, owner->digest) == 0 ? "equal"
                                                       : "differs";
}

static json_t *gateway_json(const struct store_gateway *one, const struct store_gateway *owner)
{
    struct object o;
    object_begin(&o);
    object_text(&o, "name", one->name);
    object_text(&o, "role", one->epoch > 0 ? "owner" : one->serves ? "serves" : "waits");
    object_put(&o, "epoch", one->epoch > 0 ? json_integer((json_int_t)one->epoch) : json_null());
    object_text(&o, "address", one->address);
    object_text(&o, "configuration", compared(one, owner));
    object_time(&o, "started_ms", one->started_ms);
    object_number(&o, "seen_seconds_ago", one->seen_ms_ago / 1000);
    return object_end(&o);
}

/* Who owns the store, and who serves beside it or waits for it; null where the engine has one process, or cannot say. */
static json_t *gateways_json(struct store *store)
{
    struct store_gateway list[STORE_GATEWAYS_MAX];
    unsigned count;
    if (store_gateways(store, list, &count) != STORE_OK)
        return json_null();
    json_t *rows = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(rows, gateway_json(&list[i], &list[0]));
    return rows;
}

static json_t *backup_json(const struct config_backup *wanted, struct store_txn *txn)
{
    struct backup_diary diary;
    struct object o;
    if (!wanted->folder)
        return json_null();
    diary_load_backup(txn, &diary);
    object_begin(&o);
    object_text(&o, "folder", wanted->folder);
    object_text(&o, "name", diary.name);
    object_time(&o, "written_ms", diary.done_ms);
    object_time(&o, "next_ms", diary.done_ms ? diary.done_ms + wanted->every_s * 1000ull : 0);
    object_number(&o, "failures_since", diary.failures);
    object_text(&o, "why_it_failed", diary.note);
    return object_end(&o);
}

static json_t *removed_json(const uint64_t removed[static REMOVED_KINDS])
{
    struct object o;
    object_begin(&o);
    for (unsigned i = 0; i < REMOVED_KINDS; i++)
        object_number(&o, removed_kind_text(i), removed[i]);
    return object_end(&o);
}

static json_t *housekeeping_json(const struct config *config, struct store_txn *txn)
{
    struct housekeeping_diary diary;
    struct object o;
    diary_load_housekeeping(txn, &diary);
    object_begin(&o);
    object_text(&o, "waits", sweep_waits(txn, config, &diary, clock_ms()));
    object_time(&o, "began_ms", diary.began_ms);
    object_put(&o, "removing", diary.began_ms ? removed_json(diary.removing) : json_null());
    object_time(&o, "ended_ms", diary.ended_ms);
    object_put(&o, "removed", diary.ended_ms ? removed_json(diary.removed) : json_null());
    object_text(&o, "exported", diary.exported);
    return object_end(&o);
}

static json_t *states_json(struct store_txn *txn)
{
    int64_t states[ISSUANCE_STATES];
    struct object o;
    if (issuance_counts(txn, states) != STORE_OK)
        return json_null();
    object_begin(&o);
    for (int state = 1; state < ISSUANCE_STATES; state++)
        object_put(&o, issuance_state_text((enum issuance_state)state), json_integer(states[state]));
    if (states[0])
        object_put(&o, "unreadable", json_integer(states[0]));
    return object_end(&o);
}

/* ---- the clock ---- */

void clock_trust_post(struct request *request)
{
    act_note(request, "system clock trusted", "clock");
    clock_trust();
    log_info("the operator trusts the system clock");
    answer_json(request->answer, 200, clock_json());
}

/* ---- logins ---- */

static void ledger_put(struct object *o, const struct config_login *config, const struct ledger *ledger)
{
    object_time(o, "restored_ms", ledger->restored_ms);
    object_number(o, "forgotten_orders", ledger->forgotten);
    object_time(o, "reconciled_ms", ledger->reconciled_ms);
    object_number(o, "imported", ledger->imported);
    object_time(o, "balance_ms", ledger->balance_ms);
    object_put(o, "balance_cents", ledger->balance_ms ? json_integer(ledger->balance_cents) : json_null());
    object_put(o, "credit_low", json_boolean(ledger->balance_ms && upkeep_is_low(config, ledger->balance_cents)));
    object_time(o, "drift_ms", ledger->drift_ms);
    object_number(o, "unknown_orders", ledger->unknown);
    object_number(o, "missing_orders", ledger->missing);
    object_text(o, "note", ledger->note);
}

/* What keeps it from buying, the gravest first. */
static const char *state_of(const struct upstream_login *login, const struct login_record *known,
                            const struct ledger *ledger)
{
    return upstream_login_refused(login)                           ? "refused"
           : upstream_login_broken(login)                          ? "failing"
           : known->paused_ms                                      ? "paused"
           : ledger->reconcile_from_ms                             ? "reconciling"
           : ledger->forgotten                                     ? "behind"
           : ledger->restored_ms                                   ? "restored"
           : known->withheld_ms                                    ? "withheld"
           : known->no_credit_ms                                   ? "no credit"
           : ledger->recall_ms                                     ? "asking"
           : upstream_login_contact(login) == UPSTREAM_UNREACHABLE ? "unreachable"
                                                                   : "open";
}

static json_t *login_json(struct store_txn *txn, const struct config_login *config, const struct upstream_login *login)
{
    struct login_record known;
    struct ledger ledger;
    struct object o;
    enum store_status status = login_load(txn, config->name, &known);
    if (status == STORE_OK)
        status = ledger_load(txn, config->name, &ledger);
    else
        ledger = (struct ledger){0};
    object_begin(&o);
    object_text(&o, "login", config->name);
    object_text(&o, "state", status == STORE_OK ? state_of(login, &known, &ledger) : "unreadable");
    object_time(&o, "paused_ms", known.paused_ms);
    object_time(&o, "no_credit_ms", known.no_credit_ms);
    object_time(&o, "unshared_ms", known.unshared_ms);
    object_time(&o, "withheld_ms", known.withheld_ms);
    object_number(&o, "withheld", known.withheld);
    object_time(&o, "last_push_ms", known.pushed_ms);
    if (status == STORE_OK && known.pushed_ms == 0 && store_count(txn, ISSUE_SUBSCRIPTIONS) > 0)
        object_text(&o, "warning",
                    "Sectigo has never delivered a push about an order of this login: certificates are "
                    "found by polling only, hours late");
    ledger_put(&o, config, &ledger);
    object_put(&o, "test", json_boolean(config->test));
    object_text(&o, "url", config->url);
    return object_end(&o);
}

/* NULL when out of memory. */
static json_t *upstreams_json(const struct request *request)
{
    const struct admin *admin = request->admin;
    struct store_txn *txn;
    if (store_read(admin->store, &txn) != STORE_OK)
        return json_null();
    json_t *list = json_array();
    for (unsigned i = 0; list && i < request->config->login_count; i++) {
        const struct config_login *config = &request->config->logins[i];
        if (json_array_append_new(list, login_json(txn, config, upstream_login(admin->upstream, config))) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    store_read_end(txn);
    return list;
}

void upstreams_get(struct request *request)
{
    answer_money(request, json_pack("{s:o}", "items", upstreams_json(request)));
}

/* ---- all of it ---- */

void status_get(struct request *request)
{
    struct store_txn *txn;
    struct object o;
    enum store_status status = store_read(request->admin->store, &txn);
    if (status != STORE_OK) {
        answer_store(request->answer, status, "store");
        return;
    }
    object_begin(&o);
    object_text(&o, "version", ACMEGATE_VERSION);
    object_put(&o, "counts", counts_json(txn));
    object_put(&o, "clock", clock_json());
    object_put(&o, "jobs", jobs_json(request->admin, txn));
    object_put(&o, "spending", spending_json(txn));
    object_put(&o, "issuances", states_json(txn));
    object_put(&o, "gave_up", patience_json(txn, clock_ms()));
    object_put(&o, "housekeeping", housekeeping_json(request->config, txn));
    object_put(&o, "backup", backup_json(&request->config->backup, txn));
    store_read_end(txn);
    object_put(&o, "logins", upstreams_json(request));
    object_put(&o, "store", store_json(request->admin));
    object_put(&o, "gateways", gateways_json(request->admin->store));
    answer_money(request, object_end(&o));
}
