/* bound: policies and external account keys in the store of a world, and accounts that are bound to them. */
#ifndef TESTS_UNIT_ACME_BOUND_H
#define TESTS_UNIT_ACME_BOUND_H

#include "tests/unit/acme/client.h"

#include <openssl/hmac.h>

#include "acme/external_key.h"
#include "acme/policy.h"

static const uint8_t seal[EXTERNAL_KEY_SEAL_LEN] = "a key that seals in tests......";
static const char *const one_name[] = {"a.example", NULL};

static inline void set(struct acme_policy *policy, const char *json)
{
    char reason[ACME_POLICY_REASON_MAX] = "";
    json_t *members = json_loads(json, 0, NULL);
    assert_non_null(members);
    if (!acme_policy_set(policy, members, reason))
        fail_msg("%s", reason);
    json_decref(members);
}

struct change {
    struct acme_policy *policy;
    struct external_key *key;
};

static inline enum store_status save(struct store_txn *txn, void *arg)
{
    struct change *change = arg;
    enum store_status status = change->policy ? acme_policy_save(txn, change->policy) : STORE_OK;
    return status == STORE_OK && change->key ? external_key_save(txn, change->key) : status;
}

static inline void store_policy(struct world *w, const char *name, const char *json)
{
    struct acme_policy policy;
    assert_true(acme_policy_make(name, &policy));
    set(&policy, json);
    assert_int_equal(store_call(w->store, save, &(struct change){.policy = &policy}), STORE_OK);
    acme_policy_clear(&policy);
}

static inline void store_key(struct world *w, struct external_key *key)
{
    assert_int_equal(store_call(w->store, save, &(struct change){.key = key}), STORE_OK);
}

/* newAccount with a binding; what: which part of it is wrong. */
enum wrong { NOTHING, WRONG_MAC, WRONG_URL, WRONG_KEY, WRONG_KID, WITH_NONCE };

static inline void make_binding(char *out, size_t size, const struct external_key *key, const struct client *c,
                                const struct client *other, enum wrong wrong)
{
    uint8_t mac[EXTERNAL_KEY_MAC_LEN], tag[32];
    char header[256], input[2048], protected64[512], payload64[1024], tag64[64], jwk[512];
    unsigned tag_len = sizeof tag;
    assert_true(external_key_open(key, seal, mac));
    mac[0] ^= wrong == WRONG_MAC;
    snprintf(header, sizeof header, "{\"alg\":\"HS256\",\"kid\":\"%s\",\"url\":\"" BASE "%s\"%s}",
             wrong == WRONG_KID ? "unknown" : key->id, wrong == WRONG_URL ? "/acme/new-order" : "/acme/new-account",
             wrong == WITH_NONCE ? ",\"nonce\":\"x\"" : "");
    snprintf(jwk, sizeof jwk, "%s", wrong == WRONG_KEY ? other->jwk : c->jwk);
    base64url_encode(header, strlen(header), protected64);
    base64url_encode(jwk, strlen(jwk), payload64);
    snprintf(input, sizeof input, "%s.%s", protected64, payload64);
    assert_non_null(HMAC(EVP_sha256(), mac, sizeof mac, (uint8_t *)input, strlen(input), tag, &tag_len));
    base64url_encode(tag, tag_len, tag64);
    snprintf(out, size, "{\"externalAccountBinding\":{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}}",
             protected64, payload64, tag64);
}

static inline void open_bound(struct world *w, struct external_key *key, const char *policy)
{
    world_open(w);
    w->config.external_account_required = true;
    w->config.seal = seal;
    world_restart(w);
    store_policy(w, "web", policy);
    assert_true(external_key_make(key, "k1", "web", 1, seal));
    store_key(w, key);
}

static inline struct reply bind_account(struct world *w, struct client *c, const struct external_key *key)
{
    char payload[4096];
    client_make(c);
    make_binding(payload, sizeof payload, key, c, c, NOTHING);
    struct reply r = post(w, c, "/acme/new-account", payload);
    if (r.it->status == 201)
        snprintf(c->kid, sizeof c->kid, "%s", r.it->location);
    return r;
}

#endif
