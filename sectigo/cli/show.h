/* show: answers on stdout, as tables for people or as JSON. One thread. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "sectigo/cli/command.h"

/* Of an answer, the array to be shown as a table; what has no value in any row is left out. */
struct show_table {
    const char *array;
    const char *nested;         /* array in its rows, a line each, the row's own values beside; NULL: none */
    const char *const *columns; /* up to NULL */
};

/* Shows an answer (taken over) unless it is a refusal for people, who were told on stderr, or --raw. Arrays other than
 * the table's are shown one below the other. False when out of memory: said so. */
bool show(const struct session *session, json_t *answer, const struct show_table *table, enum outcome outcome);

/* Below: let be what is absent (NULL, "", 0, -2). */
void put_text(json_t *object, const char *name, const char *text);
void put_cents(json_t *object, const char *name, int64_t cents);
void put_number(json_t *object, const char *name, int64_t number); /* always */
/* Seconds since 1970 as "2026-03-15T00:00:00Z". */
void put_time(json_t *object, const char *name, int64_t seconds);
/* -1 0 1 2 in words. */
void put_status(json_t *object, const char *name, int status);
/* An array of that name, to be filled. */
json_t *put_array(json_t *object, const char *name);

#endif
