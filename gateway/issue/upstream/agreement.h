/* agreement: is the order that a report has under our foreignOrderNumber the one that was sent? issuance.md section 4,
 * rule 4. Pure; any thread. */
#ifndef GATEWAY_ISSUE_UPSTREAM_AGREEMENT_H
#define GATEWAY_ISSUE_UPSTREAM_AGREEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/identifier.h"
#include "sectigo/sectigo.h"

enum { AGREEMENT_WHY_MAX = 400 };

/* What was sent. */
struct agreement {
    const char *foreign_order_number;
    const struct acme_names *names;
    bool base_of_wildcard;  /* "example.com" beside an ordered "*.example.com" is fine */
    bool purchase;          /* otherwise product and term are the family's, and not compared */
    uint32_t product, days; /* product also says which names Sectigo adds by itself: of one name, or a wildcard */
    uint64_t sent_ms, resent_ms, now_ms;
};

/* What the report does not say is not compared [C]. Names are a set, in any case and order, and spread over any number
 * of certificates; times may be of any zone, and may be a day alone. False: *why is a clause that says what disagrees.
 */
bool agreement_holds(const struct agreement *sent, const struct sectigo_report_order *order,
                     char why[static AGREEMENT_WHY_MAX]);

#endif
