/* copies: scheduled backups: when, under which name, which are removed, and that one that cannot be read never stands
 * under its name. */
#include "tests/unit/gateway/static_config.h"
#include "tests/unit/gateway/temp_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/clock.h"
#include "gateway/keep/copies.h"
#include "gateway/keep/diary.h"

static char instance[] = "a";

struct bench {
    struct temp_store temp;
    char folder[64];
    struct config config;
    struct copies copies;
};

static int set_up(void **state)
{
    static const char *const tables[] = {ACME_TABLE_NAMES, ISSUE_TABLE_NAMES};
    struct bench *b = calloc(1, sizeof *b);
    temp_store_open(&b->temp);
    snprintf(b->folder, sizeof b->folder, "/tmp/acmegate-copies-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    b->config = (struct config){.instance = instance, .backup = {.folder = b->folder, .every_s = 3600, .keep = 2}};
    struct keeper_config at = {
        .configs = static_config(&b->config),
        .store = b->temp.store,
        .settings = {.path = b->temp.path, .tables = tables, .table_count = ISSUE_TABLE_END, .schema = 1}};
    copies_begin(&b->copies, &at);
    clock_trust(); /* or nothing is rotated */
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", b->folder);
    assert_int_equal(system(command), 0);
    temp_store_close(&b->temp);
    config_current_free(b->copies.at.configs);
    free(b);
    return 0;
}

static struct backup_diary diary_of(struct bench *b)
{
    struct backup_diary diary;
    struct store_txn *txn;
    assert_int_equal(store_read(b->temp.store, &txn), STORE_OK);
    assert_int_equal(diary_load_backup(txn, &diary), STORE_OK);
    store_read_end(txn);
    return diary;
}

static enum store_status save_diary(struct store_txn *txn, void *arg)
{
    return diary_save_backup(txn, arg);
}

/* Since then every_s have passed. */
static void make_due(struct bench *b)
{
    struct backup_diary diary = diary_of(b);
    diary.done_ms = 1;
    assert_int_equal(store_call(b->temp.store, save_diary, &diary), STORE_OK);
}

static void make_folder(const struct bench *b, const char *name, const char *file)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/%s/%s", b->folder, name, file);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static bool is_there(const struct bench *b, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    return access(path, F_OK) == 0;
}

static unsigned count_entries(const struct bench *b)
{
    unsigned count = 0;
    DIR *folder = opendir(b->folder);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void test_one_is_made_when_it_is_due(void **state)
{
    struct bench *b = *state;
    uint64_t rest_ms = copies_turn(&b->copies);
    assert_in_range(rest_ms, 3590000, 3600000);
    struct backup_diary first = diary_of(b);
    assert_true(is_there(b, first.name));
    assert_in_range(copies_turn(&b->copies), 3590000, 3600000);
    assert_int_equal(count_entries(b), 1);
    assert_string_equal(diary_of(b).name, first.name);
}

/* A time that is still to come was written by a clock that was wrong: nothing waits for it. */
static void test_a_diary_of_the_future_is_due(void **state)
{
    struct bench *b = *state;
    struct backup_diary diary = {.done_ms = clock_ms() + 365ull * 86400 * 1000};
    assert_int_equal(store_call(b->temp.store, save_diary, &diary), STORE_OK);
    assert_in_range(copies_turn(&b->copies), 3590000, 3600000);
    assert_int_equal(count_entries(b), 1);
}

static void test_the_oldest_of_ours_are_removed_and_nothing_else(void **state)
{
    static const char *const foreign[] = {"acmegate-b-20200101T000000Z",     "acmegate-a-20200101T000000",
                                          "acmegate-a-20200101T000000Z.old", "acmegate-a-2020-101T000000Z",
                                          "acmegate-20200101T000000Z",       "notes"};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        make_folder(b, foreign[i], "data.mdb");
    make_folder(b, "acmegate-a-20200101T000001Z", "data.mdb");
    make_folder(b, "acmegate-a-20200101T000002Z", "somebody's");
    make_folder(b, "acmegate-a-20200101T000003Z", "data.mdb");
    make_folder(b, "acmegate-a-20200101T000004Z", "data.mdb");
    make_folder(b, "acmegate-a-20200101T000005Z.new", "data.mdb");
    make_folder(b, "acmegate-a-20200101T000006Z.new.partial", "data.mdb");
    copies_turn(&b->copies);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_true(is_there(b, foreign[i]));
    assert_false(is_there(b, "acmegate-a-20200101T000001Z"));
    assert_true(is_there(b, "acmegate-a-20200101T000002Z/somebody's"));
    assert_false(is_there(b, "acmegate-a-20200101T000003Z"));
    assert_true(is_there(b, "acmegate-a-20200101T000004Z/data.mdb"));
    assert_false(is_there(b, "acmegate-a-20200101T000005Z.new"));
    assert_false(is_there(b, "acmegate-a-20200101T000006Z.new.partial"));
    assert_true(is_there(b, diary_of(b).name));
}

/* The start would not open it: it gets no name, the older ones stay, and the next try is soon. */
static void test_one_that_cannot_be_opened_is_no_backup(void **state)
{
    struct bench *b = *state;
    copies_turn(&b->copies);
    struct backup_diary good = diary_of(b);
    make_folder(b, "acmegate-a-20200101T000001Z", "data.mdb");
    make_due(b);
    b->copies.at.settings.schema = 2;
    assert_in_range(copies_turn(&b->copies), 140000, 150000);
    assert_int_equal(count_entries(b), 2);
    assert_true(is_there(b, good.name));
    struct backup_diary bad = diary_of(b);
    assert_int_equal(bad.failures, 1);
    assert_string_equal(bad.name, good.name);
    assert_non_null(strstr(bad.note, "older program"));
    assert_in_range(copies_turn(&b->copies), 140000, 150000);
    assert_int_equal(diary_of(b).failures, 1);
}

static void test_a_folder_that_is_away(void **state)
{
    struct bench *b = *state;
    char away[80];
    snprintf(away, sizeof away, "%s.away", b->folder);
    assert_int_equal(rename(b->folder, away), 0);
    copies_turn(&b->copies);
    assert_non_null(strstr(diary_of(b).note, b->folder));
    assert_int_equal(rename(away, b->folder), 0);
    b->copies.tried_boot_ms = clock_boot_ms() - 200000; /* its rest is over */
    copies_turn(&b->copies);
    struct backup_diary diary = diary_of(b);
    assert_int_equal(diary.failures, 0);
    assert_string_equal(diary.note, "");
    assert_true(is_there(b, diary.name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_is_made_when_it_is_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_diary_of_the_future_is_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_oldest_of_ours_are_removed_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_that_cannot_be_opened_is_no_backup, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_folder_that_is_away, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
