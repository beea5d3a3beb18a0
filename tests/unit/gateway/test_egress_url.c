/* URLs that a redirect may lead to, and those we make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/egress/fetch.h"

static void reads_urls(void **state)
{
    (void)state;
    static const struct {
        const char *text, *normal, *host;
        bool https;
        uint16_t port;
    } cases[] = {
        {"http://www.example", "http://www.example/", "www.example", false, 0},
        {"https://www.example/a?b=c#d", "https://www.example/a?b=c", "www.example", true, 0},
        {"HTTP://WWW.example:80/x", "http://WWW.example:80/x", "WWW.example", false, 80},
        {"http://www.example:65535/", "http://www.example:65535/", "www.example", false, 65535},
        {"http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/", "2001:db8::1", false, 8080},
        {"http://192.0.2.1/", "http://192.0.2.1/", "192.0.2.1", false, 0},
        {"http://0300.0.02.1/", "http://192.0.2.1/", "192.0.2.1", false, 0}, /* as libcurl will understand it */
        {"http://www.example/a/../b", "http://www.example/b", "www.example", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct egress_url url;
        char reason[EGRESS_REASON_MAX] = "";
        bool good = egress_url_parse(cases[i].text, &url, reason);
        assert_string_equal(reason, "");
        assert_true(good);
        assert_string_equal(url.text, cases[i].normal);
        assert_string_equal(url.host, cases[i].host);
        assert_int_equal(url.https, cases[i].https);
        assert_int_equal(url.port, cases[i].port);
    }
}

static void refuses_others(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "it is no http or https URL"},
        {"/path", "it is no http or https URL"},
        {"ftp://www.example/", "its scheme is neither http nor https"},
        {"file:///etc/passwd", "it is no URL with a host"},
        {"http://user@www.example/", "it names a user"},
        {"http://user:password@www.example/", "it names a user"},
        {"http://[fe80::1%25eth0]/", "its host is neither a DNS name nor an address"},
        {"http://v\303\244.example/", "its host is neither a DNS name nor an address"},
        {"http://%34/", "its host is neither a DNS name nor an address"},
        {"http://%30x7f.1/", "its host is neither a DNS name nor an address"},
        {"http://a,b.example/", "it is no http or https URL"},
        {"http://www.example:0x50/", "it is no http or https URL"},
        {"http://www.example:0/", "its port is 0"},
        {"http://www.example:65536/", "it is no http or https URL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct egress_url url;
        char reason[EGRESS_REASON_MAX] = "";
        assert_false(egress_url_parse(cases[i].text, &url, reason));
        assert_string_equal(reason, cases[i].reason);
    }
}

static void refuses_long_ones(void **state)
{
    (void)state;
    struct egress_url url;
    char text[EGRESS_URL_MAX + 1] = "http://www.example/#", reason[EGRESS_REASON_MAX] = "";
    memset(text + strlen(text), 'a', EGRESS_URL_MAX - strlen(text));
    text[EGRESS_URL_MAX] = '\0';
    assert_false(egress_url_parse(text, &url, reason)); /* also where only the fragment is too long */
    assert_string_equal(reason, "it is too long");
    text[EGRESS_URL_MAX - 1] = '\0';
    assert_true(egress_url_parse(text, &url, reason));
    assert_string_equal(url.text, "http://www.example/");
}

static void makes_urls(void **state)
{
    (void)state;
    struct egress_url url;
    char long_host[300];
    assert_true(egress_url_http(&url, "www.example", 80, "/x"));
    assert_string_equal(url.text, "http://www.example/x");
    assert_string_equal(url.host, "www.example");
    assert_true(egress_url_http(&url, "www.example", 8080, "/x"));
    assert_string_equal(url.text, "http://www.example:8080/x");
    assert_true(egress_url_http(&url, "2001:db8::1", 80, "/"));
    assert_string_equal(url.text, "http://[2001:db8::1]/");
    assert_string_equal(url.host, "2001:db8::1");
    memset(long_host, 'a', sizeof long_host - 1);
    long_host[sizeof long_host - 1] = '\0';
    assert_false(egress_url_http(&url, long_host, 80, "/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_urls),
        cmocka_unit_test(refuses_others),
        cmocka_unit_test(refuses_long_ones),
        cmocka_unit_test(makes_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
