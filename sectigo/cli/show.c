#include "sectigo/cli/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- filling ---- */

/* jansson takes no text that is not UTF-8, which only the command line can hold here. */
void put_text(json_t *object, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    json_t *value = json_string(text);
    json_object_set_new(object, name, value ? value : json_string("?"));
}

void put_number(json_t *object, const char *name, int64_t number)
{
    json_object_set_new(object, name, json_integer(number));
}

void put_cents(json_t *object, const char *name, int64_t cents)
{
    uint64_t size = cents < 0 ? 0 - (uint64_t)cents : (uint64_t)cents;
    char text[32];

    snprintf(text, sizeof text, "%s%llu.%02u", cents < 0 ? "-" : "", (unsigned long long)(size / 100),
             (unsigned)(size % 100));
    put_text(object, name, text);
}

void put_time(json_t *object, const char *name, int64_t seconds)
{
    time_t time = (time_t)seconds;
    struct tm parts;
    char text[32];

    if (seconds != 0 && gmtime_r(&time, &parts) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0)
        put_text(object, name, text);
}

void put_status(json_t *object, const char *name, int status)
{
    static const char *const words[] = {"not required", "not completed", "completed", "in progress"};

    if (status >= -1 && status <= 2)
        put_text(object, name, words[status + 1]);
}

json_t *put_array(json_t *object, const char *name)
{
    json_object_set_new(object, name, json_array());
    return json_object_get(object, name);
}

/* ---- tables ---- */

/* Columns on a terminal, near enough: one for each character. */
static int width_of(const char *text)
{
    int width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_blanks(int count)
{
    printf("%*s", count > 0 ? count : 0, "");
}

/* A value in a line; "" where it is none. number is room for one. */
static const char *value_text(const json_t *value, char number[static 32])
{
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_boolean(value))
        return json_is_true(value) ? "yes" : "no";
    if (!json_is_integer(value))
        return "";
    snprintf(number, 32, "%lld", (long long)json_integer_value(value));
    return number;
}

static bool has_lines(const json_t *value)
{
    return json_is_string(value) && strchr(json_string_value(value), '\n');
}

static const char *cell(const json_t *row, const json_t *inner, const char *column, char number[static 32])
{
    const json_t *value = json_object_get(inner, column);
    return value_text(value ? value : json_object_get(row, column), number);
}

enum { COLUMNS_MAX = 16 };

/* Runs through the lines of a table: measures the columns, or prints them. */
static void each_line(const json_t *rows, const struct show_table *table,
                      void (*fn)(const struct show_table *table, const json_t *row, const json_t *inner, int *widths),
                      int *widths)
{
    size_t i, j;
    json_t *row, *inner;

    json_array_foreach(rows, i, row)
    {
        json_t *nested = table->nested ? json_object_get(row, table->nested) : NULL;
        if (json_array_size(nested) == 0)
            fn(table, row, NULL, widths);
        json_array_foreach(nested, j, inner)
        {
            fn(table, row, inner, widths);
        }
    }
}

static void measure_line(const struct show_table *table, const json_t *row, const json_t *inner, int *widths)
{
    char number[32];

    for (size_t n = 0; table->columns[n]; n++) {
        int width = width_of(cell(row, inner, table->columns[n], number));
        if (width > widths[n])
            widths[n] = width;
    }
}

static void print_line(const struct show_table *table, const json_t *row, const json_t *inner, int *widths)
{
    int blanks = 0; /* owed before the next text, so that no line ends with some */
    char number[32];

    for (size_t n = 0; table->columns[n]; n++) {
        const char *text = row ? cell(row, inner, table->columns[n], number) : table->columns[n];
        if (widths[n] > 0 && *text) {
            print_blanks(blanks);
            fputs(text, stdout);
            blanks = -width_of(text);
        }
        if (widths[n] > 0)
            blanks += widths[n] + 2;
    }
    putchar('\n');
}

static void print_table(const json_t *rows, const struct show_table *table)
{
    int widths[COLUMNS_MAX] = {0};

    each_line(rows, table, measure_line, widths);
    for (size_t n = 0; table->columns[n]; n++) {
        int width = width_of(table->columns[n]);
        if (widths[n] > 0 && widths[n] < width)
            widths[n] = width;
    }
    print_line(table, NULL, NULL, widths);
    each_line(rows, table, print_line, widths);
}

/* ---- one below the other ---- */

static void print_block(json_t *object, const struct show_table *table, int indent);

/* False where there was none. */
static bool print_values(json_t *object, int indent)
{
    bool any = false;
    int width = 0;
    const char *name;
    char number[32];
    json_t *value;

    json_object_foreach(object, name, value)
    {
        if (!json_is_array(value) && !has_lines(value) && width_of(name) > width)
            width = width_of(name);
    }
    json_object_foreach(object, name, value)
    {
        if (json_is_array(value) || has_lines(value))
            continue;
        print_blanks(indent);
        fputs(name, stdout);
        print_blanks(width - width_of(name) + 2);
        puts(value_text(value, number));
        any = true;
    }
    return any;
}

static void print_array(const json_t *array, const char *name, const struct show_table *table, int indent)
{
    size_t i;
    json_t *row;

    if (table && strcmp(table->array, name) == 0) {
        print_table(array, table);
        return;
    }
    json_array_foreach(array, i, row)
    {
        printf("%s%*s%s %zu of %zu\n", i > 0 ? "\n" : "", indent, "", name, i + 1, json_array_size(array));
        print_block(row, table, indent + 2);
    }
}

/* Values, then what needs lines of its own, with an empty line between. */
static void print_block(json_t *object, const struct show_table *table, int indent)
{
    bool gap = print_values(object, indent);
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        if (!has_lines(value) && json_array_size(value) == 0)
            continue;
        if (gap)
            putchar('\n');
        gap = true;
        if (json_is_array(value))
            print_array(value, name, table, indent);
        else
            fputs(json_string_value(value), stdout);
    }
}

static bool print_json(json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT);

    if (!text)
        return false;
    puts(text);
    free(text);
    return true;
}

bool show(const struct session *session, json_t *answer, const struct show_table *table, enum outcome outcome)
{
    bool for_people = outcome == OUTCOME_DONE || outcome == OUTCOME_NOT_YET;
    bool ok = answer != NULL;

    if (ok && session->settings.json)
        ok = print_json(answer);
    else if (ok && for_people && !session->settings.raw)
        print_block(answer, table, 0);
    if (!ok)
        complain(session, "out of memory");
    json_decref(answer);
    fflush(stdout);
    return ok;
}
