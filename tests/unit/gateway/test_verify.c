/* verify: what is at fault in a store is found and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acme/account.h"
#include "acme/policy.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_each_fault),
                                       cmocka_unit_test(finds_what_nothing_continues)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
