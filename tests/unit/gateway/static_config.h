/* static_config: a configuration of the test's own in force, which nobody frees. */
#ifndef TESTS_STATIC_CONFIG_H
#define TESTS_STATIC_CONFIG_H

#include "gateway/config/current.h"

/* To be given to config_current_free. */
static inline struct config_current *static_config(struct config *config)
{
    atomic_store(&config->holds, 2);
    return config_current_make(config);
}

#endif
