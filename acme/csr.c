#include "acme/csr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "acme/spki.h"
#include "store/shortage.h"

/* A CN and as many alternative names as an order may have. */
enum { NAMES_MAX = ACME_IDENTIFIERS_MAX + 1, EXPONENT_BITS_MAX = 32 };

/* badCSR is for all that is wrong with a CSR, its key included: badPublicKey speaks of the key of a JWS (RFC 8555
 * section 6.7). */
static bool bad_csr(struct acme_problem *problem, const char *text)
{
    return acme_problem_set(problem, ACME_BAD_CSR, "%s", text);
}

/* What the CA signs. The SubjectPublicKeyInfo is looked at as well as the key, since the library would take curves
 * given by explicit parameters, and compressed points. */
static const struct {
    int curve;
    int point_len;
} curves[] = {{NID_X9_62_prime256v1, 65}, {NID_secp384r1, 97}, {NID_secp521r1, 133}};

static bool ec_key_accepted(X509_PUBKEY *spki, struct acme_problem *problem)
{
    const unsigned char *point;
    X509_ALGOR *algorithm;
    const void *parameter;
    int len, type;

    if (X509_PUBKEY_get0_param(NULL, &point, &len, &algorithm, spki) != 1)
        return bad_csr(problem, "The CSR's public key cannot be read");
    X509_ALGOR_get0(NULL, &type, &parameter, algorithm);
    int nid = type == V_ASN1_OBJECT ? OBJ_obj2nid(parameter) : NID_undef;
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (nid != curves[i].curve)
            continue;
        return (len == curves[i].point_len && point[0] == 0x04) ||
               acme_problem_set(problem, ACME_BAD_CSR, "The CSR's EC public key must be an uncompressed point");
    }
    return acme_problem_set(problem, ACME_BAD_CSR, "The CSR's EC key must be on the named curve P-256, P-384 or P-521");
}

static bool exponent_accepted(EVP_PKEY *key)
{
    BIGNUM *exponent = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 && BN_is_odd(exponent) &&
              BN_num_bits(exponent) <= EXPONENT_BITS_MAX && BN_get_word(exponent) >= 65537;

    BN_free(exponent);
    return ok;
}

static bool rsa_key_accepted(EVP_PKEY *key, struct acme_problem *problem)
{
    int bits = EVP_PKEY_get_bits(key);

    if (bits < ACME_RSA_BITS_MIN || bits > ACME_CSR_RSA_BITS_MAX || bits % 8 != 0)
        return acme_problem_set(problem, ACME_BAD_CSR,
                                "The CSR's RSA key has %d bits; %d to %d, divisible by 8, are accepted", bits,
                                ACME_RSA_BITS_MIN, ACME_CSR_RSA_BITS_MAX);
    return exponent_accepted(key) ||
           bad_csr(problem, "The CSR's RSA exponent must be odd and from 65537 to 32 bits long");
}

static bool key_accepted(X509_PUBKEY *spki, EVP_PKEY *key, struct acme_problem *problem)
{
    switch (EVP_PKEY_get_id(key)) {
    case EVP_PKEY_RSA:
        return rsa_key_accepted(key, problem);
    case EVP_PKEY_EC:
        return ec_key_accepted(spki, problem);
    default:
        return acme_problem_set(problem, ACME_BAD_CSR,
                                "The CSR's key is of type %s; RSA (2048 to 8192 bits) and EC (P-256, P-384, P-521) are "
                                "accepted",
                                EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key) : "unknown");
    }
}

static bool signature_algorithm_accepted(const X509_REQ *request, struct acme_problem *problem)
{
    static const int accepted[] = {
        NID_sha256WithRSAEncryption, NID_sha384WithRSAEncryption, NID_sha512WithRSAEncryption,
        NID_ecdsa_with_SHA256,       NID_ecdsa_with_SHA384,       NID_ecdsa_with_SHA512,
    };
    int nid = X509_REQ_get_signature_nid(request);

    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        if (nid == accepted[i])
            return true;
    }
    return acme_problem_set(
        problem, ACME_BAD_CSR,
        "The CSR is signed with %s; RSA (PKCS #1 v1.5) or ECDSA with SHA-256, SHA-384 or SHA-512 is "
        "accepted",
        nid == NID_undef ? "an unknown algorithm" : OBJ_nid2ln(nid));
}

/* The order of checks matters: nothing is verified with a key that could make it dear. */
static bool read_key(X509_REQ *request, struct acme_csr *csr, struct acme_problem *problem)
{
    X509_PUBKEY *spki = X509_REQ_get_X509_PUBKEY(request);
    unsigned char *encoded = NULL;
    int len;

    csr->key = spki_key(spki);
    if (!csr->key)
        return acme_problem_set(problem, ACME_BAD_CSR,
                                "The CSR's public key cannot be read; RSA and EC (P-256, P-384, P-521) are accepted");
    if (!key_accepted(spki, csr->key, problem) || !signature_algorithm_accepted(request, problem))
        return false;
    if (X509_REQ_verify(request, csr->key) != 1)
        return bad_csr(problem, "The CSR's signature does not verify with its own key");
    len = i2d_X509_PUBKEY(spki, &encoded);
    bool ok = len > 0 && EVP_Digest(encoded, (size_t)len, csr->spki_sha256, NULL, EVP_sha256(), NULL) == 1 &&
              EVP_Digest(csr->der, csr->der_len, csr->der_sha256, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(encoded);
    return ok || acme_problem_out_of_memory(problem);
}

/* Adds a name of the CSR; what is wrong with it is said as badCSR. */
static bool add_csr_name(struct acme_csr *csr, const char *type, const char *text, size_t len,
                         struct acme_identifier *identifier, struct acme_problem *problem)
{
    if (!identifier_parse(type, text, len, identifier, problem))
        return acme_problem_set(problem, ACME_BAD_CSR, "In the CSR: %s", problem->detail);
    if (csr->names.count >= NAMES_MAX)
        return acme_problem_set(problem, ACME_BAD_CSR, "The CSR has more than %d names", ACME_IDENTIFIERS_MAX);
    return names_add(&csr->names, identifier) || acme_problem_out_of_memory(problem);
}

static bool add_address(struct acme_csr *csr, const ASN1_OCTET_STRING *octets, struct acme_problem *problem)
{
    char text[INET6_ADDRSTRLEN];
    struct acme_identifier identifier;
    int len = ASN1_STRING_length(octets);

    if ((len != 4 && len != 16) ||
        !inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(octets), text, sizeof text))
        return bad_csr(problem, "An iPAddress in the CSR's subjectAltName has neither 4 nor 16 octets");
    return add_csr_name(csr, "ip", text, strlen(text), &identifier, problem);
}

static bool add_asked_name(struct acme_csr *csr, const GENERAL_NAME *name, struct acme_problem *problem)
{
    static const char *const kinds[] = {"an otherName",     "an e-mail address", "a DNS name", "an X.400 address",
                                        "a directory name", "an EDI party name", "a URI",      "an IP address",
                                        "a registered id"};
    struct acme_identifier identifier;
    int type;
    const void *value = GENERAL_NAME_get0_value(name, &type);

    if (type == GEN_IPADD)
        return add_address(csr, value, problem);
    if (type == GEN_DNS)
        return add_csr_name(csr, "dns", (const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value),
                            &identifier, problem);
    return acme_problem_set(problem, ACME_BAD_CSR,
                            "The CSR's subjectAltName has %s; only DNS names and IP addresses can be certified",
                            type >= 0 && type <= GEN_RID ? kinds[type] : "an entry of unknown type");
}

static bool add_alternative_names(struct acme_csr *csr, const STACK_OF(X509_EXTENSION) * extensions,
                                  struct acme_problem *problem)
{
    int critical;
    bool ok = true;
    GENERAL_NAMES *list = X509V3_get_d2i(extensions, NID_subject_alt_name, &critical, NULL);

    if (!list && critical != -1)
        return bad_csr(problem, critical == -2 ? "The CSR has two subjectAltName extensions"
                                               : "The CSR's subjectAltName cannot be decoded");
    for (int i = 0; ok && i < sk_GENERAL_NAME_num(list); i++)
        ok = add_asked_name(csr, sk_GENERAL_NAME_value(list, i), problem);
    GENERAL_NAMES_free(list);
    return ok;
}

/* Purposes that every TLS server certificate serves, or served until 2026: clients ask for both out of habit. */
static bool is_tls_purpose(const ASN1_OBJECT *purpose)
{
    int nid = OBJ_obj2nid(purpose);
    return nid == NID_server_auth || nid == NID_client_auth || nid == NID_anyExtendedKeyUsage || nid == NID_ms_sgc ||
           nid == NID_ns_sgc;
}

static bool asks_other_purpose(const EXTENDED_KEY_USAGE *purposes)
{
    for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++)
        if (!is_tls_purpose(sk_ASN1_OBJECT_value(purposes, i)))
            return true;
    return false;
}

static bool asks_to_sign(const ASN1_BIT_STRING *usage)
{
    enum { KEY_CERT_SIGN = 5, CRL_SIGN = 6 };
    return ASN1_BIT_STRING_get_bit(usage, KEY_CERT_SIGN) || ASN1_BIT_STRING_get_bit(usage, CRL_SIGN);
}

/* The decoded extension, owned; NULL where there is none. Sets the problem where there are two, or one that cannot be
 * decoded: what it asks for is not known then. */
static void *take_extension(const STACK_OF(X509_EXTENSION) * extensions, int nid, struct acme_problem *problem)
{
    int critical;
    void *value = X509V3_get_d2i(extensions, nid, &critical, NULL);

    if (!value && critical != -1)
        acme_problem_set(problem, ACME_BAD_CSR, "The CSR's %s is there twice, or cannot be decoded", OBJ_nid2sn(nid));
    return value;
}

/* Other extensions that are no names change nothing that a client would notice, and Microsoft's tools write many. */
static bool read_wishes(const STACK_OF(X509_EXTENSION) * extensions, struct acme_csr *csr, struct acme_problem *problem)
{
    TLS_FEATURE *features = take_extension(extensions, NID_tlsfeature, problem);
    BASIC_CONSTRAINTS *basic = take_extension(extensions, NID_basic_constraints, problem);
    ASN1_BIT_STRING *usage = take_extension(extensions, NID_key_usage, problem);
    EXTENDED_KEY_USAGE *purposes = take_extension(extensions, NID_ext_key_usage, problem);
    NAME_CONSTRAINTS *constraints = take_extension(extensions, NID_name_constraints, problem);

    csr->wishes[ACME_CSR_TLS_FEATURE] = features != NULL;
    csr->wishes[ACME_CSR_CA] = basic && basic->ca;
    csr->wishes[ACME_CSR_KEY_USAGE] = usage && asks_to_sign(usage);
    csr->wishes[ACME_CSR_EXTENDED_KEY_USAGE] = purposes && asks_other_purpose(purposes);
    csr->wishes[ACME_CSR_NAME_CONSTRAINTS] = constraints != NULL;
    TLS_FEATURE_free(features);
    BASIC_CONSTRAINTS_free(basic);
    ASN1_BIT_STRING_free(usage);
    EXTENDED_KEY_USAGE_free(purposes);
    NAME_CONSTRAINTS_free(constraints);
    return !problem->type;
}

/* The library takes the first extension request that it finds: which one a CA would take is not for us to guess. */
static int extension_requests(const X509_REQ *request)
{
    int count = 0;

    for (int i = 0; i < X509_REQ_get_attr_count(request); i++) {
        X509_ATTRIBUTE *attribute = X509_REQ_get_attr(request, i);
        int nid = OBJ_obj2nid(X509_ATTRIBUTE_get0_object(attribute));
        if (nid == NID_ext_req || nid == NID_ms_ext_req)
            count += X509_ATTRIBUTE_count(attribute) == 1 ? 1 : 2;
    }
    return count;
}

static bool read_extensions(X509_REQ *request, struct acme_csr *csr, struct acme_problem *problem)
{
    int requests = extension_requests(request);

    if (requests == 0)
        return true;
    if (requests > 1)
        return bad_csr(problem, "The CSR has more than one extension request; exactly one is accepted");
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
    if (!extensions)
        return bad_csr(problem, "The CSR's extension request cannot be decoded");
    bool ok = add_alternative_names(csr, extensions, problem) && read_wishes(extensions, csr, problem);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return ok;
}

static bool add_common_name(const ASN1_STRING *value, struct acme_csr *csr, struct acme_problem *problem)
{
    struct acme_problem ignored = {0};
    struct acme_identifier identifier;
    unsigned char *text = NULL;
    int len = ASN1_STRING_to_UTF8(&text, value);

    if (len < 0)
        return bad_csr(problem, "The CSR's common name cannot be decoded");
    bool is_ip = identifier_parse("ip", (const char *)text, (size_t)len, &identifier, &ignored);
    bool ok = add_csr_name(csr, is_ip ? "ip" : "dns", (const char *)text, (size_t)len, &identifier, problem);
    if (ok)
        snprintf(csr->common_name, sizeof csr->common_name, "%s", identifier.value);
    acme_problem_clear(&ignored);
    OPENSSL_free(text);
    return ok;
}

static bool read_subject(const X509_REQ *request, struct acme_csr *csr, struct acme_problem *problem)
{
    const X509_NAME *subject = X509_REQ_get_subject_name(request);

    for (int i = 0; i < X509_NAME_entry_count(subject); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
        if (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) != NID_commonName) {
            csr->other_subject = true;
            continue;
        }
        if (csr->common_name[0])
            return bad_csr(problem, "The CSR has two common names; none or one is accepted");
        if (!add_common_name(X509_NAME_ENTRY_get_data(entry), csr, problem))
            return false;
    }
    return true;
}

static bool read_request(X509_REQ *request, struct acme_csr *csr, struct acme_problem *problem)
{
    if (!read_key(request, csr, problem) || !read_extensions(request, csr, problem) ||
        !read_subject(request, csr, problem))
        return false;
    return csr->names.count > 0 || bad_csr(problem, "The CSR has no names: neither a subjectAltName nor a common name");
}

static bool decode_csr(struct acme_csr *csr, struct acme_problem *problem)
{
    const unsigned char *next = csr->der;
    X509_REQ *request = spki_read_request(&next, (long)csr->der_len);
    bool ok = false;

    if (!request)
        bad_csr(problem, "The CSR is not a PKCS #10 request in DER");
    else if (next != csr->der + csr->der_len)
        bad_csr(problem, "The CSR is followed by further octets");
    else
        ok = read_request(request, csr, problem);
    X509_REQ_free(request);
    return ok;
}

bool csr_parse(const uint8_t *der, size_t len, struct acme_csr *csr, struct acme_problem *problem)
{
    memset(csr, 0, sizeof *csr);
    if (len == 0 || len > ACME_CSR_MAX)
        return acme_problem_set(problem, ACME_BAD_CSR, "The CSR has %zu octets; 1 to %d are accepted", len,
                                ACME_CSR_MAX);
    csr->der = shortage_malloc(len);
    if (!csr->der)
        return acme_problem_out_of_memory(problem);
    memcpy(csr->der, der, len);
    csr->der_len = len;
    ERR_clear_error();
    bool ok = decode_csr(csr, problem);
    ERR_clear_error();
    if (!ok)
        csr_clear(csr);
    return ok;
}

bool csr_common_name(const uint8_t *der, size_t len, char common_name[static ACME_NAME_MAX + 3])
{
    struct acme_problem problem = {0};
    struct acme_csr csr = {0};
    const unsigned char *next = der;
    X509_REQ *request = spki_read_request(&next, (long)len);
    bool read = request && read_subject(request, &csr, &problem);
    memcpy(common_name, csr.common_name, sizeof csr.common_name);
    X509_REQ_free(request);
    csr_clear(&csr);
    acme_problem_clear(&problem);
    ERR_clear_error();
    return read && common_name[0];
}

/* Lists in text (of size octets) the names that a has and b lacks; the empty text where there are none. */
static void list_difference(const struct acme_names *a, const struct acme_names *b, char *text, size_t size)
{
    size_t len = 0, left_out = 0;

    text[0] = '\0';
    for (size_t i = 0; i < a->count; i++) {
        const char *value = a->list[i].value;
        size_t needed = strlen(value) + 2;
        if (names_contain(b, &a->list[i]))
            continue;
        if (len + needed + sizeof " and 100 more" > size) {
            left_out++;
            continue;
        }
        len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "", value);
    }
    if (left_out > 0)
        snprintf(text + len, size - len, " and %zu more", left_out);
}

static bool names_differ(const struct acme_csr *csr, const struct acme_names *order, struct acme_problem *problem)
{
    char missing[ACME_DETAIL_MAX / 2 - 80], extra[ACME_DETAIL_MAX / 2 - 80];

    list_difference(order, &csr->names, missing, sizeof missing);
    list_difference(&csr->names, order, extra, sizeof extra);
    return acme_problem_set(problem, ACME_BAD_CSR, "The CSR's names are not the order's:%s%s%s%s%s",
                            *missing ? " it lacks " : "", missing, *missing && *extra ? ";" : "",
                            *extra ? " the order does not have " : "", extra);
}

bool csr_check(const struct acme_csr *csr, const struct acme_names *order, EVP_PKEY *account_key,
               struct acme_problem *problem)
{
    if (!names_equal(&csr->names, order))
        return names_differ(csr, order, problem);
    ERR_clear_error();
    bool same = EVP_PKEY_eq(csr->key, account_key) == 1;
    ERR_clear_error();
    return !same || bad_csr(problem, "The CSR's key is the account's key; a certificate needs a key of its own");
}

void csr_clear(struct acme_csr *csr)
{
    free(csr->der);
    EVP_PKEY_free(csr->key);
    names_clear(&csr->names);
    memset(csr, 0, sizeof *csr);
}
