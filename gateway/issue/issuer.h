/* issuer: turns accepted CSRs into certificates, and pays for each but once. What the rest of the gateway sees of this
 * room.
 *
 * The contract is issuance.md; the life of one issuance is life/life.c.
 */
#ifndef GATEWAY_ISSUE_ISSUER_H
#define GATEWAY_ISSUE_ISSUER_H

#include <stdbool.h>
#include <stddef.h>

#include "acme/acme.h"
#include "gateway/config/current.h"
#include "gateway/egress/egress.h"
#include "gateway/issue/upstream/upstream.h"
#include "gateway/scheduler.h"
#include "sectigo/sectigo.h"
#include "store/store.h"

struct issuer;

enum { ISSUER_REASON_MAX = 512 };

struct issuer_config {
    struct config_current *configs; /* this and what follows must outlive the issuer */
    struct store *store;
    struct scheduler *scheduler;
    struct egress *egress;
    struct upstream *upstream;
    /* Tells that an ACME order, or the revocation of a certificate, changed, after its commit; any thread. */
    void (*notify)(void *ctx, const struct acme_id *topic);
    void *notify_ctx;
};

/* Does the jobs of the issuer from now on. NULL when out of memory. */
struct issuer *issuer_make(const struct issuer_config *config);
/* Before the scheduler starts: what a kill left on the wire becomes unknown, and issuances that wait for Sectigo are
 * looked at soon, since pushes may have been missed. */
enum store_status issuer_recover(struct issuer *issuer);
/* Another gateway does all that is deferred: nothing is begun here, and a push is kept for that one. Before listeners are
 * open; issuer_recover ends it. */
void issuer_rest(struct issuer *issuer);
/* No new call leaves from here on. Any thread. */
void issuer_stop(struct issuer *issuer);
/* After egress_stop, store_close and scheduler_free. */
void issuer_free(struct issuer *issuer);

/* Fills may_order and accept_csr. */
void issuer_hooks(struct issuer *issuer, struct acme_hooks *hooks);
/* The hook revoke, with an issuer as ctx. */
enum store_status issuer_revoke(void *issuer, struct store_txn *txn, const struct acme_certificate *certificate,
                                const struct acme_id *account, uint64_t now_ms);
/* The same for the operator, who is told of elsewhere in the audit. */
enum store_status issuer_revoke_for_operator(struct issuer *issuer, struct store_txn *txn,
                                             const struct acme_certificate *certificate, uint64_t now_ms);
/* An authenticated push; copies what it keeps. Any thread; where another gateway owns the store (issuer_rest) it is stored
 * for that one, which is waited for. False: it could not be. */
bool issuer_push(struct issuer *issuer, const struct sectigo_push *push);

/* Body of the DCV file /.well-known/pki-validation/<md5>.txt: malloc'd, STORE_NOT_FOUND and NULL where there is none;
 * otherwise it cannot be told. md5 in either case. Any thread; reads the store. */
enum store_status issuer_dcv_file(struct issuer *issuer, const char *md5, size_t len, char **body);

#endif
