/* verify: every record of a store, read by who owns it (acmegate --verify-store). Reading; also while the daemon runs.
 */
#ifndef GATEWAY_VERIFY_VERIFY_H
#define GATEWAY_VERIFY_VERIFY_H

#include <stdint.h>

#include "store/store.h"

enum { VERIFY_KEY_MAX = 160 };

/* What is wrong with a record: its table, its key as an operator would write it, and a sentence. */
typedef void verify_say_fn(void *ctx, const char *table, const char *key, const char *what);

struct verify_result {
    uint64_t records; /* that were read */
    uint64_t faults;  /* that were told of */
};

/* Every table whose records are known here. Anything but STORE_OK: a table could not be read to its end. */
enum store_status verify_store(struct store_txn *txn, verify_say_fn *say, void *ctx, struct verify_result *result);

#endif
