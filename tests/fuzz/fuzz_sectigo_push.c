/* The push: whoever reaches the public listener can send one. */
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

    if (!sectigo_parse_push((const char *)data, size, &push))
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
