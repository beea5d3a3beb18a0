#include "gateway/operate/access/session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "acme/durations.h"

static const uint64_t SESSION_MS = 12 * HOUR_MS, IDLE_MS = HOUR_MS;

struct place {
    uint8_t key[SHA256_DIGEST_LENGTH]; /* of the cookie, which is kept nowhere */
    struct session session;
    uint64_t used_ms;
    bool taken;
};

struct sessions {
    pthread_mutex_t lock;
    struct place places[SESSIONS_MAX];
};

struct sessions *sessions_make(void)
{
    struct sessions *sessions = calloc(1, sizeof *sessions);
    if (sessions)
        pthread_mutex_init(&sessions->lock, NULL);
    return sessions;
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    pthread_mutex_destroy(&sessions->lock);
    free(sessions);
}

static bool place_serves(const struct place *place, uint64_t now_ms)
{
    return place->taken && now_ms < place->session.expires_ms && now_ms < place->used_ms + IDLE_MS;
}

/* Who has as many as one may have loses his own that has been idle longest, and nobody else's. */
static struct place *room_for_session(struct sessions *sessions, const struct place *fresh)
{
    struct place *idle = &sessions->places[0], *own = NULL, *free_one = NULL;
    unsigned count = 0;
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct place *place = &sessions->places[i];
        if (!place_serves(place, fresh->used_ms)) {
            free_one = place;
            continue;
        }
        if (place->used_ms < idle->used_ms)
            idle = place;
        if (memcmp(place->session.token_hash, fresh->session.token_hash, TOKEN_HASH_LEN) != 0)
            continue;
        count++;
        own = own && own->used_ms <= place->used_ms ? own : place;
    }
    return count >= SESSIONS_PER_TOKEN ? own : free_one ? free_one : idle;
}

bool session_begin(struct sessions *sessions, const struct token *token, uint64_t now_ms,
                   char cookie[static SESSION_TEXT_SIZE], struct session *session)
{
    uint8_t random[SESSION_LEN];
    if (RAND_bytes(random, sizeof random) != 1)
        return false;
    size_t len = base64url_encode(random, sizeof random, cookie);
    OPENSSL_cleanse(random, sizeof random);
    struct place fresh = {.session.expires_ms = now_ms + SESSION_MS, .used_ms = now_ms, .taken = true};
    memcpy(fresh.session.token, token->name, sizeof token->name);
    memcpy(fresh.session.token_hash, token->hash, sizeof token->hash);
    SHA256((const uint8_t *)cookie, len, fresh.key);
    *session = fresh.session;
    pthread_mutex_lock(&sessions->lock);
    *room_for_session(sessions, &fresh) = fresh;
    pthread_mutex_unlock(&sessions->lock);
    return true;
}

/* With the lock. NULL: there is none. */
static struct place *place_of(struct sessions *sessions, const char *cookie)
{
    uint8_t key[SHA256_DIGEST_LENGTH];
    SHA256((const uint8_t *)cookie, strlen(cookie), key);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct place *place = &sessions->places[i];
        if (place->taken && CRYPTO_memcmp(place->key, key, sizeof key) == 0)
            return place;
    }
    return NULL;
}

bool session_find(struct sessions *sessions, const char *cookie, uint64_t now_ms, struct session *session)
{
    pthread_mutex_lock(&sessions->lock);
    struct place *place = place_of(sessions, cookie);
    bool found = place && place_serves(place, now_ms);
    if (found) {
        place->used_ms = now_ms;
        *session = place->session;
    }
    pthread_mutex_unlock(&sessions->lock);
    return found;
}

void session_end(struct sessions *sessions, const char *cookie)
{
    pthread_mutex_lock(&sessions->lock);
    struct place *place = place_of(sessions, cookie);
    if (place)
        memset(place, 0, sizeof *place);
    pthread_mutex_unlock(&sessions->lock);
}
