/* config_keeping: the keys of what the gateway does for its own store; the rest of the file is in keys.c. */
#include "gateway/config/tables.h"

#define YEARS_100 (36500 * DAY)

#define AT(member) offsetof(struct config, member)

static const struct config_key backup_keys[] = {
    {.name = "folder",
     .kind = CONFIG_TEXT,
     .at = AT(backup.folder),
     .required = true,
     .check = config_is_path,
     .expected = "the whole path, from /, of a folder for copies of the store"},
    {.name = "every", .kind = CONFIG_S, .at = AT(backup.every_s), .standard = "1d", .min = SECOND, .max = 90 * DAY},
    {.name = "keep", .kind = CONFIG_NUMBER, .at = AT(backup.keep), .standard = "7", .min = 1, .max = 10000},
};

const struct config_table config_backup = TABLE(backup_keys, struct config);

static const struct config_key housekeeping_keys[] = {
    {.name = "ended_orders",
     .kind = CONFIG_S,
     .at = AT(housekeeping.ended_orders_s),
     .standard = "90d",
     .max = YEARS_100},
    {.name = "unused_accounts",
     .kind = CONFIG_S,
     .at = AT(housekeeping.unused_accounts_s),
     .standard = "365d",
     .max = YEARS_100},
    {.name = "audit", .kind = CONFIG_S, .at = AT(housekeeping.audit_s), .standard = "400d", .max = YEARS_100},
    {.name = "audit_export",
     .kind = CONFIG_TEXT,
     .at = AT(housekeeping.audit_export),
     .check = config_is_path,
     .expected = "the whole path, from /, of a folder for old lines of the audit"},
    {.name = "every",
     .kind = CONFIG_S,
     .at = AT(housekeeping.every_s),
     .standard = "1d",
     .min = SECOND,
     .max = 30 * DAY},
};

const struct config_table config_housekeeping = TABLE(housekeeping_keys, struct config);
