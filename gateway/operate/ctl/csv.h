/* csv: lists for spreadsheets and scripts, RFC 4180. Times as in tables; amounts without their currency. */
#ifndef CTL_CSV_H
#define CTL_CSV_H

#include <stdbool.h>

#include <jansson.h>

#include "gateway/operate/ctl/command.h"

/* The rows of a page; head: a line of headings before them. What a spreadsheet would take for a formula has an
 * apostrophe in front. */
void csv_print(const struct column *columns, const json_t *page, bool head);

#endif
