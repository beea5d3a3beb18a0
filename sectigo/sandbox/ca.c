#include "sectigo/sandbox/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sectigo/sandbox/csr.h"

enum { DAY_S = 86400, ROOT_DAYS = 20 * 365, SERIAL_OCTETS = 16 };

/* What a certificate is made of, for all kinds. */
struct profile {
    const char *organization, *common_name;
    const char *constraints, *usage, *extended, *crl, *ocsp; /* extension texts of OpenSSL; NULL: left out */
    const char *names;
    const X509_PUBKEY *spki;
    int64_t not_before_s, not_after_s;
};

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool ok;
    if (!value)
        return true;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    ok = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return ok;
}

static bool add_general_name(GENERAL_NAMES *names, const char *name)
{
    GENERAL_NAME *entry = a2i_GENERAL_NAME(NULL, NULL, NULL, name_is_ip(name) ? GEN_IPADD : GEN_DNS, name, 0);
    if (entry && sk_GENERAL_NAME_push(names, entry))
        return true;
    GENERAL_NAME_free(entry);
    return false;
}

/* Not by extension text: names come from outside and must not be able to say more than a name. */
static bool add_names(X509 *certificate, const char *list)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    char *copy = strdup(list ? list : ""), *rest = NULL;
    bool ok = names && copy;
    for (char *name = ok ? strtok_r(copy, ",", &rest) : NULL; ok && name; name = strtok_r(NULL, ",", &rest))
        ok = add_general_name(names, name);
    if (ok && sk_GENERAL_NAME_num(names))
        ok = X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT);
    GENERAL_NAMES_free(names);
    free(copy);
    return ok;
}

static bool add_attribute(X509_NAME *subject, const char *field, const char *value)
{
    return !value || X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0);
}

static bool set_serial(X509 *certificate)
{
    uint8_t octets[SERIAL_OCTETS];
    BIGNUM *number;
    bool ok;
    if (RAND_bytes(octets, sizeof octets) != 1)
        return false;
    octets[0] = (uint8_t)((octets[0] & 0x7f) | 0x40); /* positive, and always of the same length */
    number = BN_bin2bn(octets, sizeof octets, NULL);
    ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return ok;
}

/* Octet by octet: X509_set_pubkey would encode the key and decode it again, dearer than all the rest of signing. */
static bool copy_key(X509 *certificate, const X509_PUBKEY *spki)
{
    X509_PUBKEY *own = X509_get_X509_PUBKEY(certificate);
    ASN1_OBJECT *algorithm = NULL;
    const unsigned char *octets = NULL;
    const void *parameter = NULL;
    X509_ALGOR *algor = NULL;
    void *parameter_copy = NULL;
    unsigned char *copy;
    int len = 0, type = V_ASN1_UNDEF;
    if (!X509_PUBKEY_get0_param(&algorithm, &octets, &len, &algor, spki))
        return false;
    X509_ALGOR_get0(NULL, &type, &parameter, algor);
    if (type == V_ASN1_OBJECT)
        parameter_copy = OBJ_dup(parameter);
    else if (type != V_ASN1_NULL && type != V_ASN1_UNDEF)
        return false;
    copy = OPENSSL_memdup(octets, (size_t)len);
    if (copy && X509_PUBKEY_set0_param(own, OBJ_dup(algorithm), type, parameter_copy, copy, len))
        return true;
    OPENSSL_free(copy);
    ASN1_OBJECT_free(parameter_copy);
    return false;
}

static bool set_key(X509 *certificate, EVP_PKEY *key, const struct profile *profile)
{
    return (profile->spki && copy_key(certificate, profile->spki)) || X509_set_pubkey(certificate, key);
}

static bool set_times(X509 *certificate, const struct profile *profile)
{
    time_t begin = profile->not_before_s, end = profile->not_after_s;
    return X509_time_adj_ex(X509_getm_notBefore(certificate), 0, 0, &begin) &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), 0, 0, &end);
}

static bool add_extensions(X509 *certificate, X509 *signer, const struct profile *profile)
{
    return add_extension(certificate, signer, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, signer, NID_authority_key_identifier, "keyid:always") &&
           add_extension(certificate, signer, NID_basic_constraints, profile->constraints) &&
           add_extension(certificate, signer, NID_key_usage, profile->usage) &&
           add_extension(certificate, signer, NID_ext_key_usage, profile->extended) &&
           add_extension(certificate, signer, NID_crl_distribution_points, profile->crl) &&
           add_extension(certificate, signer, NID_info_access, profile->ocsp) && add_names(certificate, profile->names);
}

static bool fill_certificate(X509 *certificate, EVP_PKEY *key, X509 *issuer, const struct profile *profile)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    return X509_set_version(certificate, X509_VERSION_3) && set_serial(certificate) &&
           set_times(certificate, profile) && add_attribute(subject, "O", profile->organization) &&
           add_attribute(subject, "CN", profile->common_name) &&
           X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : subject) &&
           set_key(certificate, key, profile) && add_extensions(certificate, issuer ? issuer : certificate, profile);
}

/* issuer NULL: self-signed. */
static X509 *make_certificate(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const struct profile *profile)
{
    X509 *certificate = X509_new();
    if (certificate && fill_certificate(certificate, key, issuer, profile) &&
        X509_sign(certificate, issuer_key, EVP_sha256()))
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* The text of a memory BIO, malloc'd. */
static char *bio_text(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    return len > 0 ? strndup(data, (size_t)len) : NULL;
}

static char *certificate_pem(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = bio && PEM_write_bio_X509(bio, certificate) ? bio_text(bio) : NULL;
    BIO_free(bio);
    return text;
}

static char *key_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) ? bio_text(bio) : NULL;
    BIO_free(bio);
    return text;
}

static bool save(const char *folder, const char *name, const char *text, mode_t mode)
{
    char path[4096];
    int fd;
    bool ok;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = text ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode) : -1;
    if (fd < 0)
        return false;
    ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    return close(fd) == 0 && ok;
}

static FILE *open_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, "re");
}

static EVP_PKEY *load_key(const char *folder, const char *name)
{
    FILE *file = open_file(folder, name);
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    return key;
}

static X509 *load_certificate(const char *folder, const char *name)
{
    FILE *file = open_file(folder, name);
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    return certificate;
}

/* An authority is a key and a certificate in the data folder: loaded, or made where one of them is missing. */
struct authority {
    EVP_PKEY *key;
    X509 *certificate;
};

static void authority_clear(struct authority *authority)
{
    EVP_PKEY_free(authority->key);
    X509_free(authority->certificate);
    *authority = (struct authority){0};
}

static bool authority_make(struct authority *authority, const char *common_name, const struct authority *parent)
{
    int64_t now_s = time(NULL);
    struct profile profile = {
        .organization = "Sectigo sandbox, not to be trusted",
        .common_name = common_name,
        .constraints = parent ? "critical,CA:TRUE,pathlen:0" : "critical,CA:TRUE",
        .usage = "critical,keyCertSign,cRLSign",
        .extended = parent ? "serverAuth" : NULL,
        .not_before_s = now_s - DAY_S,
        .not_after_s = now_s + (int64_t)ROOT_DAYS * DAY_S,
    };
    authority->key = EVP_EC_gen("P-256");
    authority->certificate = authority->key ? make_certificate(authority->key, parent ? parent->certificate : NULL,
                                                               parent ? parent->key : authority->key, &profile)
                                            : NULL;
    return authority->certificate != NULL;
}

static bool authority_save(const struct authority *authority, const char *folder, const char *name)
{
    char file[64], *certificate = certificate_pem(authority->certificate), *key = key_pem(authority->key);
    bool ok;
    snprintf(file, sizeof file, "keys/%s.pem", name);
    ok = save(folder, file, key, 0600);
    snprintf(file, sizeof file, "%s.pem", name);
    ok = ok && save(folder, file, certificate, 0644);
    free(certificate);
    free(key);
    return ok;
}

/* parent_made: then this one must be made anew as well. *made says so of this one. */
static bool authority_open(struct authority *authority, const char *folder, const char *name, const char *common_name,
                           const struct authority *parent, bool *made)
{
    char file[64];
    *authority = (struct authority){0};
    if (!*made) {
        snprintf(file, sizeof file, "keys/%s.pem", name);
        authority->key = load_key(folder, file);
        snprintf(file, sizeof file, "%s.pem", name);
        authority->certificate = load_certificate(folder, file);
        if (authority->key && authority->certificate)
            return true;
        authority_clear(authority);
    }
    *made = true;
    return authority_make(authority, common_name, parent) && authority_save(authority, folder, name);
}

static bool open_issuer(struct ca_issuer *issuer, const char *folder, const char *prefix, const char *title)
{
    struct authority root, intermediate = {0};
    char name[32], common_name[64];
    bool made = false, ok;
    snprintf(name, sizeof name, "%sroot", prefix);
    snprintf(common_name, sizeof common_name, "Sandbox %sRoot", title);
    ok = authority_open(&root, folder, name, common_name, NULL, &made);
    snprintf(name, sizeof name, "%sintermediate", prefix);
    snprintf(common_name, sizeof common_name, "Sandbox %sIntermediate", title);
    ok = ok && authority_open(&intermediate, folder, name, common_name, &root, &made);
    issuer->key = intermediate.key;
    issuer->intermediate = intermediate.certificate;
    issuer->root = root.certificate;
    EVP_PKEY_free(root.key);
    issuer->root_pem = ok ? certificate_pem(issuer->root) : NULL;
    issuer->intermediate_pem = ok ? certificate_pem(issuer->intermediate) : NULL;
    return issuer->root_pem && issuer->intermediate_pem;
}

static void close_issuer(struct ca_issuer *issuer)
{
    EVP_PKEY_free(issuer->key);
    X509_free(issuer->root);
    X509_free(issuer->intermediate);
    free(issuer->root_pem);
    free(issuer->intermediate_pem);
}

/* The HTTPS certificate is new at every start, its authority is not. */
static bool make_tls(struct ca *ca, const struct authority *authority, const char *names)
{
    int64_t now_s = time(NULL);
    struct profile profile = {
        .common_name = "sectigo-sandbox",
        .constraints = "critical,CA:FALSE",
        .usage = "critical,digitalSignature",
        .extended = "serverAuth",
        .names = names,
        .not_before_s = now_s - DAY_S,
        .not_after_s = now_s + (int64_t)CA_MAX_DAYS * DAY_S,
    };
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? make_certificate(key, authority->certificate, authority->key, &profile) : NULL;
    if (certificate) {
        ca->tls_certificate = certificate_pem(certificate);
        ca->tls_key = key_pem(key);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ca->tls_certificate && ca->tls_key;
}

static bool make_folder(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s", folder, name);
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

bool ca_open(struct ca *ca, const char *folder, const char *tls_names, char reason[static JOURNAL_REASON_MAX])
{
    struct authority tls = {0};
    bool made = false, ok;
    *ca = (struct ca){0};
    ok = make_folder(folder, "") && make_folder(folder, "/keys") &&
         authority_open(&tls, folder, "tls-ca", "Sandbox TLS", NULL, &made) && make_tls(ca, &tls, tls_names) &&
         open_issuer(&ca->live, folder, "", "") && open_issuer(&ca->test, folder, "test-", "Test ");
    if (!ok)
        snprintf(reason, JOURNAL_REASON_MAX, "cannot make or read the authorities in %s: %s", folder, strerror(errno));
    authority_clear(&tls);
    return ok;
}

void ca_set_status_url(struct ca *ca, const char *url)
{
    snprintf(ca->live.crl, sizeof ca->live.crl, "URI:%s" CA_CRL_PATH, url);
    snprintf(ca->test.crl, sizeof ca->test.crl, "URI:%s" CA_TEST_CRL_PATH, url);
    snprintf(ca->live.ocsp, sizeof ca->live.ocsp, "OCSP;URI:%s" CA_OCSP_PATH, url);
    snprintf(ca->test.ocsp, sizeof ca->test.ocsp, "OCSP;URI:%s" CA_OCSP_PATH, url);
}

void ca_close(struct ca *ca)
{
    close_issuer(&ca->live);
    close_issuer(&ca->test);
    free(ca->tls_certificate);
    free(ca->tls_key);
}

/* "O=Sectigo\nC=US", attribute by attribute. */
static bool add_subject(X509 *certificate, const char *text)
{
    char *copy = strdup(text ? text : ""), *rest = NULL;
    bool ok = copy != NULL;
    for (char *line = ok ? strtok_r(copy, "\n", &rest) : NULL; ok && line; line = strtok_r(NULL, "\n", &rest)) {
        char *value = strchr(line, '=');
        if (value) {
            *value++ = 0;
            ok = add_attribute(X509_get_subject_name(certificate), line, value);
        }
    }
    free(copy);
    return ok;
}

bool ca_issue(const struct ca_issuer *issuer, const struct ca_request *request, struct ca_certificate *out)
{
    struct profile profile = {
        .constraints = "critical,CA:FALSE",
        .usage = EVP_PKEY_is_a(request->key, "RSA") ? "critical,digitalSignature,keyEncipherment"
                                                    : "critical,digitalSignature",
        .extended = "serverAuth",
        .crl = *issuer->crl ? issuer->crl : NULL,
        .ocsp = *issuer->ocsp ? issuer->ocsp : NULL,
        .common_name = request->common_name && strlen(request->common_name) <= 64 ? request->common_name : NULL,
        .names = request->names,
        .spki = request->spki,
        .not_before_s = request->not_before_s,
        .not_after_s = request->not_after_s,
    };
    X509 *certificate = X509_new();
    uint8_t serial[SERIAL_OCTETS];
    *out = (struct ca_certificate){0};
    if (certificate && fill_certificate(certificate, request->key, issuer->intermediate, &profile) &&
        add_subject(certificate, request->subject) && X509_sign(certificate, issuer->key, EVP_sha256()) &&
        ASN1_STRING_length(X509_get0_serialNumber(certificate)) == SERIAL_OCTETS) {
        memcpy(serial, ASN1_STRING_get0_data(X509_get0_serialNumber(certificate)), sizeof serial);
        hex_lower(serial, sizeof serial, out->serial);
        out->pem = certificate_pem(certificate);
    }
    X509_free(certificate);
    return out->pem != NULL;
}
