/* policy: what a group of accounts may have, as a named object in the store (design section 7).
 *
 * External account keys refer to a policy by its name, which never changes; subscriptions belong to it, so that neither
 * an edit nor a new key buys anything anew. A policy is written and shown as one flat JSON object, which is also how it
 * is stored; policy.c has the table of its members. Records are read in a snapshot or a store_fn, changed in a
 * store_fn.
 */
#ifndef ACME_POLICY_H
#define ACME_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "acme/identifier.h"
#include "acme/problem.h"
#include "store/store.h"

/* The policy of accounts that come without an external account key. While none of this name is stored it allows
 * everything that the configuration does. */
#define ACME_POLICY_DEFAULT "default"

enum acme_policy_validation { ACME_POLICY_ACME = 1, ACME_POLICY_TRUSTED };
enum acme_policy_preflight {
    ACME_PREFLIGHT_AS_CONFIGURED = 1,
    ACME_PREFLIGHT_ENFORCE,
    ACME_PREFLIGHT_WARN,
    ACME_PREFLIGHT_OFF
};

enum { ACME_POLICY_LIST_MAX = 500, ACME_POLICY_TEXT_MAX = 255 };

struct acme_policy_list {
    char **list; /* owned */
    unsigned count;
};

struct acme_policy {
    char name[ACME_POLICY_MAX + 1];
    bool builtin; /* nothing is stored: the default policy as it comes */
    /* Patterns: "a.example" that name, ".example" every name below, "web-*.example" with * for anything within one
     * label, "10.0.0.0/8" addresses, "*" everything. */
    struct acme_policy_list names;
    uint32_t wildcards, ips, subdomains; /* 0 or 1: may be ordered; subdomains: RFC 9444 */
    uint32_t validation;                 /* enum acme_policy_validation */
    struct acme_policy_list profiles;    /* allowed; none: all */
    char *default_profile;               /* owned; "": the first of profiles, or the configuration's */
    /* Quotas; 0: no limit. Days are UTC. */
    uint32_t accounts, orders_per_day, names_per_order, certificates_per_day;
    uint32_t distinct_names; /* different names ordered within 200 days; counted while there is a limit */
    /* Limits on purchases, held by the issuer (issuance.md section 8.1); 0: no limit. */
    uint32_t purchases_per_day, purchases_per_month, cents_per_day, cents_per_month;
    struct acme_policy_list dcv_methods; /* "http", "cname": order of preference; none: the configuration's */
    uint32_t preflight;                  /* enum acme_policy_preflight */
    /* For OV and EV, and the contact that Sectigo requires; owned; "": the profile's. */
    char *contact_email, *organization, *organizational_unit, *street, *locality, *state, *postal_code, *country;
    uint32_t keep_days;     /* how long ended orders stay; 0: as the configuration says */
    uint32_t revoke_others; /* 1: authorizations that it gave unchecked entitle to revoke others' certificates */
};

/* STORE_OK (for the default policy in any case), STORE_NOT_FOUND, STORE_INVALID; clear *policy in any case. */
enum store_status acme_policy_load(struct store_txn *txn, const char *name, struct acme_policy *policy);
enum store_status acme_policy_save(struct store_txn *txn, const struct acme_policy *policy);
/* STORE_NOT_FOUND where there is none. The caller has looked whether a key refers to it. */
enum store_status acme_policy_delete(struct store_txn *txn, const char *name);
/* Trust is for who holds an external account key: whatever the policy says, an account without one ("") has to prove
 * control. To be asked for every account that a policy is loaded for. */
void acme_policy_distrust_unbound(struct acme_policy *policy, const char *external_key);
void acme_policy_clear(struct acme_policy *policy);
/* A new one, with its defaults, which may never change, since records leave them out: no names, wildcards, no
 * addresses, validation by ACME. False when out of memory. */
bool acme_policy_make(const char *name, struct acme_policy *policy);

/* Names are 1 to 64 of a-z, 0-9, '-', '_' and '.', and begin with a letter or digit. */
bool acme_policy_name_good(const char *name);
/* Sets the members of the object over what is there; all or nothing. A text will do for any kind, as it is written on a
 * command line ("true", "12", "a.example,.b.example"). False: *reason says which member and what may stand there. */
enum { ACME_POLICY_REASON_MAX = 512 };
bool acme_policy_set(struct acme_policy *policy, const json_t *members, char reason[static ACME_POLICY_REASON_MAX]);
/* New reference to the whole object, every member shown; NULL when out of memory. */
json_t *acme_policy_json(const struct acme_policy *policy);

/* Whether the text can be one of names: lower-case letters, digits and -_.*, or an address with or without a prefix. */
bool acme_policy_pattern_good(const char *text);
/* Whether the policy lets this identifier ("*." in front for a wildcard) be ordered. */
bool acme_policy_allows(const struct acme_policy *policy, const struct acme_identifier *name);
/* All of them; false sets *problem (rejectedIdentifier, with a subproblem for each name that is refused). */
bool acme_policy_allows_all(const struct acme_policy *policy, const struct acme_names *names,
                            struct acme_problem *problem);
/* The profile that an order gets: profile is the client's wish, "" for none, and becomes the policy's choice ("" leaves
 * it to the configuration). False sets *problem (invalidProfile). */
bool acme_policy_choose_profile(const struct acme_policy *policy, char profile[static ACME_POLICY_MAX + 1],
                                struct acme_problem *problem);

/* ---- counters, for the quotas ---- */

enum acme_policy_use { ACME_USE_ACCOUNTS = 1, ACME_USE_ORDERS, ACME_USE_CERTIFICATES };

/* STORE_REFUSED with *problem rateLimited, and how long to wait, where the quota is used up. Accounts are counted for
 * good, the others by UTC day. */
enum store_status acme_policy_left(struct store_txn *txn, const struct acme_policy *policy, enum acme_policy_use use,
                                   uint64_t now_s, struct acme_problem *problem);
/* How much of the quota is used, and what it is; *limit 0: there is none, and days without one are not counted. */
enum store_status acme_policy_used(struct store_txn *txn, const struct acme_policy *policy, enum acme_policy_use use,
                                   uint64_t now_s, uint32_t *used, uint32_t *limit);
/* As acme_policy_left, and counts one more; inside a store_fn. */
enum store_status acme_policy_count(struct store_txn *txn, const struct acme_policy *policy, enum acme_policy_use use,
                                    uint64_t now_s, struct acme_problem *problem);
/* The same for distinct_names: counts the names of an order; those that are known already need no quota. Inside a
 * store_fn. */
enum store_status acme_policy_count_names(struct store_txn *txn, const struct acme_policy *policy,
                                          const struct acme_names *names, uint64_t now_s, struct acme_problem *problem);

#endif
