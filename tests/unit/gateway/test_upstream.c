/* upstream: what becomes of calls on the egress thread: answered, lost, never left; and what a login's answers mean for
 * the next call. issuance.md section 5, "the login". */
#include "tests/unit/sectigo/tls_server.h"

#include "gateway/clock.h"
#include "gateway/issue/upstream/upstream.h"
#include "gateway/metrics/metrics.h"

#include "egress_world.h"

#define TEXT(text) ((char *)(uintptr_t)(text))

enum { BREAKS_AFTER = 10 }; /* calls in a row that were lost */

struct fixture {
    struct world world;
    struct server server;
    struct config_login login;
    struct config config;
    struct upstream *upstream;
    char url[64];
};

/* A call, posted to the egress thread and waited for. */
struct call {
    struct fixture *f;
    enum sectigo_call_kind kind;
    const char *why_not; /* what the last moment says; NULL: it may leave */
    struct egress_post post;
    struct ending ending;
    enum upstream_outcome outcome;
    char text[256]; /* the body, or the reason */
    uint64_t again_ms;
};

static void on_reply(void *ctx, const struct upstream_reply *reply)
{
    struct call *call = ctx;
    call->outcome = reply->outcome;
    call->again_ms = reply->again_ms;
    snprintf(call->text, sizeof call->text, "%s", reply->outcome == UPSTREAM_ANSWERED ? reply->body : reply->reason);
    ending_come(&call->ending);
}

static const char *may_leave(void *ctx)
{
    return ((struct call *)ctx)->why_not;
}

static void send_call(void *ctx)
{
    struct call *call = ctx;
    struct sectigo_form form = {0};
    struct upstream_login *login = upstream_login(call->f->upstream, &call->f->login);
    sectigo_form_add(&form, "orderNumber", "1");
    if (call->kind == SECTIGO_AUTO_APPLY_ORDER)
        upstream_send(login, call->kind, &form, may_leave, 30000, on_reply, call);
    else
        upstream_call(login, call->kind, &form, on_reply, call);
}

static enum upstream_outcome makes(struct fixture *f, struct call *call, enum sectigo_call_kind kind)
{
    *call = (struct call){.f = f, .kind = kind, .why_not = call->why_not};
    ending_start(&call->ending);
    world_post(&f->world, &call->post, send_call, call);
    ending_wait(&call->ending);
    assert_int_equal(call->ending.times, 1);
    return call->outcome;
}

static void set_up(struct fixture *f, enum behaviour behaviour, const char *reply)
{
    static const struct dns_row no_rows[] = {{0}};
    char reason[UPSTREAM_REASON_MAX] = "";
    memset(f, 0, sizeof *f);
    start_server(&f->server, behaviour, reply);
    world_start(&f->world, no_rows);
    snprintf(f->url, sizeof f->url, "https://127.0.0.1:%u", f->server.port);
    f->login = (struct config_login){.name = TEXT("main"),
                                     .url = f->url,
                                     .login = TEXT("partner"),
                                     .password = TEXT("secret"),
                                     .ca_file = ca_file,
                                     .trust_anchors = ca_file,
                                     .connect_timeout_ms = 20000,
                                     .timeout_ms = 20000};
    f->config = (struct config){.logins = &f->login, .login_count = 1, .issuance = {.later_ms = 60000}};
    f->upstream = upstream_make(&f->config, f->world.egress, reason);
    assert_string_equal(reason, "");
}

static void tear_down(struct fixture *f)
{
    egress_stop(f->world.egress, 5000);
    upstream_free(f->upstream);
    egress_free(f->world.egress);
    dns_peer_stop(&f->world.dns);
    stop_server(&f->server);
}

static int requests(struct fixture *f)
{
    return atomic_load(&f->server.requests);
}

static struct upstream_login *login_of(struct fixture *f)
{
    return upstream_login(f->upstream, &f->login);
}

static void test_answered(void **state)
{
    struct fixture f;
    struct call call = {0};
    (void)state;
    set_up(&f, ANSWER, "errorCode=0&orderNumber=1");
    assert_int_equal(upstream_login_contact(login_of(&f)), UPSTREAM_NOT_ASKED);
    assert_int_equal(makes(&f, &call, SECTIGO_AUTO_APPLY_ORDER), UPSTREAM_ANSWERED);
    assert_string_equal(call.text, "errorCode=0&orderNumber=1");
    assert_int_equal(upstream_login_contact(login_of(&f)), UPSTREAM_IN_CONTACT);
    assert_int_equal(requests(&f), 1);
    tear_down(&f);
}

/* The last word before it leaves is the caller's. */
static void test_what_may_not_leave_does_not(void **state)
{
    struct fixture f;
    struct call call = {.why_not = "it is too late for it"};
    (void)state;
    set_up(&f, ANSWER, "errorCode=0");
    assert_int_equal(makes(&f, &call, SECTIGO_AUTO_APPLY_ORDER), UPSTREAM_NEVER_LEFT);
    assert_non_null(strstr(call.text, "it is too late for it"));
    assert_int_equal(requests(&f), 0);
    tear_down(&f);
}

/* -16: no call leaves any more, so that the account is not locked, until somebody says that it is mended. */
static void test_a_refused_login_is_let_be(void **state)
{
    struct fixture f;
    struct call call = {0};
    (void)state;
    set_up(&f, ANSWER, "errorCode=-16&errorMessage=Permission+denied");
    assert_int_equal(makes(&f, &call, SECTIGO_COLLECT_SSL), UPSTREAM_ANSWERED);
    assert_true(upstream_login_refused(login_of(&f)));
    assert_int_equal(makes(&f, &call, SECTIGO_AUTO_APPLY_ORDER), UPSTREAM_NEVER_LEFT);
    assert_int_equal(makes(&f, &call, SECTIGO_COLLECT_SSL), UPSTREAM_NEVER_LEFT);
    assert_int_equal(requests(&f), 1);
    f.server.reply = "errorCode=0";
    upstream_login_reopen(login_of(&f));
    assert_int_equal(makes(&f, &call, SECTIGO_AUTO_APPLY_ORDER), UPSTREAM_ANSWERED);
    assert_false(upstream_login_refused(login_of(&f)));
    assert_int_equal(requests(&f), 2);
    tear_down(&f);
}

static void test_the_breaker_opens_after_ten(void **state)
{
    struct fixture f;
    struct call call = {0};
    (void)state;
    set_up(&f, NO_REPLY, "");
    for (int i = 0; i < BREAKS_AFTER; i++) {
        assert_false(upstream_login_broken(login_of(&f)));
        assert_int_equal(makes(&f, &call, SECTIGO_AUTO_APPLY_ORDER), UPSTREAM_LOST);
    }
    assert_true(upstream_login_broken(login_of(&f)));
    assert_int_equal(upstream_login_contact(login_of(&f)), UPSTREAM_UNREACHABLE);
    assert_int_equal(makes(&f, &call, SECTIGO_AUTO_APPLY_ORDER), UPSTREAM_NEVER_LEFT);
    assert_true(call.again_ms > 0);
    assert_int_equal(requests(&f), BREAKS_AFTER);
    f.server.behaviour = ANSWER;
    f.server.reply = "errorCode=0";
    upstream_login_reopen(login_of(&f));
    assert_int_equal(makes(&f, &call, SECTIGO_AUTO_APPLY_ORDER), UPSTREAM_ANSWERED);
    assert_false(upstream_login_broken(login_of(&f)));
    tear_down(&f);
}

static void test_nothing_leaves_once_it_stops(void **state)
{
    struct fixture f;
    struct call call = {0};
    (void)state;
    set_up(&f, ANSWER, "errorCode=0");
    upstream_stop(f.upstream);
    assert_int_equal(makes(&f, &call, SECTIGO_AUTO_APPLY_ORDER), UPSTREAM_NEVER_LEFT);
    assert_int_equal(makes(&f, &call, SECTIGO_COLLECT_SSL), UPSTREAM_NEVER_LEFT);
    assert_int_equal(requests(&f), 0);
    tear_down(&f);
}

static void change(struct fixture *f)
{
    char reason[UPSTREAM_REASON_MAX] = "";
    struct upstream_terms *terms = upstream_prepare(f->upstream, &f->config, reason);
    assert_string_equal(reason, "");
    upstream_adopt(f->upstream, terms);
}

/* What Sectigo made of the login, and how much of its minute it has used, is not forgotten over a reload. */
static void test_a_changed_login_is_the_same(void **state)
{
    struct fixture f;
    struct call call = {0};
    (void)state;
    set_up(&f, ANSWER, "errorCode=-16");
    f.login.calls_per_minute = 2;
    change(&f);
    struct upstream_login *login = login_of(&f);
    makes(&f, &call, SECTIGO_AUTO_APPLY_ORDER);
    assert_true(upstream_login_refused(login));
    f.login.password = TEXT("another");
    change(&f);
    assert_ptr_equal(login_of(&f), login);
    assert_true(upstream_login_refused(login));
    int before = requests(&f);
    assert_int_equal(makes(&f, &call, SECTIGO_AUTO_APPLY_ORDER), UPSTREAM_NEVER_LEFT);
    assert_int_equal(requests(&f), before);
    tear_down(&f);
}

/* Nothing of one endpoint is ever sent to another: that is another login, of which nothing is known. */
static void test_a_login_of_another_endpoint_is_another(void **state)
{
    struct fixture f;
    struct call call = {0};
    char url[] = "https://ca.example";
    (void)state;
    set_up(&f, ANSWER, "errorCode=-16");
    struct upstream_login *login = login_of(&f);
    makes(&f, &call, SECTIGO_AUTO_APPLY_ORDER);
    f.login.url = url;
    assert_null(login_of(&f)); /* not in force yet */
    change(&f);
    assert_non_null(login_of(&f));
    assert_ptr_not_equal(login_of(&f), login);
    assert_true(upstream_login_refused(login));
    assert_false(upstream_login_refused(login_of(&f)));
    f.login.url = f.url;
    assert_ptr_equal(login_of(&f), login);
    tear_down(&f);
}

static void test_a_bad_change_changes_nothing(void **state)
{
    struct fixture f;
    struct call call = {0};
    char reason[UPSTREAM_REASON_MAX] = "";
    (void)state;
    set_up(&f, ANSWER, "errorCode=0&orderNumber=1");
    f.login.trust_anchors = TEXT("/nonexistent/roots.pem");
    assert_null(upstream_prepare(f.upstream, &f.config, reason));
    assert_non_null(strstr(reason, "login main: trust_anchors: /nonexistent/roots.pem"));
    assert_int_equal(makes(&f, &call, SECTIGO_AUTO_APPLY_ORDER), UPSTREAM_ANSWERED);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answered),
        cmocka_unit_test(test_what_may_not_leave_does_not),
        cmocka_unit_test(test_a_refused_login_is_let_be),
        cmocka_unit_test(test_the_breaker_opens_after_ten),
        cmocka_unit_test(test_nothing_leaves_once_it_stops),
        cmocka_unit_test(test_a_changed_login_is_the_same),
        cmocka_unit_test(test_a_login_of_another_endpoint_is_another),
        cmocka_unit_test(test_a_bad_change_changes_nothing),
    };
    (void)bind_on_loopback;
    if (!clock_open())
        return 1;
    return cmocka_run_group_tests(tests, make_certificates, drop_certificates);
}
