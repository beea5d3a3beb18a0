#include "acme/random.h"

#include <pthread.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

enum { POOL_LEN = 1024 };

/* What is left of a draw stands at the end. */
struct pool {
    unsigned char octets[POOL_LEN];
    size_t left;
};

static _Thread_local struct pool pool;

void acme_random_forget(void)
{
    OPENSSL_cleanse(pool.octets, sizeof pool.octets);
    pool.left = 0;
}

/* A child would otherwise hand out what its parent does. It has the one thread that forked. */
static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, acme_random_forget);
}

static bool fill(void)
{
    static pthread_once_t watched = PTHREAD_ONCE_INIT;
    pthread_once(&watched, watch_forks);
    pool.left = 0;
    if (RAND_bytes(pool.octets, sizeof pool.octets) != 1)
        return false;
    pool.left = sizeof pool.octets;
    return true;
}

bool acme_random(void *octets, size_t len)
{
    if (len > sizeof pool.octets)
        return RAND_bytes(octets, (int)len) == 1;
    if (pool.left < len && !fill())
        return false;
    unsigned char *from = pool.octets + sizeof pool.octets - pool.left;
    memcpy(octets, from, len);
    OPENSSL_cleanse(from, len);
    pool.left -= len;
    return true;
}
