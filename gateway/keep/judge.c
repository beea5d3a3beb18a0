#include "gateway/keep/judge.h"

#include <stdlib.h>
#include <string.h>

#include "acme/account.h"
#include "acme/authorization.h"
#include "acme/certificate.h"
#include "acme/certificate_name.h"
#include "acme/durations.h"
#include "acme/order.h"
#include "acme/policy.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/issue/revocation/notice.h"
#include "gateway/scheduler.h"
#include "gateway/tables.h"

/* Of a policy that asks for less. */
static const uint64_t LEAST_DAYS = 7;

/* Times of the future were written by a clock that was wrong: they are not old. */
static bool is_older(const struct judge *judge, uint64_t time_ms, uint64_t age_ms)
{
    return age_ms > 0 && time_ms <= judge->now_ms && judge->now_ms - time_ms > age_ms;
}

/* How long ended orders of this policy stay; 0: for ever. */
static uint64_t age_of(struct store_txn *txn, const struct judge *judge, const char *name)
{
    struct acme_policy policy;
    uint64_t days = 0;
    if (acme_policy_load(txn, name, &policy) == STORE_OK)
        days = policy.keep_days;
    acme_policy_clear(&policy);
    if (days == 0)
        return judge->ages->ended_orders_s * 1000ull;
    return (days < LEAST_DAYS ? LEAST_DAYS : days) * (uint64_t)DAY_MS;
}

static bool has_job(struct store_txn *txn, enum job_kind kind, const void *subject, size_t len)
{
    uint64_t due_ms;
    return store_job_get(txn, kind, subject, len, &due_ms) != STORE_NOT_FOUND;
}

static bool is_there(struct store_txn *txn, unsigned table, const void *key, size_t len)
{
    struct store_slice value;
    return store_get(txn, table, key, len, &value) != STORE_NOT_FOUND;
}

/* ---- an order ---- */

/* Whether it has ended, and when. */
static bool has_ended(const struct judge *judge, const struct acme_order *order, uint64_t *ended_ms)
{
    bool waits = order->status == ACME_ORDER_PENDING || order->status == ACME_ORDER_READY;
    *ended_ms = (waits ? order->expires_s : order->updated_s) * 1000;
    return waits ? *ended_ms <= judge->now_ms : order->status != ACME_ORDER_PROCESSING;
}

/* As long as the certificate that it replaced is good, it is known to be replaced. */
static bool replaces_a_live_one(struct store_txn *txn, const struct judge *judge, const struct acme_order *order)
{
    struct certificate_name name;
    struct acme_certificate certificate = {0};
    if (!order->replaces || !certificate_name_parse(order->replaces, strlen(order->replaces), &name))
        return false;
    bool live = certificate_by_name(txn, &name, &certificate) == STORE_OK &&
                (uint64_t)certificate.not_after_s * 1000 > judge->now_ms;
    acme_certificate_clear(&certificate);
    return live;
}

/* STORE_OK also where it is gone. */
static enum store_status judge_one_order(struct store_txn *txn, const struct judge *judge, const struct acme_id *id,
                                         bool *may)
{
    struct acme_order order;
    uint64_t ended_ms;
    enum store_status status = acme_order_load(txn, id, &order);
    if (status == STORE_OK)
        *may = has_ended(judge, &order, &ended_ms) && is_older(judge, ended_ms, age_of(txn, judge, order.policy)) &&
               !replaces_a_live_one(txn, judge, &order);
    acme_order_clear(&order);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* ---- an issuance ---- */

/* Something of it is still to be done, or to be counted. */
static bool is_busy(struct store_txn *txn, const char *id)
{
    static const enum job_kind jobs[] = {JOB_ISSUANCE, JOB_DCV_RECORDS, JOB_AUTHORIZE};
    static const unsigned tables[] = {ISSUE_DCV_RECORDS, ISSUE_RESERVATIONS, ISSUE_PAYMENTS};
    size_t len = strlen(id);
    bool busy = notice_is_due(txn, id);
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        busy = busy || has_job(txn, jobs[i], id, len);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        busy = busy || is_there(txn, tables[i], id, len);
    return busy;
}

/* A purchase that was perhaps placed, and whose number nobody has learned, is known by its foreignOrderNumber alone,
 * which is the issuance's id: it would be taken for somebody else's, and counted again. */
static bool is_settled(const struct issuance *is)
{
    return is->kind != ISSUANCE_PURCHASE || is->state == ISSUANCE_REFUSED || is->sends == 0 || is->order_number[0];
}

static bool has_turn(const struct subscription *sub, const struct issuance *is)
{
    bool waits = strcmp(sub->under_way, is->id) == 0;
    for (uint32_t i = 0; i < sub->queue_count; i++)
        waits = waits || strcmp(sub->queue[i], is->id) == 0;
    return waits;
}

/* certificate: NULL where there is none. */
static bool needs(struct store_txn *txn, const struct judge *judge, const struct subscription *sub,
                  const struct issuance *is, const struct acme_id *certificate)
{
    bool bought = is->kind == ISSUANCE_PURCHASE;
    bool current =
        sub->has_certificate && certificate && memcmp(&sub->certificate, certificate, sizeof *certificate) == 0;
    return has_turn(sub, is) || ((bought || current) && !subscription_is_over(sub, judge->now_ms)) ||
           (bought && has_job(txn, JOB_REFUND, sub->id.octets, ACME_ID_LEN));
}

static enum store_status subscription_needs(struct store_txn *txn, const struct judge *judge, const struct issuance *is,
                                            const struct acme_id *certificate, bool *needed)
{
    struct subscription sub;
    enum store_status status = subscription_load(txn, &is->subscription, &sub);
    *needed = status == STORE_OK && needs(txn, judge, &sub, is, certificate);
    subscription_clear(&sub);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* ---- an issuance, its orders and their certificate ---- */

struct group {
    struct issuance is; /* id "": the order has none */
    bool has_certificate;
    struct acme_certificate certificate;
};

static void group_clear(struct group *group)
{
    issuance_clear(&group->is);
    acme_certificate_clear(&group->certificate);
}

/* The certificate of an order; of all orders of an issuance it is the same. */
static enum store_status find_certificate(struct store_txn *txn, const struct acme_id *id, struct group *group)
{
    struct acme_order order;
    enum store_status status = acme_order_load(txn, id, &order);
    if (status == STORE_OK && order.has_certificate && !group->has_certificate) {
        acme_certificate_clear(&group->certificate);
        status = acme_certificate_load(txn, &order.certificate, &group->certificate);
        group->has_certificate = status == STORE_OK;
    }
    acme_order_clear(&order);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* In any case to be cleared. */
static enum store_status group_load(struct store_txn *txn, const struct acme_id *order, struct group *group)
{
    memset(group, 0, sizeof *group);
    enum store_status status = issuance_find(txn, ISSUE_BY_ORDER, order->octets, ACME_ID_LEN, &group->is);
    if (status == STORE_NOT_FOUND)
        status = STORE_OK;
    if (status == STORE_OK)
        status = find_certificate(txn, order, group);
    for (uint32_t i = 0; status == STORE_OK && i < group->is.order_count; i++)
        status = find_certificate(txn, &group->is.orders[i], group);
    return status;
}

/* An order that lost its place there, because its account may not have it any more, ended alone. */
static bool is_attached(const struct issuance *is, const struct acme_id *order)
{
    for (uint32_t i = 0; i < is->order_count; i++) {
        if (memcmp(&is->orders[i], order, sizeof *order) == 0)
            return true;
    }
    return false;
}

static bool certificate_may_go(struct store_txn *txn, const struct judge *judge, const struct group *group)
{
    const struct acme_certificate *certificate = &group->certificate;
    return !group->has_certificate ||
           (certificate->revocation != ACME_REVOCATION_ASKED &&
            is_older(judge, (uint64_t)certificate->not_after_s * 1000, age_of(txn, judge, certificate->policy)) &&
            !has_job(txn, JOB_REVOKE, certificate->id.octets, ACME_ID_LEN));
}

static enum store_status judge_group(struct store_txn *txn, const struct judge *judge, const struct group *group,
                                     bool *may)
{
    const struct issuance *is = &group->is;
    bool needed = false;
    enum store_status status = STORE_OK;
    *may = certificate_may_go(txn, judge, group);
    if (!is->id[0] || !*may)
        return STORE_OK;
    *may = issuance_ended(is->state) && is_settled(is) && !is_busy(txn, is->id);
    for (uint32_t i = 0; status == STORE_OK && *may && i < is->order_count; i++)
        status = judge_one_order(txn, judge, &is->orders[i], may);
    if (status == STORE_OK && *may)
        status = subscription_needs(txn, judge, is, group->has_certificate ? &group->certificate.id : NULL, &needed);
    *may = *may && !needed;
    return status;
}

enum store_status judge_order(struct store_txn *txn, const struct judge *judge, struct store_slice key, bool *may)
{
    struct group group;
    struct acme_id id;
    *may = false;
    if (!acme_id_read(key, &id))
        return STORE_INVALID;
    enum store_status status = judge_one_order(txn, judge, &id, may);
    if (status != STORE_OK || !*may)
        return status;
    status = group_load(txn, &id, &group);
    if (status == STORE_OK && (!group.is.id[0] || is_attached(&group.is, &id)))
        status = judge_group(txn, judge, &group, may);
    group_clear(&group);
    return status;
}

static enum store_status remove_one_order(struct store_txn *txn, struct judge *judge, const struct acme_id *id)
{
    struct acme_order order;
    enum store_status status = acme_order_load(txn, id, &order);
    if (status == STORE_OK)
        status = acme_order_remove(txn, &order);
    if (status == STORE_OK) {
        judge->removed[REMOVED_ORDERS]++;
        status = store_delete(txn, ISSUE_BY_ORDER, id->octets, ACME_ID_LEN);
    }
    acme_order_clear(&order);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status remove_group(struct store_txn *txn, struct judge *judge, const struct group *group)
{
    enum store_status status = STORE_OK;
    for (uint32_t i = 0; status == STORE_OK && i < group->is.order_count; i++)
        status = remove_one_order(txn, judge, &group->is.orders[i]);
    if (status == STORE_OK && group->has_certificate) {
        status = acme_certificate_remove(txn, &group->certificate);
        judge->removed[REMOVED_CERTIFICATES]++;
    }
    if (status == STORE_OK && group->is.id[0]) {
        status = issuance_remove(txn, &group->is);
        judge->removed[REMOVED_ISSUANCES]++;
    }
    return status;
}

enum store_status remove_order(struct store_txn *txn, struct judge *judge, struct store_slice key)
{
    struct group group;
    struct acme_id id;
    if (!acme_id_read(key, &id))
        return STORE_INVALID;
    enum store_status status = group_load(txn, &id, &group);
    if (status == STORE_OK && (!group.is.id[0] || is_attached(&group.is, &id)))
        status = remove_group(txn, judge, &group);
    if (status == STORE_OK)
        status = remove_one_order(txn, judge, &id);
    group_clear(&group);
    return status;
}

/* ---- an issuance that no order leads to: its orders went over to another ---- */

static enum store_status load_issuance(struct store_txn *txn, struct store_slice key, struct issuance *is)
{
    char id[ISSUANCE_ID_MAX + 1] = "";
    memset(is, 0, sizeof *is);
    if (key.len > ISSUANCE_ID_MAX)
        return STORE_INVALID;
    memcpy(id, key.data, key.len);
    return issuance_load(txn, id, is);
}

enum store_status judge_issuance(struct store_txn *txn, const struct judge *judge, struct store_slice key, bool *may)
{
    struct group group = {.has_certificate = false};
    enum store_status status = load_issuance(txn, key, &group.is);
    *may = status == STORE_OK && is_older(judge, group.is.changed_ms, judge->ages->ended_orders_s * 1000ull);
    for (uint32_t i = 0; *may && i < group.is.order_count; i++)
        *may = !is_there(txn, ACME_ORDERS, group.is.orders[i].octets, ACME_ID_LEN);
    if (*may)
        status = judge_group(txn, judge, &group, may);
    group_clear(&group);
    return status;
}

enum store_status remove_issuance(struct store_txn *txn, struct judge *judge, struct store_slice key)
{
    struct issuance is;
    enum store_status status = load_issuance(txn, key, &is);
    if (status == STORE_OK)
        status = issuance_remove(txn, &is);
    judge->removed[REMOVED_ISSUANCES] += status == STORE_OK;
    issuance_clear(&is);
    return status;
}

/* ---- an authorization ---- */

struct oldest {
    struct store_txn *txn;
    uint64_t ms;
};

static bool note_live(void *ctx, const struct store_job *job)
{
    struct oldest *oldest = ctx;
    struct issuance is;
    if (job->kind != JOB_ISSUANCE)
        return true;
    if (load_issuance(oldest->txn, (struct store_slice){job->subject, job->subject_len}, &is) != STORE_OK)
        oldest->ms = 0; /* who knows: nothing goes */
    else if (is.created_ms < oldest->ms)
        oldest->ms = is.created_ms;
    issuance_clear(&is);
    return true;
}

enum store_status judge_begin(struct store_txn *txn, struct judge *judge)
{
    struct oldest oldest = {txn, UINT64_MAX};
    enum store_status status = store_jobs(txn, note_live, &oldest);
    judge->oldest_live_ms = status == STORE_OK ? oldest.ms : 0;
    return status;
}

/* An order that it serves was finalized while it was good: the issuance of one that is under way is younger than its
 * end. */
enum store_status judge_authorization(struct store_txn *txn, const struct judge *judge, struct store_slice key,
                                      bool *may)
{
    struct acme_authz authz;
    struct acme_id id;
    *may = false;
    if (!acme_id_read(key, &id))
        return STORE_INVALID;
    enum store_status status = acme_authz_load(txn, &id, &authz);
    if (status == STORE_OK)
        *may = is_older(judge, authz.expires_s * 1000, judge->ages->ended_orders_s * 1000ull) &&
               authz.expires_s * 1000 + (uint64_t)DAY_MS < judge->oldest_live_ms &&
               !(acme_authz_has_order(&authz) && is_there(txn, ACME_ORDERS, authz.order.octets, ACME_ID_LEN));
    for (unsigned i = 0; *may && i < authz.challenge_count; i++) {
        uint8_t subject[ACME_VALIDATION_SUBJECT_LEN];
        memcpy(subject, id.octets, ACME_ID_LEN);
        subject[ACME_ID_LEN] = (uint8_t)authz.challenges[i].type;
        *may = !has_job(txn, JOB_VALIDATE, subject, sizeof subject);
    }
    acme_authz_clear(&authz);
    return status;
}

enum store_status remove_authorization(struct store_txn *txn, struct judge *judge, struct store_slice key)
{
    struct acme_authz authz;
    struct acme_id id;
    if (!acme_id_read(key, &id))
        return STORE_INVALID;
    enum store_status status = acme_authz_load(txn, &id, &authz);
    if (status == STORE_OK)
        status = acme_authz_remove(txn, &authz);
    judge->removed[REMOVED_AUTHORIZATIONS] += status == STORE_OK;
    acme_authz_clear(&authz);
    return status;
}

/* ---- an account ---- */

enum store_status judge_account(struct store_txn *txn, const struct judge *judge, struct store_slice key, bool *may)
{
    struct acme_account account;
    struct acme_id id;
    *may = false;
    if (!acme_id_read(key, &id))
        return STORE_INVALID;
    enum store_status status = acme_account_load(txn, &id, &account);
    if (status == STORE_OK && is_older(judge, account.created_s * 1000, judge->ages->unused_accounts_s * 1000ull))
        status = acme_account_is_unused(txn, &account, may);
    acme_account_clear(&account);
    return status;
}

enum store_status remove_account(struct store_txn *txn, struct judge *judge, struct store_slice key)
{
    struct acme_account account;
    struct acme_id id;
    if (!acme_id_read(key, &id))
        return STORE_INVALID;
    enum store_status status = acme_account_load(txn, &id, &account);
    if (status == STORE_OK)
        status = acme_account_remove(txn, &account);
    judge->removed[REMOVED_ACCOUNTS] += status == STORE_OK;
    acme_account_clear(&account);
    return status;
}

/* ---- a subscription ---- */

/* An ended order that replaced a certificate stays while that is good, and its issuance with it; no certificate lives
 * longer. */
static const uint64_t LONGEST_LIFE_MS = 400 * DAY_MS;

static enum store_status load_subscription(struct store_txn *txn, struct store_slice key, struct subscription *sub)
{
    struct acme_id id;
    memset(sub, 0, sizeof *sub);
    return acme_id_read(key, &id) ? subscription_load(txn, &id, sub) : STORE_INVALID;
}

/* The issuance that a number of the family leads to is there. */
static enum store_status leads_to_issuance(struct store_txn *txn, const struct subscription *sub, enum number_kind kind,
                                           const char *number, bool *leads)
{
    char text[NUMBER_TEXT_SIZE];
    struct issuance is = {0};
    unsigned table = kind == NUMBER_ORDER ? ISSUE_BY_ORDER_NUMBER : ISSUE_BY_CERTIFICATE_ID;
    enum store_status status = numbers_text(txn, kind, sub->endpoint, number, text);
    if (status == STORE_OK)
        status = issuance_find(txn, table, text, strlen(text), &is);
    *leads = status != STORE_NOT_FOUND;
    issuance_clear(&is);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status is_referred_to(struct store_txn *txn, const struct subscription *sub, bool *referred)
{
    *referred = has_job(txn, JOB_REFUND, sub->id.octets, ACME_ID_LEN) ||
                (sub->has_certificate && is_there(txn, ACME_CERTIFICATES, sub->certificate.octets, ACME_ID_LEN));
    enum store_status status = STORE_OK;
    if (!*referred)
        status = leads_to_issuance(txn, sub, NUMBER_ORDER, sub->order_number, referred);
    for (uint32_t i = 0; status == STORE_OK && !*referred && i < sub->certificate_id_count; i++)
        status = leads_to_issuance(txn, sub, NUMBER_CERTIFICATE, sub->certificate_ids[i], referred);
    return status;
}

/* One without a number stays: nothing else would say that it was bought. */
enum store_status judge_subscription(struct store_txn *txn, const struct judge *judge, struct store_slice key,
                                     bool *may)
{
    struct subscription sub;
    bool referred = true;
    enum store_status status = load_subscription(txn, key, &sub);
    uint64_t age_ms = status == STORE_OK ? age_of(txn, judge, sub.policy) : 0;
    *may = age_ms > 0 && sub.order_number[0] && subscription_is_over(&sub, judge->now_ms) &&
           is_older(judge, subscription_term_end_ms(&sub), age_ms + LONGEST_LIFE_MS);
    if (*may)
        status = is_referred_to(txn, &sub, &referred);
    *may = *may && !referred;
    subscription_clear(&sub);
    return status;
}

enum store_status remove_subscription(struct store_txn *txn, struct judge *judge, struct store_slice key)
{
    struct subscription sub;
    enum store_status status = load_subscription(txn, key, &sub);
    if (status == STORE_OK)
        status = numbers_retire(txn, &sub);
    if (status == STORE_OK)
        status = subscription_remove(txn, &sub);
    judge->removed[REMOVED_SUBSCRIPTIONS] += status == STORE_OK;
    subscription_clear(&sub);
    return status == STORE_REFUSED ? STORE_OK : status; /* another endpoint's numbers need it */
}
