/* Opening and closing: what survives, who may open, which schema, and backups. */
#include "fixture.h"

#include <time.h>

static void test_reopen_keeps_data(void **state)
{
    struct fixture *f = *state;
    put(f, FRUIT, "apple", "red");
    put(f, COLOURS, "red", "#f00");
    fixture_reopen(f);
    assert_record(f, FRUIT, "apple", "red");
    assert_record(f, COLOURS, "red", "#f00");
}

static void test_tables_go_by_name(void **state)
{
    static const char *const other_order[] = {"colours", "new", "fruit"};
    struct fixture *f = *state;
    put(f, FRUIT, "apple", "red");
    fixture_close(f);
    f->config.tables = other_order;
    f->config.table_count = 3;
    fixture_open(f);
    assert_record(f, 2, "apple", "red");
    assert_no_record(f, 0, "apple");
}

static void test_bad_configuration(void **state)
{
    static const char *const own[] = {"@meta"};
    static const char *const nameless[] = {""};
    struct fixture *f = *state;
    f->config.schema = 0;
    assert_int_equal(fixture_try_open(f), STORE_INVALID);
    f->config.schema = 1;
    f->config.table_count = 1;
    f->config.tables = own;
    assert_int_equal(fixture_try_open(f), STORE_INVALID);
    f->config.tables = nameless;
    assert_int_equal(fixture_try_open(f), STORE_INVALID);
    f->config.path = "";
    assert_int_equal(fixture_try_open(f), STORE_INVALID);
    assert_null(f->store);
}

static void test_closed(void **state)
{
    (void)state;
    store_close(NULL);
    assert_string_equal(store_status_text(STORE_OK), "done");
    assert_non_null(strstr(store_status_text((enum store_status)99), "unknown"));
    for (int status = STORE_OK; status <= STORE_IO; status++)
        assert_non_null(store_status_text((enum store_status)status));
}

/* ---- one owner ---- */

static void test_one_owner_within_a_process(void **state)
{
    struct fixture *f = *state;
    struct store *second = NULL;
    assert_int_equal(store_open(&f->config, &second, f->reason), STORE_LOCKED);
    assert_null(second);
    assert_int_equal(put(f, FRUIT, "still", "works"), STORE_OK);
}

/* ---- schema ---- */

static enum store_status to_2(struct store_txn *txn, char reason[static STORE_REASON_SIZE])
{
    (void)reason;
    return store_put(txn, COLOURS, "migrated", 8, "2", 1);
}

static enum store_status to_3(struct store_txn *txn, char reason[static STORE_REASON_SIZE])
{
    struct store_slice value;
    (void)reason;
    enum store_status status = store_get(txn, COLOURS, "migrated", 8, &value);
    if (status != STORE_OK)
        return status; /* the steps run in order */
    return store_put(txn, COLOURS, "migrated", 8, "3", 1);
}

static enum store_status break_off(struct store_txn *txn, char reason[static STORE_REASON_SIZE])
{
    store_put(txn, COLOURS, "half", 4, "done", 4);
    snprintf(reason, STORE_REASON_SIZE, "an order from 2019 cannot be read");
    return STORE_INVALID;
}

static void test_migration(void **state)
{
    static store_migrate_fn *const steps[] = {to_2, to_3};
    struct fixture *f = *state;
    put(f, FRUIT, "old", "record");
    fixture_close(f);
    f->config.schema = 3;
    f->config.migrations = steps;
    fixture_open(f);
    assert_record(f, COLOURS, "migrated", "3");
    assert_record(f, FRUIT, "old", "record");
    assert_int_equal(put(f, COLOURS, "migrated", "by hand"), STORE_OK);
    fixture_reopen(f);
    assert_record(f, COLOURS, "migrated", "by hand"); /* not run again */
}

static void test_new_store_is_not_migrated(void **state)
{
    static store_migrate_fn *const steps[] = {break_off};
    struct fixture *f = *state;
    f->config.schema = 2;
    f->config.migrations = steps;
    fixture_open(f);
    fixture_reopen(f);
}

static void test_failed_migration(void **state)
{
    static store_migrate_fn *const steps[] = {to_2, break_off};
    struct fixture *f = *state;
    fixture_close(f);
    f->config.schema = 3;
    f->config.migrations = steps;
    assert_int_equal(fixture_try_open(f), STORE_INVALID);
    assert_string_equal(f->reason, "an order from 2019 cannot be read");
    f->config.schema = 2;
    fixture_open(f); /* the lock is free again, and the good step has stayed */
    assert_record(f, COLOURS, "migrated", "2");
    assert_no_record(f, COLOURS, "half");
}

static void test_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;
    f->config.schema = 5;
    fixture_open(f);
    put(f, FRUIT, "a", "1");
    fixture_close(f);
    f->config.schema = 4;
    assert_int_equal(fixture_try_open(f), STORE_NEWER);
    assert_non_null(strstr(f->reason, f->path));
    assert_non_null(strstr(f->reason, "schema 5"));
    f->config.schema = 5;
    fixture_open(f);
    assert_record(f, FRUIT, "a", "1");
}

/* ---- reading alone ---- */

static void test_reads_beside_its_owner(void **state)
{
    struct fixture *f = *state;
    struct store *store = NULL;
    struct store_txn *txn;
    struct store_slice found;
    put(f, FRUIT, "a", "1");
    assert_int_equal(store_open_to_read(&f->config, &store, f->reason), STORE_OK);
    put(f, FRUIT, "a", "2");
    assert_int_equal(store_read(store, &txn), STORE_OK);
    assert_int_equal(store_get(txn, FRUIT, "a", 1, &found), STORE_OK);
    assert_int_equal(found.len, 1);
    assert_int_equal(found.data[0], '2');
    store_read_end(txn);
    store_close(store);
    assert_int_equal(put(f, FRUIT, "a", "3"), STORE_OK); /* it is still its owner's */
}

static void test_reads_what_is_not_there(void **state)
{
    static const char *const more[] = {"fruit", "since"};
    struct fixture *f = *state;
    struct store *store;
    struct store_config config = f->config;
    config.tables = more;
    assert_int_equal(store_open_to_read(&config, &store, f->reason), STORE_INVALID);
    assert_non_null(strstr(f->reason, "older program"));
    config.schema = 2;
    config.tables = table_names;
    assert_int_equal(store_open_to_read(&config, &store, f->reason), STORE_INVALID);
    fixture_close(f);
    config = f->config;
    config.path = "/nonexistent/store";
    assert_int_equal(store_open_to_read(&config, &store, f->reason), STORE_NOT_FOUND);
    config.must_exist = true;
    assert_int_equal(store_open(&config, &store, f->reason), STORE_NOT_FOUND);
    assert_null(store);
}

/* ---- backup ---- */

static void test_backup(void **state)
{
    struct fixture *f = *state;
    char to[160];
    snprintf(to, sizeof to, "%s/copy", f->folder);
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%04d", i);
        put(f, FRUIT, key, "v");
    }
    assert_int_equal(store_backup(f->store, to, f->reason), STORE_OK);
    put(f, FRUIT, "k0000", "changed since");
    fixture_close(f);
    f->config.path = to;
    fixture_open(f);
    struct store_txn *txn;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    assert_int_equal(store_count(txn, FRUIT), 1000);
    store_read_end(txn);
    assert_record(f, FRUIT, "k0000", "v");
}

static uint64_t copied_ms(struct fixture *f)
{
    struct store_txn *txn;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    uint64_t copied = store_copied_ms(txn);
    store_read_end(txn);
    return copied;
}

static enum store_status settle_copy(struct store_txn *txn, void *arg)
{
    (void)arg;
    return store_copied_settle(txn);
}

/* Only the copy says so, until whoever opens it says that all is known. */
static void test_backup_knows_that_it_is_one(void **state)
{
    struct fixture *f = *state;
    char to[160];
    uint64_t before_ms = (uint64_t)time(NULL) * 1000;
    snprintf(to, sizeof to, "%s/copy", f->folder);
    assert_int_equal(copied_ms(f), 0);
    assert_int_equal(store_backup(f->store, to, f->reason), STORE_OK);
    assert_int_equal(copied_ms(f), 0);
    fixture_close(f);
    f->config.path = to;
    for (int opened = 0; opened < 2; opened++) {
        fixture_open(f);
        assert_in_range(copied_ms(f), before_ms, before_ms + 600000);
        if (opened == 0)
            fixture_close(f);
    }
    assert_int_equal(store_call(f->store, settle_copy, NULL), STORE_OK);
    assert_int_equal(copied_ms(f), 0);
}

static void test_backup_does_not_overwrite(void **state)
{
    struct fixture *f = *state;
    char to[160];
    snprintf(to, sizeof to, "%s/copy", f->folder);
    put(f, FRUIT, "a", "first");
    assert_int_equal(store_backup(f->store, to, f->reason), STORE_OK);
    put(f, FRUIT, "a", "second");
    assert_int_equal(store_backup(f->store, to, f->reason), STORE_EXISTS);
    assert_non_null(strstr(f->reason, to));
    fixture_close(f);
    f->config.path = to;
    fixture_open(f);
    assert_record(f, FRUIT, "a", "first");
}

static void test_stats(void **state)
{
    struct fixture *f = *state;
    struct store_stats stats;
    put(f, FRUIT, "a", "1");
    store_call(f->store, pair_delete, &(struct pair){FRUIT, "absent", NULL});
    store_stats(f->store, &stats);
    assert_int_equal(stats.commits, 1);
    assert_int_equal(stats.operations, 2);
    assert_int_equal(stats.failed, 1);
}

static void test_used_and_of_how_much(void **state)
{
    struct fixture *f = *state;
    struct store_stats stats;
    put(f, FRUIT, "a", "1");
    store_stats(f->store, &stats);
    assert_int_equal(stats.map_size, f->config.map_size);
    assert_in_range(stats.used, 1, stats.map_size);
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
#define with_folder(test) cmocka_unit_test_setup_teardown(test, fixture_prepare, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_store(test_one_owner_within_a_process),
        with_store(test_reopen_keeps_data),
        with_store(test_tables_go_by_name),
        with_folder(test_bad_configuration),
        cmocka_unit_test(test_closed),
        with_store(test_migration),
        with_folder(test_new_store_is_not_migrated),
        with_store(test_failed_migration),
        with_folder(test_newer_schema_is_refused),
        with_store(test_reads_what_is_not_there),
        with_store(test_stats),
    };
    /* LMDB cannot have one file open twice in a process; PostgreSQL's backups are the server's. */
    const struct CMUnitTest shared[] = {with_store(test_reads_beside_its_owner)};
    const struct CMUnitTest backups[] = {
        with_store(test_backup),
        with_store(test_backup_knows_that_it_is_one),
        with_store(test_backup_does_not_overwrite),
        with_store(test_used_and_of_how_much),
    };
    int failed = 0;
    if (fixture_engine() != STORE_LMDB)
        failed += cmocka_run_group_tests_name("shared", shared, NULL, NULL);
    if (fixture_engine() != STORE_POSTGRESQL)
        failed += cmocka_run_group_tests_name("backups", backups, NULL, NULL);
    return failed + cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
