/* forecast: what the fleet will buy and replace, when and for how much, if its certificates live as long as they do and
 * if they live shorter (renewals.h). deploy/manual/cost.md tells what is assumed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acme/certificate.h"
#include "gateway/clock.h"
#include "gateway/issue/money/spending.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/issue/upstream/request.h"
#include "gateway/operate/object.h"
#include "gateway/operate/renewals.h"
#include "gateway/operate/request.h"
#include "gateway/tables.h"

/* Today's (200 days since March 2026), and what the CA/Browser Forum has decided for March 2027 and March 2029. */
static const uint32_t lifetimes[] = {200, 100, 47};
enum { LIFETIMES = sizeof lifetimes / sizeof *lifetimes };

/* Answers are made in memory, so they are bounded. */
enum { MONTHS_DEFAULT = 12, MONTHS = REQUEST_MONTHS_MAX + 1, GROUPS_MAX = 5000, ROWS_MAX = 100000, MONTH_SIZE = 16 };

/* What is renewed by nobody, or nobody knows how. */
enum left_out { EXPIRED, REVOKED, REPLACED, UNDER_WAY, UNISSUED, BLOCKED, NO_POLICY, NO_PROFILE, LEFT_OUTS };
static const char *const left_out_names[LEFT_OUTS] = {
    [EXPIRED] = "expired",         [REVOKED] = "revoked", [REPLACED] = "replaced",   [UNDER_WAY] = "under_way",
    [UNISSUED] = "no_certificate", [BLOCKED] = "blocked", [NO_POLICY] = "no_policy", [NO_PROFILE] = "no_profile",
};

struct cell {
    uint64_t purchases, replacements, unpriced;
    int64_t cents;
};

/* What is summed up together. */
struct group {
    char policy[ACME_POLICY_MAX + 1], profile[ACME_POLICY_MAX + 1], login[ACME_POLICY_MAX + 1];
    bool test;                      /* nothing is billed, nothing limited */
    struct cell cells[][LIFETIMES]; /* by month */
};

struct forecast {
    const struct request *request;
    const struct config *config;
    uint64_t now_ms, end_ms;
    unsigned months;
    uint64_t starts_ms[MONTHS + 1]; /* of each month, and the end of the last */
    struct group **groups;          /* owned, and each; in order */
    unsigned group_count;
    uint64_t left_out[LEFT_OUTS];
    struct cell sums[LIFETIMES];
    json_t *items; /* owned */
    bool many, failed;
};

/* ---- months ---- */

static void month_text(uint64_t at_ms, char out[static MONTH_SIZE])
{
    struct tm at;
    time_t seconds = (time_t)(at_ms / 1000);
    if (!gmtime_r(&seconds, &at) || strftime(out, MONTH_SIZE, "%Y-%m", &at) == 0)
        out[0] = '\0';
}

/* The rest of this month, and so many behind it. */
static bool set_months(struct forecast *f, unsigned behind)
{
    struct tm at;
    time_t now = (time_t)(f->now_ms / 1000);
    if (!gmtime_r(&now, &at))
        return false;
    f->months = behind + 1;
    for (unsigned i = 0; i <= f->months; i++) {
        struct tm start = {.tm_year = at.tm_year, .tm_mon = at.tm_mon + (int)i, .tm_mday = 1};
        f->starts_ms[i] = (uint64_t)timegm(&start) * 1000;
    }
    f->end_ms = f->starts_ms[f->months];
    return true;
}

static unsigned month_of(const struct forecast *f, uint64_t at_ms)
{
    unsigned month = 0;
    while (month + 1 < f->months && at_ms >= f->starts_ms[month + 1])
        month++;
    return month;
}

/* ---- groups ---- */

static int compare_groups(const void *a, const void *b)
{
    const struct group *left = a, *right = b;
    int order = strcmp(left->policy, right->policy);
    if (order == 0)
        order = strcmp(left->profile, right->profile);
    return order ? order : strcmp(left->login, right->login);
}

/* Where the group stands, or would. */
static unsigned place_of(const struct forecast *f, const struct group *key)
{
    unsigned low = 0, high = f->group_count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (compare_groups(f->groups[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* NULL: too many, or out of memory. */
static struct group *group_of(struct forecast *f, const struct subscription *sub, const struct config_login *login)
{
    struct group key = {.test = login->test};
    memcpy(key.policy, sub->policy, sizeof key.policy);
    memcpy(key.profile, sub->profile, sizeof key.profile);
    snprintf(key.login, sizeof key.login, "%s", login->name);
    unsigned at = place_of(f, &key);
    if (at < f->group_count && compare_groups(f->groups[at], &key) == 0)
        return f->groups[at];
    f->many = f->group_count == GROUPS_MAX;
    struct group *group = f->many ? NULL : calloc(1, sizeof *group + f->months * sizeof *group->cells);
    if (!group)
        return NULL;
    memcpy(group, &key, sizeof key);
    memmove(&f->groups[at + 1], &f->groups[at], (f->group_count - at) * sizeof(struct group *));
    f->groups[at] = group;
    f->group_count++;
    return group;
}

/* ---- one set of names ---- */

struct counting {
    struct forecast *f;
    struct group *group;
    unsigned lifetime;
    int64_t price_cents;
};

static void count_renewal(void *ctx, bool purchase, uint64_t at_ms)
{
    struct counting *counting = ctx;
    struct cell *cells[] = {&counting->group->cells[month_of(counting->f, at_ms)][counting->lifetime],
                            &counting->f->sums[counting->lifetime]};
    bool billed = purchase && !counting->group->test;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        cells[i]->purchases += purchase;
        cells[i]->replacements += !purchase;
        cells[i]->unpriced += billed && counting->price_cents == 0;
        cells[i]->cents += billed ? counting->price_cents : 0;
    }
}

/* What the profile says of what would be bought today; where it has no price, what was paid last. */
static int64_t price_of(const struct forecast *f, const struct config_profile *profile, const struct subscription *sub)
{
    struct acme_problem problem = {0};
    unsigned product = request_product(profile, &f->config->dcv, &sub->names, true, &problem);
    int64_t cents = request_price(profile, product ? product : sub->product, sub->names.count);
    acme_problem_clear(&problem);
    return cents ? cents : sub->paid_cents;
}

static void count_set(struct forecast *f, const struct subscription *sub, const struct acme_certificate *certificate,
                      const struct config_profile *profile, const struct config_login *login)
{
    struct counting counting = {.f = f, .group = group_of(f, sub, login), .price_cents = price_of(f, profile, sub)};
    bool moved =
        strcmp(sub->login, login->name) != 0 || strcmp(sub->endpoint, login->url) != 0 || sub->test != login->test;
    struct renewals set = {
        .bought_ms = sub->bought_ms,
        .days = sub->days,
        .over = sub->state != SUBSCRIPTION_LIVE || moved,
        .not_before_ms = (uint64_t)certificate->not_before_s * 1000,
        .not_after_ms = (uint64_t)certificate->not_after_s * 1000,
        .renew_from_ms = certificate->renew_from_ms,
        .next_days = profile->days,
        .renew_before_ms = (uint64_t)profile->renew_before_term_end_s * 1000,
    };
    f->failed = f->failed || !counting.group;
    for (; !f->failed && counting.lifetime < LIFETIMES; counting.lifetime++)
        renewals_walk(&set, lifetimes[counting.lifetime], f->now_ms, f->end_ms, count_renewal, &counting);
}

static bool has_policy(struct store_txn *txn, const char *name)
{
    struct acme_policy policy;
    bool has = name[0] && acme_policy_load(txn, name, &policy) == STORE_OK;
    if (name[0])
        acme_policy_clear(&policy);
    return has;
}

/* Why nobody will renew it, or LEFT_OUTS. */
static enum left_out why_left_out(const struct forecast *f, struct store_txn *txn, const struct subscription *sub,
                                  const struct acme_certificate *certificate)
{
    if (sub->state == SUBSCRIPTION_BUYING)
        return UNDER_WAY;
    if (sub->state == SUBSCRIPTION_DEAD)
        return BLOCKED;
    if (!sub->has_certificate)
        return UNISSUED;
    if (certificate->has_replacement || subscription_has_successor(txn, sub))
        return REPLACED;
    if (certificate->revocation == ACME_REVOCATION_ASKED || certificate->revocation == ACME_REVOCATION_DONE)
        return REVOKED;
    if ((uint64_t)certificate->not_after_s * 1000 <= f->now_ms)
        return EXPIRED;
    return has_policy(txn, sub->policy) ? LEFT_OUTS : NO_POLICY;
}

static void look_at(struct forecast *f, struct store_txn *txn, const struct subscription *sub)
{
    struct acme_certificate certificate = {0};
    const struct config_profile *profile = config_profile_named(f->config, sub->profile);
    const struct config_login *login = profile ? config_login_named(f->config, profile->login) : NULL;
    if (sub->has_certificate && acme_certificate_load(txn, &sub->certificate, &certificate) != STORE_OK) {
        f->left_out[UNISSUED]++;
    } else {
        enum left_out why = why_left_out(f, txn, sub, &certificate);
        why = why == LEFT_OUTS && !login ? NO_PROFILE : why;
        if (why == LEFT_OUTS)
            count_set(f, sub, &certificate, profile, login);
        else
            f->left_out[why]++;
    }
    acme_certificate_clear(&certificate);
}

static bool look_at_record(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct forecast *f = ctx;
    struct subscription sub;
    struct acme_id id;
    (void)value;
    if (!acme_id_read(key, &id))
        return true;
    if (subscription_load(txn, &id, &sub) == STORE_OK &&
        (!f->request->policy[0] || strcmp(sub.policy, f->request->policy) == 0))
        look_at(f, txn, &sub);
    subscription_clear(&sub);
    return !f->failed;
}

/* ---- what a month's purchases exceed ---- */

static bool exceeds(const struct config_spending *most, const struct cell *sum)
{
    return (most->purchases_per_month && sum->purchases > most->purchases_per_month) ||
           (most->amount_per_month_cents && sum->cents > most->amount_per_month_cents);
}

/* Of the groups from first to before end. What a test login buys is not limited. */
static struct cell sum_of(const struct forecast *f, unsigned first, unsigned end, unsigned month, unsigned lifetime)
{
    struct cell sum = {0};
    for (unsigned i = first; i < end; i++) {
        const struct cell *cell = &f->groups[i]->cells[month][lifetime];
        sum.purchases += f->groups[i]->test ? 0 : cell->purchases;
        sum.cents += cell->cents;
    }
    return sum;
}

static struct config_spending limits_of(struct store_txn *txn, const char *name)
{
    struct acme_policy policy;
    struct config_spending most = {0};
    if (acme_policy_load(txn, name, &policy) == STORE_OK)
        most = spending_of_policy(&policy);
    acme_policy_clear(&policy);
    return most;
}

/* ---- the answer ---- */

static void add_forecast_row(struct forecast *f, const struct group *group, unsigned month, unsigned lifetime,
                             const char *over)
{
    struct object o;
    char text[MONTH_SIZE];
    const struct cell *cell = &group->cells[month][lifetime];
    if (cell->purchases + cell->replacements == 0)
        return;
    month_text(f->starts_ms[month], text);
    object_begin(&o);
    object_number(&o, "lifetime_days", lifetimes[lifetime]);
    object_text(&o, "month", text);
    object_text(&o, "policy", group->policy);
    object_text(&o, "profile", group->profile);
    object_text(&o, "login", group->login);
    object_number(&o, "purchases", cell->purchases);
    object_number(&o, "replacements", cell->replacements);
    object_put(&o, "amount_cents", json_integer(cell->cents));
    object_number(&o, "unpriced", cell->unpriced);
    object_text(&o, "over_limit", cell->purchases && !group->test ? over : NULL);
    json_t *row = object_end(&o);
    f->many = json_array_size(f->items) == ROWS_MAX;
    f->failed = f->many || !row || json_array_append(f->items, row) != 0;
    json_decref(row);
}

/* The rows of one month under one lifetime. Groups of one policy stand together. */
static void add_month(struct forecast *f, struct store_txn *txn, unsigned month, unsigned lifetime)
{
    const struct cell all = sum_of(f, 0, f->group_count, month, lifetime);
    bool over_all = !f->request->policy[0] && exceeds(&f->config->spending, &all);
    for (unsigned first = 0, end; first < f->group_count && !f->failed; first = end) {
        const char *name = f->groups[first]->policy;
        for (end = first + 1; end < f->group_count && strcmp(f->groups[end]->policy, name) == 0;)
            end++;
        const struct config_spending most = limits_of(txn, name);
        const struct cell sum = sum_of(f, first, end, month, lifetime);
        const char *over = exceeds(&most, &sum) ? "policy" : over_all ? "all" : NULL;
        for (unsigned i = first; i < end && !f->failed; i++)
            add_forecast_row(f, f->groups[i], month, lifetime, over);
    }
}

static json_t *sum_json(const struct forecast *f, unsigned lifetime)
{
    struct object o;
    const struct cell *sum = &f->sums[lifetime];
    object_begin(&o);
    object_number(&o, "lifetime_days", lifetimes[lifetime]);
    object_number(&o, "purchases", sum->purchases);
    object_number(&o, "replacements", sum->replacements);
    object_put(&o, "amount_cents", json_integer(sum->cents));
    object_number(&o, "unpriced", sum->unpriced);
    return object_end(&o);
}

static json_t *sums_json(const struct forecast *f)
{
    json_t *list = json_array();
    for (unsigned i = 0; list && i < LIFETIMES; i++) {
        if (json_array_append_new(list, sum_json(f, i)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *left_out_json(const struct forecast *f)
{
    struct object o;
    object_begin(&o);
    for (unsigned i = 0; i < LEFT_OUTS; i++)
        object_number(&o, left_out_names[i], f->left_out[i]);
    return object_end(&o);
}

static enum store_status gather(struct forecast *f)
{
    const struct scan_from from = {.len = 0};
    struct store_txn *txn;
    enum store_status status = scan(f->request->admin->store, ISSUE_SUBSCRIPTIONS, &from, look_at_record, f);
    if (status != STORE_OK || f->failed)
        return status;
    status = store_read(f->request->admin->store, &txn);
    if (status != STORE_OK)
        return status;
    for (unsigned lifetime = 0; lifetime < LIFETIMES; lifetime++)
        for (unsigned month = 0; month < f->months && !f->failed; month++)
            add_month(f, txn, month, lifetime);
    store_read_end(txn);
    return STORE_OK;
}

void forecast_get(struct request *request)
{
    struct forecast f = {.request = request,
                         .config = request->config,
                         .now_ms = clock_ms(),
                         .items = json_array(),
                         .groups = calloc(GROUPS_MAX, sizeof(struct group *))};
    enum store_status status = STORE_IO;
    if (f.items && f.groups && set_months(&f, request->months ? request->months : MONTHS_DEFAULT))
        status = gather(&f);
    if (f.many)
        answer_error(request->answer, 409,
                     "this makes more than %d rows, or %d policies: narrow it by --policy or "
                     "--months",
                     ROWS_MAX, GROUPS_MAX);
    else if (status != STORE_OK || f.failed)
        answer_store(request->answer, status == STORE_OK ? STORE_IO : status, "forecast");
    else
        answer_money(request, json_pack("{s:O, s:o, s:o, s:n}", "items", f.items, "sums", sums_json(&f), "left_out",
                                        left_out_json(&f), "next"));
    for (unsigned i = 0; i < f.group_count; i++)
        free(f.groups[i]);
    free(f.groups);
    json_decref(f.items);
}
