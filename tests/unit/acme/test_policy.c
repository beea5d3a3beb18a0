/* Policies: patterns, members; external account keys: binding, sealing, disabling. */
#include "tests/unit/acme/bound.h"

#include "acme/entitlement.h"

static void names_match_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool allowed;
    } cases[] = {
        {"a.example", "a.example", true},
        {"a.example", "b.a.example", false},
        {"a.example", "*.a.example", false},
        {".a.example", "b.a.example", true},
        {".a.example", "c.b.a.example", true},
        {".a.example", "a.example", false},
        {".a.example", "*.a.example", true},
        {".a.example", "ba.example", false},
        {"web-*.example", "web-1.example", true},
        {"web-*.example", "web-1.b.example", false},
        {"web-*.example", "web-.example", true},
        {"*.a.example", "b.a.example", true},
        {"*.a.example", "*.a.example", true},
        {"*.a.example", "c.b.a.example", false},
        {"*a*b*.example", "xaxxbx.example", true},
        {"*", "anything.at.all", true},
        {"10.0.0.0/8", "10.1.2.3", true},
        {"10.0.0.0/8", "11.1.2.3", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"*", "192.0.2.1", true},
        {".example", "192.0.2.1", false},
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

static void a_policy_survives_the_store(void **state)
{
    (void)state;
    struct world w;
    struct store_txn *txn;
    struct acme_policy read;
    world_open(&w);
    store_policy(&w, "web",
                 "{\"names\":[\".example\"],\"validation\":\"trusted\",\"orders_per_day\":7,"
                 "\"country\":\"NO\",\"dcv_methods\":[\"cname\",\"http\"]}");
    assert_int_equal(store_read(w.store, &txn), STORE_OK);
    assert_int_equal(acme_policy_load(txn, "web", &read), STORE_OK);
    assert_int_equal(read.validation, ACME_POLICY_TRUSTED);
    assert_int_equal(read.orders_per_day, 7);
    assert_string_equal(read.country, "NO");
    assert_string_equal(read.dcv_methods.list[1], "http");
    assert_false(read.builtin);
    acme_policy_clear(&read);
    struct store_slice record;
    assert_int_equal(store_get(txn, ACME_POLICIES, "web", 3, &record), STORE_OK);
    assert_non_null(memmem(record.data, record.len, "\"country\"", 9));
    assert_null(memmem(record.data, record.len, "\"street\"", 8)); /* as it comes */
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

static void a_binding_is_checked_whole(void **state)
{
    (void)state;
    static const struct {
        enum wrong wrong;
        enum acme_problem_type type;
        int status;
    } cases[] = {{WRONG_MAC, ACME_UNAUTHORIZED, 403},
                 {WRONG_URL, ACME_MALFORMED, 400},
                 {WRONG_KEY, ACME_MALFORMED, 400},
                 {WRONG_KID, ACME_UNAUTHORIZED, 403},
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

static void names_are_authorized_before_an_order_by_policy_too(void **state)
{
    (void)state;
    struct world w;
    struct external_key key;
    struct client c;
    open_bound(&w, &key, "{\"names\":[\".example\"],\"validation\":\"trusted\"}");
    struct reply r = bind_account(&w, &c, &key);
    reply_free(&r);
    r = post(&w, &c, "/acme/new-authz", "{\"identifier\":{\"type\":\"dns\",\"value\":\"a.other\"}}");
    assert_problem(&r, 400, ACME_REJECTED_IDENTIFIER, "does not allow a.other");
    r = post(&w, &c, "/acme/new-authz", "{\"identifier\":{\"type\":\"dns\",\"value\":\"a.example\"}}");
    assert_status(&r, 201);
    assert_string_equal(member(&r, "status"), "valid");
    reply_free(&r);
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
        cmocka_unit_test(names_are_authorized_before_an_order_by_policy_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
