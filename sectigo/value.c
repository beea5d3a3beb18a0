#include "sectigo/value.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

static bool all_digits(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return len > 0;
}

static int64_t digits_value(const char *text, size_t len)
{
    int64_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

bool sectigo_value_int(const char *text, int *out)
{
    bool negative = text && text[0] == '-';
    const char *digits = negative ? text + 1 : text;
    size_t len = digits ? strlen(digits) : 0;

    if (len > 9 || !all_digits(digits, len) || (digits[0] == '0' && (len > 1 || negative)))
        return false;
    int value = (int)digits_value(digits, len);
    *out = negative ? -value : value;
    return true;
}

static bool calendar_seconds(const char *text, int64_t *out)
{
    static const char *const formats[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"};

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, formats[i], &tm);

        if (!end || *end)
            continue;
        *out = timegm(&tm);
        return *out >= 0;
    }
    return false;
}

bool sectigo_value_seconds(const char *text, int64_t *out)
{
    size_t len = text ? strlen(text) : 0;

    if (len == 0 || len > 32)
        return false;
    if (len > 15 || !all_digits(text, len))
        return calendar_seconds(text, out);
    *out = digits_value(text, len);
    return true;
}

bool sectigo_value_cents(const char *text, int64_t *out)
{
    const char *point = text ? strchr(text, '.') : NULL;
    size_t whole = point ? (size_t)(point - text) : text ? strlen(text) : 0;
    size_t decimals = point ? strlen(point + 1) : 0;

    if (whole > 12 || !all_digits(text, whole))
        return false;
    if (point && (decimals > 2 || !all_digits(point + 1, decimals)))
        return false;
    int64_t fraction = decimals ? digits_value(point + 1, decimals) : 0;
    *out = digits_value(text, whole) * 100 + (decimals == 1 ? fraction * 10 : fraction);
    return true;
}

bool sectigo_value_order_number(const char *text, char out[static SECTIGO_ORDER_NUMBER_MAX + 1])
{
    size_t len = text ? strlen(text) : 0;

    if (len == 0 || len > SECTIGO_ORDER_NUMBER_MAX || !isalnum((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x21 || text[i] > 0x7e)
            return false;
    memcpy(out, text, len + 1);
    return true;
}

bool sectigo_value_certificate_id(const char *text, char out[static SECTIGO_CERTIFICATE_ID_MAX + 1])
{
    size_t len = text ? strlen(text) : 0;

    if (len > SECTIGO_CERTIFICATE_ID_MAX || !all_digits(text, len))
        return false;
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): all_digits refuses what is not there */
    memcpy(out, text, len + 1);
    return true;
}

bool sectigo_value_unique(const char *text, char out[static SECTIGO_UNIQUE_VALUE_MAX + 1])
{
    size_t len = text ? strlen(text) : 0;

    if (len == 0 || len > SECTIGO_UNIQUE_VALUE_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isascii((unsigned char)text[i]) || !isalnum((unsigned char)text[i]))
            return false;
    memcpy(out, text, len + 1);
    return true;
}

bool sectigo_value_site(const char *user_id, const char *site_id, struct sectigo_site *out)
{
    size_t digits = user_id ? strspn(user_id, "0123456789") : 0;

    if (digits == 0 || user_id[digits] || digits >= sizeof out->user_id || !site_id || !*site_id ||
        strlen(site_id) >= sizeof out->site_id)
        return false;
    memcpy(out->user_id, user_id, digits + 1);
    sectigo_value_text(site_id, out->site_id, sizeof out->site_id);
    return true;
}

int sectigo_value_status(const char *text)
{
    int value;

    return sectigo_value_int(text, &value) && value >= -1 && value <= 2 ? value : -2;
}

/* Length and smallest code point by first octet; 0 where an octet cannot start a character. */
static size_t sequence_length(unsigned char first, uint32_t *smallest)
{
    if (first >= 0xf0 && first <= 0xf4) {
        *smallest = 0x10000;
        return 4;
    }
    if (first >= 0xe0 && first < 0xf0) {
        *smallest = 0x800;
        return 3;
    }
    *smallest = 0x80;
    return first >= 0xc2 && first < 0xe0 ? 2 : 0;
}

size_t sectigo_value_character(const char *text)
{
    const unsigned char *octets = (const unsigned char *)text;
    uint32_t smallest, point;

    if (octets[0] < 0x80)
        return octets[0] != 0;
    size_t len = sequence_length(octets[0], &smallest);
    if (len == 0)
        return 0;
    point = octets[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((octets[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (octets[i] & 0x3fu);
    }
    bool surrogate = point >= 0xd800 && point < 0xe000;
    return point >= smallest && point <= 0x10ffff && !surrogate ? len : 0;
}

void sectigo_value_text(const char *text, char *out, size_t size)
{
    size_t used = 0;

    while (text && *text) {
        size_t len = sectigo_value_character(text);
        size_t step = len ? len : 1;

        if (used + step >= size)
            break;
        memmove(out + used, text, step);
        if (len == 0)
            out[used] = '?';
        else if ((unsigned char)*text < 0x20 || *text == 0x7f)
            out[used] = ' ';
        used += step;
        text += step;
    }
    out[used] = '\0';
}

char *sectigo_value_dup(const char *text, bool *failed)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (!copy) {
        *failed = true;
        return NULL;
    }
    sectigo_value_text(text, copy, size);
    return copy;
}

void sectigo_value_wipe(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}
