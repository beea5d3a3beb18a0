/* covers: sectigo/report.c
 *
 * The answers that list something, and the small ones. The first octet chooses which. */
#include <stdlib.h>
#include <string.h>

#include "sectigo/dcv.h"
#include "sectigo/result.h"

/* Included, so that the fuzzer sees which way they went. */
#include "sectigo/addresses.c"
#include "sectigo/domains.c"
#include "sectigo/form.c"
#include "sectigo/lines.c"
#include "sectigo/reply.c"
#include "sectigo/report.c"
#include "sectigo/result.c"
#include "sectigo/value.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void report(enum sectigo_call_kind call, const char *body, size_t len)
{
    struct sectigo_report_answer answer;

    if (!sectigo_parse_report(call, body, len, &answer))
        return;
    for (size_t i = 0; i < answer.order_count; i++)
        if (!*answer.orders[i].order_number)
            abort();
    if (answer.code >= 0 && answer.result_count > 0 && answer.order_count == 0)
        abort();
    sectigo_report_clear(&answer);
}

static void details(const char *body, size_t len)
{
    struct sectigo_mdc_answer answer;

    if (!sectigo_parse_mdc(body, len, &answer))
        return;
    for (size_t i = 0; i < answer.domain_count; i++)
        if (!answer.domains[i].name || (answer.domains[i].validated && !answer.domains[i].status))
            abort();
    sectigo_mdc_clear(&answer);
}

static void addresses(const char *body, size_t len)
{
    struct sectigo_dcv_addresses answer;

    if (!sectigo_parse_dcv_addresses(body, len, &answer))
        return;
    for (size_t i = 0; i < answer.count; i++)
        if (!answer.list[i].email || !memchr(answer.list[i].source, '\0', sizeof answer.list[i].source))
            abort();
    sectigo_dcv_addresses_clear(&answer);
}

static void small(const char *body, size_t len)
{
    struct sectigo_result result;
    struct sectigo_balance balance;
    struct sectigo_decoded_csr decoded;
    struct sectigo_upgrade_cost cost;
    struct sectigo_authorization authorization;

    sectigo_parse_result(SECTIGO_AUTO_REVOKE_SSL, body, len, &result);
    sectigo_parse_balance(body, len, &balance);
    sectigo_parse_upgrade_cost(body, len, &cost);
    if (sectigo_parse_authorization(body, len, &authorization) &&
        !authorization.site.user_id[0] != !authorization.site.site_id[0])
        abort();
    if (sectigo_parse_decoded_csr(body, len, &decoded))
        sectigo_decoded_csr_clear(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *body = (const char *)data + 1;

    if (size == 0)
        return 0;
    switch (data[0] % 5) {
    case 0:
        report(SECTIGO_WEB_HOST_REPORT, body, size - 1);
        break;
    case 1:
        report(SECTIGO_GET_DETAILED_ORDER_STATUS, body, size - 1);
        break;
    case 2:
        details(body, size - 1);
        break;
    case 3:
        addresses(body, size - 1);
        break;
    default:
        small(body, size - 1);
    }
    return 0;
}
