/* request: what is ordered from Sectigo for a set of names, and the parameters of each call. issuance.md sections 4, 6
 * and 8. Any thread. */
#ifndef GATEWAY_ISSUE_UPSTREAM_REQUEST_H
#define GATEWAY_ISSUE_UPSTREAM_REQUEST_H

#include <stdbool.h>

#include "acme/csr.h"
#include "acme/identifier.h"
#include "acme/policy.h"
#include "acme/problem.h"
#include "gateway/config/config.h"
#include "gateway/dcv/rules.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/subscription.h"
#include "sectigo/sectigo.h"

/* The product code that gives exactly these names under the profile at the least price, or 0 with *problem
 * rejectedIdentifier (or badCSR where the profile refuses CSRs without CN; has_cn true where no CSR is there yet).
 * {*.d} and {*.d, d}: a wildcard product; one name, and {d, www.d} with d registrable: a product for one name, to which
 * Sectigo adds the www; anything: a multi-domain product. */
unsigned request_product(const struct config_profile *profile, const struct config_dcv *dcv,
                         const struct acme_names *names, bool has_cn, struct acme_problem *problem);
/* The same for this CSR: a wildcard product takes no other CN than the wildcard (-6), and some clients set the base
 * name. */
unsigned request_product_for(const struct config_profile *profile, const struct config_dcv *dcv,
                             const struct acme_names *names, const struct issuance *issuance,
                             struct acme_problem *problem);
/* OV and EV: an organisation is named, and the policy says which. */
bool request_needs_organization(unsigned product);
bool request_has_organization(const struct acme_policy *policy);
/* Whether a CSR with or without a CN may be sent for this product, bought or to be bought: csr_without_cn: refuse. */
bool request_accepts_cn(const struct config_profile *profile, unsigned product, bool has_cn,
                        struct acme_problem *problem);
/* Attributes besides CN are ignored for DV; for OV and EV they are refused (badCSR), not to contradict the policy's. */
bool request_accepts_subject(unsigned product, const struct acme_csr *csr, struct acme_problem *problem);
/* Extensions that the certificate would not have are refused (badCSR, RFC 8555 section 7.4), unless csr_extensions of
 * the profile lets them pass. */
bool request_accepts_extensions(const struct config_profile *profile, const struct acme_csr *csr,
                                struct acme_problem *problem);
/* What a purchase of this product for so many names is expected to cost; 0 where the profile has no price. */
int64_t request_price(const struct config_profile *profile, unsigned product, size_t names);

/* Each fills a zeroed form; form->failed tells of short memory. request_order is AutoApplyOrder for a purchase,
 * AutoReplaceSSL for a replacement; the rules' policy names contact and organisation of
 * a purchase. */
void request_order(struct sectigo_form *form, const struct issuance *issuance, const struct subscription *subscription,
                   const struct config_login *login, const struct config_profile *profile,
                   const struct dcv_rules *rules);
/* Whether the subscription's product is a wildcard. */
bool request_is_wildcard(const struct subscription *subscription);
/* AutoUpdateDCV with the methods that the order has. False where it has none that the call takes, or memory is short.
 */
bool request_update_dcv(struct sectigo_form *form, const struct issuance *issuance,
                        const struct subscription *subscription, const struct dcv_rules *rules);
void request_retry_caa(struct sectigo_form *form, const struct issuance *issuance);
void request_collect(struct sectigo_form *form, const struct issuance *issuance);
void request_status(struct sectigo_form *form, const struct issuance *issuance);
/* GetDetailedOrderStatus of the whole family; CollectSSL of one of its certificate IDs, "" for the newest. */
void request_family(struct sectigo_form *form, const struct subscription *subscription);
void request_newest(struct sectigo_form *form, const struct subscription *subscription, const char *certificate_id);
void request_report(struct sectigo_form *form, const struct issuance *issuance);

#endif
