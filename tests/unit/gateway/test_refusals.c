/* refusals: one line for what repeats, and bounds that no stranger can pass. */
#include "acme/durations.h"
#include "gateway/refusals.h"
#include "tests/unit/gateway/temp_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static const uint64_t NOON_MS = 1800000000000ULL / (24 * HOUR_MS) * (24 * HOUR_MS);

struct bench {
    struct temp_store temp;
    struct refusals *refusals;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    temp_store_open(&b->temp);
    b->refusals = refusals_make(b->temp.store);
    assert_non_null(b->refusals);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    temp_store_close(&b->temp);
    refusals_free(b->refusals);
    free(b);
    return 0;
}

static enum store_status nothing(struct store_txn *txn, void *arg)
{
    (void)txn, (void)arg;
    return STORE_OK;
}

/* What was noted is stored: the second round waits for what the first one found noted meanwhile. */
static void settle(struct bench *b)
{
    for (int i = 0; i < 8; i++)
        assert_int_equal(store_call(b->temp.store, nothing, NULL), STORE_OK);
}

static void refuse(struct bench *b, const char *address, const char *name, uint64_t now_ms)
{
    const struct refusal refusal = {.address = address, .problem = "rejectedIdentifier", .names = name};
    refusals_note(b->refusals, &refusal, now_ms);
}

struct lines {
    uint64_t count;
    json_t *last; /* owned */
};

static bool look(void *ctx, struct store_slice key, struct store_slice value)
{
    struct lines *lines = ctx;
    (void)key;
    json_decref(lines->last);
    lines->last = json_loadb((const char *)value.data, value.len, 0, NULL);
    assert_non_null(lines->last);
    lines->count++;
    return true;
}

/* The caller's: json_decref its last. */
static struct lines lines_of(struct bench *b)
{
    struct lines lines = {0};
    struct store_txn *txn;
    settle(b);
    assert_int_equal(store_read(b->temp.store, &txn), STORE_OK);
    assert_int_equal(store_visit(txn, ISSUE_REFUSALS, NULL, 0, look, &lines), STORE_OK);
    assert_int_equal(lines.count, store_count(txn, ISSUE_REFUSALS));
    store_read_end(txn);
    return lines;
}

static json_int_t number_of(const struct lines *lines, const char *key)
{
    return json_integer_value(json_object_get(lines->last, key));
}

static void test_what_repeats_is_one_line(void **state)
{
    struct bench *b = *state;
    for (uint64_t i = 0; i < 16; i++)
        refuse(b, "192.0.2.1", "a.example, b.example", NOON_MS + i);
    struct lines lines = lines_of(b);
    assert_int_equal(lines.count, 1);
    assert_int_equal(number_of(&lines, "times"), 16);
    assert_int_equal(number_of(&lines, "time_ms"), NOON_MS);
    assert_int_equal(number_of(&lines, "last_ms"), NOON_MS + 15);
    assert_int_equal(json_array_size(json_object_get(lines.last, "names")), 2);
    json_decref(lines.last);
    refuse(b, "192.0.2.1", "a.example, b.example", NOON_MS + HOUR_MS);
    lines = lines_of(b);
    assert_int_equal(lines.count, 2);
    assert_int_equal(number_of(&lines, "times"), 1);
    json_decref(lines.last);
}

static void test_an_address_has_room_for_so_many(void **state)
{
    struct bench *b = *state;
    char name[32];
    for (unsigned i = 0; i < 3 * REFUSALS_PER_ADDRESS; i++) {
        snprintf(name, sizeof name, "name%u.example", i);
        refuse(b, i % 2 ? "2001:db8:1:2::1" : "2001:db8:1:2::2", name, NOON_MS + i);
        if (i % 50 == 0)
            settle(b); /* only so many may wait for the store */
    }
    struct lines lines = lines_of(b);
    assert_int_equal(lines.count, REFUSALS_PER_ADDRESS + 1);
    assert_string_equal(json_string_value(json_object_get(lines.last, "what")), "refusals beyond what is kept");
    assert_in_range(number_of(&lines, "times"), REFUSALS_PER_ADDRESS, 2 * REFUSALS_PER_ADDRESS);
    json_decref(lines.last);
    refuse(b, "192.0.2.7", "another.example", NOON_MS + MINUTE_MS);
    lines = lines_of(b);
    assert_int_equal(lines.count, REFUSALS_PER_ADDRESS + 2);
    json_decref(lines.last);
}

static void test_the_oldest_make_room(void **state)
{
    struct bench *b = *state;
    char address[32];
    for (unsigned i = 0; i < REFUSALS_MAX + 3000; i++) {
        uint64_t now_ms = NOON_MS + i / 1500 * HOUR_MS + i % 1500; /* fewer in an hour than there is room for */
        snprintf(address, sizeof address, "10.%u.%u.1", i / 250, i % 250);
        refuse(b, address, "x.example", now_ms);
        if (i % 50 == 0)
            settle(b);
    }
    struct lines lines = lines_of(b);
    assert_int_equal(lines.count, REFUSALS_MAX);
    assert_in_range(number_of(&lines, "time_ms"), NOON_MS + 8 * HOUR_MS, NOON_MS + 9 * HOUR_MS);
    json_decref(lines.last);
}

/* What somebody sent may be anything. */
static void test_anything_may_be_refused(void **state)
{
    struct bench *b = *state;
    char *names = malloc(100000);
    memset(names, 'n', 99999);
    names[99999] = '\0';
    refuse(b, NULL, names, NOON_MS);
    refuse(b, "\xff\xfe\n\"", "\x80\x81,, ,\x01", NOON_MS + 1);
    struct lines lines = lines_of(b);
    assert_int_equal(lines.count, 2);
    assert_string_equal(json_string_value(json_object_get(lines.last, "address")), "???\"");
    json_decref(lines.last);
    refusals_note(NULL, &(struct refusal){.address = "192.0.2.1"}, NOON_MS);
    free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_repeats_is_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_address_has_room_for_so_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_oldest_make_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_anything_may_be_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
