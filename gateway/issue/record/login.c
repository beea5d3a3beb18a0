#include "gateway/issue/record/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/scheduler.h"
#include "gateway/tables.h"
#include "store/record.h"
#include "store/shortage.h"

/* Version 2 has credit and sharing, version 3 what was withheld. */
enum { RECORD_VERSION = 3, RECORD_MAX = 128 };

static const uint64_t PUSH_NOTED_EVERY_MS = HOUR_MS;

enum store_status login_load(struct store_txn *txn, const char *name, struct login_record *login)
{
    struct store_slice value;
    struct record_reader r;
    *login = (struct login_record){0};
    enum store_status status = store_get(txn, ISSUE_LOGINS, name, strlen(name), &value);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    unsigned version = record_open(&r, value);
    if (version == 0 || version > RECORD_VERSION)
        return STORE_INVALID;
    login->paused_ms = record_get_u64(&r);
    login->pushed_ms = record_get_u64(&r);
    if (version >= 2) {
        login->no_credit_ms = record_get_u64(&r);
        login->unshared_ms = record_get_u64(&r);
    }
    if (version >= 3) {
        login->withheld = record_get_u32(&r);
        login->withheld_why = record_get_u32(&r);
        record_get_string(&r, login->withheld_issuance, sizeof login->withheld_issuance);
        login->withheld_ms = record_get_u64(&r);
    }
    return record_complete(&r) ? STORE_OK : STORE_INVALID;
}

/* The oldest that holds it. */
static uint8_t version_of(const struct login_record *login)
{
    return login->withheld || login->withheld_ms ? 3 : login->no_credit_ms || login->unshared_ms ? 2 : 1;
}

static enum store_status save(struct store_txn *txn, const char *name, const struct login_record *login)
{
    struct record_writer w;
    enum store_status status = STORE_IO;
    uint8_t version = version_of(login);
    record_begin(&w, version, RECORD_MAX);
    record_put_u64(&w, login->paused_ms);
    record_put_u64(&w, login->pushed_ms);
    if (version >= 2) {
        record_put_u64(&w, login->no_credit_ms);
        record_put_u64(&w, login->unshared_ms);
    }
    if (version >= 3) {
        record_put_u32(&w, login->withheld);
        record_put_u32(&w, login->withheld_why);
        record_put_string(&w, login->withheld_issuance);
        record_put_u64(&w, login->withheld_ms);
    }
    if (!w.failed)
        status = store_put(txn, ISSUE_LOGINS, name, strlen(name), w.data, w.len);
    record_free(&w);
    return status;
}

enum store_status login_set_paused(struct store_txn *txn, const char *name, uint64_t now_ms)
{
    struct login_record login;
    enum store_status status = login_load(txn, name, &login);
    login.paused_ms = now_ms;
    if (now_ms == 0) {
        login.no_credit_ms = login.unshared_ms = login.withheld_ms = 0;
        login.withheld = 0;
    }
    return status == STORE_OK ? save(txn, name, &login) : status;
}

enum store_status login_set_no_credit(struct store_txn *txn, const char *name, uint64_t now_ms)
{
    struct login_record login;
    enum store_status status = login_load(txn, name, &login);
    if (status != STORE_OK || login.no_credit_ms == now_ms)
        return status;
    login.no_credit_ms = now_ms;
    return save(txn, name, &login);
}

enum store_status login_set_unshared(struct store_txn *txn, const char *name, uint64_t now_ms)
{
    struct login_record login;
    enum store_status status = login_load(txn, name, &login);
    if (status != STORE_OK || login.unshared_ms)
        return status;
    login.unshared_ms = now_ms;
    return save(txn, name, &login);
}

enum store_status login_note_withheld(struct store_txn *txn, const char *name, const char *issuance, unsigned why,
                                      uint64_t now_ms, bool *paused)
{
    struct login_record login;
    enum store_status status = login_load(txn, name, &login);
    *paused = false;
    if (status != STORE_OK || (login.withheld && strcmp(login.withheld_issuance, issuance) == 0))
        return status;
    login.withheld = login.withheld && login.withheld_why == why ? login.withheld + 1 : 1;
    login.withheld_why = why;
    snprintf(login.withheld_issuance, sizeof login.withheld_issuance, "%s", issuance);
    *paused = login.withheld >= LOGIN_WITHHELD_MAX && !login.withheld_ms;
    if (*paused)
        login.withheld_ms = now_ms;
    return save(txn, name, &login);
}

enum store_status login_note_accepted(struct store_txn *txn, const char *name)
{
    struct login_record login;
    enum store_status status = login_load(txn, name, &login);
    if (status != STORE_OK || login.withheld == 0)
        return status;
    login.withheld = 0;
    return save(txn, name, &login);
}

enum store_status login_note_push(struct store_txn *txn, const char *name, uint64_t now_ms)
{
    struct login_record login;
    enum store_status status = login_load(txn, name, &login);
    if (status != STORE_OK || (login.pushed_ms && !clock_is_over(login.pushed_ms, PUSH_NOTED_EVERY_MS, now_ms)))
        return status;
    login.pushed_ms = now_ms;
    return save(txn, name, &login);
}

/* ---- those that wait for the login ---- */

struct held {
    struct store_txn *txn;
    const char *login;
    char (*ids)[ISSUANCE_ID_MAX + 1]; /* owned */
    unsigned count, capacity;
    unsigned held; /* of them: the others are to be sent or settled, and a rest of the login kept them back */
    enum store_status status;
};

static bool waits_for_login(struct held *held, const char *id)
{
    struct issuance is;
    struct subscription sub = {0};
    bool yes = issuance_load(held->txn, id, &is) == STORE_OK &&
               (is.state == ISSUANCE_HELD || is.state == ISSUANCE_PUBLISHED || is.state == ISSUANCE_UNKNOWN) &&
               subscription_load(held->txn, &is.subscription, &sub) == STORE_OK && strcmp(sub.login, held->login) == 0;
    held->held += yes && is.state == ISSUANCE_HELD ? 1 : 0;
    issuance_clear(&is);
    subscription_clear(&sub);
    return yes;
}

static bool collect(void *ctx, const struct store_job *job)
{
    struct held *held = ctx;
    char id[STORE_SUBJECT_MAX + 1];
    memcpy(id, job->subject, job->subject_len);
    id[job->subject_len] = '\0';
    if (job->kind != JOB_ISSUANCE || !waits_for_login(held, id))
        return true;
    if (held->count == held->capacity) {
        unsigned capacity = held->capacity ? 2 * held->capacity : 64;
        void *ids = shortage_realloc(held->ids, capacity * sizeof *held->ids);
        if (!ids) {
            held->status = STORE_IO;
            return false;
        }
        held->ids = ids;
        held->capacity = capacity;
    }
    memcpy(held->ids[held->count++], id, job->subject_len + 1u);
    return true;
}

enum store_status login_wake_held(struct store_txn *txn, const char *name, uint64_t now_ms, unsigned *count)
{
    struct held held = {.txn = txn, .login = name};
    enum store_status status = store_jobs(txn, collect, &held);
    if (status == STORE_OK)
        status = held.status;
    for (unsigned i = 0; status == STORE_OK && i < held.count; i++)
        status = store_job_set(txn, JOB_ISSUANCE, held.ids[i], strlen(held.ids[i]), now_ms);
    *count = held.held;
    free(held.ids);
    return status;
}
