/* odd: answers that can be read, and are not what was asked for: a proxy mixes them up, or Sectigo has a bad day. Nothing
 * of them is true. */
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/sim.h"

enum oddity { NO_CODE, NO_NUMBERS, NUMBERS_OF_ANOTHER, CERTIFICATE_OF_ANOTHER, ABSURD_COST, ODDITIES };

static bool is_number(const char *name)
{
    return strcmp(name, "orderNumber") == 0 || strcmp(name, "certificateID") == 0;
}

/* What becomes of a value; NULL: it is left out. */
static const char *value_of(enum oddity oddity, const char *name, const char *value, const struct sold *another)
{
    if (oddity == NO_CODE && strcmp(name, "errorCode") == 0)
        return NULL;
    if (oddity == NO_NUMBERS && is_number(name))
        return NULL;
    if (oddity == NUMBERS_OF_ANOTHER && another->number && is_number(name))
        return strcmp(name, "orderNumber") == 0 ? another->number : another->certificate_id;
    if (oddity == CERTIFICATE_OF_ANOTHER && another->certificate && strcmp(name, "certificate") == 0)
        return another->certificate;
    return oddity == ABSURD_COST && strcmp(name, "totalCost") == 0 ? "99999999.99" : value;
}

char *odd_answer(char *body)
{
    struct sectigo_form is = {0}, becomes = {0};
    struct sold another = {.number = NULL};
    enum oddity oddity = (enum oddity)chance_below(ODDITIES);
    if (!sectigo_form_parse(body, strlen(body), NULL, &is))
        abort();
    bool known = model_known(&another, sectigo_form_get(&is, "orderNumber"));
    for (size_t i = 0; i < is.count; i++) {
        const char *value = value_of(known ? oddity : NO_CODE, is.params[i].name, is.params[i].value, &another);
        if (value)
            sectigo_form_add(&becomes, is.params[i].name, value);
    }
    free(body);
    char *text = sectigo_form_encode(&becomes, false);
    sectigo_form_clear(&is);
    sectigo_form_clear(&becomes);
    if (!text)
        abort();
    return text;
}
