/* finalize: what an ACME order becomes when its CSR is accepted, in one transaction (issuance.md section 2), and what
 * newOrder may promise. */
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/dcv/choice.h"
#include "gateway/dcv/rules.h"
#include "gateway/issue/context.h"
#include "gateway/issue/money/guard.h"
#include "gateway/issue/order/imported.h"
#include "gateway/issue/order/prepare.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/upstream/request.h"
#include "gateway/log.h"
#include "gateway/tables.h"
#include "store/shortage.h"

/* How long a client whose names are blocked or whose queue is full should wait. */

static const char BLOCKED[] =
    "an earlier paid order for these names was rejected by Sectigo; the operator has to clear it "
    "before they can be ordered again";
static const char FULL[] = "too many certificates for these names are under way; try again later";

struct finalize {
    struct issuer *issuer;
    const struct config *config;
    struct store_txn *txn;
    const struct acme_order *order;
    const struct acme_csr *csr;
    uint64_t now_ms;
    struct acme_problem *problem;
    const struct config_profile *profile;
    const struct config_login *login;
    struct dcv_rules rules; /* of the order's policy */
};

static bool refuse_for_a_while(struct acme_problem *problem, const char *detail, uint32_t retry_after_s)
{
    acme_problem_set(problem, ACME_RATE_LIMITED, "%s", detail);
    problem->retry_after_s = retry_after_s;
    return false;
}

static struct subscription_scope scope_of(const char *policy, const struct config_profile *profile,
                                          const struct config_login *login, const struct acme_names *names)
{
    return (struct subscription_scope){
        policy, profile->name, login->name, login->url, login->test, names, profile->renew_before_term_end_s * 1000ull,
        NULL};
}

/* ---- newOrder ---- */

static bool check_name(const struct config_dcv *dcv, const struct acme_identifier *name, struct acme_problem *problem)
{
    struct dcv_choice choice;
    return dcv_choose(dcv, name, &choice, problem);
}

/* OV and EV name the policy's organisation. */
static bool may_name(struct store_txn *txn, const char *policy_name, unsigned product, struct acme_problem *problem)
{
    struct acme_policy policy;
    if (!request_needs_organization(product))
        return true;
    bool named = acme_policy_load(txn, policy_name, &policy) == STORE_OK && request_has_organization(&policy);
    acme_policy_clear(&policy);
    return named || acme_problem_set(problem, ACME_INVALID_PROFILE,
                                     "this profile's certificates name an organisation, and the policy \"%s\" has none "
                                     "(organization, street, locality, state, postal_code, country)",
                                     policy_name);
}

/* No subscription serves these names: is there a product for them, and room for its price? */
static bool may_buy(const struct config *config, struct store_txn *txn, const struct config_profile *profile,
                    const struct config_dcv *dcv, const struct subscription_scope *scope, struct acme_problem *problem)
{
    struct spending_verdict verdict;
    uint64_t now_ms = clock_ms();
    struct guard_purchase purchase = {.config = config,
                                      .profile = profile,
                                      .policy = scope->policy,
                                      .login = scope->login,
                                      .test = scope->test,
                                      .product = request_product(profile, dcv, scope->names, true, problem),
                                      .names = scope->names->count};
    if (purchase.product == 0 || !may_name(txn, scope->policy, purchase.product, problem))
        return false;
    if (guard_foresee(txn, &purchase, now_ms, &verdict) != STORE_OK)
        return acme_problem_set(problem, ACME_SERVER_INTERNAL, "the spending counters cannot be read");
    if (verdict.over)
        return refuse_for_a_while(problem, verdict.why, (uint32_t)((verdict.reset_ms - now_ms) / 1000 + 1));
    return true;
}

/* Then the step into submitting replaces it, and there is nothing to pay (imported_instead). */
static bool is_imported(struct store_txn *txn, const struct subscription_scope *scope)
{
    struct subscription sub;
    bool imported = imported_for(txn, scope, clock_ms(), &sub) == STORE_OK;
    subscription_clear(&sub);
    return imported;
}

/* Under the rules of the policy: can control of every name be proved, and is there one who sells it? */
static bool may_serve(const struct config *config, struct store_txn *txn, const struct config_profile *profile,
                      const struct subscription_scope *scope, bool found, struct acme_problem *problem)
{
    struct dcv_rules rules;
    bool may = dcv_rules_load(txn, &config->dcv, scope->policy, &rules) == STORE_OK ||
               acme_problem_set(problem, ACME_SERVER_INTERNAL, "the policy cannot be read");
    for (size_t i = 0; may && i < scope->names->count; i++)
        may = check_name(&rules.dcv, &scope->names->list[i], problem);
    may = may && (found || is_imported(txn, scope) || may_buy(config, txn, profile, &rules.dcv, scope, problem));
    dcv_rules_clear(&rules);
    return may;
}

static bool may_order_by(const struct config *config, struct store_txn *txn, const char *policy,
                         const struct acme_names *names, char profile_name[static ACME_POLICY_MAX + 1],
                         struct acme_problem *problem)
{
    const struct config_profile *profile =
        config_profile_named(config, profile_name[0] ? profile_name : config->default_profile);
    if (!profile)
        return acme_problem_set(problem, ACME_INVALID_PROFILE, "there is no profile \"%s\"", profile_name);
    struct subscription sub;

    struct subscription_scope scope = scope_of(policy, profile, config_login_named(config, profile->login), names);
    bool found = subscription_find(txn, &scope, clock_ms(), &sub) == STORE_OK;
    bool dead = found && sub.state == SUBSCRIPTION_DEAD;
    bool full = found && sub.queue_count >= config->issuance.queue;
    subscription_clear(&sub);
    if (dead)
        return refuse_for_a_while(problem, BLOCKED, ACME_RETRY_BLOCKED_S);
    if (full)
        return refuse_for_a_while(problem, FULL, ACME_RETRY_QUEUE_S);
    if (!may_serve(config, txn, profile, &scope, found, problem))
        return false;
    memcpy(profile_name, profile->name, strlen(profile->name) + 1); /* config bounds it to ACME_POLICY_MAX */
    return true;
}

static bool may_order(void *ctx, struct store_txn *txn, const char *policy, const struct acme_names *names,
                      char profile_name[static ACME_POLICY_MAX + 1], struct acme_problem *problem)
{
    const struct issuer *issuer = ctx;
    const struct config *config = config_take(issuer->at.configs);
    bool may = may_order_by(config, txn, policy, names, profile_name, problem);
    config_drop(config);
    return may;
}

/* ---- finalize ---- */

static enum store_status refuse(struct finalize *f, enum acme_problem_type type, const char *detail)
{
    acme_problem_set(f->problem, type, "%s", detail);
    return STORE_REFUSED;
}

static enum store_status link_order(struct finalize *f, const struct issuance *is)
{
    return store_claim(f->txn, ISSUE_BY_ORDER, f->order->id.octets, ACME_ID_LEN, is->id, strlen(is->id));
}

/* A new issuance for this order's CSR, not stored yet. */
static bool make_issuance(struct finalize *f, struct issuance *is)
{
    memset(is, 0, sizeof *is);
    is->account = f->order->account;
    is->created_ms = is->changed_ms = f->now_ms;
    memcpy(is->profile, f->order->profile, sizeof is->profile);
    memcpy(is->spki_sha256, f->csr->spki_sha256, sizeof is->spki_sha256);
    is->csr_has_cn = f->csr->common_name[0] != '\0';
    is->csr = shortage_malloc(f->csr->der_len);
    if (!is->csr)
        return false;
    memcpy(is->csr, f->csr->der, f->csr->der_len);
    is->csr_len = f->csr->der_len;
    if (!issuance_id_make(f->config->instance, f->login->test, is->id))
        return false;
    log_note_cause(is->id, strlen(is->id));
    return issuance_attach(is, &f->order->id) && issuance_set_note(is, "");
}

static enum store_status store_issuance(struct finalize *f, struct issuance *is, const struct subscription *sub,
                                        enum issuance_state state)
{
    enum store_status status = STORE_OK;
    is->subscription = sub->id;
    is->state = state;
    if (state != ISSUANCE_QUEUED)
        status = prepare_issuance(f->txn, is, f->now_ms);
    else
        status = store_job_set(f->txn, JOB_ISSUANCE, is->id, strlen(is->id),
                               f->now_ms + f->config->issuance.superseded_after_ms);
    if (status == STORE_OK)
        status = issuance_save(f->txn, is);
    return status == STORE_OK ? link_order(f, is) : status;
}

/* No subscription serves these names: this one pays. */
static enum store_status buy(struct finalize *f, struct issuance *is)
{
    struct subscription sub = {.state = SUBSCRIPTION_BUYING, .days = f->profile->days, .test = f->login->test};
    enum store_status status = STORE_IO;

    sub.product = request_product_for(f->profile, &f->rules.dcv, &f->order->names, is, f->problem);
    if (sub.product == 0 || !request_accepts_subject(sub.product, f->csr, f->problem))
        return STORE_REFUSED;
    sub.endpoint = shortage_strdup(f->login->url);
    if (!sub.endpoint || !names_copy(&sub.names, &f->order->names) || !acme_id_make(&sub.id, f->now_ms))
        goto out;
    memcpy(sub.policy, f->order->policy, sizeof sub.policy);
    memcpy(sub.profile, f->order->profile, sizeof sub.profile);
    memcpy(sub.login, f->login->name, strlen(f->login->name) + 1);
    memcpy(sub.under_way, is->id, sizeof sub.under_way);
    is->kind = ISSUANCE_PURCHASE;
    status = store_issuance(f, is, &sub, prepare_state(&f->rules.dcv, &f->order->names));
    if (status == STORE_OK)
        status = subscription_insert(f->txn, &sub);
out:
    subscription_clear(&sub);
    return status;
}

/* A paid subscription serves these names: at once where nothing is under way on it, else in its turn. */
static enum store_status join(struct finalize *f, struct subscription *sub, struct issuance *is)
{
    enum issuance_state state = ISSUANCE_QUEUED;
    if (!request_accepts_cn(f->profile, sub->product, is->csr_has_cn, f->problem) ||
        !request_accepts_subject(sub->product, f->csr, f->problem))
        return STORE_REFUSED;
    is->kind = sub->state == SUBSCRIPTION_BUYING ? ISSUANCE_PURCHASE : ISSUANCE_REPLACEMENT;
    if (!sub->under_way[0]) {
        state = prepare_state(&f->rules.dcv, &f->order->names);
        memcpy(sub->under_way, is->id, sizeof sub->under_way);
    } else if (sub->queue_count >= f->config->issuance.queue || !subscription_enqueue(sub, is->id)) {
        refuse_for_a_while(f->problem, FULL, ACME_RETRY_QUEUE_S);
        return STORE_REFUSED;
    }
    enum store_status status = store_issuance(f, is, sub, state);
    return status == STORE_OK ? subscription_save(f->txn, sub) : status;
}

/* The same key and names of the same account are on their way already: this order gets the same certificate.
 * STORE_NOT_FOUND: they are not. id: "" for none. */
static enum store_status attach(struct finalize *f, const char *id)
{
    struct issuance is;
    enum store_status status = issuance_load(f->txn, id, &is);
    bool same = status == STORE_OK && memcmp(is.account.octets, f->order->account.octets, ACME_ID_LEN) == 0 &&
                memcmp(is.spki_sha256, f->csr->spki_sha256, sizeof is.spki_sha256) == 0;
    if (status == STORE_OK && !(same && issuance_attach(&is, &f->order->id)))
        status = STORE_NOT_FOUND; /* also where it holds as many as it can: this one waits its own turn */
    if (status == STORE_OK)
        status = issuance_save(f->txn, &is);
    if (status == STORE_OK)
        status = link_order(f, &is);
    issuance_clear(&is);
    return status;
}

static enum store_status attach_any(struct finalize *f, const struct subscription *sub)
{
    enum store_status status = attach(f, sub->under_way);
    for (uint32_t i = 0; status == STORE_NOT_FOUND && i < sub->queue_count; i++)
        status = attach(f, sub->queue[i]);
    return status;
}

static enum store_status place(struct finalize *f, struct issuance *is)
{
    struct subscription sub;
    struct subscription_scope scope = scope_of(f->order->policy, f->profile, f->login, &f->order->names);
    struct login_record login;
    enum store_status status = login_load(f->txn, f->login->name, &login);
    if (status != STORE_OK)
        return status;
    if (login.unshared_ms) /* a replacement there revokes what others may still serve */
        scope.only_key = f->csr->spki_sha256;
    status = subscription_find(f->txn, &scope, f->now_ms, &sub);

    if (status == STORE_NOT_FOUND) {
        status = buy(f, is);
    } else if (status == STORE_OK && sub.state == SUBSCRIPTION_DEAD) {
        refuse_for_a_while(f->problem, BLOCKED, ACME_RETRY_BLOCKED_S);
        status = STORE_REFUSED;
    } else if (status == STORE_OK) {
        status = attach_any(f, &sub);
        if (status == STORE_NOT_FOUND)
            status = join(f, &sub, is);
    }
    subscription_clear(&sub);
    return status;
}

static enum store_status accept_by(struct finalize *f)
{
    struct issuance is;
    f->profile = config_profile_named(f->config, f->order->profile);
    f->login = f->profile ? config_login_named(f->config, f->profile->login) : NULL;
    if (!f->login)
        return refuse(f, ACME_SERVER_INTERNAL, "the profile of this order is no longer configured; make a new order");
    if (!request_accepts_extensions(f->profile, f->csr, f->problem))
        return STORE_REFUSED;
    enum store_status status = dcv_rules_load(f->txn, &f->config->dcv, f->order->policy, &f->rules);
    bool made = make_issuance(f, &is);
    if (status == STORE_OK)
        status = made ? place(f, &is) : STORE_IO;
    dcv_rules_clear(&f->rules);
    if (status == STORE_OK && is.state)
        issuer_debug_commit(f->issuer, 0, is.state, true);
    issuance_clear(&is);
    return status;
}

static enum store_status accept_csr(void *ctx, struct store_txn *txn, const struct acme_order *order,
                                    const struct acme_csr *csr, uint64_t now_ms, struct acme_problem *problem)
{
    struct finalize f = {.issuer = ctx, .txn = txn, .order = order, .csr = csr, .now_ms = now_ms, .problem = problem};
    f.config = config_take(f.issuer->at.configs);
    enum store_status status = accept_by(&f);
    config_drop(f.config);
    return status;
}

void issuer_hooks(struct issuer *issuer, struct acme_hooks *hooks)
{
    hooks->ctx = issuer;
    hooks->may_order = may_order;
    hooks->accept_csr = accept_csr;
}
