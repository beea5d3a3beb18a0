/* seal: the key under which the store's secrets are sealed, kept in a file of its own so that a copy of the store alone
 * gives none of them away. */
#ifndef GATEWAY_SEAL_H
#define GATEWAY_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/external_key.h"
#include "gateway/gateway.h"
#include "store/store.h"

/* Reads the key, or makes the file (0600) where it is not there and the store holds nothing sealed. False: *reason says
 * what is wrong with the file, or that it does not fit the store. The caller wipes seal. Blocks. */
bool seal_load(const char *file, struct store *store, uint8_t seal[static EXTERNAL_KEY_SEAL_LEN],
               char reason[static GATEWAY_REASON_MAX]);
/* Whether seal_load would do well, without making the file. */
bool seal_check(const char *file, struct store *store, char reason[static GATEWAY_REASON_MAX]);

#endif
