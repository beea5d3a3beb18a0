#include "gateway/issue/record/numbers.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "gateway/issue/record/subscription.h"
#include "gateway/log.h"
#include "gateway/tables.h"

enum { DIGEST_HEX = 16, KEY_MAX = 1 + NUMBER_TEXT_SIZE };
_Static_assert(SECTIGO_CERTIFICATE_ID_MAX <= SECTIGO_ORDER_NUMBER_MAX, "a certificate ID fits where a number fits");

/* ---- whose it is ---- */

static size_t key_of(enum number_kind kind, const char *text, char key[static KEY_MAX])
{
    int len = snprintf(key, KEY_MAX, "%c%s", (char)kind, text);
    return len > 0 && len < KEY_MAX ? (size_t)len : 0; /* which no table takes */
}

/* Another endpoint begins to number its orders as it likes. An owner that cannot be read is taken for one of here. */
static bool is_elsewhere(struct store_txn *txn, struct store_slice owner, const char *endpoint)
{
    struct subscription sub = {0};
    struct acme_id id;
    bool elsewhere = acme_id_read(owner, &id) && subscription_load(txn, &id, &sub) == STORE_OK &&
                     strcmp(sub.endpoint, endpoint) != 0;
    subscription_clear(&sub);
    return elsewhere;
}

enum store_status numbers_text(struct store_txn *txn, enum number_kind kind, const char *endpoint, const char *number,
                               char text[static NUMBER_TEXT_SIZE])
{
    char key[KEY_MAX];
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct store_slice owner;
    size_t len = (size_t)snprintf(text, NUMBER_TEXT_SIZE, "%.*s", SECTIGO_ORDER_NUMBER_MAX, number);
    enum store_status status = store_get(txn, ISSUE_NUMBERS, key, key_of(kind, text, key), &owner);
    if (status != STORE_OK || !is_elsewhere(txn, owner, endpoint))
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    if (EVP_Digest(endpoint, strlen(endpoint), digest, NULL, EVP_sha256(), NULL) != 1)
        return STORE_IO;
    text[len++] = NUMBER_ELSEWHERE;
    for (unsigned i = 0; i < DIGEST_HEX / 2; i++, len += 2)
        snprintf(text + len, 3, "%02x", digest[i]);
    return STORE_OK;
}

enum store_status numbers_claim(struct store_txn *txn, enum number_kind kind, const char *number,
                                const struct subscription *sub)
{
    char text[NUMBER_TEXT_SIZE], key[KEY_MAX];
    enum store_status status = number[0] ? numbers_text(txn, kind, sub->endpoint, number, text) : STORE_OK;
    if (status != STORE_OK || !number[0])
        return status;
    return store_claim(txn, ISSUE_NUMBERS, key, key_of(kind, text, key), sub->id.octets, ACME_ID_LEN);
}

/* With the text that it is known by. */
static enum store_status find_owner(struct store_txn *txn, enum number_kind kind, const char *endpoint,
                                    const char *number, char text[static NUMBER_TEXT_SIZE], struct acme_id *owner)
{
    char key[KEY_MAX];
    enum store_status status = number[0] ? numbers_text(txn, kind, endpoint, number, text) : STORE_NOT_FOUND;
    return status == STORE_OK ? acme_id_get(txn, ISSUE_NUMBERS, key, key_of(kind, text, key), owner) : status;
}

enum store_status numbers_owner(struct store_txn *txn, enum number_kind kind, const char *endpoint, const char *number,
                                struct acme_id *owner)
{
    char text[NUMBER_TEXT_SIZE];
    return find_owner(txn, kind, endpoint, number, text, owner);
}

/* ---- an answer ---- */

/* One that the family has, and not as this issuance's, is an older certificate's. */
static enum store_status certificate_foreign(struct store_txn *txn, const struct issuance *is, const char *endpoint,
                                             const char *certificate_id, bool *foreign)
{
    struct acme_id owner;
    struct store_slice holder;
    char text[NUMBER_TEXT_SIZE];
    enum store_status status = find_owner(txn, NUMBER_CERTIFICATE, endpoint, certificate_id, text, &owner);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    status = store_get(txn, ISSUE_BY_CERTIFICATE_ID, text, strlen(text), &holder);
    *foreign =
        status == STORE_NOT_FOUND || holder.len != strlen(is->id) || memcmp(holder.data, is->id, holder.len) != 0;
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status numbers_foreign(struct store_txn *txn, const struct issuance *is, const char *endpoint,
                                  const char *order_number, const char *certificate_id, bool *foreign)
{
    struct acme_id owner;
    *foreign = false;
    enum store_status status = numbers_owner(txn, NUMBER_ORDER, endpoint, order_number, &owner);
    if (status == STORE_OK)
        *foreign = memcmp(owner.octets, is->subscription.octets, ACME_ID_LEN) != 0;
    else if (status != STORE_NOT_FOUND)
        return status;
    return *foreign ? STORE_OK : certificate_foreign(txn, is, endpoint, certificate_id, foreign);
}

/* ---- a store of before ---- */

struct migration {
    struct store_txn *txn;
    enum store_status status;
};

static void take_number(struct migration *m, enum number_kind kind, const char *number,
                        const struct subscription *subscription)
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
    if (!acme_id_read(key, &id))
        return true;
    if (subscription_load(m->txn, &id, &sub) == STORE_OK) { /* one bad record must not keep the others from starting */
        take_number(m, NUMBER_ORDER, sub.order_number, &sub);
        for (uint32_t i = 0; i < sub.certificate_id_count; i++)
            take_number(m, NUMBER_CERTIFICATE, sub.certificate_ids[i], &sub);
    }
    subscription_clear(&sub);
    return m->status == STORE_OK;
}

static bool take_issuance(void *ctx, struct store_slice key, struct store_slice value)
{
    struct migration *m = ctx;
    struct issuance is = {0};
    struct subscription sub = {0};
    char id[ISSUANCE_ID_MAX + 1];
    (void)value;
    if (key.len > ISSUANCE_ID_MAX)
        return true;
    memcpy(id, key.data, key.len);
    id[key.len] = '\0';
    if (issuance_load(m->txn, id, &is) == STORE_OK && subscription_load(m->txn, &is.subscription, &sub) == STORE_OK) {
        take_number(m, NUMBER_ORDER, is.order_number, &sub);
        take_number(m, NUMBER_CERTIFICATE, is.certificate_id, &sub);
    }
    subscription_clear(&sub);
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
