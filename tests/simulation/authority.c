/* authority: what costs processor time is made once for all worlds: keys, CSRs, and certificates as they are first asked
 * for. What the gateway reads of them it decodes once; their signatures it verifies each time. */
#define OPENSSL_SUPPRESS_DEPRECATED /* see make_pair */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "tests/simulation/sim.h"

static struct acme_names names[SETS];
static struct csr csrs[SETS][KEYS];
static struct {
    EVP_PKEY *pair;
    X509_EXTENSION *sans;
} subjects[SETS][KEYS]; /* of the CSRs */
static EVP_PKEY *root_key, *ca_key;
static X509 *root, *ca, *stranger; /* the last: an authority that no anchor knows */
static char *cas, anchors[256];

/* Signed in a tenth of the time that 1,024 bits take, and the least that SHA-256 fits in. */
enum { AUTHORITY_BITS = 512 };

/* A certificate of a CSR, as it is in every world that comes to it: the number-th of these dates. */
struct issued {
    const struct csr *csr;
    int64_t not_before_s, not_after_s;
    unsigned number;
    X509 *by;
    X509 *decoded;
    char *pem;
    char serial[41];
    struct issued *next, *same; /* of a bucket: by what was asked, and by how it prints */
};
enum { BUCKETS = 1 << 14 };
static struct issued *by_wish[BUCKETS], *by_print[BUCKETS];

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

static X509 *make_ca(const char *name, X509 *issuer, EVP_PKEY *key, EVP_PKEY *signer)
{
    X509 *made = make_certificate(name, issuer, key);
    X509_EXTENSION *is_ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
    ASN1_INTEGER_set(X509_get_serialNumber(made), issuer ? 2 : 1);
    ASN1_TIME_set(X509_getm_notBefore(made), 1700000000);
    ASN1_TIME_set(X509_getm_notAfter(made), 2500000000);
    need(is_ca && X509_add_ext(made, is_ca, -1) == 1 && X509_sign(made, signer, EVP_sha256()) > 0);
    X509_EXTENSION_free(is_ca);
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

/* Of the older kind, which certificates take as it is: one of a provider they encode and decode, and that is as dear as
 * their signature. */
static EVP_PKEY *make_pair(void)
{
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    EVP_PKEY *pair = EVP_PKEY_new();
    need(key && pair && EC_KEY_generate_key(key) == 1 && EVP_PKEY_assign_EC_KEY(pair, key) == 1);
    return pair;
}

static void make_csr(unsigned set, unsigned key)
{
    struct csr *csr = &csrs[set][key];
    struct acme_problem problem = {0};
    EVP_PKEY *pair = make_pair();
    X509_REQ *request = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    uint8_t md5[MD5_DIGEST_LENGTH], sha256[SHA256_DIGEST_LENGTH];
    char sans[256];
    sans_of(set, sans);
    need(X509_REQ_set_pubkey(request, pair) == 1);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, sans);
    need(extension && sk_X509_EXTENSION_push(extensions, extension) > 0);
    need(X509_REQ_add_extensions(request, extensions) == 1 &&
         X509_REQ_sign(request, pair, EVP_sha256()) > 0);
    csr->set = set;
    csr->der_len = (size_t)i2d_X509_REQ(request, &csr->der);
    csr->pem = sectigo_csr_pem(csr->der, csr->der_len);
    EVP_Digest(csr->der, csr->der_len, md5, NULL, EVP_md5(), NULL);
    EVP_Digest(csr->der, csr->der_len, sha256, NULL, EVP_sha256(), NULL);
    hex(md5, sizeof md5, true, csr->md5);
    hex(sha256, sizeof sha256, false, csr->sha256);
    need(csr_parse(csr->der, csr->der_len, &csr->parsed, &problem));
    subjects[set][key].pair = pair;
    subjects[set][key].sans = extension;
    sk_X509_EXTENSION_free(extensions);
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

static uint32_t hash(const void *data, size_t len)
{
    const uint8_t *octets = data;
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ octets[i]) * 16777619u;
    return sum;
}

/* Of a PEM the end, which is its signature. */
static uint32_t print_of(const char *pem, size_t len)
{
    size_t tail = len < 96 ? len : 96;
    return hash(pem + len - tail, tail);
}

static void remember(struct issued *made)
{
    struct issued **bucket = &by_print[print_of(made->pem, strlen(made->pem)) % BUCKETS];
    made->same = *bucket;
    *bucket = made;
}

void authority_make(const char *folder)
{
    static struct issued issuer, anchor;
    root_key = EVP_RSA_gen(AUTHORITY_BITS);
    ca_key = EVP_RSA_gen(AUTHORITY_BITS);
    root = make_ca("sim root", NULL, root_key, root_key);
    ca = make_ca("sim authority", root, ca_key, root_key);
    stranger = make_ca("sim stranger", NULL, root_key, root_key);
    cas = pem_of(ca);
    issuer = (struct issued){.decoded = ca, .pem = cas};
    remember(&issuer);
    anchor = (struct issued){.decoded = root, .pem = pem_of(root)};
    remember(&anchor);
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
            csr_clear(&csrs[set][key].parsed);
            EVP_PKEY_free(subjects[set][key].pair);
            X509_EXTENSION_free(subjects[set][key].sans);
        }
    }
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct issued *next; by_wish[i]; by_wish[i] = next) {
            next = by_wish[i]->next;
            X509_free(by_wish[i]->decoded);
            free(by_wish[i]->pem);
            free(by_wish[i]);
        }
    }
    X509_free(root);
    X509_free(ca);
    X509_free(stranger);
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

void authority_parsed(const struct csr *csr, struct acme_csr *copy)
{
    *copy = csr->parsed;
    copy->der = malloc(csr->der_len);
    copy->names = (struct acme_names){0};
    need(copy->der != NULL && EVP_PKEY_up_ref(copy->key) == 1);
    memcpy(copy->der, csr->der, csr->der_len);
    for (size_t i = 0; i < csr->parsed.names.count; i++)
        need(names_add(&copy->names, &csr->parsed.names.list[i]));
}

const struct csr *authority_find(const char *pem)
{
    for (unsigned set = 0; pem && set < SETS; set++)
        for (unsigned key = 0; key < KEYS; key++)
            if (strcmp(csrs[set][key].pem, pem) == 0)
                return &csrs[set][key];
    return NULL;
}

/* It is made of all that is asked for. */
static void give_number(struct issued *made)
{
    uint8_t octets[16];
    snprintf(made->serial, sizeof made->serial, "%d%03X%03X%08llX%08llX%09X", made->by == ca ? 1 : 2, made->csr->set,
             (unsigned)(made->csr - csrs[made->csr->set]), (unsigned long long)made->not_before_s,
             (unsigned long long)made->not_after_s, made->number);
    for (size_t i = 0; i < sizeof octets; i++)
        need(sscanf(made->serial + 2 * i, "%2hhx", &octets[i]) == 1);
    BIGNUM *value = BN_bin2bn(octets, sizeof octets, NULL);
    BN_to_ASN1_INTEGER(value, X509_get_serialNumber(made->decoded));
    BN_free(value);
}

/* Nothing of the gateway's numbers is drawn: a world is the same whoever was before it. */
static void sign(struct issued *made)
{
    unsigned set = made->csr->set, key = (unsigned)(made->csr - csrs[set]);
    uint64_t drawn = chance_aside();
    X509 *certificate = make_certificate(names[set].list[0].value, made->by, subjects[set][key].pair);
    made->decoded = certificate;
    give_number(made);
    ASN1_TIME_set(X509_getm_notBefore(certificate), made->not_before_s);
    ASN1_TIME_set(X509_getm_notAfter(certificate), made->not_after_s);
    need(X509_add_ext(certificate, subjects[set][key].sans, -1) == 1 &&
         X509_sign(certificate, made->by == ca ? ca_key : root_key, EVP_sha256()) > 0);
    chance_go_on(drawn);
    made->pem = pem_of(certificate);
    need(made->pem);
    remember(made);
}

static const char *issue(X509 *by, const struct csr *csr, int64_t not_before_s, int64_t not_after_s, unsigned number,
                         const char **serial)
{
    const int64_t wish[] = {(int64_t)csr->set, csr - csrs[csr->set], not_before_s, not_after_s, (int64_t)number, by == ca};
    struct issued **bucket = &by_wish[hash(wish, sizeof wish) % BUCKETS], *found = *bucket;
    while (found && (found->csr != csr || found->not_before_s != not_before_s || found->not_after_s != not_after_s ||
                     found->number != number || found->by != by))
        found = found->next;
    if (!found) {
        found = calloc(1, sizeof *found);
        need(found != NULL);
        *found = (struct issued){.csr = csr,
                                 .not_before_s = not_before_s,
                                 .not_after_s = not_after_s,
                                 .number = number,
                                 .by = by,
                                 .next = *bucket};
        *bucket = found;
        sign(found);
    }
    *serial = found->serial;
    return found->pem;
}

const char *authority_issue(const struct csr *csr, int64_t not_before_s, int64_t not_after_s, unsigned number,
                            const char **serial)
{
    return issue(ca, csr, not_before_s, not_after_s, number, serial);
}

const char *authority_imitate(const struct csr *csr, int64_t not_before_s, int64_t not_after_s)
{
    const char *serial;
    return issue(stranger, csr, not_before_s, not_after_s, 0, &serial);
}

static struct issued *find(const char *pem, size_t len)
{
    struct issued *found = len > 0 ? by_print[print_of(pem, len) % BUCKETS] : NULL;
    while (found && (strlen(found->pem) != len || memcmp(found->pem, pem, len) != 0))
        found = found->same;
    return found;
}

/* In place of libcrypto's, which decodes the same few certificates over and over: half of what the gateway costs here. */
X509 *PEM_read_bio_X509(BIO *bio, X509 **out, pem_password_cb *callback, void *ctx)
{
    char text[8192];
    int len = BIO_read(bio, text, sizeof text);
    struct issued *found = len > 0 ? find(text, (size_t)len) : NULL;
    if (found) {
        X509_up_ref(found->decoded);
        return found->decoded;
    }
    BIO *rest = BIO_new_mem_buf(text, len > 0 ? len : 0); /* whose first is asked for, and no other */
    X509 *read = PEM_ASN1_read_bio((d2i_of_void *)d2i_X509, PEM_STRING_X509, rest, (void **)out, callback, ctx);
    BIO_free(rest);
    return read;
}

const char *authority_cas(void)
{
    return cas;
}

const char *authority_anchors(void)
{
    return anchors;
}
