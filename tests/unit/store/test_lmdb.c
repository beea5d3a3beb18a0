/* What only LMDB does: its folder, its file, a disk that fails under it. */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- its folder and its file ---- */

static void test_folder_is_private(void **state)
{
    struct fixture *f = *state;
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void test_missing_parent(void **state)
{
    struct fixture *f = *state;
    f->config.path = "/tmp/acmegate-no-such-folder/store";
    assert_int_equal(fixture_try_open(f), STORE_IO);
    assert_non_null(strstr(f->reason, f->config.path));
    assert_non_null(strstr(f->reason, "No such file"));
}

static void test_foreign_file(void **state)
{
    struct fixture *f = *state;
    char data[256];
    fixture_close(f);
    snprintf(data, sizeof data, "%s/data.mdb", f->path);
    FILE *file = fopen(data, "w");
    assert_non_null(file);
    for (int i = 0; i < 10000; i++)
        fputc('x', file);
    fclose(file);
    assert_int_equal(fixture_try_open(f), STORE_IO);
    assert_non_null(strstr(f->reason, f->path));
}

static off_t data_size(const struct fixture *f, char path[static 256])
{
    struct stat info;
    snprintf(path, 256, "%s/data.mdb", f->path);
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

static void fill(struct fixture *f)
{
    char key[32], value[600];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (unsigned i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "key %u", i);
        assert_int_equal(put(f, FRUIT, key, value), STORE_OK);
    }
}

/* Also where the cut goes through a page, and where nothing but the two first pages is left. */
static void test_file_that_was_cut_short(void **state)
{
    struct fixture *f = *state;
    char path[256];
    fill(f);
    fixture_close(f);
    off_t whole = data_size(f, path);
    const off_t cuts[] = {whole / 2 + 100, whole / 2, 2 * 4096 + 1, 2 * 4096};
    for (unsigned i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        assert_int_equal(truncate(path, cuts[i]), 0);
        assert_int_equal(fixture_try_open(f), STORE_INVALID);
        assert_non_null(strstr(f->reason, "cut short"));
        assert_int_equal(store_open_to_read(&f->config, &f->store, f->reason), STORE_INVALID);
    }
}

/* ---- one owner ---- */

/* In a child: opens, stores, says so, and waits to be killed. */
static void own_until_killed(struct fixture *f, int ready)
{
    char byte = '!';
    f->config.nosync = false;
    if (fixture_try_open(f) == STORE_OK && put(f, FRUIT, "acknowledged", "yes") == STORE_OK)
        byte = '.';
    if (write(ready, &byte, 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static void test_one_owner_until_its_death(void **state)
{
    struct fixture *f = *state;
    int ready[2];
    char byte = 0, expected[32];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        own_until_killed(f, ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    enum store_status status = fixture_try_open(f);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
    assert_int_equal(byte, '.');
    assert_int_equal(status, STORE_LOCKED);
    assert_non_null(strstr(f->reason, f->path));
    snprintf(expected, sizeof expected, "process %d ", (int)child);
    assert_non_null(strstr(f->reason, expected));
    fixture_open(f);
    assert_record(f, FRUIT, "acknowledged", "yes");
}

/* ---- reading alone ---- */

static enum store_status read_beside(struct fixture *f, const struct store_config *config, const char *value)
{
    struct store *store = NULL;
    struct store_txn *txn;
    struct store_slice found;
    enum store_status status = store_open_to_read(config, &store, f->reason);
    if (status != STORE_OK) {
        assert_null(store);
        return status;
    }
    assert_int_equal(store_read(store, &txn), STORE_OK);
    assert_int_equal(store_get(txn, FRUIT, "a", 1, &found), STORE_OK);
    assert_int_equal(found.len, strlen(value));
    assert_memory_equal(found.data, value, found.len);
    store_read_end(txn);
    store_close(store);
    return status;
}

/* Beside an owner, which must be another process: tests/e2e/test_money.py. */
static void test_reads_what_nobody_owns(void **state)
{
    struct fixture *f = *state;
    char to[160], lock[200];
    put(f, FRUIT, "a", "1");
    snprintf(to, sizeof to, "%s/copy", f->folder);
    snprintf(lock, sizeof lock, "%s/lock.mdb", to);
    assert_int_equal(store_backup(f->store, to, f->reason), STORE_OK);
    struct store_config config = f->config;
    config.path = to;
    assert_int_equal(read_beside(f, &config, "1"), STORE_OK);
    assert_int_equal(access(lock, F_OK), -1); /* nothing is left behind that belongs to the reader */

    static const char *const more[] = {"fruit", "since"};
    config.tables = more;
    config.table_count = 2;
    assert_int_equal(read_beside(f, &config, "1"), STORE_INVALID);
    assert_non_null(strstr(f->reason, "older program"));
    config = f->config;
    config.path = "/nonexistent/store";
    assert_int_equal(read_beside(f, &config, "1"), STORE_NOT_FOUND);
}

/* ---- backup ---- */

static void test_backup_leaves_no_part(void **state)
{
    struct fixture *f = *state;
    char to[160], partial[256];
    snprintf(to, sizeof to, "%s/copy", f->folder);
    snprintf(partial, sizeof partial, "%s.partial", to);
    assert_int_equal(store_backup(f->store, to, f->reason), STORE_OK);
    assert_int_equal(access(to, F_OK), 0);
    assert_int_equal(access(partial, F_OK), -1);
}

static void test_backup_does_not_touch_a_folder(void **state)
{
    struct fixture *f = *state;
    char to[160];
    snprintf(to, sizeof to, "%s/copy", f->folder);
    assert_int_equal(mkdir(to, 0700), 0);
    assert_int_equal(store_backup(f->store, to, f->reason), STORE_EXISTS);
    assert_non_null(strstr(f->reason, to));
}

static void test_interrupted_backup_is_replaced(void **state)
{
    struct fixture *f = *state;
    char to[160], partial[200], data[256];
    snprintf(to, sizeof to, "%s/copy/", f->folder); /* a final slash means the same */
    snprintf(partial, sizeof partial, "%s/copy.partial", f->folder);
    snprintf(data, sizeof data, "%s/data.mdb", partial);
    assert_int_equal(mkdir(partial, 0700), 0);
    FILE *file = fopen(data, "w");
    assert_non_null(file);
    fputs("half a copy", file);
    fclose(file);
    put(f, FRUIT, "a", "1");
    assert_int_equal(store_backup(f->store, to, f->reason), STORE_OK);
    fixture_close(f);
    f->config.path = to;
    fixture_open(f);
    assert_record(f, FRUIT, "a", "1");
}

static void test_backup_into_nowhere(void **state)
{
    struct fixture *f = *state;
    char to[200];
    snprintf(to, sizeof to, "%s/absent/copy", f->folder);
    assert_int_equal(store_backup(f->store, to, f->reason), STORE_IO);
    assert_non_null(strstr(f->reason, to));
    assert_int_equal(store_backup(f->store, "", f->reason), STORE_IO);
}

/* ---- a disk that obeys the test: LMDB's calls come here instead of to libc ---- */

enum { META_WRITE_MAX = 512 }; /* LMDB writes its meta page as a piece shorter than any page */

static atomic_int flush_errno, meta_errno;
static _Atomic(struct event *) flush_entered, flush_released;

int fdatasync(int fd)
{
    struct event *entered = atomic_load(&flush_entered);
    if (entered != NULL) {
        event_add(entered);
        event_wait(atomic_load(&flush_released), 1);
    }
    if (atomic_load(&flush_errno) != 0) {
        errno = atomic_load(&flush_errno);
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (len < META_WRITE_MAX && atomic_load(&meta_errno) != 0) {
        errno = atomic_load(&meta_errno);
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, len, at);
}

static int setup_synced(void **state)
{
    fixture_prepare(state);
    struct fixture *f = *state;
    f->config.nosync = false;
    atomic_store(&flush_errno, 0);
    atomic_store(&meta_errno, 0);
    atomic_store(&flush_entered, NULL);
    fixture_open(f);
    return 0;
}

static enum store_status put_and_refuse(struct store_txn *txn, void *arg)
{
    enum store_status status = pair_put(txn, arg);
    return status == STORE_OK ? STORE_REFUSED : status;
}

/* ---- durability ---- */

static void test_acknowledged_after_the_flush(void **state)
{
    struct fixture *f = *state;
    struct event done = EVENT_INITIALIZER, entered = EVENT_INITIALIZER, released = EVENT_INITIALIZER;
    struct tracked op;
    struct pair pair = {FRUIT, "k", "v"};
    atomic_store(&flush_released, &released);
    atomic_store(&flush_entered, &entered);
    tracked_submit(f, &op, pair_put, &pair, &done);
    event_wait(&entered, 1);
    assert_int_equal(event_count(&done), 0);
    atomic_store(&flush_entered, NULL);
    event_add(&released);
    event_wait(&done, 1);
    assert_int_equal(op.status, STORE_OK);
}

static void test_failed_flush_fails_the_whole_batch(void **state)
{
    struct fixture *f = *state;
    struct event done = EVENT_INITIALIZER;
    struct gate gate = GATE_INITIALIZER;
    struct tracked ops[2];
    struct pair pairs[2] = {{FRUIT, "a", "1"}, {FRUIT, "b", "2"}};
    put(f, FRUIT, "old", "kept");
    gate_close(f, &gate, &done);
    tracked_submit(f, &ops[0], pair_put, &pairs[0], &done);
    tracked_submit(f, &ops[1], put_and_refuse, &pairs[1], &done);
    atomic_store(&flush_errno, EIO);
    gate_open(&gate);
    event_wait(&done, 3);
    assert_int_equal(ops[0].status, STORE_IO);
    assert_int_equal(ops[1].status, STORE_IO);
    assert_non_null(strstr(f->reported, "committing"));
    assert_non_null(strstr(f->reported, f->path));
    atomic_store(&flush_errno, 0);
    assert_no_record(f, FRUIT, "a");
    assert_record(f, FRUIT, "old", "kept");
    assert_int_equal(put(f, FRUIT, "a", "again"), STORE_OK);
    fixture_reopen(f);
    assert_record(f, FRUIT, "a", "again");
}

static void test_full_disk(void **state)
{
    struct fixture *f = *state;
    put(f, FRUIT, "old", "kept");
    atomic_store(&flush_errno, ENOSPC);
    assert_int_equal(put(f, FRUIT, "new", "lost"), STORE_FULL);
    assert_non_null(strstr(f->reported, "No space left"));
    f->reported[0] = '\0';
    assert_int_equal(put(f, FRUIT, "new", "lost"), STORE_FULL);
    assert_string_equal(f->reported, ""); /* once is enough */
    assert_record(f, FRUIT, "old", "kept");
    atomic_store(&flush_errno, 0);
    assert_int_equal(put(f, FRUIT, "new", "found"), STORE_OK);
    fixture_reopen(f);
    assert_record(f, FRUIT, "old", "kept");
    assert_record(f, FRUIT, "new", "found");
}

static void on_broken(void *ctx)
{
    atomic_fetch_add((atomic_uint *)ctx, 1);
}

/* Whoever has it is told at the first failure, and once: from there on only a new opening helps. */
static void test_broken_environment_fails_and_does_not_hang(void **state)
{
    struct fixture *f = *state;
    atomic_uint told = 0;
    f->config.broken = on_broken;
    f->config.broken_ctx = &told;
    fixture_reopen(f);
    put(f, FRUIT, "old", "kept");
    atomic_store(&flush_errno, EIO);
    assert_int_equal(put(f, FRUIT, "a", "1"), STORE_IO);
    atomic_store(&flush_errno, 0);
    assert_int_equal(atomic_load(&told), 0); /* nothing was committed, and the next one may be */
    atomic_store(&meta_errno, EIO);
    assert_int_equal(put(f, FRUIT, "a", "1"), STORE_IO);
    assert_int_equal(atomic_load(&told), 1);
    assert_non_null(strstr(f->reported, "until it is opened anew"));
    atomic_store(&meta_errno, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(put(f, FRUIT, "a", "2"), STORE_IO);
    struct store_txn *txn;
    assert_int_equal(store_read(f->store, &txn), STORE_IO);
    assert_int_equal(atomic_load(&told), 1);
    fixture_reopen(f);
    assert_record(f, FRUIT, "old", "kept");
    assert_int_equal(put(f, FRUIT, "a", "3"), STORE_OK);
}

/* ---- how many snapshots ---- */

static void test_snapshots_are_bounded_and_reused(void **state)
{
    struct fixture *f = *state;
    struct store_txn *open[16];
    f->config.readers = 4;
    fixture_open(f);
    for (int round = 0; round < 50; round++) {
        unsigned count = 0;
        while (count < 16 && store_read(f->store, &open[count]) == STORE_OK)
            count++;
        assert_in_range(count, 4, 8);
        assert_non_null(strstr(f->reported, "MDB_READERS_FULL"));
        while (count > 0)
            store_read_end(open[--count]);
    }
    put(f, FRUIT, "k", "v");
    assert_record(f, FRUIT, "k", "v");
}

/* ---- what its pages hold ---- */

enum { LARGE_RECORDS = 400, LARGE_OCTETS = 900 }; /* of which four fit a page of 4 KiB */

static void put_large(char key[static 8], unsigned number, char value[static LARGE_OCTETS])
{
    snprintf(key, 8, "%06u", number);
    memset(value, 'a' + (int)(number % 26), LARGE_OCTETS);
}

static enum store_status insert_large(struct store_txn *txn, void *arg)
{
    char key[8], value[LARGE_OCTETS];
    enum store_status status = STORE_OK;
    (void)arg;
    for (unsigned i = 0; i < LARGE_RECORDS && status == STORE_OK; i++) {
        put_large(key, 2 * i, value);
        status = store_insert(txn, FRUIT, key, 6, value, sizeof value);
    }
    return status;
}

/* The last one again, one before it, and one that is there. */
static enum store_status insert_others(struct store_txn *txn, void *arg)
{
    char key[8], value[LARGE_OCTETS];
    (void)arg;
    put_large(key, 2 * (LARGE_RECORDS - 1), value);
    if (store_insert(txn, FRUIT, key, 6, value, sizeof value) != STORE_EXISTS)
        return STORE_REFUSED;
    memset(value, 'z', sizeof value);
    if (store_put(txn, FRUIT, key, 6, value, sizeof value) != STORE_OK)
        return STORE_REFUSED;
    put_large(key, 2 * LARGE_RECORDS - 3, value);
    return store_insert(txn, FRUIT, key, 6, value, sizeof value);
}

static bool in_order(void *ctx, struct store_slice key, struct store_slice value)
{
    unsigned *last = ctx, number = (unsigned)strtoul((const char *)key.data, NULL, 10);
    char octet = number == 2 * (LARGE_RECORDS - 1) ? 'z' : (char)('a' + (int)(number % 26));
    assert_true(number > *last || number == 0);
    assert_int_equal(value.len, LARGE_OCTETS);
    assert_int_equal(value.data[LARGE_OCTETS - 1], octet);
    *last = number;
    return true;
}

static void test_large_records_in_order_fill_their_pages(void **state)
{
    struct fixture *f = *state;
    struct store_stats before, after;
    struct store_txn *txn;
    unsigned last = 0;
    store_stats(f->store, &before);
    assert_int_equal(store_call(f->store, insert_large, NULL), STORE_OK);
    store_stats(f->store, &after);
    assert_in_range(after.used - before.used, LARGE_RECORDS * LARGE_OCTETS, LARGE_RECORDS / 4 * 4096 * 11 / 10);
    assert_int_equal(store_call(f->store, insert_others, NULL), STORE_OK);
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    assert_int_equal(store_visit(txn, FRUIT, NULL, 0, in_order, &last), STORE_OK);
    assert_int_equal(store_count(txn, FRUIT), LARGE_RECORDS + 1);
    store_read_end(txn);
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
#define with_folder(test) cmocka_unit_test_setup_teardown(test, fixture_prepare, fixture_teardown)
#define with_synced_store(test) cmocka_unit_test_setup_teardown(test, setup_synced, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_folder(test_one_owner_until_its_death), /* first: it forks while there is one thread */
        with_store(test_folder_is_private),
        with_folder(test_missing_parent),
        with_store(test_foreign_file),
        with_store(test_file_that_was_cut_short),
        with_store(test_reads_what_nobody_owns),
        with_store(test_backup_leaves_no_part),
        with_store(test_interrupted_backup_is_replaced),
        with_store(test_backup_does_not_touch_a_folder),
        with_store(test_backup_into_nowhere),
        with_synced_store(test_acknowledged_after_the_flush),
        with_synced_store(test_failed_flush_fails_the_whole_batch),
        with_synced_store(test_full_disk),
        with_synced_store(test_broken_environment_fails_and_does_not_hang),
        with_folder(test_snapshots_are_bounded_and_reused),
        with_store(test_large_records_in_order_fill_their_pages),
    };
    return cmocka_run_group_tests_name("lmdb", tests, NULL, NULL);
}
