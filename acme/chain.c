#include "acme/chain.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "acme/tables.h"
#include "store/shortage.h"

_Static_assert(CHAIN_DIGEST_LEN == 32, "as many octets as SHA-256 has");

char *chain_join(const uint8_t *leaf, size_t leaf_len, struct store_slice above)
{
    char *text = NULL, *pem;
    BIO *bio = leaf_len <= INT_MAX ? BIO_new(BIO_s_mem()) : NULL;
    if (bio && PEM_write_bio(bio, PEM_STRING_X509, "", leaf, (long)leaf_len) > 0) {
        long len = BIO_get_mem_data(bio, &pem);
        text = shortage_malloc((size_t)len + above.len + 1);
        if (text) {
            memcpy(text, pem, (size_t)len);
            if (above.len > 0)
                memcpy(text + len, above.data, above.len);
            text[(size_t)len + above.len] = '\0';
        }
    }
    BIO_free(bio);
    return text;
}

/* The octets of the first certificate, whatever the form; NULL where there is none. */
static uint8_t *read_leaf(const char *pem, size_t *len)
{
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    uint8_t *leaf = NULL;
    long data_len = 0;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    if (bio && PEM_read_bio(bio, &name, &header, &data, &data_len) == 1 && strcmp(name, PEM_STRING_X509) == 0 &&
        data_len > 0)
        leaf = shortage_malloc((size_t)data_len);
    if (leaf) {
        memcpy(leaf, data, (size_t)data_len);
        *len = (size_t)data_len;
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(bio);
    ERR_clear_error();
    return leaf;
}

bool chain_split(const char *pem, struct chain *out)
{
    *out = (struct chain){.leaf_len = 0};
    out->leaf = read_leaf(pem, &out->leaf_len);
    char *alone = out->leaf ? chain_join(out->leaf, out->leaf_len, (struct store_slice){0}) : NULL;
    size_t len = alone ? strlen(alone) : 0;
    bool good = alone && strncmp(pem, alone, len) == 0;
    if (good) {
        out->above = pem + len;
    } else {
        free(out->leaf);
        *out = (struct chain){.leaf_len = 0};
    }
    free(alone);
    return good;
}

enum store_status chain_keep_above(struct store_txn *txn, const char *above, uint8_t digest[static CHAIN_DIGEST_LEN])
{
    struct store_slice there;
    if (EVP_Digest(above, strlen(above), digest, NULL, EVP_sha256(), NULL) != 1)
        return STORE_IO;
    enum store_status status = store_get(txn, ACME_ISSUERS, digest, CHAIN_DIGEST_LEN, &there);
    if (status == STORE_NOT_FOUND)
        status = store_put(txn, ACME_ISSUERS, digest, CHAIN_DIGEST_LEN, above, strlen(above));
    return status;
}

enum store_status chain_find_above(struct store_txn *txn, const uint8_t digest[static CHAIN_DIGEST_LEN],
                                   struct store_slice *above)
{
    enum store_status status = store_get(txn, ACME_ISSUERS, digest, CHAIN_DIGEST_LEN, above);
    return status == STORE_NOT_FOUND ? STORE_INVALID : status;
}
