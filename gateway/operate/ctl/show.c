#include "gateway/operate/ctl/show.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CELL_MAX = 160, INDENT = 2 };

/* ---- one value ---- */

static bool ends_in(const char *key, const char *end)
{
    size_t len = strlen(key), end_len = strlen(end);
    return len > end_len && strcmp(key + len - end_len, end) == 0;
}

/* Control characters, also those of two octets in UTF-8 (U+0080 to U+009F). */
static void tame(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < ' ' || *c == 127 || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
            *c = '?';
        else if (c != (unsigned char *)text && c[-1] == '?' && *c >= 0x80 && *c < 0xc0)
            *c = '?';
    }
}

static void time_text(json_int_t time_ms, char *out, size_t size)
{
    struct tm at;
    time_t seconds = (time_t)(time_ms / 1000);
    if (!gmtime_r(&seconds, &at) || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &at) == 0)
        snprintf(out, size, "?");
}

static void number_text(const char *key, json_int_t value, char *out, size_t size)
{
    if (ends_in(key, "_ms"))
        time_text(value, out, size);
    else if (ends_in(key, "_cents"))
        snprintf(out, size, "%s%lld.%02lld", value < 0 ? "-" : "", llabs(value) / 100, llabs(value) % 100);
    else
        snprintf(out, size, "%lld", (long long)value);
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

static void value_text(const char *key, const json_t *value, char *out, size_t size)
{
    if (json_is_string(value))
        snprintf(out, size, "%s", json_string_value(value));
    else if (json_is_integer(value))
        number_text(key, json_integer_value(value), out, size);
    else if (json_is_boolean(value))
        snprintf(out, size, "%s", json_is_true(value) ? "yes" : "no");
    else if (json_is_array(value))
        list_text(value, out, size);
    else
        snprintf(out, size, "-");
    tame(out);
}

void show_complaint(const char *text)
{
    char tamed[1024];
    snprintf(tamed, sizeof tamed, "%s", text);
    tame(tamed);
    fprintf(stderr, "acmegatectl: %s\n", tamed);
}

/* ---- a table ---- */

static unsigned width_of(const json_t *items, const struct column *column)
{
    size_t width = strlen(column->heading), i;
    json_t *item;
    json_array_foreach(items, i, item)
    {
        char cell[CELL_MAX];
        value_text(column->key, json_object_get(item, column->key), cell, sizeof cell);
        width = strlen(cell) > width ? strlen(cell) : width;
    }
    return (unsigned)width;
}

/* item NULL: the headings. */
static void print_row(const struct column *columns, const unsigned *widths, const json_t *item)
{
    for (size_t i = 0; columns[i].key; i++) {
        char cell[CELL_MAX];
        if (item)
            value_text(columns[i].key, json_object_get(item, columns[i].key), cell, sizeof cell);
        else
            snprintf(cell, sizeof cell, "%s", columns[i].heading);
        if (columns[i + 1].key)
            printf("%-*s  ", (int)widths[i], cell);
        else
            printf("%s\n", cell);
    }
}

bool show_table(const json_t *page, const struct asked *asked)
{
    const struct column *columns = asked->command->columns;
    const json_t *items = json_object_get(page, "items");
    const char *next = json_string_value(json_object_get(page, "next"));
    json_t *item;
    size_t count = 0, i;
    while (columns[count].key)
        count++;
    unsigned *widths = calloc(count, sizeof *widths);
    if (!widths)
        return false;
    for (i = 0; i < count; i++)
        widths[i] = width_of(items, &columns[i]);
    print_row(columns, widths, NULL);
    json_array_foreach(items, i, item) print_row(columns, widths, item);
    free(widths);
    if (next)
        fprintf(stderr, "there is more: --after %s\n", next);
    return true;
}

/* ---- an object ---- */

static void print_line(const char *key, const json_t *value, int indent)
{
    char text[4096];
    value_text(key, value, text, sizeof text);
    printf("%*s%s: %s\n", indent, "", key, text);
}

static bool has_objects(const json_t *value)
{
    return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static void print_object(const json_t *object, int indent);

/* As deep as the daemon's answers are, which jansson bounds. */
static void print_list(const json_t *list, int indent)
{
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        printf("%*s-\n", indent, "");
        print_object(one, indent + INDENT);
    }
}

static void print_object(const json_t *object, int indent)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (!json_is_object(value) && !has_objects(value)) {
            print_line(key, value, indent);
            continue;
        }
        printf("%*s%s:\n", indent, "", key);
        if (json_is_object(value))
            print_object(value, indent + INDENT);
        else
            print_list(value, indent + INDENT);
    }
}

void show_object(const json_t *object)
{
    print_object(object, 0);
}
