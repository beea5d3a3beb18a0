/* transfer: a whole store moved from one engine to another, by a file (dump.h). No store may be open: each of these
 * opens one by itself, with its owner's lock. They block.
 *
 * It is a move, not a copy: two stores that know the same orders would each buy the next renewal. So what was exported
 * is marked as moved, and store_open refuses it from then on, unless told otherwise (moved_too); store_moved_settle
 * takes it back as what it then is, a copy of something older. What is imported keeps the identity that it had.
 */
#ifndef STORE_TRANSFER_H
#define STORE_TRANSFER_H

#include "store/store.h"

/* A file older than this is imported as a copy (store_copied_ms): others may have lived on what it tells. */
enum { TRANSFER_FRESH_MS = 24 * 60 * 60 * 1000 };

struct transfer_result {
    uint64_t records;
    char identity[STORE_IDENTITY_SIZE];
    bool copy; /* imported, and counts as a copy */
};

/* Writes the store that is there into file (0600), which must not exist and appears when it is whole, on the disk, and
 * was compared with the store record by record; the mark is set just before. A store that was moved may be exported
 * again. On failure *reason is a sentence; it says so where the mark was set. */
enum store_status transfer_export(const struct store_config *config, const char *file, struct transfer_result *result,
                                  char reason[static STORE_REASON_SIZE]);
/* Fills a store that is not there, or has no record, and compares it with the file record by record. STORE_EXISTS: it
 * has records. STORE_NEWER: the file is of a newer schema; an older one is brought up to date by the next store_open.
 * One that was interrupted is refused by store_open, and begun anew by the next import. */
enum store_status transfer_import(const struct store_config *config, const char *file, struct transfer_result *result,
                                  char reason[static STORE_REASON_SIZE]);
/* The identity of the store in the file, without reading on. */
enum store_status transfer_identity(const char *file, char identity[static STORE_IDENTITY_SIZE],
                                    char reason[static STORE_REASON_SIZE]);

#endif
