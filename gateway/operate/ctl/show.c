#include "gateway/operate/ctl/show.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/operate/ctl/value.h"

enum { CELL_MAX = 160, LINE_MAX = 4096, LABEL_MAX = 64, INDENT = 2 };

/* Of a policy 0 bounds nothing; elsewhere it is a count. */
static struct value_style style_of(const json_t *answer)
{
    return (struct value_style){.currency = json_string_value(json_object_get(answer, "currency")),
                                .zero_is_no_limit = json_object_get(answer, "revoke_others") != NULL};
}

void show_complaint(const char *text)
{
    char tamed[1024];
    snprintf(tamed, sizeof tamed, "%s", text);
    value_tame(tamed);
    fprintf(stderr, "acmegatectl: %s\n", tamed);
}

static void print_padded(const char *text, size_t width)
{
    size_t used = value_width(text);
    printf("%s%*s", text, (int)(used < width ? width - used : 0), "");
}

/* ---- a table ---- */

static void cell_text(const struct value_style *style, const json_t *item, const struct column *column,
                      char out[static CELL_MAX])
{
    char key[VALUE_KEY_SIZE] = "";
    const json_t *value = value_find(item, column->key, key);
    value_text(style, key, value, out, CELL_MAX);
}

/* item NULL: the headings. */
static void print_row(const struct table *table, const json_t *item)
{
    const struct column *columns = table->columns;
    for (size_t i = 0; columns[i].key; i++) {
        char cell[CELL_MAX];
        if (item)
            cell_text(&table->style, item, &columns[i], cell);
        else
            snprintf(cell, sizeof cell, "%s", columns[i].heading);
        if (columns[i + 1].key)
            print_padded(cell, table->widths[i] + 2);
        else
            printf("%s\n", cell);
    }
}

void table_measure(struct table *table, const json_t *page)
{
    json_t *item;
    size_t row;
    table->style = style_of(page);
    for (size_t i = 0; i < TABLE_COLUMNS_MAX && table->columns[i].key; i++) {
        size_t width = strlen(table->columns[i].heading);
        table->widths[i] = width > table->widths[i] ? width : table->widths[i];
        json_array_foreach(json_object_get(page, "items"), row, item)
        {
            char cell[CELL_MAX];
            cell_text(&table->style, item, &table->columns[i], cell);
            width = value_width(cell);
            table->widths[i] = width > table->widths[i] ? width : table->widths[i];
        }
    }
}

void table_print(const struct table *table, const json_t *page, bool head)
{
    json_t *item;
    size_t i;
    if (head)
        print_row(table, NULL);
    json_array_foreach(json_object_get(page, "items"), i, item) print_row(table, item);
}

/* ---- an object ---- */

static bool has_objects(const json_t *value)
{
    return json_is_object(value) || (json_is_array(value) && json_is_object(json_array_get(value, 0)));
}

/* It stands behind every amount. */
static bool is_hidden(const char *key)
{
    return strcmp(key, "currency") == 0;
}

/* Of the labels of what is no object, with their colons. */
static size_t labels_width(const json_t *object)
{
    size_t width = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        char label[LABEL_MAX];
        value_label(key, label, sizeof label);
        if (!has_objects(value) && !is_hidden(key) && value_width(label) + 1 > width)
            width = value_width(label) + 1;
    }
    return width;
}

static void print_object(const struct value_style *style, const json_t *object, int indent, bool entry);

/* As deep as the daemon's answers are, which jansson bounds. */
static void print_inside(const struct value_style *style, const json_t *value, int indent)
{
    json_t *one;
    size_t i;
    if (json_is_object(value))
        print_object(style, value, indent, false);
    json_array_foreach(value, i, one)
    {
        print_object(style, one, indent + INDENT, true);
    }
}

/* entry: of a list; its first line begins with a dash. */
static void print_object(const struct value_style *style, const json_t *object, int indent, bool entry)
{
    size_t width = labels_width(object);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        char label[LABEL_MAX + 1], text[LINE_MAX];
        if (is_hidden(key))
            continue;
        value_label(key, label, LABEL_MAX);
        memcpy(label + strlen(label), ":", 2);
        printf("%*s", indent, entry ? "- " : "");
        entry = false;
        if (has_objects(value)) {
            printf("%s\n", label);
            print_inside(style, value, indent + INDENT);
            continue;
        }
        value_text(style, key, value, text, sizeof text);
        print_padded(label, width + 1);
        printf("%s\n", text);
    }
}

void show_object(const json_t *object)
{
    struct value_style style = style_of(object);
    print_object(&style, object, 0, false);
}
