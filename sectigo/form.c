#include "sectigo/sectigo.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/value.h"

enum { PAIRS_MAX = 32768 };

static bool grow(struct sectigo_form *form)
{
    size_t capacity = form->capacity ? form->capacity * 2 : 16;

    if (form->count < form->capacity)
        return true;
    struct sectigo_param *params = realloc(form->params, capacity * sizeof *params);
    if (!params)
        return false;
    form->params = params;
    form->capacity = capacity;
    return true;
}

/* Takes name and value, which may be NULL from a failed allocation. */
static void append(struct sectigo_form *form, char *name, char *value, bool secret)
{
    if (form->failed || !name || !value || !grow(form)) {
        form->failed = true;
        free(name);
        sectigo_value_wipe(value);
        return;
    }
    form->params[form->count++] = (struct sectigo_param){.name = name, .value = value, .secret = secret};
}

void sectigo_form_add(struct sectigo_form *form, const char *name, const char *value)
{
    if (value)
        append(form, strdup(name), strdup(value), false);
}

void sectigo_form_add_secret(struct sectigo_form *form, const char *name, const char *value)
{
    if (value)
        append(form, strdup(name), strdup(value), true);
}

void sectigo_form_addf(struct sectigo_form *form, const char *name, const char *format, ...)
{
    char *value = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&value, format, args) < 0)
        value = NULL;
    va_end(args);
    append(form, strdup(name), value, false);
}

const char *sectigo_form_get(const struct sectigo_form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++)
        if (strcasecmp(form->params[i].name, name) == 0)
            return form->params[i].value;
    return NULL;
}

static bool unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' ||
           c == '~';
}

static char *encode_text(char *out, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (unreserved(*p)) {
            *out++ = (char)*p;
        } else if (*p == ' ') {
            *out++ = '+';
        } else {
            *out++ = '%';
            *out++ = hex[*p >> 4];
            *out++ = hex[*p & 15];
        }
    }
    return out;
}

char *sectigo_form_encode(const struct sectigo_form *form, bool mask)
{
    size_t size = 1;

    if (form->failed)
        return NULL;
    for (size_t i = 0; i < form->count; i++)
        size += 3 * (strlen(form->params[i].name) + strlen(form->params[i].value)) + sizeof("=***&");
    /* One allocation of the largest size, never grown: no copy of a secret is left behind in freed memory. */
    char *text = malloc(size), *out = text;
    if (!text)
        return NULL;
    for (size_t i = 0; i < form->count; i++) {
        const struct sectigo_param *param = &form->params[i];

        if (i > 0)
            *out++ = '&';
        out = encode_text(out, param->name);
        *out++ = '=';
        out = mask && param->secret ? (char *)mempcpy(out, "***", 3) : encode_text(out, param->value);
    }
    *out = '\0';
    return text;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* malloc'd; NULL with *bad set where the text is no form encoding, without it when out of memory. */
static char *decode_value(const char *text, size_t len, bool keep_plus, bool *bad)
{
    char *out = malloc(len + 1), *end = out;

    if (!out)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == '%') {
            int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < len ? hex_digit(text[i + 2]) : -1;
            *bad |= high < 0 || low < 0;
            c = (char)(*bad ? ' ' : high << 4 | low);
            i += 2;
        } else if (c == '+' && !keep_plus) {
            c = ' ';
        }
        *bad |= c == '\0';
        *end++ = c;
    }
    *end = '\0';
    if (!*bad)
        return out;
    free(out);
    return NULL;
}

static bool listed(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (strcasecmp(*names, name) == 0)
            return true;
    return false;
}

static bool parse_pair(const char *text, size_t len, const char *const *keep_plus, struct sectigo_form *form)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len;
    size_t value_len = equals ? len - name_len - 1 : 0;
    bool bad = form->count >= PAIRS_MAX;

    char *name = bad ? NULL : decode_value(text, name_len, false, &bad);
    char *value = name ? decode_value(equals ? equals + 1 : text, value_len, listed(keep_plus, name), &bad) : NULL;
    append(form, name, value, false);
    return !form->failed;
}

bool sectigo_form_parse(const char *text, size_t len, const char *const *keep_plus, struct sectigo_form *form)
{
    memset(form, 0, sizeof *form);
    for (size_t start = 0; start < len;) {
        const char *ampersand = memchr(text + start, '&', len - start);
        size_t end = ampersand ? (size_t)(ampersand - text) : len;

        if (end > start && !parse_pair(text + start, end - start, keep_plus, form)) {
            sectigo_form_clear(form);
            return false;
        }
        start = end + 1;
    }
    return true;
}

void sectigo_form_clear(struct sectigo_form *form)
{
    for (size_t i = 0; i < form->count; i++) {
        free(form->params[i].name);
        if (form->params[i].secret)
            sectigo_value_wipe(form->params[i].value);
        else
            free(form->params[i].value);
    }
    free(form->params);
    memset(form, 0, sizeof *form);
}
