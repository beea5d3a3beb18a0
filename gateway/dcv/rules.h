/* rules: how control is proved under a policy: the configuration's dcv, with what the policy changes of it, and what is
 * published for an issuance so far.
 *
 * issuance.md section 9. Owned by whoever loads them; any thread.
 */
#ifndef GATEWAY_DCV_RULES_H
#define GATEWAY_DCV_RULES_H

#include "acme/policy.h"
#include "gateway/config/config.h"
#include "gateway/dcv/record.h"
#include "store/store.h"

struct dcv_rules {
    struct config_dcv dcv;     /* its lists are the configuration's, or the policy's */
    struct acme_policy policy; /* owned */
    struct dcv_records stored; /* owned: of the issuance; none where it is about no issuance yet */
};

/* Reading. A policy that is not there changes nothing. Clear *rules in any case. */
enum store_status dcv_rules_load(struct store_txn *txn, const struct config_dcv *dcv, const char *policy,
                                 struct dcv_rules *rules);
/* From here on CNAME comes before HTTP, for names that a zone covers. False where it does already, or is no method
 * here: nothing changes. */
bool dcv_rules_cname_first(struct dcv_rules *rules);
/* Reading: adds what is stored of the issuance. What cannot be decoded counts as nothing: it is told of where records
 * are published, and keeps no issuance from ending. */
enum store_status dcv_rules_load_stored(struct store_txn *txn, const char *issuance, struct dcv_rules *rules);
/* Takes *records for what is stored from now on, and zeroes it. */
void dcv_rules_take_stored(struct dcv_rules *rules, struct dcv_records *records);
/* Whether the rules want a CNAME record for a name that is not among the stored ones: it is published before a request
 * names it. False also where the token cannot be made or memory is short, which whoever publishes is told. */
bool dcv_rules_lack_record(const struct dcv_rules *rules, const struct acme_names *names,
                           const struct dcv_answer *answer);
/* The method that a request to Sectigo names: as the rules choose, but CNAME only where a record for the name is stored
 * (a wildcard has no other); the file is there in any case. Rules change while an order is under way. */
enum sectigo_dcv_method dcv_rules_method(const struct dcv_rules *rules, const struct acme_identifier *name);
void dcv_rules_clear(struct dcv_rules *rules);

#endif
