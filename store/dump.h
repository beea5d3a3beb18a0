/* dump: the file in which a whole store moves from one engine to another.
 *
 *     header   "acmegate store\n" and a NUL; format (4, is 1), schema (4), identity (16), when it was written (UNIX
 *              milliseconds, 8), how many tables (4), of each its number (4), the length of its name (1), its name;
 *              SHA-256 of all that
 *     a table  'T', number (4); records in ascending order of their keys, each 'R', length of the key (2), of the value
 *              (4), key, value; 'E', how many (8), SHA-256 of the table from its 'T' on
 *     the end  'Z', how many records in all (8), SHA-256 of all that stands before it
 *
 * Numbers are in network byte order; every table stands once, in the header's order. The digests find what is damaged
 * or cut short; they are no signature. Written and read in constant memory: a record at a time. A cursor belongs to its
 * user; the file stays the caller's, and is read or written from where it stands.
 */
#ifndef STORE_DUMP_H
#define STORE_DUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "store/store.h"

enum { DUMP_TABLES_MAX = 128, DUMP_NAME_SIZE = 64, DUMP_IDENTITY_LEN = 16, DUMP_VALUE_MAX = 64 << 20 };

struct dump_header {
    uint32_t schema;
    uint8_t identity[DUMP_IDENTITY_LEN];
    uint64_t written_ms;
    unsigned table_count;
    struct {
        uint32_t number; /* what the writing program called it; names are what counts */
        char name[DUMP_NAME_SIZE];
    } tables[DUMP_TABLES_MAX];
};

struct dump_writer;
/* NULL: out of memory. */
struct dump_writer *dump_write(FILE *file, const struct dump_header *header);
void dump_table(struct dump_writer *w, uint32_t number);
void dump_record(struct dump_writer *w, struct store_slice key, struct store_slice value);
void dump_table_end(struct dump_writer *w);
void dump_end(struct dump_writer *w);
/* Frees it. False: something of it could not be written (errno), or had a length that the file cannot hold. */
bool dump_finish(struct dump_writer *w);

enum dump_event { DUMP_BAD, DUMP_TABLE, DUMP_RECORD, DUMP_TABLE_END, DUMP_END };

struct dump_reader;
/* NULL, and *reason: this is no such file, or one that a newer program wrote, or memory is short. */
struct dump_reader *dump_read(FILE *file, struct dump_header *header, char reason[static STORE_REASON_SIZE]);
/* What comes next. DUMP_TABLE: *table is its place in the header. DUMP_RECORD: *key and *value, until the next call.
 * DUMP_BAD, which stays: *reason of dump_read says why. */
enum dump_event dump_next(struct dump_reader *r, unsigned *table, struct store_slice *key, struct store_slice *value);
void dump_read_end(struct dump_reader *r);

#endif
