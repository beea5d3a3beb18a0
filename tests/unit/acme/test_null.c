/* A member of a request that is null is one that is absent, as Go's servers read it: every member of every request. */
#include "bound.h"

#include "acme/jws.h"

struct scene {
    struct world w;
    struct external_key key;
    struct client c;
    char order[ACME_URL_MAX + 16], authz[ACME_URL_MAX], challenge[ACME_URL_MAX];
};

static void scene_open(struct scene *s)
{
    open_bound(&s->w, &s->key, "{\"names\":[\"*\"],\"wildcards\":true}");
    struct reply r = bind_account(&s->w, &s->c, &s->key);
    assert_status(&r, 201);
    reply_free(&r);
    r = new_order(&s->w, &s->c, one_name, s->order);
    assert_status(&r, 201);
    snprintf(s->authz, sizeof s->authz, "%s",
             json_string_value(json_array_get(json_object_get(r.json, "authorizations"), 0)));
    reply_free(&r);
    strcat(s->order, "/finalize");
    struct acme_id id = url_id(s->authz);
    challenge_url(&id, ACME_HTTP_01, s->challenge);
}

static void scene_close(struct scene *s)
{
    client_free(&s->c);
    world_close(&s->w);
}

/* What the answer is known by: status, problem type, and its words. */
static void outcome(struct reply r, char *text, size_t size)
{
    assert_int_equal(r.step, ACME_DONE);
    snprintf(text, size, "%d %s %s", r.it->status, member(&r, "type"), member(&r, "detail"));
    reply_free(&r);
}

#define IDENTIFIER "\"type\":\"dns\",\"value\":\"a.example\""
#define ORDER "\"identifiers\":[{" IDENTIFIER "}]"

static const struct {
    const char *path, *with_null, *without;
} rows[] = {
    {"/acme/new-account", "{\"externalAccountBinding\":null}", "{}"},
    {"/acme/new-account", "{\"contact\":null}", "{}"},
    {"/acme/new-account", "{\"termsOfServiceAgreed\":null}", "{}"},
    {"/acme/new-account", "{\"onlyReturnExisting\":null}", "{}"},
    {"/acme/new-order", "{" ORDER ",\"notBefore\":null,\"notAfter\":null}", "{" ORDER "}"},
    {"/acme/new-order", "{" ORDER ",\"replaces\":null}", "{" ORDER "}"},
    {"/acme/new-order", "{" ORDER ",\"profile\":null}", "{" ORDER "}"},
    {"/acme/new-order", "{\"identifiers\":[{" IDENTIFIER ",\"ancestorDomain\":null}]}", "{" ORDER "}"},
    {"/acme/new-order", "{\"identifiers\":null}", "{}"},
    {"/acme/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":null}]}",
     "{\"identifiers\":[{\"type\":\"dns\"}]}"},
    {"/acme/new-authz", "{\"identifier\":{" IDENTIFIER ",\"subdomainAuthAllowed\":null}}",
     "{\"identifier\":{" IDENTIFIER "}}"},
    {"/acme/new-authz", "{\"identifier\":null}", "{}"},
    {"/acme/key-change", "{\"protected\":null,\"payload\":null}", "{}"},
    {"/acme/revoke-cert", "{\"certificate\":\"AA\",\"reason\":null}", "{\"certificate\":\"AA\"}"},
    {"/acme/revoke-cert", "{\"certificate\":null}", "{}"},
    {"account", "{\"contact\":null}", "{}"},
    {"account", "{\"status\":null}", "{}"},
    {"account", "{\"termsOfServiceAgreed\":null}", "{}"},
    {"order", "{\"csr\":null}", "{}"},
    {"challenge", "{\"response\":null}", "{}"},
    {"authz", "{\"status\":null}", "{}"},
};

static const char *path_of(const struct scene *s, const char *path)
{
    return strcmp(path, "account") == 0     ? s->c.kid
           : strcmp(path, "order") == 0     ? s->order
           : strcmp(path, "challenge") == 0 ? s->challenge
           : strcmp(path, "authz") == 0     ? s->authz
                                            : path;
}

static void members_of_payloads(void **state)
{
    (void)state;
    struct scene s;
    char got[1024], wanted[1024];
    scene_open(&s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct client fresh;
        bool making = strcmp(rows[i].path, "/acme/new-account") == 0;
        client_make(&fresh);
        const struct client *c = making ? &fresh : &s.c;
        outcome(post(&s.w, c, path_of(&s, rows[i].path), rows[i].without), wanted, sizeof wanted);
        outcome(post(&s.w, c, path_of(&s, rows[i].path), rows[i].with_null), got, sizeof got);
        if (strcmp(got, wanted) != 0)
            fail_msg("%s %s: %s, and without the null: %s", rows[i].path, rows[i].with_null, got, wanted);
        client_free(&fresh);
    }
    scene_close(&s);
}

/* Libraries that write every member of a structure do it to the JWS, too. */
static void members_of_the_jws(void **state)
{
    (void)state;
    struct scene s;
    char nonce[64], header[2048];
    scene_open(&s);
    fresh_nonce(&s.w, nonce);
    snprintf(
        header, sizeof header,
        "{\"alg\":\"ES256\",\"nonce\":\"%s\",\"url\":\"%s\",\"kid\":\"%s\",\"jwk\":null,\"crit\":null,\"b64\":null}",
        nonce, s.c.kid, s.c.kid);
    struct reply r = send_message(&s.w, &s.c, (struct message){.path = s.c.kid, .header = header});
    assert_status(&r, 200);
    reply_free(&r);
    fresh_nonce(&s.w, nonce);
    snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"nonce\":\"%s\",\"url\":\"%s\",\"kid\":\"%s\"}", nonce,
             s.c.kid, s.c.kid);
    char *body = jws_text(s.c.key, header, ""), *more = NULL;
    assert_true(asprintf(&more, "{\"header\":null,\"signatures\":null,%s", body + 1) > 0);
    r = send_message(&s.w, &s.c, (struct message){.path = s.c.kid, .body = more});
    assert_status(&r, 200);
    reply_free(&r);
    free(more);
    free(body);
    r = send_message(
        &s.w, &s.c,
        (struct message){.path = s.c.kid,
                         .header = "{\"alg\":\"ES256\",\"nonce\":null,\"url\":\"" BASE "/x\",\"kid\":\"x\"}"});
    assert_problem(&r, 400, ACME_BAD_NONCE, "no anti-replay nonce"); /* which a fresh one cures */
    scene_close(&s);
}

/* What is absent from a list changes where the others are: that is for nobody to guess. */
static void elements_of_arrays_are_no_members(void **state)
{
    (void)state;
    struct scene s;
    struct client fresh;
    scene_open(&s);
    struct reply r = post(&s.w, &s.c, s.c.kid, "{\"contact\":[null]}");
    assert_problem(&r, 400, ACME_MALFORMED, "contact");
    r = post(&s.w, &s.c, "/acme/new-order", "{\"identifiers\":[{" IDENTIFIER "},null]}");
    assert_problem(&r, 400, ACME_MALFORMED, "identifier");
    client_make(&fresh);
    r = post(&s.w, &fresh, "/acme/new-account", "null");
    assert_problem(&r, 400, ACME_MALFORMED, "not valid JSON");
    client_free(&fresh);
    scene_close(&s);
}

static void a_member_twice_is_refused_though_one_is_null(void **state)
{
    (void)state;
    struct acme_problem problem = {0};
    static const char text[] = "{\"a\":null,\"a\":1}";
    assert_null(acme_json_parse(text, sizeof text - 1, "payload", &problem));
    assert_non_null(strstr(problem.detail, "duplicate"));
    acme_problem_clear(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_payloads),
        cmocka_unit_test(members_of_the_jws),
        cmocka_unit_test(elements_of_arrays_are_no_members),
        cmocka_unit_test(a_member_twice_is_refused_though_one_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
