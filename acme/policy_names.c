/* What a policy says of names, profiles and quotas. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "acme/policy.h"
#include "acme/records.h"
#include "acme/tables.h"

enum { USE_KEY_MAX = 1 + ACME_POLICY_MAX + 1 + 4 };

/* ---- names ---- */

/* * stands for any run of characters within one label. */
static bool glob_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *mark = NULL;
    while (*name) {
        if (*pattern == *name) {
            pattern++, name++;
        } else if (*pattern == '*') {
            star = pattern++;
            mark = name;
        } else if (star && *mark != '.') {
            pattern = star + 1;
            name = ++mark;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static bool below(const char *suffix, const char *name)
{
    size_t suffix_len = strlen(suffix), len = strlen(name);
    return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

static bool dns_matches(const char *pattern, const char *name)
{
    return pattern[0] == '.' ? below(pattern, name) : glob_matches(pattern, name);
}

/* Whether the first bits of both are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    uint8_t mask = (uint8_t)(0xff00 >> rest);
    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static int family_of(const char *address)
{
    return strchr(address, ':') ? AF_INET6 : AF_INET;
}

/* "10.0.0.0/8" or one address; false for anything else. */
static bool prefix_parse(const char *pattern, uint8_t address[static 16], unsigned *bits)
{
    char text[INET6_ADDRSTRLEN], *end = NULL;
    unsigned long most = family_of(pattern) == AF_INET6 ? 128 : 32, given = most;
    size_t len = strcspn(pattern, "/");
    if (len >= sizeof text)
        return false;
    memcpy(text, pattern, len);
    text[len] = '\0';
    if (pattern[len]) {
        if (pattern[len + 1] < '0' || pattern[len + 1] > '9')
            return false;
        given = strtoul(pattern + len + 1, &end, 10);
    }
    *bits = (unsigned)given;
    return given <= most && (!end || !*end) && inet_pton(family_of(pattern), text, address) == 1;
}

static bool address_matches(const char *pattern, const char *address)
{
    uint8_t wanted[16], given[16];
    unsigned bits;
    return family_of(pattern) == family_of(address) && prefix_parse(pattern, wanted, &bits) &&
           inet_pton(family_of(address), address, given) == 1 && same_bits(wanted, given, bits);
}

bool acme_policy_pattern_good(const char *text)
{
    uint8_t address[16];
    unsigned bits;
    if (strpbrk(text, ":/"))
        return prefix_parse(text, address, &bits);
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_.*") == strlen(text) && !strstr(text, "..");
}

bool acme_policy_allows(const struct acme_policy *policy, const struct acme_identifier *name)
{
    bool ip = name->type == ACME_IP_ADDRESS;
    if ((ip && !policy->ips) || (identifier_is_wildcard(name) && !policy->wildcards))
        return false;
    for (unsigned i = 0; i < policy->names.count; i++) {
        const char *pattern = policy->names.list[i];
        if (strcmp(pattern, "*") == 0 ||
            (ip ? address_matches(pattern, name->value) : dns_matches(pattern, name->value)))
            return true;
    }
    return false;
}

static bool add_refusal(const struct acme_policy *policy, const struct acme_identifier *name,
                        struct acme_problem *problem)
{
    struct acme_problem sub = {0};
    acme_problem_set(&sub, ACME_REJECTED_IDENTIFIER, "The policy \"%s\" of this account does not allow %s.",
                     policy->name, name->value);
    if (!problem->type)
        acme_problem_set(problem, ACME_REJECTED_IDENTIFIER, "%s", sub.detail);
    bool added = problem_add_sub(problem, &sub, identifier_json(name));
    acme_problem_clear(&sub);
    return added;
}

bool acme_policy_allows_all(const struct acme_policy *policy, const struct acme_names *names,
                            struct acme_problem *problem)
{
    unsigned refused = 0;
    bool added = true;
    if (policy->names_per_order > 0 && names->count > policy->names_per_order)
        return acme_problem_set(problem, ACME_REJECTED_IDENTIFIER,
                                "The policy \"%s\" of this account allows %u names in an order, not %zu.", policy->name,
                                policy->names_per_order, names->count);
    for (size_t i = 0; added && i < names->count; i++) {
        if (acme_policy_allows(policy, &names->list[i]))
            continue;
        refused++;
        added = add_refusal(policy, &names->list[i], problem);
    }
    return refused == 0;
}

/* ---- profiles ---- */

bool acme_policy_choose_profile(const struct acme_policy *policy, char profile[static ACME_POLICY_MAX + 1],
                                struct acme_problem *problem)
{
    const char *chosen = policy->default_profile;
    if (!*profile && !*chosen && policy->profiles.count > 0)
        chosen = policy->profiles.list[0];
    if (!*profile)
        snprintf(profile, ACME_POLICY_MAX + 1, "%s", chosen);
    for (unsigned i = 0; i < policy->profiles.count; i++) {
        if (strcmp(policy->profiles.list[i], profile) == 0)
            return true;
    }
    return policy->profiles.count == 0 ||
           acme_problem_set(problem, ACME_INVALID_PROFILE,
                            "The policy \"%s\" of this account does not allow the profile \"%s\".", policy->name,
                            profile);
}

/* ---- quotas ---- */

static size_t use_key(const struct acme_policy *policy, enum acme_policy_use use, uint64_t now_s,
                      uint8_t key[static USE_KEY_MAX])
{
    uint32_t day = use == ACME_USE_ACCOUNTS ? 0 : (uint32_t)(now_s / DAY_S);
    size_t len = strlen(policy->name);
    key[0] = (uint8_t)use;
    memcpy(key + 1, policy->name, len + 1);
    for (unsigned i = 0; i < 4; i++)
        key[len + 2 + i] = (uint8_t)(day >> (24 - 8 * i));
    return len + 6;
}

static enum store_status use_up(const struct acme_policy *policy, enum acme_policy_use use, uint32_t limit,
                                uint64_t now_s, struct acme_problem *problem)
{
    static const char *const things[] = {[ACME_USE_ACCOUNTS] = "accounts",
                                         [ACME_USE_ORDERS] = "orders a day",
                                         [ACME_USE_CERTIFICATES] = "certificates a day"};
    bool daily = use != ACME_USE_ACCOUNTS;
    acme_problem_set(problem, ACME_RATE_LIMITED,
                     "The policy \"%s\" of this account allows %u %s, and they are used up%s.", policy->name, limit,
                     things[use], daily ? " until midnight UTC" : "; ask whoever runs this server");
    problem->retry_after_s = daily ? (uint32_t)(DAY_S - now_s % DAY_S) : ACME_RETRY_QUOTA_S;
    return STORE_REFUSED;
}

static uint32_t limit_of(const struct acme_policy *policy, enum acme_policy_use use)
{
    return use == ACME_USE_ACCOUNTS ? policy->accounts
           : use == ACME_USE_ORDERS ? policy->orders_per_day
                                    : policy->certificates_per_day;
}

/* STORE_OK and *used, 0 where nothing was counted yet. */
static enum store_status read_use(struct store_txn *txn, const uint8_t *key, size_t len, uint32_t *used)
{
    struct store_slice value;
    struct record_reader r;
    *used = 0;
    enum store_status status = store_get(txn, ACME_POLICY_USES, key, len, &value);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    record_open_v1(&r, value);
    *used = record_get_u32(&r);
    return record_complete(&r) ? STORE_OK : STORE_INVALID;
}

enum store_status acme_policy_used(struct store_txn *txn, const struct acme_policy *policy, enum acme_policy_use use,
                                   uint64_t now_s, uint32_t *used, uint32_t *limit)
{
    uint8_t key[USE_KEY_MAX];
    *limit = limit_of(policy, use);
    return read_use(txn, key, use_key(policy, use, now_s, key), used);
}

enum store_status acme_policy_left(struct store_txn *txn, const struct acme_policy *policy, enum acme_policy_use use,
                                   uint64_t now_s, struct acme_problem *problem)
{
    uint32_t used, limit = limit_of(policy, use);
    if (limit == 0)
        return STORE_OK;
    enum store_status status = acme_policy_used(txn, policy, use, now_s, &used, &limit);
    return status == STORE_OK && used >= limit ? use_up(policy, use, limit, now_s, problem) : status;
}

enum store_status acme_policy_count(struct store_txn *txn, const struct acme_policy *policy, enum acme_policy_use use,
                                    uint64_t now_s, struct acme_problem *problem)
{
    uint8_t key[USE_KEY_MAX];
    struct record_writer w;
    uint32_t used = 0;
    /* Days without a limit are not counted, accounts always are: they stay. */
    if (limit_of(policy, use) == 0 && use != ACME_USE_ACCOUNTS)
        return STORE_OK;
    size_t len = use_key(policy, use, now_s, key);
    enum store_status status = acme_policy_left(txn, policy, use, now_s, problem);
    if (status == STORE_OK)
        status = read_use(txn, key, len, &used);
    if (status != STORE_OK)
        return status;
    record_begin(&w, 1, 16);
    record_put_u32(&w, used + 1);
    status = w.failed ? STORE_IO : store_put(txn, ACME_POLICY_USES, key, len, w.data, w.len);
    record_free(&w);
    return status;
}
