/* removed: the kinds of records that housekeeping removes from the store (gateway/keep/). */
#ifndef GATEWAY_REMOVED_H
#define GATEWAY_REMOVED_H

/* Stored: never renumber. */
enum removed_kind {
    REMOVED_ORDERS,
    REMOVED_AUTHORIZATIONS,
    REMOVED_CERTIFICATES,
    REMOVED_ISSUANCES,
    REMOVED_ACCOUNTS,
    REMOVED_AUDIT_LINES,
    REMOVED_SUBSCRIPTIONS,
    REMOVED_KINDS
};

/* "orders"; static. */
const char *removed_kind_text(unsigned kind);

#endif
