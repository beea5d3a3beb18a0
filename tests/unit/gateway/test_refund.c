/* refund: whose order may be refunded, or cancelled: never one whose number is another subscription's. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/issue/money/refund.h"
#include "gateway/issue/record/numbers.h"

static const struct acme_id FIRST = {{1}}, SECOND = {{2}};

static enum store_status claim(struct store_txn *txn, void *arg)
{
    (void)arg;
    return numbers_claim(txn, NUMBER_ORDER, "1000001", &FIRST);
}

static enum store_status ours(struct store *store, struct acme_id id, const char *number)
{
    struct subscription sub = {.id = id};
    struct store_txn *txn;
    snprintf(sub.order_number, sizeof sub.order_number, "%s", number);
    assert_int_equal(store_read(store, &txn), STORE_OK);
    enum store_status status = refund_is_ours(txn, &sub);
    store_read_end(txn);
    return status;
}

static void test_a_number_of_another_is_not_ours(void **state)
{
    struct temp_store temp;
    (void)state;
    temp_store_open(&temp);
    assert_int_equal(store_call(temp.store, claim, NULL), STORE_OK);
    assert_int_equal(ours(temp.store, FIRST, "1000001"), STORE_OK);
    assert_int_equal(ours(temp.store, SECOND, "1000001"), STORE_EXISTS);
    assert_int_equal(ours(temp.store, SECOND, "1000002"), STORE_NOT_FOUND);
    assert_int_equal(ours(temp.store, SECOND, ""), STORE_NOT_FOUND);
    temp_store_close(&temp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_number_of_another_is_not_ours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
