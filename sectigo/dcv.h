/* dcv: what belongs to proving control of a name to Sectigo beside the token: methods, the names it may be proved at,
 * lists for multi-domain orders, and the answers that tell how far it is. Pure; any thread.
 */
#ifndef SECTIGO_DCV_H
#define SECTIGO_DCV_H

#include "sectigo/sectigo.h"

enum sectigo_dcv_method {
    SECTIGO_DCV_EMAIL,
    SECTIGO_DCV_HTTP,
    SECTIGO_DCV_HTTPS,
    SECTIGO_DCV_CNAME,
    SECTIGO_DCV_IP_ADDRESS,
    SECTIGO_DCV_METHODS
};
/* "HTTP_CSR_HASH", as dcvMethod and newMethod have it. Static. */
const char *sectigo_dcv_method_name(enum sectigo_dcv_method method);
/* By any of the three spellings ("HTTP_CSR_HASH", and "HTTPCSRHASH", "ALLHTTPCSRHASH" of validationTokens), without
 * regard to case; false where it is none. */
bool sectigo_dcv_method_read(const char *text, enum sectigo_dcv_method *method);

struct sectigo_dcv_choice {
    enum sectigo_dcv_method method;
    const char *email; /* of SECTIGO_DCV_EMAIL */
};
/* The value of validationTokens, choices in the order of domainNames: one ALL... token where all domains are proved
 * alike, otherwise one entry for each. malloc'd; NULL when out of memory, count is 0, or an address is missing. */
char *sectigo_validation_tokens(const struct sectigo_dcv_choice *choices, size_t count);

/* 20 lower-case letters and digits from the system's generator; false where that fails. */
bool sectigo_unique_value_make(char out[static SECTIGO_UNIQUE_VALUE_MAX + 1]);

/* The names at which control of a name may be proved by CNAME: the name itself without "*.", then its parents, up to
 * the registrable domain (public suffix list, private suffixes included). */
enum { SECTIGO_ADN_MAX = 127 };
struct sectigo_adn {
    char name[254];                  /* lower case */
    uint8_t offset[SECTIGO_ADN_MAX]; /* of each name within name; the deepest first */
    size_t count;                    /* name + offset[count - 1] is the registrable domain */
};
/* False where there is none: an address, a public suffix, no domain name. */
bool sectigo_adn_list(const char *name, struct sectigo_adn *adn);
/* adn is name itself (without "*.") or above it, and not above the registrable domain. */
bool sectigo_adn_covers(const char *adn, const char *name);
/* Whether registries sell names right below it ("com", "co.uk"), by the ICANN part of the public suffix list alone: a
 * top-level domain of a network's own is none. */
bool sectigo_is_public_suffix(const char *name);

/* Whether the method can prove such a name (notes 3.2, 3.3): an address neither by e-mail nor by CNAME, a domain name
 * not as IP_ADDRESS_PRE, a wildcard not by a file. */
bool sectigo_dcv_method_fits(enum sectigo_dcv_method method, const char *name);
/* Whether an e-mail to this address can prove the name: admin, administrator, hostmaster, postmaster or webmaster at
 * the name or above it, not above the registrable domain (notes 3.7: no others since June 2025). */
bool sectigo_dcv_email_fits(const char *email, const char *name);
/* These five, ended by NULL. Static. */
const char *const *sectigo_dcv_mailboxes(void);

/* GetMDCDomainDetails (N_domainName, N_dcvMethod, N_dcvStatus), also of single-domain orders. */
struct sectigo_mdc_domain {
    char *name, *method, *status; /* owned; NULL where absent */
    bool validated;               /* status is "Validated"; any word not known counts as not validated */
};
struct sectigo_mdc_answer {
    int code;
    char message[SECTIGO_MESSAGE_MAX];
    struct sectigo_mdc_domain *domains; /* owned */
    size_t domain_count;
};
bool sectigo_parse_mdc(const char *body, size_t len, struct sectigo_mdc_answer *answer);
void sectigo_mdc_clear(struct sectigo_mdc_answer *answer);

/* GetDCVEmailAddressList in its text form. */
struct sectigo_dcv_addresses {
    int code;
    char message[SECTIGO_MESSAGE_MAX];
    char *domain; /* owned, NULL where absent */
    struct sectigo_dcv_address {
        char *email;     /* owned */
        char source[16]; /* "level2", "level3", "whois" */
    } * list;            /* owned */
    size_t count;
};
bool sectigo_parse_dcv_addresses(const char *body, size_t len, struct sectigo_dcv_addresses *answer);
void sectigo_dcv_addresses_clear(struct sectigo_dcv_addresses *answer);

#endif
