#include "gateway/issue/record/numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "acme/spent.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/log.h"
#include "gateway/tables.h"
#include "store/hex.h"
#include "store/shortage.h"

enum { DIGEST_HEX = 16, KEY_MAX = 1 + NUMBER_TEXT_SIZE };
_Static_assert(SECTIGO_CERTIFICATE_ID_MAX <= SECTIGO_ORDER_NUMBER_MAX, "a certificate ID fits where a number fits");

/* ---- whose it is ---- */

static size_t key_of(enum number_kind kind, const char *text, char key[static KEY_MAX])
{
    int len = snprintf(key, KEY_MAX, "%c%s", (char)kind, text);
    return len > 0 && len < KEY_MAX ? (size_t)len : 0; /* which no table takes */
}

static enum spent_kind spent_kind_of(enum number_kind kind)
{
    return kind == NUMBER_ORDER ? SPENT_ORDER_NUMBER : SPENT_CERTIFICATE_ID;
}

/* Another endpoint begins to number its orders as it likes. An owner that is gone, or is damaged, is taken for one of
 * here; not one that there was no memory to read. */
static enum store_status look_elsewhere(struct store_txn *txn, struct store_slice owner, const char *endpoint,
                                        bool *elsewhere)
{
    struct subscription sub = {0};
    struct acme_id id;
    unsigned before = shortage_count();
    enum store_status status = acme_id_read(owner, &id) ? subscription_load(txn, &id, &sub) : STORE_INVALID;
    *elsewhere = status == STORE_OK && strcmp(sub.endpoint, endpoint) != 0;
    subscription_clear(&sub);
    if (shortage_count() != before)
        return STORE_SHORT;
    return status == STORE_NOT_FOUND || status == STORE_INVALID ? STORE_OK : status;
}

enum store_status numbers_text(struct store_txn *txn, enum number_kind kind, const char *endpoint, const char *number,
                               char text[static NUMBER_TEXT_SIZE])
{
    char key[KEY_MAX];
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct store_slice owner;
    size_t len = (size_t)snprintf(text, NUMBER_TEXT_SIZE, "%.*s", SECTIGO_ORDER_NUMBER_MAX, number);
    bool elsewhere = false;
    enum store_status status = store_get(txn, ISSUE_NUMBERS, key, key_of(kind, text, key), &owner);
    if (status == STORE_OK)
        status = look_elsewhere(txn, owner, endpoint, &elsewhere);
    if (!elsewhere)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    if (EVP_Digest(endpoint, strlen(endpoint), digest, NULL, EVP_sha256(), NULL) != 1)
        return STORE_IO;
    text[len++] = NUMBER_ELSEWHERE;
    hex_write(digest, DIGEST_HEX / 2, text + len);
    return STORE_OK;
}

enum store_status numbers_claim(struct store_txn *txn, enum number_kind kind, const char *number,
                                const struct subscription *sub)
{
    char text[NUMBER_TEXT_SIZE], key[KEY_MAX];
    enum store_status status = number[0] ? numbers_text(txn, kind, sub->endpoint, number, text) : STORE_OK;
    if (status != STORE_OK || !number[0])
        return status;
    struct store_slice at = {(const uint8_t *)key, key_of(kind, text, key)};
    return spent_claim(txn, spent_kind_of(kind), sub->endpoint,
                       (struct store_slice){(const uint8_t *)number, strlen(number)}, ISSUE_NUMBERS, at, &sub->id);
}

/* With the text that it is known by. The owner is all zero where that is gone. */
static enum store_status find_owner(struct store_txn *txn, enum number_kind kind, const char *endpoint,
                                    const char *number, char text[static NUMBER_TEXT_SIZE], struct acme_id *owner)
{
    char key[KEY_MAX];
    enum store_status status = number[0] ? numbers_text(txn, kind, endpoint, number, text) : STORE_NOT_FOUND;
    if (status == STORE_OK)
        status = acme_id_get(txn, ISSUE_NUMBERS, key, key_of(kind, text, key), owner);
    if (status != STORE_NOT_FOUND || !number[0])
        return status;
    memset(owner, 0, sizeof *owner);
    return spent_find(txn, spent_kind_of(kind), endpoint, number, strlen(number));
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
    struct store_slice holder = {0};
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

/* ---- of one that goes ---- */

/* Far more than a term has room for; a family that is larger stays. */
enum { FAMILY_MAX = 3000 };

/* Of a family: entries of the index that are its own, and whether another endpoint has the same number. */
struct family {
    const struct subscription *sub;
    char keys[FAMILY_MAX][KEY_MAX];
    unsigned count;
    bool shared;
};

static bool note_number(void *ctx, struct store_slice key, struct store_slice owner)
{
    struct family *family = ctx;
    bool own = owner.len == ACME_ID_LEN && memcmp(owner.data, family->sub->id.octets, ACME_ID_LEN) == 0;
    family->shared = family->shared || (!own && memchr(key.data, NUMBER_ELSEWHERE, key.len));
    if (own && key.len < KEY_MAX && family->count < FAMILY_MAX) {
        memcpy(family->keys[family->count], key.data, key.len);
        family->keys[family->count++][key.len] = '\0';
    }
    return family->count < FAMILY_MAX;
}

/* The number itself, and those that go on behind it with what no digit is. */
static enum store_status gather_numbers(struct store_txn *txn, struct family *family, enum number_kind kind,
                                        const char *number)
{
    static const char *const after[] = {"@", "repl"};
    char key[KEY_MAX + 4];
    struct store_slice owner;
    size_t len = key_of(kind, number, key);
    enum store_status status = store_get(txn, ISSUE_NUMBERS, key, len, &owner);
    if (status == STORE_OK)
        note_number(family, (struct store_slice){(const uint8_t *)key, len}, owner);
    for (size_t i = 0; (status == STORE_OK || status == STORE_NOT_FOUND) && i < 2 && family->count < FAMILY_MAX; i++) {
        memcpy(key + len, after[i], strlen(after[i]));
        status = store_visit_prefix(txn, ISSUE_NUMBERS, key, len + strlen(after[i]), note_number, family);
    }
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status drop(struct store_txn *txn, unsigned table, const char *text)
{
    enum store_status status = store_delete(txn, table, text, strlen(text));
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* Of a key of the index. What was imported under a number is the subscription that goes. */
static enum store_status spend(struct store_txn *txn, const struct subscription *sub, const char *key)
{
    enum number_kind kind = (enum number_kind)key[0];
    const char *text = key + 1;
    enum store_status status =
        spent_add(txn, spent_kind_of(kind), sub->endpoint, text, strcspn(text, (char[]){NUMBER_ELSEWHERE, '\0'}));
    if (status == STORE_OK)
        status = drop(txn, kind == NUMBER_ORDER ? ISSUE_BY_ORDER_NUMBER : ISSUE_BY_CERTIFICATE_ID, text);
    if (status == STORE_OK && kind == NUMBER_ORDER)
        status = drop(txn, ISSUE_IMPORTED, text);
    return status == STORE_OK ? drop(txn, ISSUE_NUMBERS, key) : status;
}

static enum store_status gather_all(struct store_txn *txn, struct family *family)
{
    const struct subscription *sub = family->sub;
    enum store_status status = gather_numbers(txn, family, NUMBER_ORDER, sub->order_number);
    for (uint32_t i = 0; status == STORE_OK && i < sub->certificate_id_count; i++)
        status = gather_numbers(txn, family, NUMBER_CERTIFICATE, sub->certificate_ids[i]);
    return status == STORE_OK && (family->shared || family->count == FAMILY_MAX) ? STORE_REFUSED : status;
}

enum store_status numbers_retire(struct store_txn *txn, const struct subscription *sub)
{
    struct family *family = shortage_calloc(1, sizeof *family);
    if (!family)
        return STORE_IO;
    family->sub = sub;
    enum store_status status = gather_all(txn, family);
    for (unsigned i = 0; status == STORE_OK && i < family->count; i++)
        status = spend(txn, sub, family->keys[i]);
    free(family);
    return status;
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
