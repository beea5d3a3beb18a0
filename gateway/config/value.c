/* config_value: texts that mean something. All are strict: what is not understood to the last character is refused. */
#include "acme/durations.h"
#include "gateway/config/internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit times[] = {
    {"ms", 1}, {"s", 1000}, {"m", MINUTE_MS}, {"h", HOUR_MS}, {"d", DAY_MS}, {0},
};
static const struct unit sizes[] = {
    {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}, {"TiB", 1ull << 40}, {0},
};

/* Decimal digits without a leading zero; *end is what follows them. */
static bool digits(const char *text, uint64_t *value, const char **end)
{
    enum { DIGITS_MAX = 12 };
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > DIGITS_MAX || (len > 1 && text[0] == '0'))
        return false;
    *value = strtoull(text, NULL, 10);
    *end = text + len;
    return true;
}

static bool with_unit(const char *text, const struct unit *units, uint64_t *value)
{
    const char *end;
    if (!digits(text, value, &end))
        return false;
    for (; units->name != NULL; units++)
        if (strcmp(end, units->name) == 0)
            return !__builtin_mul_overflow(*value, units->factor, value);
    return false;
}

bool config_number(const char *text, uint64_t *value)
{
    const char *end;
    return digits(text, value, &end) && *end == '\0';
}

bool config_duration(const char *text, uint64_t *ms)
{
    return with_unit(text, times, ms);
}

bool config_size(const char *text, uint64_t *octets)
{
    return with_unit(text, sizes, octets);
}

/* 35 or 35.00 */
bool config_money(const char *text, uint64_t *cents)
{
    const char *end;
    uint64_t whole;
    if (!digits(text, &whole, &end))
        return false;
    *cents = whole * 100;
    if (*end == '\0')
        return true;
    if (*end != '.' || strspn(end + 1, "0123456789") != 2 || end[3] != '\0')
        return false;
    *cents += (uint64_t)(end[1] - '0') * 10 + (uint64_t)(end[2] - '0');
    return true;
}

void config_duration_text(uint64_t ms, char out[static 32])
{
    const struct unit *unit = &times[1]; /* 0 is 0s */
    if (ms % unit->factor != 0)
        unit = &times[0];
    while (ms > 0 && unit[1].name != NULL && ms % unit[1].factor == 0)
        unit++;
    snprintf(out, 32, "%llu%s", (unsigned long long)(ms / unit->factor), unit->name);
}

/* ---- texts ---- */

static bool consists_of(const char *text, size_t min, size_t max, const char *others)
{
    size_t len = 0;
    for (; text[len] != '\0'; len++)
        if (len == max || (!isalnum((unsigned char)text[len]) && strchr(others, text[len]) == NULL))
            return false;
    return len >= min;
}

bool config_is_text(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (iscntrl((unsigned char)text[i]))
            return false;
    return len > 0 && len <= 1024;
}

bool config_is_name(const char *text)
{
    return consists_of(text, 1, 64, "-_.");
}

bool config_is_instance(const char *text)
{
    return consists_of(text, 1, 8, "");
}

bool config_is_currency(const char *text)
{
    return strlen(text) == 3 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

bool config_is_domain(const char *text)
{
    return consists_of(text, 1, 253, "-_.") && text[0] != '.' && text[0] != '-' && strstr(text, "..") == NULL;
}

bool config_is_user(const char *text)
{
    return config_is_text(text) && strchr(text, ':') == NULL;
}

/* RFC 9110 section 5.1, and none that says something else already. */
bool config_is_field(const char *text)
{
    static const char *const taken[] = {"Authorization",   "Cookie",           "Host",         "Forwarded",
                                        "X-Forwarded-For", "X-CSRF-Token",     "Content-Type", "Content-Length",
                                        "Connection",      "Transfer-Encoding"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (strcasecmp(text, taken[i]) == 0)
            return false;
    }
    return consists_of(text, 1, 64, "-_!#$%&'*+.^`|~");
}

bool config_is_email(const char *text)
{
    const char *at = strchr(text, '@');
    return at != NULL && at != text && strchr(at + 1, '@') == NULL && config_is_domain(at + 1) &&
           consists_of(text, 3, 254, "-_.+@!#$%&'*/=?^`{|}~");
}

/* ---- addresses ---- */

static bool is_ip(int family, const char *text, size_t len)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return inet_pton(family, copy, &address) == 1;
}

static bool is_port(const char *text, uint64_t least)
{
    uint64_t port;
    return config_number(text, &port) && port >= least && port <= UINT16_MAX;
}

/* Port 0 takes a free one. */
bool config_is_listen(const char *text)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || !is_port(colon + 1, 0))
        return false;
    size_t len = (size_t)(colon - text);
    if (text[0] == '[')
        return len > 2 && colon[-1] == ']' && is_ip(AF_INET6, text + 1, len - 2);
    return is_ip(AF_INET, text, len);
}

bool config_is_resolver(const char *text)
{
    size_t len = strcspn(text, "@");
    if (!is_ip(AF_INET, text, len) && !is_ip(AF_INET6, text, len))
        return false;
    return text[len] == '\0' || is_port(text + len + 1, 1);
}

bool config_is_dcv_method(const char *text)
{
    return strcmp(text, "http") == 0 || strcmp(text, "cname") == 0;
}

/* ---- URLs ---- */

static bool is_url_text(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (!isgraph((unsigned char)*c) || strchr("\"<>\\^`{|}", *c) != NULL)
            return false;
    return strlen(text) <= 1024;
}

/* What follows the scheme, NULL where the URL has another one or no host. */
static const char *after_scheme(const char *text, const char *scheme)
{
    size_t len = strlen(scheme);
    if (strncmp(text, scheme, len) != 0)
        return NULL;
    return isalnum((unsigned char)text[len]) || text[len] == '[' ? text + len : NULL;
}

bool config_is_web_url(const char *text)
{
    return is_url_text(text) && (after_scheme(text, "https://") != NULL || after_scheme(text, "http://") != NULL);
}

bool config_is_base_url(const char *text)
{
    const char *host = after_scheme(text, "https://");
    if (host == NULL || !is_url_text(text) || strpbrk(host, "?#@") != NULL || text[strlen(text) - 1] == '/')
        return false;
    size_t len = strcspn(host, "/");
    const char *colon = host[0] == '[' ? strstr(host, "]:") : memchr(host, ':', len);
    if (colon == NULL)
        return true;
    char port[8];
    colon += *colon == ']';
    int written = snprintf(port, sizeof port, "%.*s", (int)(host + len - colon - 1), colon + 1);
    return written < (int)sizeof port && is_port(port, 1);
}

/* Scheme and host alone: what goes on behind it is ours to say. */
bool config_is_origin(const char *text)
{
    return config_is_base_url(text) && strchr(text + strlen("https://"), '/') == NULL;
}

/* From the root: a relative one would be another with every folder that the daemon is started in. */
bool config_is_path(const char *text)
{
    return text[0] == '/' && config_is_text(text);
}

bool config_is_schema(const char *text)
{
    size_t len = strlen(text);
    return len <= 63 && text[0] >= 'a' && text[0] <= 'z' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

bool config_is_url_path(const char *text)
{
    return text[0] == '/' && is_url_text(text) && strpbrk(text, "?#%") == NULL;
}
