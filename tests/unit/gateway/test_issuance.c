/* issuance: every move that the table allows and every one that it does not; records as they were stored. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/record/issuance.h"

/* The diagram of issuance.md section 3 written down a second time. A column for each state in order: queued, prepared,
 * published, submitting, unknown, submitted, blocked, held, collected, refused, dead, cancelling. */
/* clang-format off */
static const char *const allowed[ISSUANCE_STATES] = {
    [ISSUANCE_QUEUED] = ".xx......x..",
    [ISSUANCE_PREPARED] = "..x.x..x.x..",
    [ISSUANCE_PUBLISHED] = ".x.xx..x.x..",
    [ISSUANCE_SUBMITTING] = ".xx.xx.x.x..",
    [ISSUANCE_UNKNOWN] = ".x.x.x.x.xx.",
    [ISSUANCE_SUBMITTED] = "......x.x.xx",
    [ISSUANCE_BLOCKED] = "........x.xx",
    [ISSUANCE_HELD] = ".xx.x....x..",
    [ISSUANCE_COLLECTED] = "............",
    [ISSUANCE_REFUSED] = "............",
    [ISSUANCE_DEAD] = "............",
    [ISSUANCE_CANCELLING] = ".....x..x.x.",
};
/* clang-format on */

static void test_moves(void **state)
{
    (void)state;
    for (int from = ISSUANCE_QUEUED; from < ISSUANCE_STATES; from++) {
        for (int to = ISSUANCE_QUEUED; to < ISSUANCE_STATES; to++) {
            struct issuance is = {.state = (enum issuance_state)from, .changed_ms = 1};
            bool legal = allowed[from][to - 1] == 'x';
            assert_int_equal(issuance_move(&is, (enum issuance_state)to, 7), legal);
            assert_int_equal(is.state, legal ? to : from);
            assert_int_equal(is.changed_ms, legal ? 7 : 1);
        }
    }
}

static void test_ended(void **state)
{
    (void)state;
    for (int at = ISSUANCE_QUEUED; at < ISSUANCE_STATES; at++)
        assert_int_equal(issuance_ended((enum issuance_state)at), at >= ISSUANCE_COLLECTED && at <= ISSUANCE_DEAD);
}

static void test_ids(void **state)
{
    char one[ISSUANCE_ID_MAX + 1], two[ISSUANCE_ID_MAX + 1];
    (void)state;
    assert_true(issuance_id_make("gw1", false, one));
    assert_true(issuance_id_make("gw1", false, two));
    assert_int_equal(strlen(one), 3 + 32);
    assert_int_equal(strspn(one + 3, "0123456789abcdef"), 32);
    assert_memory_equal(one, "gw1", 3);
    assert_string_not_equal(one, two);
    assert_true(issuance_id_is(one, "gw1", false));
    assert_false(issuance_id_is(one, "gw1", true));
    assert_false(issuance_id_is(one, "gw2", false));
    assert_true(issuance_id_make("gw1", true, two));
    assert_int_equal(strlen(two), 3 + 32);
    assert_true(issuance_id_is(two, "gw1", true));
    assert_false(issuance_id_is(two, "gw1", false));
    assert_false(issuance_id_is("gw1", "gw1", false));

    bool test;
    assert_true(issuance_id_is_any(one, &test) && !test);
    assert_true(issuance_id_is_any(two, &test) && test);
    one[0] = '-'; /* no instance */
    two[5] = 'g'; /* no digit */
    assert_false(issuance_id_is_any(one, &test) || issuance_id_is_any(two, &test));
    assert_false(issuance_id_is_any("", &test) || issuance_id_is_any("1234567", &test));
    assert_false(issuance_id_is_any("0123456789abcdef0123456789abcdef", &test));
    assert_false(issuance_id_is_any("0123456789abcdef0123456789abcdef01234567", &test));
    assert_false(issuance_id_make("123456789", false, one));
}

static void fill(struct issuance *is)
{
    struct acme_id order = {{9}};
    *is = (struct issuance){.id = "a0123",
                            .kind = ISSUANCE_REPLACEMENT,
                            .state = ISSUANCE_UNKNOWN,
                            .subscription = {{1, 2}},
                            .account = {{3, 4}},
                            .profile = "default",
                            .csr_has_cn = true,
                            .spki_sha256 = {5, 6},
                            .unique_value = "abcdefghij0123456789",
                            .order_number = "1234567repl#1",
                            .certificate_id = "42",
                            .created_ms = 10,
                            .changed_ms = 11,
                            .sent_ms = 12,
                            .resent_ms = 13,
                            .sends = 2,
                            .attempt = 1,
                            .failures = 3,
                            .looked_ms = 14,
                            .pushed_ms = 15,
                            .looks = 4,
                            .refusal = -55,
                            .doubt = true,
                            .caa = true,
                            .caa_retried_ms = 16,
                            .placed_ms = 17};
    is->csr = malloc(3);
    memcpy(is->csr, "\x30\x01\x00", 3);
    is->csr_len = 3;
    assert_true(issuance_attach(is, &order));
    assert_true(issuance_set_note(is, "why"));
}

static enum store_status save(struct store_txn *txn, void *arg)
{
    return issuance_save(txn, arg);
}

static void test_record(void **state)
{
    struct temp_store temp;
    struct issuance is, read;
    struct store_txn *txn;
    (void)state;
    temp_store_open(&temp);
    fill(&is);
    is.revision = 7;
    assert_int_equal(store_call(temp.store, save, &is), STORE_OK);
    assert_int_equal(store_read(temp.store, &txn), STORE_OK);
    assert_int_equal(issuance_load(txn, "none", &read), STORE_NOT_FOUND);
    issuance_clear(&read);
    assert_int_equal(issuance_load(txn, "a0123", &read), STORE_OK);
    store_read_end(txn);
    assert_int_equal(read.revision, 7);
    assert_int_equal(read.kind, ISSUANCE_REPLACEMENT);
    assert_int_equal(read.state, ISSUANCE_UNKNOWN);
    assert_memory_equal(&read.subscription, &is.subscription, sizeof is.subscription);
    assert_memory_equal(&read.account, &is.account, sizeof is.account);
    assert_memory_equal(read.spki_sha256, is.spki_sha256, sizeof is.spki_sha256);
    assert_string_equal(read.unique_value, is.unique_value);
    assert_string_equal(read.order_number, "1234567repl#1");
    assert_string_equal(read.certificate_id, "42");
    assert_int_equal(read.sent_ms, 12);
    assert_int_equal(read.resent_ms, 13);
    assert_int_equal(read.sends, 2);
    assert_int_equal(read.failures, 3);
    assert_int_equal(read.attempt, 1);
    assert_int_equal(read.looked_ms, 14);
    assert_int_equal(read.pushed_ms, 15);
    assert_int_equal(read.looks, 4);
    assert_int_equal(read.refusal, -55);
    assert_true(read.doubt && read.caa && !read.nudged);
    assert_int_equal(read.caa_retried_ms, 16);
    assert_int_equal(read.placed_ms, 17);
    assert_true(read.csr_has_cn);
    assert_int_equal(read.csr_len, 3);
    assert_memory_equal(read.csr, is.csr, 3);
    assert_int_equal(read.order_count, 1);
    assert_int_equal(read.orders[0].octets[0], 9);
    assert_string_equal(read.note, "why");
    issuance_clear(&read);
    issuance_clear(&is);
    temp_store_close(&temp);
}

/* What was written by a clock that was ahead begins now, unless the clock is in doubt. */
static void test_times_of_the_future(void **state)
{
    struct temp_store temp;
    struct issuance is, read;
    struct store_txn *txn;
    uint64_t future_ms = clock_ms() + 365ull * 24 * 3600 * 1000;
    (void)state;
    temp_store_open(&temp);
    fill(&is);
    is.created_ms = is.changed_ms = is.sent_ms = is.resent_ms = is.looked_ms = is.pushed_ms = is.caa_retried_ms =
        future_ms;
    assert_int_equal(store_call(temp.store, save, &is), STORE_OK);
    for (int sure = 0; sure < 2; sure++) {
        if (sure)
            clock_trust();
        assert_int_equal(clock_in_doubt(), !sure);
        uint64_t before_ms = clock_ms();
        assert_int_equal(store_read(temp.store, &txn), STORE_OK);
        assert_int_equal(issuance_load(txn, "a0123", &read), STORE_OK);
        store_read_end(txn);
        const uint64_t times[] = {read.created_ms, read.changed_ms, read.sent_ms,       read.resent_ms,
                                  read.looked_ms,  read.pushed_ms,  read.caa_retried_ms};
        for (size_t i = 0; i < sizeof times / sizeof *times; i++)
            assert_in_range(times[i], sure ? before_ms : future_ms, sure ? clock_ms() : future_ms);
        assert_int_equal(read.placed_ms, 17);
        issuance_clear(&read);
    }
    issuance_clear(&is);
    temp_store_close(&temp);
}

struct cut {
    size_t len;
    uint8_t octets[2048];
};

static enum store_status put_cut(struct store_txn *txn, void *arg)
{
    struct cut *cut = arg;
    return store_put(txn, ISSUE_ISSUANCES, "a0123", 5, cut->octets, cut->len);
}

/* A record that lost its end, at whatever octet, is refused and leaks nothing. */
static void test_truncated_record(void **state)
{
    struct temp_store temp;
    struct issuance is;
    struct store_txn *txn;
    struct store_slice value;
    struct cut cut;
    (void)state;
    temp_store_open(&temp);
    fill(&is);
    assert_int_equal(store_call(temp.store, save, &is), STORE_OK);
    issuance_clear(&is);
    assert_int_equal(store_read(temp.store, &txn), STORE_OK);
    assert_int_equal(store_get(txn, ISSUE_ISSUANCES, "a0123", 5, &value), STORE_OK);
    size_t whole = value.len;
    assert_true(whole < sizeof cut.octets);
    memcpy(cut.octets, value.data, whole);
    store_read_end(txn);
    for (cut.len = 1; cut.len < whole; cut.len++) {
        assert_int_equal(store_call(temp.store, put_cut, &cut), STORE_OK);
        assert_int_equal(store_read(temp.store, &txn), STORE_OK);
        assert_int_equal(issuance_load(txn, "a0123", &is), STORE_INVALID);
        store_read_end(txn);
        issuance_clear(&is);
    }
    temp_store_close(&temp);
}

static void load_whole(struct temp_store *temp, struct issuance *is)
{
    struct store_txn *txn;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    assert_int_equal(issuance_load(txn, "a0123", is), STORE_OK);
    store_read_end(txn);
}

/* What versions 1 to 4 wrote, octet for octet: stores of that time must stay readable. Only what has ended may lack its
 * CSR, and only in a record of today. */
static void test_records_of_before(void **state)
{
    static const char stored[] =
        "\0\0\0\7\2\5ssssssssssssssssssaaaaaaaaaaaaaaaaaa\0\0\0\2dv\1kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\0\0\0\2uv\0\0\0\1"
        "8\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\5\0\0\0\6\0\0\0\0\0\0\0\7"
        "\0\0\0\0\0\0\0\10\0\0\0\11\377\377\377\311\5\0\0\0\3why\0\0\0\3csr\0\0\0\1oooooooooooooooooo"
        "\1\0\0\0\0\0\0\0\12\0\0\0\0\0\0\0\13";
    static const size_t lens[] = {sizeof stored - 1 - 17, sizeof stored - 1 - 16, sizeof stored - 1 - 8,
                                  sizeof stored - 1};
    struct temp_store temp;
    (void)state;
    temp_store_open(&temp);
    for (uint8_t version = 1; version <= 4; version++) {
        struct issuance is;
        struct cut cut = {.len = 1 + lens[version - 1], .octets = {version}};
        memcpy(cut.octets + 1, stored, lens[version - 1]);
        assert_int_equal(store_call(temp.store, put_cut, &cut), STORE_OK);
        load_whole(&temp, &is);
        assert_int_equal(is.state, ISSUANCE_UNKNOWN);
        assert_int_equal(is.refusal, -55);
        assert_string_equal(is.note, "why");
        assert_memory_equal(is.csr, "csr", 3);
        assert_int_equal(is.order_count, 1);
        assert_int_equal(is.attempt, version >= 2);
        assert_int_equal(is.caa_retried_ms, version >= 3 ? 10 : 0);
        assert_int_equal(is.placed_ms, version >= 4 ? 11 : 0);
        issuance_clear(&is);
    }
    temp_store_close(&temp);
}

/* What has ended needs no CSR any more, and is saved and read without. */
static void test_csr_of_what_ended(void **state)
{
    struct temp_store temp;
    (void)state;
    temp_store_open(&temp);
    for (int at = ISSUANCE_QUEUED; at < ISSUANCE_STATES; at++) {
        struct issuance is, read;
        fill(&is);
        is.state = (enum issuance_state)at;
        for (int again = 0; again < 2; again++) {
            assert_int_equal(store_call(temp.store, save, &is), STORE_OK);
            load_whole(&temp, &read);
            assert_int_equal(read.csr_len, issuance_ended(is.state) ? 0 : 3);
            assert_int_equal(read.csr == NULL, issuance_ended(is.state));
            assert_int_equal(read.order_count, 1);
            assert_int_equal(read.placed_ms, 17);
            issuance_clear(&is);
            is = read;
        }
        issuance_clear(&is);
    }
    struct issuance none;
    fill(&none);
    none.csr_len = 0; /* under way: it must have one */
    assert_int_equal(store_call(temp.store, save, &none), STORE_INVALID);
    issuance_clear(&none);
    temp_store_close(&temp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_times_of_the_future),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_truncated_record),
        cmocka_unit_test(test_records_of_before),
        cmocka_unit_test(test_csr_of_what_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
