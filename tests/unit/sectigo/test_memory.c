/* Out of memory at every single allocation: each parser answers false, frees what it had, and leaves nothing behind. A
 * push may leave out its certificate instead. The parsers are included, so that their allocations can be made to fail.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cases.h"

static long countdown = -1; /* -1: none fails */
static long allocations;

static bool fails(void)
{
    allocations++;
    return countdown >= 0 && countdown-- == 0;
}

static void *failing_malloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

static void *failing_realloc(void *old, size_t size)
{
    return fails() ? NULL : realloc(old, size);
}

static char *failing_strdup(const char *text)
{
    return fails() ? NULL : strdup(text);
}

static char *failing_strndup(const char *text, size_t len)
{
    return fails() ? NULL : strndup(text, len);
}

#define malloc failing_malloc
#define realloc failing_realloc
#undef strdup
#define strdup failing_strdup
#undef strndup
#define strndup failing_strndup

#include "sectigo/addresses.c"
#include "sectigo/collect.c"
#include "sectigo/collect_lines.c"
#include "sectigo/domains.c"
#include "sectigo/form.c"
#include "sectigo/lines.c"
#include "sectigo/pem.c"
#include "sectigo/push.c"
#include "sectigo/reply.c"
#include "sectigo/report.c"
#include "sectigo/value.c"

#undef malloc
#undef realloc
#undef strdup
#undef strndup

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"

static bool collect(void)
{
    static const char body[] = "errorCode=2&fqdn=a&certificate=MAMCAQE=&caCertificate=MAMCAQI=&caCertificate=MAMCAQM="
                               "&mdcDomainDetails=x&zipFile=UEs=";
    struct sectigo_collect_answer answer;
    bool ok = sectigo_parse_collect(body, strlen(body), &answer);

    assert_true(!ok || (answer.certificate && answer.ca_certificates && answer.fqdn && answer.zip_file));
    sectigo_collect_clear(&answer);
    return ok;
}

static bool collect_lines(void)
{
    static const char body[] = "2\na.example\n" CERTIFICATE CERTIFICATE;
    struct sectigo_collect_answer answer;
    bool ok = sectigo_parse_collect_lines(body, strlen(body), &(struct sectigo_collect_flags){.fqdn = true}, &answer);

    assert_true(!ok || (answer.certificate && answer.ca_certificates && answer.fqdn));
    sectigo_collect_clear(&answer);
    return ok;
}

static bool report(void)
{
    static const char body[] = "errorCode=0&noOfResults=1&1_orderNumber=1&1_orderStatus=a&1_orderStatusReason=b"
                               "&1_1_domain=c&1_1_status=d&1_1_serialNumber=e&1_2_domain=f&2_orderNumber=2&2_1_type=g";
    struct sectigo_report_answer answer;
    bool ok = sectigo_parse_report(SECTIGO_WEB_HOST_REPORT, body, strlen(body), &answer);

    assert_true(!ok || (answer.order_count == 2 && answer.orders[0].certificate_count == 2));
    sectigo_report_clear(&answer);
    return ok;
}

static bool details(void)
{
    static const char body[] = "errorCode=0&1_domainName=a&1_dcvMethod=EMAIL&1_dcvStatus=Validated&2_domainName=b";
    struct sectigo_mdc_answer answer;
    bool ok = sectigo_parse_mdc(body, strlen(body), &answer);

    assert_true(!ok || (answer.domain_count == 2 && answer.domains[0].validated));
    sectigo_mdc_clear(&answer);
    return ok;
}

static bool dcv_addresses(void)
{
    static const char body[] = "0\ndomain_name\ta\nlevel2_email\tadmin@a\nlevel3_email\tadmin@b\n";
    struct sectigo_dcv_addresses answer;
    bool ok = sectigo_parse_dcv_addresses(body, strlen(body), &answer);

    assert_true(!ok || (answer.count == 2 && answer.domain));
    sectigo_dcv_addresses_clear(&answer);
    return ok;
}

static bool push(void)
{
    static const char body[] = "orderNumber=1&statusCode=6&removedDomains=b";
    struct sectigo_push answer;
    bool ok = sectigo_parse_push("", 0, body, strlen(body), &answer);

    assert_true(!ok || answer.removed_domains);
    sectigo_push_clear(&answer);
    return ok;
}

static bool form(void)
{
    struct sectigo_form params = {0};

    for (int i = 0; i < 20; i++)
        sectigo_form_addf(&params, "name", "%d", i);
    sectigo_form_add_secret(&params, "password", "secret");
    char *text = sectigo_form_encode(&params, false);
    bool ok = text != NULL;
    assert_true(!ok || (params.count == 21 && !params.failed));
    free(text);
    sectigo_form_clear(&params);
    return ok;
}

static void test_every_allocation(void **state)
{
    static bool (*const parsers[])(void) = {collect, collect_lines, report, details, dcv_addresses, push, form};
    (void)state;

    for (size_t i = 0; i < COUNT(parsers); i++) {
        allocations = 0;
        countdown = -1;
        assert_true(parsers[i]());
        long count = allocations;
        assert_true(count > 0);
        for (long failing = 0; failing < count; failing++) {
            countdown = failing;
            if (parsers[i]())
                fail_msg("parser %zu got along without allocation %ld", i, failing);
        }
        countdown = -1;
    }
}

/* A certificate that no memory was found for is left out. */
static void test_push_without_memory_for_the_certificate(void **state)
{
    static const char body[] = "orderNumber=1&statusCode=6&certificate=MAMCAQE=&caCertificate=MAMCAQI=";
    (void)state;

    for (long failing = 0; failing < 40; failing++) {
        struct sectigo_push answer;

        countdown = failing;
        if (sectigo_parse_push("", 0, body, strlen(body), &answer))
            assert_string_equal(answer.order_number, "1");
        sectigo_push_clear(&answer);
    }
    countdown = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_push_without_memory_for_the_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
