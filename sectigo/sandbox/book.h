/* book: all orders, found by whatever a caller may name them by, and kept over restarts.
 *
 * Guarded by the sandbox's lock. Orders live until the book is closed: pointers to them stay good without the lock,
 * their fields do not.
 */
#ifndef SANDBOX_BOOK_H
#define SANDBOX_BOOK_H

#include "sectigo/sandbox/journal.h"
#include "sectigo/sandbox/order.h"

struct book {
    struct journal journal;
    struct order **orders; /* owned, in the order of placing */
    size_t count, capacity;
    json_t *by_number, *by_certificate, *by_foreign, *by_csr, *by_token; /* text -> positions */
    json_t *kept;                                                        /* other things by kind: settings, ... */
    int64_t next_number;                                                 /* of purchases */
    int64_t next_certificate;                                            /* certificate IDs */
};

/* Of a folder. False: *reason is a sentence. */
bool book_open(struct book *book, const char *folder, char reason[static JOURNAL_REASON_MAX]);
void book_close(struct book *book);

/* Takes the order (numbers already set), indexes it and writes it. False: not taken, nothing changed. */
bool book_add(struct book *book, struct order *order);
/* Writes the order's present state. */
bool book_save(struct book *book, const struct order *order);
/* Writes something that is not an order; the last one of a kind is in kept after a restart. */
bool book_keep(struct book *book, const char *kind, json_t *value);

struct order *book_find(const struct book *book, const char *number);
struct order *book_find_certificate(const struct book *book, const char *id);
/* Position after *cursor (start with 0) of an order with that foreignOrderNumber placed by that login; NULL at the
 * end. */
struct order *book_next_foreign(const struct book *book, const char *foreign, const char *login, size_t *cursor);
/* Whether a CSR (SHA-256 of its octets), or the pair of it and a unique value, was used by an earlier order. */
bool book_csr_used(const struct book *book, const char *csr_sha256);
bool book_token_used(const struct book *book, const char *csr_sha256, const char *unique_value);
/* The newest order of a family that is not rejected; the base itself if there is no other. */
struct order *book_newest(const struct book *book, const char *base_number);

#endif
