/* settings: how the sandbox plays what no document settles; changed while it runs by POST /sandbox/settings.
 *
 * Plain data, guarded by the sandbox's lock.
 */
#ifndef SANDBOX_SETTINGS_H
#define SANDBOX_SETTINGS_H

#include "sectigo/sandbox/fields.h"

enum settings_choice { CHOICE_ACCEPT, CHOICE_REFUSE };
enum settings_encoding {
    ENCODING_LITERAL, /* bare base64, its '+' as it is: what clients of CollectSSL report */
    ENCODING_ESCAPED, /* bare base64, percent-encoded */
    ENCODING_PEM,     /* PEM with armour, percent-encoded */
};
enum settings_again { AGAIN_REFUSE, AGAIN_ACCEPT, AGAIN_CHARGE };
enum settings_chain { CHAIN_ROOT_FIRST, CHAIN_LEAF_FIRST };
enum settings_names { NAMES_PLAIN, NAMES_SHUFFLED };

struct settings {
    int csr_without_common_name;         /* choice: refuse answers -8 on products of one name */
    int foreign_order_number_on_replace; /* choice: refuse answers -2 */
    int collect_encoding, chain_order;
    int doubtful_add_ons;      /* choice, of what no page says of SiteLock Business and 911: refuse answers -121 */
    int unseen_parameters;     /* choice, of modifyThirdPartyDetails' names that were not seen: refuse answers -2 */
    int upgrade_cost_key;      /* of settings_upgrade_cost_keys */
    int authorize_again;       /* again: AutoAuthorize of an order that is paid; charge takes the price once more */
    int report_names;          /* of orders in reports: as they are, or in capitals and another order */
    bool csr_names_must_match; /* -162 */
    bool check_numbers;        /* checkFONIsUnique, and -55 for a CSR with the same uniqueValue; off: all is taken */
    bool replacement_revokes;  /* the earlier certificate is revoked, not only replaced */
    bool wildcard_adds_base_name;
    bool own_unique_value;            /* chosen by us, whatever the request has */
    bool report_foreign_order_number; /* WebHostReport says it */
    bool payment_required;            /* orders answer 1 and wait for POST .../advance */
    bool check_caa;
    bool sitelock_activated; /* -76 otherwise */
    bool auto_renew;         /* of licences that do not say */
    bool action_required;    /* of modifyThirdPartyDetails, as its page says and its example does not */
    bool reuse_validation;   /* names once validated for a login need no new look */
    bool fetch_follows_redirects;
    int64_t duplicate_foreign_order_code; /* -4 */
    int64_t licence_service_code;         /* what every order of a licence is refused with (-64, -66, ...); 0: none */
    int64_t credit_cents;                 /* of each login, before what was bought */
    int64_t call_limit_per_minute;        /* -42 beyond it; 0: none */
    int64_t lock_after;                   /* wrong passwords in a row; 0: never */
    int64_t refund_period_days;           /* of yearly SiteLock licences */
    int64_t issue_delay_ms;
    int64_t look_first_ms, look_max_ms; /* domain control: first wait, doubled up to the second */
    int64_t push_retry_ms;
    bool no_date;                /* replies do not say what time it is */
    int64_t date_ahead_ms;       /* what their Date is ahead of the clock */
    int64_t report_lag_ms;       /* an order is in no report before it is so old */
    int64_t report_lag_looks;    /* and not before so many have been asked for it in vain */
    int64_t report_strangers;    /* other people's orders, before ours in every report of a span of time */
    int64_t report_page_max;     /* rows at once, whatever was asked for; 0: no limit */
    int64_t report_zone_minutes; /* what the dates of orders are off Greenwich */
    char *compromised_keys;      /* SHA-256 of SubjectPublicKeyInfos, hex, comma-separated: -40 */
};
extern const struct record_type settings_type;
extern const char *const settings_upgrade_cost_keys[];

void settings_default(struct settings *settings);

#endif
