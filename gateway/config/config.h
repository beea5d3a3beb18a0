/* config: the one YAML file, read once into this struct. deploy/acmegate.yaml explains every key.
 *
 * Whatever may be left out has its default filled in by config_load, so readers never ask whether a thing was given.
 * Durations are written with a unit (500ms, 20s, 5m, 3h, 7d), sizes with KiB, MiB, GiB; lists of strings are
 * NULL-terminated as well as counted. Secrets are read from their files at load and wiped by config_free.
 */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/csr.h"

enum { CONFIG_REASON_MAX = 1024, CONFIG_HOST_MAX = 256 };

struct config_strings {
    char **list; /* count of them, then NULL */
    unsigned count;
};

struct config_tls {
    char *certificate, *key; /* PEM files; NULL: plain */
};

struct config_postgresql {
    char *connection;          /* as libpq takes it, without a password */
    char *schema;              /* default acmegate */
    unsigned writers, readers; /* connections; default 4 and 16 */
    bool standby;              /* default false: where another gateway owns the store, it is an error */
    bool share;                /* default false; true: it serves beside that one */
};

struct config_store {
    enum config_engine { CONFIG_LMDB, CONFIG_POSTGRESQL } engine; /* default lmdb */
    char *path;                                                   /* of postgresql: the schema */
    uint64_t map_size;                                            /* octets; default 16GiB */
    char *key_file; /* seals external account keys; default: path with .key behind it; postgresql has none */
    struct config_postgresql postgresql;
};

/* Requests a minute that make something new; 0: no limit. */
struct config_limits {
    unsigned address, account, external_key; /* default 3000, 1000, 3000 */
};

/* Keys that are refused. */
struct config_keys {
    char *blocked; /* file; default NULL: none */
    char *weak;    /* file or folder; default NULL: none */
};

/* Proxies in front of a listener. */
struct config_proxies {
    struct config_strings trusted; /* addresses or prefixes; default none. YAML: trusted_proxies */
    bool protocol;                 /* default false. YAML: proxy_protocol */
};

/* The listener's certificate is ordered from the gateway itself. */
struct config_own {
    char *file;    /* default NULL: it is not. PEM, key and chain; then acme.tls.certificate and key are it */
    char *policy;  /* that it is ordered by */
    char *profile; /* default NULL: as the policy or default_profile says */
    struct config_strings names; /* default none: the host of acme.url */
};

struct config_acme {
    struct config_strings listen; /* "0.0.0.0:443", "[::]:443" */
    char *url;                    /* https://..., no final slash: base of every URL that clients see */
    struct config_tls tls;
    struct config_own own;            /* YAML: acme.tls.own */
    unsigned threads;                 /* default 0: one per core */
    unsigned connections;             /* at once; default 10000 */
    unsigned connections_per_address; /* default 2500; 0: all */
    bool external_account_required;   /* YAML: external_account: required | optional; default required */
    char *terms_of_service, *website; /* default NULL */
    struct config_strings caa_identities;
    unsigned identifiers_max;          /* default and most 100 */
    uint32_t order_lifetime_s;         /* default 7d */
    uint32_t authorization_lifetime_s; /* default 30d; 0s: a valid authorization serves its own order only */
    uint32_t hold_finalize_ms;         /* default 20s, at most 25s */
    uint32_t hold_challenge_ms;        /* default 2s, at most 25s */
    struct config_proxies proxies;
    struct config_limits limits;
    struct config_keys keys;
};

struct config_push {
    char *path;                  /* default /push/sectigo */
    char *user, *password;       /* Basic authentication; both or neither. YAML: user, password_file */
    struct config_strings allow; /* addresses or prefixes (10.0.0.0/8); default 91.199.212.132 */
};

struct config_public {
    struct config_strings listen; /* "0.0.0.0:80" */
    struct config_tls tls;
    unsigned connections;             /* at once; default 2000 */
    unsigned connections_per_address; /* default 0: all */
    struct config_proxies proxies;
    struct config_push push;
};

struct config_metrics {
    struct config_strings listen; /* default: none */
    struct config_tls tls;
};

/* The API over HTTPS. */
struct config_admin {
    char *socket;                     /* default NULL: none */
    struct config_strings listen;     /* default: none */
    struct config_tls tls;            /* both where there is a listener */
    unsigned connections;             /* at once; default 256 */
    unsigned connections_per_address; /* default 64; 0: all */
    struct config_strings trusted;    /* addresses or prefixes of proxies; default none. YAML: trusted_proxies */
    char *user_field,
        *role_field; /* header fields; default NULL: proxies say nobody. YAML: proxy: user_header, role_header */
};

struct config_validation {
    bool http_01, dns_01, tls_alpn_01; /* YAML: challenges: [http-01, ...]; default these three */
    bool dns_account_01, dns_persist_01;
    struct config_strings resolvers; /* "10.0.0.53" or "127.0.0.1@5353"; default: those of /etc/resolv.conf */
    char *trust_anchor;              /* DNSSEC trust anchor file; default NULL: not validated */
    struct config_strings insecure_zones;
    struct config_strings deny;          /* prefixes that http-01 and tls-alpn-01 may not connect to, beside those of
                                          * egress/address.c */
    struct config_strings allow;         /* exceptions from both */
    struct config_strings private_zones; /* whose names may have private addresses; default: all */
    uint16_t http_port, tls_port;        /* default 80 and 443 */
    uint32_t timeout_ms;                 /* default 20s */
};

enum config_tsig_algorithm { CONFIG_TSIG_SHA256, CONFIG_TSIG_SHA512 };
enum config_ip_method { CONFIG_IP_HTTP, CONFIG_IP_ADDRESS_PRE };
enum config_preflight { CONFIG_PREFLIGHT_ENFORCE, CONFIG_PREFLIGHT_WARN, CONFIG_PREFLIGHT_OFF };

/* Where CNAME_CSR_HASH records may be published. */
struct config_dcv_zone {
    char *zone;
    char *server;                              /* "192.0.2.53" or "192.0.2.53@5353"; NULL: the hook serves this zone */
    char *tsig_name, *tsig_secret;             /* of server; the secret in base64. YAML: tsig_name, tsig_secret_file */
    enum config_tsig_algorithm tsig_algorithm; /* default hmac-sha256 */
};

struct config_dcv_hook {
    char *program;       /* default NULL: none */
    uint32_t timeout_ms; /* default 60s: for one run */
};

struct config_dcv {
    struct config_strings methods;   /* "http", "cname": preference for names that are no wildcards; default http */
    enum config_ip_method ip_method; /* of IP addresses; default http */
    struct config_dcv_zone *zones;
    unsigned zone_count;
    struct config_dcv_hook hook;
    struct config_strings resolvers; /* that see names as Sectigo does; default: those of validation, with its anchor */
    char *trust_anchor;              /* of resolvers; default: that of validation */
    struct config_strings insecure_zones;
    char *http_proxy;                     /* outside, for preflight's look at a file; default NULL: none */
    struct config_strings global;         /* prefixes that count as reachable from everywhere beside those that are */
    struct config_strings caa_identities; /* Sectigo's, one of which CAA records must name; default its four */
    uint16_t http_port;                   /* default 80: where Sectigo looks */
    enum config_preflight preflight;      /* default enforce */
    uint32_t preflight_retry_ms;          /* default 30s: until the answer is seen */
    uint32_t nudge_after_ms; /* default 10s: a certificate that has not come is asked for by AutoUpdateDCV */
};

/* Times of the issuer; the defaults are the contract's, others are for tests. */
struct config_issuance {
    uint32_t settle_again_ms;     /* default 5m: second look for an unknown purchase */
    uint32_t resend_ms;           /* default 15m: soonest second send */
    uint32_t settle_give_up_ms;   /* default 1d: then held for the operator */
    uint32_t later_ms;            /* default 60s: first back-off, doubling to an hour */
    unsigned queue;               /* default 64: how many may wait for one subscription */
    uint32_t superseded_after_ms; /* default 1h: a waiting one whose order nobody has read for so long ends */
    uint32_t check_interval_ms;   /* default 1d: between looks at a login's credit, and at drift */
};

struct config_login {
    char *name;
    char *url;                             /* default https://secure.trust-provider.com */
    char *login, *password;                /* YAML: login, password_file */
    char *client_certificate, *client_key; /* instead of a password */
    char *ca_file;                         /* default NULL: the system's */
    char *trust_anchors;                   /* PEM file of roots that issued certificates must chain to */
    char *proxy;
    int64_t low_credit_cents;                /* a balance below it is an alarm; default 0: none is */
    bool test;                               /* default false: test=Y is sent, nothing is billed */
    unsigned calls_per_minute;               /* default 1200; 0: not paced */
    bool authorize;                          /* default manual (false); auto (true): orders that answer 1 are paid */
    bool report_foreign_order_number;        /* default true: WebHostReport of this account says foreignOrderNumbers */
    bool replace_foreign_order_number;       /* default true: AutoReplaceSSL of this account takes foreignOrderNumber */
    uint32_t connect_timeout_ms, timeout_ms; /* default 30s and 120s */
};

/* Most purchases in a UTC day and a UTC calendar month; 0: no limit. Replacements are free and never limited, orders of
 * a test login neither. */
struct config_spending {
    char *currency; /* of all accounts, for people: three letters; default EUR */
    unsigned purchases_per_day, purchases_per_month;
    int64_t amount_per_day_cents, amount_per_month_cents;
};

/* What Sectigo asks for a product, for the profile's days; 0: not known. */
struct config_prices {
    int64_t single_cents, wildcard_cents, multi_cents;
    int64_t extra_name_cents; /* of multi: for each name after the first */
};

/* Copies of the store that are made by themselves. */
struct config_backup {
    char *folder;     /* default NULL: none are made */
    uint32_t every_s; /* default 1d */
    unsigned keep;    /* default 7: the oldest beyond it are removed */
};

/* What is removed from the store, and when; 0: never. */
struct config_housekeeping {
    uint32_t ended_orders_s;    /* default 90d after the end, and after the certificate's */
    uint32_t unused_accounts_s; /* default 365d */
    uint32_t audit_s;           /* default 400d */
    char *audit_export;         /* folder that old lines are written to first; default NULL: nowhere */
    uint32_t every_s;           /* default 1d: between passes */
};

enum config_csr_without_cn {
    CONFIG_CN_AS_IS,        /* as_is: send as it came (default) */
    CONFIG_CN_DOMAIN_NAMES, /* domain_names: send with domainNames */
    CONFIG_CN_MULTI_DOMAIN, /* multi_domain: use the multi-domain product */
    CONFIG_CN_REFUSE,       /* refuse: badCSR */
};

struct config_profile {
    char *name;
    char *description; /* for clients, in the directory; default NULL */
    char *login;       /* name of a login */
    unsigned days;     /* term; default 365 */
    unsigned product_single, product_wildcard,
        product_multi;       /* Sectigo codes; 0: not offered. YAML: products: {single: 488, ...} */
    bool wildcards_in_multi; /* default true: the multi-domain product takes wildcards too */
    struct config_prices prices;
    uint32_t renew_before_term_end_s; /* default 60d: a subscription with less left is not replaced but bought anew */
    enum config_csr_without_cn csr_without_cn;
    bool csr_extensions[ACME_CSR_WISHES]; /* what a CSR may ask for though it may not be met; default none */
    bool accept_base_of_wildcard;         /* default true */
    char *contact_email;                  /* appRepEmailAddress; required */
    uint32_t first_poll_ms;               /* default 60s */
    uint32_t poll_interval_ms;            /* default 3h */
    uint32_t deadline_s;                  /* default 7d; 30d where the products are OV or EV */
};

/* ---- who is told what ---- */

/* Also the number under which it is stored: never renumber. */
enum config_event {
    CONFIG_EVENT_PURCHASE, /* one over purchase_over */
    CONFIG_EVENT_LIMIT,    /* limit_percent of a spending limit, and all of it */
    CONFIG_EVENT_CREDIT,   /* a login's is low, or used up */
    CONFIG_EVENT_HELD,     /* an issuance is held */
    CONFIG_EVENT_BLOCKED,  /* one waits for domain control or CAA */
    CONFIG_EVENT_LOGIN,    /* Sectigo refuses one */
    CONFIG_EVENT_DRIFT,    /* store and report disagree */
    CONFIG_EVENT_REVOKED,  /* Sectigo has revoked a certificate, or will */
    CONFIG_EVENT_EXPIRING, /* a certificate, and nothing renews it */
    CONFIG_EVENT_PUSH,     /* the first of a login */
    CONFIG_EVENT_TLS,      /* a listener's certificate expires */
    CONFIG_EVENTS
};

enum config_format {
    CONFIG_FORMAT_JSON,
    CONFIG_FORMAT_SLACK,
    CONFIG_FORMAT_TEAMS,
    CONFIG_FORMAT_MATTERMOST,
};
struct config_webhook {
    char *url, *secret_url;    /* one of them. YAML: url, url_file */
    enum config_format format; /* default json */
    char *signing_key;         /* default NULL: not signed. YAML: signing_key_file */
    char *ca_file, *proxy;     /* default NULL: the system's; none */
};

enum config_mail_security { CONFIG_MAIL_STARTTLS, CONFIG_MAIL_TLS, CONFIG_MAIL_PLAIN };
struct config_mail {
    char *server;                       /* HOST or HOST:PORT; NULL: this target is no mail */
    enum config_mail_security security; /* default starttls */
    char *ca_file;
    char *user, *password; /* both or neither. YAML: user, password_file */
    char *from;
    struct config_strings to;
    bool policy_contacts; /* default true: of what belongs to a policy, its contact is told as well */
};

enum { CONFIG_TARGET_MAX = 32 };
struct config_target {
    char *name;                 /* at most CONFIG_TARGET_MAX */
    bool events[CONFIG_EVENTS]; /* default all */
    struct config_webhook webhook;
    struct config_mail mail;
    char *program;       /* NULL: this target is none */
    uint32_t timeout_ms; /* default 30s */
};

struct config_notify {
    uint32_t look_ms;            /* default 30s: between looks for what is to be told */
    uint32_t collect_ms;         /* default 5m: what a target is not told twice within */
    uint32_t retry_ms;           /* default 30s: first back-off of a target, doubling to an hour */
    int64_t purchase_over_cents; /* default 500.00; 0: no purchase is told */
    unsigned limit_percent;      /* default 80 */
    uint32_t stuck_after_ms;     /* default 10m: an order that waits for domain control is told */
    uint32_t expiring_s;         /* default 14d: so long before it ends */
    struct config_target *targets;
    unsigned target_count; /* 0: nobody is told */
};

/* "purchase"; static. */
const char *config_event_text(enum config_event event);

enum config_log_format { CONFIG_LOG_JSON, CONFIG_LOG_RFC5424, CONFIG_LOG_JOURNAL };

struct config_reading;

struct config {
    atomic_uint holds;              /* config_take, current.h; 1 when it is loaded */
    struct config_reading *reading; /* where in the file everything stands, for config_say; NULL: no file */
    char *instance; /* 1 to 8 letters or digits; default "a": prefix of nonces and foreignOrderNumbers */
    bool debug;     /* log level; YAML: log: debug | info; default info */
    enum config_log_format log_format; /* default json */
    bool log_requests;                 /* a line for each request at level info; default false */
    bool confine;                      /* system calls and capabilities, confine.h; default true */
    struct config_store store;
    struct config_acme acme;
    struct config_public public;
    struct config_metrics metrics;
    struct config_admin admin;
    struct config_validation validation;
    struct config_dcv dcv;
    struct config_issuance issuance;
    struct config_spending spending;
    struct config_backup backup;
    struct config_housekeeping housekeeping;
    struct config_notify notify;
    struct config_login *logins;
    unsigned login_count;
    struct config_profile *profiles;
    unsigned profile_count;
    char *default_profile; /* default: the first */
};

/* Reads the file and the secrets that it names, and checks what the file alone can tell; gateway/check/ looks at the
 * rest of what it names. NULL: *reason is "FILE:LINE: key: what is wrong and what may stand there". */
struct config *config_load(const char *file, char reason[static CONFIG_REASON_MAX]);
void config_free(struct config *config);
/* The host of a base URL, without port and brackets. */
void config_host(const char *url, char host[static CONFIG_HOST_MAX]);

/* NULL: none is called so. */
const struct config_login *config_login_named(const struct config *config, const char *name);
const struct config_profile *config_profile_named(const struct config *config, const char *name);
const struct config_target *config_target_named(const struct config *config, const char *name);
/* Where a webhook goes; NULL: the target is none. A secret. */
const char *config_webhook_url(const struct config_target *target);

/* Writes "FILE:LINE: path: text" about what stands at path ("acme.tls.key", "logins[2].ca_file"; entries count from 1)
 * or nearest above it, in the same form as config_load. Returns false. */
bool config_say(const struct config *config, char reason[static CONFIG_REASON_MAX], const char *path,
                const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The index-th file that a secret was read from, and in *path the key that names it; NULL beyond the last. */
const char *config_secret_file(const struct config *config, unsigned index, const char **path);

#endif
