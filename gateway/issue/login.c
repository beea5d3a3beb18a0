#include "gateway/issue/login.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/issue/subscription.h"
#include "gateway/issue/tables.h"
#include "gateway/scheduler.h"
#include "store/record.h"

/* Version 2 has credit and sharing. */
enum { RECORD_VERSION = 2, RECORD_MAX = 64 };

static const uint64_t PUSH_NOTED_EVERY_MS = 3600 * 1000;

enum store_status login_load(struct store_txn *txn, const char *name, struct login *login)
{
    struct store_slice value;
    struct record_reader r;
    *login = (struct login){0};
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
    return record_complete(&r) ? STORE_OK : STORE_INVALID;
}

static enum store_status save(struct store_txn *txn, const char *name, const struct login *login)
{
    struct record_writer w;
    enum store_status status = STORE_IO;
    bool second = login->no_credit_ms || login->unshared_ms; /* otherwise the first version holds it */
    record_begin(&w, second ? 2 : 1, RECORD_MAX);
    record_put_u64(&w, login->paused_ms);
    record_put_u64(&w, login->pushed_ms);
    if (second) {
        record_put_u64(&w, login->no_credit_ms);
        record_put_u64(&w, login->unshared_ms);
    }
    if (!w.failed)
        status = store_put(txn, ISSUE_LOGINS, name, strlen(name), w.data, w.len);
    record_free(&w);
    return status;
}

enum store_status login_set_paused(struct store_txn *txn, const char *name, uint64_t now_ms)
{
    struct login login;
    enum store_status status = login_load(txn, name, &login);
    login.paused_ms = now_ms;
    if (now_ms == 0)
        login.no_credit_ms = login.unshared_ms = 0;
    return status == STORE_OK ? save(txn, name, &login) : status;
}

enum store_status login_set_no_credit(struct store_txn *txn, const char *name, uint64_t now_ms)
{
    struct login login;
    enum store_status status = login_load(txn, name, &login);
    if (status != STORE_OK || login.no_credit_ms == now_ms)
        return status;
    login.no_credit_ms = now_ms;
    return save(txn, name, &login);
}

enum store_status login_set_unshared(struct store_txn *txn, const char *name, uint64_t now_ms)
{
    struct login login;
    enum store_status status = login_load(txn, name, &login);
    if (status != STORE_OK || login.unshared_ms)
        return status;
    login.unshared_ms = now_ms;
    return save(txn, name, &login);
}

enum store_status login_note_push(struct store_txn *txn, const char *name, uint64_t now_ms)
{
    struct login login;
    enum store_status status = login_load(txn, name, &login);
    if (status != STORE_OK || (login.pushed_ms && now_ms < login.pushed_ms + PUSH_NOTED_EVERY_MS))
        return status;
    login.pushed_ms = now_ms;
    return save(txn, name, &login);
}

/* ---- the held ones ---- */

struct held {
    struct store_txn *txn;
    const char *login;
    char (*ids)[ISSUANCE_ID_MAX + 1]; /* owned */
    unsigned count, capacity;
    enum store_status status;
};

static bool is_held(struct held *held, const char *id)
{
    struct issuance is;
    struct subscription sub = {0};
    bool yes = issuance_load(held->txn, id, &is) == STORE_OK && is.state == ISSUANCE_HELD &&
               subscription_load(held->txn, &is.subscription, &sub) == STORE_OK && strcmp(sub.login, held->login) == 0;
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
    if (job->kind != JOB_ISSUANCE || !is_held(held, id))
        return true;
    if (held->count == held->capacity) {
        unsigned capacity = held->capacity ? 2 * held->capacity : 64;
        void *ids = realloc(held->ids, capacity * sizeof *held->ids);
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
    *count = held.count;
    free(held.ids);
    return status;
}
