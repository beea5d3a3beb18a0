/* admin: routes, queries and bodies of the admin socket, and what a pause remembers. */
#include "acme/durations.h"
#include "tests/unit/gateway/static_config.h"
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include <jansson.h>

#include "acme/certificate.h"
#include "acme/order.h"
#include "gateway/audit.h"
#include "gateway/issue/record/login.h"
#include "gateway/operate/admin.h"
#include "gateway/operate/request.h"
#include "gateway/scan.h"

struct bench {
    struct temp_store temp;
    struct admin admin;
    struct http_answer answer;
    json_t *json;
};

static char euro[] = "EUR";
static struct config config = {.spending = {.currency = euro}};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    temp_store_open(&b->temp);
    b->admin.store = b->temp.store;
    b->admin.configs = static_config(&config);
    *state = b;
    return 0;
}

static void forget(struct bench *b)
{
    free(b->answer.body);
    json_decref(b->json);
    b->answer = (struct http_answer){.status = 500};
    b->json = NULL;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    forget(b);
    temp_store_close(&b->temp);
    config_current_free(b->admin.configs);
    free(b);
    return 0;
}

/* The answer's status; its body is in b->json. */
static int ask(struct bench *b, const char *method, const char *path, const char *query, const char *body)
{
    struct http_call call = {.method = method,
                             .path = path,
                             .query = query,
                             .authorization = "",
                             .content_type = "",
                             .cookie = "",
                             .if_none_match = "",
                             .csrf = "",
                             .user = "",
                             .role = "",
                             .uid = -1,
                             .body = body,
                             .body_len = strlen(body),
                             .peer = ""};
    forget(b);
    admin_handle(&b->admin, &call, &b->answer);
    assert_string_equal(b->answer.content_type, "application/json");
    b->json = json_loadb(b->answer.body, b->answer.body_len, 0, NULL);
    assert_non_null(b->json);
    assert_true(b->answer.status == 200 || json_is_string(json_object_get(b->json, "error")));
    return b->answer.status;
}

static void test_routes(void **state)
{
    static const char *const nowhere[] = {
        "",         "/",          "/orders/",          "/orders/a/b", "/status/",
        "/statuss", "/orders/%",  "/orders/%00",       "/orders/%zz", "/upstreams//pause",
        "status",   "/orders//x", "/upstreams/a/stop", "/backup/x"};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
        assert_int_equal(ask(b, "GET", nowhere[i], "", ""), 404);
    assert_int_equal(ask(b, "POST", "/orders", "", ""), 405);
    assert_int_equal(ask(b, "GET", "/orders/x/retry", "", ""), 405);
    assert_int_equal(ask(b, "DELETE", "/orders/x", "", ""), 405);
    assert_int_equal(ask(b, "GET", "/orders", "", "{}"), 400);
}

static void test_hostile_path_is_not_echoed_raw(void **state)
{
    struct bench *b = *state;
    char path[8192];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    path[0] = '/';
    assert_int_equal(ask(b, "GET", path, "", ""), 404);
    assert_int_equal(ask(b, "GET", "/\x1b[2J\xff", "", ""), 404);
    assert_null(strpbrk(json_string_value(json_object_get(b->json, "error")), "\x1b\xff"));
}

static void test_queries(void **state)
{
    static const char *const bad[] = {"limit=0",   "limit=1001", "limit=-1",        "limit=",
                                      "limit",     "limit=1x",   "limit=+1",        "after=",
                                      "after=abc", "after=zz",   "after=AB",        "colour=1",
                                      "since=1",   "=1",         "limit=5&limit=x", "limit=99999999999999999999",
                                      "%",         "limit=%3",   "state=held"};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (ask(b, "GET", "/orders", bad[i], "") != 400)
            fail_msg("%s is taken", bad[i]);
    }
    assert_int_equal(ask(b, "GET", "/orders", "limit=%31&after=00", ""), 200);
    assert_int_equal(json_array_size(json_object_get(b->json, "items")), 0);
    assert_true(json_is_null(json_object_get(b->json, "next")));
    assert_int_equal(ask(b, "GET", "/issuances", "state=held", ""), 200);
    assert_int_equal(ask(b, "GET", "/issuances", "state=heldd", ""), 400);
    assert_int_equal(ask(b, "GET", "/status", "limit=1", ""), 400);
}

static void test_bodies_of_backup(void **state)
{
    static const char *const bad[] = {"",
                                      "{}",
                                      "[]",
                                      "null",
                                      "{\"directory\":1}",
                                      "{\"directory\":\"relative\"}",
                                      "{\"directory\":\"/a\",\"more\":1}",
                                      "{\"directory\":\"/a\"} x",
                                      "{\"directory\":\"/a\",\"directory\":\"/b\"}",
                                      "{\"directory\":\"/a\\u0000b\"}"};
    struct bench *b = *state;
    char large[8192];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (ask(b, "POST", "/backup", "", bad[i]) != 400)
            fail_msg("%s is taken", bad[i]);
    }
    memset(large, ' ', sizeof large);
    large[sizeof large - 1] = '\0';
    assert_int_equal(ask(b, "POST", "/backup", "", large), 400);
    atomic_store(&b->admin.backing_up, true);
    assert_int_equal(ask(b, "POST", "/backup", "", "{\"directory\":\"/nonexistent/x\"}"), 409);
    atomic_store(&b->admin.backing_up, false);
    assert_int_equal(ask(b, "POST", "/backup", "", "{\"directory\":\"/nonexistent/x\"}"), 500);
    assert_false(atomic_load(&b->admin.backing_up));
}

/* ---- the audit ---- */

enum { LINES = 1203 }; /* more than two snapshots of scan */

static enum store_status write_lines(struct store_txn *txn, void *arg)
{
    struct acme_id account = {{1}};
    struct acme_names names = {0};
    (void)arg;
    for (int i = 0; i < LINES; i++) {
        char issuance[16];
        snprintf(issuance, sizeof issuance, "a%08d", i);
        struct audit_line line = {.what = i % 3 ? "replacement" : "purchase",
                                  .issuance = issuance,
                                  .policy = "p",
                                  .profile = "f",
                                  .login = i < 600 ? "first" : "second",
                                  .order_number = "",
                                  .certificate_id = "",
                                  .account = &account,
                                  .names = &names,
                                  .amount_cents = i % 3 ? 0 : 100};
        /* From 2026-01-31T23:59:59 on, one a second. */
        enum store_status status = audit_add(txn, &line, (1769903999u + (uint64_t)i) * 1000);
        if (status != STORE_OK)
            return status;
    }
    return STORE_OK;
}

static json_int_t number(const json_t *object, const char *key)
{
    assert_true(json_is_integer(json_object_get(object, key)));
    return json_integer_value(json_object_get(object, key));
}

static void test_cost(void **state)
{
    struct bench *b = *state;
    assert_int_equal(store_call(b->temp.store, write_lines, NULL), STORE_OK);
    assert_int_equal(ask(b, "GET", "/cost", "", ""), 200);
    json_t *items = json_object_get(b->json, "items");
    assert_int_equal(json_array_size(items), 3); /* January, February for two logins */
    json_int_t purchases = 0, replacements = 0, amount = 0;
    for (size_t i = 0; i < 3; i++) {
        const json_t *sum = json_array_get(items, i);
        purchases += number(sum, "purchases");
        replacements += number(sum, "replacements");
        amount += number(sum, "amount_cents");
    }
    assert_int_equal(purchases, LINES / 3);
    assert_int_equal(replacements, LINES - LINES / 3);
    assert_int_equal(amount, LINES / 3 * 100);
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "month")), "2026-01");
    assert_int_equal(number(json_array_get(items, 0), "purchases"), 1);
}

static void test_audit_in_pages(void **state)
{
    struct bench *b = *state;
    char query[700] = "limit=500";
    size_t sizes[3] = {500, 500, LINES - 1000};
    assert_int_equal(store_call(b->temp.store, write_lines, NULL), STORE_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ask(b, "GET", "/audit", query, ""), 200);
        assert_int_equal(json_array_size(json_object_get(b->json, "items")), sizes[i]);
        const char *next = json_string_value(json_object_get(b->json, "next"));
        assert_int_equal(next != NULL, i < 2);
        snprintf(query, sizeof query, "limit=500&after=%s", next ? next : "");
    }
    /* From the end, over more than two snapshots, and not beyond what is asked for. */
    assert_int_equal(ask(b, "GET", "/audit", "newest=1&limit=1000&since=1769904000000", ""), 200);
    assert_int_equal(number(json_array_get(json_object_get(b->json, "items"), 0), "time_ms"), 1769905201000);
    snprintf(query, sizeof query, "newest=1&limit=1000&since=1769904000000&after=%s",
             json_string_value(json_object_get(b->json, "next")));
    assert_int_equal(ask(b, "GET", "/audit", query, ""), 200);
    assert_int_equal(json_array_size(json_object_get(b->json, "items")), LINES - 1 - 1000);
    assert_true(json_is_null(json_object_get(b->json, "next")));
    assert_int_equal(ask(b, "GET", "/audit", "since=1769904000000&limit=1", ""), 200);
    assert_int_equal(number(json_array_get(json_object_get(b->json, "items"), 0), "time_ms"), 1769904000000);
}

/* ---- clients that gave up ---- */

enum { DAY_MIN = 24 * 60 };

static enum store_status write_certificates(struct store_txn *txn, void *arg)
{
    static const struct {
        uint8_t account;
        uint64_t age_min;
        uint64_t downloaded_s;
    } made[] = {{1, 61, 0}, {1, 3 * DAY_MIN, 0}, {2, 29 * DAY_MIN, 0}, {3, 120, 7}, {4, 59, 0}, {5, 31 * DAY_MIN, 0}};
    uint64_t now_ms = *(uint64_t *)arg;
    enum store_status status = STORE_OK;
    for (uint8_t i = 0; status == STORE_OK && i < sizeof made / sizeof *made; i++) {
        struct acme_certificate certificate = {.id = {{i, 1}},
                                               .account = {{made[i].account}},
                                               .serial = {i, 1},
                                               .serial_len = 2,
                                               .issued_ms = now_ms - made[i].age_min * MINUTE_MS,
                                               .downloaded_s = made[i].downloaded_s,
                                               .chain = (char[]){"x"},
                                               .certificate_id = (char[]){""},
                                               .issuance = (char[]){"i"}};
        status = acme_certificate_save(txn, &certificate);
    }
    return status;
}

static void test_clients_that_gave_up(void **state)
{
    struct bench *b = *state;
    uint64_t now_ms = 1769904000000u;
    assert_int_equal(store_call(b->temp.store, write_certificates, &now_ms), STORE_OK);
    struct store_txn *txn;
    assert_int_equal(store_read(b->temp.store, &txn), STORE_OK);
    b->json = patience_json(txn, now_ms);
    store_read_end(txn);
    assert_int_equal(number(b->json, "accounts"), 2);
    assert_int_equal(number(b->json, "certificates"), 3);
}

/* ---- logins ---- */

struct change {
    uint64_t pause_ms, push_ms, no_credit_ms, unshared_ms;
};

static enum store_status change_login(struct store_txn *txn, void *arg)
{
    const struct change *change = arg;
    if (change->no_credit_ms)
        return login_set_no_credit(txn, "main", change->no_credit_ms);
    if (change->unshared_ms)
        return login_set_unshared(txn, "main", change->unshared_ms);
    return change->push_ms ? login_note_push(txn, "main", change->push_ms)
                           : login_set_paused(txn, "main", change->pause_ms);
}

static struct login_record changed(struct bench *b, struct change change)
{
    struct login_record login;
    struct store_txn *txn;
    assert_int_equal(store_call(b->temp.store, change_login, &change), STORE_OK);
    assert_int_equal(store_read(b->temp.store, &txn), STORE_OK);
    assert_int_equal(login_load(txn, "main", &login), STORE_OK);
    store_read_end(txn);
    return login;
}

static void test_login_remembers_pause_and_push(void **state)
{
    struct bench *b = *state;
    const uint64_t hour = 3600 * 1000;
    struct login_record login = changed(b, (struct change){.push_ms = 10 * hour});
    assert_true(login.pushed_ms == 10 * hour && login.paused_ms == 0);
    login = changed(b, (struct change){.pause_ms = 7});
    assert_true(login.pushed_ms == 10 * hour && login.paused_ms == 7);
    login = changed(b, (struct change){.push_ms = 11 * hour - 1});
    assert_true(login.pushed_ms == 10 * hour); /* at most once an hour */
    login = changed(b, (struct change){.push_ms = 11 * hour});
    assert_true(login.pushed_ms == 11 * hour && login.paused_ms == 7);
    login = changed(b, (struct change){.pause_ms = 0});
    assert_true(login.paused_ms == 0 && login.pushed_ms == 11 * hour);
    login = changed(b, (struct change){.no_credit_ms = 5});
    login = changed(b, (struct change){.unshared_ms = 6});
    login = changed(b, (struct change){.unshared_ms = 9});
    assert_true(login.no_credit_ms == 5 && login.unshared_ms == 6 && login.pushed_ms == 11 * hour);
    login = changed(b, (struct change){.pause_ms = 0}); /* resume forgets both */
    assert_true(login.no_credit_ms == 0 && login.unshared_ms == 0 && login.pushed_ms == 11 * hour);
}

#define ADMIN_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(test_routes),
        ADMIN_TEST(test_hostile_path_is_not_echoed_raw),
        ADMIN_TEST(test_queries),
        ADMIN_TEST(test_bodies_of_backup),
        ADMIN_TEST(test_cost),
        ADMIN_TEST(test_audit_in_pages),
        ADMIN_TEST(test_clients_that_gave_up),
        ADMIN_TEST(test_login_remembers_pause_and_push),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
