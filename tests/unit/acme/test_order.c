/* Orders: newOrder, finalize and its held reply, what the issuer does to them, their records. */
#include "client.h"

#include "acme/records.h"

static const char *const one_name[] = {"www.example.com", NULL};
static const char *const other_name[] = {"mail.example.com", NULL};

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
    assert_string_equal(order.policy, "house");
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

/* ---- finalize ---- */

struct scene {
    struct world w;
    struct client c;
    char url[ACME_URL_MAX], finalize[ACME_URL_MAX + 16];
    char *csr; /* a payload for one_name */
};

static void scene_open(struct scene *s)
{
    world_open(&s->w);
    register_client(&s->w, &s->c);
    ready_order(&s->w, &s->c, one_name, s->url);
    snprintf(s->finalize, sizeof s->finalize, "%s/finalize", s->url);
    s->csr = csr_payload(one_name);
}

static void scene_close(struct scene *s)
{
    free(s->csr);
    client_free(&s->c);
    world_close(&s->w);
}

static void finalize_is_idempotent(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    for (int i = 0; i < 3; i++) {
        struct reply r = post(&s.w, &s.c, s.finalize, s.csr);
        assert_status(&r, 200);
        assert_string_equal(member(&r, "status"), "processing");
        assert_string_equal(r.it->location, s.url);
        reply_free(&r);
    }
    char *another = csr_payload(one_name);
    struct reply r = post(&s.w, &s.c, s.finalize, another);
    assert_problem(&r, 403, ACME_ORDER_NOT_READY, "another CSR");
    assert_int_equal(s.w.acceptances, 1);
    free(another);
    scene_close(&s);
}

static void two_finalize_calls_in_one_batch_meet(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    char *another = csr_payload(one_name);
    struct message m = {.path = s.finalize, .payload = s.csr, .begin = true};
    struct reply first = send_message(&s.w, &s.c, m), second = send_message(&s.w, &s.c, m);
    m.payload = another;
    struct reply third = send_message(&s.w, &s.c, m);
    assert_int_equal(third.step, ACME_COMMIT);
    reply_commit(&s.w, &first);
    reply_commit(&s.w, &second);
    reply_commit(&s.w, &third);
    assert_status(&first, 200);
    assert_status(&second, 200);
    assert_string_equal(first.it->body, second.it->body);
    assert_problem(&third, 403, ACME_ORDER_NOT_READY, "another CSR");
    assert_int_equal(s.w.acceptances, 1);
    reply_free(&first);
    reply_free(&second);
    free(another);
    scene_close(&s);
}

static void csrs_are_checked(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct reply r = post(&s.w, &s.c, s.finalize, "{}");
    assert_problem(&r, 400, ACME_MALFORMED, "csr");
    r = post(&s.w, &s.c, s.finalize, "{\"csr\":\"-----BEGIN CERTIFICATE REQUEST-----\"}");
    assert_problem(&r, 400, ACME_MALFORMED, "PEM");
    r = post(&s.w, &s.c, s.finalize, "{\"csr\":\"AAAA\"}");
    assert_problem(&r, 400, ACME_BAD_CSR, NULL);
    r = post(&s.w, &s.c, s.finalize, "{\"csr\":\"\"}");
    assert_problem(&r, 400, ACME_BAD_CSR, NULL);
    char *foreign = csr_payload(other_name), *own = csr_payload_for(s.c.key, one_name);
    r = post(&s.w, &s.c, s.finalize, foreign);
    assert_problem(&r, 400, ACME_BAD_CSR, NULL);
    r = post(&s.w, &s.c, s.finalize, own); /* the account's key */
    assert_status(&r, 400);
    reply_free(&r);
    s.w.refuse_csr = ACME_REJECTED_IDENTIFIER;
    r = post(&s.w, &s.c, s.finalize, s.csr);
    assert_problem(&r, 400, ACME_REJECTED_IDENTIFIER, "Refused by the test");
    r = post(&s.w, &s.c, s.url, NULL);
    assert_string_equal(member(&r, "status"), "ready"); /* none of it was taken */
    reply_free(&r);
    s.w.refuse_csr = ACME_PROBLEM_NONE;
    r = post(&s.w, &s.c, s.finalize, s.csr);
    assert_status(&r, 200);
    reply_free(&r);
    free(foreign);
    free(own);
    scene_close(&s);
}

static void a_large_csr_is_refused(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    size_t len = BASE64URL_SIZE(ACME_CSR_MAX);
    char *payload = malloc(len + 32);
    assert_non_null(payload);
    strcpy(payload, "{\"csr\":\"");
    memset(payload + 8, 'A', len);
    strcpy(payload + 8 + len, "\"}");
    struct reply r = post(&s.w, &s.c, s.finalize, payload);
    assert_problem(&r, 400, ACME_BAD_CSR, "larger");
    free(payload);
    scene_close(&s);
}

static void only_ready_orders_are_finalized(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    char url[ACME_URL_MAX], finalize[ACME_URL_MAX + 16];
    struct reply r = new_order(&s.w, &s.c, other_name, url);
    reply_free(&r);
    snprintf(finalize, sizeof finalize, "%s/finalize", url);
    char *csr = csr_payload(other_name);
    r = post(&s.w, &s.c, finalize, csr);
    assert_problem(&r, 403, ACME_ORDER_NOT_READY, "pending");
    s.w.now_ms += (7 * 86400 + 1) * 1000ULL;
    r = post(&s.w, &s.c, s.finalize, s.csr);
    assert_problem(&r, 403, ACME_ORDER_NOT_READY, "expired");
    r = post(&s.w, &s.c, s.url, NULL);
    assert_string_equal(member(&r, "status"), "invalid");
    assert_non_null(strstr(r.it->body, "expired"));
    assert_int_equal(r.it->retry_after_s, 0);
    reply_free(&r);
    free(csr);
    scene_close(&s);
}

static void an_order_whose_authorization_was_given_up_is_invalid(void **state)
{
    (void)state;
    struct scene s;
    char later[ACME_URL_MAX], text[ACME_ID_TEXT + 1], authz_url[ACME_URL_MAX], finalize[ACME_URL_MAX + 16];
    scene_open(&s);
    struct reply r = new_order(&s.w, &s.c, one_name, later); /* shares the authorization */
    assert_string_equal(member(&r, "status"), "ready");
    reply_free(&r);
    struct acme_order order;
    order_read(&s.w, s.url, &order);
    acme_id_text(&order.authzs[0], text);
    snprintf(authz_url, sizeof authz_url, BASE "/acme/authz/%s", text);
    acme_order_clear(&order);
    snprintf(finalize, sizeof finalize, "%s/finalize", later);
    struct reply waiting =
        send_message(&s.w, &s.c, (struct message){.path = finalize, .payload = s.csr, .begin = true});
    r = post(&s.w, &s.c, authz_url, "{\"status\":\"deactivated\"}");
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "deactivated");
    reply_free(&r);
    reply_commit(&s.w, &waiting); /* began before, is decided after */
    assert_problem(&waiting, 403, ACME_ORDER_NOT_READY, "deactivated");
    const char *const urls[] = {s.url, later};
    for (int i = 0; i < 2; i++) {
        r = post(&s.w, &s.c, urls[i], NULL);
        assert_string_equal(member(&r, "status"), "invalid");
        assert_non_null(strstr(r.it->body, "deactivated"));
        reply_free(&r);
    }
    r = new_order(&s.w, &s.c, one_name, later);
    assert_string_equal(member(&r, "status"), "pending");
    reply_free(&r);
    scene_close(&s);
}

static void the_reply_is_held_until_the_order_ends(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.w.config.hold_finalize_ms = 20000;
    world_restart(&s.w);
    struct reply r = post(&s.w, &s.c, s.finalize, s.csr);
    assert_int_equal(r.step, ACME_HOLD);
    assert_int_equal(acme_hold_ms(r.task), 20000);
    struct ending e = {.order = url_id(s.url), .now_ms = s.w.now_ms};
    assert_memory_equal(acme_hold_topic(r.task), &e.order, sizeof e.order);
    assert_int_equal(acme_resume(r.task, s.w.thread, false, s.w.now_ms), ACME_HOLD); /* woken for nothing */
    assert_true(acme_id_make(&e.certificate, s.w.now_ms));
    assert_int_equal(store_call(s.w.store, ending_complete, &e), STORE_OK);
    r.step = acme_resume(r.task, s.w.thread, false, s.w.now_ms);
    reply_read(&r);
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "valid");
    assert_string_equal(r.it->location, s.url);
    assert_true(strlen(r.it->nonce) > 0);
    reply_free(&r);
    scene_close(&s);
}

static void a_reply_is_not_held_for_ever(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.w.config.hold_finalize_ms = 20000;
    world_restart(&s.w);
    struct reply r = post(&s.w, &s.c, s.finalize, s.csr);
    assert_int_equal(r.step, ACME_HOLD);
    s.w.now_ms += 20000;
    r.step = acme_resume(r.task, s.w.thread, true, s.w.now_ms);
    reply_read(&r);
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "processing");
    assert_int_equal(r.it->retry_after_s, 5);
    reply_free(&r);
    scene_close(&s);
}

static void an_order_that_ended_at_once_is_not_held(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.w.config.hold_finalize_ms = 20000;
    world_restart(&s.w);
    struct reply r = send_message(&s.w, &s.c, (struct message){.path = s.finalize, .payload = s.csr, .begin = true});
    enum store_status status = store_call(s.w.store, acme_change, r.task);
    struct acme_problem no = {0};
    acme_problem_set(&no, ACME_CAA, "CAA says no");
    struct ending e = {.order = url_id(s.url), .problem = &no, .now_ms = s.w.now_ms};
    assert_int_equal(store_call(s.w.store, ending_fail, &e), STORE_OK); /* before the thread hears of its commit */
    r.step = acme_committed(r.task, s.w.thread, status, s.w.now_ms);
    reply_read(&r);
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "invalid");
    assert_string_equal(json_string_value(json_object_get(json_object_get(r.json, "error"), "detail")), "CAA says no");
    reply_free(&r);
    scene_close(&s);
}

static void retry_after_grows(void **state)
{
    (void)state;
    static const struct {
        uint64_t waited_s;
        uint32_t retry_s;
    } cases[] = {{0, 3}, {9, 3}, {10, 5}, {30, 10}, {120, 30}, {600, 60}, {86400 * 30, 60}};
    struct scene s;
    scene_open(&s);
    struct reply r = post(&s.w, &s.c, s.finalize, s.csr);
    reply_free(&r);
    uint64_t began_ms = s.w.now_ms;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s.w.now_ms = began_ms + cases[i].waited_s * 1000;
        r = post(&s.w, &s.c, s.url, NULL);
        assert_status(&r, 200); /* processing orders do not expire */
        assert_int_equal(r.it->retry_after_s, cases[i].retry_s);
        reply_free(&r);
    }
    scene_close(&s);
}

static void it_is_noted_who_still_asks(void **state)
{
    (void)state;
    struct scene s;
    struct acme_order order;
    scene_open(&s);
    struct reply r = post(&s.w, &s.c, s.finalize, s.csr);
    reply_free(&r);
    struct message m = {.path = s.url, .begin = true};
    s.w.now_ms += 59000;
    r = send_message(&s.w, &s.c, m);
    assert_int_equal(r.step, ACME_DONE); /* at most once a minute */
    reply_free(&r);
    s.w.now_ms += 1000;
    r = send_message(&s.w, &s.c, m);
    assert_int_equal(r.step, ACME_COMMIT);
    r.step = acme_committed(r.task, s.w.thread, STORE_FULL, s.w.now_ms);
    reply_read(&r);
    assert_status(&r, 200); /* a note that cannot be kept spoils no read */
    assert_string_equal(member(&r, "status"), "processing");
    reply_free(&r);
    r = post(&s.w, &s.c, s.url, NULL);
    assert_status(&r, 200);
    reply_free(&r);
    order_read(&s.w, s.url, &order);
    assert_int_equal(order.read_s, s.w.now_ms / 1000);
    acme_order_clear(&order);
    scene_close(&s);
}

/* ---- what the issuer does ---- */

static void endings_may_be_repeated_but_not_changed(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct acme_problem no = {0};
    acme_problem_set(&no, ACME_BAD_CSR, "no");
    struct ending e = {.order = url_id(s.url), .problem = &no, .now_ms = s.w.now_ms};
    assert_true(acme_id_make(&e.certificate, s.w.now_ms));
    assert_int_equal(store_call(s.w.store, ending_complete, &e), STORE_REFUSED); /* ready, without a CSR */
    struct reply r = post(&s.w, &s.c, s.finalize, s.csr);
    reply_free(&r);
    assert_int_equal(store_call(s.w.store, ending_complete, &e), STORE_OK);
    assert_int_equal(store_call(s.w.store, ending_complete, &e), STORE_OK);
    assert_int_equal(store_call(s.w.store, ending_fail, &e), STORE_REFUSED);
    e.certificate.octets[0] ^= 1;
    assert_int_equal(store_call(s.w.store, ending_complete, &e), STORE_REFUSED);
    e.order.octets[0] ^= 1;
    assert_int_equal(store_call(s.w.store, ending_complete, &e), STORE_NOT_FOUND);
    assert_int_equal(store_call(s.w.store, ending_fail, &e), STORE_NOT_FOUND);
    scene_close(&s);
}

static void a_failed_order_stays_failed(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct acme_problem no = {0};
    acme_problem_set(&no, ACME_BAD_CSR, "first");
    struct ending e = {.order = url_id(s.url), .problem = &no, .now_ms = s.w.now_ms};
    struct reply r = post(&s.w, &s.c, s.finalize, s.csr);
    reply_free(&r);
    assert_int_equal(store_call(s.w.store, ending_fail, &e), STORE_OK);
    acme_problem_set(&no, ACME_BAD_CSR, "second");
    assert_int_equal(store_call(s.w.store, ending_fail, &e), STORE_OK);
    assert_int_equal(store_call(s.w.store, ending_complete, &e), STORE_REFUSED);
    r = post(&s.w, &s.c, s.finalize, s.csr); /* the same CSR: the order as it is */
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "invalid");
    assert_non_null(strstr(r.it->body, "first"));
    reply_free(&r);
    scene_close(&s);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_order_is_checked),
        cmocka_unit_test(wildcards_need_dns_01),
        cmocka_unit_test(addresses_are_not_offered_dns_01),
        cmocka_unit_test(the_user_agent_is_kept),
        cmocka_unit_test(valid_authorizations_serve_later_orders),
        cmocka_unit_test(authorizations_may_serve_one_order_only),
        cmocka_unit_test(others_orders_do_not_exist),
        cmocka_unit_test(finalize_is_idempotent),
        cmocka_unit_test(two_finalize_calls_in_one_batch_meet),
        cmocka_unit_test(csrs_are_checked),
        cmocka_unit_test(a_large_csr_is_refused),
        cmocka_unit_test(only_ready_orders_are_finalized),
        cmocka_unit_test(an_order_whose_authorization_was_given_up_is_invalid),
        cmocka_unit_test(the_reply_is_held_until_the_order_ends),
        cmocka_unit_test(a_reply_is_not_held_for_ever),
        cmocka_unit_test(an_order_that_ended_at_once_is_not_held),
        cmocka_unit_test(retry_after_grows),
        cmocka_unit_test(it_is_noted_who_still_asks),
        cmocka_unit_test(endings_may_be_repeated_but_not_changed),
        cmocka_unit_test(a_failed_order_stays_failed),
        cmocka_unit_test(moves_are_those_of_the_table),
        cmocka_unit_test(a_record_survives_the_round_trip_and_no_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
