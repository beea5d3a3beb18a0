/* covers: sectigo/push.c
 *
 * The push: whoever reaches the public listener can send one. */
#include <stdlib.h>
#include <string.h>

#include "sectigo/sectigo.h"

/* Included, so that the fuzzer sees which way they went. */
#include "sectigo/form.c"
#include "sectigo/pem.c"
#include "sectigo/push.c"
#include "sectigo/reply.c"
#include "sectigo/value.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sectigo_push push;

    /* A line feed ends the query; without one all is body. */
    const uint8_t *end = memchr(data, '\n', size);
    size_t query = end ? (size_t)(end - data) : 0, start = end ? query + 1 : 0;
    if (!sectigo_parse_push((const char *)data, query, (const char *)data + start, size - start, &push))
        return 0;
    if (!*push.order_number && !*push.certificate_id)
        abort();
    char *link = sectigo_push_ov_link(&push, "https://secure.trust-provider.com");
    if (!link != !*push.verification_code || (link && strpbrk(link, " \r\n<>\"")))
        abort();
    free(link);
    free(sectigo_push_ev_link(&push, "https://secure.trust-provider.com"));
    sectigo_push_clear(&push);
    return 0;
}
