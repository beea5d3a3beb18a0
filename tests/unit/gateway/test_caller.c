/* caller: tokens, sessions and cookies, and when each of them ends. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/operate/access/caller.h"

struct bench {
    struct temp_store temp;
    struct access *access;
    struct token token;
    char text[TOKEN_TEXT_SIZE], field[16 + TOKEN_TEXT_SIZE];
};

static enum store_status create(struct store_txn *txn, void *arg)
{
    return token_create(txn, arg, clock_ms());
}

static void make_token(struct bench *b, const char *name, enum role role, uint64_t expires_ms)
{
    b->token = (struct token){.role = role, .created_ms = 1, .expires_ms = expires_ms};
    snprintf(b->token.name, sizeof b->token.name, "%s", name);
    assert_true(token_draw(&b->token, b->text));
    assert_int_equal(store_call(b->temp.store, create, &b->token), STORE_OK);
    snprintf(b->field, sizeof b->field, "Bearer %s", b->text);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    temp_store_open(&b->temp);
    b->access = access_make(b->temp.store, "X-User", "X-Role");
    assert_non_null(b->access);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    access_free(b->access);
    temp_store_close(&b->temp);
    free(b);
    return 0;
}

static const struct http_call nobody = {.method = "GET",
                                        .path = "/",
                                        .query = "",
                                        .authorization = "",
                                        .content_type = "",
                                        .cookie = "",
                                        .if_none_match = "",
                                        .csrf = "",
                                        .user = "",
                                        .role = "",
                                        .body = "",
                                        .peer = "192.0.2.1"};

/* 200, or the status of the refusal. */
static int find(struct bench *b, const struct http_call *call, struct caller *caller)
{
    struct caller_refusal refusal = {.status = 0};
    return caller_find(b->access, call, caller, &refusal) ? 200 : refusal.status;
}

static void test_tokens_end(void **state)
{
    struct bench *b = *state;
    struct http_call call = nobody;
    struct caller caller;
    make_token(b, "a", ROLE_OPERATE, clock_ms() + HOUR_MS);
    call.authorization = b->field;
    assert_int_equal(find(b, &call, &caller), 200);
    assert_string_equal(caller.token, "a");
    assert_int_equal(caller.role, ROLE_OPERATE);
    b->field[sizeof "Bearer acmegate_" - 1] ^= 1;
    assert_int_equal(find(b, &call, &caller), 401);
    make_token(b, "b", ROLE_ADMIN, clock_ms()); /* which is over by now */
    assert_int_equal(find(b, &call, &caller), 401);
    assert_string_equal(caller.token, "b");
    call.authorization = b->text; /* no scheme */
    assert_int_equal(find(b, &call, &caller), 401);
    make_token(b, "b", ROLE_READ, clock_ms() + HOUR_MS); /* takes the name of one that has ended */
    call.authorization = b->field;
    assert_int_equal(find(b, &call, &caller), 200);
    assert_int_equal(caller.role, ROLE_READ);
    assert_int_equal(store_call(b->temp.store, create, &b->token), STORE_EXISTS);
}

static enum store_status look_at(struct store_txn *txn, void *arg)
{
    struct token *token = arg;
    return token_load(txn, "a", token);
}

static enum store_status unuse(struct store_txn *txn, void *arg)
{
    const uint64_t *when_ms = arg;
    return token_note_use(txn, "a", *when_ms);
}

/* Noted once an hour, however often it is used. */
static void test_use_is_noted(void **state)
{
    struct bench *b = *state;
    struct http_call call = nobody;
    struct caller caller;
    struct token token;
    make_token(b, "a", ROLE_READ, clock_ms() + HOUR_MS);
    call.authorization = b->field;
    assert_int_equal(find(b, &call, &caller), 200);
    assert_int_equal(store_call(b->temp.store, look_at, &token), STORE_OK);
    assert_true(token.used_ms > 0);
    uint64_t recent_ms = clock_ms() - HOUR_MS / 2, old_ms = clock_ms() - 2 * HOUR_MS;
    assert_int_equal(store_call(b->temp.store, unuse, &recent_ms), STORE_OK);
    assert_int_equal(find(b, &call, &caller), 200);
    assert_int_equal(store_call(b->temp.store, look_at, &token), STORE_OK);
    assert_int_equal(token.used_ms, recent_ms);
    assert_int_equal(store_call(b->temp.store, unuse, &old_ms), STORE_OK);
    assert_int_equal(find(b, &call, &caller), 200);
    assert_int_equal(store_call(b->temp.store, look_at, &token), STORE_OK);
    assert_true(token.used_ms > recent_ms);
}

static void test_sessions_end(void **state)
{
    struct sessions *sessions = sessions_make();
    struct token token = {.name = "a"}, other = {.name = "b", .hash = {1}};
    struct session session;
    char cookie[SESSION_TEXT_SIZE], first[SESSION_TEXT_SIZE], others[SESSION_TEXT_SIZE];
    (void)state;
    assert_true(session_begin(sessions, &token, 1000, cookie, &session));
    assert_true(session_find(sessions, cookie, 1000 + HOUR_MS - 1, &session));
    assert_false(session_find(sessions, cookie, 1000 + 2 * HOUR_MS - 1, &session)); /* idle for an hour */
    assert_true(session_begin(sessions, &token, 1000, cookie, &session));
    for (uint64_t ms = 1000; ms < session.expires_ms; ms += HOUR_MS / 2)
        assert_true(session_find(sessions, cookie, ms, &session));
    assert_false(session_find(sessions, cookie, session.expires_ms, &session)); /* however busy */
    session_end(sessions, cookie);
    assert_true(session_begin(sessions, &other, 1000, others, &session));
    assert_true(session_begin(sessions, &token, 1000, first, &session));
    for (uint64_t i = 1; i <= SESSIONS_PER_TOKEN; i++) {
        assert_true(session_find(sessions, first, 1000 + i, &session));
        assert_true(session_begin(sessions, &token, 1000 + i - 1, cookie, &session));
    }
    assert_true(session_find(sessions, first, 1020, &session)); /* used all the while */
    for (uint64_t i = 1; i <= SESSIONS_PER_TOKEN; i++)
        assert_true(session_begin(sessions, &token, 2000 + i, cookie, &session));
    assert_false(session_find(sessions, first, 3000, &session)); /* too many newer ones of its token */
    assert_true(session_find(sessions, others, 3000, &session));
    session_end(sessions, others);
    assert_false(session_find(sessions, others, 3000, &session));
    sessions_free(sessions);
}

static void test_roles(void **state)
{
    enum role role;
    (void)state;
    assert_true(role_read("admin", &role) && role == ROLE_ADMIN);
    assert_false(role_read("", &role) || role_read("Admin", &role) || role_read("admin ", &role));
    assert_int_equal(role, ROLE_READ);
}

static void test_names(void **state)
{
    static const char *const bad[] = {"", "-a", "a b", "a/b", "\xc3\xa4", "a\n"};
    char longest[TOKEN_NAME_MAX + 2];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(token_name_good(bad[i]));
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(token_name_good(longest));
    longest[TOKEN_NAME_MAX] = '\0';
    assert_true(token_name_good(longest));
}

static void test_cookies(void **state)
{
    static const char *const good[] = {"__Host-acmegate=x", "a=b; __Host-acmegate=x", "__Host-acmegate=x; a=b",
                                       "a=__Host-acmegate=y;__Host-acmegate=x",
                                       "__Host-acmegate2=y; __Host-acmegate=x"};
    static const char *const bad[] = {
        "",
        ";",
        "__Host-acmegate",
        "__Host-acmegate=",
        "__host-acmegate=x",
        "x__Host-acmegate=x",
        "__Host-acmegate=x; __Host-acmegate=x",
        "__Host-acmegate=0123456789012345678901234567890123456789012345678901234567890123"};
    char value[SESSION_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(caller_cookie(good[i], value));
        assert_string_equal(value, "x");
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (caller_cookie(bad[i], value))
            fail_msg("%s is taken", bad[i]);
    }
}

static void test_users(void **state)
{
    struct bench *b = *state;
    struct http_call call = nobody;
    struct caller caller;
    char longest[CALLER_USER_MAX + 2];
    call.user = "anna \xc3\xa4";
    call.role = "admin";
    assert_int_equal(find(b, &call, &caller), 200);
    assert_int_equal(caller.role, ROLE_ADMIN);
    assert_string_equal(caller.token, "");
    call.method = "POST";
    assert_int_equal(find(b, &call, &caller), 403);
    char csrf[CALLER_CSRF_SIZE];
    memcpy(csrf, caller.csrf, sizeof csrf);
    call.csrf = csrf;
    assert_int_equal(find(b, &call, &caller), 200);
    call.method = "GET";
    call.role = "all";
    assert_int_equal(find(b, &call, &caller), 403);
    call.role = "read";
    call.user = "\xff";
    assert_int_equal(find(b, &call, &caller), 400);
    call.user = "a\x1b[2J";
    assert_int_equal(find(b, &call, &caller), 400);
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    call.user = longest;
    assert_int_equal(find(b, &call, &caller), 400);
    call.ambiguous = true;
    assert_int_equal(find(b, &call, &caller), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tokens_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_use_is_noted, set_up, tear_down),
        cmocka_unit_test(test_sessions_end),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_cookies),
        cmocka_unit_test_setup_teardown(test_users, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
