/* Policies: patterns, members, quotas; external account keys: binding, sealing, disabling. */
#include "tests/unit/acme/client.h"

#include <openssl/hmac.h>

#include "acme/entitlement.h"
#include "acme/external_key.h"
#include "acme/policy.h"

static const uint8_t seal[EXTERNAL_KEY_SEAL_LEN] = "a key that seals in tests......";
static const char *const one_name[] = {"a.example", NULL};

static void set(struct acme_policy *policy, const char *json)
{
    char reason[ACME_POLICY_REASON_MAX] = "";
    json_t *members = json_loads(json, 0, NULL);
    assert_non_null(members);
    if (!acme_policy_set(policy, members, reason))
        fail_msg("%s", reason);
    json_decref(members);
}

static void names_match_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool allowed;
    } cases[] = {
        {"a.example", "a.example", true},        {"a.example", "b.a.example", false},
        {"a.example", "*.a.example", false},     {".a.example", "b.a.example", true},
        {".a.example", "c.b.a.example", true},   {".a.example", "a.example", false},
        {".a.example", "*.a.example", true},     {".a.example", "ba.example", false},
        {"web-*.example", "web-1.example", true}, {"web-*.example", "web-1.b.example", false},
        {"web-*.example", "web-.example", true}, {"*.a.example", "b.a.example", true},
        {"*.a.example", "*.a.example", true},    {"*.a.example", "c.b.a.example", false},
        {"*a*b*.example", "xaxxbx.example", true}, {"*", "anything.at.all", true},
        {"10.0.0.0/8", "10.1.2.3", true},        {"10.0.0.0/8", "11.1.2.3", false},
        {"192.0.2.1", "192.0.2.1", true},        {"192.0.2.1", "192.0.2.2", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true}, {"2001:db8::/33", "2001:db8:8000::1", false},
        {"*", "192.0.2.1", true},                {".example", "192.0.2.1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct acme_policy policy;
        char json[128];
        struct acme_identifier name = {strspn(cases[i].name, "0123456789.:abcdef") == strlen(cases[i].name) &&
                                               cases[i].name[0] <= '9'
                                           ? ACME_IP_ADDRESS
                                           : ACME_DNS_NAME,
                                       ""};
        snprintf(name.value, sizeof name.value, "%s", cases[i].name);
        snprintf(json, sizeof json, "{\"names\":[\"%s\"],\"ips\":true}", cases[i].pattern);
        assert_true(acme_policy_make("p", &policy));
        set(&policy, json);
        if (acme_policy_allows(&policy, &name) != cases[i].allowed)
            fail_msg("%s against %s", cases[i].name, cases[i].pattern);
        set(&policy, "{\"ips\":false,\"wildcards\":false}");
        if (name.type == ACME_IP_ADDRESS || name.value[0] == '*')
            assert_false(acme_policy_allows(&policy, &name));
        acme_policy_clear(&policy);
    }
}

static void members_are_checked_and_all_or_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *json, *reason;
    } bad[] = {
        {"{\"colour\":\"red\"}", "\"colour\": a policy has no such member"},
        {"{\"accounts\":5,\"validation\":\"never\"}", "\"validation\": may be acme, trusted"},
        {"{\"accounts\":-1}", "\"accounts\": is a number from 0 (no limit) to 1000000000"},
        {"{\"accounts\":\"12x\"}", "\"accounts\": is a number from 0 (no limit) to 1000000000"},
        {"{\"wildcards\":1}", "\"wildcards\": is true or false"},
        {"{\"dcv_methods\":[\"carrier-pigeon\"]}", "\"dcv_methods\": may be http, cname"},
        {"{\"names\":[\"A.example\"]}",
         "\"names\": is a list of patterns in lower case: a.example, .example, web-*.example, 10.0.0.0/8 or *"},
        {"{\"names\":[\"10.0.0.0/33\"]}",
         "\"names\": is a list of patterns in lower case: a.example, .example, web-*.example, 10.0.0.0/8 or *"},
        {"{\"contact_email\":\"hostmaster\"}", "\"contact_email\": is an e-mail address"},
        {"{\"contact_email\":\"a@b@c\"}", "\"contact_email\": is an e-mail address"},
        {"{\"country\":\"no\"}", "\"country\": is an ISO 3166 code: two capital letters"},
        {"{\"organization\":\"a\\u0007b\"}", "\"organization\": is a text of at most 255 octets"},
    };
    struct acme_policy policy;
    char reason[ACME_POLICY_REASON_MAX];
    assert_true(acme_policy_make("p", &policy));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *members = json_loads(bad[i].json, 0, NULL);
        assert_false(acme_policy_set(&policy, members, reason));
        assert_string_equal(reason, bad[i].reason);
        assert_int_equal(policy.accounts, 0);
        json_decref(members);
    }
    set(&policy, "{\"names\":\"a.example,.b.example\",\"accounts\":\"12\",\"wildcards\":\"false\"}");
    assert_int_equal(policy.names.count, 2);
    assert_string_equal(policy.names.list[1], ".b.example");
    assert_int_equal(policy.accounts, 12);
    assert_int_equal(policy.wildcards, 0);
    acme_policy_clear(&policy);
}

/* ---- with a server ---- */

struct change {
    struct acme_policy *policy;
    struct external_key *key;
};

static enum store_status save(struct store_txn *txn, void *arg)
{
    struct change *change = arg;
    enum store_status status = change->policy ? acme_policy_save(txn, change->policy) : STORE_OK;
    return status == STORE_OK && change->key ? external_key_save(txn, change->key) : status;
}

static void store_policy(struct world *w, const char *name, const char *json)
{
    struct acme_policy policy;
    assert_true(acme_policy_make(name, &policy));
    set(&policy, json);
    assert_int_equal(store_call(w->store, save, &(struct change){.policy = &policy}), STORE_OK);
    acme_policy_clear(&policy);
}

static void store_key(struct world *w, struct external_key *key)
{
    assert_int_equal(store_call(w->store, save, &(struct change){.key = key}), STORE_OK);
}

static void a_policy_survives_the_store(void **state)
{
    (void)state;
    struct world w;
    struct store_txn *txn;
    struct acme_policy read;
    world_open(&w);
    store_policy(&w, "web", "{\"names\":[\".example\"],\"validation\":\"trusted\",\"orders_per_day\":7,"
                            "\"country\":\"NO\",\"dcv_methods\":[\"cname\",\"http\"]}");
    assert_int_equal(store_read(w.store, &txn), STORE_OK);
    assert_int_equal(acme_policy_load(txn, "web", &read), STORE_OK);
    assert_int_equal(read.validation, ACME_POLICY_TRUSTED);
    assert_int_equal(read.orders_per_day, 7);
    assert_string_equal(read.country, "NO");
    assert_string_equal(read.dcv_methods.list[1], "http");
    assert_false(read.builtin);
    acme_policy_clear(&read);
    assert_int_equal(acme_policy_load(txn, "none", &read), STORE_NOT_FOUND);
    acme_policy_clear(&read);
    assert_int_equal(acme_policy_load(txn, "default", &read), STORE_OK);
    assert_true(read.builtin);
    acme_policy_clear(&read);
    store_read_end(txn);
    world_close(&w);
}

static void a_sealed_key_opens_under_its_seal_alone(void **state)
{
    (void)state;
    static const uint8_t other[EXTERNAL_KEY_SEAL_LEN] = "another key";
    uint8_t mac[EXTERNAL_KEY_MAC_LEN], again[EXTERNAL_KEY_MAC_LEN];
    struct external_key key, named;
    assert_true(external_key_make(&key, "", "p", 1, seal));
    assert_true(external_key_make(&named, "mine", "p", 1, seal));
    assert_true(external_key_id_good(key.id));
    assert_string_equal(named.id, "mine");
    assert_true(external_key_open(&key, seal, mac));
    assert_true(external_key_open(&key, seal, again));
    assert_memory_equal(mac, again, sizeof mac);
    assert_false(external_key_open(&key, other, again));
    memcpy(named.sealed, key.sealed, sizeof named.sealed); /* it is bound to its id */
    assert_false(external_key_open(&named, seal, again));
    key.sealed[20] ^= 1;
    assert_false(external_key_open(&key, seal, again));
}

/* A client's command would take a text that begins with '-' for an option; one in 64 would. */
static void external_keys_begin_with_a_letter(void **state)
{
    uint8_t mac[EXTERNAL_KEY_MAC_LEN];
    struct external_key key;
    (void)state;
    for (int i = 0; i < 300; i++) {
        assert_true(external_key_make(&key, "", "p", 1, seal));
        assert_true(external_key_open(&key, seal, mac));
        assert_true((key.id[0] >= 'A' && key.id[0] <= 'Z') || (key.id[0] >= 'a' && key.id[0] <= 'z'));
        assert_true(mac[0] < 0x80); /* what base64url writes as a letter */
    }
    assert_false(external_key_id_good("-mine"));
}

/* newAccount with a binding; what: which part of it is wrong. */
enum wrong { NOTHING, WRONG_MAC, WRONG_URL, WRONG_KEY, WRONG_KID, WITH_NONCE };

static void make_binding(char *out, size_t size, const struct external_key *key, const struct client *c,
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

static void open_bound(struct world *w, struct external_key *key, const char *policy)
{
    world_open(w);
    w->config.external_account_required = true;
    w->config.seal = seal;
    world_restart(w);
    store_policy(w, "web", policy);
    assert_true(external_key_make(key, "k1", "web", 1, seal));
    store_key(w, key);
}

static struct reply bind_account(struct world *w, struct client *c, const struct external_key *key)
{
    char payload[4096];
    client_make(c);
    make_binding(payload, sizeof payload, key, c, c, NOTHING);
    struct reply r = post(w, c, "/acme/new-account", payload);
    if (r.it->status == 201)
        snprintf(c->kid, sizeof c->kid, "%s", r.it->location);
    return r;
}

static void a_binding_is_checked_whole(void **state)
{
    (void)state;
    static const struct {
        enum wrong wrong;
        enum acme_problem_type type;
        int status;
    } cases[] = {{WRONG_MAC, ACME_UNAUTHORIZED, 403}, {WRONG_URL, ACME_MALFORMED, 400},
                 {WRONG_KEY, ACME_MALFORMED, 400},    {WRONG_KID, ACME_UNAUTHORIZED, 403},
                 {WITH_NONCE, ACME_MALFORMED, 400}};
    struct world w;
    struct external_key key;
    struct client c, other;
    char payload[4096];
    open_bound(&w, &key, "{\"names\":[\"*\"]}");
    client_make(&c);
    client_make(&other);
    struct reply r = post(&w, &c, "/acme/new-account", "{}");
    assert_problem(&r, 403, ACME_EXTERNAL_ACCOUNT_REQUIRED, "external account key");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_binding(payload, sizeof payload, &key, &c, &other, cases[i].wrong);
        r = post(&w, &c, "/acme/new-account", payload);
        assert_problem(&r, cases[i].status, cases[i].type, "");
    }
    make_binding(payload, sizeof payload, &key, &c, &other, NOTHING);
    r = post(&w, &c, "/acme/new-account", payload);
    assert_status(&r, 201);
    reply_free(&r);
    client_free(&c);
    client_free(&other);
    world_close(&w);
}

static void a_key_is_limited_across_its_accounts(void **state)
{
    (void)state;
    static const char *const names[] = {"a.example", NULL};
    struct world w;
    struct external_key key;
    struct client c, other;
    char url[ACME_URL_MAX];
    open_bound(&w, &key, "{\"names\":[\"*\"]}");
    w.config.rates.external_key = 1;
    world_restart(&w);
    struct reply r = bind_account(&w, &c, &key);
    assert_status(&r, 201);
    reply_free(&r);
    r = bind_account(&w, &other, &key);
    assert_status(&r, 201);
    reply_free(&r);
    r = new_order(&w, &c, names, url);
    assert_status(&r, 201);
    reply_free(&r);
    r = new_order(&w, &other, names, url);
    assert_int_equal(r.it->retry_after_s, 60);
    assert_problem(&r, 429, ACME_RATE_LIMITED, "by this external account key: at most 1 a minute");
    client_free(&c);
    client_free(&other);
    world_close(&w);
}

static void a_disabled_key_stops_its_accounts(void **state)
{
    (void)state;
    struct world w;
    struct external_key key;
    struct client c;
    struct acme_order order;
    struct acme_problem problem = {0};
    struct store_txn *txn;
    char url[ACME_URL_MAX];
    open_bound(&w, &key, "{\"names\":[\".example\"],\"validation\":\"trusted\"}");
    struct reply r = bind_account(&w, &c, &key);
    assert_status(&r, 201);
    reply_free(&r);
    r = new_order(&w, &c, one_name, url);
    assert_status(&r, 201);
    reply_free(&r);
    order_read(&w, url, &order);
    assert_string_equal(order.policy, "web");
    key.enabled = false;
    store_key(&w, &key);
    r = new_order(&w, &c, one_name, url);
    assert_problem(&r, 403, ACME_UNAUTHORIZED, "disabled");
    assert_int_equal(store_read(w.store, &txn), STORE_OK);
    assert_int_equal(acme_still_entitled(txn, &order.id, true, &problem), STORE_REFUSED);
    assert_int_equal(problem.type, ACME_UNAUTHORIZED);
    store_read_end(txn);
    acme_problem_clear(&problem);
    acme_order_clear(&order);
    client_free(&c);
    world_close(&w);
}

static void trusted_accounts_need_no_challenge(void **state)
{
    (void)state;
    static const char *const names[] = {"a.example", "*.a.example", NULL};
    struct world w;
    struct external_key key;
    struct client c;
    struct acme_order order;
    struct acme_problem problem = {0};
    struct store_txn *txn;
    char url[ACME_URL_MAX];
    open_bound(&w, &key, "{\"names\":[\".example\"],\"validation\":\"trusted\"}");
    struct reply r = bind_account(&w, &c, &key);
    reply_free(&r);
    r = new_order(&w, &c, names, url);
    assert_status(&r, 201);
    assert_string_equal(member(&r, "status"), "ready");
    reply_free(&r);
    order_read(&w, url, &order);
    for (size_t i = 0; i < 2; i++) {
        struct acme_authz authz;
        authz_read(&w, &order.authzs[i], &authz);
        assert_int_equal(authz.status, ACME_AUTHZ_VALID);
        assert_int_equal(authz.challenge_count, 1);
        assert_int_equal(authz.challenges[0].type, authz.wildcard ? ACME_DNS_01 : ACME_HTTP_01);
        assert_int_equal(authz.challenges[0].status, ACME_CHALLENGE_VALID);
        assert_false(acme_authz_was_validated(&authz));
        acme_authz_clear(&authz);
    }
    /* Once the policy trusts no longer, what was never checked is worth nothing. */
    assert_int_equal(store_read(w.store, &txn), STORE_OK);
    assert_int_equal(acme_still_entitled(txn, &order.id, true, &problem), STORE_OK);
    store_read_end(txn);
    store_policy(&w, "web", "{\"names\":[\".example\"]}");
    assert_int_equal(store_read(w.store, &txn), STORE_OK);
    assert_int_equal(acme_still_entitled(txn, &order.id, true, &problem), STORE_REFUSED);
    store_read_end(txn);
    acme_problem_clear(&problem);
    acme_order_clear(&order);
    r = new_order(&w, &c, names, url);
    assert_status(&r, 201);
    assert_string_equal(member(&r, "status"), "pending");
    reply_free(&r);
    client_free(&c);
    world_close(&w);
}

/* Anybody can make an account without a key, where that is allowed: the default policy's trust is not for them. */
static void accounts_without_a_key_are_never_trusted(void **state)
{
    (void)state;
    struct world w;
    struct external_key key;
    struct client c, bound;
    struct acme_order order;
    char url[ACME_URL_MAX];
    open_bound(&w, &key, "{\"names\":[\"*\"]}");
    w.config.external_account_required = false;
    world_restart(&w);
    store_policy(&w, "default", "{\"names\":[\"*\"],\"validation\":\"trusted\"}");
    memcpy(key.policy, "default", sizeof "default");
    store_key(&w, &key);
    struct reply r = bind_account(&w, &bound, &key);
    assert_status(&r, 201);
    reply_free(&r);
    r = new_order(&w, &bound, one_name, url);
    assert_string_equal(member(&r, "status"), "ready");
    reply_free(&r);
    register_client(&w, &c);
    r = new_order(&w, &c, one_name, url);
    assert_status(&r, 201);
    assert_string_equal(member(&r, "status"), "pending");
    reply_free(&r);
    order_read(&w, url, &order);
    assert_string_equal(order.policy, "default");
    acme_order_clear(&order);
    client_free(&c);
    client_free(&bound);
    world_close(&w);
}

static void names_profiles_and_quotas_are_held(void **state)
{
    (void)state;
    static const char *const foreign[] = {"a.example", "b.other", "c.other", NULL};
    struct world w;
    struct external_key key;
    struct client c, second;
    struct acme_order order;
    char url[ACME_URL_MAX];
    open_bound(&w, &key, "{\"names\":[\".example\"],\"orders_per_day\":2,\"accounts\":1,\"profiles\":[\"short\"]}");
    struct reply r = bind_account(&w, &c, &key);
    assert_status(&r, 201);
    reply_free(&r);
    r = new_order(&w, &c, foreign, url);
    assert_int_equal(json_array_size(json_object_get(r.json, "subproblems")), 2);
    assert_problem(&r, 400, ACME_REJECTED_IDENTIFIER, "does not allow b.other");
    for (int i = 0; i < 2; i++) {
        r = new_order(&w, &c, one_name, url);
        assert_status(&r, 201);
        reply_free(&r);
        order_read(&w, url, &order);
        assert_string_equal(order.profile, "short");
        acme_order_clear(&order);
    }
    r = new_order(&w, &c, one_name, url);
    assert_true(r.it->retry_after_s > 0 && r.it->retry_after_s <= 86400);
    assert_problem(&r, 429, ACME_RATE_LIMITED, "used up until midnight UTC");
    r = bind_account(&w, &second, &key);
    assert_problem(&r, 429, ACME_RATE_LIMITED, "allows 1 accounts");
    client_free(&c);
    client_free(&second);
    world_close(&w);
}

static void order_status(struct world *w, struct client *c, const char *const *names, int status)
{
    char url[ACME_URL_MAX];
    struct reply r = new_order(w, c, names, url);
    if (status == 429) {
        assert_int_equal(r.it->retry_after_s, 86400);
        assert_problem(&r, 429, ACME_RATE_LIMITED, "different names within 200 days");
    } else {
        assert_status(&r, status);
        reply_free(&r);
    }
}

static void different_names_are_counted_while_they_last(void **state)
{
    (void)state;
    static const char *const two[] = {"a.example", "*.a.example", NULL}, *const other[] = {"b.example", NULL},
                      *const both[] = {"a.example", "b.example", NULL};
    struct world w;
    struct external_key key;
    struct client c;
    open_bound(&w, &key, "{\"names\":[\"*\"],\"distinct_names\":2}");
    struct reply r = bind_account(&w, &c, &key);
    reply_free(&r);
    order_status(&w, &c, two, 201);
    order_status(&w, &c, two, 201); /* known names are free */
    order_status(&w, &c, other, 429);
    order_status(&w, &c, both, 429);
    w.now_ms += 150 * 86400 * 1000ULL;
    order_status(&w, &c, two, 201); /* they count from their latest order */
    w.now_ms += 199 * 86400 * 1000ULL;
    order_status(&w, &c, other, 429);
    w.now_ms += 2 * 86400 * 1000ULL;
    order_status(&w, &c, other, 201);
    order_status(&w, &c, both, 201);
    order_status(&w, &c, two, 429);
    client_free(&c);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_patterns),
        cmocka_unit_test(members_are_checked_and_all_or_nothing),
        cmocka_unit_test(a_policy_survives_the_store),
        cmocka_unit_test(a_sealed_key_opens_under_its_seal_alone),
        cmocka_unit_test(external_keys_begin_with_a_letter),
        cmocka_unit_test(a_binding_is_checked_whole),
        cmocka_unit_test(a_key_is_limited_across_its_accounts),
        cmocka_unit_test(a_disabled_key_stops_its_accounts),
        cmocka_unit_test(trusted_accounts_need_no_challenge),
        cmocka_unit_test(accounts_without_a_key_are_never_trusted),
        cmocka_unit_test(different_names_are_counted_while_they_last),
        cmocka_unit_test(names_profiles_and_quotas_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
