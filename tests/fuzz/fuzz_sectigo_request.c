/* covers: sectigo/control.c sectigo/scope.c sectigo/parameter.c
 *
 * The check of a request, which the sandbox runs on what it is sent: every call, and forms that come back as they went.
 */
#include <stdlib.h>
#include <string.h>

#include "sectigo/parameter.h"
#include "sectigo/value.h"

/* Included, so that the fuzzer sees which way they went. */
#include "sectigo/cart.c"
#include "sectigo/csr.c"
#include "sectigo/parameter.c"
#include "sectigo/pem.c"
#include "sectigo/request.c"
#include "sectigo/value.c"
#include "sectigo/verdict.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
    if (!memchr(text, '\0', size))
        abort();
    for (size_t len; *text; text += len)
        if ((len = sectigo_value_character(text)) == 0)
            abort();
}

static void check_round_trip(const struct sectigo_form *form)
{
    struct sectigo_form back;
    char *text = sectigo_form_encode(form, false);

    if (!text || !sectigo_form_parse(text, strlen(text), NULL, &back))
        abort();
    for (size_t i = 0, j = 0; i < form->count; i++, j++) {
        /* "=" alone encodes a pair of nothing, which parses as it should: name and value empty. */
        if (j >= back.count || strcmp(form->params[i].name, back.params[j].name) != 0 ||
            strcmp(form->params[i].value, back.params[j].value) != 0)
            abort();
    }
    sectigo_form_clear(&back);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sectigo_form form;

    if (size == 0 || !sectigo_form_parse((const char *)data + 1, size - 1, NULL, &form))
        return 0;
    check_round_trip(&form);
    /* The check for what is given twice is quadratic, and the sandbox bounds what it reads. */
    if (form.count <= 200) {
        struct sectigo_verdict verdict;
        enum sectigo_call_kind call = (enum sectigo_call_kind)(data[0] % SECTIGO_CALLS);
        bool ok = sectigo_call_check(call, &form, &verdict);

        if (ok != (verdict.code == 0) || ok != !*verdict.reason)
            abort();
        check_text(verdict.reason, sizeof verdict.reason);
        check_text(verdict.parameter, sizeof verdict.parameter);
    }
    sectigo_form_clear(&form);
    return 0;
}
