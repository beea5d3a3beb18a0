/* relayed: a push that comes to a gateway beside the owner of the store is stored with its job, whole and bounded. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/issue/context.h"
#include "gateway/issue/life/relayed.h"

enum { LARGE = RELAYED_SIZE_MAX + 1 };

static bool count_job(void *ctx, const struct store_job *job)
{
    *(unsigned *)ctx += job->kind == JOB_RELAYED;
    return true;
}

static unsigned count_jobs(const struct temp_store *temp)
{
    struct store_txn *txn;
    unsigned count = 0;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    assert_int_equal(store_jobs(txn, count_job, &count), STORE_OK);
    store_read_end(txn);
    return count;
}

struct first {
    uint8_t key[8];
    size_t key_len, size;
};

static bool take_first(void *ctx, struct store_slice key, struct store_slice value)
{
    struct first *first = ctx;
    memcpy(first->key, key.data, key.len);
    first->key_len = key.len;
    first->size = value.len;
    return false;
}

static struct first first_of(const struct temp_store *temp)
{
    struct store_txn *txn;
    struct first first = {.key_len = 0};
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    assert_int_equal(store_visit(txn, ISSUE_PUSHES, NULL, 0, take_first, &first), STORE_OK);
    store_read_end(txn);
    assert_true(first.key_len > 0);
    return first;
}

/* What its job finds, taken down by the row of relayed_work itself. */
static void assert_loads(const struct temp_store *temp, const char *order_number)
{
    struct first first = first_of(temp);
    struct store_txn *txn;
    struct work *work = calloc(1, relayed_work.size);
    assert_non_null(work);
    memcpy(work->subject, first.key, first.key_len);
    work->subject_len = first.key_len;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    assert_int_equal(relayed_work.load(txn, work), STORE_OK);
    store_read_end(txn);
    /* the push follows the work */
    const struct sectigo_push *push = (const struct sectigo_push *)(const void *)(work + 1);
    assert_string_equal(push->order_number, order_number);
    assert_string_equal(push->status_desc, "Issued");
    assert_int_equal(push->kind, SECTIGO_PUSH_ISSUED);
    assert_null(push->removed_domains);
    relayed_work.clear(work);
    free(work);
}

static void test_a_push_is_kept_with_its_job(void **state)
{
    struct temp_store *temp = *state;
    struct issuer issuer = {.at.store = temp->store};
    struct sectigo_push push = {.kind = SECTIGO_PUSH_ISSUED, .order_number = "17", .status_desc = "Issued"};
    issuer_rest(&issuer);
    assert_true(issuer_push(&issuer, &push));
    assert_int_equal(temp_store_count(temp, ISSUE_PUSHES), 1);
    assert_int_equal(count_jobs(temp), 1);
    assert_loads(temp, "17");
    assert_true(issuer_push(&issuer, &push)); /* the same again takes its own place */
    assert_int_equal(temp_store_count(temp, ISSUE_PUSHES), 1);
    assert_int_equal(count_jobs(temp), 1);
}

/* Among 500 in 4096 places some thirty come upon a place that is taken. */
static void test_none_takes_the_place_of_another(void **state)
{
    struct temp_store *temp = *state;
    struct issuer issuer = {.at.store = temp->store};
    struct sectigo_push push = {.kind = SECTIGO_PUSH_ISSUED, .status_desc = "Issued"};
    issuer_rest(&issuer);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 500; i++) {
            snprintf(push.order_number, sizeof push.order_number, "%u", i);
            assert_true(issuer_push(&issuer, &push));
        }
        assert_int_equal(temp_store_count(temp, ISSUE_PUSHES), 500);
        assert_int_equal(count_jobs(temp), 500);
    }
}

static void test_they_are_bounded(void **state)
{
    struct temp_store *temp = *state;
    struct issuer issuer = {.at.store = temp->store};
    struct sectigo_push push = {.kind = SECTIGO_PUSH_ISSUED, .order_number = "18", .status_desc = "Issued"};
    push.certificate = malloc(LARGE + 1);
    assert_non_null(push.certificate);
    memset(push.certificate, 'A', LARGE);
    push.certificate[LARGE] = '\0';
    issuer_rest(&issuer);
    assert_true(issuer_push(&issuer, &push));
    assert_true(first_of(temp).size < 1000);
    assert_loads(temp, "18"); /* and it is looked for */
    sectigo_push_clear(&push);
    for (unsigned i = 0; i < 2 * RELAYED_MAX; i++) {
        snprintf(push.order_number, sizeof push.order_number, "%u", i);
        assert_true(issuer_push(&issuer, &push));
    }
    assert_true(temp_store_count(temp, ISSUE_PUSHES) <= RELAYED_MAX);
    assert_true(temp_store_count(temp, ISSUE_PUSHES) > RELAYED_MAX / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_push_is_kept_with_its_job, temp_store_set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_none_takes_the_place_of_another, temp_store_set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_they_are_bounded, temp_store_set_up, temp_store_tear_down),
    };
    return cmocka_run_group_tests_name("relayed", tests, NULL, NULL);
}
