#include "gateway/issue/order/imported.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/limits.h"
#include "gateway/audit.h"
#include "gateway/issue/money/spending.h"
#include "gateway/issue/order/queue.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/upstream/request.h"
#include "gateway/tables.h"
#include "store/shortage.h"

/* What profiles buy; login NULL: whichever login they have. */
static uint32_t longest_term(const struct config *config, const struct config_login *login)
{
    uint32_t days = 0;
    for (unsigned i = 0; i < config->profile_count; i++) {
        const struct config_profile *profile = &config->profiles[i];
        if ((!login || strcmp(profile->login, login->name) == 0) && profile->days > days)
            days = profile->days;
    }
    return days;
}

/* Who adopts is asked instead of being guessed for. */
uint32_t imported_term(const struct config *config, const struct config_login *login, const struct report_row *row,
                       const struct imported_adoption *adoption)
{
    uint32_t said = adoption && adoption->days > row->days ? adoption->days : row->days;
    uint32_t sold = longest_term(config, login), days = said > sold ? said : sold;
    return days == 0 && !adoption ? longest_term(config, NULL) : days;
}

/* What it is expected to have cost: no report says. Of the login's profiles the one that asks most counts, so that a
 * limit rather holds too early. */
static void estimate(const struct config *config, struct subscription *sub, uint32_t said)
{
    struct acme_problem problem = {0};
    sub->product = said;
    for (unsigned i = 0; i < config->profile_count; i++) {
        const struct config_profile *profile = &config->profiles[i];
        if (strcmp(profile->login, sub->login) != 0)
            continue;
        unsigned product = said ? said : request_product(profile, &config->dcv, &sub->names, true, &problem);
        int64_t cents = product ? request_price(profile, product, sub->names.count) : 0;
        if (product && (!sub->product || cents > sub->paid_cents))
            sub->product = product;
        if (cents > sub->paid_cents && !sub->test)
            sub->paid_cents = cents;
    }
    acme_problem_clear(&problem);
}

/* Counted for all now, and for its policy, or for the one that takes it over then. */
static enum store_status count(struct store_txn *txn, const struct subscription *sub, const struct report_row *row,
                               uint64_t now_ms)
{
    const struct acme_id nobody = {0};
    struct audit_line line = {.what = sub->policy[0] ? "adoption" : "import",
                              .issuance = row->issuance[0] ? row->issuance : row->order_number,
                              .policy = sub->policy,
                              .profile = "",
                              .login = sub->login,
                              .order_number = sub->order_number,
                              .certificate_id = row->certificate_id,
                              .account = &nobody,
                              .names = &sub->names,
                              .product = sub->product,
                              .amount_cents = sub->paid_cents,
                              .ordered_ms = sub->bought_ms};
    enum store_status status = sub->test ? STORE_OK : spending_count(txn, sub->policy, sub->bought_ms, sub->paid_cents);
    return status == STORE_OK ? audit_add(txn, &line, now_ms) : status;
}

static enum store_status insert(struct store_txn *txn, const struct report_row *row, struct subscription *sub)
{
    struct acme_id owner;
    char text[NUMBER_TEXT_SIZE];
    enum store_status status = numbers_owner(txn, NUMBER_ORDER, sub->endpoint, row->order_number, &owner);
    if (status == STORE_NOT_FOUND)
        status = numbers_owner(txn, NUMBER_CERTIFICATE, sub->endpoint, row->certificate_id, &owner);
    if (status != STORE_NOT_FOUND)
        return status == STORE_OK ? STORE_EXISTS : status;
    if (row->certificate_id[0] && !subscription_add_certificate_id(sub, row->certificate_id))
        return STORE_IO;
    status = subscription_insert(txn, sub);
    if (status == STORE_OK)
        status = numbers_claim(txn, NUMBER_ORDER, row->order_number, sub);
    if (status == STORE_OK)
        status = numbers_claim(txn, NUMBER_CERTIFICATE, row->certificate_id, sub);
    if (status == STORE_OK)
        status = numbers_text(txn, NUMBER_ORDER, sub->endpoint, row->order_number, text);
    return status == STORE_OK ? store_claim(txn, ISSUE_IMPORTED, text, strlen(text), sub->id.octets, ACME_ID_LEN)
                              : status;
}

enum store_status imported_insert(struct store_txn *txn, const struct config *config, const struct config_login *login,
                                  const struct report_row *row, const struct imported_adoption *adoption,
                                  uint64_t now_ms)
{
    struct subscription sub = {.state = SUBSCRIPTION_LIVE,
                               .test = login->test,
                               .days = imported_term(config, login, row, adoption),
                               .bought_ms = row->ordered_s > 0 ? (uint64_t)row->ordered_s * 1000 : now_ms};
    enum store_status status = STORE_REFUSED;
    if (row->names && report_names(row->names, &sub.names) && sub.names.count <= ACME_IDENTIFIERS_MAX) {
        sub.endpoint = shortage_strdup(login->url);
        memcpy(sub.login, login->name, strlen(login->name) + 1); /* config bounds it to ACME_POLICY_MAX */
        memcpy(sub.order_number, row->order_number, sizeof sub.order_number);
        snprintf(sub.policy, sizeof sub.policy, "%s", adoption ? adoption->policy : "");
        estimate(config, &sub, row->product);
        status = sub.endpoint && acme_id_make(&sub.id, now_ms) ? insert(txn, row, &sub) : STORE_IO;
        if (status == STORE_OK)
            status = count(txn, &sub, row, now_ms);
    }
    subscription_clear(&sub);
    return status;
}

static enum store_status add_certificate_id(struct store_txn *txn, struct subscription *sub, const char *id)
{
    if (!id[0] || subscription_has_certificate_id(sub, id))
        return STORE_OK;
    enum store_status status = numbers_claim(txn, NUMBER_CERTIFICATE, id, sub);
    if (status != STORE_OK)
        return status;
    return subscription_add_certificate_id(sub, id) ? subscription_save(txn, sub) : STORE_IO;
}

enum store_status imported_join(struct store_txn *txn, const char *endpoint, const struct report_row *row,
                                const char *base)
{
    struct subscription sub = {0};
    struct acme_id id;
    enum store_status status = numbers_owner(txn, NUMBER_ORDER, endpoint, base, &id);
    if (status == STORE_OK)
        status = subscription_load(txn, &id, &sub);
    if (status == STORE_OK)
        status = numbers_claim(txn, NUMBER_ORDER, row->order_number, &sub);
    if (status == STORE_OK)
        status = add_certificate_id(txn, &sub, row->certificate_id);
    subscription_clear(&sub);
    return status;
}

/* ---- whose it becomes ---- */

static enum store_status look_at_imported(struct store_txn *txn, const struct subscription_scope *scope,
                                          const struct acme_names *names, uint64_t now_ms, struct subscription *out)
{
    struct subscription_scope nobody = *scope;
    nobody.profile = "";
    nobody.names = names;
    enum store_status status = subscription_find(txn, &nobody, now_ms, out); /* adopted */
    if (status != STORE_NOT_FOUND)
        return status;
    subscription_clear(out);
    nobody.policy = "";
    return subscription_find(txn, &nobody, now_ms, out);
}

/* {*.d} for {*.d, d}, and the other way round. False for any other set. */
static bool other_wildcard_set(const struct acme_names *names, struct acme_names *other)
{
    const struct acme_identifier *wildcard = NULL;
    for (size_t i = 0; i < names->count && names->count <= 2; i++) {
        if (identifier_is_wildcard(&names->list[i]))
            wildcard = &names->list[i];
    }
    if (!wildcard || !names_add(other, wildcard))
        return false;
    struct acme_identifier base = *wildcard;
    memmove(base.value, wildcard->value + 2, strlen(wildcard->value) - 1);
    if (names->count == 1)
        return names_add(other, &base);
    return strcmp(names->list[wildcard == names->list ? 1 : 0].value, base.value) == 0;
}

enum store_status imported_for(struct store_txn *txn, const struct subscription_scope *scope, uint64_t now_ms,
                               struct subscription *out)
{
    struct acme_names other = {0};
    memset(out, 0, sizeof *out);
    if (store_count(txn, ISSUE_IMPORTED) == 0)
        return STORE_NOT_FOUND;
    enum store_status status = look_at_imported(txn, scope, scope->names, now_ms, out);
    if (status == STORE_NOT_FOUND && other_wildcard_set(scope->names, &other)) {
        subscription_clear(out);
        status = look_at_imported(txn, scope, &other, now_ms, out);
    }
    names_clear(&other);
    return status;
}

enum store_status imported_claim(struct store_txn *txn, struct subscription *sub,
                                 const struct subscription_scope *scope, uint32_t product)
{
    enum store_status status = subscription_remove(txn, sub);
    if (status != STORE_OK)
        return status;
    names_clear(&sub->names);
    if (!names_copy(&sub->names, scope->names))
        return STORE_IO;
    bool counted = sub->policy[0] != '\0';
    memcpy(sub->policy, scope->policy, strlen(scope->policy) + 1);
    memcpy(sub->profile, scope->profile, strlen(scope->profile) + 1);
    sub->product = product;
    status = subscription_insert(txn, sub);
    return status == STORE_OK && !sub->test && !counted
               ? spending_assign(txn, sub->policy, sub->bought_ms, sub->paid_cents)
               : status;
}

enum store_status imported_instead(struct store_txn *txn, const struct subscription_scope *scope, uint64_t now_ms,
                                   struct subscription *buying, struct issuance *first)
{
    struct subscription found;
    enum store_status status = imported_for(txn, scope, now_ms, &found);
    if (status == STORE_OK)
        status = imported_claim(txn, &found, scope, buying->product);
    if (status == STORE_OK)
        status = queue_serve_instead(txn, &found, buying, first);
    subscription_clear(&found);
    return status;
}
