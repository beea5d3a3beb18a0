/* audit: what is written about an order is read as the same object, of today's form and of before. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/audit.h"

static const struct acme_id account = {{1, 2, 3}};
static struct acme_identifier names[] = {{ACME_DNS_NAME, "*.a.example"}, {ACME_DNS_NAME, "a.example"}};

static const char expected[] =
    "{\"time_ms\":7000,\"what\":\"refund\",\"issuance\":\"a0123\",\"account\":\"AQIDAAAAAAAAAAAAAAAAAAAA\",\"key\":"
    "\"\","
    "\"policy\":\"house\",\"profile\":\"dv\",\"login\":\"main\",\"order_number\":\"12repl#1\",\"certificate_id\":\"\","
    "\"product\":488,\"amount_cents\":-1250,\"names\":[\"*.a.example\",\"a.example\"],\"ordered_ms\":5}";

static enum store_status add_line(struct store_txn *txn, void *arg)
{
    const char *what = arg;
    const struct acme_names both = {names, 2};
    const struct audit_line line = {.what = what,
                                    .issuance = "a0123",
                                    .policy = "house",
                                    .profile = "dv",
                                    .login = "main",
                                    .order_number = "12repl#1",
                                    .certificate_id = "",
                                    .account = &account,
                                    .names = &both,
                                    .product = 488,
                                    .amount_cents = -1250,
                                    .ordered_ms = 5};
    return audit_add(txn, &line, 7000);
}

struct kept {
    uint8_t key[64], value[512];
    struct store_slice at_key, at_value;
    unsigned count;
};

static bool keep_line(void *ctx, struct store_slice key, struct store_slice value)
{
    struct kept *kept = ctx;
    kept->count++;
    assert_true(key.len <= sizeof kept->key && value.len <= sizeof kept->value);
    memcpy(kept->key, key.data, key.len);
    memcpy(kept->value, value.data, value.len);
    kept->at_key = (struct store_slice){kept->key, key.len};
    kept->at_value = (struct store_slice){kept->value, value.len};
    return true;
}

static void look(struct temp_store *temp, struct kept *kept)
{
    struct store_txn *txn;
    kept->count = 0;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    assert_int_equal(store_visit(txn, ISSUE_AUDIT, NULL, 0, keep_line, kept), STORE_OK);
    store_read_end(txn);
}

static void expect_line(const struct kept *kept, const char *text)
{
    json_t *line = audit_read(kept->at_key, kept->at_value);
    char *read = line ? json_dumps(line, JSON_COMPACT) : NULL;
    assert_non_null(read);
    assert_string_equal(read, text);
    free(read);
    json_decref(line);
}

static void test_line(void **state)
{
    struct temp_store temp;
    struct kept kept;
    (void)state;
    temp_store_open(&temp);
    assert_int_equal(store_call(temp.store, add_line, (char[]){"refund"}), STORE_OK);
    look(&temp, &kept);
    assert_int_equal(kept.count, 1);
    expect_line(&kept, expected);
    assert_true(kept.at_value.len < 100);
    size_t whole = kept.at_value.len;
    for (kept.at_value.len = 0; kept.at_value.len < whole; kept.at_value.len++)
        assert_null(audit_read(kept.at_key, kept.at_value));
    kept.at_value.len = whole;
    kept.at_key.len = 8; /* of no subject */
    assert_null(audit_read(kept.at_key, kept.at_value));
    /* Its key would not tell it from a subject. */
    assert_int_equal(store_call(temp.store, add_line, (char[]){"two words"}), STORE_INVALID);
    temp_store_close(&temp);
}

/* The second of a millisecond has the next one's place, and its own time. */
static void test_two_at_once(void **state)
{
    struct temp_store temp;
    struct kept kept;
    (void)state;
    temp_store_open(&temp);
    for (int i = 0; i < 2; i++)
        assert_int_equal(store_call(temp.store, add_line, (char[]){"refund"}), STORE_OK);
    look(&temp, &kept);
    assert_int_equal(kept.count, 2);
    assert_int_equal(kept.at_key.data[7], (7000 & 0xff) + 1);
    expect_line(&kept, expected);
    temp_store_close(&temp);
}

static void test_lines_of_before(void **state)
{
    const char *key = "\0\0\0\0\0\0\0\1a0123 refund";
    const struct kept kept = {.at_key = {(const uint8_t *)key, 8 + strlen(key + 8)},
                              .at_value = {(const uint8_t *)expected, sizeof expected - 1}};
    const struct kept bad = {.at_key = kept.at_key, .at_value = {(const uint8_t *)"\2x", 2}};
    (void)state;
    expect_line(&kept, expected);
    assert_null(audit_read(bad.at_key, bad.at_value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_line), cmocka_unit_test(test_two_at_once),
                                       cmocka_unit_test(test_lines_of_before)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
