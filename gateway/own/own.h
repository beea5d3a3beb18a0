/* own: the certificate of the ACME listener, which the gateway orders from itself (acme.tls.own). It begins with one
 * that is signed by itself, orders as a client would, by the policy that is configured, and renews when a third
 * of the certificate's time is left. README.md
 *
 * One thread that sleeps nearly always.
 */
#ifndef GATEWAY_OWN_OWN_H
#define GATEWAY_OWN_OWN_H

#include <stdbool.h>

#include "acme/acme.h"
#include "gateway/config/current.h"
#include "gateway/own/file.h"
#include "store/store.h"

struct own;

/* Makes sure that there is a certificate to begin with: where the file holds none that can be used now, one that is
 * signed by itself takes its place. True also where acme.tls.own is not configured. False: *reason. */
bool own_prepare(const struct config *config, char reason[static OWN_REASON_MAX]);

struct own_config {
    const struct config *config; /* held by it */
    struct store *store;
    struct acme *acme;
    /* A new certificate is in the file: to be served from now on. On own's thread. */
    void (*installed)(void *ctx);
    void *ctx;
};
/* NULL with *reason where no thread can be made; call it only where acme.tls.own is configured. */
struct own *own_start(const struct own_config *config, char reason[static OWN_REASON_MAX]);
/* Joins the thread. NULL is fine. Before the store is closed. */
void own_stop(struct own *own);

#endif
