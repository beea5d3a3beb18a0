/* filter: which records a list shows, by what its request asked for. What is not asked for lets all through. */
#ifndef GATEWAY_OPERATE_FILTER_H
#define GATEWAY_OPERATE_FILTER_H

#include "acme/certificate.h"
#include "acme/order.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/operate/request.h"

bool filter_order(const struct request *request, const struct acme_order *order);
/* An account has part in a subscription whose certificate is its own, or whose issuance is under way for it. */
bool filter_subscription(const struct request *request, struct store_txn *txn, const struct subscription *sub);
/* Names and policy are those of its subscription. */
bool filter_issuance(const struct request *request, struct store_txn *txn, const struct issuance *is);
bool filter_key(const struct request *request, const struct external_key *key);
/* The account and policy that it was issued to; its names stand in its order. */
bool filter_certificate(const struct request *request, const struct acme_certificate *certificate);
/* Any of them is this name, or fits this pattern. */
bool filter_any_name(const char *filter, const struct acme_names *names);
bool filter_names(const struct request *request, const struct acme_names *names);
/* A line of the audit as it was stored. */
bool filter_audit(const struct request *request, const json_t *line);

#endif
