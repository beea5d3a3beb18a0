/* scan: a whole table in short snapshots, and with rests between them. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/scan.h"

enum { RECORDS = 1250 }; /* two and a half snapshots */

static enum store_status fill(struct store_txn *txn, void *arg)
{
    enum store_status status = STORE_OK;
    (void)arg;
    for (unsigned i = 0; i < RECORDS && status == STORE_OK; i++) {
        const uint8_t key[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        status = store_put(txn, ACME_UNFETCHED, key, sizeof key, "", 0);
    }
    return status;
}

struct seen {
    unsigned records, rests, rests_allowed, stop_at;
};

static bool see(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct seen *seen = ctx;
    (void)txn;
    (void)value;
    assert_int_equal(key.data[0] << 8 | key.data[1], seen->records); /* each once, in order */
    return ++seen->records != seen->stop_at;
}

static bool rest(void *ctx)
{
    struct seen *seen = ctx;
    return ++seen->rests <= seen->rests_allowed;
}

static enum store_status look(struct temp_store *temp, struct seen *seen)
{
    return scan_slowly(temp->store, ACME_UNFETCHED, see, seen, rest, seen);
}

static void test_rests(void **state)
{
    struct temp_store temp;
    struct scan_from all = {.len = 0};
    struct seen whole = {.rests_allowed = 9}, stopped = {.rests_allowed = 1},
                ended = {.rests_allowed = 9, .stop_at = 700}, none = {0}, at_once = {0};
    (void)state;
    temp_store_open(&temp);
    assert_int_equal(look(&temp, &none), STORE_OK);
    assert_int_equal(none.records + none.rests, 0);
    assert_int_equal(store_call(temp.store, fill, NULL), STORE_OK);
    assert_int_equal(look(&temp, &whole), STORE_OK);
    assert_int_equal(whole.records, RECORDS);
    assert_int_equal(whole.rests, 2);
    assert_int_equal(look(&temp, &stopped), STORE_CLOSED);
    assert_int_equal(stopped.records, 1000);
    assert_int_equal(look(&temp, &ended), STORE_OK);
    assert_int_equal(ended.records, 700);
    assert_int_equal(ended.rests, 1);
    assert_int_equal(scan(temp.store, ACME_UNFETCHED, &all, see, &at_once), STORE_OK);
    assert_int_equal(at_once.records, RECORDS);
    temp_store_close(&temp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
