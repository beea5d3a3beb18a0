#include "sectigo/code.h"

#include <string.h>

#define CALL(name) (1u << SECTIGO_##name)

enum {
    APPLY = CALL(AUTO_APPLY_ORDER),
    REPLACE = CALL(AUTO_REPLACE_SSL),
    ORDERS = APPLY | REPLACE,
    COLLECT = CALL(COLLECT_SSL),
    REVOKE = CALL(AUTO_REVOKE_SSL),
    REJECT = CALL(AUTO_REJECT),
    UPDATE_DCV = CALL(AUTO_UPDATE_DCV),
    REFUND = CALL(AUTO_REFUND),
    RETRY_CAA = CALL(RETRY_CAA_CHECK),
    DCV_ADDRESSES = CALL(GET_DCV_EMAIL_ADDRESS_LIST),
    DECODE = CALL(DECODE_CSR),
    MODIFY = CALL(MODIFY_THIRD_PARTY_DETAILS),
    UPGRADE_COST = CALL(SL_GET_UPGRADE_COST),
    AUTHORIZE = CALL(AUTO_AUTHORIZE),
    EVERY = (1u << SECTIGO_CALLS) - 1,
    ALL = SECTIGO_FAMILIES,
    SSL = SECTIGO_CERTIFICATES,
    NOT_SSL = ALL & ~SSL,
    GUARDIAN = SECTIGO_HACKERGUARDIAN | SECTIGO_HACKERPROOF | SECTIGO_IP_PACK,
    SITELOCK = SECTIGO_SITELOCK | SECTIGO_SITELOCK_ADDON,
};

/* For one number, the row of the narrower meaning stands before the general one. */
static const struct sectigo_code codes[] = {
    {2, COLLECT, ALL, SECTIGO_PLACED, "Certificates attached", NULL, "n"},
    {1, COLLECT, ALL, SECTIGO_PLACED, "Certificates available", NULL, "n"},
    {1, EVERY, ALL, SECTIGO_PLACED, "Successful, Payment Required", NULL, "12"},
    {0, COLLECT, ALL, SECTIGO_PENDING, "Being processed by Sectigo", NULL, "n"},
    {0, EVERY, ALL, SECTIGO_PLACED, "Successful", NULL, "12"},
    {-1, EVERY, ALL, SECTIGO_CONFIGURATION, "Request was not made over https!", NULL, "12"},
    {-2, EVERY, ALL, SECTIGO_CONFIGURATION, "'xxxx' is an unrecognised argument!", NULL, "12"},
    {-3, EVERY, ALL, SECTIGO_CONFIGURATION, "The 'xxxx' argument is missing!", NULL, "12"},
    {-4, EVERY, ALL, SECTIGO_CONFIGURATION, "The value of the 'xxxx' argument is invalid!", NULL, "12"},
    {-5, ORDERS | DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR's Common Name may NOT contain a wildcard!",
     "rejectedIdentifier", "1"},
    {-6, ORDERS | DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR's Common Name MUST contain ONE wildcard!",
     "rejectedIdentifier", "1"},
    {-7, ORDERS | DECODE, ALL, SECTIGO_CONFIGURATION, "'xx' is not a valid ISO-3166 country!", NULL, "1"},
    {-8, ORDERS | DECODE, ALL, SECTIGO_CONFIGURATION, "The CSR is missing a required field!", NULL, "1"},
    {-9, ORDERS | DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR is not valid Base-64 data!", "badCSR", "1"},
    {-10, ORDERS | DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR cannot be decoded!", "badCSR", "1"},
    {-11, ORDERS | DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR uses an unsupported algorithm!", "badCSR", "1"},
    {-12, ORDERS | DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR has an invalid signature!", "badCSR", "1"},
    {-13, ORDERS | DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR uses an unsupported key size!", "badCSR", "1"},
    {-14, EVERY, ALL, SECTIGO_UNKNOWN, "An unknown error occurred!", NULL, "1"},
    {-15, ORDERS | AUTHORIZE, ALL, SECTIGO_NO_CREDIT, "Not enough credit!", NULL, "1"},
    {-16, ORDERS, ALL, SECTIGO_LOGIN_REFUSED,
     "Permission denied! Contact Sectigo Support to have your account enabled for the !AutoApplyOrder API.", NULL,
     "12"},
    {-16, EVERY, ALL, SECTIGO_LOGIN_REFUSED,
     "Permission denied! Incorrect login details, account is locked, password has expired or your source IP is "
     "blocked.",
     NULL, "1n"},
    {-17, EVERY, ALL, SECTIGO_CONFIGURATION, "Request used GET rather than POST!", NULL, "12"},
    {-18, REFUND, ALL, SECTIGO_CONFIGURATION, "Text explaining why the refund was unsuccessful.", NULL, "1"},
    {-18, ORDERS | DECODE, SSL, SECTIGO_CSR_REFUSED, "The CSR's Common Name may not be a Fully-Qualified Domain Name!",
     "rejectedIdentifier", "1"},
    {-18, ORDERS | MODIFY, NOT_SSL, SECTIGO_CONFIGURATION, "This order has already been refunded", NULL, "2"},
    {-19, DCV_ADDRESSES, ALL, SECTIGO_CONFIGURATION, "The domain name may not be an Internet-accessible IP Address!",
     NULL, "n"},
    {-19, ORDERS | DECODE, ALL, SECTIGO_CSR_REFUSED,
     "The CSR's Common Name may not be an Internet-accessible IP Address!", "rejectedIdentifier", "1"},
    {-20, COLLECT, ALL, SECTIGO_REJECTED, "The certificate request has been rejected", NULL, "n"},
    {-20, REVOKE, ALL, SECTIGO_PLACED, "The certificate request has already been rejected", NULL, "n"},
    {-20, REPLACE, ALL, SECTIGO_SUBSCRIPTION_OVER, "The certificate request has been rejected", NULL, "n"},
    {-20, REFUND | REJECT | MODIFY, ALL, SECTIGO_PLACED, "The order has already been canceled", NULL, "2n"},
    {-20, AUTHORIZE, ALL, SECTIGO_REJECTED, "The order has already been canceled", NULL, "2n"},
    {-20, APPLY | UPGRADE_COST, ALL, SECTIGO_CONFIGURATION, "The order has already been canceled", NULL, "2"},
    {-21, COLLECT, ALL, SECTIGO_REVOKED, "The certificate has been revoked", NULL, "n"},
    {-21, REVOKE, ALL, SECTIGO_PLACED, "The certificate has already been revoked", NULL, "n"},
    {-21, REPLACE, ALL, SECTIGO_SUBSCRIPTION_OVER, "The certificate has been revoked", NULL, "n"},
    {SECTIGO_AWAITS_PAYMENT, COLLECT, ALL, SECTIGO_PENDING, "The certificate request is still awaiting payment", NULL,
     "n"},
    {-23, REVOKE, ALL, SECTIGO_LATER, "The certificate is currently being issued (without revocationReason)", NULL,
     "n"},
    {-23, DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR was refused (-23)", "badCSR", "n"},
    {-24, DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR was refused (-24)", "badCSR", "n"},
    {-25, DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR was refused (-25)", "badCSR", "n"},
    {-26, COLLECT, ALL, SECTIGO_PENDING, "The certificate is currently being issued", NULL, "n"},
    {-26, EVERY, ALL, SECTIGO_LATER, "The certificate is currently being issued", NULL, "n"},
    {-35, REVOKE, ALL, SECTIGO_CONFIGURATION, "The certificate has already expired", NULL, "n"},
    {-35, ORDERS | DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR's Common Name may not be an IP Address!",
     "rejectedIdentifier", "1"},
    {-36, REPLACE, ALL, SECTIGO_SUBSCRIPTION_OVER, "The certificate has already expired", NULL, "n"},
    {-37, DCV_ADDRESSES, ALL, SECTIGO_CONFIGURATION, "No address can be given for this domain name", NULL, "n"},
    {-40, ORDERS | DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR uses a key that is believed to have been compromised!",
     "badCSR", "1"},
    {-41, DECODE, ALL, SECTIGO_CSR_REFUSED, "The CSR was refused (-41)", "badCSR", "n"},
    {-42, EVERY, ALL, SECTIGO_LATER, "Call limit reached, please try again later", NULL, "2"},
    {-45, APPLY, SECTIGO_LICENCES, SECTIGO_CONFIGURATION, "You can not renew trial license!", NULL, "1"},
    {-47, UPDATE_DCV, ALL, SECTIGO_PLACED, "domainName is already validated!", NULL, "1n"},
    {-47, ORDERS, ALL, SECTIGO_CONFIGURATION, "domainName is already validated!", NULL, "1"},
    {-53, APPLY, GUARDIAN, SECTIGO_CONFIGURATION,
     "Incorrect duration for main HG license or/and Additional IP addresses pack!", NULL, "1"},
    {-54, APPLY, ALL, SECTIGO_CONFIGURATION, "The order can have one main license only!", NULL, "1"},
    {SECTIGO_NOT_UNIQUE, ORDERS, ALL, SECTIGO_PERHAPS_PLACED_EARLIER, "This Request Token is not unique!", NULL, "1"},
    {-56, APPLY, SECTIGO_LICENCES, SECTIGO_CONFIGURATION,
     "Your current license expires on <EXPIRATION_DATE>. Licenses can only be renewed up to 30 days prior to the "
     "expiry of your existing license.",
     NULL, "1"},
    {-57, APPLY, GUARDIAN, SECTIGO_CONFIGURATION, "The company name already exists in the service Qualys!", NULL, "1"},
    {-58, APPLY, GUARDIAN, SECTIGO_CONFIGURATION, "Additional IP Addresses pack is not available for trial license!",
     NULL, "1"},
    {-59, APPLY, GUARDIAN, SECTIGO_CONFIGURATION,
     "Additional IP Address Packs may only be purchased for an existing HackerGuardian account!", NULL, "1"},
    {-60, APPLY, GUARDIAN, SECTIGO_CONFIGURATION,
     "To renew your access to the PCI portal you must purchase enough IP Addresses to support those currently setup. "
     "Previously you have purchased <NUM_IPS_PURCHASED> IP addresses.",
     NULL, "1"},
    {-63, APPLY, SECTIGO_CODEGUARD, SECTIGO_CONFIGURATION, "The e-mail already exists in the service CodeGuard", NULL,
     "1"},
    {-64, APPLY, SECTIGO_CODEGUARD, SECTIGO_CONFIGURATION, "Unknown partner for the service CodeGuard", NULL, "1"},
    {-65, APPLY, ALL, SECTIGO_CONFIGURATION, "PlanID for this product not found.", NULL, "1"},
    {-66, APPLY, SECTIGO_CODEGUARD, SECTIGO_CONFIGURATION, "CodeGuard partner is not activated.", NULL, "1"},
    {-67, APPLY, ALL, SECTIGO_CONFIGURATION, "The order can have one CodeGuard license only!", NULL, "1"},
    {-68, APPLY, ALL, SECTIGO_CONFIGURATION, "Argument 'xxxx' can be used just with License products!", NULL, "1"},
    {-69, APPLY, SECTIGO_CODEGUARD, SECTIGO_CONFIGURATION, "CodeGuard sync service disabled!", NULL, "1"},
    {-70, ORDERS, ALL, SECTIGO_CONFIGURATION, "Invalid Email Address!", NULL, "1"},
    {-71, APPLY, SECTIGO_LICENCES, SECTIGO_CONFIGURATION, "The previous order must have a license of the same type!",
     NULL, "1"},
    {-76, APPLY | MODIFY | UPGRADE_COST, SITELOCK | SECTIGO_WEB_SECURITY, SECTIGO_CONFIGURATION,
     "SiteLock partner account isn't activated.", NULL, "2"},
    {-81, APPLY, ALL, SECTIGO_CONFIGURATION, "The order must have a Document-Signing Certificate!", NULL, "1"},
    {-82, APPLY, ALL, SECTIGO_CONFIGURATION, "The order must have only one Web Package product!", NULL, "1"},
    {-90, UPDATE_DCV, ALL, SECTIGO_CONFIGURATION, "The change of DCV method was refused (-90)", NULL, "n"},
    {-91, EVERY, ALL, SECTIGO_CONFIGURATION, "Permission denied in this context", NULL, "n"},
    {-115, ORDERS | UPGRADE_COST, ALL, SECTIGO_CONFIGURATION, "No price found for product X", NULL, "2n"},
    {-121, APPLY | UPGRADE_COST, SECTIGO_SITELOCK_ADDON, SECTIGO_CONFIGURATION,
     "You cannot buy a lower tier add-on for this product", NULL, "2"},
    {-121, APPLY | UPGRADE_COST, SECTIGO_LICENCES, SECTIGO_CONFIGURATION,
     "Renew must be within the renewal period of the existing license", NULL, "2"},
    {-122, APPLY, SECTIGO_LICENCES, SECTIGO_CONFIGURATION, "Such domain or account (email) already exists", NULL, "2"},
    {-124, APPLY, ALL, SECTIGO_CONFIGURATION,
     "SSL PLUS SiteLock Bundle can only be ordered together with an SSL certificate", NULL, "2"},
    {-126, UPDATE_DCV, ALL, SECTIGO_CONFIGURATION, "The change of DCV method was refused (-126)", NULL, "n"},
    {-139, UPDATE_DCV, ALL, SECTIGO_CONFIGURATION, "The change of DCV method was refused (-139)", NULL, "n"},
    {-160, EVERY, ALL, SECTIGO_CONFIGURATION, "General error, the reason is in the message", NULL, "n"},
    {-162, ORDERS, ALL, SECTIGO_CSR_REFUSED,
     "The CSR must not contain domain names that are not in the domainNames parameter!", "badCSR", "n"},
    {-296, RETRY_CAA, ALL, SECTIGO_CONFIGURATION, "Wrong certificate state", NULL, "n"},
};

const struct sectigo_code *sectigo_codes(size_t *count)
{
    *count = sizeof codes / sizeof *codes;
    return codes;
}

const struct sectigo_code *sectigo_code_find(enum sectigo_call_kind call, int code, unsigned families)
{
    const struct sectigo_code *first = NULL;

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i].code != code || !(codes[i].calls & 1u << call))
            continue;
        if (codes[i].families & families)
            return &codes[i];
        if (!first)
            first = &codes[i];
    }
    return first;
}

const char *sectigo_code_text(enum sectigo_call_kind call, int code)
{
    const struct sectigo_code *row = sectigo_code_find(call, code, 0);
    return row ? row->text : NULL;
}

const char *sectigo_code_acme_type(int code)
{
    const struct sectigo_code *row = sectigo_code_find(SECTIGO_AUTO_APPLY_ORDER, code, 0);
    return row ? row->acme_type : NULL;
}

const char *sectigo_code_problem(const struct sectigo_code *row)
{
    if (row->acme_type || !(row->calls & ORDERS))
        return row->acme_type;
    return row->meaning == SECTIGO_CONFIGURATION ? "serverInternal" : NULL;
}

/* A purchase refused because its foreignOrderNumber or uniqueValue is known may stand already. */
static bool names_the_order(const char *message)
{
    return message && (strcasestr(message, "foreignOrderNumber") || strcasestr(message, "uniqueValue"));
}

bool sectigo_names_number(int code, const char *message)
{
    return code == SECTIGO_NOT_UNIQUE || names_the_order(message);
}

enum sectigo_class sectigo_classify(enum sectigo_call_kind call, int code, const char *message)
{
    const struct sectigo_code *row = sectigo_code_find(call, code, 0);

    if (code < 0 && (1u << call & ORDERS) && names_the_order(message))
        return SECTIGO_PERHAPS_PLACED_EARLIER;
    /* The one code of AutoRefund says in its words whether the money is back already. */
    if (call == SECTIGO_AUTO_REFUND && code == -18 && message && strcasestr(message, "already been refunded"))
        return SECTIGO_PLACED;
    if (row)
        return row->meaning;
    if (1u << call & ORDERS) /* nobody knows what it means: the order may stand */
        return SECTIGO_PERHAPS_PLACED_EARLIER;
    return code >= 0 ? SECTIGO_PLACED : SECTIGO_CONFIGURATION;
}

const char *sectigo_class_name(enum sectigo_class meaning)
{
    static const char *const names[] = {
        [SECTIGO_PLACED] = "done",
        [SECTIGO_PERHAPS_PLACED_EARLIER] = "perhaps placed earlier",
        [SECTIGO_CSR_REFUSED] = "CSR or name refused",
        [SECTIGO_CONFIGURATION] = "configuration",
        [SECTIGO_NO_CREDIT] = "no credit",
        [SECTIGO_LOGIN_REFUSED] = "login refused",
        [SECTIGO_LATER] = "later",
        [SECTIGO_UNKNOWN] = "unknown",
        [SECTIGO_SUBSCRIPTION_OVER] = "subscription over",
        [SECTIGO_PENDING] = "not yet",
        [SECTIGO_REJECTED] = "rejected",
        [SECTIGO_REVOKED] = "revoked",
    };
    return names[meaning];
}
