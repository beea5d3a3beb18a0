#include "sectigo/sectigo.h"

static const struct sectigo_call_info infos[SECTIGO_CALLS] = {
    [SECTIGO_AUTO_APPLY_ORDER] = {"AutoApplyOrder", "/products/!AutoApplyOrder", true, true},
    [SECTIGO_AUTO_REPLACE_SSL] = {"AutoReplaceSSL", "/products/!AutoReplaceSSL", true, true},
    [SECTIGO_COLLECT_SSL] = {"CollectSSL", "/products/download/CollectSSL", false, true},
    [SECTIGO_GET_DETAILED_ORDER_STATUS] = {"GetDetailedOrderStatus", "/products/!GetDetailedOrderStatus", false, true},
    [SECTIGO_AUTO_REVOKE_SSL] = {"AutoRevokeSSL", "/products/!AutoRevokeSSL", true, true},
    [SECTIGO_AUTO_REJECT] = {"AutoReject", "/products/!AutoReject", true, true},
    [SECTIGO_GET_ACCOUNT_BALANCE] = {"getAccountBalance", "/products/!getAccountBalance", false, true},
    /* It sets what it says, so once or twice is the same. */
    [SECTIGO_AUTO_UPDATE_DCV] = {"AutoUpdateDCV", "/products/!AutoUpdateDCV", false, true},
    [SECTIGO_GET_MDC_DOMAIN_DETAILS] = {"GetMDCDomainDetails", "/products/!GetMDCDomainDetails", false, true},
    [SECTIGO_AUTO_REFUND] = {"AutoRefund", "/products/!AutoRefund", true, true},
    [SECTIGO_WEB_HOST_REPORT] = {"WebHostReport", "/products/!WebHostReport", false, true},
    /* Once in ten minutes is allowed: a repeat that libcurl sent by itself would use up the next one. */
    [SECTIGO_RETRY_CAA_CHECK] = {"RetryCAACheck", "/products/!RetryCAACheck", true, true},
    [SECTIGO_RESEND_DCV_EMAIL] = {"ResendDCVEmail", "/products/!ResendDCVEmail", true, true},
    [SECTIGO_GET_DCV_EMAIL_ADDRESS_LIST] = {"GetDCVEmailAddressList", "/products/!GetDCVEmailAddressList", false, true},
    [SECTIGO_DECODE_CSR] = {"DecodeCSR", "/products/!DecodeCSR", false, false},
    [SECTIGO_MODIFY_THIRD_PARTY_DETAILS] = {"modifyThirdPartyDetails", "/products/!modifyThirdPartyDetails", true,
                                            true},
    [SECTIGO_SL_GET_UPGRADE_COST] = {"slGetUpgradeCost", "/products/!slGetUpgradeCost", false, true},
    [SECTIGO_AUTO_AUTHORIZE] = {"AutoAuthorize", "/products/!AutoAuthorize", true, true},
};

const struct sectigo_call_info *sectigo_call_info(enum sectigo_call_kind kind)
{
    return (unsigned)kind < SECTIGO_CALLS ? &infos[kind] : NULL;
}
