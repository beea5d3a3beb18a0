#include "acme/nonce.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "acme/base64url.h"
#include "store/shortage.h"

enum {
    BLOCK_LEN = 16, /* counter and tag, 8 octets each */
    BLOCK_TEXT = 22,
    STAMP_TEXT = 4, /* names the start: nonces of before a restart are foreign, not forged */
    LABEL_MAX = NONCE_PREFIX_MAX + STAMP_TEXT + 1,
    WORD_COUNTERS = 32,
    CIPHERS = 32,
};

/* A cipher context serves one thread at a time. A thread takes the next that is free; as long as there are no more
 * threads than contexts, nobody waits. */
struct cipher {
    atomic_flag busy;
    EVP_CIPHER_CTX *encrypt, *decrypt;
} __attribute__((aligned(64)));

struct nonces {
    _Atomic uint64_t next; /* the counter of the nonce to be issued next */
    uint64_t window;
    uint64_t words;
    /* Word i remembers the 32 counters from 32 * (i + words * epoch): the epoch in the upper half, a bit for each
     * used counter in the lower. Redeeming in a later epoch takes the word over. */
    _Atomic uint64_t *used;
    char label[LABEL_MAX + 1]; /* prefix and stamp, before the block */
    size_t label_len;
    uint8_t tag[8];
    struct cipher ciphers[CIPHERS];
};

static struct cipher *cipher_take(struct nonces *nonces)
{
    static _Thread_local unsigned hint; /* keeps a thread on the context that it had last */

    for (unsigned i = hint;; i++) {
        struct cipher *cipher = &nonces->ciphers[i % CIPHERS];
        if (!atomic_flag_test_and_set_explicit(&cipher->busy, memory_order_acquire)) {
            hint = i % CIPHERS;
            return cipher;
        }
    }
}

static void cipher_release(struct cipher *cipher)
{
    atomic_flag_clear_explicit(&cipher->busy, memory_order_release);
}

/* One block through ctx, which keeps no state between blocks (ECB without padding). */
static bool one_block(EVP_CIPHER_CTX *ctx, const uint8_t in[static BLOCK_LEN], uint8_t out[static BLOCK_LEN])
{
    int len = 0;
    return EVP_CipherUpdate(ctx, out, &len, in, BLOCK_LEN) == 1 && len == BLOCK_LEN;
}

static EVP_CIPHER_CTX *cipher_make(const uint8_t *key, int encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (!ctx || EVP_CipherInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL, encrypt) != 1 ||
        EVP_CIPHER_CTX_set_padding(ctx, 0) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static bool ciphers_make(struct nonces *nonces)
{
    uint8_t key[16];
    bool ok = RAND_priv_bytes(key, sizeof key) == 1;

    for (int i = 0; ok && i < CIPHERS; i++) {
        struct cipher *cipher = &nonces->ciphers[i];
        cipher->encrypt = cipher_make(key, 1);
        cipher->decrypt = cipher_make(key, 0);
        ok = cipher->encrypt && cipher->decrypt;
    }
    OPENSSL_cleanse(key, sizeof key);
    return ok;
}

static bool is_prefix(const char *prefix)
{
    size_t len = strspn(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    return len <= NONCE_PREFIX_MAX && prefix[len] == '\0';
}

/* The whole nonce must be canonical base64url, for certbot decodes and encodes it again: where its length would be
 * one above a multiple of four, the stamp gets a character more. */
static bool label_make(struct nonces *nonces, const char *prefix)
{
    uint8_t octets[STAMP_TEXT] = {0};
    char stamp[BASE64URL_SIZE(sizeof octets)];
    size_t prefix_len = strlen(prefix), stamp_len = STAMP_TEXT;

    if (RAND_bytes(octets, sizeof octets) != 1)
        return false;
    base64url_encode(octets, sizeof octets, stamp);
    if ((prefix_len + stamp_len + BLOCK_TEXT) % 4 == 1)
        stamp_len++;
    memcpy(nonces->label, prefix, prefix_len);
    memcpy(nonces->label + prefix_len, stamp, stamp_len);
    nonces->label_len = prefix_len + stamp_len;
    return true;
}

struct nonces *nonces_make(const char *prefix, uint64_t window)
{
    struct nonces *nonces;

    if (!is_prefix(prefix) || window == 0 || window % 64 != 0)
        return NULL;
    nonces = aligned_alloc(_Alignof(struct nonces), sizeof *nonces);
    if (!nonces)
        return NULL;
    memset(nonces, 0, sizeof *nonces);
    for (int i = 0; i < CIPHERS; i++)
        atomic_flag_clear(&nonces->ciphers[i].busy);
    nonces->window = window;
    nonces->words = window / WORD_COUNTERS;
    nonces->used = shortage_calloc(nonces->words, sizeof *nonces->used);
    if (!nonces->used || RAND_bytes(nonces->tag, sizeof nonces->tag) != 1 || !label_make(nonces, prefix) ||
        !ciphers_make(nonces)) {
        nonces_free(nonces);
        return NULL;
    }
    return nonces;
}

void nonces_free(struct nonces *nonces)
{
    if (!nonces)
        return;
    for (int i = 0; i < CIPHERS; i++) {
        EVP_CIPHER_CTX_free(nonces->ciphers[i].encrypt);
        EVP_CIPHER_CTX_free(nonces->ciphers[i].decrypt);
    }
    free(nonces->used);
    free(nonces);
}

bool nonce_issue(struct nonces *nonces, char text[static NONCE_TEXT_MAX])
{
    uint64_t counter = atomic_fetch_add_explicit(&nonces->next, 1, memory_order_relaxed);
    uint8_t plain[BLOCK_LEN], block[BLOCK_LEN];

    memcpy(plain, &counter, sizeof counter);
    memcpy(plain + sizeof counter, nonces->tag, sizeof nonces->tag);
    struct cipher *cipher = cipher_take(nonces);
    bool ok = one_block(cipher->encrypt, plain, block);
    cipher_release(cipher);
    memcpy(text, nonces->label, nonces->label_len);
    base64url_encode(block, sizeof block, text + nonces->label_len);
    return ok;
}

/* Marks counter as used, once: of several threads with the same nonce one gets NONCE_GOOD. */
static enum nonce_verdict use_up(struct nonces *nonces, uint64_t counter)
{
    uint64_t group = counter / WORD_COUNTERS;
    _Atomic uint64_t *word = &nonces->used[group % nonces->words];
    uint64_t epoch = group / nonces->words << 32;
    uint64_t bit = UINT64_C(1) << counter % WORD_COUNTERS;
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
    uint64_t new;

    do {
        uint64_t old_epoch = old >> 32 << 32;
        if (old_epoch > epoch)
            return NONCE_OLD;
        if (old_epoch == epoch && (old & bit))
            return NONCE_USED;
        new = old_epoch == epoch ? old | bit : epoch | bit;
    } while (!atomic_compare_exchange_weak_explicit(word, &old, new, memory_order_relaxed, memory_order_relaxed));
    return NONCE_GOOD;
}

static bool open_block(struct nonces *nonces, const char *text, uint64_t *counter)
{
    uint8_t block[BLOCK_LEN], plain[BLOCK_LEN];

    if (base64url_decode(text, BLOCK_TEXT, block, sizeof block) != BLOCK_LEN)
        return false;
    struct cipher *cipher = cipher_take(nonces);
    bool ok = one_block(cipher->decrypt, block, plain);
    cipher_release(cipher);
    memcpy(counter, plain, sizeof *counter);
    return ok && CRYPTO_memcmp(plain + sizeof *counter, nonces->tag, sizeof nonces->tag) == 0;
}

enum nonce_verdict nonce_redeem(struct nonces *nonces, const char *text, size_t len)
{
    uint64_t counter;

    if (len != nonces->label_len + BLOCK_TEXT || memcmp(text, nonces->label, nonces->label_len) != 0)
        return NONCE_FOREIGN;
    if (!open_block(nonces, text + nonces->label_len, &counter))
        return NONCE_FORGED;
    uint64_t next = atomic_load_explicit(&nonces->next, memory_order_relaxed);
    if (counter >= next)
        return NONCE_FORGED;
    if (next - counter > nonces->window)
        return NONCE_OLD;
    return use_up(nonces, counter);
}
