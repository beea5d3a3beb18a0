/* export: old lines of the audit leave the store once they are in a file, each once, whatever is cut off. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>
#include <unistd.h>

#include "acme/durations.h"
#include "gateway/audit.h"
#include "gateway/keep/export.h"
#include "gateway/tables.h"

/* 2026-11-01T00:00:00Z */
static const uint64_t NOVEMBER_MS = 1793491200000;

struct bench {
    struct temp_store temp;
    char folder[64];
    struct export_step step;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    temp_store_open(&b->temp);
    snprintf(b->folder, sizeof b->folder, "/tmp/acmegate-export-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    b->step = (struct export_step){
        .folder = b->folder, .age_ms = 100 * (uint64_t)DAY_MS, .now_ms = NOVEMBER_MS + 150 * (uint64_t)DAY_MS};
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
    free(b);
    return 0;
}

struct noted {
    const char *subject;
    uint64_t at_ms;
};

static enum store_status note(struct store_txn *txn, void *arg)
{
    const struct noted *noted = arg;
    const struct audit_by nobody = {.uid = -1};
    return audit_note(txn, "tried", noted->subject, NULL, &nobody, noted->at_ms);
}

static void add(struct bench *b, const char *subject, int64_t days)
{
    struct noted noted = {subject, (uint64_t)((int64_t)NOVEMBER_MS + days * DAY_MS)};
    assert_int_equal(store_call(b->temp.store, note, &noted), STORE_OK);
}

/* Of one step; then how many it removed. */
static unsigned take_step(struct bench *b)
{
    assert_int_equal(export_audit(b->temp.store, &b->step), STORE_OK);
    return b->step.count;
}

static void read_file(const struct bench *b, const char *name, char *text, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    FILE *file = fopen(path, "r");
    text[0] = '\0';
    if (!file)
        return;
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

static unsigned times(const char *text, const char *word)
{
    unsigned found = 0;
    for (; (text = strstr(text, word)); text++)
        found++;
    return found;
}

static void append_to(const struct bench *b, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static uint64_t count(const struct bench *b)
{
    return temp_store_count(&b->temp, ISSUE_AUDIT);
}

static void test_a_file_for_each_month(void **state)
{
    struct bench *b = *state;
    char october[4096], november[4096];
    add(b, "first", -1);
    add(b, "second", 1);
    add(b, "third", 2);
    add(b, "young", 60);
    assert_int_equal(take_step(b), 1);
    assert_int_equal(take_step(b), 2);
    assert_int_equal(take_step(b), 0);
    read_file(b, "audit-2026-10.jsonl", october, sizeof october);
    read_file(b, "audit-2026-11.jsonl", november, sizeof november);
    assert_int_equal(times(october, "\n"), 1);
    assert_int_equal(times(october, "\"first\""), 1);
    assert_int_equal(times(november, "\n"), 2);
    assert_non_null(strstr(strstr(november, "\"second\""), "\"third\""));
    assert_int_equal(count(b), 1);
    assert_int_equal(b->step.next.removing[REMOVED_AUDIT_LINES], 3);
}

/* A kill -9 after the file was written, and before the store gave up its lines: they are there again. */
static void test_what_was_cut_off_is_not_there_twice(void **state)
{
    struct bench *b = *state;
    char text[4096];
    add(b, "first", 1);
    assert_int_equal(take_step(b), 1);
    append_to(b, "audit-2026-11.jsonl", "{\"half of another line");
    add(b, "second", 1);
    assert_int_equal(take_step(b), 1);
    read_file(b, "audit-2026-11.jsonl", text, sizeof text);
    assert_int_equal(times(text, "\n"), 2);
    assert_int_equal(times(text, "\"first\""), 1);
    assert_int_equal(times(text, "\"second\""), 1);
    assert_null(strstr(text, "half"));
}

/* The operator has taken the file away: what comes is a file of its own. */
static void test_a_file_that_was_taken_away(void **state)
{
    struct bench *b = *state;
    char path[128], text[4096];
    add(b, "first", 1);
    take_step(b);
    snprintf(path, sizeof path, "%s/audit-2026-11.jsonl", b->folder);
    unlink(path);
    add(b, "second", 1);
    take_step(b);
    read_file(b, "audit-2026-11.jsonl", text, sizeof text);
    assert_int_equal(times(text, "\n"), 1);
    assert_int_equal(times(text, "\"second\""), 1);
}

static void test_without_a_place_to_write_nothing_is_removed(void **state)
{
    struct bench *b = *state;
    add(b, "first", 1);
    b->step.folder = "/nowhere/at/all";
    assert_int_equal(export_audit(b->temp.store, &b->step), STORE_IO);
    assert_int_equal(count(b), 1);
    b->step.folder = NULL;
    assert_int_equal(take_step(b), 1);
    assert_int_equal(count(b), 0);
}

static void test_never_is_never(void **state)
{
    struct bench *b = *state;
    add(b, "first", 1);
    b->step.age_ms = 0;
    assert_int_equal(take_step(b), 0);
    assert_int_equal(count(b), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_file_for_each_month, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_cut_off_is_not_there_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_that_was_taken_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_place_to_write_nothing_is_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_never_is_never, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
