#include "acme/account.h"

#include <stdlib.h>
#include <string.h>

#include "acme/authorization.h"
#include "acme/order.h"
#include "acme/records.h"
#include "acme/tables.h"
#include "store/shortage.h"

/* Version 2 adds the external account key, version 3 the binding; each is written only where there is one. Version 4
 * says that the account was used. */
enum {
    RECORD_MAX = 32 * 1024,
    CANCEL_MAX = 1000,
    ID_TIME_LEN = 6,
    PLAIN = 1,
    WITH_EXTERNAL_KEY,
    WITH_BINDING,
    WAS_USED
};

/* Legal moves: row from, column to. */
static const bool moves[][ACME_ACCOUNT_REVOKED + 1] = {
    [ACME_ACCOUNT_VALID] = {[ACME_ACCOUNT_DEACTIVATED] = true, [ACME_ACCOUNT_REVOKED] = true},
    [ACME_ACCOUNT_REVOKED] = {false},
};

bool acme_account_set_status(struct acme_account *account, enum acme_account_status to)
{
    if (!moves[account->status][to])
        return false;
    account->status = to;
    return true;
}

const char *acme_account_status_text(enum acme_account_status status)
{
    static const char *const texts[] = {
        [ACME_ACCOUNT_VALID] = "valid",
        [ACME_ACCOUNT_DEACTIVATED] = "deactivated",
        [ACME_ACCOUNT_REVOKED] = "revoked",
    };
    return texts[status];
}

static uint8_t version_of(const struct acme_account *account)
{
    return account->used              ? WAS_USED
           : account->binding         ? WITH_BINDING
           : account->external_key[0] ? WITH_EXTERNAL_KEY
                                      : PLAIN;
}

bool account_decode(struct store_slice value, struct acme_account *account)
{
    struct record_reader r;
    uint8_t version = record_open_upto(&r, value, WAS_USED);
    account->status = record_get_choice(&r, ACME_ACCOUNT_REVOKED);
    account->created_s = record_get_u64(&r);
    record_get_fixed(&r, account->thumbprint, JWK_THUMBPRINT_LEN);
    account->key = record_dup_string(&r);
    record_get_string(&r, account->policy, sizeof account->policy);
    account->terms_agreed = record_get_bool(&r);
    unsigned count = record_get_u8(&r);
    if (count > ACME_CONTACTS_MAX)
        return false;
    while (account->contact_count < count && !r.failed)
        account->contacts[account->contact_count++] = record_dup_string(&r);
    if (version >= WITH_EXTERNAL_KEY)
        record_get_string(&r, account->external_key, sizeof account->external_key);
    if (version >= WITH_BINDING)
        account->binding = record_dup_optional(&r);
    account->used = version >= WAS_USED;
    return record_complete(&r) && version == version_of(account);
}

bool account_encode(const struct acme_account *account, struct record_writer *w)
{
    uint8_t version = version_of(account);
    record_begin(w, version, RECORD_MAX);
    record_put_u8(w, (uint8_t)account->status);
    record_put_u64(w, account->created_s);
    record_put_fixed(w, account->thumbprint, JWK_THUMBPRINT_LEN);
    record_put_string(w, account->key);
    record_put_string(w, account->policy);
    record_put_bool(w, account->terms_agreed);
    record_put_u8(w, (uint8_t)account->contact_count);
    for (unsigned i = 0; i < account->contact_count; i++)
        record_put_string(w, account->contacts[i]);
    if (version >= WITH_EXTERNAL_KEY)
        record_put_string(w, account->external_key);
    if (version >= WITH_BINDING)
        record_put_string(w, account->binding);
    return record_finish(w);
}

enum store_status acme_account_load(struct store_txn *txn, const struct acme_id *id, struct acme_account *account)
{
    struct store_slice value;
    memset(account, 0, sizeof *account);
    account->id = *id;
    enum store_status status = store_get(txn, ACME_ACCOUNTS, id->octets, ACME_ID_LEN, &value);
    if (status == STORE_OK && !account_decode(value, account))
        status = STORE_INVALID;
    return status;
}

enum store_status acme_account_save(struct store_txn *txn, const struct acme_account *account)
{
    struct record_writer w;
    return record_store(txn, ACME_ACCOUNTS, &account->id, account_encode(account, &w), &w);
}

void acme_account_clear(struct acme_account *account)
{
    free(account->key);
    free(account->binding);
    for (unsigned i = 0; i < account->contact_count; i++)
        free(account->contacts[i]);
    memset(account, 0, sizeof *account);
}

enum store_status acme_account_by_key(struct store_txn *txn, const uint8_t thumbprint[static JWK_THUMBPRINT_LEN],
                                      struct acme_id *id)
{
    return acme_id_get(txn, ACME_ACCOUNT_KEYS, thumbprint, JWK_THUMBPRINT_LEN, id);
}

enum store_status acme_account_bind_key(struct store_txn *txn, const uint8_t thumbprint[static JWK_THUMBPRINT_LEN],
                                        const struct acme_id *id)
{
    return store_insert(txn, ACME_ACCOUNT_KEYS, thumbprint, JWK_THUMBPRINT_LEN, id->octets, ACME_ID_LEN);
}

/* ---- former keys ---- */

enum { FORMER_KEY_LEN = ACME_ID_LEN + 8 + JWK_THUMBPRINT_LEN };

enum store_status acme_account_note_former(struct store_txn *txn, const struct acme_account *account, uint64_t now_ms)
{
    uint8_t key[FORMER_KEY_LEN];
    memcpy(key, account->id.octets, ACME_ID_LEN);
    for (unsigned i = 0; i < 8; i++)
        key[ACME_ID_LEN + i] = (uint8_t)(now_ms >> (56 - 8 * i));
    memcpy(key + ACME_ID_LEN + 8, account->thumbprint, JWK_THUMBPRINT_LEN);
    return store_put(txn, ACME_FORMER_KEYS, key, sizeof key, NULL, 0);
}

struct former {
    uint8_t (*thumbprints)[JWK_THUMBPRINT_LEN];
    unsigned max, count;
};

/* They come oldest first: the newest goes in front, the oldest falls out. */
static bool add_former(void *ctx, struct store_slice key, struct store_slice value)
{
    struct former *former = ctx;
    (void)value;
    if (key.len != FORMER_KEY_LEN)
        return true;
    if (former->count < former->max)
        former->count++;
    memmove(former->thumbprints + 1, former->thumbprints, (former->count - 1) * sizeof *former->thumbprints);
    memcpy(former->thumbprints, key.data + ACME_ID_LEN + 8, JWK_THUMBPRINT_LEN);
    return true;
}

enum store_status acme_account_former(struct store_txn *txn, const struct acme_id *account,
                                      uint8_t (*thumbprints)[JWK_THUMBPRINT_LEN], unsigned max, unsigned *count)
{
    struct former former = {thumbprints, max, 0};
    enum store_status status =
        store_visit_prefix(txn, ACME_FORMER_KEYS, account->octets, ACME_ID_LEN, add_former, &former);
    *count = former.count;
    return status;
}

/* ---- one that nobody uses ---- */

static bool stop_at_first(void *ctx, struct store_slice key, struct store_slice value)
{
    bool *found = ctx;
    (void)key, (void)value;
    *found = true;
    return false;
}

enum store_status acme_account_is_unused(struct store_txn *txn, const struct acme_account *account, bool *unused)
{
    bool ordered = account->used || account->status != ACME_ACCOUNT_VALID;
    enum store_status status = STORE_OK;
    if (!ordered)
        status = store_visit_prefix(txn, ACME_ACCOUNT_ORDERS, account->id.octets, ACME_ID_LEN, stop_at_first, &ordered);
    *unused = status == STORE_OK && !ordered;
    return status;
}

enum store_status acme_account_note_used(struct store_txn *txn, const struct acme_id *id)
{
    struct acme_account account;
    enum store_status status = acme_account_load(txn, id, &account);
    if (status == STORE_OK && !account.used) {
        account.used = true;
        status = acme_account_save(txn, &account);
    }
    acme_account_clear(&account);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static bool take_former(void *ctx, struct store_slice key, struct store_slice value)
{
    struct store_slice *first = ctx;
    (void)value;
    *first = key;
    return false;
}

static enum store_status remove_former(struct store_txn *txn, const struct acme_id *id)
{
    enum store_status status = STORE_OK;
    while (status == STORE_OK) {
        struct store_slice first = {0};
        uint8_t key[FORMER_KEY_LEN];
        status = store_visit_prefix(txn, ACME_FORMER_KEYS, id->octets, ACME_ID_LEN, take_former, &first);
        if (status != STORE_OK || first.len != FORMER_KEY_LEN)
            return status;
        memcpy(key, first.data, FORMER_KEY_LEN);
        status = store_delete(txn, ACME_FORMER_KEYS, key, FORMER_KEY_LEN);
    }
    return status;
}

enum store_status acme_account_remove(struct store_txn *txn, const struct acme_account *account)
{
    struct acme_id owner;
    enum store_status status = acme_account_by_key(txn, account->thumbprint, &owner);
    if (status == STORE_OK && memcmp(&owner, &account->id, sizeof owner) == 0)
        status = store_delete(txn, ACME_ACCOUNT_KEYS, account->thumbprint, JWK_THUMBPRINT_LEN);
    if (status == STORE_OK || status == STORE_NOT_FOUND)
        status = remove_former(txn, &account->id);
    return status == STORE_OK ? store_delete(txn, ACME_ACCOUNTS, account->id.octets, ACME_ID_LEN) : status;
}

/* ---- what the account has under way ---- */

struct recent_orders {
    uint8_t account[ACME_ID_LEN];
    struct acme_id *list;
    size_t count;
};

static bool collect_key(void *ctx, struct store_slice key, struct store_slice value)
{
    (void)value;
    struct recent_orders *recent = ctx;
    if (key.len != 2 * ACME_ID_LEN || memcmp(key.data, recent->account, ACME_ID_LEN) != 0)
        return false;
    memcpy(recent->list[recent->count++].octets, key.data + ACME_ID_LEN, ACME_ID_LEN);
    return recent->count < CANCEL_MAX;
}

static enum store_status deactivate_authzs(struct store_txn *txn, const struct acme_order *order)
{
    enum store_status status = STORE_OK;
    for (size_t i = 0; i < order->names.count && status == STORE_OK; i++) {
        struct acme_authz authz;
        status = acme_authz_load(txn, &order->authzs[i], &authz);
        if (status == STORE_OK && authz.status == ACME_AUTHZ_PENDING)
            status = acme_authz_deactivate(txn, &authz);
        acme_authz_clear(&authz);
    }
    return status;
}

static enum store_status cancel(struct store_txn *txn, const struct acme_id *id, uint64_t now_s)
{
    struct acme_order order;
    struct acme_problem problem = {0};
    enum store_status status = acme_order_load(txn, id, &order);
    if (status == STORE_OK && (order.status == ACME_ORDER_PENDING || order.status == ACME_ORDER_READY)) {
        acme_problem_set(&problem, ACME_UNAUTHORIZED, "The account was deactivated.");
        status = acme_order_invalidate(&order, &problem, now_s) ? acme_order_save(txn, &order) : STORE_IO;
        if (status == STORE_OK)
            status = deactivate_authzs(txn, &order);
        acme_problem_clear(&problem);
    }
    acme_order_clear(&order);
    return status;
}

enum store_status acme_account_cancel_orders(struct store_txn *txn, const struct acme_account *account,
                                             uint32_t lifetime_s, uint64_t now_ms)
{
    /* An order's id begins with the time it was made at, so the recent ones are one range of keys. */
    uint64_t since_ms = now_ms > lifetime_s * 1000ULL ? now_ms - lifetime_s * 1000ULL : 0;
    uint8_t from[ACME_ID_LEN + ID_TIME_LEN];
    struct recent_orders recent = {.list = shortage_calloc(CANCEL_MAX, sizeof *recent.list)};
    if (!recent.list)
        return STORE_IO;
    memcpy(recent.account, account->id.octets, ACME_ID_LEN);
    memcpy(from, account->id.octets, ACME_ID_LEN);
    for (unsigned i = 0; i < ID_TIME_LEN; i++)
        from[ACME_ID_LEN + i] = (uint8_t)(since_ms >> (8 * (ID_TIME_LEN - 1 - i)));
    enum store_status status = store_visit(txn, ACME_ACCOUNT_ORDERS, from, sizeof from, collect_key, &recent);
    for (size_t i = 0; i < recent.count && status == STORE_OK; i++)
        status = cancel(txn, &recent.list[i], now_ms / 1000);
    free(recent.list);
    return status;
}
