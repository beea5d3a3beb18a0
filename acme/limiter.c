#include "acme/limiter.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "acme/durations.h"
#include "store/shortage.h"

enum { SETS = 4096, WAYS = 4, LOCKS = 64, KEY_LEN = 16, NETWORK_LEN = 8, WHO_MAX = 128 };

static const uint64_t MINUTE_US = MINUTE_MS * 1000;

/* full_us is when the bucket will be full again: the generic cell rate algorithm keeps no more than that. */
struct bucket {
    uint8_t key[KEY_LEN];
    uint64_t full_us; /* 0: free */
};

struct limiter {
    pthread_mutex_t locks[LOCKS];
    struct bucket sets[SETS][WAYS];
};

struct limiter *limiter_make(void)
{
    struct limiter *limiter = shortage_calloc(1, sizeof *limiter);
    for (unsigned i = 0; limiter && i < LOCKS; i++)
        pthread_mutex_init(&limiter->locks[i], NULL);
    return limiter;
}

void limiter_free(struct limiter *limiter)
{
    for (unsigned i = 0; limiter && i < LOCKS; i++)
        pthread_mutex_destroy(&limiter->locks[i]);
    free(limiter);
}

/* Theirs, or the one that is full soonest. */
static struct bucket *bucket_of(struct bucket set[static WAYS], const uint8_t key[static KEY_LEN])
{
    struct bucket *fullest = &set[0];
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].full_us > 0 && memcmp(set[i].key, key, KEY_LEN) == 0)
            return &set[i];
        if (set[i].full_us < fullest->full_us)
            fullest = &set[i];
    }
    memcpy(fullest->key, key, KEY_LEN);
    fullest->full_us = 0;
    return fullest;
}

static uint32_t draw_token(struct bucket *bucket, unsigned per_minute, uint64_t now_us, bool take)
{
    uint64_t token_us = MINUTE_US / per_minute, full_us = bucket->full_us > now_us ? bucket->full_us : now_us;
    if (full_us > now_us + MINUTE_US) /* the clock went back, or the limit was changed */
        full_us = now_us + MINUTE_US;
    bucket->full_us = full_us;
    if (full_us + token_us > now_us + MINUTE_US)
        return (uint32_t)((full_us + token_us - MINUTE_US - now_us + 999999) / 1000000);
    if (take)
        bucket->full_us = full_us + token_us;
    return 0;
}

static uint32_t ask_bucket(struct limiter *limiter, enum limiter_kind kind, const void *who, size_t len,
                           unsigned per_minute, uint64_t now_ms, bool take)
{
    uint8_t digest[SHA256_DIGEST_LENGTH], text[1 + WHO_MAX] = {(uint8_t)kind};
    if (per_minute == 0)
        return 0;
    len = len < WHO_MAX ? len : WHO_MAX;
    memcpy(text + 1, who, len);
    SHA256(text, 1 + len, digest);
    unsigned set = (unsigned)(digest[KEY_LEN] | digest[KEY_LEN + 1] << 8) % SETS;
    pthread_mutex_lock(&limiter->locks[set % LOCKS]);
    uint32_t wait_s = draw_token(bucket_of(limiter->sets[set], digest), per_minute, now_ms * 1000, take);
    pthread_mutex_unlock(&limiter->locks[set % LOCKS]);
    return wait_s;
}

uint32_t limiter_take(struct limiter *limiter, enum limiter_kind kind, const void *who, size_t len, unsigned per_minute,
                      uint64_t now_ms)
{
    return ask_bucket(limiter, kind, who, len, per_minute, now_ms, true);
}

static uint32_t ask_address(struct limiter *limiter, const char *address, unsigned per_minute, uint64_t now_ms,
                            bool take)
{
    struct in6_addr v6;
    if (per_minute == 0)
        return 0;
    if (inet_pton(AF_INET6, address, &v6) == 1)
        return ask_bucket(limiter, LIMITER_ADDRESS, v6.s6_addr, NETWORK_LEN, per_minute, now_ms, take);
    return ask_bucket(limiter, LIMITER_ADDRESS, address, strlen(address), per_minute, now_ms, take);
}

uint32_t limiter_take_address(struct limiter *limiter, const char *address, unsigned per_minute, uint64_t now_ms)
{
    return ask_address(limiter, address, per_minute, now_ms, true);
}

uint32_t limiter_wait_address(struct limiter *limiter, const char *address, unsigned per_minute, uint64_t now_ms)
{
    return ask_address(limiter, address, per_minute, now_ms, false);
}
