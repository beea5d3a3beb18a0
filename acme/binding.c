/* The external account binding (EAB) of newAccount, RFC 8555 section 7.3.4: an inner JWS by which whoever holds an
 * external account key vouches for the account's key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "acme/binding.h"
#include "acme/libraries.h"

/* The payload must be the account's key itself. */
static bool names_account_key(const struct jws *binding, const struct jwk *account_key, struct acme_problem *problem)
{
    struct jwk named = {0};
    json_t *payload =
        acme_json_parse(binding->payload, binding->payload_len, "payload of the external account binding", problem);
    bool good =
        payload && jwk_parse(payload, &named, problem) &&
        (memcmp(named.thumbprint, account_key->thumbprint, JWK_THUMBPRINT_LEN) == 0 ||
         acme_problem_set(problem, ACME_MALFORMED,
                          "The external account binding is for another key than the one that signs the request."));
    jwk_clear(&named);
    json_decref(payload);
    return good;
}

static bool mac_is_good(const struct jws *binding, const struct external_key *key, const uint8_t *seal,
                        struct acme_problem *problem)
{
    uint8_t mac[EXTERNAL_KEY_MAC_LEN];
    if (!seal || !external_key_open(key, seal, mac))
        return acme_problem_set(problem, ACME_SERVER_INTERNAL,
                                "The external account key \"%s\" cannot be opened: the server's key file does not fit.",
                                key->id);
    bool good = jws_verify_mac(binding, mac, sizeof mac, problem);
    OPENSSL_cleanse(mac, sizeof mac);
    return good;
}

static bool find_key(struct store_txn *txn, const char *id, struct external_key *key, struct acme_problem *problem)
{
    enum store_status status = external_key_load(txn, id, key);
    if (status != STORE_OK && status != STORE_NOT_FOUND) {
        acme_store_problem(problem, status);
        return false;
    }
    if (status == STORE_NOT_FOUND)
        return acme_problem_set(problem, ACME_UNAUTHORIZED, "There is no external account key \"%s\" at this server.",
                                id);
    return key->enabled ||
           acme_problem_set(problem, ACME_UNAUTHORIZED, "The external account key \"%s\" has been disabled.", id);
}

/* RFC 8555 section 7.3.4: a binding that was verified is shown with its account. */
static bool keep_binding(struct acme_account *account, const json_t *object, struct acme_problem *problem)
{
    free(account->binding);
    account->binding = libraries_dump(object, JSON_COMPACT);
    if (!account->binding)
        acme_problem_out_of_memory(problem);
    else if (strlen(account->binding) > ACME_BINDING_MAX)
        return acme_problem_set(problem, ACME_MALFORMED, "The external account binding is larger than %d octets.",
                                ACME_BINDING_MAX);
    return account->binding != NULL;
}

bool acme_take_binding(struct acme_exchange *x, struct acme_task *task, const json_t *object)
{
    struct acme_problem *problem = &task->problem;
    struct jws binding = {0};
    struct external_key key;
    bool parsed = jws_parse_json(object, JWS_BINDING, &binding, problem);
    snprintf(task->named_key, sizeof task->named_key, "%.*s", EXTERNAL_KEY_ID_MAX, binding.kid);
    bool good =
        parsed &&
        (strcmp(binding.url, x->jws.url) == 0 ||
         acme_problem_set(problem, ACME_MALFORMED,
                          "The \"url\" of the external account binding differs from that of the request.")) &&
        names_account_key(&binding, &x->jws.jwk, problem) && find_key(x->snapshot, binding.kid, &key, problem) &&
        mac_is_good(&binding, &key, task->acme->config.seal, problem) && keep_binding(&task->account, object, problem);
    if (good) {
        memcpy(task->account.external_key, key.id, sizeof key.id);
        memcpy(task->account.policy, key.policy, sizeof key.policy);
    }
    jws_clear(&binding);
    return good;
}

enum store_status acme_count_binding(struct store_txn *txn, const struct acme_account *account,
                                     struct acme_problem *problem)
{
    struct external_key key;
    if (!account->external_key[0])
        return STORE_OK;
    if (!find_key(txn, account->external_key, &key, problem))
        return STORE_REFUSED;
    key.accounts++;
    return external_key_save(txn, &key);
}
