/* tables: the store's tables that this room owns. The gateway's issuer continues the numbering.
 *
 * key -> value; ids are 18 octets (acme/id.h).
 */
#ifndef ACME_TABLES_H
#define ACME_TABLES_H

enum acme_table {
    ACME_ACCOUNTS,       /* account id -> account */
    ACME_ACCOUNT_KEYS,   /* JWK thumbprint (32) -> account id */
    ACME_ORDERS,         /* order id -> order */
    ACME_ACCOUNT_ORDERS, /* account id, order id -> empty */
    ACME_AUTHZS,         /* authorization id -> authorization with its challenges */
    ACME_VALID_AUTHZS,   /* account id, SHA-256 of identifier -> authorization id (reuse of valid ones) */
    ACME_CERTIFICATES,   /* certificate id -> certificate */
    ACME_SERIALS,        /* serial number octets -> certificate id */
    ACME_POLICIES,       /* policy name -> policy */
    ACME_POLICY_USES,    /* what is counted (1), policy name, NUL, day since 1970 (4) or 0 -> count */
    ACME_EXTERNAL_KEYS,  /* external account key id -> key */
    ACME_POLICY_NAMES,   /* policy name, NUL, type and value of an identifier -> when it was last ordered (8) */
    ACME_FORMER_KEYS,    /* account id, time of the change (8), JWK thumbprint (32) -> empty */
    ACME_UNFETCHED,      /* time of issuance (8), certificate id -> empty, while nobody has downloaded it */
    ACME_ISSUERS,        /* SHA-256 of what is above a leaf in a chain -> that, PEM; never deleted (chain.h) */
    ACME_SPENT,          /* first octets of a digest (2) -> the rest (6) of all that begin so (spent.h) */
    ACME_TABLE_COUNT
};

#define ACME_TABLE_NAMES                                                                                               \
    "accounts", "account-keys", "orders", "account-orders", "authorizations", "valid-authorizations", "certificates",  \
        "serials", "policies", "policy-uses", "external-keys", "policy-names", "former-keys", "unfetched", "issuers", \
        "spent"

#endif
