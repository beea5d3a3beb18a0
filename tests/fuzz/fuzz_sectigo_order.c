/* covers: sectigo/lines.c
 *
 * Answers of AutoApplyOrder and AutoReplaceSSL. The first octet chooses call, format and what was asked for. */
#include <stdlib.h>
#include <string.h>

#include "sectigo/code.h"
#include "sectigo/value.h"

/* Included, so that the fuzzer sees which way they went. */
#include "sectigo/answer.c"
#include "sectigo/form.c"
#include "sectigo/lines.c"
#include "sectigo/reply.c"
#include "sectigo/value.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
    if (!memchr(text, '\0', size))
        abort();
    for (size_t len; *text; text += len)
        if ((len = sectigo_value_character(text)) == 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sectigo_order_answer answer;
    uint8_t choice = size ? data[0] : 0;
    struct sectigo_order_flags flags = {.url_encoded = choice & 1,
                                        .certificate_id = choice & 2,
                                        .certificate_state = choice & 4,
                                        .sitelock = choice & 16};
    enum sectigo_call_kind call = choice & 8 ? SECTIGO_AUTO_REPLACE_SSL : SECTIGO_AUTO_APPLY_ORDER;

    if (size == 0 || !sectigo_parse_order(call, (const char *)data + 1, size - 1, &flags, &answer))
        return 0;
    check_text(answer.message, sizeof answer.message);
    check_text(answer.certificate_status, sizeof answer.certificate_status);
    check_text(answer.order_number, sizeof answer.order_number);
    check_text(answer.site.user_id, sizeof answer.site.user_id);
    check_text(answer.site.site_id, sizeof answer.site.site_id);
    if (answer.code >= 0 && call == SECTIGO_AUTO_APPLY_ORDER && !*answer.order_number)
        abort();
    if (answer.cost_cents < 0 || strlen(answer.certificate_id) > SECTIGO_CERTIFICATE_ID_MAX ||
        strlen(answer.unique_value) > SECTIGO_UNIQUE_VALUE_MAX)
        abort();
    if (!sectigo_class_name(sectigo_classify(call, answer.code, answer.message)))
        abort();
    return 0;
}
