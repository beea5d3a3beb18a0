/* recount: what the store counts and gathers beside its records, counted by a look at each of them: once for a store
 * that an older program wrote, and by tests, which compare.
 */
#ifndef GATEWAY_RECOUNT_H
#define GATEWAY_RECOUNT_H

#include "store/store.h"

/* Schema 2 to 3. */
enum store_status recount_migrate(struct store_txn *txn, char reason[static STORE_REASON_SIZE]);
/* Issuances by state, what was spent, also by day, and the certificates that nobody has downloaded. Inside a store_fn. */
enum store_status recount(struct store_txn *txn);

#endif
