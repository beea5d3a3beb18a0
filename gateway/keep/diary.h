/* diary: when the gateway last did what it does for its own store, and how that went. One record for each kind, in
 * ISSUE_KEEPING. Read in a snapshot or a store_fn, changed in a store_fn.
 */
#ifndef GATEWAY_KEEP_DIARY_H
#define GATEWAY_KEEP_DIARY_H

#include <stdint.h>

#include "store/store.h"

enum { DIARY_NAME_MAX = 80, DIARY_NOTE_MAX = 500 };

/* Scheduled copies of the store. */
struct backup_diary {
    uint64_t done_ms;              /* when the last good one was whole; 0: there was none */
    char name[DIARY_NAME_MAX + 1]; /* of that one */
    uint32_t failures;             /* since then */
    char note[DIARY_NOTE_MAX + 1]; /* why the last failed; "": it did not */
};

/* STORE_OK also where there is none yet, then it is all zero; STORE_INVALID. */
enum store_status diary_load_backup(struct store_txn *txn, struct backup_diary *diary);
enum store_status diary_save_backup(struct store_txn *txn, const struct backup_diary *diary);

#endif
