/* transfer: --export-store and --import-store, which move a whole store to another engine or machine. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/marker.h"
#include "gateway/seal.h"
#include "store/transfer.h"

bool gateway_export(const struct config *config, const char *file, char line[static GATEWAY_REASON_MAX])
{
    struct store_config settings = gateway_store_config(config);
    struct transfer_result result;
    char why[GATEWAY_REASON_MAX];
    if (transfer_export(&settings, file, &result, why) != STORE_OK)
        return config_say(config, line, gateway_place_key(config), "%s", why);
    snprintf(line, GATEWAY_REASON_MAX,
             "%.400s: %" PRIu64 " records of %.200s, compared one by one. That store counts as moved: no gateway starts "
             "with it any more. Import the file where it is to go on, with the same key file",
             file, result.records, settings.path);
    return true;
}

/* Before anything is imported: whether the marker beside the key file names another store. */
static bool check_file(const struct config *config, const char *file, char line[static GATEWAY_REASON_MAX])
{
    char identity[STORE_IDENTITY_SIZE], why[GATEWAY_REASON_MAX];
    if (transfer_identity(file, identity, why) != STORE_OK) {
        snprintf(line, GATEWAY_REASON_MAX, "%s", why);
        return false;
    }
    return marker_names(config, identity, file, why) || config_say(config, line, "store.key_file", "%s", why);
}

/* What the start would refuse is said now; a store of an older schema is left to it. */
static bool check_imported(const struct config *config, char line[static GATEWAY_REASON_MAX])
{
    struct store_config settings = gateway_store_config(config);
    struct store *store;
    char why[GATEWAY_REASON_MAX];
    enum store_status status = store_open_to_read(&settings, &store, why);
    if (status != STORE_OK)
        return status == STORE_INVALID || config_say(config, line, gateway_place_key(config), "%s", why);
    bool good = (marker_write(config, store, why) && seal_check(config->store.key_file, store, why)) ||
                config_say(config, line, "store.key_file", "all records are there, but %s", why);
    store_close(store);
    return good;
}

bool gateway_import(const struct config *config, const char *file, char line[static GATEWAY_REASON_MAX])
{
    struct store_config settings = gateway_store_config(config);
    struct transfer_result result;
    char why[GATEWAY_REASON_MAX];
    if (!check_file(config, file, line))
        return false;
    if (transfer_import(&settings, file, &result, why) != STORE_OK)
        return config_say(config, line, gateway_place_key(config), "%s", why);
    if (!check_imported(config, line))
        return false;
    snprintf(line, GATEWAY_REASON_MAX, "%.400s: %" PRIu64 " records of %.200s, compared one by one%s", settings.path,
             result.records, file,
             result.copy ? "; the file is more than a day old, or from the future, so that this counts as a restored "
                           "backup: purchases wait for acmegatectl upstream reconcile"
                         : "");
    return true;
}
