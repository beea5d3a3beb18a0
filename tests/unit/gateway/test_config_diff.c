/* What one configuration has otherwise than another, and how long one lives that is in force. */
#include "config_fixture.h"

#include "gateway/config/current.h"
#include "gateway/config/diff.h"

static char told[8192];

static bool note(void *ctx, const struct config_change *change)
{
    size_t len = strlen(told);
    (void)ctx;
    snprintf(told + len, sizeof told - len, "%s: %s -> %s%s\n", change->path, change->was ? change->was : "-",
             change->is ? change->is : "-", change->restart ? " (restart)" : "");
    return true;
}

/* The base, and the base with one text in place of another. */
static void expect_change(void **state, const char *from, const char *to, const char *expected)
{
    struct config *was = load_base(*state, "", ""), *is = load_base(*state, from, to);
    told[0] = '\0';
    assert_true(config_diff(was, is, note, NULL));
    assert_string_equal(told, expected);
    config_free(was);
    config_free(is);
}

static void test_nothing_changes(void **state)
{
    expect_change(state, "", "", "");
}

static void test_values(void **state)
{
    expect_change(state, "log: debug\n", "", "log: debug -> info\n");
    expect_change(state, "limits: {account: 5}", "limits: {account: 6}", "acme.limits.account: 5 -> 6\n");
    expect_change(state, "hold_finalize: 1500ms", "hold_finalize: 2s", "acme.hold_finalize: 1500ms -> 2s\n");
    expect_change(state, "order_lifetime: 90m", "order_lifetime: 1d", "acme.order_lifetime: 90m -> 1d\n");
    expect_change(state, "http_port: 5002", "http_port: 5003", "validation.http_port: 5002 -> 5003\n");
    expect_change(state, "[http-01, dns-01]", "[dns-01]", "validation.challenges: [http-01, dns-01] -> [dns-01]\n");
    expect_change(state, "allow: [127.0.0.1, 10.0.0.0/8]", "allow: [127.0.0.1]",
                  "public.push.allow: [127.0.0.1, 10.0.0.0/8] -> [127.0.0.1]\n");
}

static void test_a_restart(void **state)
{
    expect_change(state, "map_size: 512MiB", "map_size: 1GiB", "store.map_size: 512MiB -> 1GiB (restart)\n");
    expect_change(state, "instance: gw1", "instance: gw2", "instance: gw1 -> gw2 (restart)\n");
}

/* By name, wherever they stand. */
static void test_records(void **state)
{
    expect_change(state, "    test: true\n", "", "logins[second].test: true -> false\n");
    expect_change(state, "    login: partner\n", "    login: other\n", "logins[main].login: partner -> other\n");
}

static void test_secrets_are_not_shown(void **state)
{
    struct fixture *f = *state;
    struct config *was = load_base(f, "", ""), *is = load_base(f, "", "");
    is->logins[0].password[0] = '!';
    free(is->public.push.password);
    is->public.push.password = NULL;
    told[0] = '\0';
    assert_true(config_diff(was, is, note, NULL));
    assert_string_equal(told, "public.push.password_file: (set) -> -\n"
                              "logins[main].password_file: (set) -> (another)\n");
    config_free(was);
    config_free(is);
}

static bool stop(void *ctx, const struct config_change *change)
{
    (void)change;
    ++*(unsigned *)ctx;
    return false;
}

static void test_it_ends_where_it_is_told_to(void **state)
{
    struct config *was = load_base(*state, "", ""), *is = load_base(*state, "", "");
    unsigned count = 0;
    is->acme.limits.account++;
    is->acme.limits.address++;
    assert_true(config_diff(was, is, stop, &count));
    assert_int_equal(count, 1);
    config_free(was);
    config_free(is);
}

/* Who has taken one reads it whatever comes after it; a sanitizer sees one that is freed too early, or never. */
static void test_one_that_is_taken_stays(void **state)
{
    struct config_current *current = config_current_make(load_base(*state, "", ""));
    assert_non_null(current);
    const struct config *first = config_take(current);
    config_replace(current, load_base(*state, "limits: {account: 5}", "limits: {account: 6}"));
    const struct config *second = config_take(current);
    assert_ptr_not_equal(first, second);
    assert_int_equal(first->acme.limits.account, 5);
    assert_int_equal(second->acme.limits.account, 6);
    config_drop(config_hold(first));
    assert_int_equal(first->acme.limits.account, 5);
    config_drop(first);
    config_current_free(current);
    assert_int_equal(second->acme.limits.account, 6);
    config_drop(second);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        with_files(test_nothing_changes),
        with_files(test_values),
        with_files(test_a_restart),
        with_files(test_records),
        with_files(test_secrets_are_not_shown),
        with_files(test_it_ends_where_it_is_told_to),
        with_files(test_one_that_is_taken_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
