/* key_cache: the account keys that one thread has met, ready to verify with.
 *
 * Direct-mapped by thumbprint and bounded: a key that falls into a taken slot pushes the other out. The thumbprint
 * comes from the account's record with every request, so a changed key needs no notice. One thread.
 */
#ifndef ACME_KEY_CACHE_H
#define ACME_KEY_CACHE_H

#include "acme/account.h"
#include "acme/key_policy.h"

struct key_cache;

enum { KEY_CACHE_SLOTS = 4096 };

struct key_cache *key_cache_make(void);
void key_cache_free(struct key_cache *cache);
/* The account's key and what it is known by, borrowed until the next call; NULL: the stored key does not parse or
 * memory is short. */
EVP_PKEY *key_cache_get(struct key_cache *cache, const struct acme_account *account, enum jwk_kind *kind,
                        const struct key_facts **facts);
/* Forgets the keys that were not got since the last call: what an account's key takes lies scattered, so that some old
 * ones keep the memory of a whole burst. Returns how many are left. */
unsigned key_cache_age(struct key_cache *cache);

#endif
