/* limits: every ceiling of the ACME room on one page. */
#ifndef ACME_LIMITS_H
#define ACME_LIMITS_H

enum {
    /* Octets of a request body, beyond which the answer is 413. */
    ACME_BODY_MAX = 64 * 1024,        /* with names, a CSR, a certificate or a binding */
    ACME_BODY_PLAIN_MAX = 16 * 1024,  /* of any other resource */
    ACME_BODY_NOWHERE_MAX = 4 * 1024, /* where there is no resource */

    ACME_JSON_DEPTH_MAX = 16,      /* nesting of any JSON that a client sends */
    ACME_PROTECTED_MAX = 8 * 1024, /* octets of a decoded protected header */
    ACME_URL_MAX = 512,            /* octets of any URL that we make or accept in "url" */
    ACME_PATH_MAX = 256,           /* octets of a request path */
    ACME_CSR_MAX = 32 * 1024,      /* octets of a CSR in DER */
    ACME_IDENTIFIERS_MAX = 100,    /* names per order (configuration may lower it) */
    ACME_NAME_MAX = 253,           /* octets of a DNS name without final dot */
    ACME_CONTACTS_MAX = 10,
    ACME_CONTACT_MAX = 320,       /* octets of one contact URL */
    ACME_BINDING_MAX = 16 * 1024, /* octets of an external account binding, as JSON */
    ACME_DETAIL_MAX = 1024,       /* octets of a problem's detail */
    ACME_SUBPROBLEMS_MAX = 100,
    ACME_CHAIN_MAX = 64 * 1024, /* octets of a PEM chain */
    ACME_ALTERNATES_MAX = 3,    /* chains of a certificate besides the first */
    ACME_RSA_BITS_MIN = 2048,
    ACME_RSA_BITS_MAX = 4096, /* account keys; CSR keys may be up to 8192 as Sectigo allows */
    ACME_CSR_RSA_BITS_MAX = 8192,
    ACME_POLICY_MAX = 64, /* octets of a policy's, profile's or login's name */
};

#endif
