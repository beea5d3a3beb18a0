/* authority: what costs processor time is made once: keys and CSRs. Certificates are signed as they are asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "tests/simulation/sim.h"

static struct acme_names names[SETS];
static struct csr csrs[SETS][KEYS];
static EVP_PKEY *keys[SETS][KEYS], *root_key, *ca_key;
static X509 *root, *ca;
static char *cas, anchors[256];

static void need(bool holds)
{
    if (!holds)
        abort();
}

static char *pem_of(X509 *certificate)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text;
    need(out && PEM_write_bio_X509(out, certificate) == 1);
    long len = BIO_get_mem_data(out, &text);
    char *copy = strndup(text, (size_t)len);
    BIO_free(out);
    return copy;
}

static X509 *make_certificate(const char *name, X509 *issuer, EVP_PKEY *key)
{
    X509 *made = X509_new();
    X509_NAME *subject = X509_get_subject_name(made);
    need(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1);
    X509_set_version(made, 2);
    X509_set_issuer_name(made, issuer ? X509_get_subject_name(issuer) : subject);
    X509_set_pubkey(made, key);
    return made;
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    need(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static X509 *make_ca(const char *name, X509 *issuer, EVP_PKEY *key, EVP_PKEY *signer)
{
    X509 *made = make_certificate(name, issuer, key);
    ASN1_INTEGER_set(X509_get_serialNumber(made), issuer ? 2 : 1);
    ASN1_TIME_set(X509_getm_notBefore(made), 1700000000);
    ASN1_TIME_set(X509_getm_notAfter(made), 2500000000);
    add_extension(made, NID_basic_constraints, "critical,CA:TRUE");
    need(X509_sign(made, signer, EVP_sha256()) > 0);
    return made;
}

static void hex(const uint8_t *octets, size_t len, bool upper, char *out)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, upper ? "%02X" : "%02x", octets[i]);
}

static void sans_of(unsigned set, char text[static 256])
{
    size_t len = 0;
    for (size_t i = 0; i < names[set].count; i++)
        len += (size_t)snprintf(text + len, 256 - len, "%sDNS:%s", i > 0 ? "," : "", names[set].list[i].value);
}

static void make_csr(unsigned set, unsigned key)
{
    struct csr *csr = &csrs[set][key];
    X509_REQ *request = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    uint8_t md5[MD5_DIGEST_LENGTH], sha256[SHA256_DIGEST_LENGTH], *spki = NULL;
    char sans[256];
    sans_of(set, sans);
    keys[set][key] = EVP_EC_gen("P-256");
    need(X509_REQ_set_pubkey(request, keys[set][key]) == 1);
    sk_X509_EXTENSION_push(extensions, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, sans));
    need(X509_REQ_add_extensions(request, extensions) == 1 &&
         X509_REQ_sign(request, keys[set][key], EVP_sha256()) > 0);
    csr->set = set;
    csr->der_len = (size_t)i2d_X509_REQ(request, &csr->der);
    csr->pem = sectigo_csr_pem(csr->der, csr->der_len);
    EVP_Digest(csr->der, csr->der_len, md5, NULL, EVP_md5(), NULL);
    EVP_Digest(csr->der, csr->der_len, sha256, NULL, EVP_sha256(), NULL);
    hex(md5, sizeof md5, true, csr->md5);
    hex(sha256, sizeof sha256, false, csr->sha256);
    int spki_len = i2d_PUBKEY(keys[set][key], &spki);
    EVP_Digest(spki, (size_t)spki_len, csr->spki_sha256, NULL, EVP_sha256(), NULL);
    OPENSSL_free(spki);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(request);
}

/* Every fourth set has two names. */
static void make_names(unsigned set)
{
    struct acme_identifier name = {.type = ACME_DNS_NAME};
    for (unsigned i = 0; i < (set % 4 == 3 ? NAMES_OF_SET : 1); i++) {
        snprintf(name.value, sizeof name.value, "n%u-%u.sim.example", set, i);
        need(names_add(&names[set], &name));
    }
}

void authority_make(const char *folder)
{
    root_key = EVP_EC_gen("P-256");
    ca_key = EVP_EC_gen("P-256");
    root = make_ca("sim root", NULL, root_key, root_key);
    ca = make_ca("sim authority", root, ca_key, root_key);
    cas = pem_of(ca);
    snprintf(anchors, sizeof anchors, "%s/root.pem", folder);
    FILE *file = fopen(anchors, "w");
    need(file && PEM_write_X509(file, root) == 1 && fclose(file) == 0);
    for (unsigned set = 0; set < SETS; set++) {
        make_names(set);
        for (unsigned key = 0; key < KEYS; key++)
            make_csr(set, key);
    }
}

void authority_free(void)
{
    for (unsigned set = 0; set < SETS; set++) {
        names_clear(&names[set]);
        for (unsigned key = 0; key < KEYS; key++) {
            OPENSSL_free(csrs[set][key].der);
            free(csrs[set][key].pem);
            EVP_PKEY_free(keys[set][key]);
        }
    }
    X509_free(root);
    X509_free(ca);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(ca_key);
    free(cas);
}

const struct acme_names *authority_names(unsigned set)
{
    return &names[set];
}

const struct csr *authority_csr(unsigned set, unsigned key)
{
    return &csrs[set][key];
}

const struct csr *authority_find(const char *pem)
{
    for (unsigned set = 0; pem && set < SETS; set++)
        for (unsigned key = 0; key < KEYS; key++)
            if (strcmp(csrs[set][key].pem, pem) == 0)
                return &csrs[set][key];
    return NULL;
}

char *authority_issue(const struct csr *csr, int64_t not_before_s, int64_t not_after_s, char serial[static 41])
{
    char sans[256];
    EVP_PKEY *key = keys[csr->set][csr - csrs[csr->set]];
    X509 *made = make_certificate(names[csr->set].list[0].value, ca, key);
    uint8_t octets[16];
    for (unsigned i = 0; i < sizeof octets; i++)
        octets[i] = (uint8_t)(chance_below(127) + 1);
    hex(octets, sizeof octets, true, serial);
    BIGNUM *number = BN_bin2bn(octets, sizeof octets, NULL);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(made));
    BN_free(number);
    ASN1_TIME_set(X509_getm_notBefore(made), not_before_s);
    ASN1_TIME_set(X509_getm_notAfter(made), not_after_s);
    sans_of(csr->set, sans);
    add_extension(made, NID_subject_alt_name, sans);
    need(X509_sign(made, ca_key, EVP_sha256()) > 0);
    char *pem = pem_of(made);
    X509_free(made);
    return pem;
}

const char *authority_cas(void)
{
    return cas;
}

const char *authority_anchors(void)
{
    return anchors;
}
