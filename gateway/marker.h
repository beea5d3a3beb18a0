/* marker: the sign that there was a store, kept where the store is not. issuance.md section 11, "Memory".
 *
 * A volume that is not mounted, a wrong path or a failed restore leave a folder without a store; a new one made there
 * would know nothing, and buy again everything that is paid for. So where the key file or the marker beside it
 * (KEY_FILE.store) says that there was a store, none is made unless told to. The marker holds the store's identity
 * (store_identity), so that another store in its place is noticed too. Blocks.
 */
#ifndef GATEWAY_MARKER_H
#define GATEWAY_MARKER_H

#include <stdbool.h>

#include "gateway/config/config.h"
#include "gateway/gateway.h"
#include "store/store.h"

/* Whether something says that there was a store: its path in sign, "" where nothing does. */
bool marker_find(const struct config *config, char sign[static GATEWAY_REASON_MAX]);
/* Why there is no store, as store_open says it, with what to do. */
void marker_explain(const char *why, const char *sign, char reason[static GATEWAY_REASON_MAX]);
/* False, and *reason: the marker names another store than this one. True where there is no marker. */
bool marker_check(const struct config *config, struct store *store, char reason[static GATEWAY_REASON_MAX]);
/* The same of a store that is in a file yet, by its identity. */
bool marker_names(const struct config *config, const char *identity, const char *file,
                  char reason[static GATEWAY_REASON_MAX]);
/* Writes the marker of this store, durably, where there is none, or another's. */
bool marker_write(const struct config *config, struct store *store, char reason[static GATEWAY_REASON_MAX]);

#endif
