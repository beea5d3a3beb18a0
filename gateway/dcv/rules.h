/* rules: how control is proved under a policy: the configuration's dcv, with what the policy changes of it.
 *
 * issuance.md section 9. Owned by whoever loads them; any thread.
 */
#ifndef GATEWAY_DCV_RULES_H
#define GATEWAY_DCV_RULES_H

#include "acme/policy.h"
#include "gateway/config/config.h"
#include "store/store.h"

struct dcv_rules {
    struct config_dcv dcv;     /* its lists are the configuration's, or the policy's */
    struct acme_policy policy; /* owned */
};

/* Reading. A policy that is not there changes nothing. Clear *rules in any case. */
enum store_status dcv_rules_load(struct store_txn *txn, const struct config_dcv *dcv, const char *policy,
                                 struct dcv_rules *rules);
/* From here on CNAME comes before HTTP, for names that a zone covers. False where it does already, or is no method
 * here: nothing changes. */
bool dcv_rules_cname_first(struct dcv_rules *rules);
void dcv_rules_clear(struct dcv_rules *rules);

#endif
