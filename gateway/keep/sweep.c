#include "gateway/keep/sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/keep/export.h"
#include "gateway/log.h"
#include "gateway/metrics/metrics.h"
#include "gateway/tables.h"

enum {
    LOOK_MAX = 400,  /* records of a step: a snapshot is short */
    REMOVE_MAX = 50, /* of them removed at once: so is a transaction */
    REST_SHARE = 20, /* after a step so many times as long as it took nothing is done */
    REST_MIN_MS = 20,
    WAIT_MS = 60000, /* what keeps it from working is looked at again */
};

/* After a longer time without a look the clock is given a day in which somebody may notice it. */
static const uint64_t JUMP_MS = 31 * DAY_MS, HOLD_MS = DAY_MS;
/* What is younger is never looked at. */
static const uint64_t YOUNG_MS = DAY_MS;

enum { ID_TIME_LEN = 6 };

/* In this order; stored: never renumber. Authorizations after the orders that they belong to, accounts after these;
 * subscriptions after what refers to them. */
enum phase {
    PHASE_ORDERS,
    PHASE_ISSUANCES,
    PHASE_AUTHORIZATIONS,
    PHASE_ACCOUNTS,
    PHASE_AUDIT,
    PHASE_SUBSCRIPTIONS,
    PHASES
};

static const struct table {
    unsigned number;
    bool by_time; /* its keys begin with the time at which they were made */
    judge_fn *judge;
    remove_fn *remove;
} tables[PHASES] = {
    [PHASE_ORDERS] = {ACME_ORDERS, true, judge_order, remove_order},
    [PHASE_ISSUANCES] = {ISSUE_ISSUANCES, false, judge_issuance, remove_issuance},
    [PHASE_AUTHORIZATIONS] = {ACME_AUTHZS, true, judge_authorization, remove_authorization},
    [PHASE_ACCOUNTS] = {ACME_ACCOUNTS, true, judge_account, remove_account},
    [PHASE_SUBSCRIPTIONS] = {ISSUE_SUBSCRIPTIONS, true, judge_subscription, remove_subscription},
};

void sweep_begin(struct sweep *sweep, const struct keeper_config *config)
{
    *sweep = (struct sweep){.at = *config};
}

/* ---- whether it may work ---- */

static const char *waits_for_login(struct store_txn *txn, const struct config *config)
{
    for (unsigned i = 0; i < config->login_count; i++) {
        struct ledger ledger;
        if (ledger_load(txn, config->logins[i].name, &ledger) != STORE_OK)
            return "what is known of a login cannot be read";
        if (ledger.restored_ms || ledger.forgotten || ledger.reconcile_from_ms)
            return "the store is an older copy of itself: reconcile it first (acmegatectl upstream status)";
        if (ledger.recall_ms)
            return "Sectigo has not yet said whether the store is an older copy of itself (acmegatectl upstream "
                   "status)";
    }
    return NULL;
}

const char *sweep_waits(struct store_txn *txn, const struct config *config, const struct housekeeping_diary *diary,
                        uint64_t now_ms)
{
    if (clock_in_doubt())
        return "the clock is in doubt";
    if (store_copied_ms(txn))
        return "the store is a copy that was not yet settled";
    if (diary->hold_ms && !clock_is_over(diary->hold_ms, HOLD_MS, now_ms))
        return "time has jumped by more than a month: a day is left for somebody to notice a clock that is wrong";
    return waits_for_login(txn, config);
}

/* ---- one step ---- */

struct candidate {
    uint8_t key[DIARY_CURSOR_MAX];
    size_t len;
};

struct step {
    struct sweep *sweep;
    struct store_txn *txn;
    struct candidate found[REMOVE_MAX];
    unsigned looked, count;
    bool more;                      /* the table goes on behind the cursor */
    enum store_status status;       /* of the look */
    struct housekeeping_diary next; /* what is stored with the removal */
    struct judge judge;
};

static bool is_young(const struct table *table, struct store_slice key, uint64_t now_ms)
{
    uint64_t time_ms = 0;
    for (size_t i = 0; i < ID_TIME_LEN && i < key.len; i++)
        time_ms = time_ms << 8 | key.data[i];
    return table->by_time && time_ms + YOUNG_MS > now_ms;
}

static void set_cursor(struct housekeeping_diary *diary, struct store_slice key)
{
    memcpy(diary->cursor, key.data, key.len);
    diary->cursor_len = (uint8_t)key.len;
}

static bool is_at_cursor(const struct housekeeping_diary *diary, struct store_slice key)
{
    return key.len == diary->cursor_len && memcmp(key.data, diary->cursor, key.len) == 0;
}

/* A record that cannot be read stays, and does not keep the others. */
static bool look_at(void *ctx, struct store_slice key, struct store_slice value)
{
    struct step *step = ctx;
    const struct table *table = &tables[step->next.phase];
    bool may = false;
    (void)value;
    if (is_at_cursor(&step->next, key) || key.len > DIARY_CURSOR_MAX)
        return true;
    if (is_young(table, key, step->judge.now_ms))
        return false;
    if (step->looked == LOOK_MAX || step->count == REMOVE_MAX) {
        step->more = true;
        return false;
    }
    step->looked++;
    enum store_status status = table->judge(step->txn, &step->judge, key, &may);
    if (status == STORE_OK && may) {
        struct candidate *found = &step->found[step->count++];
        memcpy(found->key, key.data, key.len);
        found->len = key.len;
    }
    set_cursor(&step->next, key);
    return true;
}

static enum store_status look(struct sweep *sweep, struct step *step)
{
    enum store_status status = store_read(sweep->at.store, &step->txn);
    if (status != STORE_OK)
        return status;
    uint8_t from[DIARY_CURSOR_MAX];
    size_t from_len = step->next.cursor_len;
    memcpy(from, step->next.cursor, from_len);
    if (step->next.phase == PHASE_AUTHORIZATIONS && sweep->judge.oldest_live_ms == 0)
        status = judge_begin(step->txn, &sweep->judge);
    step->judge = sweep->judge;
    step->judge.now_ms = clock_ms();
    if (status == STORE_OK)
        status = store_visit(step->txn, tables[step->next.phase].number, from, from_len, look_at, step);
    store_read_end(step->txn);
    return status;
}

/* Each is judged again: the snapshot is old by now. */
static enum store_status remove_found(struct store_txn *txn, struct step *step)
{
    const struct table *table = &tables[step->sweep->diary.phase];
    enum store_status status = STORE_OK;
    for (unsigned i = 0; status == STORE_OK && i < step->count; i++) {
        struct store_slice key = {step->found[i].key, step->found[i].len};
        bool may = false;
        status = table->judge(txn, &step->judge, key, &may);
        if (status == STORE_OK && may)
            status = table->remove(txn, &step->judge, key);
        if (status == STORE_NOT_FOUND) /* it went with another */
            status = STORE_OK;
    }
    return status;
}

static enum store_status step_once(struct store_txn *txn, void *arg)
{
    struct step *step = arg;
    memset(step->judge.removed, 0, sizeof step->judge.removed);
    memcpy(step->next.removing, step->sweep->diary.removing, sizeof step->next.removing);
    enum store_status status = remove_found(txn, step);
    for (unsigned i = 0; i < REMOVED_KINDS; i++)
        step->next.removing[i] += step->judge.removed[i];
    return status == STORE_OK ? diary_save_housekeeping(txn, &step->next) : status;
}

static void count_removed(const uint64_t removed[static REMOVED_KINDS])
{
    for (unsigned i = 0; i < REMOVED_KINDS; i++)
        metrics_change(METRIC_HOUSEKEEPING_REMOVED, (int64_t)removed[i], i);
}

/* The next table, or the end of the pass. */
static void turn_page(struct housekeeping_diary *diary, uint64_t now_ms)
{
    diary->cursor_len = 0;
    diary->looked_ms = now_ms;
    if (++diary->phase < PHASES)
        return;
    diary->phase = 0;
    diary->began_ms = 0;
    diary->ended_ms = now_ms;
    memcpy(diary->removed, diary->removing, sizeof diary->removed);
    memset(diary->removing, 0, sizeof diary->removing);
}

static enum store_status save_diary(struct store_txn *txn, void *arg)
{
    return diary_save_housekeeping(txn, arg);
}

static enum store_status keep_diary(struct sweep *sweep, const struct housekeeping_diary *next)
{
    struct housekeeping_diary diary = *next;
    enum store_status status = store_call(sweep->at.store, save_diary, &diary);
    if (status == STORE_OK)
        sweep->diary = diary;
    return status;
}

static void say_ended(const struct housekeeping_diary *diary)
{
    char text[256] = "";
    size_t len = 0;
    for (unsigned i = 0; i < REMOVED_KINDS; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s %" PRIu64, i ? ", " : "", removed_kind_text(i),
                                diary->removed[i]);
    log_info("housekeeping has gone over the store", "removed", text);
}

/* Behind the last record of a table. */
static enum store_status end_phase(struct sweep *sweep)
{
    struct housekeeping_diary next = sweep->diary;
    turn_page(&next, clock_ms());
    enum store_status status = keep_diary(sweep, &next);
    sweep->judge.oldest_live_ms = 0;
    if (status == STORE_OK && next.began_ms == 0)
        say_ended(&next);
    return status;
}

static enum store_status sweep_table(struct sweep *sweep, struct step *step)
{
    step->sweep = sweep;
    step->next = sweep->diary;
    enum store_status status = look(sweep, step);
    if (status != STORE_OK)
        return status;
    if (step->count == 0) { /* how far it has looked is known again soon */
        sweep->diary = step->next;
    } else {
        step->next.looked_ms = step->judge.now_ms;
        status = store_call(sweep->at.store, step_once, step);
        if (status == STORE_OK) {
            sweep->diary = step->next;
            count_removed(step->judge.removed);
        }
    }
    return status == STORE_OK && !step->more ? end_phase(sweep) : status;
}

static enum store_status sweep_audit(struct sweep *sweep)
{
    struct export_step step = {.folder = sweep->judge.ages->audit_export,
                               .age_ms = sweep->judge.ages->audit_s * 1000ull,
                               .now_ms = clock_ms(),
                               .next = sweep->diary};
    enum store_status status = export_audit(sweep->at.store, &step);
    if (status != STORE_OK)
        return status;
    if (step.count == 0)
        return end_phase(sweep);
    sweep->diary = step.next;
    metrics_change(METRIC_HOUSEKEEPING_REMOVED, (int64_t)step.count, REMOVED_AUDIT_LINES);
    return STORE_OK;
}

static enum store_status take_step(struct sweep *sweep)
{
    struct step step = {.looked = 0};
    return sweep->diary.phase == PHASE_AUDIT ? sweep_audit(sweep) : sweep_table(sweep, &step);
}

/* ---- when ---- */

/* Whether the time since the last look is one that no clock should be believed alone. */
static bool has_jumped(const struct housekeeping_diary *diary, uint64_t now_ms)
{
    return diary->looked_ms && (diary->looked_ms > now_ms + HOUR_MS || clock_since(diary->looked_ms, now_ms) > JUMP_MS);
}

static uint64_t hold(struct sweep *sweep, uint64_t now_ms)
{
    struct housekeeping_diary next = sweep->diary;
    next.hold_ms = next.looked_ms = now_ms;
    if (keep_diary(sweep, &next) == STORE_OK)
        log_warning(
            "time has jumped by more than a month since housekeeping was last at work; nothing is removed for a "
            "day: see whether the clock is right");
    return WAIT_MS;
}

static uint64_t begin_pass(struct sweep *sweep, uint64_t now_ms)
{
    uint64_t every_ms = sweep->judge.ages->every_s * 1000ull;
    if (!clock_is_over(sweep->diary.ended_ms, every_ms, now_ms))
        return sweep->diary.ended_ms + every_ms - now_ms;
    sweep->diary.began_ms = sweep->diary.looked_ms = now_ms;
    sweep->diary.hold_ms = 0;
    return 0;
}

static bool load_diary(struct sweep *sweep, const char **why)
{
    struct store_txn *txn;
    if (store_read(sweep->at.store, &txn) != STORE_OK)
        return false;
    if (!sweep->loaded) { /* one that cannot be read is begun anew */
        enum store_status status = diary_load_housekeeping(txn, &sweep->diary);
        if (status == STORE_INVALID || sweep->diary.phase >= PHASES)
            sweep->diary = (struct housekeeping_diary){.looked_ms = 0};
        sweep->loaded = status == STORE_OK || status == STORE_INVALID;
    }
    *why = sweep_waits(txn, sweep->config, &sweep->diary, clock_ms());
    store_read_end(txn);
    return sweep->loaded;
}

static uint64_t work(struct sweep *sweep)
{
    uint64_t began_ms = clock_boot_ms();
    enum store_status status = take_step(sweep);
    if (status == STORE_OK) {
        uint64_t rest_ms = (clock_boot_ms() - began_ms) * REST_SHARE;
        return rest_ms < REST_MIN_MS ? REST_MIN_MS : rest_ms;
    }
    log_warning("housekeeping cannot go on, and tries again in a minute; see to the store's disk, and to that of "
                "housekeeping.audit_export",
                "reason", store_status_text(status));
    sweep->loaded = false;
    return WAIT_MS;
}

static uint64_t take_turn(struct sweep *sweep)
{
    const char *why = NULL;
    uint64_t now_ms = clock_ms();
    if (!load_diary(sweep, &why))
        return WAIT_MS;
    if (clock_in_doubt())
        return WAIT_MS;
    if (has_jumped(&sweep->diary, now_ms))
        return hold(sweep, now_ms);
    if (why)
        return WAIT_MS;
    uint64_t rest_ms = sweep->diary.began_ms ? 0 : begin_pass(sweep, now_ms);
    return rest_ms > 0 ? rest_ms : work(sweep);
}

uint64_t sweep_turn(struct sweep *sweep)
{
    sweep->config = config_take(sweep->at.configs);
    sweep->judge.ages = &sweep->config->housekeeping;
    uint64_t rest_ms = take_turn(sweep);
    sweep->judge.ages = NULL;
    config_drop(sweep->config);
    sweep->config = NULL;
    return rest_ms;
}
