/* compact: the file shrinks, what is in it stays, for who reads and writes meanwhile too; and whatever kills it, at
 * each of the things that it does to a file, nothing is lost. LMDB's own: the other engines refuse. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { RECORDS = 4000, KEPT_EVERY = 20 };

/* ---- the process kills itself before the nth thing that it does to a file ---- */

/* These stand before the C library's, for our code and LMDB's. -1: none is counted. */
static atomic_int things_left = -1;

static void count_thing(void)
{
    if (atomic_load(&things_left) > 0 && atomic_fetch_sub(&things_left, 1) == 1)
        syscall(SYS_kill, (pid_t)syscall(SYS_getpid), SIGKILL);
}

int fsync(int fd)
{
    count_thing();
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    count_thing();
    return (int)syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to)
{
    count_thing();
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int unlink(const char *path)
{
    count_thing();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

ssize_t write(int fd, const void *data, size_t len)
{
    count_thing();
    return syscall(SYS_write, fd, data, len);
}

/* ---- what is in it ---- */

static void name_of(unsigned i, char key[static 32])
{
    snprintf(key, 32, "record-%06u", i);
}

static enum store_status fill(struct store_txn *txn, void *arg)
{
    char key[32], value[400];
    enum store_status status = STORE_OK;
    (void)arg;
    memset(value, 'v', sizeof value);
    for (unsigned i = 0; status == STORE_OK && i < RECORDS; i++) {
        name_of(i, key);
        memcpy(value, key, strlen(key));
        status = store_put(txn, FRUIT, key, strlen(key), value, sizeof value);
    }
    return status == STORE_OK ? store_job_set(txn, 7, "subject", 7, 1234) : status;
}

static enum store_status thin_out(struct store_txn *txn, void *arg)
{
    char key[32];
    enum store_status status = STORE_OK;
    (void)arg;
    for (unsigned i = 0; status == STORE_OK && i < RECORDS; i++) {
        name_of(i, key);
        if (i % KEPT_EVERY != 0)
            status = store_delete(txn, FRUIT, key, strlen(key));
    }
    return status;
}

static void make_room(struct fixture *f)
{
    assert_int_equal(store_call(f->store, fill, NULL), STORE_OK);
    assert_int_equal(store_call(f->store, thin_out, NULL), STORE_OK);
}

static void check_all(struct fixture *f)
{
    char key[32];
    struct store_txn *txn;
    struct store_slice value;
    uint64_t due_ms;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    assert_int_equal(store_count(txn, FRUIT), RECORDS / KEPT_EVERY);
    for (unsigned i = 0; i < RECORDS; i += KEPT_EVERY) {
        name_of(i, key);
        assert_int_equal(store_get(txn, FRUIT, key, strlen(key), &value), STORE_OK);
        assert_int_equal(value.len, 400);
        assert_memory_equal(value.data, key, strlen(key));
    }
    assert_int_equal(store_job_get(txn, 7, "subject", 7, &due_ms), STORE_OK);
    assert_int_equal(due_ms, 1234);
    store_read_end(txn);
}

static enum store_status compact(struct fixture *f, uint64_t *before, uint64_t *after)
{
    enum store_status status = store_compact(f->store, before, after, f->reason);
    if (status != STORE_OK)
        print_message("%s\n", f->reason);
    return status;
}

static uint64_t copied_ms(struct fixture *f)
{
    struct store_txn *txn;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    uint64_t ms = store_copied_ms(txn);
    store_read_end(txn);
    return ms;
}

static bool has_file(const struct fixture *f, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    return access(path, F_OK) == 0;
}

/* ---- it shrinks ---- */

static void test_it_shrinks_and_stays_what_it_is(void **state)
{
    struct fixture *f = *state;
    uint64_t before, after;
    char identity[STORE_IDENTITY_SIZE], then[STORE_IDENTITY_SIZE];
    make_room(f);
    assert_int_equal(store_identity(f->store, identity), STORE_OK);
    assert_int_equal(compact(f, &before, &after), STORE_OK);
    assert_true(after < before / 4);
    check_all(f);
    assert_int_equal(copied_ms(f), 0);
    assert_int_equal(store_identity(f->store, then), STORE_OK);
    assert_string_equal(identity, then);
    assert_int_equal(put(f, FRUIT, "afterwards", "yes"), STORE_OK);
    assert_false(has_file(f, "data.mdb.compact"));
    fixture_reopen(f);
    assert_record(f, FRUIT, "afterwards", "yes");
    assert_int_equal(copied_ms(f), 0);
    assert_int_equal(compact(f, &before, &after), STORE_OK);
    assert_record(f, FRUIT, "afterwards", "yes");
}

/* What was not settled of a copy is not settled by writing it anew. */
static void test_a_copy_stays_one(void **state)
{
    struct fixture *f = *state;
    char copy[128];
    uint64_t before, after;
    make_room(f);
    snprintf(copy, sizeof copy, "%s/copy", f->folder);
    assert_int_equal(store_backup(f->store, copy, f->reason), STORE_OK);
    fixture_close(f);
    f->config.path = copy;
    fixture_open(f);
    uint64_t ms = copied_ms(f);
    assert_true(ms > 0);
    assert_int_equal(compact(f, &before, &after), STORE_OK);
    assert_int_equal(copied_ms(f), ms);
    check_all(f);
}

/* ---- beside others ---- */

static void test_it_gives_way_to_who_reads_for_long(void **state)
{
    struct fixture *f = *state;
    uint64_t before, after;
    struct store_txn *txn;
    make_room(f);
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    assert_int_equal(store_compact(f->store, &before, &after, f->reason), STORE_REFUSED);
    assert_non_null(strstr(f->reason, "try again"));
    assert_int_equal(store_count(txn, FRUIT), RECORDS / KEPT_EVERY);
    store_read_end(txn);
    assert_false(has_file(f, "data.mdb.compact"));
    assert_int_equal(compact(f, &before, &after), STORE_OK);
    check_all(f);
}

struct traffic {
    struct fixture *f;
    atomic_bool stop;
    atomic_uint written, read;
};

static enum store_status put_number(struct store_txn *txn, void *arg)
{
    const unsigned *number = arg;
    return store_put(txn, COLOURS, number, sizeof *number, "x", 1);
}

static void *keep_writing(void *arg)
{
    struct traffic *t = arg;
    for (unsigned i = 0; !atomic_load(&t->stop); i++) {
        if (store_call(t->f->store, put_number, &i) != STORE_OK)
            return arg;
        atomic_store(&t->written, i + 1);
    }
    return NULL;
}

/* Sees what was acknowledged before it began. */
static void *keep_reading(void *arg)
{
    struct traffic *t = arg;
    while (!atomic_load(&t->stop)) {
        struct store_txn *txn;
        unsigned written = atomic_load(&t->written);
        if (store_read(t->f->store, &txn) != STORE_OK)
            return arg;
        bool good = store_count(txn, COLOURS) >= written && store_count(txn, FRUIT) == RECORDS / KEPT_EVERY;
        store_read_end(txn);
        if (!good)
            return arg;
        atomic_fetch_add(&t->read, 1);
    }
    return NULL;
}

static void test_nobody_beside_it_notices(void **state)
{
    struct fixture *f = *state;
    struct traffic t = {.f = f};
    pthread_t threads[4];
    void *failed;
    uint64_t before, after;
    make_room(f);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i == 0 ? keep_writing : keep_reading, &t), 0);
    for (unsigned i = 0; i < 10; i++) {
        unsigned written = atomic_load(&t.written), read = atomic_load(&t.read);
        assert_int_equal(compact(f, &before, &after), STORE_OK);
        while (atomic_load(&t.written) == written || atomic_load(&t.read) == read)
            usleep(100); /* each goes on before the next */
    }
    atomic_store(&t.stop, true);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    check_all(f);
    struct store_txn *txn;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    assert_int_equal(store_count(txn, COLOURS), atomic_load(&t.written));
    store_read_end(txn);
}

/* ---- what goes wrong ---- */

static void test_a_full_disk(void **state)
{
    struct fixture *f = *state;
    uint64_t before, after;
    struct rlimit unlimited, little;
    make_room(f);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    little = unlimited;
    little.rlim_cur = 16384;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    enum store_status status = store_compact(f->store, &before, &after, f->reason);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    assert_int_not_equal(status, STORE_OK);
    assert_non_null(strstr(f->reason, "stays as it is"));
    assert_false(has_file(f, "data.mdb.compact"));
    check_all(f);
    assert_int_equal(put(f, FRUIT, "afterwards", "yes"), STORE_OK);
    assert_int_equal(compact(f, &before, &after), STORE_OK);
    assert_record(f, FRUIT, "afterwards", "yes");
}

/* In a child, whose store is a copy of its own. 0: it came to its end. */
static int compact_killed(struct fixture *f, int nth)
{
    int status;
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        uint64_t before, after;
        if (store_open(&f->config, &f->store, f->reason) != STORE_OK)
            _exit(2);
        atomic_store(&things_left, nth);
        enum store_status done = store_compact(f->store, &before, &after, f->reason);
        atomic_store(&things_left, -1);
        _exit(done == STORE_OK ? 0 : 3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_a_kill_at_each_step(void **state)
{
    struct fixture *f = *state;
    int nth = 0;
    f->config.nosync = false;
    fixture_reopen(f);
    make_room(f);
    for (int killed = SIGKILL; killed != 0;) {
        fixture_close(f);
        killed = compact_killed(f, ++nth);
        fixture_open(f);
        check_all(f);
        assert_false(has_file(f, "data.mdb.compact"));
        assert_int_equal(copied_ms(f), 0);
        make_room(f); /* there is something to leave out again, and it takes it */
        check_all(f);
    }
    assert_in_range(nth, 6, 1000); /* written, synced, unlinked, renamed, synced, and then opened again */
}

static void test_other_engines_refuse(void **state)
{
    struct fixture *f = *state;
    uint64_t before, after;
    f->config.engine = STORE_MEMORY;
    fixture_open(f);
    assert_int_equal(store_compact(f->store, &before, &after, f->reason), STORE_REFUSED);
    assert_non_null(strstr(f->reason, "keeps itself small"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_shrinks_and_stays_what_it_is, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_copy_stays_one, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_it_gives_way_to_who_reads_for_long, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_nobody_beside_it_notices, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_full_disk, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_kill_at_each_step, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_other_engines_refuse, fixture_prepare, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
