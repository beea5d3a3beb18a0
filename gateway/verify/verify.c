#include "gateway/verify/verify.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/account.h"
#include "acme/authorization.h"
#include "acme/certificate.h"
#include "acme/external_key.h"
#include "acme/order.h"
#include "acme/policy.h"
#include "gateway/dcv/record.h"
#include "gateway/issue/life/kept.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/issue/money/payment.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/scheduler.h"
#include "gateway/tables.h"
#include "store/hex.h"

static const char UNREADABLE[] = "cannot be decoded";
static const char NOWHERE[] = "names a record that is not there, or cannot be decoded";
static const char JOBLESS[] = "is not ended and has no job, so that nothing continues it";
static const char SUBSCRIPTIONLESS[] = "names a subscription that is not there, or cannot be decoded";
static const char CHAINLESS[] = "has no chain, or a part of it that is not there";

/* What is wrong, static; NULL: nothing. */
typedef const char *check_fn(struct store_txn *txn, struct store_slice key, struct store_slice value);

static const char *unless(bool good, const char *what)
{
    return good ? NULL : what;
}

/* Keys that are text, with a NUL behind. */
static bool read_text(struct store_slice key, char text[static VERIFY_KEY_MAX])
{
    if (key.len >= VERIFY_KEY_MAX || memchr(key.data, '\0', key.len))
        return false;
    memcpy(text, key.data, key.len);
    text[key.len] = '\0';
    return true;
}

/* ---- records ---- */

#define CHECK_BY_ID(name, type, load, clear)                                                                           \
    static bool name##_loads(struct store_txn *txn, struct store_slice key)                                            \
    {                                                                                                                  \
        struct acme_id id;                                                                                             \
        struct type record;                                                                                            \
        if (!acme_id_read(key, &id))                                                                                   \
            return false;                                                                                              \
        bool good = load(txn, &id, &record) == STORE_OK;                                                               \
        clear(&record);                                                                                                \
        return good;                                                                                                   \
    }                                                                                                                  \
    static const char *check_##name(struct store_txn *txn, struct store_slice key, struct store_slice value)           \
    {                                                                                                                  \
        (void)value;                                                                                                   \
        return unless(name##_loads(txn, key), UNREADABLE);                                                             \
    }

CHECK_BY_ID(account, acme_account, acme_account_load, acme_account_clear)
CHECK_BY_ID(order, acme_order, acme_order_load, acme_order_clear)
CHECK_BY_ID(authz, acme_authz, acme_authz_load, acme_authz_clear)
CHECK_BY_ID(subscription, subscription, subscription_load, subscription_clear)

static const char *check_certificate(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct acme_id id;
    struct acme_certificate certificate;
    char *chain = NULL;
    (void)value;
    if (!acme_id_read(key, &id))
        return UNREADABLE;
    enum store_status status = acme_certificate_load(txn, &id, &certificate);
    const char *what = unless(status == STORE_OK, UNREADABLE);
    for (unsigned i = 0; !what && i <= certificate.alternate_count; i++) {
        what = unless(acme_certificate_chain(txn, &certificate, i, &chain) == STORE_OK, CHAINLESS);
        free(chain);
        chain = NULL;
    }
    acme_certificate_clear(&certificate);
    return what;
}

static const char *judge_issuance(struct store_txn *txn, const struct issuance *is)
{
    struct subscription sub;
    uint64_t due_ms;
    bool owned = subscription_load(txn, &is->subscription, &sub) == STORE_OK;
    subscription_clear(&sub);
    if (!owned)
        return SUBSCRIPTIONLESS;
    return unless(issuance_ended(is->state) ||
                      store_job_get(txn, JOB_ISSUANCE, is->id, strlen(is->id), &due_ms) == STORE_OK,
                  JOBLESS);
}

static const char *check_issuance(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct issuance is;
    char id[VERIFY_KEY_MAX];
    (void)value;
    if (!read_text(key, id))
        return UNREADABLE;
    enum store_status status = issuance_load(txn, id, &is);
    const char *what = status == STORE_OK ? judge_issuance(txn, &is) : UNREADABLE;
    issuance_clear(&is);
    return what;
}

static const char *check_policy(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct acme_policy policy;
    char name[VERIFY_KEY_MAX];
    (void)value;
    if (!read_text(key, name))
        return UNREADABLE;
    bool good = acme_policy_load(txn, name, &policy) == STORE_OK;
    acme_policy_clear(&policy);
    return unless(good, UNREADABLE);
}

static const char *check_external_key(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct external_key record;
    (void)txn;
    return unless(external_key_decode(key, value, &record), UNREADABLE);
}

static const char *check_dcv_records(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct dcv_records records;
    char id[VERIFY_KEY_MAX];
    (void)value;
    if (!read_text(key, id))
        return UNREADABLE;
    bool good = dcv_records_load(txn, id, &records) == STORE_OK;
    dcv_records_clear(&records);
    return unless(good, UNREADABLE);
}

static const char *check_login(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct login_record login;
    char name[VERIFY_KEY_MAX];
    (void)value;
    return unless(read_text(key, name) && login_load(txn, name, &login) == STORE_OK, UNREADABLE);
}

static const char *check_ledger(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct ledger ledger;
    char name[VERIFY_KEY_MAX];
    (void)value;
    return unless(read_text(key, name) && ledger_load(txn, name, &ledger) == STORE_OK, UNREADABLE);
}

static const char *check_payment(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct payment payment;
    char id[VERIFY_KEY_MAX];
    (void)value;
    return unless(read_text(key, id) && payment_load(txn, id, &payment) == STORE_OK, UNREADABLE);
}

static const char *check_kept(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct kept kept;
    (void)txn, (void)key;
    bool good = kept_decode(value, &kept) == STORE_OK;
    kept_clear(&kept);
    return unless(good, UNREADABLE);
}

/* ---- what names others ---- */

static const char *check_account_key(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    (void)key;
    return unless(account_loads(txn, value), NOWHERE);
}

static const char *check_serial(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct store_slice record;
    (void)key;
    return unless(store_get(txn, ACME_CERTIFICATES, value.data, value.len, &record) == STORE_OK, NOWHERE);
}

static const char *check_index(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    (void)value;
    if (key.len <= ACME_ID_LEN)
        return UNREADABLE;
    return unless(subscription_loads(txn, (struct store_slice){key.data + key.len - ACME_ID_LEN, ACME_ID_LEN}),
                  NOWHERE);
}

static const char *check_by_order(struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct store_slice record;
    (void)key;
    return unless(store_get(txn, ISSUE_ISSUANCES, value.data, value.len, &record) == STORE_OK, NOWHERE);
}

/* ---- the tables ---- */

static const struct examined {
    unsigned table;
    check_fn *check;
} examined[] = {
    {ACME_ACCOUNTS, check_account},
    {ACME_ACCOUNT_KEYS, check_account_key},
    {ACME_ORDERS, check_order},
    {ACME_AUTHZS, check_authz},
    {ACME_CERTIFICATES, check_certificate},
    {ACME_SERIALS, check_serial},
    {ACME_POLICIES, check_policy},
    {ACME_EXTERNAL_KEYS, check_external_key},
    {ISSUE_SUBSCRIPTIONS, check_subscription},
    {ISSUE_SUBSCRIPTION_INDEX, check_index},
    {ISSUE_ISSUANCES, check_issuance},
    {ISSUE_BY_ORDER, check_by_order},
    {ISSUE_DCV_RECORDS, check_dcv_records},
    {ISSUE_LOGINS, check_login},
    {ISSUE_LEDGERS, check_ledger},
    {ISSUE_KEPT, check_kept},
    {ISSUE_PAYMENTS, check_payment},
};

struct walk {
    struct store_txn *txn;
    const struct examined *examined;
    verify_say_fn *say;
    void *ctx;
    struct verify_result *result;
};

/* An id as everywhere, text as it is, and anything else in hexadecimal. */
static void write_key(struct store_slice key, char text[static VERIFY_KEY_MAX])
{
    struct acme_id id;
    size_t printable = 0;
    while (printable < key.len && isgraph(key.data[printable]))
        printable++;
    text[0] = '\0';
    if (key.len > 0 && printable == key.len && read_text(key, text))
        return;
    if (acme_id_read(key, &id)) {
        acme_id_text(&id, text);
        return;
    }
    size_t most = (VERIFY_KEY_MAX - 1) / 2;
    hex_write(key.data, key.len < most ? key.len : most, text);
}

static bool visit(void *ctx, struct store_slice key, struct store_slice value)
{
    static const char *const names[] = {ACME_TABLE_NAMES, ISSUE_TABLE_NAMES};
    const struct walk *w = ctx;
    char text[VERIFY_KEY_MAX];
    const char *what = w->examined->check(w->txn, key, value);
    w->result->records++;
    if (!what)
        return true;
    w->result->faults++;
    write_key(key, text);
    w->say(w->ctx, names[w->examined->table], text, what);
    return true;
}

enum store_status verify_store(struct store_txn *txn, verify_say_fn *say, void *ctx, struct verify_result *result)
{
    enum store_status status = STORE_OK;
    *result = (struct verify_result){0};
    for (size_t i = 0; status == STORE_OK && i < sizeof examined / sizeof *examined; i++) {
        struct walk walk = {.txn = txn, .examined = &examined[i], .say = say, .ctx = ctx, .result = result};
        status = store_visit(txn, examined[i].table, NULL, 0, visit, &walk);
    }
    return status;
}
