#include "sectigo/parameter.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sectigo/scope.h"
#include "sectigo/value.h"

static bool one_of(const char *text, const char *const *values)
{
    for (; *values; values++)
        if (strcasecmp(text, *values) == 0)
            return true;
    return false;
}

#define ONE_OF(name, ...)                                                                                              \
    static bool name(const char *text)                                                                                 \
    {                                                                                                                  \
        static const char *const values[] = {__VA_ARGS__, NULL};                                                       \
        return one_of(text, values);                                                                                   \
    }

ONE_OF(yes_or_no, "Y", "N")
ONE_OF(server_software, "2", "10", "14", "35", "36", "18", "30", "31", "-1")
ONE_OF(business_category, "b", "c", "d")
ONE_OF(dcv_method, "EMAIL", "HTTP_CSR_HASH", "HTTPS_CSR_HASH", "CNAME_CSR_HASH", "IP_ADDRESS_PRE")
ONE_OF(response_format, "0", "1")
ONE_OF(callback_method, "T", "L")
ONE_OF(addresses, "1", "5", "10", "50", "100", "500", "1000")
ONE_OF(offer_type, "22", "23", "24")
ONE_OF(common_names, "0", "1")
ONE_OF(dcv_token, "HTTPCSRHASH", "HTTPSCSRHASH", "CNAMECSRHASH", "IPADDRESSPRE")
ONE_OF(dcv_token_for_all, "ALLHTTPCSRHASH", "ALLHTTPSCSRHASH", "ALLCNAMECSRHASH", "ALLIPADDRESSPRE")

static bool positive(const char *text)
{
    int value;
    return sectigo_value_int(text, &value) && value > 0;
}

static bool order_number(const char *text)
{
    char copy[SECTIGO_ORDER_NUMBER_MAX + 1];
    return sectigo_value_order_number(text, copy);
}

static bool alphanumeric(const char *text)
{
    char copy[SECTIGO_UNIQUE_VALUE_MAX + 1];
    return sectigo_value_unique(text, copy);
}

static bool email(const char *text)
{
    const char *at = strchr(text, '@');

    if (!at || at == text || !at[1] || strchr(at + 1, '@') || strpbrk(text, " \t\r\n,;<>"))
        return false;
    return strchr(at + 1, '.') && at[1] != '.' && at[strlen(at) - 1] != '.';
}

static bool email_or_none(const char *text)
{
    return strcasecmp(text, "none") == 0 || email(text);
}

bool sectigo_domain_name_fits(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:";
    const char *rest = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
    size_t len = strlen(rest);

    return len > 0 && len <= 253 && strspn(rest, allowed) == len && rest[0] != '.' && !strstr(rest, "..");
}

static bool date(const char *text)
{
    int64_t seconds;

    /* Companies are older than 1970: only the shape is read here. */
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
        return false;
    char year_2000[11];
    snprintf(year_2000, sizeof year_2000, "2000%s", text + 4);
    return strspn(text, "0123456789") == 4 && sectigo_value_seconds(year_2000, &seconds);
}

bool sectigo_dcv_token_known(const char *word)
{
    return dcv_token(word) || email(word);
}

bool sectigo_dcv_token_for_all(const char *word)
{
    return dcv_token_for_all(word);
}

#define YES_NO "Y or N", yes_or_no

/* What the reference calls "only relevant" for some products, or ignored for others, is no ban: it may come with every
 * order. "Only for" is one. */
static const struct sectigo_parameter parameters[] = {
    {"loginName", SECTIGO_STRING, 64, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"loginPassword", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"product", SECTIGO_STRING, 64, 0, "codes of the catalogue, with commas between", NULL, &sectigo_for_every,
     &sectigo_for_every},
    {"days", SECTIGO_INTEGER, 0, 0, "30, 90, 365, 730, 1095, 1461 or 1826 for certificates", positive,
     &sectigo_for_every, &sectigo_for_term},
    {"serverSoftware", SECTIGO_INTEGER, 0, 0, "2, 10, 14, 35, 36, 18, 30, 31 or -1", server_software,
     &sectigo_for_certificate, &sectigo_for_ssl},
    {"domainNames", SECTIGO_STRING, 32767, 0, "names with commas or blanks between", NULL, &sectigo_for_every,
     &sectigo_for_no_names},
    {"primaryDomainName", SECTIGO_STRING, 64, 0, "one of domainNames", NULL, &sectigo_for_every,
     &sectigo_for_one_common_name},
    {"maxSubjectCNS", SECTIGO_INTEGER, 0, 0, "0 or 1", common_names, &sectigo_for_every, NULL},
    {"csr", SECTIGO_STRING, 32767, 0, "base64, with or without header and footer", NULL, &sectigo_for_certificate,
     &sectigo_for_ssl},
    {"uniqueValue", SECTIGO_STRING, 20, 0, "letters and digits", alphanumeric, &sectigo_for_ssl, NULL},
    {"prioritiseCSRValues", SECTIGO_CHAR, 1, 0, YES_NO, &sectigo_for_certificate, NULL},
    {"organizationName", SECTIGO_STRING, 64, 50, NULL, NULL, &sectigo_for_company, &sectigo_for_no_organization},
    {"organizationalUnitName", SECTIGO_STRING, 64, 0, NULL, NULL, &sectigo_for_subject, NULL},
    {"postOfficeBox", SECTIGO_STRING, 40, 0, NULL, NULL, &sectigo_for_subject, NULL},
    {"streetAddress1", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_company, &sectigo_for_no_street},
    {"streetAddress2", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_subject, NULL},
    {"streetAddress3", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_subject, NULL},
    {"localityName", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_subject, &sectigo_for_no_locality},
    {"stateOrProvinceName", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_company, &sectigo_for_no_state},
    {"postalCode", SECTIGO_STRING, 40, 0, NULL, NULL, &sectigo_for_company, &sectigo_for_no_postal_code},
    {"countryName", SECTIGO_STRING, 2, 0, "an ISO 3166 code", sectigo_country_known, &sectigo_for_company,
     &sectigo_for_no_country},
    {"dunsNumber", SECTIGO_STRING, 20, 0, NULL, NULL, &sectigo_for_organization, NULL},
    {"companyNumber", SECTIGO_STRING, 25, 0, NULL, NULL, &sectigo_for_organization, NULL},
    {"joiLocalityName", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_extended, NULL},
    {"joiStateOrProvinceName", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_extended, NULL},
    {"joiCountryName", SECTIGO_STRING, 2, 0, "an ISO 3166 code", sectigo_country_known, &sectigo_for_extended,
     &sectigo_for_extended},
    {"dateOfIncorporation", SECTIGO_STRING, 10, 0, "YYYY-MM-DD", date, &sectigo_for_extended, NULL},
    {"assumedName", SECTIGO_STRING, 64, 0, NULL, NULL, &sectigo_for_extended, NULL},
    {"businessCategory", SECTIGO_CHAR, 1, 0, "b, c or d", business_category, &sectigo_for_extended, NULL},
    {"emailAddress", SECTIGO_STRING, 255, 0, "an e-mail address or none", email_or_none, &sectigo_for_certificate,
     NULL},
    {"validationEmailAddress", SECTIGO_STRING, 255, 0, "an e-mail address", email, &sectigo_for_certificate, NULL},
    {"contactEmailAddress", SECTIGO_STRING, 255, 0, "an e-mail address", email, &sectigo_for_certificate, NULL},
    {"dcvMethod", SECTIGO_STRING, 32, 0, "EMAIL, HTTP_CSR_HASH, HTTPS_CSR_HASH, CNAME_CSR_HASH or IP_ADDRESS_PRE",
     dcv_method, &sectigo_for_ssl, NULL},
    {"dcvEmailAddress", SECTIGO_STRING, 255, 0, "an e-mail address", email, &sectigo_for_every, &sectigo_for_by_email},
    {"dcvEmailAddresses", SECTIGO_STRING, 32767, 0, "addresses or tokens in the order of domainNames", NULL,
     &sectigo_for_every, NULL},
    {"dcvTemplateID", SECTIGO_INTEGER, 0, 0, "a positive number", positive, &sectigo_for_ssl, NULL},
    {"validationTokens", SECTIGO_STRING, 32767, 0, "addresses or tokens in the order of domainNames", NULL,
     &sectigo_for_every, &sectigo_for_by_tokens},
    {"caCertificateID", SECTIGO_INTEGER, 0, 0, "a positive number", positive, &sectigo_for_certificate, NULL},
    {"isCustomerValidated", SECTIGO_CHAR, 1, 0, YES_NO, &sectigo_for_every, &sectigo_for_ssl},
    {"showCertificateID", SECTIGO_CHAR, 1, 0, YES_NO, &sectigo_for_every, NULL},
    {"foreignOrderNumber", SECTIGO_STRING, 64, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"checkFONIsUnique", SECTIGO_CHAR, 1, 0, YES_NO, &sectigo_for_every, NULL},
    {"responseFormat", SECTIGO_CHAR, 1, 0, "0 or 1", response_format, &sectigo_for_every, NULL},
    {"test", SECTIGO_CHAR, 1, 0, YES_NO, &sectigo_for_every, NULL},
    {"idaEmailAddress", SECTIGO_STRING, 255, 0, "an e-mail address", email, &sectigo_for_trustlogo, NULL},
    {"idaTelephoneNumber", SECTIGO_STRING, 32, 0, NULL, NULL, &sectigo_for_trustlogo, NULL},
    {"idaFaxNumber", SECTIGO_STRING, 32, 0, NULL, NULL, &sectigo_for_trustlogo, NULL},
    {"appRepForename", SECTIGO_STRING, 64, 50, NULL, NULL, &sectigo_for_every, &sectigo_for_callback},
    {"appRepSurname", SECTIGO_STRING, 64, 50, NULL, NULL, &sectigo_for_every, &sectigo_for_callback},
    {"appRepEmailAddress", SECTIGO_STRING, 255, 128, "an e-mail address", email, &sectigo_for_every,
     &sectigo_for_contact},
    {"appRepTelephone", SECTIGO_STRING, 32, 0, NULL, NULL, &sectigo_for_every, &sectigo_for_telephone_callback},
    {"appRepTitle", SECTIGO_STRING, 64, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"appRepFax", SECTIGO_STRING, 32, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"appRepOrganizationName", SECTIGO_STRING, 255, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"appRepOrganizationalUnitName", SECTIGO_STRING, 64, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"appRepStreetAddress1", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"appRepStreetAddress2", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"appRepStreetAddress3", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"appRepPostOfficeBox", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"appRepLocalityName", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"appRepStateOrProvinceName", SECTIGO_STRING, 128, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"appRepPostalCode", SECTIGO_STRING, 40, 0, NULL, NULL, &sectigo_for_every, NULL},
    {"appRepCountryName", SECTIGO_CHAR, 2, 0, "an ISO 3166 code", sectigo_country_known, &sectigo_for_every, NULL},
    {"callbackMethod", SECTIGO_CHAR, 1, 0, "T or L", callback_method, &sectigo_for_every, NULL},
    {"isAppRepValidated", SECTIGO_CHAR, 1, 0, YES_NO, &sectigo_for_every, NULL},
    {"isCallbackCompleted", SECTIGO_CHAR, 1, 0, YES_NO, &sectigo_for_every, NULL},
    {"showCertificateState", SECTIGO_CHAR, 1, 0, YES_NO, &sectigo_for_every, NULL},
    {"omitAdditionalFQDN", SECTIGO_CHAR, 1, 0, YES_NO, &sectigo_for_every, NULL},
    {"appRepLoginName", SECTIGO_STRING, 50, 50, NULL, NULL, &sectigo_for_account, &sectigo_for_guardian},
    {"appRepLoginPassword", SECTIGO_STRING, 0, 0, NULL, NULL, &sectigo_for_account_password, &sectigo_for_hackerproof},
    {"IP Addresses", SECTIGO_INTEGER, 0, 0, "1, 5, 10, 50, 100, 500 or 1000", addresses, &sectigo_for_guardian_pack,
     &sectigo_for_pack},
    {"previousOrderNumber", SECTIGO_INTEGER, 0, 0, "the number of an order", order_number, &sectigo_for_licence,
     &sectigo_for_addon_alone},
    {"includeIndividual", SECTIGO_CHAR, 1, 0, YES_NO, &sectigo_for_signing, NULL},
    {"offerType", SECTIGO_INTEGER, 0, 0, "22, 23 or 24", offer_type, &sectigo_for_shipping, NULL},
    {"domainName", SECTIGO_STRING, 32767, 0, "one domain name", sectigo_domain_name_fits, &sectigo_for_sitelock,
     &sectigo_for_site},
    {"enableAutoRenew", SECTIGO_CHAR, 1, 0, YES_NO, &sectigo_for_sitelock, NULL},
};
enum { PARAMETERS = sizeof parameters / sizeof *parameters };

const struct sectigo_parameter *sectigo_parameters(size_t *count)
{
    *count = PARAMETERS;
    return parameters;
}

const struct sectigo_parameter *sectigo_parameter_find(const char *name)
{
    for (size_t i = 0; i < PARAMETERS; i++)
        if (strcasecmp(parameters[i].name, name) == 0)
            return &parameters[i];
    return NULL;
}
