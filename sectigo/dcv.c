#include "sectigo/dcv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/rand.h>

static const struct {
    const char *name, *token, *token_for_all;
} methods[SECTIGO_DCV_METHODS] = {
    [SECTIGO_DCV_EMAIL] = {"EMAIL", NULL, NULL},
    [SECTIGO_DCV_HTTP] = {"HTTP_CSR_HASH", "HTTPCSRHASH", "ALLHTTPCSRHASH"},
    [SECTIGO_DCV_HTTPS] = {"HTTPS_CSR_HASH", "HTTPSCSRHASH", "ALLHTTPSCSRHASH"},
    [SECTIGO_DCV_CNAME] = {"CNAME_CSR_HASH", "CNAMECSRHASH", "ALLCNAMECSRHASH"},
    [SECTIGO_DCV_IP_ADDRESS] = {"IP_ADDRESS_PRE", "IPADDRESSPRE", "ALLIPADDRESSPRE"},
};

const char *sectigo_dcv_method_name(enum sectigo_dcv_method method)
{
    return methods[method].name;
}

static bool same(const char *text, const char *word)
{
    return word && strcasecmp(text, word) == 0;
}

bool sectigo_dcv_method_read(const char *text, enum sectigo_dcv_method *method)
{
    for (unsigned i = 0; i < SECTIGO_DCV_METHODS; i++) {
        if (!same(text, methods[i].name) && !same(text, methods[i].token) && !same(text, methods[i].token_for_all))
            continue;
        *method = (enum sectigo_dcv_method)i;
        return true;
    }
    return false;
}

static const char *entry_of(const struct sectigo_dcv_choice *choice)
{
    return choice->method == SECTIGO_DCV_EMAIL ? choice->email : methods[choice->method].token;
}

static bool all_alike(const struct sectigo_dcv_choice *choices, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (choices[i].method != choices[0].method)
            return false;
    return count > 0 && methods[choices[0].method].token_for_all;
}

char *sectigo_validation_tokens(const struct sectigo_dcv_choice *choices, size_t count)
{
    size_t size = 1;

    if (all_alike(choices, count))
        return strdup(methods[choices[0].method].token_for_all);
    for (size_t i = 0; i < count; i++) {
        const char *entry = entry_of(&choices[i]);

        if (!entry || !*entry)
            return NULL;
        size += strlen(entry) + 1;
    }
    char *list = count ? malloc(size) : NULL, *out = list;
    for (size_t i = 0; list && i < count; i++)
        out += snprintf(out, size - (size_t)(out - list), "%s%s", i ? "," : "", entry_of(&choices[i]));
    return list;
}

bool sectigo_unique_value_make(char out[static SECTIGO_UNIQUE_VALUE_MAX + 1])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    enum { LETTERS = sizeof alphabet - 1, FAIR = 256 - 256 % LETTERS };
    unsigned char octets[64];
    size_t made = 0;

    while (made < SECTIGO_UNIQUE_VALUE_MAX) {
        if (RAND_bytes(octets, sizeof octets) != 1)
            return false;
        for (size_t i = 0; i < sizeof octets && made < SECTIGO_UNIQUE_VALUE_MAX; i++)
            if (octets[i] < FAIR)
                out[made++] = alphabet[octets[i] % LETTERS];
    }
    out[made] = '\0';
    return true;
}
