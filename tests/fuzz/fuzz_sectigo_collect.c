/* covers: sectigo/collect.c
 *
 * Answers of CollectSSL. The first octet chooses the format and what was asked for. */
#include <stdlib.h>
#include <string.h>

#include "sectigo/sectigo.h"

/* Included, so that the fuzzer sees which way they went. */
#include "sectigo/collect.c"
#include "sectigo/collect_lines.c"
#include "sectigo/form.c"
#include "sectigo/lines.c"
#include "sectigo/pem.c"
#include "sectigo/reply.c"
#include "sectigo/value.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t blocks(const char *pem)
{
    size_t count = 0;

    for (; pem && (pem = strstr(pem, "-----BEGIN CERTIFICATE-----\n")); pem++)
        count++;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sectigo_collect_answer answer;
    uint8_t choice = size ? data[0] : 0;
    struct sectigo_collect_flags flags = {
        .query_type = choice >> 1 & 3, .validity_period = choice & 8, .fqdn = choice & 16, .ext_status = choice & 32};

    if (size == 0)
        return 0;
    bool ok = choice & 1 ? sectigo_parse_collect((const char *)data + 1, size - 1, &answer)
                         : sectigo_parse_collect_lines((const char *)data + 1, size - 1, &flags, &answer);
    if (!ok)
        return 0;
    if (answer.certificate && blocks(answer.certificate) != 1)
        abort();
    if (answer.ca_certificates && blocks(answer.ca_certificates) == 0)
        abort();
    sectigo_collect_clear(&answer);
    return 0;
}
