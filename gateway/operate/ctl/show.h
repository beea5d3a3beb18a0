/* show: the daemon's answers for people, as tables and as objects whose values stand in a column (value.h). */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>

#include "gateway/operate/ctl/command.h"
#include "gateway/operate/ctl/value.h"

enum { TABLE_COLUMNS_MAX = 16 };
/* A table of as many pages as there are; zeroed but for columns. */
struct table {
    const struct column *columns;
    size_t widths[TABLE_COLUMNS_MAX];
    struct value_style style; /* of the page that was measured last; its texts are that page's */
};
/* Widens the columns to what a page needs. */
void table_measure(struct table *table, const json_t *page);
/* The rows of a page that was measured; head: a line of headings before them. */
void table_print(const struct table *table, const json_t *page, bool head);
/* Label after label, what is inside further right. */
void show_object(const json_t *object);
/* A sentence of the daemon, on stderr. */
void show_complaint(const char *text);

#endif
