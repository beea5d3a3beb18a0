/* Orders that fit, of each kind, and the check of one that departs from them. For test_request and test_order. */
#ifndef SECTIGO_ORDERS_H
#define SECTIGO_ORDERS_H

#include "cases.h"

#include "sectigo/parameter.h"

static char *csr, *wildcard_csr, *bare_csr, *full_csr, *address_csr;

static int make_requests(void **state)
{
    const char *single[] = {"CN", "sectigo.com", NULL}, *wildcard[] = {"CN", "*.sectigo.com", NULL};
    const char *full[] = {"CN", "sectigo.com", "O",  "Sectigo", "street",     "5 Becker Farm Road",
                          "L",  "Roseland",    "ST", "NJ",      "postalCode", "07068",
                          "C",  "US",          NULL};
    size_t len;
    (void)state;

    uint8_t *der = make_csr(single, "DNS:sectigo.com", &len);
    csr = base64_of(der, len);
    der = make_csr(wildcard, "DNS:*.sectigo.com", &len);
    wildcard_csr = base64_of(der, len);
    der = make_csr(NULL, "IP:192.0.2.1", &len);
    address_csr = base64_of(der, len);
    der = make_csr(NULL, NULL, &len);
    bare_csr = base64_of(der, len);
    der = make_csr(full, "DNS:sectigo.com", &len);
    full_csr = base64_of(der, len);
    return 0;
}

static int drop_requests(void **state)
{
    (void)state;
    free(csr);
    free(wildcard_csr);
    free(bare_csr);
    free(full_csr);
    free(address_csr);
    return 0;
}

/* Orders that fit, from which each case departs. "@csr" stands for a request. */
enum base {
    DV,
    WILDCARD,
    DV_MULTI,
    OV_MULTI,
    EV,
    GUARDIAN,
    HACKERPROOF,
    PACK,
    CODEGUARD,
    WEB,
    SIGNING,
    LOGO,
    SITE,
    SITE_911,
    SITE_BUNDLE,
    SITE_ADDON,
    BASES
};

#define LOGIN "loginName", "mypartnerusername", "loginPassword", "th15ISNOTas3ns!blePassW0rd!"
#define SSL LOGIN, "isCustomerValidated", "N", "serverSoftware", "-1"
#define COMPANY                                                                                                        \
    "appRepEmailAddress", "seniorstaffmember@sectigo.com", "organizationName", "Sectigo", "streetAddress1",            \
        "5 Becker Farm Road", "localityName", "Roseland", "countryName", "US"
#define NAMES                                                                                                          \
    "domainNames", "sectigo.com,www.sectigo.com,secure.sectigo.com", "primaryDomainName", "sectigo.com",               \
        "validationTokens", "ALLCNAMECSRHASH"
#define SITE_OF "domainName", "mydomain.com", "appRepEmailAddress", "a@sectigo.com"
#define REPRESENTATIVE "appRepLoginName", "myhackerguardianusername", "appRepForename", "John", "appRepSurname", "Smith"

static const char *const bases[BASES][64] = {
    [DV] = {SSL, "days", "365", "product", "488", "csr", "@csr", "dcvEmailAddress", "admin@sectigo.com"},
    [WILDCARD] = {SSL, "days", "365", "product", "489", "csr", "@wildcard", "dcvMethod", "CNAME_CSR_HASH"},
    [DV_MULTI] = {SSL, "days", "90", "product", "279", "csr", "@csr", NAMES},
    [OV_MULTI] = {SSL, "days", "730", "product", "583", COMPANY, "stateOrProvinceName", "NJ", "postalCode", "07068",
                  "csr", "@csr", NAMES},
    [EV] = {SSL, "days", "365", "product", "562", COMPANY, "stateOrProvinceName", "NJ", "postalCode", "07068",
            "appRepForename", "John", "appRepSurname", "Smith", "joiCountryName", "US", "csr", "@csr", NAMES},
    [GUARDIAN] = {LOGIN, "days", "365", "product", "586,587", COMPANY, REPRESENTATIVE},
    [HACKERPROOF] = {LOGIN, "days", "365", "product", "357", COMPANY, REPRESENTATIVE, "appRepLoginPassword", "secret"},
    [PACK] = {LOGIN, "days", "365", "product", "586, 587, 356", COMPANY, REPRESENTATIVE, "IP Addresses", "10"},
    [CODEGUARD] = {LOGIN, "days", "365", "product", "700", "appRepEmailAddress", "a@sectigo.com"},
    [WEB] = {LOGIN, "days", "365", "product", "1000", "appRepEmailAddress", "a@sectigo.com"},
    [SIGNING] = {LOGIN, "days", "365", "product", "706,577,163", "appRepEmailAddress", "a@sectigo.com"},
    [LOGO] = {SSL, "days", "365", "product", "316,36", COMPANY, "stateOrProvinceName", "NJ", "postalCode", "07068",
              "csr", "@csr", "dcvMethod", "HTTP_CSR_HASH"},
    [SITE] = {LOGIN, "days", "365", "product", "1060,1069,1071", SITE_OF},
    [SITE_911] = {LOGIN, "product", "1082", SITE_OF},
    [SITE_BUNDLE] = {SSL, "days", "365", "product", "488,1072", "csr", "@csr", "dcvMethod", "HTTP_CSR_HASH",
                     "appRepEmailAddress", "a@sectigo.com"},
    [SITE_ADDON] = {LOGIN, "days", "30", "product", "1070", SITE_OF, "previousOrderNumber", "3034881"},
};

static const char *value_of(const char *value)
{
    static const char *const names[] = {"@csr", "@wildcard", "@bare", "@full", "@address"};
    const char *const requests[] = {csr, wildcard_csr, bare_csr, full_csr, address_csr};

    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(value, names[i]) == 0)
            return requests[i];
    return value;
}

/* The base with one parameter put in its place: value NULL takes it away. */
static void fill(struct sectigo_form *form, enum base base, const char *name, const char *value)
{
    bool replaced = false;

    memset(form, 0, sizeof *form);
    for (const char *const *at = bases[base]; *at; at += 2) {
        bool same = name && strcmp(at[0], name) == 0;

        replaced |= same;
        sectigo_form_add(form, at[0], same ? (value ? value_of(value) : NULL) : value_of(at[1]));
    }
    if (name && !replaced)
        sectigo_form_add(form, name, value ? value_of(value) : NULL);
}

static void expect(enum base base, const char *name, const char *value, int code, const char *about)
{
    struct sectigo_form form;
    struct sectigo_order_facts facts;
    struct sectigo_verdict verdict;
    char reason[SECTIGO_MESSAGE_MAX] = "";

    fill(&form, base, name, value);
    bool ok = sectigo_order_examine(&form, &facts, &verdict);
    if (ok != (code == 0) || verdict.code != code || (!ok && strcmp(verdict.parameter, about) != 0) ||
        (!ok && !strstr(verdict.reason, about)))
        fail_msg("base %d, %s=%.40s: %d, %s, \"%s\"", (int)base, name ? name : "", value ? value : "(none)",
                 verdict.code, verdict.parameter, verdict.reason);
    assert_int_equal(sectigo_order_check_known(&form, NULL, reason), ok);
    assert_string_equal(reason, verdict.reason);
    sectigo_form_clear(&form);
}

#endif
