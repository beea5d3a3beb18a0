/* Authorizations and challenges: asking for validation, its verdict, giving up, their records. */
#include "client.h"

#include "acme/records.h"
#include "acme/reply.h"

static const char *const one_name[] = {"www.example.com", NULL};

struct scene {
    struct world w;
    struct client c;
    char order_url[ACME_URL_MAX], authz_url[ACME_URL_MAX], http_url[ACME_URL_MAX], dns_url[ACME_URL_MAX];
    struct acme_id authz;
};

static void scene_order(struct scene *s)
{
    struct acme_order order;
    char text[ACME_ID_TEXT + 1];
    struct reply r = new_order(&s->w, &s->c, one_name, s->order_url);
    assert_status(&r, 201);
    reply_free(&r);
    order_read(&s->w, s->order_url, &order);
    s->authz = order.authzs[0];
    acme_order_clear(&order);
    acme_id_text(&s->authz, text);
    snprintf(s->authz_url, sizeof s->authz_url, BASE "/acme/authz/%s", text);
    challenge_url(&s->authz, ACME_HTTP_01, s->http_url);
    challenge_url(&s->authz, ACME_DNS_01, s->dns_url);
}

static void scene_open(struct scene *s)
{
    world_open(&s->w);
    register_client(&s->w, &s->c);
    scene_order(s);
}

static void scene_close(struct scene *s)
{
    client_free(&s->c);
    world_close(&s->w);
}

static void expect_status(struct scene *s, const char *url, const char *status)
{
    struct reply r = post(&s->w, &s->c, url, NULL);
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), status);
    reply_free(&r);
}

static void a_pending_authorization_shows_what_can_be_done(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct reply r = post(&s.w, &s.c, s.authz_url, NULL);
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "pending");
    assert_null(json_object_get(r.json, "wildcard"));
    assert_int_equal(r.it->retry_after_s, 0);
    const json_t *challenges = json_object_get(r.json, "challenges"), *first = json_array_get(challenges, 0);
    assert_int_equal(json_array_size(challenges), 3);
    assert_string_equal(json_string_value(json_object_get(first, "url")), s.http_url);
    assert_int_equal(strlen(json_string_value(json_object_get(first, "token"))), ACME_TOKEN_TEXT);
    assert_string_not_equal(json_string_value(json_object_get(first, "token")),
                            json_string_value(json_object_get(json_array_get(challenges, 1), "token")));
    assert_string_equal(member(&r, "expires"), "2027-01-22T08:00:00Z");
    assert_non_null(strstr(r.it->body, "\"status\":\"pending\"")); /* compact */
    reply_free(&r);
    scene_close(&s);
}

static void a_challenge_is_validated_once(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct reply r = post(&s.w, &s.c, s.http_url, NULL);
    assert_string_equal(member(&r, "status"), "pending"); /* read, not started */
    reply_free(&r);
    assert_int_equal(s.w.validations, 0);
    for (int i = 0; i < 3; i++) {
        r = post(&s.w, &s.c, s.http_url, "{}");
        assert_status(&r, 200);
        assert_string_equal(member(&r, "status"), "processing");
        assert_string_equal(member(&r, "url"), s.http_url);
        assert_int_equal(r.it->retry_after_s, ACME_RETRY_CHALLENGE_S);
        char up[ACME_URL_MAX + 16];
        snprintf(up, sizeof up, "<%s>;rel=\"up\"", s.authz_url);
        assert_string_equal(r.it->links[0], up);
        reply_free(&r);
    }
    assert_int_equal(s.w.validations, 1);
    r = post(&s.w, &s.c, s.authz_url, NULL);
    assert_int_equal(r.it->retry_after_s, ACME_RETRY_CHALLENGE_S);
    reply_free(&r);
    assert_int_equal(settle(&s.w, NULL), STORE_OK);
    assert_int_equal(settle(&s.w, NULL), STORE_NOT_FOUND);
    expect_status(&s, s.order_url, "ready");
    r = post(&s.w, &s.c, s.authz_url, NULL);
    assert_string_equal(member(&r, "status"), "valid");
    const json_t *challenges = json_object_get(r.json, "challenges");
    assert_int_equal(json_array_size(challenges), 1); /* the one that was validated */
    assert_string_equal(json_string_value(json_object_get(json_array_get(challenges, 0), "validated")),
                        "2027-01-15T08:00:00Z");
    assert_string_equal(member(&r, "expires"), "2027-02-14T08:00:00Z");
    reply_free(&r);
    r = post(&s.w, &s.c, s.http_url, "{}");
    assert_string_equal(member(&r, "status"), "valid");
    reply_free(&r);
    assert_int_equal(s.w.validations, 1);
    scene_close(&s);
}

static void two_requests_in_one_batch_start_one_validation(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct message m = {.path = s.http_url, .payload = "{}", .begin = true};
    struct reply first = send_message(&s.w, &s.c, m), second = send_message(&s.w, &s.c, m);
    assert_int_equal(second.step, ACME_COMMIT);
    reply_commit(&s.w, &first);
    reply_commit(&s.w, &second);
    assert_string_equal(member(&first, "status"), "processing");
    assert_string_equal(member(&second, "status"), "processing");
    assert_int_equal(s.w.validations, 1);
    reply_free(&first);
    reply_free(&second);
    scene_close(&s);
}

static void what_a_validator_is_told(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct reply r = post(&s.w, &s.c, s.dns_url, "{}");
    char token[ACME_TOKEN_TEXT + 1];
    snprintf(token, sizeof token, "%s", member(&r, "token"));
    reply_free(&r);
    struct store_txn *txn;
    struct acme_validation validation;
    assert_int_equal(store_read(s.w.store, &txn), STORE_OK);
    assert_int_equal(acme_validation_load(txn, s.w.subject, &validation), STORE_OK);
    assert_int_equal(validation.type, ACME_DNS_01);
    assert_string_equal(validation.identifier.value, "www.example.com");
    assert_string_equal(validation.token, token);
    uint8_t digest[32];
    char thumbprint[ACME_TOKEN_TEXT + 1], expected[2 * ACME_TOKEN_TEXT + 2];
    assert_int_equal(EVP_Digest(s.c.jwk, strlen(s.c.jwk), digest, NULL, EVP_sha256(), NULL), 1);
    base64url_encode(digest, sizeof digest, thumbprint);
    snprintf(expected, sizeof expected, "%s.%s", token, thumbprint);
    assert_string_equal(validation.key_authorization, expected);
    struct acme_id order = url_id(s.order_url);
    assert_memory_equal(&validation.order, &order, sizeof order);
    s.w.subject[ACME_ID_LEN] = ACME_HTTP_01; /* not asked for */
    assert_int_equal(acme_validation_load(txn, s.w.subject, &validation), STORE_NOT_FOUND);
    s.w.subject[0] ^= 1;
    assert_int_equal(acme_validation_load(txn, s.w.subject, &validation), STORE_NOT_FOUND);
    store_read_end(txn);
    scene_close(&s);
}

static void a_failed_challenge_ends_order_and_authorization(void **state)
{
    (void)state;
    struct scene s;
    struct acme_problem wrong = {0};
    scene_open(&s);
    struct reply r = post(&s.w, &s.c, s.http_url, "{}");
    reply_free(&r);
    acme_problem_set(&wrong, ACME_INCORRECT_RESPONSE, "192.0.2.7 answered \"hello\"");
    assert_int_equal(settle(&s.w, &wrong), STORE_OK);
    r = post(&s.w, &s.c, s.authz_url, NULL);
    assert_string_equal(member(&r, "status"), "invalid");
    const json_t *challenges = json_object_get(r.json, "challenges");
    assert_int_equal(json_array_size(challenges), 1);
    const json_t *error = json_object_get(json_array_get(challenges, 0), "error");
    assert_string_equal(json_string_value(json_object_get(error, "type")), acme_problem_urn(ACME_INCORRECT_RESPONSE));
    assert_string_equal(json_string_value(json_object_get(error, "detail")), wrong.detail);
    reply_free(&r);
    r = post(&s.w, &s.c, s.order_url, NULL);
    assert_string_equal(member(&r, "status"), "invalid");
    const char *detail = json_string_value(json_object_get(json_object_get(r.json, "error"), "detail"));
    assert_string_equal(detail, "www.example.com: 192.0.2.7 answered \"hello\"");
    reply_free(&r);
    r = post(&s.w, &s.c, s.dns_url, "{}"); /* too late for another one: shown, not started */
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "pending");
    reply_free(&r);
    assert_int_equal(s.w.validations, 1);
    scene_order(&s); /* nothing of it is reused */
    expect_status(&s, s.order_url, "pending");
    scene_close(&s);
}

static void an_order_is_ready_with_its_last_authorization(void **state)
{
    (void)state;
    static const char *const names[] = {"a.example.com", "b.example.com", NULL};
    struct scene s;
    struct acme_order order;
    char url[ACME_URL_MAX];
    scene_open(&s);
    struct reply r = new_order(&s.w, &s.c, names, url);
    reply_free(&r);
    order_read(&s.w, url, &order);
    prove(&s.w, &s.c, &order.authzs[0], ACME_HTTP_01);
    expect_status(&s, url, "pending");
    prove(&s.w, &s.c, &order.authzs[1], ACME_TLS_ALPN_01);
    expect_status(&s, url, "ready");
    acme_order_clear(&order);
    scene_close(&s);
}

static void the_reply_is_held_until_the_verdict(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.w.config.hold_challenge_ms = 2000;
    world_restart(&s.w);
    struct reply r = post(&s.w, &s.c, s.http_url, "{}");
    assert_int_equal(r.step, ACME_HOLD);
    assert_int_equal(acme_hold_ms(r.task), 2000);
    assert_memory_equal(acme_hold_topic(r.task), &s.authz, sizeof s.authz);
    assert_int_equal(acme_resume(r.task, s.w.thread, false, s.w.now_ms), ACME_HOLD);
    struct reply second = post(&s.w, &s.c, s.dns_url, "{}"); /* another challenge of the same authorization */
    assert_int_equal(second.step, ACME_HOLD);
    assert_int_equal(settle(&s.w, NULL), STORE_OK); /* dns-01 decides */
    r.step = acme_resume(r.task, s.w.thread, false, s.w.now_ms);
    second.step = acme_resume(second.task, s.w.thread, false, s.w.now_ms);
    reply_read(&r);
    reply_read(&second);
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "processing");
    assert_string_equal(member(&second, "status"), "valid");
    reply_free(&r);
    reply_free(&second);
    scene_order(&s);
    scene_close(&s);
}

/* Beside its commit, which may wait for the outcome; not where the reply waits for the commit alone. */
static void a_validation_begins_with_its_request(void **state)
{
    (void)state;
    struct scene s;
    struct acme_validation stored;
    struct store_txn *txn;
    scene_open(&s);
    struct message m = {.path = s.http_url, .payload = "{}", .begin = true};
    struct reply r = send_message(&s.w, &s.c, m);
    assert_int_equal(s.w.beginnings, 0);
    assert_int_equal(acme_patience_ms(r.task), 0);
    reply_free(&r);
    s.w.config.hold_challenge_ms = 2000;
    world_restart(&s.w);
    r = send_message(&s.w, &s.c, m);
    assert_int_equal(s.w.beginnings, 1);
    assert_int_equal(s.w.validations, 0); /* before anything is stored */
    assert_true(acme_patience_ms(r.task) > 0);
    uint8_t subject[ACME_VALIDATION_SUBJECT_LEN];
    memcpy(subject, s.w.subject, sizeof subject);
    reply_commit(&s.w, &r);
    assert_memory_equal(subject, s.w.subject, sizeof subject);
    assert_int_equal(store_read(s.w.store, &txn), STORE_OK);
    assert_int_equal(acme_validation_load(txn, subject, &stored), STORE_OK);
    store_read_end(txn);
    assert_memory_equal(&s.w.begun.authz, &stored.authz, sizeof stored.authz);
    assert_int_equal(s.w.begun.type, stored.type);
    assert_string_equal(s.w.begun.identifier.value, stored.identifier.value);
    assert_string_equal(s.w.begun.key_authorization, stored.key_authorization);
    reply_free(&r);
    scene_close(&s);
}

static void a_reply_is_not_held_for_ever(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.w.config.hold_challenge_ms = 2000;
    world_restart(&s.w);
    struct reply r = post(&s.w, &s.c, s.http_url, "{}");
    assert_int_equal(r.step, ACME_HOLD);
    r.step = acme_resume(r.task, s.w.thread, true, s.w.now_ms + 2000);
    reply_read(&r);
    assert_string_equal(member(&r, "status"), "processing");
    assert_int_equal(r.it->retry_after_s, ACME_RETRY_CHALLENGE_S);
    reply_free(&r);
    scene_close(&s);
}

static void challenges_come_too_late(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    s.w.now_ms += 7 * 86400 * 1000ULL;
    struct reply r = post(&s.w, &s.c, s.http_url, "{}");
    assert_problem(&r, 403, ACME_UNAUTHORIZED, "expired");
    expect_status(&s, s.authz_url, "invalid");
    expect_status(&s, s.order_url, "invalid");
    scene_order(&s);
    prove(&s.w, &s.c, &s.authz, ACME_HTTP_01);
    s.w.now_ms += 30 * 86400 * 1000ULL;
    expect_status(&s, s.authz_url, "expired");
    assert_int_equal(s.w.validations, 1);
    scene_close(&s);
}

static void authorizations_can_be_given_up(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct reply r = post(&s.w, &s.c, s.authz_url, "{}");
    assert_problem(&r, 400, ACME_MALFORMED, "deactivated");
    r = post(&s.w, &s.c, s.http_url, "{}"); /* with a validation under way */
    reply_free(&r);
    for (int i = 0; i < 2; i++) {
        r = post(&s.w, &s.c, s.authz_url, "{\"status\":\"deactivated\"}");
        assert_status(&r, 200);
        assert_string_equal(member(&r, "status"), "deactivated");
        reply_free(&r);
    }
    assert_int_equal(settle(&s.w, NULL), STORE_NOT_FOUND);
    expect_status(&s, s.authz_url, "deactivated");
    expect_status(&s, s.order_url, "invalid");
    scene_close(&s);
}

static enum store_status settle_without_loading(struct store_txn *txn, void *arg)
{
    struct scene *s = arg;
    struct acme_validation validation = {.authz = s->authz, .type = ACME_HTTP_01};
    return acme_validation_settle(txn, &validation, NULL, s->w.now_ms);
}

static void a_late_verdict_changes_nothing(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    assert_int_equal(store_call(s.w.store, settle_without_loading, &s), STORE_OK); /* nobody asked */
    expect_status(&s, s.authz_url, "pending");
    struct reply r = post(&s.w, &s.c, s.http_url, "{}");
    reply_free(&r);
    r = post(&s.w, &s.c, s.authz_url, "{\"status\":\"deactivated\"}");
    reply_free(&r);
    assert_int_equal(store_call(s.w.store, settle_without_loading, &s), STORE_OK);
    expect_status(&s, s.authz_url, "deactivated");
    s.authz.octets[0] ^= 1;
    assert_int_equal(store_call(s.w.store, settle_without_loading, &s), STORE_OK); /* gone */
    scene_close(&s);
}

static void others_authorizations_do_not_exist(void **state)
{
    (void)state;
    struct scene s;
    struct client other;
    scene_open(&s);
    register_client(&s.w, &other);
    struct reply r = post(&s.w, &other, s.authz_url, NULL);
    assert_problem(&r, 404, ACME_MALFORMED, "no such authorization");
    r = post(&s.w, &other, s.http_url, "{}");
    assert_problem(&r, 404, ACME_MALFORMED, "no such authorization");
    r = post(&s.w, &other, s.authz_url, "{\"status\":\"deactivated\"}");
    assert_problem(&r, 404, ACME_MALFORMED, "no such authorization");
    r = post(&s.w, &s.c, s.http_url, "[]");
    assert_problem(&r, 400, ACME_MALFORMED, "object");
    s.w.config.offer[ACME_DNS_01] = false;
    world_restart(&s.w);
    scene_order(&s);
    r = post(&s.w, &s.c, s.dns_url, "{}");
    assert_problem(&r, 404, ACME_MALFORMED, "no such challenge");
    client_free(&other);
    scene_close(&s);
}

static void moves_are_those_of_the_tables(void **state)
{
    (void)state;
    static const char *const authz_legal = " pending-valid pending-invalid pending-deactivated valid-deactivated "
                                           "valid-expired valid-revoked ";
    static const char *const challenge_legal = " pending-processing processing-valid processing-invalid ";
    char move[64];
    for (unsigned from = ACME_AUTHZ_PENDING; from <= ACME_AUTHZ_REVOKED; from++)
        for (unsigned to = ACME_AUTHZ_PENDING; to <= ACME_AUTHZ_REVOKED; to++) {
            struct acme_authz authz = {.status = from};
            snprintf(move, sizeof move, " %s-%s ", acme_authz_status_text(from), acme_authz_status_text(to));
            assert_int_equal(acme_authz_set_status(&authz, to), strstr(authz_legal, move) != NULL);
        }
    for (unsigned from = ACME_CHALLENGE_PENDING; from <= ACME_CHALLENGE_INVALID; from++)
        for (unsigned to = ACME_CHALLENGE_PENDING; to <= ACME_CHALLENGE_INVALID; to++) {
            struct acme_challenge challenge = {.status = from};
            snprintf(move, sizeof move, " %s-%s ", acme_challenge_status_text(from), acme_challenge_status_text(to));
            assert_int_equal(acme_challenge_set_status(&challenge, to), strstr(challenge_legal, move) != NULL);
        }
}

#define TOKEN "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define OTHER_TOKEN "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* What version 1 and 2 wrote, octet for octet: stores of that time must stay readable. */
static void records_of_before_still_decode(void **state)
{
    (void)state;
#define STORED(version, subdomains)                                                                                    \
    version "aaaaaaaaaaaaaaaaaaoooooooooooooooooo\2"                                                                   \
            "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\3\1\0\0\0\11a.example\0" subdomains "\1\1\3\0\0\0\53" TOKEN        \
            "\0\0\0\0\0\0\0\4\0\0\0\0"
    static const char plain[] = STORED("\1", ""), subdomains[] = STORED("\2", "\1"), useless[] = STORED("\2", "\0");
    const struct store_slice stored[] = {{(const uint8_t *)plain, sizeof plain - 1},
                                         {(const uint8_t *)subdomains, sizeof subdomains - 1}};
    for (int i = 0; i < 2; i++) {
        struct acme_authz authz = {0}, again = {0};
        struct record_writer record;
        assert_true(authz_decode(stored[i], &authz));
        assert_int_equal(authz.subdomains, i);
        assert_string_equal(authz.challenges[0].token, TOKEN);
        assert_int_equal(authz.challenges[0].validated_s, 4);
        assert_true(authz_encode(&authz, &record));
        assert_true(record.len < stored[i].len);
        assert_true(authz_decode((struct store_slice){record.data, record.len}, &again));
        assert_memory_equal(&again, &authz, sizeof again); /* it points to nothing */
        record_free(&record);
    }
    struct acme_authz authz = {0};
    assert_false(authz_decode((struct store_slice){(const uint8_t *)useless, sizeof useless - 1}, &authz));
}

static void a_record_survives_the_round_trip_and_no_cut(void **state)
{
    (void)state;
    char error[] = "{\"type\":\"x\"}";
    struct acme_authz authz = {.account = {{1}},
                               .order = {{2}},
                               .status = ACME_AUTHZ_INVALID,
                               .created_s = 3,
                               .expires_s = 4,
                               .valid_for_s = 5,
                               .identifier = {ACME_DNS_NAME, "example.com"},
                               .wildcard = true,
                               .challenge_count = 2,
                               .challenges = {{ACME_DNS_01, ACME_CHALLENGE_INVALID, TOKEN, 0, error},
                                              {ACME_HTTP_01, ACME_CHALLENGE_VALID, OTHER_TOKEN, 6, NULL}}};
    struct record_writer record, again;
    struct acme_authz copy = {0};
    assert_true(authz_encode(&authz, &record));
    struct store_slice value = {record.data, record.len};
    assert_true(authz_decode(value, &copy));
    assert_string_equal(copy.identifier.value, "example.com");
    assert_true(copy.wildcard);
    assert_string_equal(copy.challenges[0].error, error);
    assert_null(copy.challenges[1].error);
    assert_string_equal(copy.challenges[1].token, OTHER_TOKEN);
    assert_true(authz_encode(&copy, &again));
    assert_int_equal(again.len, record.len);
    assert_memory_equal(again.data, record.data, record.len);
    record_free(&again);
    acme_authz_clear(&copy);
    for (value.len = 0; value.len < record.len; value.len++) {
        assert_false(authz_decode(value, &copy));
        acme_authz_clear(&copy);
    }
    record_free(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pending_authorization_shows_what_can_be_done),
        cmocka_unit_test(a_challenge_is_validated_once),
        cmocka_unit_test(two_requests_in_one_batch_start_one_validation),
        cmocka_unit_test(what_a_validator_is_told),
        cmocka_unit_test(a_failed_challenge_ends_order_and_authorization),
        cmocka_unit_test(an_order_is_ready_with_its_last_authorization),
        cmocka_unit_test(the_reply_is_held_until_the_verdict),
        cmocka_unit_test(a_validation_begins_with_its_request),
        cmocka_unit_test(a_reply_is_not_held_for_ever),
        cmocka_unit_test(challenges_come_too_late),
        cmocka_unit_test(authorizations_can_be_given_up),
        cmocka_unit_test(a_late_verdict_changes_nothing),
        cmocka_unit_test(others_authorizations_do_not_exist),
        cmocka_unit_test(moves_are_those_of_the_tables),
        cmocka_unit_test(records_of_before_still_decode),
        cmocka_unit_test(a_record_survives_the_round_trip_and_no_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
