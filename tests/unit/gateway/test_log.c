/* The log's three forms, its repetitions, and the request that a line comes from. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/log.h"
#include "gateway/log_format.h"

/* What fn writes to stderr. The caller frees it. */
static char *caught(void (*fn)(void))
{
    enum { ROOM = 1 << 18 };
    FILE *file = tmpfile();
    char *text = calloc(1, ROOM);
    int before = dup(STDERR_FILENO);
    assert_non_null(file);
    assert_non_null(text);
    dup2(fileno(file), STDERR_FILENO);
    fn();
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(file);
    assert_true(fread(text, 1, ROOM - 1, file) < ROOM - 1);
    fclose(file);
    return text;
}

static unsigned count_of(const char *text, const char *what)
{
    unsigned count = 0;
    while ((text = strstr(text, what))) {
        text++;
        count++;
    }
    return count;
}

static const struct log_entry hostile = {.level = LOG_LEVEL_WARNING,
                                         .when = {1764182000, 7000000},
                                         .msg = "a \"quoted\" msg\n",
                                         .pairs = {{"key", "a]\"\\\xff\x01"}, {"order", "x=y"}},
                                         .count = 2};

static void assert_form(size_t (*form)(const struct log_entry *, char *), const char *wanted)
{
    char text[LOG_TEXT_MAX];
    size_t len = form(&hostile, text);
    if (len != strlen(wanted) || memcmp(text, wanted, len) != 0)
        fail_msg("%.*s instead of %s", (int)len, text, wanted);
}

static void test_json(void **state)
{
    (void)state;
    assert_form(log_format_json,
                "{\"time\":\"2025-11-26T18:33:20.007Z\",\"level\":\"warning\",\"msg\":\"a \\\"quoted\\\" "
                "msg\\u000a\",\"key\":\"a]\\\"\\\\\xef\xbf\xbd\\u0001\",\"order\":\"x=y\"}\n");
}

static void test_rfc5424(void **state)
{
    char host[256] = "", wanted[1024];
    (void)state;
    gethostname(host, sizeof host - 1);
    snprintf(wanted, sizeof wanted,
             "<28>1 2025-11-26T18:33:20.007Z %s acmegate %ld - [acmegate@32473 key=\"a\\]\\\"\\\\\xef\xbf\xbd\\u0001\" "
             "order=\"x=y\"] a \"quoted\" msg\\u000a\n",
             host, (long)getpid());
    assert_form(log_format_rfc5424, wanted);
}

static void test_journal_form(void **state)
{
    (void)state;
    assert_form(log_format_journal, "MESSAGE=a \"quoted\" msg\\u000a\nPRIORITY=4\nSYSLOG_IDENTIFIER=acmegate\n"
                                    "ACMEGATE_KEY=a]\"\\\xef\xbf\xbd\\u0001\nACMEGATE_ORDER=x=y\n");
}

/* However long the values: whole lines, pair by pair. */
static void test_long_values(void **state)
{
    char value[3 * LOG_TEXT_MAX], text[LOG_TEXT_MAX];
    struct log_entry entry = {.msg = "msg", .count = LOG_PAIRS_MAX};
    (void)state;
    memset(value, '"', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (unsigned i = 0; i < LOG_PAIRS_MAX; i++) {
        entry.pairs[i].key = "key";
        entry.pairs[i].value = value;
    }
    size_t len = log_format_json(&entry, text);
    assert_memory_equal(text + len - 3, "\"}\n", 3);
    len = log_format_rfc5424(&entry, text);
    assert_memory_equal(text + len - 6, "] msg\n", 6);
    len = log_format_journal(&entry, text);
    assert_memory_equal(text + len - 1, "\n", 1);
}

static void repeat(void)
{
    for (unsigned i = 0; i < 100; i++) {
        log_set_request(i + 1); /* each from a request of its own */
        log_warning("again; see to it", "name", "a.example");
        log_info("another", "name", i % 2 ? "b.example" : "c.example");
        log_each(LOG_LEVEL_INFO, "request", "path", "/directory", (char *)0);
    }
    log_set_request(0);
}

static void test_repetitions(void **state)
{
    (void)state;
    uint64_t before = log_count(LOG_LEVEL_WARNING);
    char *text = caught(repeat);
    assert_int_equal(count_of(text, "again; see to it"), 20);
    assert_int_equal(count_of(text, "\"another\""), 40);
    assert_int_equal(count_of(text, "\"request\""), 100);
    assert_int_equal(log_count(LOG_LEVEL_WARNING) - before, 100);
    free(text);
}

static void write_with_causes(void)
{
    log_set_request(0xabc);
    log_info("of the request");
    log_note_cause("subject", 7);
    log_set_request(0);
    log_info("of nobody");
    log_set_cause("subject", 7);
    log_info("caused by it");
    log_set_cause("stranger", 8);
    log_info("caused by nobody");
    log_set_request(0);
}

static void test_requests(void **state)
{
    (void)state;
    char *text = caught(write_with_causes);
    assert_non_null(strstr(text, "\"of the request\",\"request_id\":\"0000000000000abc\"}"));
    assert_non_null(strstr(text, "\"of nobody\"}"));
    assert_non_null(strstr(text, "\"caused by it\",\"request_id\":\"0000000000000abc\"}"));
    assert_non_null(strstr(text, "\"caused by nobody\"}"));
    free(text);
}

static void write_one(void)
{
    log_info("to the journal", "order", "o1");
}

/* The last: the form cannot be taken back without others noticing. */
static void test_journal(void **state)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/acmegate-log-XXXXXX", text[LOG_TEXT_MAX + 1] = "";
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(where.sun_path, sizeof where.sun_path, "%s/socket", folder);
    setenv("ACMEGATE_DEBUG_JOURNAL", where.sun_path, 1);
    log_set_format(LOG_JOURNAL);
    char *on_stderr = caught(write_one); /* nobody is there yet: not lost */
    assert_non_null(strstr(on_stderr, "\"to the journal\""));
    free(on_stderr);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&where, sizeof where), 0);
    on_stderr = caught(write_one);
    assert_string_equal(on_stderr, "");
    free(on_stderr);
    ssize_t len = recv(fd, text, LOG_TEXT_MAX, MSG_DONTWAIT);
    assert_true(len > 0);
    assert_string_equal(text, "MESSAGE=to the journal\nPRIORITY=6\nSYSLOG_IDENTIFIER=acmegate\nACMEGATE_ORDER=o1\n");
    close(fd);
    unlink(where.sun_path);
    rmdir(folder);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),        cmocka_unit_test(test_rfc5424),     cmocka_unit_test(test_journal_form),
        cmocka_unit_test(test_long_values), cmocka_unit_test(test_repetitions), cmocka_unit_test(test_requests),
        cmocka_unit_test(test_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
