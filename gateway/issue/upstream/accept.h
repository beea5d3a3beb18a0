/* accept: is this the certificate that the issuance is waiting for: its key and names, new, and chaining to the login's
 * trust anchors? issuance.md section 6.
 *
 * A pure test over what a push or CollectSSL brought; whoever stores the certificate also checks that its serial number
 * is new. Any thread.
 */
#ifndef GATEWAY_ISSUE_UPSTREAM_ACCEPT_H
#define GATEWAY_ISSUE_UPSTREAM_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "acme/certificate.h"
#include "acme/identifier.h"

enum { ACCEPT_REASON_MAX = 512 };

/* What is known of the authorities of earlier leaves (authorities.h). Thread-safe. */
struct accept_cache;
/* NULL when out of memory. */
struct accept_cache *accept_cache_make(void);
void accept_cache_free(struct accept_cache *cache);

struct accept_want {
    const uint8_t *spki_sha256; /* 32 octets, of the CSR */
    const struct acme_names *names;
    bool base_of_wildcard; /* "example.com" beside an ordered "*.example.com" is fine */
    uint64_t sent_ms;      /* when the request first left; by Sectigo's own time where its reply said one */
    X509_STORE *anchors;
    struct accept_cache *cache; /* NULL: none */
};

/* Stored: never renumber. */
enum accept_verdict {
    ACCEPT_GOOD,
    ACCEPT_NAMES_MISSING, /* ours, but Sectigo left names out */
    ACCEPT_UNREADABLE,    /* this and the following: somebody else's, old, or of no use to us */
    ACCEPT_OTHER_KEY,
    ACCEPT_OLD,
    ACCEPT_OTHER_NAMES,
    ACCEPT_UNTRUSTED,
    ACCEPT_SHORTAGE, /* memory was short here, which says nothing about it: it is judged again */
};
/* Whether it is the one that was ordered, whole or not. */
bool accept_is_ours(enum accept_verdict verdict);

/* leaf and ca (may be NULL) are PEM text. ACCEPT_NAMES_MISSING passes every test but that of the names. On ACCEPT_GOOD
 * fills chain (PEM, leaf first, each signed by the next, no
 * root), other chains to other roots, serial, digests and times of *out, which was zeroed; the caller clears it.
 * Otherwise *reason is a sentence. */
enum accept_verdict accept_certificate(const struct accept_want *want, const char *leaf, const char *ca,
                                       struct acme_certificate *out, char reason[static ACCEPT_REASON_MAX]);

#endif
