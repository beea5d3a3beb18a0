#include "sectigo/sandbox/csr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *base64_encode(const uint8_t *data, size_t len)
{
    char *out = malloc(4 * ((len + 2) / 3) + 1);
    if (out)
        EVP_EncodeBlock((unsigned char *)out, data, (int)len);
    return out;
}

/* Value of a digit, -1 where it is none. */
static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The characters that count, with their padding checked and taken off; false where there is anything else. */
static bool base64_clean(const char *text, size_t len, char *out, size_t *out_len)
{
    size_t padding = 0;
    *out_len = 0;
    for (size_t i = 0; i < len; i++) {
        if (isspace((unsigned char)text[i]))
            continue;
        if (text[i] == '=')
            padding++;
        else if (padding || base64_digit(text[i]) < 0)
            return false;
        else
            out[(*out_len)++] = text[i];
    }
    return *out_len % 4 != 1 && (!padding || (padding <= 2 && (*out_len + padding) % 4 == 0));
}

uint8_t *base64_decode(const char *text, size_t len, size_t *out_len)
{
    char *digits = malloc(len + 1);
    uint8_t *out = malloc(len + 1);
    size_t count = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    *out_len = 0;
    if (!digits || !out || !base64_clean(text, len, digits, &count)) {
        free(digits);
        free(out);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        bits = bits << 6 | (uint32_t)base64_digit(digits[i]);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[(*out_len)++] = (uint8_t)(bits >> held);
        }
    }
    free(digits);
    return out;
}

void hex_lower(const uint8_t *data, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", data[i]);
}

bool name_is_ip(const char *name)
{
    uint8_t address[16];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

bool name_is_wildcard(const char *name)
{
    return strchr(name, '*') != NULL;
}

bool name_is_dns(const char *name)
{
    size_t len = strlen(name), label = 0, labels = 0;
    if (len > 253 || name_is_ip(name))
        return false;
    if (strncmp(name, "*.", 2) == 0)
        name += 2;
    for (const char *at = name;; at++) {
        if (*at == '.' || !*at) {
            if (label == 0 || label > 63 || at[-1] == '-')
                return false;
            labels++;
            label = 0;
            if (!*at)
                return labels >= 2;
        } else if (isalnum((unsigned char)*at) || (*at == '-' && label)) {
            label++;
        } else {
            return false;
        }
    }
}

/* The base64 inside armour, or the whole text where there is none. */
static void find_base64(const char *text, const char **start, size_t *len)
{
    const char *begin = strstr(text, "-----BEGIN "), *end;
    *start = text;
    *len = strlen(text);
    if (!begin)
        return;
    begin = strstr(begin + 11, "-----");
    end = begin ? strstr(begin + 5, "-----END") : NULL;
    if (end) {
        *start = begin + 5;
        *len = (size_t)(end - *start);
    }
}

static void copy_lower(char *out, size_t size, const ASN1_STRING *text)
{
    size_t len = (size_t)ASN1_STRING_length(text);
    if (len >= size || memchr(ASN1_STRING_get0_data(text), 0, len))
        return;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)tolower(ASN1_STRING_get0_data(text)[i]);
    out[len] = 0;
}

/* Last value of a subject attribute, "" where there is none or it is not decent text. */
static void subject_text(X509_REQ *request, int nid, char *out, size_t size)
{
    X509_NAME *subject = X509_REQ_get_subject_name(request);
    int at = X509_NAME_get_index_by_NID(subject, nid, -1);
    unsigned char *utf8 = NULL;
    int len = at < 0 ? -1 : ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    out[0] = 0;
    if (len > 0 && (size_t)len < size && !memchr(utf8, 0, (size_t)len)) {
        memcpy(out, utf8, (size_t)len);
        out[len] = 0;
    }
    OPENSSL_free(utf8);
}

static bool add_requested_name(struct csr *csr, const char *name)
{
    char **names = realloc(csr->names, (csr->name_count + 1) * sizeof *names);
    if (!names)
        return false;
    csr->names = names;
    names[csr->name_count] = strdup(name);
    return names[csr->name_count] && ++csr->name_count;
}

static bool add_general_name(struct csr *csr, const GENERAL_NAME *name)
{
    char text[256] = "";
    if (name->type == GEN_DNS) {
        copy_lower(text, sizeof text, name->d.dNSName);
    } else if (name->type == GEN_IPADD) {
        int len = ASN1_STRING_length(name->d.iPAddress);
        if (len == 4 || len == 16)
            inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof text);
    }
    return !*text || add_requested_name(csr, text);
}

static bool read_names(struct csr *csr)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(csr->request);
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    bool ok = true;
    for (int i = 0; ok && i < sk_GENERAL_NAME_num(names); i++)
        ok = add_general_name(csr, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return ok;
}

/* -11 and -13 by the reference: RSA of 2048 to 8192 bits; P-256, P-384, P-521. */
static int judge_key(EVP_PKEY *key)
{
    static const char *const curves[] = {"prime256v1", "secp384r1", "secp521r1", "P-256", "P-384", "P-521"};
    char curve[64];
    size_t len;
    int bits = EVP_PKEY_get_bits(key);
    if (EVP_PKEY_is_a(key, "RSA"))
        return bits >= 2048 && bits <= 8192 ? 0 : -13;
    if (!EVP_PKEY_is_a(key, "EC") || !EVP_PKEY_get_group_name(key, curve, sizeof curve, &len))
        return -11;
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (strcmp(curve, curves[i]) == 0)
            return 0;
    }
    return -13;
}

static int judge_signature(X509_REQ *request)
{
    int algorithm = X509_REQ_get_signature_nid(request), digest, key;
    if (!OBJ_find_sigid_algs(algorithm, &digest, &key) || (key != NID_rsaEncryption && key != NID_X9_62_id_ecPublicKey))
        return -11;
    switch (digest) {
    case NID_md5:
    case NID_sha1:
    case NID_sha224:
    case NID_sha256:
    case NID_sha384:
    case NID_sha512:
        break;
    default:
        return -11;
    }
    return X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1 ? 0 : -12;
}

static int judge_request(struct csr *csr)
{
    const unsigned char *at = csr->der;
    EVP_PKEY *key;
    int size, signature;
    csr->request = d2i_X509_REQ(NULL, &at, (long)csr->len);
    if (!csr->request || at != csr->der + csr->len)
        return -10;
    key = X509_REQ_get0_pubkey(csr->request);
    if (!key)
        return -11;
    size = judge_key(key);
    if (size == -11)
        return size;
    signature = judge_signature(csr->request);
    return signature ? signature : size;
}

static bool hash(struct csr *csr)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len;
    if (!EVP_Digest(csr->der, csr->len, digest, &len, EVP_md5(), NULL))
        return false;
    hex_lower(digest, len, csr->md5);
    if (!EVP_Digest(csr->der, csr->len, csr->sha1, NULL, EVP_sha1(), NULL))
        return false;
    if (!EVP_Digest(csr->der, csr->len, digest, &len, EVP_sha256(), NULL))
        return false;
    hex_lower(digest, len, csr->sha256);
    return true;
}

int csr_read(const char *text, struct csr *csr)
{
    const char *start;
    size_t len;
    int code;
    *csr = (struct csr){0};
    find_base64(text, &start, &len);
    csr->der = base64_decode(start, len, &csr->len);
    if (!csr->der)
        return -9;
    code = csr->len ? judge_request(csr) : -9;
    if (code)
        return code;
    subject_text(csr->request, NID_commonName, csr->common_name, sizeof csr->common_name);
    for (char *at = csr->common_name; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    subject_text(csr->request, NID_organizationName, csr->organization, sizeof csr->organization);
    subject_text(csr->request, NID_countryName, csr->country, sizeof csr->country);
    return read_names(csr) && hash(csr) ? 0 : -14;
}

void csr_clear(struct csr *csr)
{
    X509_REQ_free(csr->request);
    free(csr->der);
    for (size_t i = 0; i < csr->name_count; i++)
        free(csr->names[i]);
    free(csr->names);
    *csr = (struct csr){0};
}

bool csr_spki(X509_REQ *request, char out[static 65])
{
    unsigned char *der = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), &der);
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, digest, &digest_len, EVP_sha256(), NULL);
    if (ok)
        hex_lower(digest, digest_len, out);
    OPENSSL_free(der);
    return ok;
}
