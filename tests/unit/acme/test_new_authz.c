/* newAuthz: names proved before they are ordered. */
#include "client.h"

static const char *const one_name[] = {"www.example.com", NULL};
static const char one_payload[] = "{\"identifier\":{\"type\":\"dns\",\"value\":\"www.example.com\"}}";

static void what_cannot_be_authorized_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        enum acme_problem_type type;
        const char *detail;
    } cases[] = {
        {"{}", ACME_MALFORMED, "identifier"},
        {"{\"identifier\":\"www.example.com\"}", ACME_MALFORMED, "identifier"},
        {"{\"identifier\":{\"type\":\"dns\"}}", ACME_MALFORMED, NULL},
        {"{\"identifier\":{\"type\":\"dns\",\"value\":\"*.example.com\"}}", ACME_MALFORMED, "wildcard"},
        {"{\"identifier\":{\"type\":\"email\",\"value\":\"a@b.example\"}}", ACME_UNSUPPORTED_IDENTIFIER, NULL},
    };
    struct world w;
    struct client c;
    world_open(&w);
    register_client(&w, &c);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reply r = post(&w, &c, "/acme/new-authz", cases[i].payload);
        assert_problem(&r, 400, cases[i].type, cases[i].detail);
    }
    w.refuse_order = ACME_REJECTED_IDENTIFIER;
    struct reply r = post(&w, &c, "/acme/new-authz", one_payload);
    assert_problem(&r, 400, ACME_REJECTED_IDENTIFIER, "Refused by the test");
    client_free(&c);
    world_close(&w);
}

static void a_pre_authorized_name_is_valid_in_the_next_order(void **state)
{
    (void)state;
    struct world w;
    struct client c, other;
    char url[ACME_URL_MAX];
    struct acme_order order;
    world_open(&w);
    register_client(&w, &c);
    register_client(&w, &other);
    struct reply r = post(&w, &c, "/acme/new-authz", one_payload);
    assert_status(&r, 201);
    assert_string_equal(member(&r, "status"), "pending");
    assert_int_equal(json_array_size(json_object_get(r.json, "challenges")), 3);
    struct acme_id authz = url_id(r.it->location);
    strcpy(url, r.it->location);
    reply_free(&r);
    r = post(&w, &other, url, NULL);
    assert_problem(&r, 404, ACME_MALFORMED, "no such authorization");
    prove(&w, &c, &authz, ACME_HTTP_01);
    r = post(&w, &c, url, NULL);
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "valid");
    assert_string_equal(acme_task_subject(r.task), strrchr(url, '/') + 1);
    reply_free(&r);

    r = new_order(&w, &c, one_name, url);
    assert_status(&r, 201);
    assert_string_equal(member(&r, "status"), "ready");
    reply_free(&r);
    order_read(&w, url, &order);
    assert_memory_equal(&order.authzs[0], &authz, sizeof authz);
    acme_order_clear(&order);
    r = new_order(&w, &other, one_name, url);
    assert_string_equal(member(&r, "status"), "pending");
    reply_free(&r);
    client_free(&other);
    client_free(&c);
    world_close(&w);
}

static void a_failed_one_spoils_no_order(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    char url[ACME_URL_MAX];
    struct acme_problem problem = {0};
    struct acme_authz authz;
    world_open(&w);
    register_client(&w, &c);
    struct reply r = post(&w, &c, "/acme/new-authz", one_payload);
    assert_status(&r, 201);
    struct acme_id id = url_id(r.it->location);
    reply_free(&r);
    challenge_url(&id, ACME_HTTP_01, url);
    r = post(&w, &c, url, "{}");
    assert_status(&r, 200);
    reply_free(&r);
    acme_problem_set(&problem, ACME_CONNECTION, "Refused.");
    assert_int_equal(settle(&w, &problem), STORE_OK);
    authz_read(&w, &id, &authz);
    assert_int_equal(authz.status, ACME_AUTHZ_INVALID);
    acme_authz_clear(&authz);
    r = new_order(&w, &c, one_name, url);
    assert_status(&r, 201);
    assert_string_equal(member(&r, "status"), "pending");
    reply_free(&r);
    client_free(&c);
    world_close(&w);
}

static void without_reuse_it_is_neither_shown_nor_served(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    world_open(&w);
    w.config.authz_valid_s = 0;
    world_restart(&w);
    struct reply r = get(&w, ACME_GET, "/directory");
    assert_null(json_object_get(r.json, "newAuthz"));
    reply_free(&r);
    register_client(&w, &c);
    r = post(&w, &c, "/acme/new-authz", one_payload);
    assert_problem(&r, 403, ACME_UNAUTHORIZED, "one order at a time");
    client_free(&c);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_authorized_is_refused),
        cmocka_unit_test(a_pre_authorized_name_is_valid_in_the_next_order),
        cmocka_unit_test(a_failed_one_spoils_no_order),
        cmocka_unit_test(without_reuse_it_is_neither_shown_nor_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
