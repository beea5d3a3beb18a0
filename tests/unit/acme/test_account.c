/* Accounts: making, reading, changing and ending them, their keys, their orders, their records. */
#include "client.h"

#include "acme/records.h"

static const char *const one_name[] = {"www.example.com", NULL};

static void a_key_has_one_account(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    world_open(&w);
    client_make(&c);
    struct reply r = post(&w, &c, "/acme/new-account", "{\"onlyReturnExisting\":true}");
    assert_problem(&r, 400, ACME_ACCOUNT_DOES_NOT_EXIST, NULL);
    r = post(&w, &c, "/acme/new-account", "{\"contact\":[\"mailto:ops@example.com\"]}");
    assert_status(&r, 201);
    strcpy(c.kid, r.it->location);
    assert_string_equal(member(&r, "status"), "valid");
    assert_string_equal(json_string_value(json_array_get(json_object_get(r.json, "contact"), 0)),
                        "mailto:ops@example.com");
    assert_memory_equal(member(&r, "orders"), c.kid, strlen(c.kid));
    assert_string_equal(acme_task_subject(r.task), strrchr(c.kid, '/') + 1);
    reply_free(&r);
    static const char *const payloads[] = {"{\"onlyReturnExisting\":true}", "{}",
                                           "{\"contact\":[\"mailto:a@b.example\"]}"};
    for (size_t i = 0; i < 3; i++) {
        r = send_message(&w, &c, (struct message){.path = "/acme/new-account", .payload = payloads[i], .jwk = true});
        assert_status(&r, 200);
        assert_string_equal(r.it->location, c.kid);
        assert_non_null(strstr(r.it->body, "ops@example.com"));
        reply_free(&r);
    }
    client_free(&c);
    world_close(&w);
}

static void two_new_accounts_in_one_batch_meet(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    world_open(&w);
    client_make(&c);
    struct message m = {.path = "/acme/new-account", .payload = "{}", .begin = true};
    struct reply first = send_message(&w, &c, m), second = send_message(&w, &c, m);
    reply_commit(&w, &first);
    reply_commit(&w, &second);
    assert_status(&first, 201);
    assert_status(&second, 200);
    assert_string_equal(first.it->location, second.it->location);
    reply_free(&first);
    reply_free(&second);
    client_free(&c);
    world_close(&w);
}

static void contacts_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *contact;
        enum acme_problem_type type; /* NONE: accepted */
    } cases[] = {
        {"[]", 0},
        {"[\"mailto:a@example.com\",\"MAILTO:b.c+d@example.org\"]", 0},
        {"\"mailto:a@example.com\"", ACME_MALFORMED},
        {"[1]", ACME_MALFORMED},
        {"[\"tel:+123\"]", ACME_UNSUPPORTED_CONTACT},
        {"[\"a@example.com\"]", ACME_INVALID_CONTACT},
        {"[\"mailto:\"]", ACME_INVALID_CONTACT},
        {"[\"mailto:@example.com\"]", ACME_INVALID_CONTACT},
        {"[\"mailto:a@\"]", ACME_INVALID_CONTACT},
        {"[\"mailto:a..b@example.com\"]", ACME_INVALID_CONTACT},
        {"[\"mailto:.a@example.com\"]", ACME_INVALID_CONTACT},
        {"[\"mailto:a b@example.com\"]", ACME_INVALID_CONTACT},
        {"[\"mailto:a@example.com?subject=x\"]", ACME_INVALID_CONTACT},
        {"[\"mailto:a@example.com,b@example.com\"]", ACME_INVALID_CONTACT},
        {"[\"mailto:a@*.example.com\"]", ACME_INVALID_CONTACT},
        {"[\"mailto:a@localhost\"]", ACME_INVALID_CONTACT},
        {"[\"mailto:\\u00fc@example.com\"]", ACME_INVALID_CONTACT},
    };
    struct world w;
    world_open(&w);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client c;
        char payload[256];
        client_make(&c);
        snprintf(payload, sizeof payload, "{\"contact\":%s}", cases[i].contact);
        struct reply r = post(&w, &c, "/acme/new-account", payload);
        if (cases[i].type) {
            assert_problem(&r, 400, cases[i].type, NULL);
        } else {
            assert_status(&r, 201);
            reply_free(&r);
        }
        client_free(&c);
    }
    world_close(&w);
}

static void too_many_or_too_long_contacts_are_refused(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    char payload[1024] = "{\"contact\":[\"mailto:a@example.com\"";
    world_open(&w);
    client_make(&c);
    for (int i = 0; i < ACME_CONTACTS_MAX; i++)
        strcat(payload, ",\"mailto:a@example.com\"");
    strcat(payload, "]}");
    struct reply r = post(&w, &c, "/acme/new-account", payload);
    assert_problem(&r, 400, ACME_INVALID_CONTACT, "more than");
    snprintf(payload, sizeof payload, "{\"contact\":[\"mailto:a@%0*d.example\"]}", ACME_CONTACT_MAX, 1);
    r = post(&w, &c, "/acme/new-account", payload);
    assert_problem(&r, 400, ACME_INVALID_CONTACT, "longer than");
    client_free(&c);
    world_close(&w);
}

static void terms_have_to_be_agreed_to(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    world_open(&w);
    w.config.terms_of_service = "https://acme.test/terms";
    world_restart(&w);
    client_make(&c);
    struct reply r = post(&w, &c, "/acme/new-account", "{\"termsOfServiceAgreed\":false}");
    assert_string_equal(r.it->links[0], "<https://acme.test/terms>;rel=\"terms-of-service\"");
    assert_string_equal(member(&r, "instance"), "https://acme.test/terms");
    assert_problem(&r, 403, ACME_USER_ACTION_REQUIRED, "https://acme.test/terms");
    r = post(&w, &c, "/acme/new-account", "{\"termsOfServiceAgreed\":true}");
    assert_status(&r, 201);
    assert_true(json_is_true(json_object_get(r.json, "termsOfServiceAgreed")));
    reply_free(&r);
    client_free(&c);
    world_close(&w);
}

static void an_account_can_be_read_and_updated(void **state)
{
    (void)state;
    struct world w;
    struct client c, other;
    world_open(&w);
    register_client(&w, &c);
    register_client(&w, &other);
    struct reply r = post(&w, &c, c.kid, "{\"contact\":[\"mailto:new@example.com\"],\"status\":\"valid\"}");
    assert_status(&r, 200);
    assert_non_null(strstr(r.it->body, "new@example.com"));
    reply_free(&r);
    r = post(&w, &c, c.kid, "{\"unknown\":1}");
    assert_status(&r, 200);
    assert_non_null(strstr(r.it->body, "new@example.com"));
    reply_free(&r);
    r = post(&w, &c, c.kid, "{\"contact\":[\"tel:1\"]}");
    assert_problem(&r, 400, ACME_UNSUPPORTED_CONTACT, NULL);
    r = post(&w, &c, c.kid, "{\"status\":\"revoked\"}");
    assert_status(&r, 200);
    assert_string_equal(json_string_value(json_object_get(r.json, "status")), "valid");
    reply_free(&r);
    r = post(&w, &c, c.kid, NULL);
    assert_non_null(strstr(r.it->body, "new@example.com"));
    assert_string_equal(r.it->location, c.kid);
    reply_free(&r);
    r = post(&w, &c, c.kid, "{\"contact\":[]}");
    assert_null(json_object_get(r.json, "contact"));
    reply_free(&r);
    r = post(&w, &c, other.kid, NULL);
    assert_problem(&r, 403, ACME_UNAUTHORIZED, NULL);
    client_free(&other);
    client_free(&c);
    world_close(&w);
}

static void deactivation_ends_everything(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    char pending[ACME_URL_MAX], ready[ACME_URL_MAX], url[ACME_URL_MAX];
    world_open(&w);
    register_client(&w, &c);
    ready_order(&w, &c, (const char *const[]){"ready.example.com", NULL}, ready);
    struct reply r = new_order(&w, &c, one_name, pending);
    reply_free(&r);
    struct acme_order order;
    order_read(&w, pending, &order);
    challenge_url(&order.authzs[0], ACME_HTTP_01, url);
    r = post(&w, &c, url, "{}"); /* a validation under way */
    reply_free(&r);
    struct message finalize = {.path = ready, .begin = true};
    char finalize_url[ACME_URL_MAX + 16];
    snprintf(finalize_url, sizeof finalize_url, "%s/finalize", ready);
    finalize.path = finalize_url;
    char *payload = csr_payload((const char *const[]){"ready.example.com", NULL});
    finalize.payload = payload;
    struct reply finalizing = send_message(&w, &c, finalize);
    assert_int_equal(finalizing.step, ACME_COMMIT);

    r = post(&w, &c, c.kid, "{\"status\":\"deactivated\"}");
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "deactivated");
    reply_free(&r);
    reply_commit(&w, &finalizing);
    assert_problem(&finalizing, 401, ACME_UNAUTHORIZED, "deactivated");
    r = post(&w, &c, c.kid, NULL);
    assert_problem(&r, 401, ACME_UNAUTHORIZED, "deactivated");
    r = send_message(&w, &c, (struct message){.path = "/acme/new-account", .payload = "{}", .jwk = true});
    assert_problem(&r, 401, ACME_UNAUTHORIZED, "deactivated");

    struct acme_authz authz;
    authz_read(&w, &order.authzs[0], &authz);
    assert_int_equal(authz.status, ACME_AUTHZ_DEACTIVATED);
    acme_authz_clear(&authz);
    acme_order_clear(&order);
    order_read(&w, pending, &order);
    assert_int_equal(order.status, ACME_ORDER_INVALID);
    assert_non_null(strstr(order.error, "deactivated"));
    acme_order_clear(&order);
    order_read(&w, ready, &order);
    assert_int_equal(order.status, ACME_ORDER_INVALID);
    acme_order_clear(&order);
    assert_int_equal(settle(&w, NULL), STORE_NOT_FOUND);
    assert_int_equal(w.acceptances, 0);
    free(payload);
    client_free(&c);
    world_close(&w);
}

/* ---- keyChange ---- */

static void an_account_can_change_its_key(void **state)
{
    (void)state;
    struct world w;
    struct client c, next;
    world_open(&w);
    register_client(&w, &c);
    client_make(&next);
    strcpy(next.kid, c.kid);
    struct reply r = change_key(&w, &c, &next, (struct key_change){0});
    assert_status(&r, 200);
    assert_string_equal(r.it->location, c.kid);
    reply_free(&r);
    r = post(&w, &c, c.kid, NULL); /* the cached old key serves no longer */
    assert_problem(&r, 400, ACME_MALFORMED, "signature");
    r = post(&w, &next, next.kid, NULL);
    assert_status(&r, 200);
    reply_free(&r);
    r = send_message(&w, &c, (struct message){.path = "/acme/new-account", .payload = "{}", .jwk = true});
    assert_status(&r, 201); /* the old key is free again */
    reply_free(&r);
    client_free(&next);
    client_free(&c);
    world_close(&w);
}

static void key_change_is_checked(void **state)
{
    (void)state;
    struct world w;
    struct client c, next, taken;
    world_open(&w);
    register_client(&w, &c);
    register_client(&w, &taken);
    client_make(&next);
    struct reply r = change_key(&w, &c, &taken, (struct key_change){0});
    assert_string_equal(r.it->location, taken.kid);
    assert_problem(&r, 409, ACME_MALFORMED, "in use");
    r = change_key(&w, &c, &c, (struct key_change){0});
    assert_problem(&r, 409, ACME_MALFORMED, "in use");
    r = change_key(&w, &c, &next, (struct key_change){.url = BASE "/acme/key-chang"});
    assert_problem(&r, 400, ACME_MALFORMED, "url");
    r = change_key(&w, &c, &next, (struct key_change){.account = taken.kid});
    assert_problem(&r, 400, ACME_MALFORMED, "account");
    r = change_key(&w, &c, &next, (struct key_change){.old_jwk = taken.jwk});
    assert_problem(&r, 400, ACME_MALFORMED, "oldKey");
    r = change_key(&w, &c, &next, (struct key_change){.signer = c.key});
    assert_problem(&r, 400, ACME_MALFORMED, "signature");
    r = post(&w, &c, "/acme/key-change", "{}");
    assert_problem(&r, 400, ACME_MALFORMED, NULL);
    r = post(&w, &c, c.kid, NULL);
    assert_status(&r, 200);
    reply_free(&r);
    client_free(&taken);
    client_free(&next);
    client_free(&c);
    world_close(&w);
}

/* ---- the list of orders ---- */

static void orders_are_listed_in_pages(void **state)
{
    (void)state;
    enum { ORDERS = 205 };
    struct world w;
    struct client c, other;
    char list_url[ACME_URL_MAX + 16], query[64] = "", url[ACME_URL_MAX];
    world_open(&w);
    register_client(&w, &c);
    register_client(&w, &other);
    for (int i = 0; i < ORDERS; i++, w.now_ms++) {
        struct reply r = new_order(&w, &c, one_name, url);
        assert_status(&r, 201);
        reply_free(&r);
    }
    struct acme_problem no = {0};
    acme_problem_set(&no, ACME_REJECTED_IDENTIFIER, "no");
    struct ending e = {.order = url_id(url), .problem = &no, .now_ms = w.now_ms};
    assert_int_equal(store_call(w.store, ending_fail, &e), STORE_OK); /* left out of the list */
    snprintf(list_url, sizeof list_url, "%s/orders", c.kid);
    size_t total = 0, pages = 0;
    for (bool more = true; more; pages++) {
        struct reply r = send_message(&w, &c, (struct message){.path = list_url, .query = *query ? query : NULL});
        assert_status(&r, 200);
        total += json_array_size(json_object_get(r.json, "orders"));
        more = r.it->link_count == 2;
        if (more) {
            assert_non_null(strstr(r.it->links[0], "rel=\"next\""));
            const char *cursor = strchr(r.it->links[0], '?') + 1;
            snprintf(query, sizeof query, "%.*s", (int)strcspn(cursor, ">"), cursor);
        }
        reply_free(&r);
    }
    assert_int_equal(total, ORDERS - 1);
    assert_int_equal(pages, 3);
    struct reply r = send_message(&w, &other, (struct message){.path = list_url});
    assert_problem(&r, 404, ACME_MALFORMED, NULL);
    r = send_message(&w, &c, (struct message){.path = list_url, .query = "cursor=x"});
    assert_problem(&r, 404, ACME_MALFORMED, NULL);
    snprintf(list_url, sizeof list_url, "%s/orders", other.kid);
    r = send_message(&w, &other, (struct message){.path = list_url});
    assert_int_equal(json_array_size(json_object_get(r.json, "orders")), 0);
    reply_free(&r);
    client_free(&other);
    client_free(&c);
    world_close(&w);
}

/* ---- the record ---- */

static void a_record_survives_the_round_trip_and_no_cut(void **state)
{
    (void)state;
    char key[] = "{\"kty\":\"EC\"}", contact[] = "mailto:a@example.com";
    struct acme_account account = {.status = ACME_ACCOUNT_DEACTIVATED,
                                   .created_s = START_S,
                                   .thumbprint = {1, 2, 3},
                                   .key = key,
                                   .policy = "house",
                                   .terms_agreed = true,
                                   .contact_count = 1,
                                   .contacts = {contact}};
    struct record_writer record;
    struct acme_account copy = {0};
    assert_true(account_encode(&account, &record));
    struct store_slice value = {record.data, record.len};
    assert_true(account_decode(value, &copy));
    assert_int_equal(copy.status, ACME_ACCOUNT_DEACTIVATED);
    assert_int_equal(copy.created_s, START_S);
    assert_memory_equal(copy.thumbprint, account.thumbprint, sizeof copy.thumbprint);
    assert_string_equal(copy.key, key);
    assert_string_equal(copy.policy, "house");
    assert_true(copy.terms_agreed);
    assert_string_equal(copy.contacts[0], contact);
    acme_account_clear(&copy);
    for (value.len = 0; value.len < record.len; value.len++) {
        assert_false(account_decode(value, &copy));
        acme_account_clear(&copy);
    }
    record.data[0] = 2; /* of a newer version */
    assert_false(account_decode(value, &copy));
    acme_account_clear(&copy);
    record_free(&record);
}

static void moves_are_those_of_the_table(void **state)
{
    (void)state;
    for (unsigned from = ACME_ACCOUNT_VALID; from <= ACME_ACCOUNT_REVOKED; from++)
        for (unsigned to = ACME_ACCOUNT_VALID; to <= ACME_ACCOUNT_REVOKED; to++) {
            struct acme_account account = {.status = from};
            bool legal = from == ACME_ACCOUNT_VALID && to != ACME_ACCOUNT_VALID;
            assert_int_equal(acme_account_set_status(&account, to), legal);
            assert_int_equal(account.status, legal ? to : from);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_one_account),
        cmocka_unit_test(two_new_accounts_in_one_batch_meet),
        cmocka_unit_test(contacts_are_checked),
        cmocka_unit_test(too_many_or_too_long_contacts_are_refused),
        cmocka_unit_test(terms_have_to_be_agreed_to),
        cmocka_unit_test(an_account_can_be_read_and_updated),
        cmocka_unit_test(deactivation_ends_everything),
        cmocka_unit_test(an_account_can_change_its_key),
        cmocka_unit_test(key_change_is_checked),
        cmocka_unit_test(orders_are_listed_in_pages),
        cmocka_unit_test(a_record_survives_the_round_trip_and_no_cut),
        cmocka_unit_test(moves_are_those_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
