#include "gateway/removed.h"

const char *removed_kind_text(unsigned kind)
{
    static const char *const texts[REMOVED_KINDS] = {
        [REMOVED_ORDERS] = "orders",
        [REMOVED_AUTHORIZATIONS] = "authorizations",
        [REMOVED_CERTIFICATES] = "certificates",
        [REMOVED_ISSUANCES] = "issuances",
        [REMOVED_ACCOUNTS] = "accounts",
        [REMOVED_AUDIT_LINES] = "audit_lines",
        [REMOVED_SUBSCRIPTIONS] = "subscriptions",
    };
    return texts[kind];
}
