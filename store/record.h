/* record: encoding of stored values, field after field.
 *
 * Writer and reader keep a sticky error: call all fields, ask once at the end. A record begins with its
 * schema version (one octet), which its owner checks. No thread rules: a cursor belongs to its user.
 *
 * Numbers, and lengths in front of octets, are in network byte order, as wide as their type; in a compact record they
 * take the octets that they need, seven bits each, the lowest first, the highest bit set in all but the last. Which it
 * is, its owner knows by the version.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

struct record_writer {
    uint8_t *data; /* malloc'd; free with record_free */
    size_t len, cap, max;
    bool compact; /* the fields from here on; the owner's */
    bool failed;  /* out of memory or over max */
};

/* Begins a record of at most max octets; the first octet is the version. */
void record_begin(struct record_writer *w, uint8_t version, size_t max);
void record_free(struct record_writer *w);
void record_put_u8(struct record_writer *w, uint8_t value);
void record_put_u32(struct record_writer *w, uint32_t value);
void record_put_u64(struct record_writer *w, uint64_t value);
void record_put_bytes(struct record_writer *w, const void *data, size_t len); /* length, then octets */
void record_put_fixed(struct record_writer *w, const void *data, size_t len); /* octets alone */
void record_put_string(struct record_writer *w, const char *text);            /* NULL is stored as "" */

struct record_reader {
    const uint8_t *data;
    size_t left;
    bool compact; /* the fields from here on; the owner's */
    bool failed;  /* too short, a length that does not fit, or a number not as it would be written */
};

/* Begins reading; returns the version, 0 where the record is empty (then failed is set). */
uint8_t record_open(struct record_reader *r, struct store_slice value);
uint8_t record_get_u8(struct record_reader *r);
uint32_t record_get_u32(struct record_reader *r);
uint64_t record_get_u64(struct record_reader *r);
/* Points into the value; empty on failure. */
struct store_slice record_get_bytes(struct record_reader *r);
void record_get_fixed(struct record_reader *r, void *out, size_t len);
/* Copies with a final NUL; fails where it does not fit or holds a NUL. */
void record_get_string(struct record_reader *r, char *out, size_t size);
/* malloc'd copy with a final NUL, "" for an empty one; NULL on failure. */
char *record_dup_string(struct record_reader *r);
/* True when every field was there and nothing is left over. */
bool record_complete(const struct record_reader *r);

#endif
