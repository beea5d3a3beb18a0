/* export: old lines of the audit, written to a file where that is wanted, and then removed.
 *
 * A line is in the file before it leaves the store, and once: the transaction that removes lines says how long the file
 * is with them, and what a kill -9 left behind that is cut off before more is written.
 */
#ifndef GATEWAY_KEEP_EXPORT_H
#define GATEWAY_KEEP_EXPORT_H

#include "gateway/keep/diary.h"

struct export_step {
    const char *folder; /* NULL: they are not written */
    uint64_t age_ms;    /* 0: none is old */
    uint64_t now_ms;
    struct housekeeping_diary next; /* in: as it is stored; out: as it is stored then */
    unsigned count;                 /* out: lines that were removed; 0: none is left */
};

/* The oldest lines, of one month and not many. Blocks. */
enum store_status export_audit(struct store *store, struct export_step *step);

#endif
