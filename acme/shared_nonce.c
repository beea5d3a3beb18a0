#include "acme/shared_nonce.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "acme/base64url.h"

enum {
    MAC_LEN = 16,
    KEY_LEN = 32,
    BLOCK_LEN = 8 + MAC_LEN, /* seconds and number, 4 octets each, and the MAC */
    BLOCK_TEXT = 32,
    LABEL_MAX = NONCE_PREFIX_MAX + 3,
    EARLY_S = 300, /* that another one's clock may be ahead */
};

struct shared_nonces {
    uint8_t key[KEY_LEN];
    _Atomic uint32_t next; /* from a number drawn at start: two that give the same in one second lose one of them */
    char label[LABEL_MAX + 1];
    size_t label_len;
    shared_nonce_fn *once;
    void *ctx;
};

static bool authenticate(const struct shared_nonces *nonces, uint64_t number, uint8_t mac[static MAC_LEN])
{
    uint8_t whole[EVP_MAX_MD_SIZE], text[8];
    unsigned len = 0;
    number = htobe64(number);
    memcpy(text, &number, sizeof text);
    if (!HMAC(EVP_sha256(), nonces->key, KEY_LEN, text, sizeof text, whole, &len) || len < MAC_LEN)
        return false;
    memcpy(mac, whole, MAC_LEN);
    return true;
}

/* The key of this use alone, so that a nonce tells nothing of what else the secret seals. */
static bool derive_key(struct shared_nonces *nonces, const uint8_t *secret, size_t len)
{
    static const char USE[] = "acmegate nonces";
    unsigned key_len = 0;
    uint8_t key[EVP_MAX_MD_SIZE];
    bool good = HMAC(EVP_sha256(), secret, (int)len, (const uint8_t *)USE, sizeof USE - 1, key, &key_len) != NULL &&
                key_len == KEY_LEN;
    if (good)
        memcpy(nonces->key, key, KEY_LEN);
    OPENSSL_cleanse(key, sizeof key);
    return good;
}

/* The whole is canonical base64url (nonce.c says why): as many characters as make whole octets. */
static bool make_label(struct shared_nonces *nonces, const char *prefix)
{
    size_t len = strlen(prefix);
    if (len > NONCE_PREFIX_MAX)
        return false;
    memcpy(nonces->label, prefix, len);
    while ((len + BLOCK_TEXT) % 4 != 0)
        nonces->label[len++] = 'S';
    nonces->label_len = len;
    return true;
}

struct shared_nonces *shared_nonces_make(const char *prefix, const uint8_t *secret, size_t len, shared_nonce_fn *once,
                                         void *ctx)
{
    struct shared_nonces *nonces = calloc(1, sizeof *nonces);
    uint32_t first;
    if (!nonces)
        return NULL;
    nonces->once = once;
    nonces->ctx = ctx;
    if (make_label(nonces, prefix) && derive_key(nonces, secret, len) &&
        RAND_bytes((unsigned char *)&first, sizeof first) == 1) {
        atomic_init(&nonces->next, first);
        return nonces;
    }
    shared_nonces_free(nonces);
    return NULL;
}

void shared_nonces_free(struct shared_nonces *nonces)
{
    if (!nonces)
        return;
    OPENSSL_cleanse(nonces->key, sizeof nonces->key);
    free(nonces);
}

bool shared_nonce_issue(struct shared_nonces *nonces, uint64_t now_s, char text[static NONCE_TEXT_MAX])
{
    uint64_t number = now_s << 32 | atomic_fetch_add_explicit(&nonces->next, 1, memory_order_relaxed);
    uint64_t sent = htobe64(number);
    uint8_t block[BLOCK_LEN];
    memcpy(block, &sent, sizeof sent);
    if (!authenticate(nonces, number, block + sizeof sent))
        return false;
    memcpy(text, nonces->label, nonces->label_len);
    base64url_encode(block, sizeof block, text + nonces->label_len);
    return true;
}

static bool open_block(const struct shared_nonces *nonces, const char *text, uint64_t *number)
{
    uint8_t block[BLOCK_LEN], mac[MAC_LEN];
    if (base64url_decode(text, BLOCK_TEXT, block, sizeof block) != BLOCK_LEN)
        return false;
    memcpy(number, block, sizeof *number);
    *number = be64toh(*number);
    return authenticate(nonces, *number, mac) && CRYPTO_memcmp(mac, block + sizeof *number, MAC_LEN) == 0;
}

enum nonce_verdict shared_nonce_redeem(struct shared_nonces *nonces, uint64_t now_s, const char *text, size_t len)
{
    uint64_t number, oldest_s = now_s > SHARED_NONCE_LIFE_S ? now_s - SHARED_NONCE_LIFE_S : 0;
    if (len != nonces->label_len + BLOCK_TEXT || memcmp(text, nonces->label, nonces->label_len) != 0)
        return NONCE_FOREIGN;
    if (!open_block(nonces, text + nonces->label_len, &number))
        return NONCE_FORGED;
    if (number >> 32 < oldest_s || number >> 32 > now_s + EARLY_S)
        return NONCE_OLD;
    /* One whose clock is behind remembers longer than the others need. */
    uint64_t below = (oldest_s > EARLY_S ? oldest_s - EARLY_S : 0) << 32;
    switch (nonces->once(nonces->ctx, number, below)) {
    case STORE_OK:
        return NONCE_GOOD;
    case STORE_EXISTS:
        return NONCE_USED;
    default:
        return NONCE_UNKNOWN;
    }
}
