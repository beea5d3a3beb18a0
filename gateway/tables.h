/* tables: the store's tables that the issuer owns, numbered after the ACME room's.
 *
 * key -> value. Issuance ids are text (they are the foreignOrderNumber), subscription ids 18 octets (acme/id.h).
 */
#ifndef GATEWAY_TABLES_H
#define GATEWAY_TABLES_H

#include "acme/tables.h"

enum issue_table {
    ISSUE_SUBSCRIPTIONS = ACME_TABLE_COUNT, /* subscription id -> subscription */
    ISSUE_SUBSCRIPTION_INDEX,               /* digest of what makes it usable (32), subscription id -> empty */
    ISSUE_ISSUANCES,                        /* issuance id -> issuance */
    ISSUE_BY_ORDER,                         /* ACME order id -> issuance id */
    ISSUE_BY_ORDER_NUMBER,                  /* Sectigo's order number -> issuance id */
    ISSUE_BY_CERTIFICATE_ID,                /* Sectigo's certificateID -> issuance id */
    ISSUE_DCV_FILES,                        /* MD5 in upper-case hex (32), issuance id -> time (8), file body */
    ISSUE_AUDIT,                            /* time (8), issuance id, what -> a line (audit.h); never changed */
    ISSUE_DCV_RECORDS,                      /* issuance id -> its CNAME records (gateway/dcv/record.h) */
    ISSUE_LOGINS,                           /* login name -> what is remembered of it (login.h) */
    ISSUE_SPENDING,                         /* day or month, policy ("" for all) -> purchases and their cost */
    ISSUE_RESERVATIONS,                     /* issuance id -> what its purchase is expected to cost */
    ISSUE_LEDGERS,                          /* login name -> what is known of its account (ledger.h) */
    ISSUE_IMPORTED,                         /* order number -> id of the subscription it was imported as */
    ISSUE_KEPT,         /* SHA-256 of the PEM text -> a certificate that was not accepted (kept.h) */
    ISSUE_NUMBERS,      /* 'o' and order number, or 'c' and certificate ID -> id of the subscription that has it */
    ISSUE_PAYMENTS,     /* issuance id -> the payment that its order waits for (payment.h) */
    ISSUE_REFUSALS,     /* time (8), digest of who and what (8) -> one JSON object; the oldest make room (refusals.h) */
    ISSUE_COUNTERS,     /* "issuances", or "cost" or "day" and what is summed up -> numbers (counters.h) */
    ISSUE_KEEPING,      /* "backup": how what is done for the store itself went (gateway/keep/diary.h) */
    ISSUE_STORIES,      /* issuance id -> what was done for it, step by step (story.h) */
    ISSUE_TOKENS,       /* name -> an operator's token (operate/access/token.h) */
    ISSUE_TOKEN_HASHES, /* SHA-256 of a token (32) -> its name */
    ISSUE_OWN,          /* listener -> the order that the gateway placed for its certificate (own/own.c) */
    ISSUE_TOLD,    /* kind of event and subject -> what was told of it; '@', recipient -> how telling goes (notify/) */
    ISSUE_NOTICES, /* recipient, 0, time (8), digest of the event (8) -> one JSON object that waits to be told */
    ISSUE_PUSHES,  /* digest of what it is about (2) -> a push that came to a gateway that does not own the store */
    ISSUE_TABLE_END
};

#define ISSUE_TABLE_NAMES                                                                                              \
    "subscriptions", "subscription-index", "issuances", "issuance-by-order", "issuance-by-order-number",               \
        "issuance-by-certificate-id", "dcv-files", "audit", "dcv-records", "logins", "spending", "reservations",       \
        "ledgers", "imported", "kept", "numbers", "payments", "refusals", "counters", "keeping", "stories", "tokens",  \
        "token-hashes", "own", "told", "notices", "pushes"

#endif
