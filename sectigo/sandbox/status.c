#include "sectigo/sandbox/status.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "sectigo/sandbox/clock.h"
#include "sectigo/sandbox/csr.h"

enum { VALID_S = 3600, UNSPECIFIED = 0 };

/* ---- revoked certificates ---- */

static ASN1_INTEGER *serial_of(const struct certificate *certificate)
{
    BIGNUM *number = NULL;
    ASN1_INTEGER *serial = BN_hex2bn(&number, certificate->serial) ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    BN_free(number);
    return serial;
}

static bool set_reason(X509_REVOKED *revoked, int64_t reason)
{
    ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();
    bool good = reason == UNSPECIFIED || /* which is said by saying nothing (RFC 5280 section 5.3.1) */
                (code && ASN1_ENUMERATED_set_int64(code, reason) == 1 &&
                 X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, code, 0, 0) == 1);
    ASN1_ENUMERATED_free(code);
    return good;
}

static bool list(X509_CRL *crl, const struct certificate *certificate)
{
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_INTEGER *serial = serial_of(certificate);
    ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)(certificate->revoked_ms / 1000));
    bool good = revoked && serial && time && X509_REVOKED_set_serialNumber(revoked, serial) == 1 &&
                X509_REVOKED_set_revocationDate(revoked, time) == 1 &&
                set_reason(revoked, certificate->revocation_reason) && X509_CRL_add0_revoked(crl, revoked) == 1;
    if (!good)
        X509_REVOKED_free(revoked);
    ASN1_TIME_free(time);
    ASN1_INTEGER_free(serial);
    return good;
}

static bool list_all(X509_CRL *crl, struct sandbox *sandbox, bool test)
{
    bool good = true;
    pthread_mutex_lock(&sandbox->lock);
    for (size_t i = 0; good && i < sandbox->book.count; i++) {
        const struct order *order = sandbox->book.orders[i];
        const struct certificate *certificate = order_certificate(order);
        if (order->test == test && certificate && certificate->revoked_ms)
            good = list(crl, certificate);
    }
    pthread_mutex_unlock(&sandbox->lock);
    return good;
}

/* ---- CRL ---- */

static bool add_number(X509_CRL *crl)
{
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    bool good = number && ASN1_INTEGER_set_int64(number, now_ms()) == 1 &&
                X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1;
    ASN1_INTEGER_free(number);
    return good;
}

static bool add_authority(X509_CRL *crl, X509 *issuer)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, NULL, NULL, crl, 0);
    X509_EXTENSION *id = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    bool good = id && X509_CRL_add_ext(crl, id, -1) == 1;
    X509_EXTENSION_free(id);
    return good;
}

static void answer_crl(struct sandbox *sandbox, bool test, struct answer *answer)
{
    const struct ca_issuer *issuer = test ? &sandbox->ca.test : &sandbox->ca.live;
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)(now_ms() / 1000));
    ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)(now_ms() / 1000 + VALID_S));
    X509_CRL *crl = X509_CRL_new();
    unsigned char *der = NULL;
    int len = -1;
    if (now && next && crl && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->intermediate)) == 1 &&
        X509_CRL_set1_lastUpdate(crl, now) == 1 && X509_CRL_set1_nextUpdate(crl, next) == 1 && add_number(crl) &&
        add_authority(crl, issuer->intermediate) && list_all(crl, sandbox, test) && X509_CRL_sort(crl) == 1 &&
        X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0)
        len = i2d_X509_CRL(crl, &der);
    if (len > 0)
        answer_octets(answer, "application/pkix-crl", der, (size_t)len);
    else
        answer_text(answer, 500, "text/plain", "The CRL could not be made.\n");
    X509_CRL_free(crl);
    ASN1_TIME_free(next);
    ASN1_TIME_free(now);
}

/* ---- OCSP ---- */

/* Whose certificate an OCSP request asks for; NULL: nobody's here. */
static const struct ca_issuer *issuer_of(const struct ca *ca, OCSP_CERTID *id)
{
    const struct ca_issuer *const issuers[] = {&ca->live, &ca->test};
    ASN1_OBJECT *digest = NULL;
    OCSP_id_get0_info(NULL, &digest, NULL, NULL, id);
    for (size_t i = 0; i < 2; i++) {
        OCSP_CERTID *own = OCSP_cert_to_id(EVP_get_digestbyobj(digest), NULL, issuers[i]->intermediate);
        bool same = own && OCSP_id_issuer_cmp(own, id) == 0;
        OCSP_CERTID_free(own);
        if (same)
            return issuers[i];
    }
    return NULL;
}

/* When and why a certificate was revoked; false: it was not. *known: it was issued here. */
static bool find_revoked(struct sandbox *sandbox, OCSP_CERTID *id, bool test, bool *known, int64_t *when_s, int *reason)
{
    ASN1_INTEGER *asked = NULL;
    OCSP_id_get0_info(NULL, NULL, NULL, &asked, id);
    *known = false;
    *when_s = 0;
    pthread_mutex_lock(&sandbox->lock);
    for (size_t i = 0; i < sandbox->book.count && !*known; i++) {
        const struct certificate *certificate = order_certificate(sandbox->book.orders[i]);
        ASN1_INTEGER *serial = certificate && sandbox->book.orders[i]->test == test ? serial_of(certificate) : NULL;
        *known = serial && ASN1_INTEGER_cmp(serial, asked) == 0;
        if (*known) {
            *when_s = certificate->revoked_ms / 1000;
            *reason = (int)certificate->revocation_reason;
        }
        ASN1_INTEGER_free(serial);
    }
    pthread_mutex_unlock(&sandbox->lock);
    return *when_s != 0;
}

static bool add_status(struct sandbox *sandbox, OCSP_BASICRESP *basic, OCSP_CERTID *id, const struct ca_issuer *issuer)
{
    bool known;
    int64_t when_s;
    int reason = UNSPECIFIED;
    bool is_revoked = find_revoked(sandbox, id, issuer == &sandbox->ca.test, &known, &when_s, &reason);
    ASN1_TIME *when = is_revoked ? ASN1_TIME_set(NULL, (time_t)when_s) : NULL;
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)(now_ms() / 1000));
    ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)(now_ms() / 1000 + VALID_S));
    int status = is_revoked ? V_OCSP_CERTSTATUS_REVOKED : known ? V_OCSP_CERTSTATUS_GOOD : V_OCSP_CERTSTATUS_UNKNOWN;
    bool good = now && next && (!is_revoked || when) &&
                OCSP_basic_add1_status(basic, id, status, reason == UNSPECIFIED ? OCSP_REVOKED_STATUS_NOSTATUS : reason,
                                       when, now, next) != NULL;
    ASN1_TIME_free(next);
    ASN1_TIME_free(now);
    ASN1_TIME_free(when);
    return good;
}

/* All certificates of a request are of one authority, whose key signs the answer. */
static OCSP_RESPONSE *respond(struct sandbox *sandbox, OCSP_REQUEST *request)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    const struct ca_issuer *signer = NULL;
    OCSP_RESPONSE *response = NULL;
    bool good = basic && OCSP_request_onereq_count(request) > 0;
    for (int i = 0; good && i < OCSP_request_onereq_count(request); i++) {
        OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, i));
        const struct ca_issuer *issuer = issuer_of(&sandbox->ca, id);
        good = issuer && (!signer || signer == issuer) && add_status(sandbox, basic, id, issuer);
        signer = issuer;
    }
    if (!good)
        response = OCSP_response_create(OCSP_RESPONSE_STATUS_UNAUTHORIZED, NULL);
    else if (OCSP_copy_nonce(basic, request) >= 0 &&
             /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an answer that is good has a signer */
             OCSP_basic_sign(basic, signer->intermediate, signer->key, EVP_sha256(), NULL, 0) == 1)
        response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    OCSP_BASICRESP_free(basic);
    return response;
}

static void answer_ocsp(struct sandbox *sandbox, const uint8_t *octets, size_t len, struct answer *answer)
{
    const unsigned char *at = octets;
    OCSP_REQUEST *request = octets ? d2i_OCSP_REQUEST(NULL, &at, (long)len) : NULL;
    OCSP_RESPONSE *response =
        request ? respond(sandbox, request) : OCSP_response_create(OCSP_RESPONSE_STATUS_MALFORMEDREQUEST, NULL);
    unsigned char *der = NULL;
    int der_len = response ? i2d_OCSP_RESPONSE(response, &der) : -1;
    if (der_len > 0)
        answer_octets(answer, "application/ocsp-response", der, (size_t)der_len);
    else
        answer_text(answer, 500, "text/plain", "The OCSP response could not be made.\n");
    OCSP_RESPONSE_free(response);
    OCSP_REQUEST_free(request);
}

bool status_run(struct sandbox *sandbox, const char *method, const char *path, const char *body, size_t len,
                struct answer *answer)
{
    static const char get[] = CA_OCSP_PATH "/";
    bool post = strcmp(method, "POST") == 0;
    if (strcmp(path, CA_CRL_PATH) == 0 || strcmp(path, CA_TEST_CRL_PATH) == 0) {
        answer_crl(sandbox, strcmp(path, CA_TEST_CRL_PATH) == 0, answer);
    } else if (post && (strcmp(path, CA_OCSP_PATH) == 0 || strcmp(path, get) == 0)) {
        answer_ocsp(sandbox, (const uint8_t *)body, len, answer);
    } else if (!post && strncmp(path, get, sizeof get - 1) == 0) {
        const char *text = path + sizeof get - 1;
        size_t octets_len = 0;
        uint8_t *octets = base64_decode(text, strlen(text), &octets_len);
        answer_ocsp(sandbox, octets, octets_len, answer);
        free(octets);
    } else {
        return false;
    }
    return true;
}
