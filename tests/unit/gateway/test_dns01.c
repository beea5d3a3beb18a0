/* dns-01: which TXT records prove control, and what is said of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/validate/txt.h"

#include "validate_world.h"

/* base64url(SHA-256(KEY_AUTHORIZATION)) by openssl */
#define DIGEST "lCM7cZyQXcVHK2nnW3jjAhNT3Fvm18UN-kWZZknKoYM"
#define HALF_A "lCM7cZyQXcVHK2nnW3jj"
#define HALF_B "AhNT3Fvm18UN-kWZZknKoYM"

static const struct dns_row rows[] = {{"_acme-challenge.good.example", DNS_TXT, DIGEST, 0},
                                      {"_acme-challenge.pieces.example", DNS_TXT, HALF_A "|" HALF_B, 0},
                                      {"_acme-challenge.among.example", DNS_TXT, "one", 0},
                                      {"_acme-challenge.among.example", DNS_TXT, DIGEST, 0},
                                      {"_acme-challenge.among.example", DNS_TXT, "two", 0},
                                      {"_u7izvdhkv4etrwrp._acme-challenge.mine.example", DNS_TXT, DIGEST, 0},
                                      {"_acme-challenge.alias.example", DNS_CNAME, "_acme-challenge.good.example", 0},
                                      {"_acme-challenge.name.test", DNS_TXT, DIGEST, 0},
                                      {"_acme-challenge.longer.example", DNS_TXT, DIGEST "x", 0},
                                      {"_acme-challenge.wrong.example", DNS_TXT, "say \"hello\"\n", 0},
                                      {"_acme-challenge.many.example", DNS_TXT, "1", 0},
                                      {"_acme-challenge.many.example", DNS_TXT, "2", 0},
                                      {"_acme-challenge.many.example", DNS_TXT, "3", 0},
                                      {"_acme-challenge.many.example", DNS_TXT, "4", 0},
                                      {"_acme-challenge.many.example", DNS_TXT, "5", 0},
                                      {"_acme-challenge.many.example", DNS_TXT, "6", 0},
                                      {"_acme-challenge.other.example", DNS_A, "127.0.0.1", 0},
                                      {"_acme-challenge.broken.example", DNS_TXT, NULL, DNS_SERVFAIL},
                                      {"_acme-challenge.silent.example", DNS_TXT, NULL, DNS_SILENCE},
                                      {NULL, 0, NULL, 0}};

static struct world world;
static const struct validate_config config = {
    .timeout_ms = 10000, .redirects_max = 10, .account_urls = "https://acme.test/acme/account/"};
static const struct validate_config impatient = {.timeout_ms = 200, .redirects_max = 10};

static void proves_control(void **state)
{
    (void)state;
    static const char *const names[] = {"good.example", "pieces.example", "among.example", "alias.example",
                                        "name.test"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct verdict verdict;
        judge(&world, &config, ACME_DNS_01, names[i], &verdict);
        expect_valid(&verdict);
    }
}

/* The label is base32 of the first ten octets of SHA-256 over https://acme.test/acme/account/AAAAAAAAAAAAAAAAAAAAAAAA,
 * the account of zeros, by Python. */
static void looks_for_the_label_of_the_account(void **state)
{
    (void)state;
    struct verdict verdict;
    char longest[ACME_NAME_MAX + 1];
    judge(&world, &config, ACME_DNS_ACCOUNT_01, "mine.example", &verdict);
    expect_valid(&verdict);
    judge(&world, &config, ACME_DNS_ACCOUNT_01, "good.example", &verdict); /* dns-01's record is another */
    expect_problem(&verdict, ACME_DNS, "TXT record of _u7izvdhkv4etrwrp._acme-challenge.good.example: ");
    judge(&world, &config, ACME_DNS_ACCOUNT_01, "127.0.0.1", &verdict);
    expect_problem(&verdict, ACME_UNSUPPORTED_IDENTIFIER, "IP address");
    for (size_t i = 0; i < 230; i++)
        longest[i] = i % 50 == 49 ? '.' : 'x';
    strcpy(longest + 230, ".example");
    judge(&world, &config, ACME_DNS_ACCOUNT_01, longest, &verdict);
    expect_problem(&verdict, ACME_DNS, "is longer than a DNS name can be");
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum acme_problem_type type;
        const char *text;
    } cases[] = {
        {"wrong.example", ACME_INCORRECT_RESPONSE,
         "TXT records of _acme-challenge.wrong.example: found \"say 'hello'?\", but not \"" DIGEST "\"."},
        {"longer.example", ACME_INCORRECT_RESPONSE, "found \"" DIGEST "x\", but not"},
        {"many.example", ACME_INCORRECT_RESPONSE, " and 2 more, but not \"" DIGEST "\"."},
        {"other.example", ACME_INCORRECT_RESPONSE,
         "There is no TXT record at _acme-challenge.other.example; \"" DIGEST},
        {"absent.example", ACME_DNS, "Looking up the TXT record of _acme-challenge.absent.example: NXDOMAIN"},
        {"broken.example", ACME_DNS, "SERVFAIL from the resolver"},
        {"192.0.2.1", ACME_UNSUPPORTED_IDENTIFIER, "RFC 8738"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict verdict;
        judge(&world, &config, ACME_DNS_01, cases[i].name, &verdict);
        expect_problem(&verdict, cases[i].type, cases[i].text);
    }
}

static void does_not_wait_for_ever(void **state)
{
    (void)state;
    struct verdict verdict;
    judge(&world, &impatient, ACME_DNS_01, "silent.example", &verdict);
    expect_problem(&verdict, ACME_DNS, "no answer from the resolver in time");
}

static void joins_pieces(void **state)
{
    (void)state;
    char text[8];
    assert_int_equal(txt_join((const uint8_t *)"\3abc\0\2de", 8, text, sizeof text), 5);
    assert_memory_equal(text, "abcde", 5);
    assert_int_equal(txt_join((const uint8_t *)"", 0, text, sizeof text), 0);
    assert_int_equal(txt_join((const uint8_t *)"\3ab", 3, text, sizeof text), -1);
    assert_int_equal(txt_join((const uint8_t *)"\1a\377b", 4, text, sizeof text), -1);
    memset(text, '.', sizeof text);
    assert_int_equal(txt_join((const uint8_t *)"\3abc\3def", 8, text, 4), 6); /* all are counted, four written */
    assert_memory_equal(text, "abcd....", 8);
}

static int start(void **state)
{
    (void)state;
    world_start(&world, rows);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    world_stop(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_for_the_label_of_the_account),
        cmocka_unit_test(proves_control),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(does_not_wait_for_ever),
        cmocka_unit_test(joins_pieces),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
