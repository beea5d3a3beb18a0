#include "fixture.h"
#include "store/record.h"

static struct store_slice slice_of(const struct record_writer *w)
{
    return (struct store_slice){.data = w->data, .len = w->len};
}

static void write_sample(struct record_writer *w)
{
    record_begin(w, 7, 4096);
    record_put_u8(w, 0xfe);
    record_put_u32(w, 0x01020304);
    record_put_u64(w, UINT64_MAX - 1);
    record_put_bytes(w, "a\0b", 3);
    record_put_fixed(w, "FIXED", 5);
    record_put_string(w, "text");
    record_put_string(w, NULL);
    assert_false(w->failed);
}

/* Reads what write_sample wrote; false when the record is not whole. */
static bool read_sample(struct store_slice value)
{
    struct record_reader r;
    char fixed[5], text[5];
    uint8_t version = record_open(&r, value);
    uint8_t u8 = record_get_u8(&r);
    uint32_t u32 = record_get_u32(&r);
    uint64_t u64 = record_get_u64(&r);
    struct store_slice bytes = record_get_bytes(&r);
    record_get_fixed(&r, fixed, sizeof fixed);
    record_get_string(&r, text, sizeof text);
    char *copy = record_dup_string(&r);
    bool same = version == 7 && u8 == 0xfe && u32 == 0x01020304 && u64 == UINT64_MAX - 1 && bytes.len == 3 &&
                memcmp(bytes.data, "a\0b", 3) == 0 && memcmp(fixed, "FIXED", 5) == 0 && strcmp(text, "text") == 0 &&
                copy != NULL && copy[0] == '\0';
    free(copy);
    assert_int_equal(record_complete(&r), same);
    return same;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct record_writer w;
    write_sample(&w);
    assert_true(read_sample(slice_of(&w)));
    record_free(&w);
}

static void test_byte_order(void **state)
{
    (void)state;
    struct record_writer w;
    record_begin(&w, 1, 64);
    record_put_u32(&w, 0x01020304);
    record_put_string(&w, "ab");
    assert_int_equal(w.len, 11);
    assert_memory_equal(w.data, "\1\1\2\3\4\0\0\0\2ab", 11);
    record_free(&w);
}

static void test_every_truncation_is_seen(void **state)
{
    (void)state;
    struct record_writer w;
    write_sample(&w);
    for (size_t len = 0; len < w.len; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1); /* so that a sanitizer sees a read beyond */
        assert_non_null(exact);
        memcpy(exact, w.data, len);
        assert_false(read_sample((struct store_slice){.data = exact, .len = len}));
        free(exact);
    }
    record_free(&w);
}

static void test_left_over(void **state)
{
    (void)state;
    struct record_reader r;
    assert_int_equal(record_open(&r, (struct store_slice){.data = (const uint8_t *)"\1\2\3", .len = 3}), 1);
    record_get_u8(&r);
    assert_false(r.failed);
    assert_false(record_complete(&r));
    record_get_u8(&r);
    assert_true(record_complete(&r));
}

static void test_empty(void **state)
{
    (void)state;
    struct record_reader r;
    assert_int_equal(record_open(&r, (struct store_slice){0}), 0);
    assert_true(r.failed);
    assert_int_equal(record_get_u64(&r), 0);
    assert_null(record_dup_string(&r));
}

static void test_hostile_length(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 0xff, 0xff, 0xff, 0xff, 'x'};
    struct record_reader r;
    record_open(&r, (struct store_slice){.data = data, .len = sizeof data});
    struct store_slice bytes = record_get_bytes(&r);
    assert_true(r.failed);
    assert_int_equal(bytes.len, 0);
    assert_int_equal(record_get_u8(&r), 0); /* the error is sticky though an octet is left */
}

static void test_text_limits(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len, room;
        bool good;
    } cases[] = {{"abc", 3, 4, true}, {"abc", 3, 3, false}, {"a\0c", 3, 8, false}, {"", 0, 1, true}, {"", 0, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record_writer w;
        struct record_reader r;
        char out[8] = "xxxxxxx";
        record_begin(&w, 1, 64);
        record_put_bytes(&w, cases[i].bytes, cases[i].len);
        record_open(&r, slice_of(&w));
        record_get_string(&r, out, cases[i].room);
        assert_int_equal(!r.failed, cases[i].good);
        if (cases[i].room > 0)
            assert_string_equal(out, cases[i].good ? cases[i].bytes : "");
        record_free(&w);
    }
}

static void test_text_with_nul_is_not_copied(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 0, 0, 0, 3, 'a', 0, 'c'};
    struct record_reader r;
    record_open(&r, (struct store_slice){.data = data, .len = sizeof data});
    assert_null(record_dup_string(&r));
    assert_true(r.failed);
}

static void test_failed_fixed_is_zeroed(void **state)
{
    (void)state;
    uint8_t out[4] = {9, 9, 9, 9};
    struct record_reader r;
    record_open(&r, (struct store_slice){.data = (const uint8_t *)"\1\2", .len = 2});
    record_get_fixed(&r, out, sizeof out);
    assert_true(r.failed);
    assert_memory_equal(out, "\0\0\0\0", 4);
}

static void test_maximum(void **state)
{
    (void)state;
    struct record_writer w;
    record_begin(&w, 1, 9);
    record_put_u64(&w, 1);
    assert_false(w.failed);
    record_put_u8(&w, 1);
    assert_true(w.failed);
    assert_int_equal(w.len, 9);
    record_free(&w);
    record_begin(&w, 1, 0);
    assert_true(w.failed);
    record_free(&w);
    record_put_u8(&w, 1); /* after free: refused, not a crash */
    assert_true(w.failed);
}

static void test_grows(void **state)
{
    (void)state;
    static uint8_t big[100000];
    struct record_writer w;
    record_begin(&w, 1, 1 << 20);
    memset(big, 'q', sizeof big);
    record_put_bytes(&w, big, sizeof big);
    record_put_u8(&w, 5);
    assert_false(w.failed);
    struct record_reader r;
    record_open(&r, slice_of(&w));
    struct store_slice bytes = record_get_bytes(&r);
    assert_int_equal(bytes.len, sizeof big);
    assert_memory_equal(bytes.data, big, sizeof big);
    assert_int_equal(record_get_u8(&r), 5);
    assert_true(record_complete(&r));
    record_free(&w);
}

/* What is written for a number, octet for octet. */
static void test_compact(void **state)
{
    (void)state;
    static const struct {
        uint64_t number;
        const char *octets;
        size_t len;
    } cases[] = {{0, "\0", 1},
                 {127, "\x7f", 1},
                 {128, "\x80\1", 2},
                 {300, "\xac\2", 2},
                 {UINT32_MAX, "\xff\xff\xff\xff\xf", 5},
                 {UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 10}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record_writer w;
        struct record_reader r;
        record_begin(&w, 1, 64);
        w.compact = true;
        record_put_u64(&w, cases[i].number);
        assert_int_equal(w.len, 1 + cases[i].len);
        assert_memory_equal(w.data + 1, cases[i].octets, cases[i].len);
        record_open(&r, slice_of(&w));
        r.compact = true;
        assert_true(record_get_u64(&r) == cases[i].number);
        assert_true(record_complete(&r));
        record_open(&r, slice_of(&w));
        r.compact = true;
        assert_true((record_get_u32(&r) == cases[i].number) == (cases[i].number <= UINT32_MAX));
        assert_true(r.failed == (cases[i].number > UINT32_MAX));
        record_free(&w);
    }
}

static void test_compact_texts(void **state)
{
    (void)state;
    struct record_writer w;
    struct record_reader r;
    char text[8];
    record_begin(&w, 1, 64);
    w.compact = true;
    record_put_string(&w, "text");
    record_put_u32(&w, 5);
    assert_int_equal(w.len, 1 + 1 + 4 + 1);
    for (size_t len = 1; len <= w.len; len++) {
        record_open(&r, (struct store_slice){w.data, len});
        r.compact = true;
        record_get_string(&r, text, sizeof text);
        record_get_u32(&r);
        assert_true(record_complete(&r) == (len == w.len));
    }
    assert_string_equal(text, "text");
    record_free(&w);
}

/* One way to write each number: no octet too many, no end missing, no bit too many. */
static void test_compact_has_one_form(void **state)
{
    (void)state;
    static const char *const wrong[] = {"\1\x80", "\1\x81\x80", "\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\2",
                                        "\1\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1"};
    static const uint8_t padded[] = {1, 0x81, 0};
    struct record_reader r;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        record_open(&r, (struct store_slice){(const uint8_t *)wrong[i], strlen(wrong[i])});
        r.compact = true;
        assert_int_equal(record_get_u64(&r), 0);
        assert_true(r.failed);
    }
    record_open(&r, (struct store_slice){padded, sizeof padded});
    r.compact = true;
    record_get_u64(&r);
    assert_true(r.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_byte_order),
        cmocka_unit_test(test_every_truncation_is_seen),
        cmocka_unit_test(test_left_over),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_hostile_length),
        cmocka_unit_test(test_text_limits),
        cmocka_unit_test(test_text_with_nul_is_not_copied),
        cmocka_unit_test(test_failed_fixed_is_zeroed),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_compact),
        cmocka_unit_test(test_compact_texts),
        cmocka_unit_test(test_compact_has_one_form),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
