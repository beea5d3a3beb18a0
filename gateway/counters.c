#include "gateway/counters.h"

#include <string.h>

#include "gateway/tables.h"
#include "store/record.h"

enum { RECORD_VERSION = 1, NUMBER_LEN = 8, RECORD_MAX = 1 + COUNTERS_MAX * NUMBER_LEN };

enum store_status counters_decode(struct store_slice record, int64_t *numbers, unsigned count)
{
    struct record_reader r;
    memset(numbers, 0, count * sizeof *numbers);
    if (record_open(&r, record) != RECORD_VERSION)
        return STORE_INVALID;
    for (unsigned i = 0; i < count && r.left > 0; i++)
        numbers[i] = (int64_t)record_get_u64(&r);
    return record_complete(&r) ? STORE_OK : STORE_INVALID;
}

enum store_status counters_get(struct store_txn *txn, const void *key, size_t key_len, int64_t *numbers, unsigned count)
{
    struct store_slice value;
    enum store_status status = store_get(txn, ISSUE_COUNTERS, key, key_len, &value);
    if (status == STORE_OK)
        return counters_decode(value, numbers, count);
    memset(numbers, 0, count * sizeof *numbers);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status counters_add(struct store_txn *txn, const void *key, size_t key_len, const int64_t *by,
                               unsigned count)
{
    struct record_writer w;
    int64_t numbers[COUNTERS_MAX];
    enum store_status status = counters_get(txn, key, key_len, numbers, count);
    if (status == STORE_INVALID) /* what is only counted keeps nothing from going on: it begins anew */
        memset(numbers, 0, sizeof numbers);
    else if (status != STORE_OK)
        return status;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    for (unsigned i = 0; i < count; i++)
        record_put_u64(&w, (uint64_t)(numbers[i] + by[i]));
    status = w.failed ? STORE_IO : store_put(txn, ISSUE_COUNTERS, key, key_len, w.data, w.len);
    record_free(&w);
    return status;
}

struct found {
    char key[STORE_KEY_MAX];
    size_t len;
};

static bool take_key(void *ctx, struct store_slice key, struct store_slice value)
{
    struct found *found = ctx;
    (void)value;
    memcpy(found->key, key.data, key.len);
    found->len = key.len;
    return false;
}

enum store_status counters_drop(struct store_txn *txn, const void *prefix, size_t prefix_len)
{
    struct found first;
    enum store_status status;
    do {
        first.len = 0;
        status = store_visit_prefix(txn, ISSUE_COUNTERS, prefix, prefix_len, take_key, &first);
        if (status == STORE_OK && first.len > 0)
            status = store_delete(txn, ISSUE_COUNTERS, first.key, first.len);
    } while (status == STORE_OK && first.len > 0);
    return status;
}
