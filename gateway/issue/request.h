/* request: what is ordered from Sectigo for a set of names, and the parameters of each call. issuance.md sections 4, 6
 * and 8. Any thread. */
#ifndef GATEWAY_ISSUE_REQUEST_H
#define GATEWAY_ISSUE_REQUEST_H

#include <stdbool.h>

#include "acme/identifier.h"
#include "acme/problem.h"
#include "gateway/config/config.h"
#include "gateway/issue/issuance.h"
#include "gateway/issue/subscription.h"
#include "sectigo/sectigo.h"

/* The product code that gives exactly these names under the profile, or 0 with *problem rejectedIdentifier (or badCSR
 * where the profile refuses CSRs without CN; has_cn true where no CSR is there yet). */
unsigned request_product(const struct config_profile *profile, const struct acme_names *names, bool has_cn,
                         struct acme_problem *problem);

/* Each fills a zeroed form; form->failed tells of short memory. request_order is AutoApplyOrder for a purchase,
 * AutoReplaceSSL for a replacement. */
void request_order(struct sectigo_form *form, const struct issuance *issuance, const struct subscription *subscription,
                   const struct config_profile *profile, const struct config_dcv *dcv);
/* Whether the subscription's product is a wildcard. */
bool request_is_wildcard(const struct subscription *subscription);
void request_collect(struct sectigo_form *form, const struct issuance *issuance);
void request_status(struct sectigo_form *form, const struct issuance *issuance);
void request_report(struct sectigo_form *form, const struct issuance *issuance);

#endif
