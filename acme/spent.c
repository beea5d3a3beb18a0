#include "acme/spent.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "acme/tables.h"
#include "store/shortage.h"

enum { BUCKET_LEN = 2, ENTRY_LEN = 6 };

struct mark {
    uint8_t bucket[BUCKET_LEN], entry[ENTRY_LEN];
};

static bool digest(enum spent_kind kind, const char *scope, const void *number, size_t len, struct mark *mark)
{
    uint8_t first = (uint8_t)kind, hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, &first, 1) == 1 &&
                EVP_DigestUpdate(ctx, scope, strlen(scope) + 1) == 1 && EVP_DigestUpdate(ctx, number, len) == 1 &&
                EVP_DigestFinal_ex(ctx, hash, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (good) {
        memcpy(mark->bucket, hash, BUCKET_LEN);
        memcpy(mark->entry, hash + BUCKET_LEN, ENTRY_LEN);
    }
    return good;
}

static bool has(struct store_slice bucket, const uint8_t entry[static ENTRY_LEN])
{
    for (size_t at = 0; at + ENTRY_LEN <= bucket.len; at += ENTRY_LEN) {
        if (memcmp(bucket.data + at, entry, ENTRY_LEN) == 0)
            return true;
    }
    return false;
}

/* STORE_OK: its bucket is there. */
static enum store_status load(struct store_txn *txn, const struct mark *mark, struct store_slice *bucket)
{
    enum store_status status = store_get(txn, ACME_SPENT, mark->bucket, BUCKET_LEN, bucket);
    return status == STORE_OK && bucket->len % ENTRY_LEN != 0 ? STORE_INVALID : status;
}

static enum store_status append_entry(struct store_txn *txn, const struct mark *mark, struct store_slice bucket)
{
    uint8_t *longer = shortage_malloc(bucket.len + ENTRY_LEN);
    if (!longer)
        return STORE_IO;
    if (bucket.len > 0)
        memcpy(longer, bucket.data, bucket.len);
    memcpy(longer + bucket.len, mark->entry, ENTRY_LEN);
    enum store_status status =
        store_put(txn, ACME_SPENT, mark->bucket, BUCKET_LEN, longer, bucket.len + ENTRY_LEN);
    free(longer);
    return status;
}

enum store_status spent_add(struct store_txn *txn, enum spent_kind kind, const char *scope, const void *number,
                            size_t len)
{
    struct mark mark;
    struct store_slice bucket = {NULL, 0};
    if (!digest(kind, scope, number, len, &mark))
        return STORE_IO;
    enum store_status status = load(txn, &mark, &bucket);
    if (status == STORE_OK && has(bucket, mark.entry))
        return STORE_OK;
    return status == STORE_OK || status == STORE_NOT_FOUND ? append_entry(txn, &mark, bucket) : status;
}

enum store_status spent_find(struct store_txn *txn, enum spent_kind kind, const char *scope, const void *number,
                             size_t len)
{
    struct mark mark;
    struct store_slice bucket;
    if (!digest(kind, scope, number, len, &mark))
        return STORE_IO;
    enum store_status status = load(txn, &mark, &bucket);
    return status == STORE_OK && !has(bucket, mark.entry) ? STORE_NOT_FOUND : status;
}

/* What stands in the index was asked about when it came there. */
enum store_status spent_claim(struct store_txn *txn, enum spent_kind kind, const char *scope, struct store_slice number,
                              unsigned table, struct store_slice key, const struct acme_id *owner)
{
    struct store_slice holder;
    enum store_status status = store_get(txn, table, key.data, key.len, &holder);
    if (status == STORE_NOT_FOUND) {
        status = spent_find(txn, kind, scope, number.data, number.len);
        if (status == STORE_OK)
            return STORE_EXISTS;
    }
    if (status != STORE_OK && status != STORE_NOT_FOUND)
        return status;
    return store_claim(txn, table, key.data, key.len, owner->octets, ACME_ID_LEN);
}
