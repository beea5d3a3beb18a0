/* jobs: what is to be done, and when.
 *
 * By subject: kind, subject -> due. By due: due, kind, subject -> nothing. Integers are big-endian, so that keys
 * stand in order of time. The two tables always change together. */
#include "store/engine.h"

#include <string.h>

enum { DUE_SIZE = 8, SUBJECT_KEY_MAX = 1 + STORE_SUBJECT_MAX, DUE_KEY_MAX = DUE_SIZE + SUBJECT_KEY_MAX };

struct job_keys {
    /* The key by due time ends in the key by subject. */
    uint8_t by_due[DUE_KEY_MAX];
    size_t subject_len;
};

static void due_write(uint8_t out[static DUE_SIZE], uint64_t due_ms)
{
    for (int i = DUE_SIZE - 1; i >= 0; i--, due_ms >>= 8)
        out[i] = (uint8_t)(due_ms & 0xff);
}

static uint64_t due_read(const uint8_t in[static DUE_SIZE])
{
    uint64_t due_ms = 0;
    for (int i = 0; i < DUE_SIZE; i++)
        due_ms = due_ms << 8 | in[i];
    return due_ms;
}

static bool keys_make(struct job_keys *keys, uint8_t kind, const void *subject, size_t subject_len)
{
    if (subject_len == 0 || subject_len > STORE_SUBJECT_MAX)
        return false;
    keys->by_due[DUE_SIZE] = kind;
    memcpy(keys->by_due + DUE_SIZE + 1, subject, subject_len);
    keys->subject_len = 1 + subject_len;
    return true;
}

static enum store_status by_subject(struct store_txn *txn, const struct job_keys *keys, uint64_t *due_ms)
{
    struct store_slice value;
    enum store_status status = store_get(txn, table_own(txn->store, TABLE_JOBS_BY_SUBJECT), keys->by_due + DUE_SIZE,
                                         keys->subject_len, &value);
    if (status != STORE_OK)
        return status;
    if (value.len != DUE_SIZE)
        return STORE_INVALID;
    *due_ms = due_read(value.data);
    return STORE_OK;
}

/* Takes the job out of the table by due time; STORE_NOT_FOUND where there is none. */
static enum store_status unqueue(struct store_txn *txn, struct job_keys *keys)
{
    uint64_t due_ms;
    enum store_status status = by_subject(txn, keys, &due_ms);
    if (status != STORE_OK)
        return status;
    due_write(keys->by_due, due_ms);
    status = store_delete(txn, table_own(txn->store, TABLE_JOBS_BY_DUE), keys->by_due, DUE_SIZE + keys->subject_len);
    return status == STORE_NOT_FOUND ? STORE_INVALID : status; /* the tables disagree */
}

enum store_status store_job_set(struct store_txn *txn, uint8_t kind, const void *subject, size_t subject_len,
                                uint64_t due_ms)
{
    struct job_keys keys;
    if (!txn->writable || !keys_make(&keys, kind, subject, subject_len))
        return STORE_INVALID;
    enum store_status status = unqueue(txn, &keys);
    if (status != STORE_OK && status != STORE_NOT_FOUND)
        return status;
    due_write(keys.by_due, due_ms);
    status = store_put(txn, table_own(txn->store, TABLE_JOBS_BY_SUBJECT), keys.by_due + DUE_SIZE, keys.subject_len,
                       keys.by_due, DUE_SIZE);
    if (status == STORE_OK)
        status =
            store_put(txn, table_own(txn->store, TABLE_JOBS_BY_DUE), keys.by_due, DUE_SIZE + keys.subject_len, "", 0);
    if (status == STORE_OK && due_ms < txn->earliest_due_ms)
        txn->earliest_due_ms = due_ms;
    return status;
}

enum store_status store_job_clear(struct store_txn *txn, uint8_t kind, const void *subject, size_t subject_len)
{
    struct job_keys keys;
    if (!txn->writable || !keys_make(&keys, kind, subject, subject_len))
        return STORE_INVALID;
    enum store_status status = unqueue(txn, &keys);
    if (status != STORE_OK)
        return status;
    return store_delete(txn, table_own(txn->store, TABLE_JOBS_BY_SUBJECT), keys.by_due + DUE_SIZE, keys.subject_len);
}

enum store_status store_job_get(struct store_txn *txn, uint8_t kind, const void *subject, size_t subject_len,
                                uint64_t *due_ms)
{
    struct job_keys keys;
    if (!keys_make(&keys, kind, subject, subject_len))
        return STORE_INVALID;
    return by_subject(txn, &keys, due_ms);
}

struct jobs_visit {
    store_job_visit_fn *visit;
    void *ctx;
    bool damaged;
};

static bool on_job(void *ctx, struct store_slice key, struct store_slice value)
{
    struct jobs_visit *visit = ctx;
    (void)value;
    if (key.len < DUE_SIZE + 2 || key.len > DUE_KEY_MAX) {
        visit->damaged = true;
        return false;
    }
    struct store_job job = {
        .due_ms = due_read(key.data),
        .kind = key.data[DUE_SIZE],
        .subject_len = (uint8_t)(key.len - DUE_SIZE - 1),
    };
    memcpy(job.subject, key.data + DUE_SIZE + 1, job.subject_len);
    return visit->visit(visit->ctx, &job);
}

enum store_status store_jobs(struct store_txn *txn, store_job_visit_fn *visit, void *ctx)
{
    struct jobs_visit jobs = {.visit = visit, .ctx = ctx};
    enum store_status status = store_visit(txn, table_own(txn->store, TABLE_JOBS_BY_DUE), NULL, 0, on_job, &jobs);
    return jobs.damaged ? STORE_INVALID : status;
}
