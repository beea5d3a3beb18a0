/* Subdomain authorization, RFC 9444: one proof for a domain and the names below it. */
#include "client.h"

#include "acme/policy.h"

#define NAME(value, more) "{\"type\":\"dns\",\"value\":\"" value "\"" more "}"
#define BELOW(value) NAME(value, ",\"ancestorDomain\":\"example.com\"")
#define ORDER(names) "{\"identifiers\":[" names "]}"

static struct reply order(struct world *w, const struct client *c, const char *payload)
{
    return post(w, c, "/acme/new-order", payload);
}

static struct acme_id only_authz(const struct reply *r)
{
    const json_t *list = json_object_get(r->json, "authorizations");
    assert_int_equal(json_array_size(list), 1);
    return url_id(json_string_value(json_array_get(list, 0)));
}

static void assert_order(struct world *w, const struct client *c, const char *payload, const char *status)
{
    struct reply r = order(w, c, payload);
    assert_status(&r, 201);
    assert_string_equal(member(&r, "status"), status);
    reply_free(&r);
}

static void one_proof_serves_all_below(void **state)
{
    (void)state;
    struct world w;
    struct client c, other;
    char url[ACME_URL_MAX], authz_url[ACME_URL_MAX];
    world_open(&w);
    register_client(&w, &c);
    register_client(&w, &other);
    struct reply r = order(&w, &c, ORDER(BELOW("a.example.com") "," BELOW("b.c.example.com")));
    assert_status(&r, 201);
    strcpy(url, r.it->location);
    struct acme_id authz = only_authz(&r);
    strcpy(authz_url, json_string_value(json_array_get(json_object_get(r.json, "authorizations"), 0)));
    reply_free(&r);
    r = post(&w, &c, authz_url, NULL);
    assert_string_equal(json_string_value(json_object_get(json_object_get(r.json, "identifier"), "value")),
                        "example.com");
    assert_true(json_is_true(json_object_get(r.json, "subdomainAuthAllowed")));
    const json_t *challenges = json_object_get(r.json, "challenges");
    assert_int_equal(json_array_size(challenges), 1); /* a file on one host shows nothing of its neighbours */
    assert_string_equal(json_string_value(json_object_get(json_array_get(challenges, 0), "type")), "dns-01");
    reply_free(&r);
    prove(&w, &c, &authz, ACME_DNS_01);
    r = post(&w, &c, url, NULL);
    assert_string_equal(member(&r, "status"), "ready");
    reply_free(&r);
    assert_order(&w, &c, ORDER(NAME("d.e.example.com", "") "," NAME("example.com", "")), "ready");
    assert_order(&w, &c, ORDER(NAME("*.example.com", "")), "pending");
    assert_order(&w, &c, ORDER(NAME("anexample.com", "")), "pending");
    assert_order(&w, &other, ORDER(NAME("a.example.com", "")), "pending");
    r = post(&w, &c, authz_url, "{\"status\":\"deactivated\"}");
    assert_status(&r, 200);
    reply_free(&r);
    assert_order(&w, &c, ORDER(NAME("a.example.com", "")), "pending");
    client_free(&c);
    client_free(&other);
    world_close(&w);
}

static void an_own_proof_serves_nothing_below(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    world_open(&w);
    register_client(&w, &c);
    struct reply r = order(&w, &c, ORDER(NAME("example.com", "")));
    struct acme_id authz = only_authz(&r);
    reply_free(&r);
    prove(&w, &c, &authz, ACME_DNS_01);
    assert_order(&w, &c, ORDER(NAME("example.com", "")), "ready");
    assert_order(&w, &c, ORDER(NAME("a.example.com", "")), "pending");
    client_free(&c);
    world_close(&w);
}

static void what_is_no_ancestor_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        ORDER(BELOW("example.com")),
        ORDER(BELOW("anexample.com")),
        ORDER(BELOW("example.net")),
        ORDER(BELOW("*.a.example.com")),
        ORDER(NAME("a.example.com", ",\"ancestorDomain\":7")),
        ORDER(NAME("a.example.com", ",\"ancestorDomain\":\"\"")),
        ORDER(NAME("a.example.com", ",\"ancestorDomain\":\"*.example.com\"")),
    };
    struct world w;
    struct client c;
    world_open(&w);
    register_client(&w, &c);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reply r = order(&w, &c, bad[i]);
        assert_problem(&r, 400, ACME_MALFORMED, NULL);
    }
    struct reply r = order(&w, &c, ORDER(NAME("a.example.com", ",\"ancestorDomain\":\"com\"")));
    assert_problem(&r, 400, ACME_REJECTED_IDENTIFIER, "single label");
    client_free(&c);
    world_close(&w);
}

static enum store_status forbid(struct store_txn *txn, void *arg)
{
    struct acme_policy policy;
    char reason[ACME_POLICY_REASON_MAX];
    (void)arg;
    assert_true(acme_policy_make("default", &policy));
    json_t *members = json_pack("{s:[s], s:b}", "names", "*", "subdomains", 0);
    assert_true(acme_policy_set(&policy, members, reason));
    json_decref(members);
    enum store_status status = acme_policy_save(txn, &policy);
    acme_policy_clear(&policy);
    return status;
}

static void a_policy_can_forbid_it(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    world_open(&w);
    register_client(&w, &c);
    struct reply r =
        post(&w, &c, "/acme/new-authz", "{\"identifier\":" NAME("example.com", ",\"subdomainAuthAllowed\":true") "}");
    assert_status(&r, 201);
    assert_true(json_is_true(json_object_get(r.json, "subdomainAuthAllowed")));
    struct acme_id authz = url_id(r.it->location);
    reply_free(&r);
    prove(&w, &c, &authz, ACME_DNS_01);
    assert_order(&w, &c, ORDER(NAME("a.example.com", "")), "ready");
    assert_int_equal(store_call(w.store, forbid, NULL), STORE_OK);
    assert_order(&w, &c, ORDER(NAME("a.example.com", "")), "pending"); /* also what was proved before */
    r = order(&w, &c, ORDER(BELOW("b.example.com")));
    authz = only_authz(&r);
    reply_free(&r);
    struct acme_authz made;
    authz_read(&w, &authz, &made);
    assert_string_equal(made.identifier.value, "b.example.com"); /* each name for itself */
    assert_false(made.subdomains);
    acme_authz_clear(&made);
    client_free(&c);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_proof_serves_all_below), cmocka_unit_test(an_own_proof_serves_nothing_below),
        cmocka_unit_test(what_is_no_ancestor_is_refused), cmocka_unit_test(a_policy_can_forbid_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
