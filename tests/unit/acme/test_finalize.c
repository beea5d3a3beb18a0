/* Orders: finalize and its held reply, and what the issuer makes of them. */
#include "client.h"

#include "acme/records.h"

static const char *const one_name[] = {"www.example.com", NULL};
static const char *const other_name[] = {"mail.example.com", NULL};

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

/* Not by a clock that may be a year ahead: neither the order nor its authorizations. */
static void nothing_expires_while_the_clock_is_in_doubt(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.w.now_ms += 365 * 86400 * 1000ULL;
    s.w.doubtful = true;
    struct reply r = post(&s.w, &s.c, s.url, NULL);
    assert_string_equal(member(&r, "status"), "ready");
    reply_free(&r);
    r = post(&s.w, &s.c, s.finalize, s.csr);
    assert_status(&r, 200);
    reply_free(&r);
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
    assert_int_equal(r.step, ACME_NOTE); /* it is there, whatever becomes of the note */
    assert_int_equal(r.it->status, 200);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finalize_is_idempotent),
        cmocka_unit_test(two_finalize_calls_in_one_batch_meet),
        cmocka_unit_test(csrs_are_checked),
        cmocka_unit_test(a_large_csr_is_refused),
        cmocka_unit_test(nothing_expires_while_the_clock_is_in_doubt),
        cmocka_unit_test(only_ready_orders_are_finalized),
        cmocka_unit_test(an_order_whose_authorization_was_given_up_is_invalid),
        cmocka_unit_test(the_reply_is_held_until_the_order_ends),
        cmocka_unit_test(a_reply_is_not_held_for_ever),
        cmocka_unit_test(an_order_that_ended_at_once_is_not_held),
        cmocka_unit_test(retry_after_grows),
        cmocka_unit_test(it_is_noted_who_still_asks),
        cmocka_unit_test(endings_may_be_repeated_but_not_changed),
        cmocka_unit_test(a_failed_order_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
