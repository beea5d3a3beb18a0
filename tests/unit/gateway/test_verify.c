/* verify: what is at fault in a store is found and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acme/account.h"
#include "acme/certificate.h"
#include "acme/policy.h"
#include "acme/records.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/scheduler.h"
#include "gateway/verify/verify.h"

#include "temp_store.h"

struct said {
    unsigned count;
    char table[64], key[VERIFY_KEY_MAX], what[128];
};

static void note(void *ctx, const char *table, const char *key, const char *what)
{
    struct said *said = ctx;
    said->count++;
    snprintf(said->table, sizeof said->table, "%s", table);
    snprintf(said->key, sizeof said->key, "%s", key);
    snprintf(said->what, sizeof said->what, "%s", what);
}

static struct said verify(struct temp_store *temp)
{
    struct said said = {0};
    struct verify_result result;
    struct store_txn *txn;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    assert_int_equal(verify_store(txn, note, &said, &result), STORE_OK);
    store_read_end(txn);
    assert_int_equal(result.faults, said.count);
    assert_true(result.records > 0);
    return said;
}

static const char ID[] = "a0123456789abcdef0123456789abcdef";
static const char JWK[] = "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"a\",\"y\":\"b\"}";

/* A policy, an account, a subscription and an issuance under way. */
static enum store_status fill(struct store_txn *txn, void *arg)
{
    struct acme_policy policy;
    struct acme_account account = {.status = ACME_ACCOUNT_VALID, .created_s = 1};
    struct subscription sub = {.state = SUBSCRIPTION_BUYING, .product = 488, .days = 365};
    struct issuance is = {.kind = ISSUANCE_PURCHASE, .state = ISSUANCE_PUBLISHED, .created_ms = 1};
    struct acme_identifier name = {.type = ACME_DNS_NAME, .value = "example.com"};
    uint8_t csr[] = {1, 2, 3};
    (void)arg;
    memset(account.id.octets, 1, ACME_ID_LEN);
    memset(sub.id.octets, 2, ACME_ID_LEN);
    account.key = strdup(JWK);
    sub.names = (struct acme_names){&name, 1};
    is.subscription = sub.id;
    is.csr = csr;
    is.csr_len = sizeof csr;
    snprintf(is.id, sizeof is.id, "%s", ID);
    enum store_status status = acme_policy_make("fleet", &policy) ? acme_policy_save(txn, &policy) : STORE_IO;
    acme_policy_clear(&policy);
    if (status == STORE_OK)
        status = acme_account_bind_key(txn, account.thumbprint, &account.id);
    if (status == STORE_OK)
        status = acme_account_save(txn, &account);
    if (status == STORE_OK)
        status = subscription_save(txn, &sub);
    if (status == STORE_OK)
        status = issuance_save(txn, &is);
    free(account.key);
    return status == STORE_OK ? store_job_set(txn, JOB_ISSUANCE, ID, strlen(ID), 1) : status;
}

static enum store_status drop_job(struct store_txn *txn, void *arg)
{
    (void)arg;
    return store_job_clear(txn, JOB_ISSUANCE, ID, strlen(ID));
}

struct damage {
    unsigned table;
    const void *key;
    size_t key_len;
    bool gone;
};

static enum store_status do_damage(struct store_txn *txn, void *arg)
{
    const struct damage *d = arg;
    return d->gone ? store_delete(txn, d->table, d->key, d->key_len)
                   : store_put(txn, d->table, d->key, d->key_len, "\377garbage", 8);
}

static void finds_each_fault(void **state)
{
    static const uint8_t account[ACME_ID_LEN] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
                         sub[ACME_ID_LEN] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
    static const struct {
        struct damage damage;
        unsigned faults;
        const char *table, *key, *what;
    } rows[] = {
        {{ACME_POLICIES, "fleet", 5, false}, 1, "policies", "fleet", "cannot be decoded"},
        {{ISSUE_ISSUANCES, ID, sizeof ID - 1, false}, 1, "issuances", ID, "cannot be decoded"},
        {{ISSUE_SUBSCRIPTIONS, sub, sizeof sub, true}, 1, "issuances", ID, "names a subscription"},
        {{ISSUE_SUBSCRIPTIONS, sub, sizeof sub, false}, 2, "issuances", ID, "names a subscription"},
        {{ACME_ACCOUNTS, account, sizeof account, true}, 1, "account-keys", "", "names a record that is not there"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct temp_store temp;
        struct damage damage = rows[i].damage;
        temp_store_open(&temp);
        assert_int_equal(store_call(temp.store, fill, NULL), STORE_OK);
        assert_int_equal(verify(&temp).count, 0);
        assert_int_equal(store_call(temp.store, do_damage, &damage), STORE_OK);
        struct said said = verify(&temp);
        assert_int_equal(said.count, rows[i].faults);
        assert_string_equal(said.table, rows[i].table);
        if (rows[i].key[0])
            assert_string_equal(said.key, rows[i].key);
        assert_non_null(strstr(said.what, rows[i].what));
        temp_store_close(&temp);
    }
}

static void finds_what_nothing_continues(void **state)
{
    struct temp_store temp;
    (void)state;
    temp_store_open(&temp);
    assert_int_equal(store_call(temp.store, fill, NULL), STORE_OK);
    assert_int_equal(store_call(temp.store, drop_job, NULL), STORE_OK);
    struct said said = verify(&temp);
    assert_int_equal(said.count, 1);
    assert_string_equal(said.key, ID);
    assert_non_null(strstr(said.what, "no job"));
    temp_store_close(&temp);
}

static enum store_status put_garbage(struct store_txn *txn, void *arg)
{
    const struct damage *d = arg;
    return store_put(txn, d->table, d->key, d->key_len, "\377 is no version", 15);
}

/* What is in each table is read by who owns it; keys are told as an id, as text, or in hexadecimal. */
static void garbage_in_any_table_is_named(void **state)
{
    static const uint8_t id[ACME_ID_LEN] = {1, 2, 3}, digest[32] = {0xab, 0xcd}, with_id[32 + ACME_ID_LEN] = {0xab};
    static const struct {
        struct damage damage;
        const char *table, *key, *what;
    } rows[] = {
        {{ACME_ACCOUNTS, id, sizeof id, false}, "accounts", "AQID", "cannot be decoded"},
        {{ACME_ACCOUNTS, "short", 5, false}, "accounts", "short", "cannot be decoded"},
        {{ACME_ORDERS, id, sizeof id, false}, "orders", "AQID", "cannot be decoded"},
        {{ACME_AUTHZS, id, sizeof id, false}, "authorizations", "AQID", "cannot be decoded"},
        {{ACME_CERTIFICATES, id, sizeof id, false}, "certificates", "AQID", "cannot be decoded"},
        {{ACME_CERTIFICATES, "short", 5, false}, "certificates", "short", "cannot be decoded"},
        {{ACME_SERIALS, "\1\2", 2, false}, "serials", "0102", "names a record that is not there"},
        {{ACME_POLICIES, "fl\0et", 5, false}, "policies", "666c006574", "cannot be decoded"},
        {{ACME_EXTERNAL_KEYS, "key", 3, false}, "external-keys", "key", "cannot be decoded"},
        {{ISSUE_SUBSCRIPTIONS, id, sizeof id, false}, "subscriptions", "AQID", "cannot be decoded"},
        {{ISSUE_SUBSCRIPTION_INDEX, "short", 5, false}, "subscription-index", "short", "cannot be decoded"},
        {{ISSUE_SUBSCRIPTION_INDEX, with_id, sizeof with_id, false}, "subscription-index", "ab0000", "is not there"},
        {{ISSUE_ISSUANCES, "a\0", 2, false}, "issuances", "6100", "cannot be decoded"},
        {{ISSUE_BY_ORDER, id, sizeof id, false}, "issuance-by-order", "AQID", "names a record that is not there"},
        {{ISSUE_DCV_RECORDS, ID, sizeof ID - 1, false}, "dcv-records", ID, "cannot be decoded"},
        {{ISSUE_DCV_RECORDS, "a\0", 2, false}, "dcv-records", "6100", "cannot be decoded"},
        {{ISSUE_LOGINS, "main", 4, false}, "logins", "main", "cannot be decoded"},
        {{ISSUE_LEDGERS, "main", 4, false}, "ledgers", "main", "cannot be decoded"},
        {{ISSUE_KEPT, digest, sizeof digest, false}, "kept", "abcd", "cannot be decoded"},
        {{ISSUE_PAYMENTS, ID, sizeof ID - 1, false}, "payments", ID, "cannot be decoded"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct temp_store temp;
        struct damage damage = rows[i].damage;
        temp_store_open(&temp);
        assert_int_equal(store_call(temp.store, put_garbage, &damage), STORE_OK);
        struct said said = verify(&temp);
        assert_int_equal(said.count, 1);
        assert_string_equal(said.table, rows[i].table);
        assert_memory_equal(said.key, rows[i].key, strlen(rows[i].key));
        assert_non_null(strstr(said.what, rows[i].what));
        temp_store_close(&temp);
    }
}

/* A certificate whose authorities are in a record of their own, which is not there. */
static enum store_status put_without_chain(struct store_txn *txn, void *arg)
{
    uint8_t leaf[] = {0x30, 0x00};
    struct acme_certificate certificate = {.leaf = leaf, .leaf_len = sizeof leaf, .serial = {1}, .serial_len = 1};
    struct record_writer w;
    (void)arg;
    memset(certificate.id.octets, 3, ACME_ID_LEN);
    if (!certificate_encode(&certificate, &w))
        return STORE_IO;
    enum store_status status =
        store_put(txn, ACME_CERTIFICATES, certificate.id.octets, ACME_ID_LEN, w.data, w.len);
    record_free(&w);
    return status;
}

static void finds_a_chain_that_is_not_whole(void **state)
{
    struct temp_store temp;
    (void)state;
    temp_store_open(&temp);
    assert_int_equal(store_call(temp.store, put_without_chain, NULL), STORE_OK);
    struct said said = verify(&temp);
    assert_int_equal(said.count, 1);
    assert_string_equal(said.table, "certificates");
    assert_non_null(strstr(said.what, "has no chain"));
    temp_store_close(&temp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_each_fault),
                                       cmocka_unit_test(finds_what_nothing_continues),
                                       cmocka_unit_test(garbage_in_any_table_is_named),
                                       cmocka_unit_test(finds_a_chain_that_is_not_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
