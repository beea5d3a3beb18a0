/* Reading, writing and visiting, one operation at a time. */
#include "fixture.h"

#include "store/engine.h"

static void test_put_get_delete(void **state)
{
    struct fixture *f = *state;
    assert_no_record(f, FRUIT, "apple");
    assert_int_equal(put(f, FRUIT, "apple", "red"), STORE_OK);
    assert_int_equal(put(f, FRUIT, "apple", "green"), STORE_OK);
    assert_record(f, FRUIT, "apple", "green");
    assert_no_record(f, COLOURS, "apple");
    assert_int_equal(store_call(f->store, pair_delete, &(struct pair){FRUIT, "apple", NULL}), STORE_OK);
    assert_int_equal(store_call(f->store, pair_delete, &(struct pair){FRUIT, "apple", NULL}), STORE_NOT_FOUND);
    assert_no_record(f, FRUIT, "apple");
}

static void test_insert(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(store_call(f->store, pair_insert, &(struct pair){FRUIT, "fig", "1"}), STORE_OK);
    assert_int_equal(store_call(f->store, pair_insert, &(struct pair){FRUIT, "fig", "2"}), STORE_EXISTS);
    assert_record(f, FRUIT, "fig", "1");
}

struct many {
    unsigned count;
    size_t key_len;
};

/* Rows 1000, 1001, ... */
static enum store_status insert_many(struct store_txn *txn, void *arg)
{
    const struct many *many = arg;
    struct row rows[ROWS_MAX + 1];
    char keys[ROWS_MAX + 1][STORE_KEY_MAX + 1];
    for (unsigned i = 0; i < many->count; i++) {
        snprintf(keys[i], sizeof keys[i], "%u", 1000 + i);
        size_t len = many->key_len > 0 ? many->key_len : strlen(keys[i]);
        rows[i] = (struct row){{(uint8_t *)keys[i], len}, {(uint8_t *)keys[i] + 1, i % 4}};
    }
    return table_insert_all(txn, FRUIT, rows, many->count);
}

static void test_insert_all(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn;
    assert_int_equal(store_call(f->store, insert_many, &(struct many){ROWS_MAX, 0}), STORE_OK);
    assert_record(f, FRUIT, "1000", "");
    assert_record(f, FRUIT, "1007", "007");
    assert_record(f, FRUIT, "1099", "099");
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    assert_int_equal(store_count(txn, FRUIT), ROWS_MAX);
    store_read_end(txn);
}

static void test_insert_all_where_one_is_taken(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, FRUIT, "1003", "mine"), STORE_OK);
    assert_int_equal(store_call(f->store, insert_many, &(struct many){5, 0}), STORE_EXISTS);
    assert_record(f, FRUIT, "1003", "mine");
    assert_no_record(f, FRUIT, "1000");
    assert_no_record(f, FRUIT, "1004");
}

static void test_insert_all_within_bounds(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(store_call(f->store, insert_many, &(struct many){ROWS_MAX + 1, 0}), STORE_INVALID);
    assert_int_equal(store_call(f->store, insert_many, &(struct many){1, STORE_KEY_MAX + 1}), STORE_INVALID);
    assert_int_equal(store_call(f->store, insert_many, &(struct many){0, 0}), STORE_OK);
}

/* The first owner stays, whoever comes. */
static void test_claim(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(store_call(f->store, pair_claim, &(struct pair){FRUIT, "fig", "1"}), STORE_OK);
    assert_int_equal(store_call(f->store, pair_claim, &(struct pair){FRUIT, "fig", "1"}), STORE_OK);
    assert_int_equal(store_call(f->store, pair_claim, &(struct pair){FRUIT, "fig", "2"}), STORE_EXISTS);
    assert_int_equal(store_call(f->store, pair_claim, &(struct pair){FRUIT, "fig", "12"}), STORE_EXISTS);
    assert_record(f, FRUIT, "fig", "1");
}

static void test_empty_value(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, FRUIT, "nothing", ""), STORE_OK);
    assert_record(f, FRUIT, "nothing", "");
}

struct sized {
    unsigned table;
    size_t len;
    enum store_status put, get, delete;
};

static enum store_status use_key(struct store_txn *txn, void *arg)
{
    static const uint8_t key[STORE_KEY_MAX + 1] = {1};
    struct sized *s = arg;
    struct store_slice value;
    s->put = store_put(txn, s->table, key, s->len, "v", 1);
    s->get = store_get(txn, s->table, key, s->len, &value);
    s->delete = store_delete(txn, s->table, key, s->len);
    return STORE_OK;
}

static void test_key_length(void **state)
{
    struct fixture *f = *state;
    static const struct {
        unsigned table;
        size_t len;
        enum store_status expected;
    } cases[] = {
        {FRUIT, 0, STORE_INVALID},        {FRUIT, 1, STORE_OK},
        {FRUIT, STORE_KEY_MAX, STORE_OK}, {FRUIT, STORE_KEY_MAX + 1, STORE_INVALID},
        {TABLES + 3, 1, STORE_INVALID}, /* beyond the store's own tables */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sized s = {.table = cases[i].table, .len = cases[i].len};
        assert_int_equal(store_call(f->store, use_key, &s), STORE_OK);
        assert_int_equal(s.put, cases[i].expected);
        assert_int_equal(s.get, cases[i].expected);
        assert_int_equal(s.delete, cases[i].expected);
    }
}

static void test_snapshot_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    assert_int_equal(store_put(txn, FRUIT, "k", 1, "v", 1), STORE_INVALID);
    assert_int_equal(store_insert(txn, FRUIT, "k", 1, "v", 1), STORE_INVALID);
    assert_int_equal(store_delete(txn, FRUIT, "k", 1), STORE_INVALID);
    assert_int_equal(store_job_set(txn, 1, "s", 1, 1), STORE_INVALID);
    assert_int_equal(store_job_clear(txn, 1, "s", 1), STORE_INVALID);
    store_read_end(txn);
    assert_no_record(f, FRUIT, "k");
}

static void test_snapshot_does_not_move(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn;
    struct store_slice value;
    put(f, FRUIT, "plum", "blue");
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    assert_int_equal(store_get(txn, FRUIT, "pear", 4, &value), STORE_NOT_FOUND); /* where one begins with a question */
    put(f, FRUIT, "plum", "yellow");
    assert_int_equal(store_get(txn, FRUIT, "plum", 4, &value), STORE_OK);
    assert_int_equal(value.len, 4);
    assert_memory_equal(value.data, "blue", 4);
    store_read_end(txn);
    assert_record(f, FRUIT, "plum", "yellow");
}

/* ---- visiting ---- */

struct seen {
    char keys[128];
    unsigned limit;
};

static bool on_record(void *ctx, struct store_slice key, struct store_slice value)
{
    struct seen *seen = ctx;
    size_t len = strlen(seen->keys);
    snprintf(seen->keys + len, sizeof seen->keys - len, "%.*s=%.*s ", (int)key.len, (const char *)key.data,
             (int)value.len, (const char *)value.data);
    return --seen->limit > 0;
}

static void fill(struct fixture *f)
{
    static const char *const keys[] = {"b", "ab", "a", "abc", "c", "b/2", "b/10"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(put(f, FRUIT, keys[i], "."), STORE_OK);
}

static void test_visit(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *from;
        unsigned limit;
        const char *expected;
    } cases[] = {
        {"", 99, "a=. ab=. abc=. b=. b/10=. b/2=. c=. "},
        {"", 2, "a=. ab=. "},
        {"abc", 99, "abc=. b=. b/10=. b/2=. c=. "},
        {"abd", 2, "b=. b/10=. "},
        {"d", 99, ""},
    };
    fill(f);
    struct store_txn *txn;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen seen = {.limit = cases[i].limit};
        assert_int_equal(store_visit(txn, FRUIT, cases[i].from, strlen(cases[i].from), on_record, &seen), STORE_OK);
        assert_string_equal(seen.keys, cases[i].expected);
    }
    assert_int_equal(store_count(txn, FRUIT), 7);
    assert_int_equal(store_count(txn, COLOURS), 0);
    assert_int_equal(store_count(txn, 99), 0);
    store_read_end(txn);
}

static void test_visit_back(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *before;
        unsigned limit;
        const char *expected;
    } cases[] = {
        {"", 99, "c=. b/2=. b/10=. b=. abc=. ab=. a=. "},
        {"", 2, "c=. b/2=. "},
        {"b", 99, "abc=. ab=. a=. "}, /* not the key itself */
        {"b0", 99, "b/2=. b/10=. b=. abc=. ab=. a=. "},
        {"zzz", 1, "c=. "},
        {"a", 99, ""},
        {"A", 99, ""},
    };
    struct store_txn *txn;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    struct seen none = {.limit = 99};
    assert_int_equal(store_visit_back(txn, FRUIT, NULL, 0, on_record, &none), STORE_OK);
    assert_string_equal(none.keys, "");
    store_read_end(txn);
    fill(f);
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen seen = {.limit = cases[i].limit};
        assert_int_equal(store_visit_back(txn, FRUIT, cases[i].before, strlen(cases[i].before), on_record, &seen),
                         STORE_OK);
        assert_string_equal(seen.keys, cases[i].expected);
    }
    assert_int_equal(store_visit_back(txn, 99, NULL, 0, on_record, &none), STORE_INVALID);
    store_read_end(txn);
}

static void test_visit_prefix(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *prefix;
        const char *expected;
    } cases[] = {
        {"b/", "b/10=. b/2=. "},
        {"ab", "ab=. abc=. "},
        {"abc", "abc=. "},
        {"x", ""},
        {"c", "c=. "},
        {"cc", ""},
        {"aa", ""},
    };
    fill(f);
    struct store_txn *txn;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen seen = {.limit = 99};
        assert_int_equal(store_visit_prefix(txn, FRUIT, cases[i].prefix, strlen(cases[i].prefix), on_record, &seen),
                         STORE_OK);
        assert_string_equal(seen.keys, cases[i].expected);
    }
    struct seen all = {.limit = 99};
    assert_int_equal(store_visit_prefix(txn, FRUIT, NULL, 0, on_record, &all), STORE_OK);
    assert_string_equal(all.keys, "a=. ab=. abc=. b=. b/10=. b/2=. c=. ");
    assert_int_equal(store_visit(txn, 99, NULL, 0, on_record, &all), STORE_INVALID);
    store_read_end(txn);
}

static enum store_status read_own_change(struct store_txn *txn, void *arg)
{
    struct seen *seen = arg;
    *seen = (struct seen){.limit = 99};
    if (store_put(txn, FRUIT, "own", 3, "1", 1) != STORE_OK)
        return STORE_IO;
    return store_visit(txn, FRUIT, NULL, 0, on_record, seen);
}

static void test_change_is_seen_inside(void **state)
{
    struct fixture *f = *state;
    struct seen seen;
    assert_int_equal(store_call(f->store, read_own_change, &seen), STORE_OK);
    assert_string_equal(seen.keys, "own=1 ");
}

/* What was written is what is read, whether or not the server of an engine has been told. */
static enum store_status change_it_again(struct store_txn *txn, void *arg)
{
    struct store_slice value;
    (void)arg;
    assert_int_equal(store_put(txn, FRUIT, "own", 3, "1", 1), STORE_OK);
    assert_int_equal(store_insert(txn, FRUIT, "own", 3, "2", 1), STORE_EXISTS);
    assert_int_equal(store_put(txn, FRUIT, "own", 3, "33", 2), STORE_OK);
    assert_int_equal(store_get(txn, FRUIT, "own", 3, &value), STORE_OK);
    assert_int_equal(value.len, 2);
    assert_memory_equal(value.data, "33", 2);
    assert_int_equal(store_get(txn, COLOURS, "own", 3, &value), STORE_NOT_FOUND);
    assert_int_equal(store_delete(txn, COLOURS, "own", 3), STORE_NOT_FOUND);
    assert_int_equal(store_insert(txn, COLOURS, "own", 3, "c", 1), STORE_OK);
    assert_int_equal(store_delete(txn, COLOURS, "own", 3), STORE_OK);
    assert_int_equal(store_delete(txn, COLOURS, "own", 3), STORE_NOT_FOUND);
    assert_int_equal(store_get(txn, FRUIT, "old", 3, &value), STORE_OK);
    assert_int_equal(store_delete(txn, FRUIT, "old", 3), STORE_OK);
    assert_int_equal(store_get(txn, FRUIT, "old", 3, &value), STORE_NOT_FOUND);
    assert_int_equal(store_insert(txn, FRUIT, "old", 3, "new", 3), STORE_OK);
    assert_int_equal(store_delete(txn, FRUIT, "gone", 4), STORE_OK);
    assert_int_equal(store_get(txn, FRUIT, "gone", 4, &value), STORE_NOT_FOUND);
    return STORE_OK;
}

static void test_change_goes_on_from_its_own(void **state)
{
    struct fixture *f = *state;
    put(f, FRUIT, "old", "1");
    put(f, FRUIT, "gone", "1");
    assert_int_equal(store_call(f->store, change_it_again, NULL), STORE_OK);
    assert_record(f, FRUIT, "own", "33");
    assert_record(f, FRUIT, "old", "new");
    assert_no_record(f, FRUIT, "gone");
    assert_no_record(f, COLOURS, "own");
}

enum { MANY = 700 };

static enum store_status write_many(struct store_txn *txn, void *arg)
{
    char key[16];
    struct store_slice value;
    (void)arg;
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "%u", 1000 + i);
        assert_int_equal(store_put(txn, FRUIT, key, 4, key, 4), STORE_OK);
        assert_int_equal(store_get(txn, COLOURS, key, 4, &value), STORE_NOT_FOUND);
    }
    for (unsigned i = 0; i < MANY; i += 2) {
        snprintf(key, sizeof key, "%u", 1000 + i);
        assert_int_equal(store_get(txn, FRUIT, key, 4, &value), STORE_OK);
        assert_memory_equal(value.data, key, 4);
        assert_int_equal(store_delete(txn, FRUIT, key, 4), STORE_OK);
    }
    assert_int_equal(store_count(txn, FRUIT), MANY / 2);
    return store_put(txn, FRUIT, "last", 4, "1", 1);
}

static void test_change_of_many(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn;
    assert_int_equal(store_call(f->store, write_many, NULL), STORE_OK);
    assert_record(f, FRUIT, "1001", "1001");
    assert_no_record(f, FRUIT, "1002");
    assert_record(f, FRUIT, "last", "1");
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    assert_int_equal(store_count(txn, FRUIT), MANY / 2 + 1);
    store_read_end(txn);
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_store(test_put_get_delete),
        with_store(test_insert),
        with_store(test_insert_all),
        with_store(test_insert_all_where_one_is_taken),
        with_store(test_insert_all_within_bounds),
        with_store(test_claim),
        with_store(test_empty_value),
        with_store(test_key_length),
        with_store(test_snapshot_cannot_write),
        with_store(test_snapshot_does_not_move),
        with_store(test_visit),
        with_store(test_visit_prefix),
        with_store(test_visit_back),
        with_store(test_change_is_seen_inside),
        with_store(test_change_goes_on_from_its_own),
        with_store(test_change_of_many),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
