/* Orders: newOrder, their moves and records. */
#include "client.h"

#include "acme/records.h"

static const char *const one_name[] = {"www.example.com", NULL};

static void new_order_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        enum acme_problem_type type;
        const char *detail;
    } cases[] = {
        {"{}", ACME_MALFORMED, "identifiers"},
        {"{\"identifiers\":[]}", ACME_MALFORMED, "identifiers"},
        {"{\"identifiers\":[{\"type\":\"dns\"}]}", ACME_MALFORMED, NULL},
        {"{\"identifiers\":[{\"type\":\"email\",\"value\":\"a@b.example\"}]}", ACME_UNSUPPORTED_IDENTIFIER, NULL},
        {"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a b.example\"}]}", 0, NULL},
        {"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],\"notAfter\":\"2030-01-01T00:00:00Z\"}",
         ACME_MALFORMED, "notAfter"},
        {"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],\"profile\":\"x\"}", ACME_INVALID_PROFILE,
         "profile"},
    };
    struct world w;
    struct client c;
    world_open(&w);
    register_client(&w, &c);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reply r = post(&w, &c, "/acme/new-order", cases[i].payload);
        if (cases[i].type) {
            assert_problem(&r, 400, cases[i].type, cases[i].detail);
        } else {
            assert_status(&r, 400);
            reply_free(&r);
        }
    }
    w.refuse_order = ACME_RATE_LIMITED;
    char url[ACME_URL_MAX];
    struct reply r = new_order(&w, &c, one_name, url);
    assert_problem(&r, 429, ACME_RATE_LIMITED, "Refused by the test");
    client_free(&c);
    world_close(&w);
}

static void a_profile_is_wished_for_and_shown(void **state)
{
    (void)state;
    static const struct acme_profile profiles[] = {{"standard", "The usual one"}, {"short", "A shorter one"}};
    static const char start[] = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}]";
    static const struct {
        const char *wish, *got; /* got NULL: refused */
    } cases[] = {{"", "standard"},
                 {",\"profile\":\"short\"", "short"},
                 {",\"profile\":\"long\"", NULL},
                 {",\"profile\":\"\"", NULL},
                 {",\"profile\":7", NULL}};
    struct world w;
    struct client c;
    world_open(&w);
    w.config.profiles = profiles;
    w.config.profile_count = 2;
    world_restart(&w);
    register_client(&w, &c);
    struct reply r = get(&w, ACME_GET, "/directory");
    const json_t *shown = json_object_get(json_object_get(r.json, "meta"), "profiles");
    assert_int_equal(json_object_size(shown), 2);
    assert_string_equal(json_string_value(json_object_get(shown, "short")), "A shorter one");
    reply_free(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char payload[256];
        snprintf(payload, sizeof payload, "%s%s}", start, cases[i].wish);
        r = post(&w, &c, "/acme/new-order", payload);
        if (!cases[i].got) {
            assert_problem(&r, 400, ACME_INVALID_PROFILE, "no such profile");
            continue;
        }
        assert_status(&r, 201);
        assert_string_equal(member(&r, "profile"), cases[i].got);
        reply_free(&r);
    }
    client_free(&c);
    world_close(&w);
}

static void wildcards_need_dns_01(void **state)
{
    (void)state;
    static const char *const names[] = {"example.com", "*.example.com", NULL};
    struct world w;
    struct client c;
    char url[ACME_URL_MAX];
    struct acme_order order;
    world_open(&w);
    register_client(&w, &c);
    struct reply r = new_order(&w, &c, names, url);
    assert_status(&r, 201);
    reply_free(&r);
    order_read(&w, url, &order);
    assert_int_equal(order.names.count, 2);
    for (size_t i = 0; i < 2; i++) {
        struct acme_authz authz;
        authz_read(&w, &order.authzs[i], &authz);
        assert_string_equal(authz.identifier.value, "example.com");
        assert_int_equal(authz.wildcard, order.names.list[i].value[0] == '*');
        assert_int_equal(authz.challenge_count, authz.wildcard ? 1 : 3);
        assert_int_equal(authz.challenges[0].type, authz.wildcard ? ACME_DNS_01 : ACME_HTTP_01);
        acme_authz_clear(&authz);
    }
    acme_order_clear(&order);
    w.config.offer[ACME_DNS_01] = false;
    world_restart(&w);
    r = new_order(&w, &c, names, url);
    assert_problem(&r, 400, ACME_REJECTED_IDENTIFIER, "dns-01");
    client_free(&c);
    world_close(&w);
}

static void addresses_are_not_offered_dns_01(void **state)
{
    (void)state;
    static const char payload[] = "{\"identifiers\":[{\"type\":\"ip\",\"value\":\"192.0.2.1\"}]}";
    struct world w;
    struct client c;
    world_open(&w);
    register_client(&w, &c);
    struct reply r = post(&w, &c, "/acme/new-order", payload);
    assert_status(&r, 201);
    struct acme_order order;
    struct acme_authz authz;
    order_read(&w, r.it->location, &order);
    authz_read(&w, &order.authzs[0], &authz);
    assert_int_equal(authz.challenge_count, 2);
    assert_null(acme_authz_challenge(&authz, ACME_DNS_01));
    acme_authz_clear(&authz);
    acme_order_clear(&order);
    reply_free(&r);
    w.config.offer[ACME_HTTP_01] = w.config.offer[ACME_TLS_ALPN_01] = false;
    world_restart(&w);
    r = post(&w, &c, "/acme/new-order", payload);
    assert_problem(&r, 400, ACME_REJECTED_IDENTIFIER, "192.0.2.1");
    client_free(&c);
    world_close(&w);
}

static void the_user_agent_is_kept(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    char agent[300], payload[256];
    struct acme_order order;
    world_open(&w);
    register_client(&w, &c);
    names_payload(payload, sizeof payload, one_name);
    memset(agent, 'a', sizeof agent - 1);
    agent[sizeof agent - 1] = '\0';
    agent[3] = '\n';
    struct reply r =
        send_message(&w, &c, (struct message){.path = "/acme/new-order", .payload = payload, .user_agent = agent});
    order_read(&w, r.it->location, &order);
    assert_int_equal(strlen(order.user_agent), 200);
    assert_memory_equal(order.user_agent, "aaa?a", 5);
    assert_string_equal(order.profile, "standard");
    assert_string_equal(order.policy, "default");
    acme_order_clear(&order);
    reply_free(&r);
    client_free(&c);
    world_close(&w);
}

static void valid_authorizations_serve_later_orders(void **state)
{
    (void)state;
    struct world w;
    struct client c, other;
    char first[ACME_URL_MAX], url[ACME_URL_MAX];
    world_open(&w);
    register_client(&w, &c);
    register_client(&w, &other);
    ready_order(&w, &c, one_name, first);
    struct reply r = new_order(&w, &c, one_name, url);
    assert_status(&r, 201);
    assert_string_equal(member(&r, "status"), "ready");
    assert_string_not_equal(first, url); /* orders are never shared */
    reply_free(&r);
    r = new_order(&w, &c, (const char *const[]){"*.www.example.com", NULL}, url);
    assert_string_equal(member(&r, "status"), "pending");
    reply_free(&r);
    r = new_order(&w, &other, one_name, url);
    assert_string_equal(member(&r, "status"), "pending");
    reply_free(&r);
    w.now_ms += (30 * 86400ULL - 86400) * 1000; /* a day is left: the order lasts no longer */
    r = new_order(&w, &c, one_name, url);
    assert_string_equal(member(&r, "status"), "ready");
    reply_free(&r);
    struct acme_order order;
    order_read(&w, url, &order);
    assert_int_equal(order.expires_s, w.now_ms / 1000 + 86400);
    acme_order_clear(&order);
    w.now_ms += 86400 * 1000ULL - 60000; /* a minute: not worth an order */
    r = new_order(&w, &c, one_name, url);
    assert_string_equal(member(&r, "status"), "pending");
    reply_free(&r);
    client_free(&other);
    client_free(&c);
    world_close(&w);
}

static void authorizations_may_serve_one_order_only(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    char url[ACME_URL_MAX];
    world_open(&w);
    w.config.authz_valid_s = 0;
    world_restart(&w);
    register_client(&w, &c);
    ready_order(&w, &c, one_name, url);
    struct reply r = post(&w, &c, url, NULL);
    assert_string_equal(member(&r, "status"), "ready");
    reply_free(&r);
    r = new_order(&w, &c, one_name, url);
    assert_string_equal(member(&r, "status"), "pending");
    reply_free(&r);
    client_free(&c);
    world_close(&w);
}

static void others_orders_do_not_exist(void **state)
{
    (void)state;
    struct world w;
    struct client c, other;
    char url[ACME_URL_MAX], finalize[ACME_URL_MAX + 16], absent[2][1024];
    static const char unknown[] = BASE "/acme/order/AAAAAAAAAAAAAAAAAAAAAAAA";
    world_open(&w);
    register_client(&w, &c);
    register_client(&w, &other);
    ready_order(&w, &c, one_name, url);
    const char *const urls[] = {url, unknown};
    for (int i = 0; i < 2; i++) {
        struct reply r = post(&w, &other, urls[i], NULL);
        snprintf(absent[i], sizeof absent[i], "%s", r.it->body);
        assert_problem(&r, 404, ACME_MALFORMED, "no such order");
    }
    assert_string_equal(absent[0], absent[1]);
    snprintf(finalize, sizeof finalize, "%s/finalize", url);
    char *payload = csr_payload(one_name);
    struct reply r = post(&w, &other, finalize, payload);
    assert_problem(&r, 404, ACME_MALFORMED, "no such order");
    r = post(&w, &c, url, "{}");
    assert_problem(&r, 400, ACME_MALFORMED, "POST-as-GET");
    free(payload);
    client_free(&other);
    client_free(&c);
    world_close(&w);
}

static void moves_are_those_of_the_table(void **state)
{
    (void)state;
    static const char *const legal[] = {"pending ready", "pending invalid",  "ready processing",
                                        "ready invalid", "processing valid", "processing invalid"};
    unsigned allowed = 0;
    for (unsigned from = ACME_ORDER_PENDING; from <= ACME_ORDER_INVALID; from++)
        for (unsigned to = ACME_ORDER_PENDING; to <= ACME_ORDER_INVALID; to++) {
            struct acme_order order = {.status = from};
            char move[32];
            bool expected = false;
            snprintf(move, sizeof move, "%s %s", acme_order_status_text(from), acme_order_status_text(to));
            for (size_t i = 0; i < sizeof legal / sizeof *legal; i++)
                expected |= strcmp(legal[i], move) == 0;
            assert_int_equal(acme_order_set_status(&order, to), expected);
            assert_int_equal(order.status, expected ? to : from);
            allowed += expected;
        }
    assert_int_equal(allowed, 6);
}

/* ---- the record ---- */

static void a_record_survives_the_round_trip_and_no_cut(void **state)
{
    (void)state;
    char error[] = "{}", agent[] = "certbot";
    struct acme_identifier list[] = {{ACME_DNS_NAME, "*.example.com"}, {ACME_DNS_NAME, "example.com"}};
    struct acme_id authzs[] = {{{1}}, {{2}}};
    struct acme_order order = {.account = {{3}},
                               .status = ACME_ORDER_VALID,
                               .created_s = 1,
                               .expires_s = 2,
                               .updated_s = 3,
                               .names = {list, 2},
                               .authzs = authzs,
                               .policy = "house",
                               .profile = "standard",
                               .has_csr = true,
                               .csr_sha256 = {4},
                               .finalized_ms = 5,
                               .read_s = 6,
                               .has_certificate = true,
                               .certificate = {{7}},
                               .error = error,
                               .user_agent = agent};
    struct record_writer record, again;
    struct acme_order copy = {0};
    assert_true(order_encode(&order, &record));
    struct store_slice value = {record.data, record.len};
    assert_true(order_decode(value, &copy));
    assert_string_equal(copy.names.list[1].value, "example.com");
    assert_int_equal(copy.authzs[1].octets[0], 2);
    assert_int_equal(copy.status, ACME_ORDER_VALID);
    assert_string_equal(copy.error, "{}");
    assert_true(order_encode(&copy, &again));
    assert_int_equal(again.len, record.len);
    assert_memory_equal(again.data, record.data, record.len);
    record_free(&again);
    acme_order_clear(&copy);
    for (value.len = 0; value.len < record.len; value.len++) {
        assert_false(order_decode(value, &copy));
        acme_order_clear(&copy);
    }
    record_free(&record);
    struct acme_identifier unsorted = list[0];
    list[0] = list[1];
    list[1] = unsorted;
    assert_true(order_encode(&order, &record));
    assert_false(order_decode((struct store_slice){record.data, record.len}, &copy));
    acme_order_clear(&copy);
    record_free(&record);
}

/* What version 1 and 2 wrote, octet for octet: stores of that time must stay readable. What is saved again is of
 * version 3. */
static void records_of_before_still_decode(void **state)
{
    (void)state;
#define STORED                                                                                                         \
    "aaaaaaaaaaaaaaaaaa\3"                                                                                             \
    "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3"                                                                 \
    "\1\1\0\0\0\11a.exampleiiiiiiiiiiiiiiiiii"                                                                         \
    "\0\0\0\5house\0\0\0\2dv\1cccccccccccccccccccccccccccccccc"                                                        \
    "\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\5\0rrrrrrrrrrrrrrrrrr\0\0\0\0\0\0\0\5agent"
    static const char plain[] = "\1" STORED, replacing[] = "\2" STORED "\0\0\0\3a.b",
                      useless[] = "\2" STORED "\0\0\0\0";
    const struct store_slice stored[] = {{(const uint8_t *)plain, sizeof plain - 1},
                                         {(const uint8_t *)replacing, sizeof replacing - 1}};
    for (int i = 0; i < 2; i++) {
        struct acme_order order = {0}, again = {0};
        struct record_writer record;
        assert_true(order_decode(stored[i], &order));
        assert_true(order_encode(&order, &record));
        assert_int_equal(record.data[0], 3);
        assert_true(record.len < stored[i].len);
        assert_true(order_decode((struct store_slice){record.data, record.len}, &again));
        assert_int_equal(again.status, ACME_ORDER_PROCESSING);
        assert_string_equal(again.names.list[0].value, "a.example");
        assert_int_equal(again.read_s, 5);
        assert_string_equal(again.user_agent, "agent");
        if (i > 0)
            assert_string_equal(again.replaces, "a.b");
        else
            assert_null(again.replaces);
        for (size_t len = 0; len < record.len; len++) {
            acme_order_clear(&again);
            assert_false(order_decode((struct store_slice){record.data, len}, &again));
        }
        acme_order_clear(&again);
        acme_order_clear(&order);
        record_free(&record);
    }
    struct acme_order order = {0};
    assert_false(order_decode((struct store_slice){(const uint8_t *)useless, sizeof useless - 1}, &order));
    acme_order_clear(&order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_order_is_checked),
        cmocka_unit_test(a_profile_is_wished_for_and_shown),
        cmocka_unit_test(wildcards_need_dns_01),
        cmocka_unit_test(addresses_are_not_offered_dns_01),
        cmocka_unit_test(the_user_agent_is_kept),
        cmocka_unit_test(valid_authorizations_serve_later_orders),
        cmocka_unit_test(authorizations_may_serve_one_order_only),
        cmocka_unit_test(others_orders_do_not_exist),
        cmocka_unit_test(moves_are_those_of_the_table),
        cmocka_unit_test(records_of_before_still_decode),
        cmocka_unit_test(a_record_survives_the_round_trip_and_no_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
