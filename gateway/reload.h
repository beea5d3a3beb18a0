/* reload: another configuration for a daemon that runs. Inside the top of gateway/ alone. */
#ifndef GATEWAY_RELOAD_H
#define GATEWAY_RELOAD_H

#include <jansson.h>
#include <stdbool.h>

/* The reload of struct admin; ctx is a struct gateway. */
json_t *reload_for_operator(void *ctx, bool accept_orphans, bool preview, int *status);

#endif
