#include "gateway/operate/ctl/csv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/operate/ctl/value.h"

enum { CELL_MAX = 64 * 1024 };

static bool is_number(const char *text)
{
    return text[strspn(text, "-0123456789.")] == '\0';
}

static void print_cell(const char *text)
{
    bool formula = strchr("=+-@\t", text[0]) && text[0] && !is_number(text);
    bool quoted = formula || text[strcspn(text, ",\"\r\n")];
    printf("%s%s", quoted ? "\"" : "", formula ? "'" : "");
    for (; *text; text++)
        printf(*text == '"' ? "\"\"" : "%c", *text);
    printf("%s", quoted ? "\"" : "");
}

/* "ISSUANCE OR CHANGE" as issuance_or_change. */
static void print_heading(const char *heading)
{
    for (; *heading; heading++)
        putchar(*heading == ' ' ? '_' : tolower((unsigned char)*heading));
}

static void print_row(const struct column *columns, const json_t *item, char *cell)
{
    static const struct value_style style = {.currency = NULL};
    for (size_t i = 0; columns[i].key; i++) {
        char key[VALUE_KEY_SIZE] = "";
        const json_t *value = value_find(item, columns[i].key, key);
        value_text(&style, key, value, cell, CELL_MAX);
        printf("%s", i ? "," : "");
        print_cell(strcmp(cell, "-") == 0 ? "" : cell);
    }
    printf("\r\n");
}

void csv_print(const struct column *columns, const json_t *page, bool head)
{
    static char cell[CELL_MAX];
    const json_t *item;
    size_t i;
    for (i = 0; head && columns[i].key; i++) {
        printf("%s", i ? "," : "");
        print_heading(columns[i].heading);
    }
    if (head)
        printf("\r\n");
    json_array_foreach(json_object_get(page, "items"), i, item) print_row(columns, item, cell);
}
