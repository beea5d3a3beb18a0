/* Validations: what a validator is told about a challenge, and what becomes of its verdict. */
#include "acme/authorization.h"

#include <stdio.h>
#include <string.h>

#include "acme/account.h"
#include "acme/base64url.h"
#include "acme/order.h"

_Static_assert(ACME_TOKEN_TEXT + 1 == BASE64URL_SIZE(JWK_THUMBPRINT_LEN), "a token is as long as a thumbprint");

static enum store_status load_thumbprints(struct store_txn *txn, const struct acme_account *account,
                                          struct acme_validation *validation)
{
    uint8_t former[ACME_THUMBPRINTS_MAX - 1][JWK_THUMBPRINT_LEN];
    unsigned count;
    enum store_status status = acme_account_former(txn, &account->id, former, ACME_THUMBPRINTS_MAX - 1, &count);
    if (status != STORE_OK)
        return status;
    base64url_encode(account->thumbprint, JWK_THUMBPRINT_LEN, validation->thumbprints[0]);
    for (unsigned i = 0; i < count; i++)
        base64url_encode(former[i], JWK_THUMBPRINT_LEN, validation->thumbprints[1 + i]);
    validation->thumbprint_count = 1 + count;
    return STORE_OK;
}

static enum store_status load_key_authorization(struct store_txn *txn, const struct acme_id *id,
                                                struct acme_validation *validation)
{
    struct acme_account account;
    enum store_status status = acme_account_load(txn, id, &account);
    if (status == STORE_OK && account.status != ACME_ACCOUNT_VALID)
        status = STORE_NOT_FOUND;
    if (status == STORE_OK && validation->type == ACME_DNS_PERSIST_01)
        status = load_thumbprints(txn, &account, validation);
    if (status == STORE_OK) {
        char thumbprint[BASE64URL_SIZE(JWK_THUMBPRINT_LEN)];
        base64url_encode(account.thumbprint, JWK_THUMBPRINT_LEN, thumbprint);
        snprintf(validation->key_authorization, sizeof validation->key_authorization, "%s.%s", validation->token,
                 thumbprint);
    }
    acme_account_clear(&account);
    return status;
}

enum store_status acme_validation_of(struct store_txn *txn, const struct acme_authz *authz,
                                     const struct acme_challenge *challenge, struct acme_validation *validation)
{
    *validation = (struct acme_validation){.authz = authz->id,
                                           .order = authz->order,
                                           .account = authz->account,
                                           .type = challenge->type,
                                           .identifier = authz->identifier,
                                           .needs_wildcard = authz->wildcard || authz->subdomains};
    memcpy(validation->token, challenge->token, sizeof validation->token);
    return load_key_authorization(txn, &authz->account, validation);
}

enum store_status acme_validation_load(struct store_txn *txn, const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN],
                                       struct acme_validation *validation)
{
    struct acme_authz authz;
    struct acme_id id;
    memset(validation, 0, sizeof *validation);
    memcpy(id.octets, subject, ACME_ID_LEN);
    enum store_status status = acme_authz_load(txn, &id, &authz);
    if (status == STORE_OK) {
        const struct acme_challenge *challenge = acme_authz_challenge(&authz, subject[ACME_ID_LEN]);
        if (!challenge || challenge->status != ACME_CHALLENGE_PROCESSING || authz.status != ACME_AUTHZ_PENDING)
            status = STORE_NOT_FOUND;
        else
            status = acme_validation_of(txn, &authz, challenge, validation);
    }
    acme_authz_clear(&authz);
    return status;
}

/* One that cannot be read, for want of memory, is not taken for one that is missing: the order would wait for ever. */
static enum store_status all_valid(struct store_txn *txn, const struct acme_order *order, bool *valid)
{
    enum store_status status = STORE_OK;
    *valid = true;
    for (size_t i = 0; i < order->names.count && *valid && status == STORE_OK; i++) {
        struct acme_authz authz;
        status = acme_authz_load(txn, &order->authzs[i], &authz);
        *valid = status == STORE_OK && authz.status == ACME_AUTHZ_VALID;
        acme_authz_clear(&authz);
    }
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* The order that a pending authorization was made for: ready with its last valid one, invalid with a failed one. */
static enum store_status move_order(struct store_txn *txn, const struct acme_authz *authz,
                                    const struct acme_problem *problem, uint64_t now_s)
{
    struct acme_order order;
    bool valid = false;
    enum store_status status = acme_order_load(txn, &authz->order, &order);
    if (status != STORE_OK || order.status != ACME_ORDER_PENDING)
        goto out;
    if (!problem)
        status = all_valid(txn, &order, &valid);
    if (problem) {
        struct acme_problem named = {0};
        acme_problem_status(&named, problem->status, problem->type, "%s%s: %s", authz->wildcard ? "*." : "",
                            authz->identifier.value, problem->detail);
        status = acme_order_invalidate(&order, &named, now_s) ? acme_order_save(txn, &order) : STORE_IO;
        acme_problem_clear(&named);
    } else if (valid && acme_order_set_status(&order, ACME_ORDER_READY)) {
        order.updated_s = now_s;
        status = acme_order_save(txn, &order);
    }
out:
    acme_order_clear(&order);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static bool decide(struct acme_authz *authz, struct acme_challenge *challenge, const struct acme_problem *problem,
                   uint64_t until_s, uint64_t now_s)
{
    if (problem) {
        challenge->error = acme_problem_dump(problem);
        return challenge->error && acme_challenge_set_status(challenge, ACME_CHALLENGE_INVALID) &&
               acme_authz_set_status(authz, ACME_AUTHZ_INVALID);
    }
    challenge->validated_s = now_s;
    if (authz->expires_s < now_s + authz->valid_for_s)
        authz->expires_s = now_s + authz->valid_for_s;
    if (until_s > 0 && authz->expires_s > until_s)
        authz->expires_s = until_s;
    return acme_challenge_set_status(challenge, ACME_CHALLENGE_VALID) && acme_authz_set_status(authz, ACME_AUTHZ_VALID);
}

enum store_status acme_validation_settle(struct store_txn *txn, const struct acme_validation *validation,
                                         const struct acme_problem *problem, uint64_t now_ms)
{
    struct acme_authz authz;
    enum store_status status = acme_authz_load(txn, &validation->authz, &authz);
    if (status != STORE_OK) {
        status = status == STORE_NOT_FOUND ? STORE_OK : status;
        goto out;
    }
    struct acme_challenge *challenge = acme_authz_challenge(&authz, validation->type);
    if (!challenge || challenge->status != ACME_CHALLENGE_PROCESSING || authz.status != ACME_AUTHZ_PENDING)
        goto out;
    status = decide(&authz, challenge, problem, validation->until_s, now_ms / 1000) ? acme_authz_save(txn, &authz)
                                                                                    : STORE_IO;
    if (status == STORE_OK && !problem && authz.valid_for_s)
        status = acme_valid_authz_put(txn, &authz);
    if (status == STORE_OK && acme_authz_has_order(&authz))
        status = move_order(txn, &authz, problem, now_ms / 1000);
out:
    acme_authz_clear(&authz);
    return status;
}
