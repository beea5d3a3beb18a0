/* diary: when the gateway last did what it does for its own store, and how that went. One record for each kind, in
 * ISSUE_KEEPING. Read in a snapshot or a store_fn, changed in a store_fn.
 */
#ifndef GATEWAY_KEEP_DIARY_H
#define GATEWAY_KEEP_DIARY_H

#include <stdint.h>

#include "gateway/removed.h"
#include "store/store.h"

enum { DIARY_NAME_MAX = 80, DIARY_NOTE_MAX = 500 };

/* Scheduled copies of the store. */
struct backup_diary {
    uint64_t done_ms;              /* when the last good one was whole; 0: there was none */
    char name[DIARY_NAME_MAX + 1]; /* of that one */
    uint32_t failures;             /* since then */
    char note[DIARY_NOTE_MAX + 1]; /* why the last failed; "": it did not */
};

enum { DIARY_CURSOR_MAX = 64 };

/* Passes of housekeeping. */
struct housekeeping_diary {
    uint64_t looked_ms; /* when it last was at work, by a time that was in no doubt; 0: never */
    uint64_t hold_ms;   /* since when it waits a day, because time had jumped; 0: it does not */
    uint64_t began_ms;  /* the pass that is under way; 0: none */
    uint8_t phase;      /* of that: where it is, */
    uint8_t cursor_len;
    uint8_t cursor[DIARY_CURSOR_MAX];  /* and behind which key it goes on */
    uint64_t removing[REMOVED_KINDS];  /* by it so far, by enum removed_kind */
    uint64_t ended_ms;                 /* the last whole pass; 0: there was none */
    uint64_t removed[REMOVED_KINDS];   /* by that */
    char exported[DIARY_NAME_MAX + 1]; /* the file that audit lines were written to last, */
    uint64_t exported_octets;          /* and how long it is with all lines that are removed */
};

/* STORE_OK also where there is none yet, then it is all zero; STORE_INVALID. */
enum store_status diary_load_backup(struct store_txn *txn, struct backup_diary *diary);
enum store_status diary_load_housekeeping(struct store_txn *txn, struct housekeeping_diary *diary);
enum store_status diary_save_housekeeping(struct store_txn *txn, const struct housekeeping_diary *diary);
enum store_status diary_save_backup(struct store_txn *txn, const struct backup_diary *diary);

#endif
