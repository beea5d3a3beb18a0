#include "sectigo/pem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum { LINE = 64 };

char *sectigo_pem_encode(const char *label, const uint8_t *der, size_t len)
{
    size_t base64_len = (len + 2) / 3 * 4;
    size_t size = base64_len + base64_len / LINE + 2 * strlen(label) + 64;

    if (len == 0 || len > SECTIGO_REPLY_MAX)
        return NULL;
    char *text = malloc(size), *base64 = malloc(base64_len + 1);
    if (!text || !base64) {
        free(text);
        free(base64);
        return NULL;
    }
    EVP_EncodeBlock((unsigned char *)base64, der, (int)len);
    char *out = text + snprintf(text, size, "-----BEGIN %s-----\n", label);
    for (size_t i = 0; i < base64_len; i += LINE) {
        size_t step = base64_len - i < LINE ? base64_len - i : LINE;

        memcpy(out, base64 + i, step);
        out[step] = '\n';
        out += step + 1;
    }
    snprintf(out, size - (size_t)(out - text), "-----END %s-----\n", label);
    free(base64);
    return text;
}

/* One DER object that fills the octets exactly. */
static bool whole_object(const uint8_t *der, size_t len)
{
    if (len < 2 || der[0] != 0x30)
        return false;
    if (der[1] < 0x80)
        return len == 2u + der[1];
    size_t octets = der[1] & 0x7f, body = 0;
    if (octets == 0 || octets > 3 || len < 2 + octets)
        return false;
    for (size_t i = 0; i < octets; i++)
        body = body << 8 | der[2 + i];
    return len == 2 + octets + body;
}

/* Keeps the alphabet, drops line ends, drops blanks or takes them for '+'. 0 where there is anything else. */
static size_t squeeze(const char *text, size_t text_len, bool blank_is_plus, char *out)
{
    size_t used = 0;

    for (size_t i = 0; i < text_len; i++) {
        char c = text[i];

        if (c == '\r' || c == '\n' || c == '\t' || (c == ' ' && !blank_is_plus))
            continue;
        if (c == ' ')
            c = '+';
        if (!isascii((unsigned char)c) || (!isalnum((unsigned char)c) && c != '+' && c != '/' && c != '='))
            return 0;
        out[used++] = c;
    }
    return used;
}

static size_t decode_block(const char *base64, size_t base64_len, uint8_t *der)
{
    size_t padding = 0;

    if (base64_len == 0 || base64_len % 4 != 0 || base64_len > 2 * SECTIGO_REPLY_MAX)
        return 0;
    while (padding < 2 && base64[base64_len - 1 - padding] == '=')
        padding++;
    if (memchr(base64, '=', base64_len - padding))
        return 0;
    int len = EVP_DecodeBlock(der, (const unsigned char *)base64, (int)base64_len);
    return len > 0 ? (size_t)len - padding : 0;
}

uint8_t *sectigo_base64_der(const char *text, size_t text_len, size_t *len)
{
    char *base64 = malloc(text_len + 1);
    uint8_t *der = malloc(text_len + 4);

    /* A '+' that travelled unescaped arrives as a blank; only one of the two readings is a whole object. */
    for (int blank_is_plus = 0; base64 && der && blank_is_plus < 2; blank_is_plus++) {
        size_t base64_len = squeeze(text, text_len, blank_is_plus, base64);

        *len = decode_block(base64, base64_len, der);
        if (whole_object(der, *len)) {
            free(base64);
            return der;
        }
    }
    free(base64);
    free(der);
    return NULL;
}

static bool append_block(const char *text, size_t len, char **pem, size_t *blocks)
{
    size_t der_len, block_size, used = *pem ? strlen(*pem) : 0;
    char *block = NULL, *grown = NULL;

    uint8_t *der = sectigo_base64_der(text, len, &der_len);
    if (der)
        block = sectigo_pem_encode("CERTIFICATE", der, der_len);
    block_size = block ? strlen(block) + 1 : 0;
    if (block)
        grown = realloc(*pem, used + block_size);
    if (grown) {
        memcpy(grown + used, block, block_size);
        *pem = grown;
        ++*blocks;
    }
    free(block);
    free(der);
    return grown != NULL;
}

/* After the "-----" that ends the armour line which starts at text; NULL where the line has no end. */
static const char *after_armour(const char *text)
{
    const char *end = strstr(text + 5, "-----");
    return end ? end + 5 : NULL;
}

bool sectigo_pem_append(const char *field, char **pem, size_t *blocks)
{
    const char *at = strstr(field, "-----BEGIN");

    if (!at)
        return append_block(field, strlen(field), pem, blocks);
    while (at) {
        const char *body = after_armour(at);
        const char *end = body ? strstr(body, "-----END") : NULL;

        if (!end || !append_block(body, (size_t)(end - body), pem, blocks))
            return false;
        const char *rest = after_armour(end);
        if (!rest)
            return false;
        at = strstr(rest, "-----BEGIN");
    }
    return true;
}
