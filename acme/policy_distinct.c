/* The quota of different names: a name is remembered from its first order on, and for 200 days after its latest, since
 * no certificate for it lives longer. */
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "acme/policy.h"
#include "acme/records.h"
#include "acme/tables.h"
#include "store/shortage.h"

enum {
    KEPT_S = 200 * DAY_S,
    STALE_MAX = 64, /* forgotten in one transaction */
    KEY_MAX = ACME_POLICY_MAX + 1 + 1 + sizeof((struct acme_identifier *)0)->value,
};

struct name_key {
    size_t len;
    uint8_t octets[KEY_MAX];
};

struct count {
    uint64_t now_s;
    uint32_t live;
    struct name_key *stale; /* STALE_MAX of them */
    unsigned stale_count;
    bool damaged;
};

/* All keys of a policy begin with this. */
static size_t prefix(const struct acme_policy *policy, uint8_t key[static KEY_MAX])
{
    size_t len = strlen(policy->name) + 1;
    memcpy(key, policy->name, len);
    return len;
}

static void name_key(const struct acme_policy *policy, const struct acme_identifier *name, struct name_key *key)
{
    size_t len = strlen(name->value);
    key->len = prefix(policy, key->octets);
    key->octets[key->len++] = (uint8_t)name->type;
    memcpy(key->octets + key->len, name->value, len);
    key->len += len;
}

static bool read_time(struct store_slice value, uint64_t *ordered_s)
{
    struct record_reader r;
    record_open_v1(&r, value);
    *ordered_s = record_get_u64(&r);
    return record_complete(&r);
}

static bool is_live(uint64_t ordered_s, uint64_t now_s)
{
    return ordered_s + KEPT_S > now_s;
}

static enum store_status remember(struct store_txn *txn, const struct name_key *key, uint64_t now_s)
{
    struct record_writer w;
    record_begin(&w, 1, 16);
    record_put_u64(&w, now_s);
    enum store_status status =
        w.failed ? STORE_IO : store_put(txn, ACME_POLICY_NAMES, key->octets, key->len, w.data, w.len);
    record_free(&w);
    return status;
}

static bool visit_name(void *ctx, struct store_slice key, struct store_slice value)
{
    struct count *count = ctx;
    uint64_t ordered_s;
    if (!read_time(value, &ordered_s) || key.len > KEY_MAX) {
        count->damaged = true;
    } else if (is_live(ordered_s, count->now_s)) {
        count->live++;
    } else if (count->stale_count < STALE_MAX) {
        struct name_key *stale = &count->stale[count->stale_count++];
        stale->len = key.len;
        memcpy(stale->octets, key.data, key.len);
    }
    return !count->damaged;
}

/* Counts what lasts, and forgets what does not. */
static enum store_status count_live(struct store_txn *txn, const struct acme_policy *policy, uint64_t now_s,
                                    uint32_t *live)
{
    uint8_t from[KEY_MAX];
    struct count count = {.now_s = now_s, .stale = shortage_calloc(STALE_MAX, sizeof *count.stale)};
    if (!count.stale)
        return STORE_IO;
    enum store_status status =
        store_visit_prefix(txn, ACME_POLICY_NAMES, from, prefix(policy, from), visit_name, &count);
    if (count.damaged)
        status = STORE_INVALID;
    for (unsigned i = 0; status == STORE_OK && i < count.stale_count; i++)
        status = store_delete(txn, ACME_POLICY_NAMES, count.stale[i].octets, count.stale[i].len);
    free(count.stale);
    *live = count.live;
    return status;
}

/* Known names cost a look, and a write a day. */
static enum store_status take_known(struct store_txn *txn, const struct name_key *key, uint64_t now_s, bool *known)
{
    struct store_slice value;
    uint64_t ordered_s = 0;
    enum store_status status = store_get(txn, ACME_POLICY_NAMES, key->octets, key->len, &value);
    *known = false;
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    if (!read_time(value, &ordered_s))
        return STORE_INVALID;
    *known = is_live(ordered_s, now_s);
    return *known && (ordered_s > now_s || ordered_s + DAY_S <= now_s) ? remember(txn, key, now_s) : STORE_OK;
}

static enum store_status remember_all(struct store_txn *txn, const struct acme_policy *policy,
                                      const struct acme_names *names, uint64_t now_s)
{
    enum store_status status = STORE_OK;
    for (size_t i = 0; status == STORE_OK && i < names->count; i++) {
        struct name_key key;
        name_key(policy, &names->list[i], &key);
        status = remember(txn, &key, now_s);
    }
    return status;
}

enum store_status acme_policy_count_names(struct store_txn *txn, const struct acme_policy *policy,
                                          const struct acme_names *names, uint64_t now_s, struct acme_problem *problem)
{
    enum store_status status = STORE_OK;
    uint32_t fresh = 0, live;
    if (policy->distinct_names == 0)
        return STORE_OK;
    for (size_t i = 0; status == STORE_OK && i < names->count; i++) {
        struct name_key key;
        bool known;
        name_key(policy, &names->list[i], &key);
        status = take_known(txn, &key, now_s, &known);
        fresh += !known;
    }
    if (status != STORE_OK || fresh == 0)
        return status;
    status = count_live(txn, policy, now_s, &live);
    if (status != STORE_OK)
        return status;
    if ((uint64_t)live + fresh <= policy->distinct_names)
        return remember_all(txn, policy, names, now_s);
    acme_problem_set(problem, ACME_RATE_LIMITED,
                     "The policy \"%s\" of this account allows %u different names within 200 days; %u are in use, and "
                     "this order would add %u. Ask whoever runs this server.",
                     policy->name, policy->distinct_names, live, fresh);
    problem->retry_after_s = ACME_RETRY_QUOTA_S;
    return STORE_REFUSED;
}
