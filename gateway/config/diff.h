/* diff: what one configuration has otherwise than another, key by key, by the table of keys. */
#ifndef GATEWAY_CONFIG_DIFF_H
#define GATEWAY_CONFIG_DIFF_H

#include "gateway/config/config.h"

/* One key. Texts as they stand in the file, and live during the call. */
struct config_change {
    const char *path;     /* "acme.limits.address"; an entry of a list by its name: "logins[main].timeout" */
    const char *was, *is; /* NULL: absent. Of a secret never what it is: "(set)", "(another)" */
    bool restart;         /* only a restart can change it */
    bool secret;          /* what it is stands in a file */
};
/* False: no more. */
typedef bool config_change_fn(void *ctx, const struct config_change *change);
/* was NULL: each key that is there, with its default where the file does not say it. Calls found for each key that
 * differs, in the order of the file's example. False: out of memory. Any thread. */
bool config_diff(const struct config *was, const struct config *is, config_change_fn *found, void *ctx);

#endif
