/* Fronts: processes that have the store open beside its owner. Any of them changes it, one owns it, and who is replaced
 * as the owner commits nothing. */
#include "tests/postgresql/processes.h"

enum { AT_ONCE_MS = 500, KILLED_MS = 7000, REPLACED_MS = 11000 };

static void count_call(void *ctx)
{
    atomic_fetch_add((atomic_uint *)ctx, 1);
}

/* This process, as a front. */
struct front {
    struct store_share share;
    atomic_uint owned, told, differs;
    atomic_bool replaced;
    struct waiter waiter;
};

static void on_owned(void *ctx)
{
    count_call(&((struct front *)ctx)->owned);
}

static void on_told(void *ctx, struct store_slice what)
{
    if (what.len == 1 && what.data[0] == 'T')
        count_call(&((struct front *)ctx)->told);
}

static void on_differs(void *ctx, const char *name)
{
    atomic_store(&((struct front *)ctx)->differs, name != NULL);
}

static void on_replaced(void *ctx)
{
    atomic_store(&((struct front *)ctx)->replaced, true);
}

static void front_configure(struct fixture *f, struct front *front)
{
    *front = (struct front){.share = {on_owned, on_told, on_differs, front}};
    f->config.share = &front->share;
    f->config.replaced = on_replaced;
    f->config.replaced_ctx = front;
    f->config.wait = keep_waiting;
    f->config.wait_ctx = &front->waiter;
}

static void front_opens(struct fixture *f, struct front *front)
{
    front_configure(f, front);
    fixture_open(f);
}

/* What ends the fixture's own part in it. */
static void front_closes(struct fixture *f)
{
    fixture_close(f);
    f->config.share = NULL;
    f->config.wait = NULL;
}

static void await_count(atomic_uint *count, unsigned most_ms)
{
    uint64_t until_ms = clock_now_ms() + most_ms;
    while (atomic_load(count) == 0 && clock_now_ms() < until_ms)
        rest(5);
    assert_int_not_equal(atomic_load(count), 0);
}

static const struct store_share childs = {child_owned, child_hears, NULL, NULL};

static void test_two_that_change_it(void **state)
{
    struct fixture *f = *state;
    struct child owner;
    static struct front front;
    struct store_gateway list[STORE_GATEWAYS_MAX];
    unsigned count = 0;
    child_start_with(f, &owner, &childs);
    front_opens(f, &front);
    assert_false(store_owns(f->store));
    assert_int_equal(child_asked(&owner, 'O'), STORE_OK);
    assert_int_equal(child_asked(&owner, '1'), STORE_OK);
    assert_record(f, FRUIT, "a", "1");
    assert_int_equal(put(f, FRUIT, "a", "2"), STORE_OK);
    assert_record(f, FRUIT, "a", "2");
    assert_int_equal(child_asked(&owner, '3'), STORE_OK);
    assert_record(f, FRUIT, "a", "3");
    assert_int_equal(store_gateways(f->store, list, &count), STORE_OK);
    assert_int_equal(count, 2);
    assert_true(list[0].epoch > 0 && list[0].serves && list[1].epoch == 0 && list[1].serves);
    front_closes(f);
    assert_int_equal(child_end(&owner), 0);
    fixture_open(f);
    assert_record(f, FRUIT, "a", "3");
}

/* Each number is good once, whoever asks. */
/* As if those who did not leave had been gone for a while. */
static void forget_members(const struct fixture *f)
{
    char sql[256];
    snprintf(sql, sizeof sql, "UPDATE \"%s\".\"@members\" SET seen = now() - interval $$1 minute$$", f->path);
    ask_server(sql);
}

/* Who takes the store alone would not hear of what a front goes on storing. */
static void test_a_store_that_is_taken_beside_a_front(void **state)
{
    struct fixture *f = *state;
    struct child owner, front;
    child_start(f, &owner);
    child_start_with(f, &front, &childs);
    assert_int_equal(child_asked(&front, '1'), STORE_OK);
    kill(front.pid, SIGSTOP); /* else it takes the store over at once */
    assert_int_equal(child_end(&owner), 0);
    assert_int_equal(fixture_try_open(f), STORE_LOCKED);
    assert_non_null(strstr(f->reason, "serves beside it"));
    forget_members(f);
    fixture_open(f);
    assert_record(f, FRUIT, "a", "1");
    kill(front.pid, SIGKILL);
    assert_true(WIFSIGNALED(child_ended(&front)));
}

static void test_numbers(void **state)
{
    struct fixture *f = *state;
    struct child owner;
    static struct front front;
    child_start_with(f, &owner, &childs);
    front_opens(f, &front);
    assert_int_equal(store_once(f->store, 16, 0), STORE_OK);
    assert_int_equal(child_asked(&owner, 'N'), STORE_OK); /* 17 */
    assert_int_equal(child_asked(&owner, 'N'), STORE_EXISTS);
    assert_int_equal(store_once(f->store, 17, 0), STORE_EXISTS);
    assert_int_equal(store_once(f->store, 16, 0), STORE_EXISTS);
    assert_int_equal(store_once(f->store, 18, 18), STORE_OK);
    front_closes(f);
    assert_int_equal(child_end(&owner), 0);
    fixture_open(f);
    assert_int_equal(store_once(f->store, 18, 18), STORE_EXISTS);
}

static void on_jobs(void *ctx, uint64_t earliest_due_ms)
{
    if (earliest_due_ms == 1)
        count_call(ctx);
}

/* An owner hears of a front's jobs, and both of what the other tells. */
static void test_what_they_tell_each_other(void **state)
{
    struct fixture *f = *state;
    struct child other;
    static struct front owner;
    static atomic_uint jobs;
    child_fork(f, &other, &childs);
    front_opens(f, &owner);
    assert_true(store_owns(f->store));
    store_on_jobs(f->store, on_jobs, &jobs);
    child_begins(&other);
    assert_int_equal(child_asked(&other, 'O'), STORE_REFUSED);
    rest(AT_ONCE_MS); /* both listen */
    assert_int_equal(child_asked(&other, 'J'), STORE_OK);
    await_count(&jobs, AT_ONCE_MS);
    assert_int_equal(child_asked(&other, 'T'), STORE_OK);
    await_count(&owner.told, AT_ONCE_MS);
    store_tell(f->store, "H", 1);
    uint64_t until_ms = clock_now_ms() + AT_ONCE_MS;
    enum store_status heard = STORE_NOT_FOUND;
    while (heard != STORE_OK && clock_now_ms() < until_ms)
        heard = child_asked(&other, 'H');
    assert_int_equal(heard, STORE_OK);
    assert_int_equal(child_end(&other), 0);
}

static void test_digests(void **state)
{
    struct fixture *f = *state;
    struct child other;
    static struct front owner;
    child_fork(f, &other, &childs);
    front_opens(f, &owner);
    store_present(f->store, "there", "a digest");
    child_begins(&other);
    assert_int_equal(child_asked(&other, 'D'), STORE_OK);
    await_count(&owner.differs, PATIENCE_MS);
    assert_int_equal(child_end(&other), 0);
    uint64_t until_ms = clock_now_ms() + PATIENCE_MS;
    while (atomic_load(&owner.differs) != 0 && clock_now_ms() < until_ms)
        rest(50);
    assert_int_equal(atomic_load(&owner.differs), 0);
}

/* Its turn comes while it serves. Another front goes on, whoever owns the store. */
static void test_an_owner_that_is_killed(void **state)
{
    struct fixture *f = *state;
    struct child owner, other;
    static struct front front;
    child_start(f, &owner);
    child_fork(f, &other, &childs);
    front_opens(f, &front);
    assert_false(store_owns(f->store));
    child_begins(&other);
    assert_int_equal(child_asked(&owner, '1'), STORE_OK);
    kill(owner.pid, SIGKILL);
    assert_true(WIFSIGNALED(child_ended(&owner)));
    uint64_t until_ms = clock_now_ms() + KILLED_MS;
    bool others = false;
    while (!store_owns(f->store) && !others && clock_now_ms() < until_ms)
        others = child_asked(&other, 'O') == STORE_OK;
    assert_true(store_owns(f->store) != others);
    assert_int_equal(put(f, FRUIT, "a", "2"), STORE_OK);
    assert_int_equal(child_asked(&other, '3'), STORE_OK);
    assert_record(f, FRUIT, "a", "3");
    assert_true(others || atomic_load(&front.owned) == 1);
    assert_int_equal(child_end(&other), 0);
    await_count(&front.owned, PATIENCE_MS);
    assert_true(store_owns(f->store));
    assert_int_equal(put(f, FRUIT, "a", "4"), STORE_OK);
    assert_false(atomic_load(&front.replaced));
}

/* One that came to own it as a front is fenced off like any other owner, in the middle of a change. */
static void test_a_front_that_owned_it_for_a_while(void **state)
{
    struct fixture *f = *state;
    struct child first, second;
    static struct front front;
    child_start(f, &first);
    child_start_with(f, &second, &childs);
    assert_int_equal(child_asked(&second, 'O'), STORE_REFUSED);
    assert_int_equal(child_end(&first), 0);
    uint64_t until_ms = clock_now_ms() + PATIENCE_MS;
    while (child_asked(&second, 'O') != STORE_OK && clock_now_ms() < until_ms)
        rest(20);
    assert_int_equal(child_asked(&second, '1'), STORE_OK);
    front_opens(f, &front);
    child_tell(&second, 'S');
    int status;
    assert_int_equal(waitpid(second.pid, &status, WUNTRACED), second.pid);
    assert_true(WIFSTOPPED(status));
    await_count(&front.owned, REPLACED_MS);
    assert_int_equal(put(f, FRUIT, "a", "2"), STORE_OK);
    kill(second.pid, SIGCONT);
    status = child_end(&second);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), REPLACED_STATUS);
    assert_record(f, FRUIT, "a", "2");
}

/* What a take-over does to the owner's rows is done to this one's, too, before its heart knows of it. */
static void test_what_tells_a_front_that_owns_it(void **state)
{
    struct fixture *f = *state;
    struct child first, second;
    char sql[256];
    child_start(f, &first);
    child_start_with(f, &second, &childs);
    assert_int_equal(child_end(&first), 0);
    uint64_t until_ms = clock_now_ms() + PATIENCE_MS;
    while (child_asked(&second, 'O') != STORE_OK && clock_now_ms() < until_ms)
        rest(20);
    assert_int_equal(child_asked(&second, '1'), STORE_OK);
    snprintf(sql, sizeof sql, "UPDATE \"%s\".\"@writers\" SET owner = 4 WHERE slot < 4294967296", f->path);
    ask_server(sql);
    child_tell(&second, '2');
    int status = child_ended(&second);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), REPLACED_STATUS);
    fixture_open(f);
    assert_record(f, FRUIT, "a", "1");
}

/* A newer program has taken a step: what a front stores now would be read by other rules. */
static void test_a_step_to_another_schema(void **state)
{
    struct fixture *f = *state;
    struct child owner, other;
    static struct front front;
    char sql[256];
    child_start(f, &owner);
    for (int i = 0; i < 2; i++) {
        child_start_with(f, &other, &childs);
        assert_int_equal(child_asked(&other, '1'), STORE_OK);
        snprintf(sql, sizeof sql, "UPDATE \"%s\".\"@meta\" SET v = $$\\x0100000002$$ WHERE k = $$schema$$", f->path);
        ask_server(sql);
        if (i == 0)
            child_tell(&other, '2'); /* the other time it is noticed without a change */
        int status = child_ended(&other);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), REPLACED_STATUS);
        snprintf(sql, sizeof sql, "UPDATE \"%s\".\"@meta\" SET v = $$\\x0100000001$$ WHERE k = $$schema$$", f->path);
        ask_server(sql);
    }
    /* One of another schema waits in vain. */
    front_configure(f, &front);
    f->config.schema = 2;
    front.waiter.config = f->config;
    assert_int_equal(pthread_create(&front.waiter.thread, NULL, waiter_main, &front.waiter), 0);
    await_flag(&front.waiter.waiting);
    rest(AT_ONCE_MS);
    assert_false(atomic_load(&front.waiter.opened));
    atomic_store(&front.waiter.gives_up, true);
    waiter_joins(&front.waiter, STORE_CLOSED);
    assert_int_equal(child_end(&owner), 0);
    f->config.schema = 1;
    f->config.share = NULL;
    f->config.wait = NULL;
    forget_members(f);
    fixture_open(f);
    assert_record(f, FRUIT, "a", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_that_change_it, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_store_that_is_taken_beside_a_front, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_numbers, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_they_tell_each_other, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_digests, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_an_owner_that_is_killed, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_front_that_owned_it_for_a_while, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_tells_a_front_that_owns_it, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_step_to_another_schema, fixture_prepare, fixture_teardown),
    };
    return cmocka_run_group_tests_name("front", tests, NULL, NULL);
}
