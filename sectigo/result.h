/* result: the answers that are little more than a code: of AutoRevokeSSL, AutoReject, AutoUpdateDCV, AutoRefund,
 * RetryCAACheck, ResendDCVEmail and modifyThirdPartyDetails, and those of getAccountBalance, DecodeCSR, AutoAuthorize
 * and slGetUpgradeCost. Pure; any thread.
 */
#ifndef SECTIGO_RESULT_H
#define SECTIGO_RESULT_H

#include "sectigo/sectigo.h"

struct sectigo_result {
    int code;
    char message[SECTIGO_MESSAGE_MAX]; /* of a refusal; of a success what came with it ("CAA Check ...") */
};
/* URL-encoded, or the code alone in the first line with the message in the second. */
bool sectigo_parse_result(enum sectigo_call_kind call, const char *body, size_t len, struct sectigo_result *result);

struct sectigo_balance {
    struct sectigo_result result;
    int64_t balance_cents; /* of a success; may be negative where the account has credit */
};
/* No document gives the keys: "balance", "accountBalance" and "availableBalance" are known, and the amount alone in the
 * second line. */
bool sectigo_parse_balance(const char *body, size_t len, struct sectigo_balance *answer);

/* Notes 2.17: the keys were not seen. "upgradeCost", "cost", "totalCost", "price" and "amount" are tried, and the
 * amount alone in the second line. */
struct sectigo_upgrade_cost {
    struct sectigo_result result;
    int64_t cost_cents; /* of a success; below 0 where money comes back */
};
bool sectigo_parse_upgrade_cost(const char *body, size_t len, struct sectigo_upgrade_cost *answer);

/* Notes 2.19: lines, the code first; then a message, and of a SiteLock licence ordered alone its account. */
struct sectigo_authorization {
    struct sectigo_result result;
    struct sectigo_site site;
};
bool sectigo_parse_authorization(const char *body, size_t len, struct sectigo_authorization *answer);

/* DecodeCSR with responseFormat=0 and showFieldNames=Y: the code, then "name=value" lines. */
struct sectigo_decoded_csr {
    struct sectigo_result result;
    struct sectigo_form fields; /* owned: as they came, in order */
    char md5[33], sha256[65];   /* of showCSRHashes2=Y, lower case; "" where absent */
};
bool sectigo_parse_decoded_csr(const char *body, size_t len, struct sectigo_decoded_csr *answer);
void sectigo_decoded_csr_clear(struct sectigo_decoded_csr *answer);

/* Reference 7, refundReasonCode 1 to 11; NULL for another number. Static. */
const char *sectigo_refund_reason(int code);
/* codeReason of AutoRevokeSSL, the reasons of RFC 5280 that Sectigo takes: 0 1 3 4 5; NULL for another. Static. */
const char *sectigo_revocation_reason(int code);

#endif
