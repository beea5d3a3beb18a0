/* The header of the PROXY protocol: whole, in pieces, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/http/proxy_header.h"

/* In memory of just its size, so that a sanitizer sees a read beyond it. */
static enum proxy_header_verdict read_exactly(const void *data, size_t len, char client[static INET6_ADDRSTRLEN],
                                              size_t *used)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    enum proxy_header_verdict verdict = proxy_header_read(copy, len, client, used);
    free(copy);
    return verdict;
}

/* Good as a whole, with and without what follows, and not whole in every shorter form. */
static void assert_good(const void *data, size_t len, const char *wanted)
{
    char client[INET6_ADDRSTRLEN], more[2048];
    size_t used;
    for (size_t part = 0; part < len; part++)
        assert_int_equal(read_exactly(data, part, client, &used), PROXY_HEADER_MORE);
    assert_int_equal(read_exactly(data, len, client, &used), PROXY_HEADER_GOOD);
    assert_string_equal(client, wanted);
    assert_int_equal(used, len);
    memcpy(more, data, len);
    memcpy(more + len, "GET / HTTP/1.1\r\n", 16);
    assert_int_equal(read_exactly(more, len + 16, client, &used), PROXY_HEADER_GOOD);
    assert_int_equal(used, len);
}

static void test_lines(void **state)
{
    static const struct {
        const char *line, *client;
    } good[] = {
        {"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", "192.0.2.7"},
        {"PROXY TCP6 2001:DB8:0::7 2001:db8::1 56324 443\r\n", "2001:db8::7"},
        {"PROXY UNKNOWN\r\n", ""},
        {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_good(good[i].line, strlen(good[i].line), good[i].client);
}

static void test_lines_that_are_none(void **state)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 \r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 56324 443\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.300 198.51.100.1 56324 443\r\n",
        "PROXY TCP5 192.0.2.7 198.51.100.1 56324 443\r\n",
        "PROXY  TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
        "PROXY \r\n",
        "PROXY TCP4 00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 1\r\n",
        "\r\n\r\n",
        "\x16\x03\x01\x02\x00",
    };
    char client[INET6_ADDRSTRLEN];
    size_t used;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum proxy_header_verdict wanted = strcmp(bad[i], "\r\n\r\n") == 0 ? PROXY_HEADER_MORE : PROXY_HEADER_BAD;
        if (read_exactly(bad[i], strlen(bad[i]), client, &used) != wanted)
            fail_msg("%s", bad[i]);
    }
}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static void test_binary(void **state)
{
    static const char tcp4[] = SIGNATURE "\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb";
    static const char tcp6[] = SIGNATURE "\x21\x21\x00\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
                                         "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xdc\x04\x01\xbb";
    static const char with_more[] =
        SIGNATURE "\x21\x11\x00\x0f\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb\x04\0\0";
    static const char local[] = SIGNATURE "\x20\x00\x00\x00";
    static const char unknown[] = SIGNATURE "\x21\x00\x00\x00";
    (void)state;
    assert_good(tcp4, sizeof tcp4 - 1, "192.0.2.7");
    assert_good(tcp6, sizeof tcp6 - 1, "2001:db8::7");
    assert_good(with_more, sizeof with_more - 1, "192.0.2.7");
    assert_good(local, sizeof local - 1, "");
    assert_good(unknown, sizeof unknown - 1, "");
}

static void test_binary_that_is_none(void **state)
{
    static const char version[] = SIGNATURE "\x11\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb";
    static const char command[] = SIGNATURE "\x22\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb";
    static const char family[] = SIGNATURE "\x21\x31\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb";
    static const char too_short[] = SIGNATURE "\x21\x21\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb";
    static const char too_long[] = SIGNATURE "\x21\x11\xff\xff";
    char client[INET6_ADDRSTRLEN];
    size_t used;
    (void)state;
    assert_int_equal(read_exactly(version, sizeof version - 1, client, &used), PROXY_HEADER_BAD);
    assert_int_equal(read_exactly(command, sizeof command - 1, client, &used), PROXY_HEADER_BAD);
    assert_int_equal(read_exactly(family, sizeof family - 1, client, &used), PROXY_HEADER_BAD);
    assert_int_equal(read_exactly(too_short, sizeof too_short - 1, client, &used), PROXY_HEADER_BAD);
    assert_int_equal(read_exactly(too_long, sizeof too_long - 1, client, &used), PROXY_HEADER_BAD);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_lines_that_are_none),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_binary_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
