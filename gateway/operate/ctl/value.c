#include "gateway/operate/ctl/value.h"

#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

static bool ends_in(const char *key, const char *end)
{
    size_t len = strlen(key), end_len = strlen(end);
    return len > end_len && strcmp(key + len - end_len, end) == 0;
}

static bool is_one_of(const char *key, const char *const *keys)
{
    for (; *keys; keys++)
        if (strcmp(key, *keys) == 0)
            return true;
    return false;
}

/* ---- labels ---- */

/* Where the key alone would not tell what is meant. */
static const struct {
    const char *key, *label;
} labels[] = {
    {"next_ms", "next due"},
    {"heard_seconds_ago", "seconds since it answered"},
    {"due_ms", "next step"},
    {"cents_per_day", "amount per day"},
    {"cents_per_month", "amount per month"},
    {"hmac_key", "HMAC key"},
    {"url", "URL"},
    {"id", "ID"},
    {"days", "term"},
    {"certificate_id", "certificate ID"},
    {"certificate_ids", "certificate IDs"},
    {"ips", "IP addresses"},
    {"dcv_methods", "domain control by"},
    {"read_ms", "last read by its client"},
    {"looked_ms", "last look at Sectigo"},
    {"drift_ms", "compared with Sectigo"},
    {"unshared_ms", "one key each since"},
    {"balance_ms", "balance of"},
};

void value_label(const char *key, char *out, size_t size)
{
    static const char *const units[] = {"_ms", "_cents", "_octets", "_seconds"};
    size_t len = strlen(key);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        if (strcmp(labels[i].key, key) == 0) {
            snprintf(out, size, "%s", labels[i].label);
            return;
        }
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (ends_in(key, units[i]))
            len -= strlen(units[i]);
    snprintf(out, size, "%.*s", (int)len, key);
    for (char *c = out; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    value_tame(out);
}

/* ---- values ---- */

/* Control characters, also those of two octets in UTF-8 (U+0080 to U+009F). */
void value_tame(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < ' ' || *c == 127 || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
            *c = '?';
        else if (c != (unsigned char *)text && c[-1] == '?' && *c >= 0x80 && *c < 0xc0)
            *c = '?';
    }
}

size_t value_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void time_text(json_int_t time_ms, char *out, size_t size)
{
    struct tm at;
    time_t seconds = (time_t)(time_ms / 1000);
    if (!gmtime_r(&seconds, &at) || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &at) == 0)
        snprintf(out, size, "?");
}

static void money_text(const struct value_style *style, json_int_t cents, char *out, size_t size)
{
    snprintf(out, size, "%s%lld.%02lld%s%s", cents < 0 ? "-" : "", llabs(cents) / 100, llabs(cents) % 100,
             style->currency ? " " : "", style->currency ? style->currency : "");
}

/* 212 KiB, 1.5 GiB */
static void size_text(json_int_t octets, char *out, size_t size)
{
    static const char *const units[] = {"octets", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)octets;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1024;
    snprintf(out, size, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* This machine's name for whoever used the socket. */
static void user_text(json_int_t uid, char *out, size_t size)
{
    const struct passwd *user = getpwuid((uid_t)uid);
    if (user)
        snprintf(out, size, "%s", user->pw_name);
    else
        snprintf(out, size, "uid %lld", (long long)uid);
}

static bool bounds(const char *key)
{
    static const char *const keys[] = {
        "accounts",          "orders_per_day",      "names_per_order", "distinct_names",  "certificates_per_day",
        "purchases_per_day", "purchases_per_month", "cents_per_day",   "cents_per_month", NULL};
    return is_one_of(key, keys);
}

static void number_text(const struct value_style *style, const char *key, json_int_t value, char *out, size_t size)
{
    if (value == 0 && style->zero_is_no_limit && bounds(key))
        snprintf(out, size, "no limit");
    else if (ends_in(key, "_ms"))
        time_text(value, out, size);
    else if (ends_in(key, "_cents") || strncmp(key, "cents_per_", 10) == 0)
        money_text(style, value, out, size);
    else if (ends_in(key, "_octets"))
        size_text(value, out, size);
    else if (strcmp(key, "uid") == 0)
        user_text(value, out, size);
    else if (strcmp(key, "days") == 0 || strcmp(key, "seconds") == 0)
        snprintf(out, size, "%lld %s", (long long)value, key);
    else if (ends_in(key, "_seconds"))
        snprintf(out, size, "%lld seconds", (long long)value);
    else
        snprintf(out, size, "%lld", (long long)value);
}

/* 250 ms, 1.5 s, 15 min, 4 h, 7 d */
static void duration_text(double seconds, char *out, size_t size)
{
    static const struct {
        const char *unit;
        double seconds, from;
    } units[] = {{"d", 86400, 172800}, {"h", 3600, 7200}, {"min", 60, 120}, {"s", 1, 1}, {"ms", 0.001, 0}};
    size_t i = 0;
    while (seconds < units[i].from)
        i++;
    snprintf(out, size, "%.3g %s", seconds / units[i].seconds, units[i].unit);
}

/* "a, b, c": whole elements while they fit. */
static void list_text(const json_t *list, char *out, size_t size)
{
    size_t used = 0, i;
    json_t *one;
    out[0] = '\0';
    json_array_foreach(list, i, one)
    {
        const char *text = json_string_value(one);
        size_t len = text ? strlen(text) + 2 : 0;
        if (used + len + sizeof " and 1000000 more" > size) {
            snprintf(out + used, size - used, " and %zu more", json_array_size(list) - i);
            return;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", text ? text : "");
    }
    if (used == 0)
        snprintf(out, size, "-");
}

/* "purchases per day 5, validation trusted": what is said alone, while it fits. */
static void members_text(const struct value_style *style, const json_t *object, char *out, size_t size)
{
    size_t used = 0;
    const char *key;
    json_t *value;
    out[0] = '\0';
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        char label[64], text[128];
        value_label(key, label, sizeof label);
        value_text(style, key, value, text, sizeof text);
        if (strcmp(text, "-") == 0)
            continue;
        if (used + strlen(label) + strlen(text) + sizeof ", , ..." > size) {
            snprintf(out + used, size - used, ", ...");
            return;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s %s", used ? ", " : "", label, text);
    }
    if (used == 0)
        snprintf(out, size, "-");
}

void value_text(const struct value_style *style, const char *key, const json_t *value, char *out, size_t size)
{
    if (json_string_length(value) > 0)
        snprintf(out, size, "%s", json_string_value(value));
    else if (json_is_integer(value))
        number_text(style, key, json_integer_value(value), out, size);
    else if (json_is_real(value))
        duration_text(json_real_value(value), out, size);
    else if (json_is_boolean(value))
        snprintf(out, size, "%s", json_is_true(value) ? "yes" : "no");
    else if (json_is_array(value))
        list_text(value, out, size);
    else if (json_is_object(value))
        members_text(style, value, out, size);
    else
        snprintf(out, size, "-");
    value_tame(out);
}

/* ---- finding ---- */

static bool says_something(const json_t *value)
{
    return value && !json_is_null(value) && !(json_is_string(value) && json_string_length(value) == 0) &&
           !(json_is_array(value) && json_array_size(value) == 0);
}

const json_t *value_find(const json_t *item, const char *keys, char key[static VALUE_KEY_SIZE])
{
    const json_t *value = NULL;
    while (*keys && !says_something(value)) {
        size_t len = strcspn(keys, "|"), outer = strcspn(keys, ".|");
        snprintf(key, VALUE_KEY_SIZE, "%.*s", (int)outer, keys);
        value = json_object_get(item, key);
        if (outer < len) {
            snprintf(key, VALUE_KEY_SIZE, "%.*s", (int)(len - outer - 1), keys + outer + 1);
            value = json_object_get(value, key);
        }
        keys += len + (keys[len] == '|');
    }
    return value;
}
