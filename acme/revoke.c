/* revokeCert, RFC 8555 section 7.6: a revocation request by the certificate's account, by its own key, or by an account
 * that has proved control of all its names. What is acknowledged here is durable; the gateway carries it out. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "acme/base64url.h"
#include "acme/reply.h"
#include "store/shortage.h"

/* ---- the payload ---- */

/* The codes of RFC 5280 section 5.3.1 that Sectigo takes. */
static bool read_reason(const json_t *payload, uint8_t *reason, struct acme_problem *problem)
{
    static const uint8_t allowed[] = {0, 1, 3, 4, 5};
    const json_t *given = json_object_get(payload, "reason");
    *reason = 0;
    if (!given)
        return true;
    if (!json_is_integer(given))
        return acme_problem_set(problem, ACME_MALFORMED, "\"reason\" is not an integer.");
    for (size_t i = 0; i < sizeof allowed; i++) {
        if (json_integer_value(given) == allowed[i]) {
            *reason = allowed[i];
            return true;
        }
    }
    return acme_problem_set(problem, ACME_BAD_REVOCATION_REASON,
                            "Reason %lld cannot be given. Allowed: 0 (unspecified), 1 (keyCompromise), 3 "
                            "(affiliationChanged), 4 (superseded), 5 (cessationOfOperation).",
                            (long long)json_integer_value(given));
}

/* The certificate, owned, and the digest of its octets; NULL: the problem is set. */
static X509 *read_certificate(const json_t *payload, uint8_t sha256[static SHA256_DIGEST_LENGTH],
                              struct acme_problem *problem)
{
    const json_t *text = json_object_get(payload, "certificate");
    size_t text_len = json_string_length(text);
    X509 *certificate = NULL;
    if (!json_is_string(text)) {
        acme_problem_set(problem, ACME_MALFORMED,
                         "The payload has no \"certificate\" (base64url of the certificate in DER).");
        return NULL;
    }
    uint8_t *der = shortage_malloc(text_len + 1);
    ssize_t len = der ? base64url_decode(json_string_value(text), text_len, der, text_len + 1) : -1;
    const uint8_t *end = der;
    if (len > 0)
        certificate = d2i_X509(NULL, &end, len);
    if (certificate && end != der + len) {
        X509_free(certificate);
        certificate = NULL;
    }
    if (certificate)
        SHA256(der, (size_t)len, sha256);
    else if (!der)
        acme_problem_out_of_memory(problem);
    else
        acme_problem_set(problem, ACME_MALFORMED,
                         "\"certificate\" is not one X.509 certificate in DER, as base64url without padding.");
    free(der);
    return certificate;
}

/* STORE_OK and the stored certificate that has these very octets; clear it in any case. */
static enum store_status find_certificate(struct store_txn *txn, X509 *leaf,
                                          const uint8_t sha256[static SHA256_DIGEST_LENGTH],
                                          struct acme_certificate *certificate)
{
    struct acme_id id;
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
    int len = number ? BN_num_bytes(number) : 0;
    bool possible = len > 0 && (size_t)len <= sizeof certificate->serial && !BN_is_negative(number);
    uint8_t serial[sizeof certificate->serial];
    if (possible)
        BN_bn2bin(number, serial);
    BN_free(number);
    memset(certificate, 0, sizeof *certificate);
    if (!possible)
        return STORE_NOT_FOUND;
    enum store_status status = acme_certificate_by_serial(txn, serial, (size_t)len, &id);
    if (status == STORE_OK)
        status = acme_certificate_load(txn, &id, certificate);
    if (status == STORE_OK && memcmp(certificate->der_sha256, sha256, SHA256_DIGEST_LENGTH) != 0)
        status = STORE_NOT_FOUND;
    return status;
}

/* ---- who may ---- */

static bool add_certified_name(const GENERAL_NAME *general, struct acme_names *names)
{
    struct acme_problem ignored = {0};
    struct acme_identifier name;
    char text[INET6_ADDRSTRLEN];
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(general, &type);
    if (type != GEN_DNS && type != GEN_IPADD)
        return false;
    const char *data = (const char *)ASN1_STRING_get0_data(value);
    int len = ASN1_STRING_length(value);
    bool good;
    if (type == GEN_DNS)
        good = identifier_parse("dns", data, (size_t)len, &name, &ignored);
    else
        good = (len == 4 || len == 16) && inet_ntop(len == 4 ? AF_INET : AF_INET6, data, text, sizeof text) &&
               identifier_parse("ip", text, strlen(text), &name, &ignored);
    acme_problem_clear(&ignored);
    return good && names_add(names, &name);
}

/* False where one of them is not a name that can be authorized. */
static bool certified_names(const struct acme_certificate *certificate, struct acme_names *names)
{
    X509 *leaf = acme_certificate_leaf(certificate);
    GENERAL_NAMES *list = leaf ? X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL) : NULL;
    int count = list ? sk_GENERAL_NAME_num(list) : 0;
    bool good = count > 0;
    for (int i = 0; good && i < count; i++)
        good = add_certified_name(sk_GENERAL_NAME_value(list, i), names);
    GENERAL_NAMES_free(list);
    X509_free(leaf);
    return good;
}

/* An authorization that a policy gave, without a check, proves nothing to the owner of another account, unless the
 * policy says so. */
static bool has_proved(struct store_txn *txn, const struct acme_task *task, bool unchecked,
                       const struct acme_identifier *name)
{
    struct acme_id id;
    struct acme_authz authz;
    if (acme_valid_authz_find(txn, &task->account.id, name, &id) != STORE_OK)
        return false;
    enum store_status status = acme_authz_load(txn, &id, &authz);
    acme_authz_refresh(&authz, acme_expiry_s(task));
    bool proved =
        status == STORE_OK && (acme_authz_was_validated(&authz) || (unchecked && authz.status == ACME_AUTHZ_VALID));
    acme_authz_clear(&authz);
    return proved;
}

static bool has_proved_all(struct store_txn *txn, const struct acme_task *task,
                           const struct acme_certificate *certificate)
{
    struct acme_names names = {0};
    struct acme_policy policy;
    bool all = acme_policy_load(txn, task->account.policy, &policy) == STORE_OK && certified_names(certificate, &names);
    acme_policy_distrust_unbound(&policy, task->account.external_key);
    for (size_t i = 0; all && i < names.count; i++)
        all = has_proved(txn, task, policy.revoke_others, &names.list[i]);
    names_clear(&names);
    acme_policy_clear(&policy);
    return all;
}

static bool may_revoke(struct store_txn *txn, struct acme_task *task, const struct acme_certificate *certificate)
{
    if (task->by_certificate_key ||
        memcmp(&certificate->account, &task->account.id, sizeof certificate->account) == 0 ||
        has_proved_all(txn, task, certificate))
        return true;
    return acme_problem_set(
        &task->problem, ACME_UNAUTHORIZED,
        "The account neither got this certificate nor holds valid authorizations for all its names.");
}

/* The JWS is signed by the key in it: that must be the certificate's. */
static bool is_own_key(const struct acme_exchange *x, const X509 *leaf, struct acme_problem *problem)
{
    return EVP_PKEY_eq(X509_get0_pubkey(leaf), x->key) == 1 ||
           acme_problem_set(problem, ACME_UNAUTHORIZED,
                            "The JWS is signed neither by an account nor by the key of the "
                            "certificate.");
}

static bool is_open(const struct acme_certificate *certificate, const struct acme_task *task,
                    struct acme_problem *problem)
{
    if (certificate->revocation == ACME_REVOCATION_DONE)
        return acme_problem_set(problem, ACME_ALREADY_REVOKED, "The certificate has been revoked already.");
    return certificate->not_after_s > (int64_t)acme_expiry_s(task) ||
           acme_problem_set(problem, ACME_MALFORMED, "The certificate has expired, so it cannot be revoked.");
}

/* ---- the request ---- */

/* Asking again before it is confirmed changes nothing, the reason neither, and gets the same answer. */
static enum store_status ask_revocation(struct store_txn *txn, struct acme_task *task,
                                        struct acme_certificate *certificate)
{
    const struct acme_hooks *hooks = &task->acme->config.hooks;
    if (!may_revoke(txn, task, certificate) || !is_open(certificate, task, &task->problem))
        return STORE_REFUSED;
    if (!acme_certificate_set_revocation(certificate, ACME_REVOCATION_ASKED))
        return STORE_OK;
    certificate->revocation_reason = task->revocation_reason;
    certificate->revocation_asked_ms = task->now_ms;
    enum store_status status = acme_certificate_save(txn, certificate);
    if (status != STORE_OK)
        return status;
    return hooks->revoke(hooks->ctx, txn, certificate, task->by_certificate_key ? NULL : &task->account.id,
                         task->now_ms);
}

enum store_status acme_revoke_certificate(struct store_txn *txn, struct acme_task *task)
{
    struct acme_certificate certificate;
    enum store_status status = task->by_certificate_key ? STORE_OK : acme_require_account(txn, task);
    if (status != STORE_OK)
        return status;
    status = acme_certificate_load(txn, &task->certificate, &certificate);
    if (status == STORE_OK)
        status = ask_revocation(txn, task, &certificate);
    acme_certificate_clear(&certificate);
    return status;
}

static void answer_revocation(struct acme_task *task)
{
    task->reply.status = 200;
}

static bool look_at_revocation(struct store_txn *txn, struct acme_task *task)
{
    struct acme_certificate certificate;
    bool settled = acme_certificate_load(txn, &task->certificate, &certificate) != STORE_OK ||
                   certificate.revocation != ACME_REVOCATION_ASKED;
    acme_certificate_clear(&certificate);
    return settled;
}

static void note_serial(struct acme_task *task, X509 *leaf)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
    char *hex = number ? BN_bn2hex(number) : NULL;
    snprintf(task->serial, sizeof task->serial, "%s", hex ? hex : "");
    OPENSSL_free(hex);
    BN_free(number);
}

static enum acme_step take_certificate(struct acme_exchange *x, struct acme_task *task, X509 *leaf,
                                       const uint8_t sha256[static SHA256_DIGEST_LENGTH])
{
    static const struct acme_operation revocation = {
        .change = acme_revoke_certificate, .answer = answer_revocation, .look = look_at_revocation};
    struct acme_certificate certificate;
    note_serial(task, leaf);
    enum store_status status = find_certificate(x->snapshot, leaf, sha256, &certificate);
    bool good = status == STORE_OK;
    if (status == STORE_NOT_FOUND)
        acme_problem_status(&task->problem, 404, ACME_MALFORMED, "This certificate was not issued here.");
    else if (!good)
        acme_store_problem(&task->problem, status);
    task->by_certificate_key = x->jws.has_jwk;
    good = good && (!task->by_certificate_key || is_own_key(x, leaf, &task->problem)) &&
           may_revoke(x->snapshot, task, &certificate) && is_open(&certificate, task, &task->problem);
    if (good) {
        acme_set_subject(task, &certificate.order);
        task->certificate = task->topic = certificate.id;
        task->hold_ms = task->acme->config.hold_finalize_ms;
        task->operation = &revocation;
    }
    acme_certificate_clear(&certificate);
    return good ? ACME_COMMIT : acme_refuse(task);
}

enum acme_step acme_post_revoke_cert(struct acme_exchange *x, struct acme_task *task)
{
    uint8_t sha256[SHA256_DIGEST_LENGTH];
    json_t *payload = acme_payload(x, task);
    if (!payload || !read_reason(payload, &task->revocation_reason, &task->problem))
        return acme_refuse(task);
    X509 *leaf = read_certificate(payload, sha256, &task->problem);
    enum acme_step step = leaf ? take_certificate(x, task, leaf, sha256) : acme_refuse(task);
    X509_free(leaf);
    return step;
}
