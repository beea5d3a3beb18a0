#include "acme/authenticate.h"

#include <string.h>
#include <strings.h>

#include "acme/key_cache.h"
#include "acme/reply.h"
#include "acme/route.h"

static bool content_type_fits(const struct acme_request *request, struct acme_problem *problem)
{
    static const char wanted[] = "application/jose+json";
    size_t len = request->content_type ? request->content_type_len : 0;
    const char *parameters = len ? memchr(request->content_type, ';', len) : NULL;
    if (parameters)
        len = (size_t)(parameters - request->content_type);
    while (len > 0 && (request->content_type[len - 1] == ' ' || request->content_type[len - 1] == '\t'))
        len--;
    return (len == sizeof wanted - 1 && strncasecmp(request->content_type, wanted, len) == 0) ||
           acme_problem_status(problem, 415, ACME_MALFORMED, "The Content-Type must be %s.", wanted);
}

/* Takes prefix of *text, whose rest has *len octets; false where it does not begin so. */
static bool skip(const char **text, const char *prefix, size_t prefix_len)
{
    if (strncmp(*text, prefix, prefix_len) != 0)
        return false;
    *text += prefix_len;
    return true;
}

/* "url" is compared with what we are called, never with what the Host header says. */
static bool url_fits(const struct acme_exchange *x, const struct acme_task *task, struct acme_problem *problem)
{
    const struct acme_request *request = x->request;
    const char *base = task->acme->config.base_url, *url = x->jws.url;
    bool fits = skip(&url, base, strlen(base)) && skip(&url, request->path, request->path_len);
    if (fits && request->query)
        fits = skip(&url, "?", 1) && skip(&url, request->query, request->query_len);
    return (fits && !*url) || acme_problem_set(problem, ACME_UNAUTHORIZED,
                                               "The JWS was signed for the URL \"%s\", but was sent to \"%s%.*s\".",
                                               x->jws.url, base, (int)request->path_len, request->path);
}

static bool kid_account(const struct acme_exchange *x, const struct acme_view *acme, struct acme_id *id,
                        struct acme_problem *problem)
{
    const char *kid = x->jws.kid, *base = acme->config.base_url;
    static const char path[] = "/acme/account/";
    if (x->jws.has_jwk)
        return acme_problem_set(problem, ACME_MALFORMED,
                                "This resource needs a JWS with \"kid\", the account's URL, not with \"jwk\".");
    if (!skip(&kid, base, strlen(base)) || !skip(&kid, path, sizeof path - 1))
        return acme_problem_set(problem, ACME_MALFORMED, "\"kid\" is not the URL of an account at this server: \"%s\".",
                                x->jws.kid);
    return acme_id_parse(kid, strlen(kid), id) ||
           acme_problem_set(problem, ACME_ACCOUNT_DOES_NOT_EXIST, "There is no account \"%s\".", x->jws.kid);
}

static bool load_account(struct acme_exchange *x, struct acme_task *task, enum jwk_kind *kind)
{
    const struct key_facts *facts = NULL;
    struct acme_id id;
    if (!kid_account(x, task->acme, &id, &task->problem))
        return false;
    enum store_status status = acme_account_load(x->snapshot, &id, &task->account);
    if (status == STORE_NOT_FOUND)
        return acme_problem_set(&task->problem, ACME_ACCOUNT_DOES_NOT_EXIST, "There is no account \"%s\".", x->jws.kid);
    if (status == STORE_OK)
        x->key = key_cache_get(x->thread->keys, &task->account, kind, &facts);
    if (!x->key) {
        acme_store_problem(&task->problem, status == STORE_OK ? STORE_INVALID : status);
        return false;
    }
    acme_set_subject(task, &id);
    memcpy(task->asker, task->subject, sizeof task->asker);
    return key_accepted_by(&task->acme->config, facts, "The account's key", ACME_BAD_PUBLIC_KEY, &task->problem);
}

static bool embedded_key(struct acme_exchange *x, struct acme_task *task, enum jwk_kind *kind)
{
    if (!x->jws.has_jwk)
        return acme_problem_set(&task->problem, ACME_MALFORMED,
                                "This resource needs a JWS with \"jwk\", the key itself, not with \"kid\".");
    x->key = x->jws.jwk.key;
    *kind = x->jws.jwk.kind;
    return true;
}

static enum nonce_verdict judge_nonce(const struct acme_task *task, const char *nonce)
{
    const struct acme_view *acme = task->acme;
    return acme->shared ? shared_nonce_redeem(acme->shared, acme_now_s(task), nonce, strlen(nonce))
                        : nonce_redeem(acme->nonces, nonce, strlen(nonce));
}

static bool redeem(struct acme_task *task, const char *nonce)
{
    static const char *const reasons[] = {
        [NONCE_USED] = "it was used before",
        [NONCE_OLD] = "it is too old",
        [NONCE_FOREIGN] = "it was given by another instance, or before a restart",
        [NONCE_FORGED] = "it was not given by this server",
    };
    enum nonce_verdict verdict = judge_nonce(task, nonce);
    if (verdict == NONCE_UNKNOWN) {
        acme_store_problem(&task->problem, STORE_AWAY);
        return false;
    }
    return verdict == NONCE_GOOD ||
           acme_problem_set(&task->problem, ACME_BAD_NONCE, "JWS has an invalid anti-replay nonce: %s.", reasons[verdict]);
}

static bool account_is_valid(const struct acme_account *account, struct acme_problem *problem)
{
    return account->status == ACME_ACCOUNT_VALID ||
           acme_problem_status(problem, 401, ACME_UNAUTHORIZED, "The account is %s.",
                               acme_account_status_text(account->status));
}

bool acme_authenticate(struct acme_exchange *x, struct acme_task *task)
{
    const struct acme_request *request = x->request;
    enum jwk_kind kind = 0;
    if (!content_type_fits(request, &task->problem) ||
        !jws_parse(request->body, request->body_len, JWS_REQUEST, &x->jws, &task->problem) ||
        !url_fits(x, task, &task->problem))
        return false;
    enum acme_signer signer = x->route->signer;
    bool by_account = signer == ACME_SIGNED_BY_ACCOUNT || (signer == ACME_SIGNED_BY_EITHER && !x->jws.has_jwk);
    enum store_status status = store_read(task->acme->config.store, &x->snapshot);
    if (status != STORE_OK) {
        acme_store_problem(&task->problem, status);
        return false;
    }
    task->verified = (by_account ? load_account(x, task, &kind) : embedded_key(x, task, &kind)) &&
                     jws_verify(&x->jws, kind, x->key, &task->problem) &&
                     redeem(task, x->jws.nonce);
    return task->verified && (!by_account || (account_is_valid(&task->account, &task->problem) &&
                                              external_key_policy(x->snapshot, task->account.external_key,
                                                                  task->acme->config.external_account_required,
                                                                  task->account.policy, &task->problem)));
}
