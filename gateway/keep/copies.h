/* copies: backups by a schedule (backup.folder, every, keep).
 *
 * A copy is acmegate-INSTANCE-20261127T033610Z in that folder, whole under this name or not there: it grows as NAME.new
 * (and NAME.new.partial, store_backup's own), is opened and read from its first record to its last, and renamed. What
 * an interrupted one left is removed by the next. Nothing is removed whose name is not one of these, and of these
 * nothing but a copy's own two files.
 */
#ifndef GATEWAY_KEEP_COPIES_H
#define GATEWAY_KEEP_COPIES_H

#include <stdbool.h>

#include "gateway/keep/keeper.h"

struct copies {
    struct keeper_config at;
    const struct config *config; /* of this turn */
    bool failed;                 /* the last one; then by CLOCK_BOOTTIME: */
    uint64_t tried_boot_ms;      /* when */
};

void copies_begin(struct copies *copies, const struct keeper_config *config);
/* Makes one where one is due. In how many milliseconds the next may be. Blocks. */
uint64_t copies_turn(struct copies *copies);

#endif
