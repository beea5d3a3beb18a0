/* fields: a C struct described once, as a table, and turned into JSON and back by it.
 *
 * One description serves the journal, the ledger and the control endpoints, so that they cannot disagree. Any thread;
 * the record itself is the caller's to guard.
 */
#ifndef SANDBOX_FIELDS_H
#define SANDBOX_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_TEXT,   /* char *, owned, NULL: absent */
    FIELD_NUMBER, /* int64_t */
    FIELD_TIME,   /* int64_t milliseconds since 1970; in JSON seconds with a fraction, absent while 0 */
    FIELD_FLAG,   /* bool */
    FIELD_WORD,   /* int, in JSON the word of that index */
    FIELD_LIST,   /* struct list of records */
};

struct record_type;
struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    const char *const *words;        /* FIELD_WORD: NULL-terminated */
    const struct record_type *items; /* FIELD_LIST */
    bool hidden;                     /* kept in the journal, not shown in the ledger */
};
struct record_type {
    size_t size;
    const struct field *fields; /* ends with a NULL name */
};

/* Records in a row. Appending moves them: keep no pointer to an item across list_append. */
struct list {
    void *items; /* owned */
    size_t count;
};

/* A new reference, or NULL when out of memory or a text is not UTF-8. hidden: with the hidden fields. */
json_t *record_encode(const struct record_type *type, const void *record, bool hidden);
/* Into a zeroed record, or over an earlier one whose fields are replaced where the JSON names them. False: *wrong
 * is the name of the field that does not fit (static text). Names that the table does not know are refused. */
bool record_decode(const struct record_type *type, json_t *json, void *record, const char **wrong);
/* Frees what the record owns and zeroes it; not the record itself. */
void record_clear(const struct record_type *type, void *record);

/* A zeroed new item at the end; NULL when out of memory. */
void *list_append(const struct record_type *type, struct list *list);

/* Replaces an owned text by a copy (NULL: none). False when out of memory; the old text then stays. */
bool text_set(char **text, const char *value);

#endif
