/* verified: --verify-store, which opens the store by itself. */
#include <inttypes.h>
#include <stdio.h>

#include "gateway/gateway.h"

bool gateway_verify_store(const struct config *config, verify_say_fn *say, void *ctx,
                          char line[static GATEWAY_REASON_MAX])
{
    struct store_config settings = gateway_store_config(config);
    struct verify_result result = {0};
    struct store *store;
    struct store_txn *txn;
    char why[GATEWAY_REASON_MAX];
    enum store_status status = store_open_to_read(&settings, &store, why);
    if (status != STORE_OK)
        return config_say(config, line, gateway_place_key(config), "%s", why);
    status = store_read(store, &txn);
    if (status == STORE_OK) {
        status = verify_store(txn, say, ctx, &result);
        store_read_end(txn);
    }
    store_close(store);
    if (status != STORE_OK)
        return config_say(config, line, gateway_place_key(config), "not all of it can be read: %s",
                          store_status_text(status));
    snprintf(line, GATEWAY_REASON_MAX, "%s: %" PRIu64 " records read, %" PRIu64 " at fault%s", config->store.path,
             result.records, result.faults,
             result.faults ? ": restore the latest backup where they are needed (see the manual's page on operations)"
                           : "");
    return result.faults == 0;
}
