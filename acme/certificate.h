/* certificate: what a valid order leads to, RFC 8555 section 7.4.2.
 *
 * The issuer stores it in the same store_fn that completes the order.
 */
#ifndef ACME_CERTIFICATE_H
#define ACME_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "acme/chain.h"
#include "acme/id.h"
#include "acme/identifier.h"
#include "acme/limits.h"
#include "store/store.h"

/* none -> asked -> done | lapsed. Stored: never renumber. */
enum acme_revocation {
    ACME_REVOCATION_NONE = 0,
    ACME_REVOCATION_ASKED,  /* acknowledged, and not yet confirmed by who issued it */
    ACME_REVOCATION_DONE,   /* confirmed */
    ACME_REVOCATION_LAPSED, /* it expired before that */
};

enum { ACME_SERIAL_MAX = 20 }; /* octets; RFC 5280 section 4.1.2.2 */

struct acme_certificate {
    struct acme_id id;
    struct acme_id account, order;
    char policy[ACME_POLICY_MAX + 1], profile[ACME_POLICY_MAX + 1];
    uint8_t serial[ACME_SERIAL_MAX]; /* magnitude, big-endian */
    size_t serial_len;
    uint8_t spki_sha256[32];
    uint8_t der_sha256[32];
    int64_t not_before_s, not_after_s;
    uint64_t issued_ms, downloaded_s; /* downloaded_s 0: never */
    char *certificate_id;             /* owned: Sectigo's certificateID, "" where unknown */
    char *issuance;                   /* owned: id of the issuance (foreignOrderNumber) */
    bool has_replacement;             /* an order named it in "replaces" (RFC 9773 section 5): */
    struct acme_id replacement;       /* the newest of those */
    /* Its chain, and others for the same leaf: in texts, or in parts as they are stored; then the texts are NULL. To be
     * read by acme_certificate_chain. */
    unsigned alternate_count;
    char *chain;                           /* owned: PEM, leaf first, no root */
    char *alternates[ACME_ALTERNATES_MAX]; /* owned: as chain; never "" */
    uint8_t *leaf;                         /* owned: DER; NULL: in texts */
    size_t leaf_len;
    uint8_t above[1 + ACME_ALTERNATES_MAX][CHAIN_DIGEST_LEN]; /* what chain_find_above finds: of chain, of alternates */
    uint64_t renew_from_ms; /* since when it is to be renewed, because it is going to be revoked; 0: as its dates say */
    enum acme_revocation revocation;
    uint8_t revocation_reason;                /* of RFC 5280 section 5.3.1; with the following 0 while none is asked */
    uint64_t revocation_asked_ms, revoked_ms; /* revoked_ms: when confirmed; 0: not */
};

enum store_status acme_certificate_load(struct store_txn *txn, const struct acme_id *id,
                                        struct acme_certificate *certificate);
/* The first chain (0) or alternates[which - 1] as PEM, leaf first: malloc'd. STORE_NOT_FOUND where it has fewer,
 * STORE_INVALID where a part is missing. */
enum store_status acme_certificate_chain(struct store_txn *txn, const struct acme_certificate *certificate,
                                         unsigned which, char **pem);
/* What it certifies: the caller's reference; NULL where that cannot be read. */
X509 *acme_certificate_leaf(const struct acme_certificate *certificate);
/* In parts, where the texts allow that. Also keeps ACME_SERIALS, ACME_ISSUERS and ACME_UNFETCHED. STORE_EXISTS: its
 * serial number is, or was, another's. */
enum store_status acme_certificate_save(struct store_txn *txn, const struct acme_certificate *certificate);
/* Its serial number stays taken for ever: no later certificate has it. What is above it in its chains stays as well.
 * Inside a store_fn. */
enum store_status acme_certificate_remove(struct store_txn *txn, const struct acme_certificate *certificate);
/* STORE_OK where a certificate with this serial number is stored, or was; STORE_NOT_FOUND: it is new. */
enum store_status acme_certificate_serial_taken(struct store_txn *txn, const uint8_t *serial, size_t len);
/* Schema 5 to 6: serial numbers of certificates that are gone are kept as such (spent.h). */
enum store_status acme_serials_migrate(struct store_txn *txn, char reason[static STORE_REASON_SIZE]);
/* STORE_OK and *id where a certificate with this serial number is stored. */
enum store_status acme_certificate_by_serial(struct store_txn *txn, const uint8_t *serial, size_t len,
                                             struct acme_id *id);
/* Visits the certificates that were issued from from_ms on and that nobody has downloaded, the oldest first. Return
 * false to stop. */
typedef bool acme_unfetched_fn(void *ctx, const struct acme_id *id, uint64_t issued_ms);
enum store_status acme_unfetched(struct store_txn *txn, uint64_t from_ms, acme_unfetched_fn *visit, void *ctx);
/* A store of an older program: gathers them. Inside a store_fn. */
enum store_status acme_unfetched_gather(struct store_txn *txn);
/* The one setter: false for a move that is not in the table of legal moves. */
bool acme_certificate_set_revocation(struct acme_certificate *certificate, enum acme_revocation to);
void acme_certificate_clear(struct acme_certificate *certificate);

#endif
