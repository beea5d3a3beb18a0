#include "fixture.h"

struct change {
    bool clear;
    uint8_t kind;
    const char *subject;
    uint64_t due_ms;
    enum store_status after; /* what the function returns when all went well */
};

static enum store_status apply(struct store_txn *txn, void *arg)
{
    const struct change *c = arg;
    enum store_status status = c->clear ? store_job_clear(txn, c->kind, c->subject, strlen(c->subject))
                                        : store_job_set(txn, c->kind, c->subject, strlen(c->subject), c->due_ms);
    return status == STORE_OK ? c->after : status;
}

static enum store_status set(struct fixture *f, uint8_t kind, const char *subject, uint64_t due_ms)
{
    return store_call(f->store, apply, &(struct change){.kind = kind, .subject = subject, .due_ms = due_ms});
}

static enum store_status clear(struct fixture *f, uint8_t kind, const char *subject)
{
    return store_call(f->store, apply, &(struct change){.clear = true, .kind = kind, .subject = subject});
}

struct list {
    char text[256];
    unsigned limit;
};

static bool on_job(void *ctx, const struct store_job *job)
{
    struct list *list = ctx;
    size_t len = strlen(list->text);
    snprintf(list->text + len, sizeof list->text - len, "%llu:%u:%.*s ", (unsigned long long)job->due_ms, job->kind,
             job->subject_len, (const char *)job->subject);
    return --list->limit > 0;
}

static void assert_jobs(struct fixture *f, unsigned limit, const char *expected)
{
    struct store_txn *txn;
    struct list list = {.limit = limit};
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    assert_int_equal(store_jobs(txn, on_job, &list), STORE_OK);
    store_read_end(txn);
    assert_string_equal(list.text, expected);
}

static enum store_status due_of(struct fixture *f, uint8_t kind, const char *subject, uint64_t *due_ms)
{
    struct store_txn *txn;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    enum store_status status = store_job_get(txn, kind, subject, strlen(subject), due_ms);
    store_read_end(txn);
    return status;
}

static void test_order_of_due_time(void **state)
{
    struct fixture *f = *state;
    assert_jobs(f, 99, "");
    set(f, 1, "late", UINT64_MAX);
    set(f, 2, "x", 256); /* a little-endian key would put it before 1 */
    set(f, 1, "x", 256);
    set(f, 1, "first", 1);
    set(f, 1, "w", 255);
    assert_jobs(f, 99, "1:1:first 255:1:w 256:1:x 256:2:x 18446744073709551615:1:late ");
    assert_jobs(f, 2, "1:1:first 255:1:w ");
}

static void test_move(void **state)
{
    struct fixture *f = *state;
    uint64_t due_ms = 0;
    set(f, 1, "a", 100);
    set(f, 1, "b", 200);
    set(f, 1, "a", 300);
    assert_jobs(f, 99, "200:1:b 300:1:a ");
    assert_int_equal(due_of(f, 1, "a", &due_ms), STORE_OK);
    assert_int_equal(due_ms, 300);
    set(f, 1, "a", 300); /* again the same */
    assert_jobs(f, 99, "200:1:b 300:1:a ");
}

static void test_clear(void **state)
{
    struct fixture *f = *state;
    uint64_t due_ms = 0;
    set(f, 1, "a", 100);
    set(f, 2, "a", 100);
    assert_int_equal(clear(f, 1, "a"), STORE_OK);
    assert_int_equal(clear(f, 1, "a"), STORE_NOT_FOUND);
    assert_int_equal(due_of(f, 1, "a", &due_ms), STORE_NOT_FOUND);
    assert_jobs(f, 99, "100:2:a ");
}

static void test_survive_a_restart(void **state)
{
    struct fixture *f = *state;
    set(f, 9, "order", 1234567890123);
    fixture_reopen(f);
    assert_jobs(f, 99, "1234567890123:9:order ");
}

static void test_subject_length(void **state)
{
    struct fixture *f = *state;
    char subject[STORE_SUBJECT_MAX + 2];
    uint64_t due_ms;
    memset(subject, 's', sizeof subject - 1);
    subject[sizeof subject - 1] = '\0';
    assert_int_equal(set(f, 1, subject, 1), STORE_INVALID);
    assert_int_equal(set(f, 1, "", 1), STORE_INVALID);
    assert_int_equal(clear(f, 1, ""), STORE_INVALID);
    assert_int_equal(due_of(f, 1, subject, &due_ms), STORE_INVALID);
    assert_int_equal(set(f, 1, subject + 1, 7), STORE_OK);
    assert_int_equal(due_of(f, 1, subject + 1, &due_ms), STORE_OK);
    assert_int_equal(due_ms, 7);
}

static void test_subjects_with_a_common_prefix(void **state)
{
    struct fixture *f = *state;
    set(f, 1, "ab", 1);
    set(f, 1, "a", 1);
    assert_int_equal(clear(f, 1, "a"), STORE_OK);
    assert_jobs(f, 99, "1:1:ab ");
}

/* ---- who hears of it ---- */

struct heard {
    unsigned times;
    uint64_t earliest_due_ms;
};

static void on_jobs(void *ctx, uint64_t earliest_due_ms)
{
    struct heard *heard = ctx;
    heard->times++;
    heard->earliest_due_ms = earliest_due_ms;
}

static void test_told_after_commit(void **state)
{
    struct fixture *f = *state;
    struct heard heard = {0};
    store_on_jobs(f->store, on_jobs, &heard);
    set(f, 1, "a", 500);
    assert_int_equal(heard.times, 1);
    assert_int_equal(heard.earliest_due_ms, 500);
    put(f, FRUIT, "no", "job");
    clear(f, 1, "a");
    assert_int_equal(heard.times, 1);
}

static void test_not_told_of_what_was_undone(void **state)
{
    struct fixture *f = *state;
    struct heard heard = {0};
    store_on_jobs(f->store, on_jobs, &heard);
    struct change refused = {.kind = 1, .subject = "a", .due_ms = 1, .after = STORE_REFUSED};
    assert_int_equal(store_call(f->store, apply, &refused), STORE_REFUSED);
    assert_int_equal(heard.times, 0);
    assert_jobs(f, 99, "");
}

static void test_told_once_for_a_batch(void **state)
{
    struct fixture *f = *state;
    struct heard heard = {0};
    struct event done = EVENT_INITIALIZER;
    struct gate gate = GATE_INITIALIZER;
    struct tracked ops[3];
    struct change changes[3] = {
        {.kind = 1, .subject = "a", .due_ms = 30},
        {.kind = 1, .subject = "b", .due_ms = 10, .after = STORE_REFUSED},
        {.kind = 1, .subject = "c", .due_ms = 20},
    };
    store_on_jobs(f->store, on_jobs, &heard);
    gate_close(f, &gate, &done);
    for (int i = 0; i < 3; i++)
        tracked_submit(f, &ops[i], apply, &changes[i], &done);
    gate_open(&gate);
    event_wait(&done, 4);
    assert_int_equal(heard.times, 1);
    assert_int_equal(heard.earliest_due_ms, 20);
    assert_jobs(f, 99, "20:1:c 30:1:a ");
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_store(test_order_of_due_time),
        with_store(test_move),
        with_store(test_clear),
        with_store(test_survive_a_restart),
        with_store(test_subject_length),
        with_store(test_subjects_with_a_common_prefix),
        with_store(test_told_after_commit),
        with_store(test_not_told_of_what_was_undone),
        with_store(test_told_once_for_a_batch),
    };
    return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
