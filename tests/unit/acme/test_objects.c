/* What is shown: every object against its section, member by member. */
#include "bound.h"

#include "acme/records.h"

enum need { MUST, MAY };

/* One row a member; an object has no others than these. */
static const struct row {
    const char *object, *name;
    json_type type;
    enum need need;
} rows[] = {
    /* RFC 8555 section 7.1.1, RFC 9773 section 3 */
    {"directory", "newNonce", JSON_STRING, MUST},
    {"directory", "newAccount", JSON_STRING, MUST},
    {"directory", "newOrder", JSON_STRING, MUST},
    {"directory", "newAuthz", JSON_STRING, MAY},
    {"directory", "revokeCert", JSON_STRING, MUST},
    {"directory", "keyChange", JSON_STRING, MUST},
    {"directory", "renewalInfo", JSON_STRING, MUST},
    {"directory", "meta", JSON_OBJECT, MUST},
    /* the same, RFC 9444 section 4.4, draft-ietf-acme-profiles section 3; as they are configured here */
    {"meta", "termsOfService", JSON_STRING, MUST},
    {"meta", "website", JSON_STRING, MUST},
    {"meta", "caaIdentities", JSON_ARRAY, MUST},
    {"meta", "externalAccountRequired", JSON_TRUE, MUST},
    {"meta", "profiles", JSON_OBJECT, MUST},
    {"meta", "subdomainAuthAllowed", JSON_TRUE, MAY},
    /* RFC 8555 section 7.1.2, of an account that was bound (7.3.4), has agreed (7.3) and left a contact */
    {"account", "status", JSON_STRING, MUST},
    {"account", "contact", JSON_ARRAY, MUST},
    {"account", "termsOfServiceAgreed", JSON_TRUE, MUST},
    {"account", "externalAccountBinding", JSON_OBJECT, MUST},
    {"account", "orders", JSON_STRING, MUST},
    {"orders", "orders", JSON_ARRAY, MUST}, /* 7.1.2.1 */
    /* section 7.1.3, draft-ietf-acme-profiles section 4, RFC 9773 section 5 */
    {"order", "status", JSON_STRING, MUST},
    {"order", "expires", JSON_STRING, MUST},
    {"order", "identifiers", JSON_ARRAY, MUST},
    {"order", "authorizations", JSON_ARRAY, MUST},
    {"order", "finalize", JSON_STRING, MUST},
    {"order", "profile", JSON_STRING, MUST},
    {"valid order", "certificate", JSON_STRING, MUST},
    {"invalid order", "error", JSON_OBJECT, MUST},
    {"replacing order", "replaces", JSON_STRING, MUST},
    {"identifier", "type", JSON_STRING, MUST},
    {"identifier", "value", JSON_STRING, MUST},
    /* section 7.1.4 */
    {"authorization", "identifier", JSON_OBJECT, MUST},
    {"authorization", "status", JSON_STRING, MUST},
    {"authorization", "expires", JSON_STRING, MUST},
    {"authorization", "challenges", JSON_ARRAY, MUST},
    {"wildcard authorization", "wildcard", JSON_TRUE, MUST},
    /* section 8 */
    {"challenge", "type", JSON_STRING, MUST},
    {"challenge", "url", JSON_STRING, MUST},
    {"challenge", "status", JSON_STRING, MUST},
    {"challenge", "token", JSON_STRING, MUST}, /* 8.3, 8.4 */
    {"valid challenge", "validated", JSON_STRING, MUST},
    {"invalid challenge", "error", JSON_OBJECT, MUST},
    /* section 6.7, RFC 7807 */
    {"problem", "type", JSON_STRING, MUST},
    {"problem", "detail", JSON_STRING, MUST},
    {"problem", "status", JSON_INTEGER, MAY},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* "valid order" has the members of "order", and its own. */
static bool is_of(const struct row *row, const char *object)
{
    const char *space = strrchr(object, ' ');
    return strcmp(row->object, object) == 0 || (space && strcmp(row->object, space + 1) == 0);
}

static void check(const json_t *json, const char *object)
{
    const char *name;
    json_t *value;
    size_t known = 0;
    assert_true(json_is_object(json));
    for (size_t i = 0; i < ROWS; i++) {
        const json_t *has = is_of(&rows[i], object) ? json_object_get(json, rows[i].name) : NULL;
        if (is_of(&rows[i], object) && rows[i].need == MUST && !has)
            fail_msg("the %s has no \"%s\"", object, rows[i].name);
        if (has && json_typeof(has) != rows[i].type)
            fail_msg("\"%s\" of the %s is of another type", rows[i].name, object);
        known += has != NULL;
    }
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        bool listed = false;
        for (size_t i = 0; i < ROWS; i++)
            listed |= is_of(&rows[i], object) && strcmp(rows[i].name, name) == 0;
        if (!listed)
            fail_msg("the %s has \"%s\", of which its section says nothing", object, name);
    }
    assert_int_equal(known, json_object_size(json));
}

static void check_each(const json_t *array, const char *object)
{
    size_t i;
    json_t *one;
    assert_true(json_array_size(array) > 0);
    json_array_foreach(array, i, one) check(one, object);
}

/* Takes the reply. */
static void check_reply(struct reply r, int status, const char *object)
{
    assert_status(&r, status);
    check(r.json, object);
    reply_free(&r);
}

/* ---- the scene: a server with all that can be shown, and a bound account ---- */

struct scene {
    struct world w;
    struct external_key key;
    struct client c;
    json_t *binding; /* as it was sent */
};

static void scene_open(struct scene *s)
{
    static const struct acme_profile profiles[] = {{"standard", "What most want."}};
    static const char *const identities[] = {"sectigo.com", NULL};
    char payload[4096];
    open_bound(&s->w, &s->key, "{\"names\":[\"*\"],\"wildcards\":true}");
    s->w.config.terms_of_service = "https://acme.test/terms";
    s->w.config.website = "https://acme.test";
    s->w.config.caa_identities = identities;
    s->w.config.profiles = profiles;
    s->w.config.profile_count = 1;
    world_restart(&s->w);
    client_make(&s->c);
    make_binding(payload, sizeof payload, &s->key, &s->c, &s->c, NOTHING);
    json_t *json = json_loads(payload, 0, NULL);
    s->binding = json_incref(json_object_get(json, "externalAccountBinding"));
    json_object_set_new(json, "contact", json_pack("[s]", "mailto:a@example.com"));
    json_object_set_new(json, "termsOfServiceAgreed", json_true());
    char *text = json_dumps(json, 0);
    struct reply r = post(&s->w, &s->c, "/acme/new-account", text);
    free(text);
    json_decref(json);
    assert_status(&r, 201);
    strcpy(s->c.kid, r.it->location);
    assert_true(json_equal(json_object_get(r.json, "externalAccountBinding"), s->binding));
    check_reply(r, 201, "account");
}

static void scene_close(struct scene *s)
{
    json_decref(s->binding);
    client_free(&s->c);
    world_close(&s->w);
}

static struct reply read_object(struct scene *s, const char *url)
{
    return post(&s->w, &s->c, url, NULL);
}

/* ---- tests ---- */

static void the_directory(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct reply r = get(&s.w, ACME_GET, "/directory");
    assert_status(&r, 200);
    check(json_object_get(r.json, "meta"), "meta");
    check_reply(r, 200, "directory");
    scene_close(&s);
}

/* RFC 8555 section 7.3.4: a binding that was verified is reflected, wherever the account is shown. */
static void an_account(void **state)
{
    (void)state;
    struct scene s;
    struct client next;
    scene_open(&s);
    struct reply shown[] = {
        send_message(&s.w, &s.c, (struct message){.path = "/acme/new-account", .payload = "{}", .jwk = true}),
        send_message(
            &s.w, &s.c,
            (struct message){.path = "/acme/new-account", .payload = "{\"onlyReturnExisting\":true}", .jwk = true}),
        read_object(&s, s.c.kid),
        post(&s.w, &s.c, s.c.kid, "{\"contact\":[\"mailto:b@example.com\"]}"),
        post(&s.w, &s.c, s.c.kid, "{\"externalAccountBinding\":{}}"), /* not for the client to change */
    };
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        assert_true(json_equal(json_object_get(shown[i].json, "externalAccountBinding"), s.binding));
        check_reply(shown[i], 200, "account");
    }
    client_make(&next);
    strcpy(next.kid, s.c.kid);
    check_reply(change_key(&s.w, &s.c, &next, (struct key_change){0}), 200, "account");
    check_reply(post(&s.w, &next, next.kid, "{\"status\":\"deactivated\"}"), 200, "account");
    client_free(&next);
    scene_close(&s);
}

/* One that was made before bindings were kept is shown without. */
static void a_record_without_the_binding_is_still_read(void **state)
{
    (void)state;
    char key[] = "{\"kty\":\"EC\"}", binding[] = "{\"protected\":\"\"}";
    struct acme_account account = {.status = ACME_ACCOUNT_VALID, .key = key, .policy = "web", .external_key = "k1"};
    struct record_writer record;
    for (unsigned version = 2; version <= 3; version++) {
        struct acme_account copy = {0};
        account.binding = version == 3 ? binding : NULL;
        assert_true(account_encode(&account, &record));
        assert_int_equal(record.data[0], version);
        assert_true(account_decode((struct store_slice){record.data, record.len}, &copy));
        assert_string_equal(copy.external_key, "k1");
        if (version == 3)
            assert_string_equal(copy.binding, binding);
        else
            assert_null(copy.binding);
        acme_account_clear(&copy);
        record_free(&record);
    }
}

static void a_binding_that_is_too_large_is_refused(void **state)
{
    (void)state;
    struct scene s;
    struct client other;
    char payload[4096];
    scene_open(&s);
    client_make(&other);
    make_binding(payload, sizeof payload, &s.key, &other, &other, NOTHING);
    char *large = malloc(sizeof payload + ACME_BINDING_MAX);
    assert_non_null(large);
    sprintf(large, "%.*s,\"x\":\"%0*d\"}}", (int)strlen(payload) - 2, payload, ACME_BINDING_MAX, 0);
    struct reply r = post(&s.w, &other, "/acme/new-account", large);
    assert_problem(&r, 400, ACME_MALFORMED, "external account binding");
    free(large);
    client_free(&other);
    scene_close(&s);
}

static void complete(struct scene *s, const char *url)
{
    struct ending e = {.order = url_id(url), .now_ms = s->w.now_ms};
    assert_true(acme_id_make(&e.certificate, s->w.now_ms));
    assert_int_equal(store_call(s->w.store, ending_complete, &e), STORE_OK);
}

static void an_order(void **state)
{
    (void)state;
    struct scene s;
    char url[ACME_URL_MAX], path[ACME_URL_MAX + 16];
    scene_open(&s);
    struct reply r = new_order(&s.w, &s.c, one_name, url);
    check_each(json_object_get(r.json, "identifiers"), "identifier");
    check_reply(r, 201, "order");
    ready_order(&s.w, &s.c, one_name, url);
    check_reply(read_object(&s, url), 200, "order");
    char *payload = csr_payload(one_name);
    snprintf(path, sizeof path, "%s/finalize", url);
    check_reply(post(&s.w, &s.c, path, payload), 200, "order"); /* processing */
    free(payload);
    complete(&s, url);
    check_reply(read_object(&s, url), 200, "valid order");

    r = new_order(&s.w, &s.c, (const char *const[]){"b.example", NULL}, url);
    reply_free(&r);
    struct acme_problem no = {0};
    acme_problem_set(&no, ACME_REJECTED_IDENTIFIER, "no");
    struct ending e = {.order = url_id(url), .problem = &no, .now_ms = s.w.now_ms};
    assert_int_equal(store_call(s.w.store, ending_fail, &e), STORE_OK);
    r = read_object(&s, url);
    check(json_object_get(r.json, "error"), "problem");
    check_reply(r, 200, "invalid order");
    r = post(&s.w, &s.c, "/acme/new-order",
             "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"e.example\"}],\"replaces\":\"YXV0aG9yaXR5.AQ\"}");
    check_reply(r, 201, "replacing order");
    snprintf(path, sizeof path, "%s/orders", s.c.kid);
    check_reply(read_object(&s, path), 200, "orders");
    scene_close(&s);
}

static void an_authorization_and_its_challenges(void **state)
{
    (void)state;
    struct scene s;
    char url[ACME_URL_MAX], authz[ACME_URL_MAX];
    scene_open(&s);
    struct reply r = new_order(&s.w, &s.c, (const char *const[]){"*.c.example", NULL}, url);
    snprintf(authz, sizeof authz, "%s",
             json_string_value(json_array_get(json_object_get(r.json, "authorizations"), 0)));
    reply_free(&r);
    struct acme_id id = url_id(authz);
    r = read_object(&s, authz);
    check(json_object_get(r.json, "identifier"), "identifier");
    check_each(json_object_get(r.json, "challenges"), "challenge");
    check_reply(r, 200, "wildcard authorization");
    prove(&s.w, &s.c, &id, ACME_DNS_01);
    r = read_object(&s, authz);
    check_each(json_object_get(r.json, "challenges"), "valid challenge");
    check_reply(r, 200, "wildcard authorization");

    r = new_order(&s.w, &s.c, (const char *const[]){"d.example", NULL}, url);
    snprintf(authz, sizeof authz, "%s",
             json_string_value(json_array_get(json_object_get(r.json, "authorizations"), 0)));
    reply_free(&r);
    id = url_id(authz);
    challenge_url(&id, ACME_HTTP_01, url);
    r = post(&s.w, &s.c, url, "{}");
    check_reply(r, 200, "challenge"); /* processing */
    struct acme_problem no = {0};
    acme_problem_set(&no, ACME_CONNECTION, "no");
    assert_int_equal(settle(&s.w, &no), STORE_OK);
    check_reply(read_object(&s, url), 200, "invalid challenge");
    r = read_object(&s, authz);
    check_each(json_object_get(r.json, "challenges"), "invalid challenge");
    check_reply(r, 200, "authorization");
    scene_close(&s);
}

static void a_problem(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    struct reply r = post(&s.w, &s.c, "/acme/new-order", "{}");
    check_reply(r, 400, "problem");
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_directory),
        cmocka_unit_test(an_account),
        cmocka_unit_test(a_record_without_the_binding_is_still_read),
        cmocka_unit_test(a_binding_that_is_too_large_is_refused),
        cmocka_unit_test(an_order),
        cmocka_unit_test(an_authorization_and_its_challenges),
        cmocka_unit_test(a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
