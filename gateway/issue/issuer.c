#include "gateway/issue/issuer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/dcv/files.h"
#include "gateway/issue/life/step.h"
#include "gateway/issue/life/records.h"
#include "gateway/issue/life/relayed.h"
#include "gateway/issue/money/authorize.h"
#include "gateway/issue/money/payment.h"
#include "gateway/issue/money/refund.h"
#include "gateway/issue/record/newest.h"
#include "gateway/issue/revocation/notice.h"
#include "gateway/issue/revocation/revoke.h"
#include "gateway/issue/upkeep/timekeeper.h"
#include "gateway/issue/upkeep/upkeep.h"
#include "gateway/log.h"
#include "store/shortage.h"

/* Issuances that wait for Sectigo are looked at within this time after a start, spread over it. */
static const uint64_t START_LOOK_MS = MINUTE_MS, START_EACH_MS = 20;
/* No failing step waits longer than an hour and a quarter. */
static const uint64_t START_FARTHEST_MS = 2 * HOUR_MS;
/* A time of the store that much later than now is more than two clocks that agree (gateway/clock.h). */
static const uint64_t BEHIND_MS = MINUTE_MS;

/* Before a point of ACMEGATE_DEBUG_STOP_AT. */
static const char FREEZE[] = "freeze:";

/* Everything that the issuer defers. */
static const struct work_kind *const kinds[] = {&issuance_work,  &records_work, &authorize_work, &revoke_work,
                                                &refund_work,    &notice_work,  &balance_work,   &drift_work,
                                                &reconcile_work, &recall_work,  &relayed_work};

struct issuer *issuer_make(const struct issuer_config *config)
{
    struct issuer *issuer = shortage_calloc(1, sizeof *issuer);
    if (!issuer)
        return NULL;
    issuer->at = *config;
    issuer->run = (struct runner){
        .store = config->store, .scheduler = config->scheduler, .egress = config->egress, .configs = config->configs};
    issuer->stop_at = getenv("ACMEGATE_DEBUG_STOP_AT");
    issuer->freezes = issuer->stop_at && strncmp(issuer->stop_at, FREEZE, sizeof FREEZE - 1) == 0;
    if (issuer->freezes)
        issuer->stop_at += sizeof FREEZE - 1;
    issuer->early = pushes_make();
    issuer->timekeeper = timekeeper_make(issuer);
    if (!issuer->early || !issuer->timekeeper) {
        issuer_free(issuer);
        return NULL;
    }
    runner_handle(&issuer->run, kinds, sizeof kinds / sizeof *kinds, issuer);
    return issuer;
}

void issuer_rest(struct issuer *issuer)
{
    runner_rest(&issuer->run, true);
}

void issuer_stop(struct issuer *issuer)
{
    runner_stop(&issuer->run);
    upstream_stop(issuer->at.upstream);
}

void issuer_free(struct issuer *issuer)
{
    if (!issuer)
        return;
    if (issuer->early)
        pushes_free(issuer->early);
    timekeeper_free(issuer->timekeeper);
    free(issuer);
}

enum store_status issuer_dcv_file(struct issuer *issuer, const char *md5, size_t len, char **body)
{
    struct store_txn *txn;
    *body = NULL;
    enum store_status status = store_read(issuer->at.store, &txn);
    if (status != STORE_OK)
        return status;
    status = dcv_file_find(txn, md5, len, body);
    store_read_end(txn);
    return status;
}

/* ---- after a start ---- */

struct recovery {
    struct store_job *jobs; /* owned */
    size_t count, capacity;
    bool failed;
    const struct config *config;
    uint64_t newest_ms;           /* the latest time that the store knows */
    uint64_t now_ms, farthest_ms; /* later is none due but by a clock that was wrong when it was set */
};

static bool remember(void *ctx, const struct store_job *job)
{
    struct recovery *recovery = ctx;
    if (job->kind == JOB_BALANCE || job->kind == JOB_DRIFT) /* upkeep_settle knows how far away they may be */
        return true;
    if (recovery->count == recovery->capacity) {
        size_t capacity = recovery->capacity ? 2 * recovery->capacity : 64;
        struct store_job *jobs = shortage_realloc(recovery->jobs, capacity * sizeof *jobs);
        recovery->failed = jobs == NULL;
        if (!jobs)
            return false;
        recovery->jobs = jobs;
        recovery->capacity = capacity;
    }
    recovery->jobs[recovery->count++] = *job;
    return true;
}

/* Longer than any step waits by itself. A limit's day or month may be farther away: asking again is harmless. */
static uint64_t farthest_ms(const struct config_issuance *times)
{
    uint64_t waits[] = {times->superseded_after_ms, times->resend_ms, times->settle_again_ms, 10ull * times->later_ms};
    uint64_t farthest_ms = START_FARTHEST_MS;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        farthest_ms = waits[i] > farthest_ms ? waits[i] : farthest_ms;
    return farthest_ms;
}

/* The many do not come due in one moment, the few at once. */
static uint64_t soon_ms(const struct recovery *recovery)
{
    uint64_t spread_ms = recovery->count * START_EACH_MS;
    return (uint64_t)random() % ((spread_ms < START_LOOK_MS ? spread_ms : START_LOOK_MS) + 1);
}

static enum store_status recover_one(struct store_txn *txn, const struct store_job *job, struct recovery *recovery)
{
    struct issuance is;
    uint64_t now_ms = recovery->now_ms;
    char id[STORE_SUBJECT_MAX + 1];
    memcpy(id, job->subject, job->subject_len);
    id[job->subject_len] = '\0';

    enum store_status status = issuance_load(txn, id, &is);
    uint64_t due_ms = job->due_ms;
    if (status == STORE_OK && is.state == ISSUANCE_SUBMITTING)
        due_ms = now_ms; /* its function takes it for unknown */
    else if (status == STORE_OK && due_ms > now_ms + START_LOOK_MS &&
             (is.state == ISSUANCE_SUBMITTED || is.state == ISSUANCE_BLOCKED ||
              is.state ==
                  ISSUANCE_PUBLISHED)) /* the last: a rest of its login kept it back, which ended with the process */
        due_ms = now_ms + soon_ms(recovery);
    if (status == STORE_OK && newest_of(&is) > recovery->newest_ms)
        recovery->newest_ms = newest_of(&is);
    if (status == STORE_OK && due_ms != job->due_ms)
        status = store_job_set(txn, JOB_ISSUANCE, job->subject, job->subject_len, due_ms);
    issuance_clear(&is);
    if (status == STORE_NOT_FOUND ||
        status == STORE_INVALID) { /* one bad record must not keep the others from starting */
        log_error("an issuance cannot be read from the store; see to its disk", "issuance", id, "reason",
                  store_status_text(status));
        status = STORE_OK;
    }
    return status;
}

static bool is_behind(const struct recovery *recovery)
{
    return recovery->newest_ms > recovery->now_ms + BEHIND_MS;
}

/* What is due later than anything waits by itself, or, where the clock was another when it was set, later than soon. */
static enum store_status recover_far(struct store_txn *txn, const struct recovery *recovery)
{
    enum store_status status = STORE_OK;
    uint64_t last_ms = recovery->now_ms + (is_behind(recovery) ? START_LOOK_MS : recovery->farthest_ms);
    for (size_t i = 0; status == STORE_OK && i < recovery->count; i++) {
        const struct store_job *job = &recovery->jobs[i];
        uint64_t due_ms;
        if (job->due_ms > last_ms &&
            store_job_get(txn, job->kind, job->subject, job->subject_len, &due_ms) == STORE_OK && due_ms > last_ms)
            status =
                store_job_set(txn, job->kind, job->subject, job->subject_len, recovery->now_ms + soon_ms(recovery));
    }
    return status;
}

static enum store_status recover(struct store_txn *txn, void *arg)
{
    struct recovery *recovery = arg;
    const struct config *config = recovery->config;
    *recovery =
        (struct recovery){.config = config, .now_ms = clock_ms(), .farthest_ms = farthest_ms(&config->issuance)};
    recovery->newest_ms = newest_after(txn, recovery->now_ms);
    enum store_status status = store_jobs(txn, remember, recovery);
    if (recovery->failed)
        status = STORE_IO;
    for (size_t i = 0; status == STORE_OK && i < recovery->count; i++) {
        if (recovery->jobs[i].kind == JOB_ISSUANCE)
            status = recover_one(txn, &recovery->jobs[i], recovery);
        else if (recovery->jobs[i].kind == JOB_AUTHORIZE)
            status = payment_recover(txn, &recovery->jobs[i], recovery->now_ms);
    }
    if (status == STORE_OK)
        status = recover_far(txn, recovery);
    free(recovery->jobs);
    return status == STORE_OK ? upkeep_settle(txn, config, recovery->now_ms) : status;
}

static void warn_behind(const struct recovery *recovery)
{
    char minutes[32];
    if (!is_behind(recovery))
        return;
    snprintf(minutes, sizeof minutes, "%" PRIu64, (recovery->newest_ms - recovery->now_ms) / MINUTE_MS);
    log_error("the store knows a time that the system clock says is still to come: one of them was wrong. Nothing is "
              "bought before Sectigo has said what time it is; look after the clock's synchronisation",
              "minutes_behind", minutes);
}

static void warn_restored(const struct issuer *issuer, const struct config *config)
{
    struct store_txn *txn;
    struct ledger ledger;
    if (store_read(issuer->at.store, &txn) != STORE_OK)
        return;
    for (unsigned i = 0; i < config->login_count; i++) {
        const char *login = config->logins[i].name;
        if (ledger_load(txn, login, &ledger) == STORE_OK && ledger.restored_ms)
            log_warning(
                ledger.forgotten
                    ? "the store is an older copy of itself, so this login buys nothing until it knows what was "
                      "bought since: acmegatectl upstream reconcile"
                    : "the store was restored from a backup, so this login buys nothing until it knows what "
                      "was bought since: acmegatectl upstream reconcile",
                "login", login);
    }
    store_read_end(txn);
}

enum store_status issuer_recover(struct issuer *issuer)
{
    struct recovery recovery = {.config = config_take(issuer->at.configs)};
    issuer->started_boot_ms = clock_boot_ms();
    enum store_status status = store_call(issuer->at.store, recover, &recovery);
    if (status == STORE_OK)
        warn_behind(&recovery);
    if (status == STORE_OK)
        warn_restored(issuer, recovery.config);
    config_drop(recovery.config);
    if (status == STORE_OK) {
        runner_rest(&issuer->run, false);
        timekeeper_start(issuer->timekeeper);
    }
    return status;
}
