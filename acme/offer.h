/* offer: which challenges can prove control of what, and the authorizations that offer them. Private to this room. */
#ifndef ACME_OFFER_H
#define ACME_OFFER_H

#include "acme/task.h"

/* Whether a challenge is offered that proves control by a DNS record, and so of a whole domain. */
bool acme_offers_dns(const struct acme_config *config);
/* Every name has a challenge that can prove control of it, or the policy asks for none; otherwise false with
 * rejectedIdentifier. */
bool acme_all_provable(const struct acme_config *config, const struct acme_policy *policy,
                       const struct acme_names *names, struct acme_problem *problem);
/* Inside a change: an authorization for name ("*." included) of the account that asks, stored: pending, with every
 * challenge that can prove it, or valid where task->policy trusts. order NULL: made for none (pre-authorization).
 * *authz must be cleared in any case. */
/* subdomains: it serves the names below, too (RFC 9444), so that only challenges by DNS prove it. */
enum store_status acme_make_authz(struct store_txn *txn, struct acme_task *task, const struct acme_id *order,
                                  const struct acme_identifier *name, bool subdomains, struct acme_authz *authz);

#endif
