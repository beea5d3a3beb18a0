#include "gateway/own/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "acme/csr.h"
#include "acme/durations.h"
#include "gateway/durable.h"

enum { COMMON_NAME_MAX = 64, SERIAL_LEN = 16, NAME_MAX_TEXT = ACME_NAME_MAX + 8 };
/* Before the moment it is made, for clients whose clocks are a little behind. */
static const long BACKDATED_S = HOUR_S;
static const long SELF_SIGNED_S = 365L * DAY_S;

static bool fail_file(char reason[static OWN_REASON_MAX], const char *what, const char *path)
{
    unsigned long code = ERR_peek_error();
    const char *why = code ? ERR_reason_error_string(code) : errno ? strerror(errno) : NULL;
    snprintf(reason, OWN_REASON_MAX, "%s%s%.300s%s%.100s", what, path ? " " : "", path ? path : "", why ? ": " : "",
             why ? why : "");
    ERR_clear_error();
    return false;
}

static bool next_path(const char *file, char path[static PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s.next", file) < PATH_MAX;
}

/* Key and all: for the owner's eyes alone, the whole of it or nothing, also across a crash. */
static bool write_file(const char *path, BIO *content, char reason[static OWN_REASON_MAX])
{
    char *data;
    long len = BIO_get_mem_data(content, &data);
    return (len > 0 && durable_write_file(path, data, (size_t)len)) || fail_file(reason, "cannot write", path);
}

/* ---- keys and names ---- */

static bool add_common_name(X509_NAME *subject, const struct acme_names *names)
{
    const struct acme_identifier *first = &names->list[0];
    if (first->type != ACME_DNS_NAME || strlen(first->value) > COMMON_NAME_MAX)
        return true;
    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)first->value, -1, -1, 0) ==
           1;
}

/* Names as the configuration checked them, so that none can say anything else to OpenSSL's parser. NULL: no memory. */
static X509_EXTENSION *alternative_names(const struct acme_names *names)
{
    size_t size = names->count * NAME_MAX_TEXT + 1, at = 0;
    char *text = malloc(size);
    for (size_t i = 0; text && i < names->count; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%s:%s", i > 0 ? "," : "",
                               names->list[i].type == ACME_IP_ADDRESS ? "IP" : "DNS", names->list[i].value);
    X509_EXTENSION *extension = text ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text) : NULL;
    free(text);
    return extension;
}

static bool put_key(BIO *out, EVP_PKEY *key)
{
    return PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1;
}

static BIO *secret_bio(void)
{
    return BIO_new(BIO_s_secmem());
}

/* ---- the certificate ---- */

static bool is_for(X509 *certificate, const struct acme_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->list[i].value;
        bool found = names->list[i].type == ACME_IP_ADDRESS ? X509_check_ip_asc(certificate, name, 0) == 1
                                                            : X509_check_host(certificate, name, 0, 0, NULL) == 1;
        if (!found)
            return false;
    }
    return true;
}

static int64_t seconds(const ASN1_TIME *time)
{
    struct tm broken = {0};
    return ASN1_TIME_to_tm(time, &broken) == 1 ? (int64_t)timegm(&broken) : 0;
}

/* A file of ours has no passphrase, and nobody is there to ask. */
static int no_passphrase(char *text, int size, int writing, void *ctx)
{
    (void)text, (void)size, (void)writing, (void)ctx;
    return -1;
}

bool own_file_look(const char *file, const struct acme_names *names, struct own_certificate *about)
{
    BIO *in = BIO_new_file(file, "r");
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    X509 *leaf = key ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    bool usable = leaf && X509_check_private_key(leaf, key) == 1;
    if (usable)
        *about = (struct own_certificate){.self_signed = X509_self_signed(leaf, 0) == 1,
                                          .fits = is_for(leaf, names),
                                          .not_before_s = seconds(X509_get0_notBefore(leaf)),
                                          .not_after_s = seconds(X509_get0_notAfter(leaf))};
    X509_free(leaf);
    EVP_PKEY_free(key);
    BIO_free(in);
    ERR_clear_error();
    return usable;
}

static bool set_serial(X509 *certificate)
{
    unsigned char octets[SERIAL_LEN];
    if (RAND_bytes(octets, sizeof octets) != 1)
        return false;
    octets[0] = (unsigned char)((octets[0] & 0x3f) | 0x40); /* positive, and of full length */
    BIGNUM *number = BN_bin2bn(octets, sizeof octets, NULL);
    bool set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return set;
}

static bool fill_certificate(X509 *certificate, EVP_PKEY *key, const struct acme_names *names)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_EXTENSION *extension = alternative_names(names);
    bool good = extension && X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), -BACKDATED_S) &&
                X509_gmtime_adj(X509_getm_notAfter(certificate), SELF_SIGNED_S) && add_common_name(subject, names) &&
                X509_set_issuer_name(certificate, subject) == 1 && X509_set_pubkey(certificate, key) == 1 &&
                X509_add_ext(certificate, extension, -1) == 1 && X509_sign(certificate, key, EVP_sha256()) > 0;
    X509_EXTENSION_free(extension);
    return good;
}

bool own_file_sign_itself(const char *file, const struct acme_names *names, char reason[static OWN_REASON_MAX])
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *out = secret_bio();
    bool made = key && certificate && out && fill_certificate(certificate, key, names) && put_key(out, key) &&
                PEM_write_bio_X509(out, certificate) == 1;
    errno = 0;
    bool good = made ? write_file(file, out, reason) : fail_file(reason, "a certificate cannot be made", NULL);
    BIO_free(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return good;
}

bool own_file_install(const char *file, const struct own_request *request, const char *chain,
                      char reason[static OWN_REASON_MAX])
{
    BIO *out = secret_bio();
    errno = 0;
    bool good = out && put_key(out, request->key) && BIO_puts(out, chain) > 0
                    ? write_file(file, out, reason)
                    : fail_file(reason, "a certificate cannot be written down", NULL);
    BIO_free(out);
    if (good)
        own_request_forget(file);
    return good;
}

/* ---- the request ---- */

void own_request_clear(struct own_request *request)
{
    EVP_PKEY_free(request->key);
    free(request->csr);
    memset(request, 0, sizeof *request);
}

void own_request_forget(const char *file)
{
    char path[PATH_MAX];
    if (next_path(file, path))
        unlink(path);
}

/* False where it is not for exactly these names: they have been changed in the configuration. */
static bool keep_csr(struct own_request *request, X509_REQ *csr, const struct acme_names *names)
{
    struct acme_problem problem = {0};
    struct acme_csr parsed = {0};
    uint8_t *der = NULL;
    int len = i2d_X509_REQ(csr, &der);
    request->csr = len > 0 ? malloc((size_t)len) : NULL;
    bool good = request->csr != NULL;
    if (good) {
        memcpy(request->csr, der, (size_t)len);
        request->csr_len = (size_t)len;
        SHA256(request->csr, request->csr_len, request->csr_sha256);
        good =
            csr_parse(request->csr, request->csr_len, &parsed, &problem) && csr_check(&parsed, names, NULL, &problem);
    }
    csr_clear(&parsed);
    acme_problem_clear(&problem);
    OPENSSL_free(der);
    return good;
}

bool own_request_load(const char *file, const struct acme_names *names, struct own_request *request)
{
    char path[PATH_MAX];
    *request = (struct own_request){0};
    BIO *in = next_path(file, path) ? BIO_new_file(path, "r") : NULL;
    request->key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    X509_REQ *csr = request->key ? PEM_read_bio_X509_REQ(in, NULL, NULL, NULL) : NULL;
    bool good = csr && X509_REQ_check_private_key(csr, request->key) == 1 && keep_csr(request, csr, names);
    X509_REQ_free(csr);
    BIO_free(in);
    ERR_clear_error();
    if (!good)
        own_request_clear(request);
    return good;
}

static bool fill_csr(X509_REQ *csr, EVP_PKEY *key, const struct acme_names *names)
{
    X509_EXTENSION *extension = alternative_names(names);
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    bool good = extension && extensions && sk_X509_EXTENSION_push(extensions, extension) > 0 &&
                X509_REQ_set_version(csr, X509_REQ_VERSION_1) == 1 &&
                add_common_name(X509_REQ_get_subject_name(csr), names) && X509_REQ_set_pubkey(csr, key) == 1 &&
                X509_REQ_add_extensions(csr, extensions) == 1 && X509_REQ_sign(csr, key, EVP_sha256()) > 0;
    sk_X509_EXTENSION_free(extensions);
    X509_EXTENSION_free(extension);
    return good;
}

bool own_request_make(const char *file, const struct acme_names *names, struct own_request *request,
                      char reason[static OWN_REASON_MAX])
{
    char path[PATH_MAX];
    X509_REQ *csr = X509_REQ_new();
    BIO *out = secret_bio();
    *request = (struct own_request){.key = EVP_EC_gen("P-256")};
    bool made = csr && out && request->key && next_path(file, path) && fill_csr(csr, request->key, names) &&
                put_key(out, request->key) && PEM_write_bio_X509_REQ(out, csr) == 1 && keep_csr(request, csr, names);
    errno = 0;
    bool good = made ? write_file(path, out, reason) : fail_file(reason, "a key and its CSR cannot be made", NULL);
    BIO_free(out);
    X509_REQ_free(csr);
    if (!good)
        own_request_clear(request);
    return good;
}
