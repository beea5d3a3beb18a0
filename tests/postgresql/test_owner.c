/* Several processes at one store: who waits takes over, at once or within ten seconds, and who was replaced commits
 * nothing. */
#include "tests/postgresql/processes.h"

/* GIVEN_UP_MS: less than the three seconds after which one that says nothing any more is replaced. */
enum { MOMENT_MS = 1000, SOON_MS = 1500, GIVEN_UP_MS = 2800, KILLED_MS = 6000, REPLACED_MS = 10000 };

/* ---- the cases ---- */

static void test_a_store_that_is_given_up(void **state)
{
    struct fixture *f = *state;
    struct child child;
    struct waiter waiter = {0};
    child_start(f, &child);
    waiter_start(f, &waiter);
    assert_int_equal(child_asked(&child, '1'), STORE_OK);
    uint64_t began_ms = clock_now_ms();
    assert_int_equal(child_end(&child), 0);
    assert_true(clock_now_ms() - began_ms + waiter_takes(f, &waiter) < GIVEN_UP_MS);
    assert_record(f, FRUIT, "a", "1");
    assert_int_equal(put(f, FRUIT, "a", "2"), STORE_OK);
}

static void test_an_owner_that_is_killed(void **state)
{
    struct fixture *f = *state;
    struct child child;
    struct waiter waiter = {0}, other = {0};
    child_start(f, &child);
    waiter_start(f, &waiter);
    assert_int_equal(child_asked(&child, '1'), STORE_OK);
    kill(child.pid, SIGKILL);
    assert_true(waiter_takes(f, &waiter) < KILLED_MS);
    assert_true(WIFSIGNALED(child_end(&child)));
    assert_record(f, FRUIT, "a", "1");
    assert_int_equal(put(f, FRUIT, "a", "2"), STORE_OK);
    /* And one more waits for this one, until it is told to stop. */
    waiter_start(f, &other);
    atomic_store(&other.gives_up, true);
    waiter_joins(&other, STORE_CLOSED);
    assert_record(f, FRUIT, "a", "2");
}

static void test_an_owner_that_is_stopped_for_a_while(void **state)
{
    struct fixture *f = *state;
    struct child child;
    struct waiter waiter = {0};
    child_start(f, &child);
    waiter_start(f, &waiter);
    assert_int_equal(child_asked(&child, '1'), STORE_OK);
    child_tell(&child, 'S');
    int status;
    assert_int_equal(waitpid(child.pid, &status, WUNTRACED), child.pid);
    assert_true(WIFSTOPPED(status));
    assert_true(waiter_takes(f, &waiter) < REPLACED_MS);
    assert_int_equal(put(f, FRUIT, "a", "2"), STORE_OK);
    kill(child.pid, SIGCONT);
    status = child_end(&child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_record(f, FRUIT, "a", "2");
}

/* Somebody else's word, in one of the two places alone. */
static void test_what_tells_the_owner(void **state)
{
    static const char *const tables[] = {"@writers", "@owner"};
    struct fixture *f = *state;
    char sql[256];
    for (int i = 0; i < 2; i++) {
        struct child child;
        child_start(f, &child);
        assert_int_equal(child_asked(&child, '1'), STORE_OK);
        snprintf(sql, sizeof sql, "UPDATE \"%s\".\"%s\" SET owner = 4", f->path, tables[i]);
        ask_server(sql);
        if (i == 0)
            child_tell(&child, '2'); /* the other is noticed without a change */
        int status = child_ended(&child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 7);
        fixture_open(f);
        assert_record(f, FRUIT, "a", "1");
        fixture_close(f);
    }
}

/* As after a failover of the server: the owner's lock went with its session. It keeps the store, and takes the lock
 * anew. */
static void test_a_lock_that_is_lost(void **state)
{
    struct fixture *f = *state;
    struct child child;
    struct waiter waiter = {0};
    struct store *second;
    child_start(f, &child);
    waiter_start(f, &waiter);
    for (int i = 0; i < 2; i++) {
        kill(child.pid, SIGSTOP); /* it needs a moment to take the lock anew, and is given it */
        ask_server(i == 0 ? "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = $$advisory$$"
                          : "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
                            "$$acmegate$$");
        rest(MOMENT_MS);
        assert_false(atomic_load(&waiter.opened));
        kill(child.pid, SIGCONT);
        assert_int_equal(child_asked(&child, '1'), STORE_OK);
        rest(SOON_MS);
        assert_false(atomic_load(&waiter.opened));
    }
    assert_int_equal(store_open(&f->config, &second, f->reason), STORE_LOCKED);
    assert_non_null(strstr(f->reason, "another gateway"));
    assert_int_equal(child_asked(&child, '3'), STORE_OK);
    assert_false(atomic_load(&waiter.opened));
    assert_int_equal(child_end(&child), 0);
    waiter_takes(f, &waiter);
    assert_record(f, FRUIT, "a", "3");
}

/* Both wait for the same owner: one of them takes over, and the other goes on waiting. */
static void test_two_who_wait(void **state)
{
    struct fixture *f = *state;
    struct child child;
    static struct waiter waiters[2];
    child_start(f, &child);
    waiter_start(f, &waiters[0]);
    waiter_start(f, &waiters[1]);
    assert_int_equal(child_end(&child), 0);
    uint64_t until_ms = clock_now_ms() + PATIENCE_MS;
    while (!atomic_load(&waiters[0].opened) && !atomic_load(&waiters[1].opened) && clock_now_ms() < until_ms)
        rest(10);
    rest(SOON_MS);
    struct waiter *first = &waiters[atomic_load(&waiters[1].opened)], *second = &waiters[first == waiters];
    assert_false(atomic_load(&second->opened));
    waiter_joins(first, STORE_OK);
    assert_int_equal(store_call(first->store, pair_put, &(struct pair){FRUIT, "a", "1"}), STORE_OK);
    store_close(first->store);
    assert_true(waiter_takes(f, second) < GIVEN_UP_MS);
    assert_record(f, FRUIT, "a", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_store_that_is_given_up, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_an_owner_that_is_killed, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_an_owner_that_is_stopped_for_a_while, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_tells_the_owner, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_lock_that_is_lost, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_two_who_wait, fixture_prepare, fixture_teardown),
    };
    return cmocka_run_group_tests_name("owner", tests, NULL, NULL);
}
