#include "acme/key_cache.h"

#include <stdlib.h>
#include <string.h>

#include "store/shortage.h"

struct slot {
    uint8_t thumbprint[JWK_THUMBPRINT_LEN];
    enum jwk_kind kind;
    bool fresh;    /* got since the last look at all */
    EVP_PKEY *key; /* NULL: free */
    struct key_facts facts;
};

struct key_cache {
    struct slot slots[KEY_CACHE_SLOTS];
};

struct key_cache *key_cache_make(void)
{
    return shortage_calloc(1, sizeof(struct key_cache));
}

void key_cache_free(struct key_cache *cache)
{
    if (!cache)
        return;
    for (unsigned i = 0; i < KEY_CACHE_SLOTS; i++)
        EVP_PKEY_free(cache->slots[i].key);
    free(cache);
}

static struct slot *slot_of(struct key_cache *cache, const uint8_t thumbprint[static JWK_THUMBPRINT_LEN])
{
    unsigned hash = (unsigned)thumbprint[0] << 8 | thumbprint[1];
    return &cache->slots[hash % KEY_CACHE_SLOTS];
}

static bool serves(const struct slot *slot, const struct acme_account *account)
{
    return slot->key && memcmp(slot->thumbprint, account->thumbprint, sizeof slot->thumbprint) == 0;
}

static bool fill_slot(struct slot *slot, const struct acme_account *account)
{
    struct jwk jwk = {0};
    struct acme_problem problem = {0};
    struct key_facts facts;
    if (!jwk_parse_text(account->key, strlen(account->key), &jwk, &problem) || !key_facts_of(jwk.key, NULL, &facts)) {
        jwk_clear(&jwk);
        acme_problem_clear(&problem);
        return false;
    }
    EVP_PKEY_free(slot->key);
    memcpy(slot->thumbprint, account->thumbprint, sizeof slot->thumbprint);
    slot->kind = jwk.kind;
    slot->facts = facts;
    slot->key = jwk.key;
    jwk.key = NULL;
    jwk_clear(&jwk);
    return true;
}

EVP_PKEY *key_cache_get(struct key_cache *cache, const struct acme_account *account, enum jwk_kind *kind,
                        const struct key_facts **facts)
{
    struct slot *slot = slot_of(cache, account->thumbprint);
    if (!serves(slot, account) && !fill_slot(slot, account))
        return NULL;
    slot->fresh = true;
    *kind = slot->kind;
    *facts = &slot->facts;
    return slot->key;
}

unsigned key_cache_age(struct key_cache *cache)
{
    unsigned left = 0;
    for (unsigned i = 0; i < KEY_CACHE_SLOTS; i++) {
        struct slot *slot = &cache->slots[i];
        if (!slot->fresh) {
            EVP_PKEY_free(slot->key);
            slot->key = NULL;
        }
        left += slot->key != NULL;
        slot->fresh = false;
    }
    return left;
}
