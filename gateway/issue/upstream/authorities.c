#include "gateway/issue/upstream/authorities.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "acme/certificate.h"
#include "gateway/issue/upstream/accept.h"
#include "store/shortage.h"

enum { CA_MAX = 10, CACHED_MAX = 8 };

/* What was verified: the leaf's issuer, by these anchors. */
struct proof {
    X509_STORE *anchors;               /* held, so that no other has its address */
    X509_STORE *issuer;                /* the issuer alone */
    char *above;                       /* PEM of what stands between it and the root */
    X509 *weakest_begin, *weakest_end; /* of the certificates above: the last that becomes valid, the first that ends */
};

struct entry {
    char *pem;
    STACK_OF(X509) * cas;
    struct proof proof;
};

struct accept_cache {
    pthread_mutex_t lock;
    struct entry entries[CACHED_MAX];
    unsigned next; /* replaced next */
};

static void drop_proof(struct proof *proof)
{
    X509_STORE_free(proof->anchors);
    X509_STORE_free(proof->issuer);
    X509_free(proof->weakest_begin);
    X509_free(proof->weakest_end);
    free(proof->above);
    *proof = (struct proof){0};
}

static void drop_entry(struct entry *entry)
{
    drop_proof(&entry->proof);
    free(entry->pem);
    sk_X509_pop_free(entry->cas, X509_free);
    *entry = (struct entry){0};
}

struct accept_cache *accept_cache_make(void)
{
    struct accept_cache *cache = shortage_calloc(1, sizeof *cache);
    if (cache)
        pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void accept_cache_free(struct accept_cache *cache)
{
    if (!cache)
        return;
    for (unsigned i = 0; i < CACHED_MAX; i++)
        drop_entry(&cache->entries[i]);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* Under the lock. */
static struct entry *entry_of(struct accept_cache *cache, const char *pem)
{
    for (unsigned i = 0; i < CACHED_MAX; i++)
        if (cache->entries[i].pem && strcmp(cache->entries[i].pem, pem) == 0)
            return &cache->entries[i];
    return NULL;
}

/* ---- parsed ---- */

static STACK_OF(X509) * read_cas(const char *pem)
{
    STACK_OF(X509) *cas = sk_X509_new_null();
    BIO *bio = pem ? BIO_new_mem_buf(pem, -1) : NULL;
    X509 *ca;
    while (cas && bio && sk_X509_num(cas) < CA_MAX && (ca = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (!sk_X509_push(cas, ca)) {
            X509_free(ca);
            break;
        }
    }
    BIO_free(bio);
    return cas;
}

static STACK_OF(X509) * cached_cas(struct accept_cache *cache, const char *pem)
{
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = entry_of(cache, pem);
    STACK_OF(X509) *cas = entry ? X509_chain_up_ref(entry->cas) : NULL;
    pthread_mutex_unlock(&cache->lock);
    return cas;
}

static void remember_cas(struct accept_cache *cache, const char *pem, STACK_OF(X509) * cas)
{
    char *copy = shortage_strdup(pem);
    STACK_OF(X509) *kept = X509_chain_up_ref(cas);
    if (!copy || !kept) {
        free(copy);
        sk_X509_pop_free(kept, X509_free);
        return;
    }
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = &cache->entries[cache->next];
    drop_entry(entry);
    entry->pem = copy;
    entry->cas = kept;
    cache->next = (cache->next + 1) % CACHED_MAX;
    pthread_mutex_unlock(&cache->lock);
}

STACK_OF(X509) * authorities_find(struct accept_cache *cache, const char *pem)
{
    STACK_OF(X509) *cas = cache && pem ? cached_cas(cache, pem) : NULL;
    if (cas)
        return cas;
    cas = read_cas(pem);
    if (cas && cache && pem)
        remember_cas(cache, pem, cas);
    return cas;
}

/* ---- verified ---- */

char *authorities_pem(STACK_OF(X509) * chain, int from)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL, *data;
    int last = sk_X509_num(chain) - 1;
    if (!bio)
        return NULL;
    for (int i = from; i <= last; i++) {
        X509 *certificate = sk_X509_value(chain, i);
        if (i > 0 && i == last && X509_self_signed(certificate, 0) == 1)
            break;
        if (PEM_write_bio_X509(bio, certificate) != 1)
            goto out;
    }
    long len = BIO_get_mem_data(bio, &data);
    if (len >= 0 && len <= ACME_CHAIN_MAX)
        text = strndup(len > 0 ? data : "", (size_t)len); /* an empty BIO has no data at all */
out:
    BIO_free(bio);
    return text;
}

/* What binds the leaf besides signatures and times is left to the whole verification. */
static bool constrains(X509 *ca)
{
    return X509_get_ext_by_NID(ca, NID_name_constraints, -1) >= 0 ||
           X509_get_ext_by_NID(ca, NID_policy_constraints, -1) >= 0;
}

static X509_STORE *store_of(X509 *issuer)
{
    X509_STORE *store = X509_STORE_new();
    if (store && X509_STORE_add_cert(store, issuer) == 1 && X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1)
        return store;
    X509_STORE_free(store);
    return NULL;
}

static X509 *later(X509 *a, X509 *b, const ASN1_TIME *(*time)(const X509 *), int wanted)
{
    return ASN1_TIME_compare(time(b), time(a)) == wanted ? b : a;
}

static bool prove(struct proof *proof, X509_STORE *anchors, STACK_OF(X509) * chain)
{
    int count = sk_X509_num(chain);
    if (count < 3)
        return false; /* the leaf, its issuer and what signed that */
    X509 *begin = sk_X509_value(chain, 2), *end = begin;
    for (int i = 2; i < count; i++) {
        X509 *ca = sk_X509_value(chain, i);
        if (constrains(ca))
            return false;
        begin = later(begin, ca, X509_get0_notBefore, 1);
        end = later(end, ca, X509_get0_notAfter, -1);
    }
    X509_up_ref(begin);
    X509_up_ref(end);
    X509_STORE_up_ref(anchors);
    *proof = (struct proof){.anchors = anchors,
                            .issuer = store_of(sk_X509_value(chain, 1)),
                            .above = authorities_pem(chain, 2),
                            .weakest_begin = begin,
                            .weakest_end = end};
    return proof->issuer && proof->above;
}

void authorities_remember(struct accept_cache *cache, const char *pem, X509_STORE *anchors, STACK_OF(X509) * chain)
{
    struct proof proof = {0};
    if (!cache || !pem)
        return;
    bool proven = prove(&proof, anchors, chain);
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = proven ? entry_of(cache, pem) : NULL;
    if (entry) {
        struct proof before = entry->proof;
        entry->proof = proof;
        proof = before;
    }
    pthread_mutex_unlock(&cache->lock);
    drop_proof(&proof);
}

/* The proof is used under no lock: its parts are held meanwhile. */
static bool take_proof(struct accept_cache *cache, const char *pem, X509_STORE *anchors, time_t at, struct proof *proof)
{
    pthread_mutex_lock(&cache->lock);
    const struct entry *entry = entry_of(cache, pem);
    bool known = entry && entry->proof.issuer && entry->proof.anchors == anchors &&
                 X509_cmp_time(X509_get0_notBefore(entry->proof.weakest_begin), &at) < 0 &&
                 X509_cmp_time(X509_get0_notAfter(entry->proof.weakest_end), &at) > 0;
    if (known) {
        *proof = (struct proof){.issuer = entry->proof.issuer, .above = shortage_strdup(entry->proof.above)};
        X509_STORE_up_ref(proof->issuer);
    }
    pthread_mutex_unlock(&cache->lock);
    return known;
}

static char *joined(char *lower, const char *above)
{
    char *whole = NULL;
    if (lower && above && strlen(lower) + strlen(above) <= ACME_CHAIN_MAX && asprintf(&whole, "%s%s", lower, above) < 0)
        whole = NULL;
    free(lower);
    return whole;
}

char *authorities_chain(struct accept_cache *cache, const char *pem, X509_STORE *anchors, X509 *leaf, time_t at)
{
    struct proof proof = {0};
    char *chain = NULL;
    if (!cache || !pem || !take_proof(cache, pem, anchors, at, &proof))
        return NULL;
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (ctx && X509_STORE_CTX_init(ctx, proof.issuer, leaf, NULL) == 1) {
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), at);
        if (X509_verify_cert(ctx) == 1)
            chain = joined(authorities_pem(X509_STORE_CTX_get0_chain(ctx), 0), proof.above);
    }
    X509_STORE_CTX_free(ctx);
    drop_proof(&proof);
    ERR_clear_error();
    return chain;
}
