#include "gateway/issue/record/numbers.h"

#include <stdio.h>
#include <string.h>

#include "gateway/issue/record/subscription.h"
#include "gateway/log.h"
#include "gateway/tables.h"

struct number_key {
    char octets[1 + SECTIGO_ORDER_NUMBER_MAX];
    size_t len;
};
_Static_assert(SECTIGO_CERTIFICATE_ID_MAX <= SECTIGO_ORDER_NUMBER_MAX, "a certificate ID fits where a number fits");

static struct number_key key_of(enum number_kind kind, const char *number)
{
    struct number_key key = {.len = 1 + strnlen(number, SECTIGO_ORDER_NUMBER_MAX)};
    key.octets[0] = (char)kind;
    memcpy(key.octets + 1, number, key.len - 1);
    return key;
}

enum store_status numbers_claim(struct store_txn *txn, enum number_kind kind, const char *number,
                                const struct acme_id *subscription)
{
    struct number_key key = key_of(kind, number);
    return number[0] ? store_claim(txn, ISSUE_NUMBERS, key.octets, key.len, subscription->octets, ACME_ID_LEN)
                     : STORE_OK;
}

enum store_status numbers_owner(struct store_txn *txn, enum number_kind kind, const char *number, struct acme_id *owner)
{
    struct store_slice value;
    struct number_key key = key_of(kind, number);
    enum store_status status = number[0] ? store_get(txn, ISSUE_NUMBERS, key.octets, key.len, &value) : STORE_NOT_FOUND;
    if (status != STORE_OK)
        return status;
    if (value.len != ACME_ID_LEN)
        return STORE_INVALID;
    memcpy(owner->octets, value.data, ACME_ID_LEN);
    return STORE_OK;
}

/* ---- an answer ---- */

/* One that the family has, and not as this issuance's, is an older certificate's. */
static enum store_status certificate_foreign(struct store_txn *txn, const struct issuance *is,
                                             const char *certificate_id, bool *foreign)
{
    struct acme_id owner;
    struct store_slice holder;
    enum store_status status = numbers_owner(txn, NUMBER_CERTIFICATE, certificate_id, &owner);
    if (status == STORE_OK)
        status = store_get(txn, ISSUE_BY_CERTIFICATE_ID, certificate_id, strlen(certificate_id), &holder);
    else
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    *foreign =
        status == STORE_NOT_FOUND || holder.len != strlen(is->id) || memcmp(holder.data, is->id, holder.len) != 0;
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status numbers_foreign(struct store_txn *txn, const struct issuance *is, const char *order_number,
                                  const char *certificate_id, bool *foreign)
{
    struct acme_id owner;
    *foreign = false;
    enum store_status status = numbers_owner(txn, NUMBER_ORDER, order_number, &owner);
    if (status == STORE_OK)
        *foreign = memcmp(owner.octets, is->subscription.octets, ACME_ID_LEN) != 0;
    else if (status != STORE_NOT_FOUND)
        return status;
    return *foreign ? STORE_OK : certificate_foreign(txn, is, certificate_id, foreign);
}

/* ---- a store of before ---- */

struct migration {
    struct store_txn *txn;
    enum store_status status;
};

static void take_number(struct migration *m, enum number_kind kind, const char *number,
                        const struct acme_id *subscription)
{
    if (m->status == STORE_OK)
        m->status = numbers_claim(m->txn, kind, number, subscription);
    if (m->status != STORE_EXISTS)
        return;
    log_error(
        "two subscriptions of the store have the same number of Sectigo's; it stays with the one that had it first. "
        "Ask Sectigo whose it is",
        "number", number);
    m->status = STORE_OK;
}

static bool take_subscription(void *ctx, struct store_slice key, struct store_slice value)
{
    struct migration *m = ctx;
    struct subscription sub = {0};
    struct acme_id id;
    (void)value;
    if (key.len != ACME_ID_LEN)
        return true;
    memcpy(id.octets, key.data, ACME_ID_LEN);
    if (subscription_load(m->txn, &id, &sub) == STORE_OK) { /* one bad record must not keep the others from starting */
        take_number(m, NUMBER_ORDER, sub.order_number, &id);
        for (uint32_t i = 0; i < sub.certificate_id_count; i++)
            take_number(m, NUMBER_CERTIFICATE, sub.certificate_ids[i], &id);
    }
    subscription_clear(&sub);
    return m->status == STORE_OK;
}

static bool take_issuance(void *ctx, struct store_slice key, struct store_slice value)
{
    struct migration *m = ctx;
    struct issuance is = {0};
    char id[ISSUANCE_ID_MAX + 1];
    (void)value;
    if (key.len > ISSUANCE_ID_MAX)
        return true;
    memcpy(id, key.data, key.len);
    id[key.len] = '\0';
    if (issuance_load(m->txn, id, &is) == STORE_OK) {
        take_number(m, NUMBER_ORDER, is.order_number, &is.subscription);
        take_number(m, NUMBER_CERTIFICATE, is.certificate_id, &is.subscription);
    }
    issuance_clear(&is);
    return m->status == STORE_OK;
}

enum store_status numbers_migrate(struct store_txn *txn, char reason[static STORE_REASON_SIZE])
{
    struct migration m = {.txn = txn};
    enum store_status status = store_visit(txn, ISSUE_SUBSCRIPTIONS, NULL, 0, take_subscription, &m);
    if (status == STORE_OK && m.status == STORE_OK)
        status = store_visit(txn, ISSUE_ISSUANCES, NULL, 0, take_issuance, &m);
    if (status == STORE_OK)
        status = m.status;
    if (status != STORE_OK)
        snprintf(reason, STORE_REASON_SIZE, "the numbers of Sectigo's orders cannot be gathered: %s",
                 store_status_text(status));
    return status;
}
