/* sweep: housekeeping: what has ended long ago is removed, in small steps (judge.h says what, this when).
 *
 * Once every housekeeping.every a pass goes over the tables from their beginning to their end. A step looks at a few
 * hundred records in a snapshot, removes what may go of them in one transaction, with the place where it goes on, and
 * rests for many times as long as that took: nobody notices it, and a kill -9 loses nothing of it.
 *
 * A wrong clock would remove what is young. So nothing is removed while the clock is in doubt, nor for a day after time
 * has jumped by more than a month since housekeeping was last at work, however right the clock seems. Nor while the
 * store may be an older copy of itself, until it is reconciled.
 */
#ifndef GATEWAY_KEEP_SWEEP_H
#define GATEWAY_KEEP_SWEEP_H

#include "gateway/keep/diary.h"
#include "gateway/keep/judge.h"
#include "gateway/keep/keeper.h"

struct sweep {
    struct keeper_config at;
    const struct config *config; /* of this turn, like judge.ages */
    bool loaded;
    struct housekeeping_diary diary; /* as it is stored, but for how far it has looked since the last removal */
    struct judge judge;
};

void sweep_begin(struct sweep *sweep, const struct keeper_config *config);
/* Takes a step where one is due. In how many milliseconds the next is. Blocks. */
uint64_t sweep_turn(struct sweep *sweep);
/* Why nothing is removed now, whatever is due; NULL: nothing keeps it. Static. Reading. */
const char *sweep_waits(struct store_txn *txn, const struct config *config, const struct housekeeping_diary *diary,
                        uint64_t now_ms);

#endif
