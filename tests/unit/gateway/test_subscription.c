/* subscription: which one serves, until when it can be replaced, records and queue. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/issue/record/subscription.h"
#include "gateway/tables.h"

static const uint64_t DAY = 24 * 3600 * 1000;
#define RENEW_BEFORE (60 * DAY)

static struct acme_names names_of(const char *first, const char *second)
{
    struct acme_names names = {0};
    struct acme_identifier name = {.type = ACME_DNS_NAME};
    strcpy(name.value, first);
    assert_true(names_add(&names, &name));
    if (second) {
        strcpy(name.value, second);
        assert_true(names_add(&names, &name));
    }
    return names;
}

static struct subscription make(uint8_t id, const char *name)
{
    struct subscription sub = {.id = {{id}},
                               .state = SUBSCRIPTION_LIVE,
                               .policy = "p",
                               .profile = "f",
                               .login = "l",
                               .endpoint = strdup("https://ca.example"),
                               .product = 488,
                               .days = 365,
                               .bought_ms = 1000 * DAY};
    sub.names = names_of(name, NULL);
    return sub;
}

static enum store_status insert(struct store_txn *txn, void *arg)
{
    return subscription_insert(txn, arg);
}

static void put(struct temp_store *temp, struct subscription sub)
{
    assert_int_equal(store_call(temp->store, insert, &sub), STORE_OK);
    subscription_clear(&sub);
}

static enum store_status find(struct temp_store *temp, const struct subscription_scope *scope, uint64_t now_ms,
                              struct subscription *out)
{
    struct store_txn *txn;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    enum store_status status = subscription_find(txn, scope, now_ms, out);
    store_read_end(txn);
    return status;
}

static void test_scope(void **state)
{
    struct acme_names one = names_of("a.example", NULL), two = names_of("a.example", "b.example");
    const struct subscription_scope base = {"p", "f", "l", "https://ca.example", false, &one, RENEW_BEFORE, NULL};
    const struct subscription_scope others[] = {
        {"P", "f", "l", "https://ca.example", false, &one, 0, NULL},
        {"p", "F", "l", "https://ca.example", false, &one, 0, NULL},
        {"p", "f", "L", "https://ca.example", false, &one, 0, NULL},
        {"p", "f", "l", "https://cb.example", false, &one, 0, NULL},
        {"p", "f", "l", "https://ca.example", true, &one, 0, NULL},
        {"p", "f", "l", "https://ca.example", false, &two, 0, NULL},
        {"pf", "", "l", "https://ca.example", false, &one, 0, NULL},
    };
    uint8_t first[SUBSCRIPTION_DIGEST_LEN], other[SUBSCRIPTION_DIGEST_LEN];
    (void)state;
    assert_true(subscription_digest(&base, first));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_true(subscription_digest(&others[i], other));
        assert_memory_not_equal(first, other, sizeof first);
    }
    names_clear(&one);
    names_clear(&two);
}

static void test_replaceable(void **state)
{
    static const struct {
        uint32_t days;
        uint64_t age_days;
        bool replaceable;
    } cases[] = {
        {365, 0, true}, {365, 304, true}, {365, 305, false},  {365, 364, false},   {365, 366, false}, {30, 0, true},
        {30, 19, true}, {30, 20, false},  {1095, 1034, true}, {1095, 1035, false}, {7, 6, true}, /* always within seven
                                                                                                    days of purchase */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct subscription sub = {.state = SUBSCRIPTION_LIVE, .days = cases[i].days, .bought_ms = 1000 * DAY};
        assert_int_equal(subscription_replaceable(&sub, RENEW_BEFORE, (1000 + cases[i].age_days) * DAY),
                         cases[i].replaceable);
        sub.state = SUBSCRIPTION_ENDED;
        assert_false(subscription_replaceable(&sub, RENEW_BEFORE, (1000 + cases[i].age_days) * DAY));
    }
}

/* A replacement's notAfter tells what is left of the term: the whole term ends then, or the authority counts otherwise.
 */
static void test_used_up(void **state)
{
    struct subscription sub = {.state = SUBSCRIPTION_LIVE, .days = 365, .bought_ms = 1000 * DAY};
    static const struct {
        uint64_t now_day, not_after_day, previous_days;
        bool used_up;
    } cases[] = {
        {1264, 1365, 199, false}, /* to the term's end, and a hundred days are left */
        {1310, 1365, 199, true},  /* to the term's end, 55 days */
        {1310, 1357, 47, false},  /* short-lived by nature */
        {1310, 1357, 0, false},   /* nothing to compare with */
        {1200, 1250, 199, true},  /* much shorter than the one before: the term ends earlier than we believe */
        {1200, 1261, 199, false}, /* likewise, with 61 days left */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(subscription_used_up(&sub, RENEW_BEFORE, cases[i].not_after_day * DAY,
                                              cases[i].previous_days * DAY, cases[i].now_day * DAY),
                         cases[i].used_up);
    sub.state = SUBSCRIPTION_ENDED;
    assert_false(subscription_used_up(&sub, RENEW_BEFORE, 1365 * DAY, 199 * DAY, 1310 * DAY));
}

/* The profile may want more or less of the term left than 60 days, and a third bounds it all the same. */
static void test_renew_before(void **state)
{
    struct subscription sub = {.state = SUBSCRIPTION_LIVE, .days = 365, .bought_ms = 1000 * DAY};
    (void)state;
    assert_true(subscription_replaceable(&sub, 10 * DAY, (1000 + 354) * DAY));
    assert_false(subscription_replaceable(&sub, 10 * DAY, (1000 + 355) * DAY));
    assert_false(subscription_replaceable(&sub, 100 * DAY, (1000 + 265) * DAY));
    assert_true(subscription_replaceable(&sub, 300 * DAY, (1000 + 243) * DAY));
    assert_false(subscription_replaceable(&sub, 300 * DAY, (1000 + 244) * DAY));
    assert_true(subscription_replaceable(&sub, 0, (1000 + 364) * DAY));
    assert_false(subscription_replaceable(&sub, 0, (1000 + 365) * DAY));
}

static void test_find(void **state)
{
    struct temp_store temp;
    struct subscription found;
    struct acme_names one = names_of("a.example", NULL);
    struct subscription_scope scope = {"p", "f", "l", "https://ca.example", false, &one, RENEW_BEFORE, NULL};
    (void)state;
    temp_store_open(&temp);
    assert_int_equal(find(&temp, &scope, 1001 * DAY, &found), STORE_NOT_FOUND);
    subscription_clear(&found);

    struct subscription ended = make(1, "a.example"), old = make(2, "a.example"), new = make(3, "a.example");
    ended.state = SUBSCRIPTION_ENDED;
    new.bought_ms = 1100 * DAY;
    put(&temp, ended);
    put(&temp, make(9, "b.example"));
    assert_int_equal(find(&temp, &scope, 1101 * DAY, &found), STORE_NOT_FOUND);
    subscription_clear(&found);
    put(&temp, new);
    put(&temp, old);
    assert_int_equal(find(&temp, &scope, 1101 * DAY, &found), STORE_OK);
    assert_int_equal(found.id.octets[0], 3); /* the most term left */
    subscription_clear(&found);

    struct subscription dead = make(4, "a.example"), buying = make(5, "a.example");
    dead.state = SUBSCRIPTION_DEAD;
    buying.state = SUBSCRIPTION_BUYING;
    put(&temp, dead);
    assert_int_equal(find(&temp, &scope, 1101 * DAY, &found), STORE_OK);
    assert_int_equal(found.id.octets[0], 3); /* a live one goes before one that blocks */
    subscription_clear(&found);
    assert_int_equal(find(&temp, &scope, 3000 * DAY, &found), STORE_OK);
    assert_int_equal(found.id.octets[0], 4); /* nothing live: blocked */
    subscription_clear(&found);
    put(&temp, buying);
    assert_int_equal(find(&temp, &scope, 3000 * DAY, &found), STORE_OK);
    assert_int_equal(found.id.octets[0], 5);
    subscription_clear(&found);
    names_clear(&one);
    temp_store_close(&temp);
}

/* What a purchase becomes a replacement of: paid, replaceable, rather free than busy, of the same key where they are
 * not shared. One that was bought in the future is live. */
static void test_find_live(void **state)
{
    struct temp_store temp;
    struct subscription found;
    struct store_txn *txn;
    struct acme_names one = names_of("a.example", NULL);
    const struct subscription_scope scope = {"p", "f", "l", "https://ca.example", false, &one, RENEW_BEFORE, NULL};
    static const struct {
        uint64_t day;
        uint8_t id; /* 0: none */
    } cases[] = {{1001, 2}, {1400, 4}, {2100, 0}, {1250, 2}};
    struct subscription buying = make(1, "a.example"), live = make(2, "a.example"), busy = make(3, "a.example"),
                        busier = make(4, "a.example"), dead = make(5, "a.example");
    (void)state;
    temp_store_open(&temp);
    buying.state = SUBSCRIPTION_BUYING;
    buying.bought_ms = 0;
    dead.state = SUBSCRIPTION_DEAD;
    busy.bought_ms = 1001 * DAY;
    strcpy(busy.under_way, "x");
    busier.bought_ms = 1600 * DAY;
    strcpy(busier.under_way, "y");
    put(&temp, buying);
    put(&temp, live);
    put(&temp, busy);
    put(&temp, busier);
    put(&temp, dead);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(store_read(temp.store, &txn), STORE_OK);
        enum store_status status = subscription_find_live(txn, &scope, cases[i].day * DAY, &found);
        store_read_end(txn);
        assert_int_equal(status, cases[i].id ? STORE_OK : STORE_NOT_FOUND);
        assert_int_equal(found.id.octets[0], cases[i].id);
        subscription_clear(&found);
    }
    names_clear(&one);
    temp_store_close(&temp);
}

static void test_record_and_queue(void **state)
{
    struct temp_store temp;
    struct subscription sub = make(7, "a.example"), read;
    struct store_txn *txn;
    char id[8];
    (void)state;
    temp_store_open(&temp);
    for (int i = 0; i < SUBSCRIPTION_QUEUE_MAX; i++) {
        snprintf(id, sizeof id, "i%d", i);
        assert_true(subscription_enqueue(&sub, id));
    }
    assert_false(subscription_enqueue(&sub, "one too many"));
    subscription_forget(&sub, "nobody");
    subscription_forget(&sub, "i1");
    assert_true(subscription_add_certificate_id(&sub, "11"));
    assert_true(subscription_add_certificate_id(&sub, "12"));
    assert_true(subscription_add_certificate_id(&sub, "11"));
    strcpy(sub.under_way, "i-under-way");
    strcpy(sub.order_number, "77");
    sub.paid_cents = 1250;
    assert_int_equal(store_call(temp.store, insert, &sub), STORE_OK);
    assert_int_equal(store_call(temp.store, insert, &sub), STORE_EXISTS);
    assert_int_equal(store_read(temp.store, &txn), STORE_OK);
    assert_int_equal(subscription_load(txn, &sub.id, &read), STORE_OK);
    store_read_end(txn);
    assert_int_equal(read.queue_count, SUBSCRIPTION_QUEUE_MAX - 1);
    assert_string_equal(read.queue[0], "i0");
    assert_string_equal(read.queue[1], "i2");
    assert_int_equal(read.certificate_id_count, 2);
    assert_string_equal(read.certificate_ids[1], "12");
    assert_string_equal(read.under_way, "i-under-way");
    assert_string_equal(read.endpoint, "https://ca.example");
    assert_int_equal(read.paid_cents, 1250);
    assert_true(names_equal(&read.names, &sub.names));
    subscription_clear(&read);
    subscription_clear(&sub);
    temp_store_close(&temp);
}

static enum store_status put_record(struct store_txn *txn, void *arg)
{
    const struct store_slice *stored = arg;
    const struct acme_id id = {{7}};
    return store_put(txn, ISSUE_SUBSCRIPTIONS, id.octets, ACME_ID_LEN, stored->data, stored->len);
}

/* What version 1 wrote, octet for octet: stores of that time must stay readable. */
static void test_record_of_version_1(void **state)
{
    static const char octets[] =
        "\1\2\0\0\0\1p\0\0\0\1f\0\0\0\1l\0\0\0\1e\1\0\0\1\350\0\0\1\155\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\6"
        "\0\0\0\2"
        "77\1cccccccccccccccccc\0\0\0\0\0\0\0\1\1\0\0\0\11a.example\0\0\0\1\0\0\0\2"
        "11\0\0\0\1\0\0\0\2i0";
    struct store_slice stored = {(const uint8_t *)octets, sizeof octets - 1};
    const struct acme_id id = {{7}};
    struct temp_store temp;
    struct store_txn *txn;
    struct subscription sub;
    (void)state;
    temp_store_open(&temp);
    for (; stored.len > 0; stored.len--) {
        assert_int_equal(store_call(temp.store, put_record, &stored), STORE_OK);
        assert_int_equal(store_read(temp.store, &txn), STORE_OK);
        bool whole = stored.len == sizeof octets - 1;
        assert_int_equal(subscription_load(txn, &id, &sub), whole ? STORE_OK : STORE_INVALID);
        store_read_end(txn);
        if (whole) {
            assert_true(sub.test && sub.product == 488 && sub.days == 365 && sub.bought_ms == 5 && sub.paid_cents == 6);
            assert_string_equal(sub.order_number, "77");
            assert_string_equal(sub.names.list[0].value, "a.example");
            assert_string_equal(sub.certificate_ids[0], "11");
            assert_string_equal(sub.queue[0], "i0");
        }
        subscription_clear(&sub);
    }
    temp_store_close(&temp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_replaceable),
        cmocka_unit_test(test_renew_before),
        cmocka_unit_test(test_used_up),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_find_live),
        cmocka_unit_test(test_record_and_queue),
        cmocka_unit_test(test_record_of_version_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
