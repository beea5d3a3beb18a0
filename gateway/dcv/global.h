/* global: can an address be reached from everywhere? Sectigo fetches files from several places in the world, so one
 * that cannot is no place for them (IANA's special-purpose address registries, RFC 6890). Any thread.
 */
#ifndef GATEWAY_DCV_GLOBAL_H
#define GATEWAY_DCV_GLOBAL_H

#include <stdbool.h>

#include "gateway/config/config.h"
#include "gateway/egress/address.h"

/* also: prefixes that count as global besides. */
bool address_is_global(const struct egress_address *address, const struct config_strings *also);

#endif
