/* numbers: each order number and certificate ID has one owner, whatever an answer says. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/issue/record/numbers.h"
#include "gateway/issue/record/subscription.h"

#define TEXT(text) ((char *)(uintptr_t)(text))

static const char HERE[] = "https://ca.example", ELSEWHERE[] = "https://test.example";
static const struct acme_id FIRST = {{1}}, SECOND = {{2}}, THIRD = {{3}}, FOURTH = {{4}};

struct world {
    struct temp_store temp;
    struct issuance is; /* of SECOND; its certificate is 7 */
    enum number_kind kind;
    const char *endpoint, *number, *certificate_id;
    struct acme_id owner;
    bool foreign;
};

static enum store_status claim(struct store_txn *txn, void *arg)
{
    struct world *w = arg;
    const struct subscription sub = {.id = w->owner, .endpoint = TEXT(w->endpoint)};
    return numbers_claim(txn, w->kind, w->number, &sub);
}

static enum store_status claimed(struct world *w, enum number_kind kind, const char *number, struct acme_id owner)
{
    w->kind = kind;
    w->number = number;
    w->owner = owner;
    return store_call(w->temp.store, claim, w);
}

static enum store_status ask(struct store_txn *txn, void *arg)
{
    struct world *w = arg;
    return numbers_foreign(txn, &w->is, w->endpoint, w->number, w->certificate_id, &w->foreign);
}

static bool foreign(struct world *w, const char *number, const char *certificate_id)
{
    w->number = number;
    w->certificate_id = certificate_id;
    assert_int_equal(store_call(w->temp.store, ask, w), STORE_OK);
    return w->foreign;
}

/* The index by certificate ID, as the commit into submitted writes it. */
static enum store_status index_certificate(struct store_txn *txn, void *arg)
{
    const struct world *w = arg;
    return store_put(txn, ISSUE_BY_CERTIFICATE_ID, "7", 1, w->is.id, strlen(w->is.id));
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    temp_store_open(&w->temp);
    w->endpoint = HERE;
    w->is = (struct issuance){.id = "a2", .subscription = SECOND};
    assert_int_equal(store_call(w->temp.store, index_certificate, w), STORE_OK);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    temp_store_close(&w->temp);
    free(w);
    return 0;
}

static void test_a_number_has_one_owner(void **state)
{
    struct world *w = *state;
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", FIRST), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", FIRST), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", SECOND), STORE_EXISTS);
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "1", SECOND), STORE_OK); /* another kind of number */
    assert_int_equal(claimed(w, NUMBER_ORDER, "", FIRST), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_ORDER, "", SECOND), STORE_OK);
}

static void test_what_is_foreign(void **state)
{
    struct world *w = *state;
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", FIRST), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_ORDER, "2", SECOND), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "5", FIRST), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "6", SECOND), STORE_OK); /* of an issuance before */
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "7", SECOND), STORE_OK);
    assert_false(foreign(w, "", ""));
    assert_false(foreign(w, "3", "8")); /* new */
    assert_false(foreign(w, "2", "7"));
    assert_true(foreign(w, "1", ""));
    assert_true(foreign(w, "1", "8"));
    assert_true(foreign(w, "3", "5"));
    assert_true(foreign(w, "", "6"));
}

static enum store_status put_subscriptions(struct store_txn *txn, void *arg)
{
    struct acme_names names = {0};
    struct acme_identifier name = {.type = ACME_DNS_NAME, .value = "a.example"};
    char ids[2][SECTIGO_CERTIFICATE_ID_MAX + 1] = {"5", "6"};
    struct subscription sub = {.state = SUBSCRIPTION_LIVE,
                               .endpoint = TEXT(HERE),
                               .order_number = "1",
                               .certificate_ids = ids,
                               .certificate_id_count = 2};
    struct issuance is = {.id = "a9",
                          .kind = ISSUANCE_REPLACEMENT,
                          .state = ISSUANCE_COLLECTED,
                          .subscription = SECOND,
                          .order_number = "1repl#1",
                          .certificate_id = "9",
                          .csr = (uint8_t[]){1},
                          .csr_len = 1};
    (void)arg;
    assert_true(names_add(&names, &name));
    sub.names = names;
    sub.id = FIRST;
    enum store_status status = subscription_insert(txn, &sub);
    sub.id = SECOND; /* the fault that was: the same number once more */
    sub.certificate_id_count = 1;
    if (status == STORE_OK)
        status = subscription_insert(txn, &sub);
    names_clear(&names);
    return status == STORE_OK ? issuance_save(txn, &is) : status;
}

static enum store_status migrate(struct store_txn *txn, void *arg)
{
    char reason[STORE_REASON_SIZE];
    (void)arg;
    return numbers_migrate(txn, reason);
}

static void test_an_older_store_is_gathered(void **state)
{
    struct world *w = *state;
    assert_int_equal(store_call(w->temp.store, put_subscriptions, NULL), STORE_OK);
    assert_int_equal(store_call(w->temp.store, migrate, NULL), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", FIRST), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", SECOND), STORE_EXISTS);
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "5", SECOND), STORE_EXISTS);
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "6", SECOND), STORE_EXISTS);
    assert_int_equal(claimed(w, NUMBER_ORDER, "1repl#1", FIRST), STORE_EXISTS);
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "9", FIRST), STORE_EXISTS);
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "10", FIRST), STORE_OK);
}

static enum store_status put_elsewhere(struct store_txn *txn, void *arg)
{
    const struct world *w = arg;
    struct acme_identifier name = {.type = ACME_DNS_NAME, .value = "b.example"};
    struct subscription sub = {.state = SUBSCRIPTION_LIVE, .id = w->owner, .endpoint = TEXT(w->endpoint)};
    assert_true(names_add(&sub.names, &name));
    enum store_status status = subscription_insert(txn, &sub);
    names_clear(&sub.names);
    return status;
}

static void put_at(struct world *w, struct acme_id id, const char *endpoint)
{
    w->owner = id;
    w->endpoint = endpoint;
    assert_int_equal(store_call(w->temp.store, put_elsewhere, w), STORE_OK);
}

static enum store_status ask_owner(struct store_txn *txn, void *arg)
{
    struct world *w = arg;
    return numbers_owner(txn, w->kind, w->endpoint, w->number, &w->owner);
}

static bool owned_by(struct world *w, const char *endpoint, const char *number, struct acme_id id)
{
    w->kind = NUMBER_ORDER;
    w->endpoint = endpoint;
    w->number = number;
    return store_call(w->temp.store, ask_owner, w) == STORE_OK && memcmp(&w->owner, &id, sizeof id) == 0;
}

/* Sectigo and its test system, say, number their orders each for itself. */
static void test_endpoints_give_the_same_numbers(void **state)
{
    struct world *w = *state;
    put_at(w, FIRST, HERE);
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", FIRST), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "5", FIRST), STORE_OK);
    put_at(w, THIRD, ELSEWHERE);
    assert_false(owned_by(w, ELSEWHERE, "1", FIRST));
    w->is.subscription = THIRD;
    assert_false(foreign(w, "1", "5"));
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", THIRD), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", THIRD), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", FOURTH), STORE_EXISTS);
    assert_true(owned_by(w, ELSEWHERE, "1", THIRD));
    assert_true(owned_by(w, HERE, "1", FIRST));
    w->endpoint = ELSEWHERE;
    assert_false(foreign(w, "1", ""));
    w->is.subscription = FOURTH;
    assert_true(foreign(w, "1", ""));
    w->endpoint = HERE;
    assert_true(foreign(w, "1", ""));
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", SECOND), STORE_EXISTS);
}

/* ---- of one that goes ---- */

struct retired {
    struct subscription sub;
};

static enum store_status retire(struct store_txn *txn, void *arg)
{
    const struct retired *r = arg;
    return numbers_retire(txn, &r->sub);
}

static enum store_status index_family(struct store_txn *txn, void *arg)
{
    const struct retired *r = arg;
    enum store_status status = store_put(txn, ISSUE_BY_ORDER_NUMBER, "1", 1, "a1", 2);
    if (status == STORE_OK)
        status = store_put(txn, ISSUE_BY_CERTIFICATE_ID, "5", 1, "a1", 2);
    return status == STORE_OK ? store_put(txn, ISSUE_IMPORTED, "1", 1, r->sub.id.octets, ACME_ID_LEN) : status;
}

static uint64_t count(const struct world *w, unsigned table)
{
    return temp_store_count(&w->temp, table);
}

static const struct acme_id NOBODY = {{0}};
static char ids[][SECTIGO_CERTIFICATE_ID_MAX + 1] = {"5", "50"};

static struct retired make_family(struct world *w)
{
    struct retired r = {{.id = FIRST, .endpoint = TEXT(HERE), .order_number = "1"}};
    r.sub.certificate_ids = ids;
    r.sub.certificate_id_count = 2;
    put_at(w, FIRST, HERE);
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", FIRST), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_ORDER, "1repl#1", FIRST), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "5", FIRST), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "50", FIRST), STORE_OK);
    assert_int_equal(claimed(w, NUMBER_ORDER, "12", SECOND), STORE_OK); /* which begins alike, and stays */
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "501", SECOND), STORE_OK);
    return r;
}

static void test_numbers_of_one_that_is_gone_are_nobodys(void **state)
{
    struct world *w = *state;
    struct retired r = make_family(w);
    assert_int_equal(store_call(w->temp.store, index_family, &r), STORE_OK);
    assert_int_equal(store_call(w->temp.store, retire, &r), STORE_OK);
    assert_int_equal(count(w, ISSUE_NUMBERS), 2);
    assert_int_equal(count(w, ISSUE_BY_ORDER_NUMBER), 0);
    assert_int_equal(count(w, ISSUE_BY_CERTIFICATE_ID), 1);
    assert_int_equal(count(w, ISSUE_IMPORTED), 0);
    assert_true(owned_by(w, HERE, "1", NOBODY));
    assert_true(owned_by(w, HERE, "1repl#1", NOBODY));
    assert_true(owned_by(w, HERE, "12", SECOND));
    assert_true(foreign(w, "1", ""));
    assert_true(foreign(w, "77", "50"));
    assert_false(foreign(w, "77", "78"));
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", SECOND), STORE_EXISTS);
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "50", SECOND), STORE_EXISTS);
    w->endpoint = ELSEWHERE; /* to which they are numbers like any other */
    assert_false(foreign(w, "1", "5"));
    assert_int_equal(claimed(w, NUMBER_ORDER, "1", THIRD), STORE_OK);
    assert_true(owned_by(w, ELSEWHERE, "1", THIRD));
}

/* The other's are told apart by those of this one. */
static void test_numbers_that_another_endpoint_shares_stay(void **state)
{
    struct world *w = *state;
    struct retired r = make_family(w);
    put_at(w, THIRD, ELSEWHERE);
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "50", THIRD), STORE_OK);
    uint64_t before = count(w, ISSUE_NUMBERS);
    assert_int_equal(store_call(w->temp.store, retire, &r), STORE_REFUSED);
    assert_int_equal(count(w, ISSUE_NUMBERS), before);
    assert_true(owned_by(w, HERE, "1", FIRST));
    struct retired other = {{.id = THIRD, .endpoint = TEXT(ELSEWHERE), .order_number = "9"}};
    other.sub.certificate_ids = ids + 1;
    other.sub.certificate_id_count = 1;
    assert_int_equal(store_call(w->temp.store, retire, &other), STORE_OK); /* and go where it goes first */
    assert_int_equal(count(w, ISSUE_NUMBERS), before - 1);
    assert_int_equal(store_call(w->temp.store, retire, &r), STORE_OK);
    w->endpoint = ELSEWHERE;
    assert_int_equal(claimed(w, NUMBER_CERTIFICATE, "50", FOURTH), STORE_EXISTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_endpoints_give_the_same_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numbers_of_one_that_is_gone_are_nobodys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numbers_that_another_endpoint_shares_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_number_has_one_owner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_foreign, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_older_store_is_gathered, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
