/* imported: what a reconciliation found belongs to the first that asks for its names, and is bought by nobody again. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "acme/limits.h"
#include "gateway/issue/money/spending.h"
#include "gateway/issue/order/imported.h"

static const uint64_t NOW = 1796040000000, DAY = 86400000;

#define TEXT(text) ((char *)(uintptr_t)(text))

static struct config_login logins[] = {{.name = TEXT("l"), .url = TEXT("https://ca.example")}};
static struct config_profile profiles[] = {
    {.name = TEXT("short"), .login = TEXT("l"), .days = 90, .product_multi = 492, .prices = {.multi_cents = 700}},
    {.name = TEXT("long"),
     .login = TEXT("l"),
     .days = 730,
     .product_multi = 492,
     .prices = {.multi_cents = 900, .extra_name_cents = 100}},
    {.name = TEXT("other"), .login = TEXT("m"), .days = 1826, .prices = {.multi_cents = 90000}}};
static const struct config config = {.logins = logins, .login_count = 1, .profiles = profiles, .profile_count = 3};

struct world {
    struct temp_store temp;
    struct report_row row;
    struct subscription_scope scope;
    struct subscription found; /* after `look` or `claim` */
    struct acme_names names;
};

static void set_names(struct world *w, const char *first, const char *second)
{
    const char *const given[] = {first, second};
    names_clear(&w->names);
    for (size_t i = 0; i < 2 && given[i]; i++) {
        struct acme_identifier name = {.type = ACME_DNS_NAME};
        snprintf(name.value, sizeof name.value, "%s", given[i]);
        assert_true(names_add(&w->names, &name));
    }
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    temp_store_open(&w->temp);
    w->row = (struct report_row){.order_number = "77", .certificate_id = "5", .ordered_s = (int64_t)(NOW / 1000)};
    w->row.names = TEXT("B.example, a.example");
    w->scope = (struct subscription_scope){
        .policy = "p", .profile = "short", .login = "l", .endpoint = "https://ca.example", .names = &w->names};
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    subscription_clear(&w->found);
    names_clear(&w->names);
    temp_store_close(&w->temp);
    free(w);
    return 0;
}

static enum store_status insert(struct store_txn *txn, void *arg)
{
    struct world *w = arg;
    return imported_insert(txn, &config, logins, &w->row, NULL, NOW);
}

static enum store_status look(struct store_txn *txn, void *arg)
{
    struct world *w = arg;
    subscription_clear(&w->found);
    return imported_for(txn, &w->scope, NOW, &w->found);
}

static enum store_status claim(struct store_txn *txn, void *arg)
{
    struct world *w = arg;
    enum store_status status = look(txn, arg);
    return status == STORE_OK ? imported_claim(txn, &w->found, &w->scope, 492) : status;
}

static enum store_status find_sold(struct store_txn *txn, void *arg)
{
    struct world *w = arg;
    subscription_clear(&w->found);
    return subscription_find(txn, &w->scope, NOW, &w->found);
}

static void test_belongs_to_the_first_that_asks(void **state)
{
    struct world *w = *state;
    struct store *store = w->temp.store;
    set_names(w, "a.example", "b.example");
    assert_int_equal(store_call(store, look, w), STORE_NOT_FOUND);
    assert_int_equal(store_call(store, insert, w), STORE_OK);
    assert_int_equal(store_call(store, find_sold, w), STORE_NOT_FOUND);
    assert_int_equal(store_call(store, look, w), STORE_OK);
    assert_string_equal(w->found.order_number, "77");
    assert_int_equal(w->found.days, 730); /* of the login's profiles the longest */
    assert_int_equal(w->found.bought_ms, NOW);
    assert_true(subscription_has_certificate_id(&w->found, "5"));

    w->scope.login = "m";
    assert_int_equal(store_call(store, look, w), STORE_NOT_FOUND);
    w->scope.login = "l";
    w->scope.test = true;
    assert_int_equal(store_call(store, look, w), STORE_NOT_FOUND);
    w->scope.test = false;
    w->scope.endpoint = "https://cb.example";
    assert_int_equal(store_call(store, look, w), STORE_NOT_FOUND);
    w->scope.endpoint = "https://ca.example";
    set_names(w, "a.example", NULL);
    assert_int_equal(store_call(store, look, w), STORE_NOT_FOUND);
    set_names(w, "a.example", "b.example");

    assert_int_equal(store_call(store, claim, w), STORE_OK);
    assert_int_equal(store_call(store, find_sold, w), STORE_OK);
    assert_string_equal(w->found.policy, "p");
    assert_string_equal(w->found.profile, "short");
    assert_int_equal(w->found.product, 492);
    assert_string_equal(w->found.order_number, "77");
    w->scope.policy = "another";
    assert_int_equal(store_call(store, look, w), STORE_NOT_FOUND);
}

static struct spending_sums sums_of(struct world *w, const char *policy, uint64_t at_ms)
{
    struct spending_sums sums;
    struct store_txn *txn;
    assert_int_equal(store_read(w->temp.store, &txn), STORE_OK);
    assert_int_equal(spending_sums(txn, policy, at_ms, &sums), STORE_OK);
    store_read_end(txn);
    return sums;
}

/* In the day of the order, at the most that a profile of the login asks; the policy's once it has a policy. */
static void test_is_counted_once(void **state)
{
    struct world *w = *state;
    w->row.ordered_s = (int64_t)((NOW - DAY) / 1000);
    set_names(w, "a.example", "b.example");
    assert_int_equal(store_call(w->temp.store, insert, w), STORE_OK);
    assert_int_equal(store_call(w->temp.store, insert, w), STORE_EXISTS);
    assert_int_equal(sums_of(w, NULL, NOW).day_count, 0);
    assert_int_equal(sums_of(w, NULL, NOW - DAY).day_count, 1);
    assert_int_equal(sums_of(w, NULL, NOW - DAY).day_cents, 1000);
    assert_int_equal(sums_of(w, "p", NOW - DAY).day_count, 0);
    assert_int_equal(store_call(w->temp.store, claim, w), STORE_OK);
    assert_int_equal(sums_of(w, NULL, NOW - DAY).day_count, 1);
    assert_int_equal(sums_of(w, "p", NOW - DAY).day_count, 1);
    assert_int_equal(sums_of(w, "p", NOW - DAY).day_cents, 1000);
}

/* A report that gives an order the number, or the certificate, of one that is known. */
static void test_numbers_have_one_owner(void **state)
{
    struct world *w = *state;
    assert_int_equal(store_call(w->temp.store, insert, w), STORE_OK);
    w->row.names = TEXT("c.example");
    assert_int_equal(store_call(w->temp.store, insert, w), STORE_EXISTS);
    memcpy(w->row.order_number, "78", 3);
    assert_int_equal(store_call(w->temp.store, insert, w), STORE_EXISTS);
    memcpy(w->row.certificate_id, "6", 2);
    assert_int_equal(store_call(w->temp.store, insert, w), STORE_OK);
}

/* Sectigo adds the base name to a wildcard: the report may have it where the order had not, or the other way round. */
static void test_wildcards(void **state)
{
    struct world *w = *state;
    struct store *store = w->temp.store;
    w->row.names = TEXT("*.a.example a.example");
    assert_int_equal(store_call(store, insert, w), STORE_OK);
    w->row.names = TEXT("*.b.example");
    memcpy(w->row.order_number, "78", 3);
    memcpy(w->row.certificate_id, "6", 2);
    assert_int_equal(store_call(store, insert, w), STORE_OK);
    set_names(w, "*.a.example", "a.example");
    assert_int_equal(store_call(store, look, w), STORE_OK);
    set_names(w, "*.b.example", "b.example");
    assert_int_equal(store_call(store, look, w), STORE_OK);
    set_names(w, "*.b.example", "a.example");
    assert_int_equal(store_call(store, look, w), STORE_NOT_FOUND);
    set_names(w, "a.example", NULL);
    assert_int_equal(store_call(store, look, w), STORE_NOT_FOUND);
    set_names(w, "*.a.example", NULL);
    assert_int_equal(store_call(store, claim, w), STORE_OK);
    assert_int_equal(store_call(store, find_sold, w), STORE_OK); /* with the names that were ordered */
    assert_int_equal(w->found.names.count, 1);
}

static void test_names_that_cannot_be_ordered(void **state)
{
    static const char *const bad[] = {"", " , ", "not_a_name!", "a.example, *"};
    struct world *w = *state;
    w->row.names = NULL;
    assert_int_equal(store_call(w->temp.store, insert, w), STORE_REFUSED);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        w->row.names = TEXT(bad[i]);
        assert_int_equal(store_call(w->temp.store, insert, w), STORE_REFUSED);
    }
}

static void test_a_term_that_is_over_serves_nobody(void **state)
{
    struct world *w = *state;
    set_names(w, "a.example", "b.example");
    w->row.ordered_s = (int64_t)((NOW - 731 * DAY) / 1000);
    assert_int_equal(store_call(w->temp.store, insert, w), STORE_OK);
    assert_int_equal(store_call(w->temp.store, look, w), STORE_NOT_FOUND);
}

/* What the report says of the term counts, where it is longer than what the profiles buy today. */
static void test_the_report_knows_a_longer_term(void **state)
{
    struct world *w = *state;
    set_names(w, "a.example", "b.example");
    w->row.ordered_s = (int64_t)((NOW - 731 * DAY) / 1000);
    w->row.days = 1095;
    assert_int_equal(store_call(w->temp.store, insert, w), STORE_OK);
    assert_int_equal(store_call(w->temp.store, look, w), STORE_OK);
    assert_int_equal(w->found.days, 1095);
}

static enum store_status insert_of_moved(struct store_txn *txn, void *arg)
{
    static const struct config_login moved = {.name = TEXT("n"), .url = TEXT("https://ca.example")};
    struct world *w = arg;
    return imported_insert(txn, &config, &moved, &w->row, NULL, NOW);
}

/* Found by the simulation: what was bought with a login that no profile has any more was bought again, since nobody said
 * for how long it was bought. */
static void test_a_term_that_nobody_says(void **state)
{
    struct world *w = *state;
    set_names(w, "a.example", "b.example");
    w->scope.login = "n";
    assert_int_equal(store_call(w->temp.store, insert_of_moved, w), STORE_OK);
    assert_int_equal(store_call(w->temp.store, look, w), STORE_OK);
    assert_int_equal(w->found.days, 1826);
}

/* A record of them could be written, and never be read again. */
static void test_more_names_than_an_order_has(void **state)
{
    struct world *w = *state;
    char names[(ACME_IDENTIFIERS_MAX + 1) * 16] = "";
    size_t len = 0;
    for (int i = 0; i <= ACME_IDENTIFIERS_MAX; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, "n%d.example ", i);
    w->row.names = names;
    assert_int_equal(store_call(w->temp.store, insert, w), STORE_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_belongs_to_the_first_that_asks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_is_counted_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numbers_have_one_owner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wildcards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_that_cannot_be_ordered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_term_that_is_over_serves_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_report_knows_a_longer_term, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_term_that_nobody_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_more_names_than_an_order_has, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
