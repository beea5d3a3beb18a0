/* tables: what the tables of keys share. For the files that hold them alone. */
#ifndef GATEWAY_CONFIG_TABLES_H
#define GATEWAY_CONFIG_TABLES_H

#include "gateway/config/internal.h"

#define SECOND 1000ull
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MIB (1ull << 20)
#define TIB (1ull << 40)

#define PURCHASES_MAX 1000000
#define CENTS_MAX 100000000000ull

#define TABLE(keys, type)                                                                                              \
    {                                                                                                                  \
        (keys), sizeof(keys) / sizeof *(keys), sizeof(type)                                                            \
    }

#define A_FILE "a file that can be read"
#define LISTEN_ADDRESSES "an address and port to listen on, such as 0.0.0.0:443 or [::]:443"
#define A_NAME "a name of up to 64 letters, digits, '-', '_' or '.'"

static const struct config_word yes_no[] = {{"true", true}, {"false", false}, {0}};

extern const struct config_table config_profile, config_backup, config_housekeeping, config_admin, config_own,
    config_notify;

#endif
