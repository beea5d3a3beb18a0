/* story: lines in order, the same said again as one, and a long story bounded with its beginning and its end. */
#include "tests/unit/gateway/temp_store.h"

#include <stdio.h>
#include <string.h>

#include "gateway/issue/record/story.h"

struct telling {
    enum issuance_state state;
    const char *what, *words;
    uint64_t now_ms;
};

static enum store_status tell(struct store_txn *txn, void *arg)
{
    const struct telling *t = arg;
    struct issuance is = {.id = "gw1", .state = t->state};
    return story_add(txn, &is, t->what, t->words, t->now_ms);
}

static void say(struct temp_store *temp, enum issuance_state state, const char *what, const char *words,
                uint64_t now_ms)
{
    struct telling t = {state, what, words, now_ms};
    assert_int_equal(store_call(temp->store, tell, &t), STORE_OK);
}

static enum store_status load(struct temp_store *temp, struct story *story)
{
    struct store_txn *txn;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    enum store_status status = story_load(txn, "gw1", story);
    store_read_end(txn);
    return status;
}

static void test_the_same_again_is_one_line(void **state)
{
    struct story story;
    assert_int_equal(load(*state, &story), STORE_OK);
    assert_int_equal(story.count, 0);
    say(*state, ISSUANCE_PUBLISHED, "preflight", "not seen", 10);
    say(*state, ISSUANCE_PUBLISHED, "preflight", "not seen", 20);
    say(*state, ISSUANCE_PUBLISHED, "preflight", "not seen", 30);
    say(*state, ISSUANCE_SUBMITTING, "", "", 40);
    say(*state, ISSUANCE_PUBLISHED, "preflight", "not seen", 50);
    assert_int_equal(load(*state, &story), STORE_OK);
    assert_int_equal(story.count, 3);
    assert_int_equal(story.lines[0].first_ms, 10);
    assert_int_equal(story.lines[0].last_ms, 30);
    assert_int_equal(story.lines[0].times, 3);
    assert_string_equal(story.lines[0].what, "preflight");
    assert_string_equal(story.lines[0].words, "not seen");
    assert_int_equal(story.lines[1].state, ISSUANCE_SUBMITTING);
    assert_int_equal(story.lines[2].times, 1);
}

static void test_long_texts_are_cut(void **state)
{
    char words[2 * STORY_WORDS_MAX + 1];
    struct story story;
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    say(*state, ISSUANCE_HELD, words, words, 1);
    assert_int_equal(load(*state, &story), STORE_OK);
    assert_int_equal(strlen(story.lines[0].what), STORY_WHAT_MAX);
    assert_int_equal(strlen(story.lines[0].words), STORY_WORDS_MAX);
}

static void test_a_long_story_keeps_its_beginning_and_its_end(void **state)
{
    enum { TOLD = STORY_LINES_MAX + 100 };
    char words[16];
    struct story story;
    for (unsigned i = 0; i < TOLD; i++) {
        snprintf(words, sizeof words, "%u", i);
        say(*state, ISSUANCE_SUBMITTED, "CollectSSL", words, i);
    }
    assert_int_equal(load(*state, &story), STORE_OK);
    assert_int_equal(story.count, STORY_LINES_MAX);
    assert_int_equal(story.left_out, 100);
    assert_string_equal(story.lines[0].words, "0");
    assert_int_equal(story.lines[STORY_LINES_MAX - 1].first_ms, TOLD - 1);
    for (unsigned i = 1; i < STORY_LINES_MAX; i++)
        assert_true(story.lines[i].first_ms > story.lines[i - 1].first_ms);
}

/* What version 1 wrote, octet for octet; what is said then is of today's, also by a clock that was set back. */
static enum store_status put_before(struct store_txn *txn, void *arg)
{
    static const char stored[] = "\1\0\0\0\2\0\0\0\1\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\11\0\0\0\3\6\0\0\0\4push\0\0\0\2no";
    (void)arg;
    return store_put(txn, ISSUE_STORIES, "gw1", 3, stored, sizeof stored - 1);
}

static void test_a_story_of_version_1(void **state)
{
    struct temp_store *temp = *state;
    struct story story;
    assert_int_equal(store_call(temp->store, put_before, NULL), STORE_OK);
    say(temp, ISSUANCE_COLLECTED, STORY_PUSH, "", 5);
    say(temp, ISSUANCE_COLLECTED, STORY_PUSH, "", 4);
    assert_int_equal(load(temp, &story), STORE_OK);
    assert_int_equal(story.left_out, 2);
    assert_int_equal(story.count, 2);
    assert_true(story.lines[0].first_ms == 7 && story.lines[0].last_ms == 9 && story.lines[0].times == 3);
    assert_int_equal(story.lines[0].state, ISSUANCE_SUBMITTED);
    assert_string_equal(story.lines[0].words, "no");
    assert_true(story.lines[1].first_ms == 5 && story.lines[1].last_ms == 4 && story.lines[1].times == 2);
}

static enum store_status spoil(struct store_txn *txn, void *arg)
{
    (void)arg;
    return store_put(txn, ISSUE_STORIES, "gw1", 3, "\1\0\0\1", 4);
}

/* What is only told keeps no order from going on. */
static void test_a_damaged_story_begins_anew(void **state)
{
    struct temp_store *temp = *state;
    struct story story;
    assert_int_equal(store_call(temp->store, spoil, NULL), STORE_OK);
    assert_int_equal(load(temp, &story), STORE_INVALID);
    say(temp, ISSUANCE_COLLECTED, STORY_PUSH, "", 5);
    assert_int_equal(load(temp, &story), STORE_OK);
    assert_int_equal(story.count, 1);
    assert_int_equal(story.left_out, 0);
}

static enum store_status save_and_tell(struct store_txn *txn, void *arg)
{
    struct issuance is = {.id = "gw1",
                          .kind = ISSUANCE_PURCHASE,
                          .state = ISSUANCE_SUBMITTED,
                          .csr = (uint8_t[]){1},
                          .csr_len = 1,
                          .note = (char[]){""}};
    (void)arg;
    enum store_status status = issuance_save(txn, &is);
    if (status == STORE_OK)
        status = story_add_to(txn, "gw1", "RetryCAACheck", "late", 7);
    return status == STORE_OK ? story_add_to(txn, "gone", "RetryCAACheck", "late", 7) : status;
}

/* What comes beside a step is told in the state that the issuance is in by then; of one that is gone nothing is. */
static void test_what_comes_late_is_told(void **state)
{
    struct temp_store *temp = *state;
    struct story story;
    assert_int_equal(store_call(temp->store, save_and_tell, NULL), STORE_OK);
    story_add_soon(temp->store, "gw1", STORY_PUSH, "issued");
    assert_int_equal(store_call(temp->store, save_and_tell, NULL), STORE_OK); /* behind it */
    assert_int_equal(load(temp, &story), STORE_OK);
    assert_int_equal(story.count, 3);
    assert_int_equal(story.lines[0].state, ISSUANCE_SUBMITTED);
    assert_string_equal(story.lines[1].what, STORY_PUSH);
    assert_string_equal(story.lines[1].words, "issued");
}

static enum store_status tell_and_remove(struct store_txn *txn, void *arg)
{
    struct issuance is = {.id = "gw1", .state = ISSUANCE_COLLECTED};
    (void)arg;
    enum store_status status = story_add(txn, &is, STORY_PUSH, "", 1);
    return status == STORE_OK ? issuance_remove(txn, &is) : status;
}

static void test_it_goes_with_its_issuance(void **state)
{
    struct temp_store *temp = *state;
    struct store_txn *txn;
    assert_int_equal(store_call(temp->store, save_and_tell, NULL), STORE_OK);
    assert_int_equal(store_call(temp->store, tell_and_remove, NULL), STORE_OK);
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    assert_int_equal(store_count(txn, ISSUE_STORIES), 0);
    store_read_end(txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_same_again_is_one_line, temp_store_set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_long_texts_are_cut, temp_store_set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_a_long_story_keeps_its_beginning_and_its_end, temp_store_set_up,
                                        temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_what_comes_late_is_told, temp_store_set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_it_goes_with_its_issuance, temp_store_set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_a_damaged_story_begins_anew, temp_store_set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_a_story_of_version_1, temp_store_set_up, temp_store_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
