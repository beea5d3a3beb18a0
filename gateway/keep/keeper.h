/* keeper: the thread that looks after the store itself: copies by a schedule, and housekeeping.
 *
 * It may wait, for a disk above all; nothing waits for it. What it did last is in the store (diary.h).
 */
#ifndef GATEWAY_KEEP_KEEPER_H
#define GATEWAY_KEEP_KEEPER_H

#include "gateway/config/current.h"
#include "store/store.h"

struct keeper;

struct keeper_config {
    struct config_current *configs;
    struct store *store;
    struct store_config settings; /* that it was opened with: a copy is opened so */
};

/* NULL: out of memory or threads. */
struct keeper *keeper_start(const struct keeper_config *config);
/* Waits for the end of what is being done. Before store_close. NULL is fine. */
void keeper_stop(struct keeper *keeper);

#endif
