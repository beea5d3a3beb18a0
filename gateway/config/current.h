/* current: the configuration in force. It never changes; a reload puts another in its place.
 *
 * Whoever reads it takes it once, reads that one as long as what he does lasts, be it over many steps, and drops it:
 * one thing that is done sees one configuration. A configuration is freed, and its secrets wiped, when the last who had
 * it has dropped it. Any thread.
 */
#ifndef GATEWAY_CONFIG_CURRENT_H
#define GATEWAY_CONFIG_CURRENT_H

#include "gateway/config/config.h"

struct config_current;

/* Takes config over. NULL: out of memory, and config is the caller's still. */
struct config_current *config_current_make(struct config *config);
/* With the caller's hold on it; what others have taken lives on. NULL is fine. */
void config_current_free(struct config_current *current);

/* The one in force now; never NULL. */
const struct config *config_take(struct config_current *current);
/* Another hold on one that the caller has. */
const struct config *config_hold(const struct config *config);
/* NULL is fine. */
void config_drop(const struct config *config);
/* From here on fresh is in force; takes it over. */
void config_replace(struct config_current *current, struct config *fresh);

#endif
