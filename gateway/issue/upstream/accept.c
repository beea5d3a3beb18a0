#include "gateway/issue/upstream/accept.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/issue/upstream/authorities.h"
#include "store/shortage.h"

/* A certificate is never older than its order; the hour is for clocks that differ, the day for notBefore set to
 * midnight. */
static const int64_t BEFORE_SENT_S = 25 * HOUR_S;

bool accept_is_ours(enum accept_verdict verdict)
{
    return verdict == ACCEPT_GOOD || verdict == ACCEPT_NAMES_MISSING;
}

static enum accept_verdict no(enum accept_verdict verdict, char reason[static ACCEPT_REASON_MAX], const char *text)
{
    snprintf(reason, ACCEPT_REASON_MAX, "%s", text);
    return verdict;
}

static X509 *read_leaf(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *leaf = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return leaf;
}

static bool same_key(X509 *leaf, const uint8_t *spki_sha256)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned char *der = NULL;
    unsigned len = 0;
    int der_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
    bool same = der_len > 0 && EVP_Digest(der, (size_t)der_len, digest, &len, EVP_sha256(), NULL) == 1 &&
                memcmp(digest, spki_sha256, 32) == 0;
    OPENSSL_free(der);
    return same;
}

/* ---- names ---- */

static bool copy_dns_name(const ASN1_STRING *from, struct acme_identifier *name)
{
    int len = ASN1_STRING_length(from);
    if (len <= 0 || (size_t)len >= sizeof name->value)
        return false;
    memcpy(name->value, ASN1_STRING_get0_data(from), (size_t)len);
    for (char *c = name->value; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    name->type = ACME_DNS_NAME;
    return strlen(name->value) == (size_t)len;
}

static bool copy_ip_address(const ASN1_STRING *from, struct acme_identifier *name)
{
    int len = ASN1_STRING_length(from);
    name->type = ACME_IP_ADDRESS;
    return (len == 4 || len == 16) && inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(from), name->value,
                                                sizeof name->value) != NULL;
}

static bool read_names(X509 *leaf, struct acme_names *names)
{
    GENERAL_NAMES *sans = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    bool good = sans != NULL;
    for (int i = 0; good && i < sk_GENERAL_NAME_num(sans); i++) {
        const GENERAL_NAME *san = sk_GENERAL_NAME_value(sans, i);
        struct acme_identifier name = {0};
        if (san->type == GEN_DNS)
            good = copy_dns_name(san->d.dNSName, &name);
        else
            good = san->type == GEN_IPADD && copy_ip_address(san->d.iPAddress, &name);
        good = good && names_add(names, &name);
    }
    GENERAL_NAMES_free(sans);
    return good;
}

/* The base name of an ordered wildcard. */
static bool is_base(const struct acme_identifier *extra, const struct acme_names *ordered)
{
    for (size_t i = 0; i < ordered->count; i++) {
        const char *name = ordered->list[i].value;
        if (name[0] == '*' && strcmp(name + 2, extra->value) == 0)
            return true;
    }
    return false;
}

static enum accept_verdict check_names(X509 *leaf, const struct accept_want *want,
                                       char reason[static ACCEPT_REASON_MAX])
{
    struct acme_names names = {0};
    enum accept_verdict verdict = ACCEPT_GOOD;
    if (!read_names(leaf, &names)) {
        verdict = no(ACCEPT_UNREADABLE, reason,
                     "the certificate has no subject alternative names, or one that cannot be read");
        goto out;
    }
    for (size_t i = 0; i < names.count; i++) {
        if (names_contain(want->names, &names.list[i]) ||
            (want->base_of_wildcard && is_base(&names.list[i], want->names)))
            continue;
        snprintf(reason, ACCEPT_REASON_MAX, "the certificate is for %s too, which was not ordered",
                 names.list[i].value);
        verdict = ACCEPT_OTHER_NAMES;
        goto out;
    }
    for (size_t i = 0; i < want->names->count; i++) {
        if (names_contain(&names, &want->names->list[i]))
            continue;
        snprintf(reason, ACCEPT_REASON_MAX, "the certificate lacks %s", want->names->list[i].value);
        verdict = ACCEPT_NAMES_MISSING;
        goto out;
    }
out:
    names_clear(&names);
    return verdict;
}

/* ---- chain and facts ---- */

static bool to_seconds(const ASN1_TIME *time, int64_t *seconds)
{
    struct tm tm;
    if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *seconds = timegm(&tm);
    return true;
}

/* No certificate is refused as over, or as still to come, by a clock that is in doubt. */
static time_t time_to_verify(X509 *leaf)
{
    int64_t begins_s;
    return clock_in_doubt() && to_seconds(X509_get0_notBefore(leaf), &begins_s) ? (time_t)begins_s
                                                                                : (time_t)(clock_ms() / 1000);
}

/* ACCEPT_GOOD where *pem is the chain. verified, where it is not NULL, gets the chain itself, for the caller to free.
 */
static enum accept_verdict build_chain(X509 *leaf, STACK_OF(X509) * cas, X509_STORE *anchors, char **pem,
                                       STACK_OF(X509) * *verified, char reason[static ACCEPT_REASON_MAX])
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    enum accept_verdict verdict = ACCEPT_GOOD;
    if (!ctx || X509_STORE_CTX_init(ctx, anchors, leaf, cas) != 1) {
        verdict = no(ACCEPT_SHORTAGE, reason, "out of memory");
        goto out;
    }
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), time_to_verify(leaf));
    if (X509_verify_cert(ctx) != 1) {
        int error = X509_STORE_CTX_get_error(ctx);
        snprintf(reason, ACCEPT_REASON_MAX, "the certificate does not chain to the login's trust_anchors: %s",
                 X509_verify_cert_error_string(error));
        verdict = error == X509_V_ERR_OUT_OF_MEM ? ACCEPT_SHORTAGE : ACCEPT_UNTRUSTED;
        goto out;
    }
    *pem = authorities_pem(X509_STORE_CTX_get0_chain(ctx), 0);
    if (!*pem)
        verdict = no(ACCEPT_UNREADABLE, reason, "the certificate chain is too long to store");
    else if (verified)
        *verified = X509_STORE_CTX_get1_chain(ctx);
out:
    X509_STORE_CTX_free(ctx);
    return verdict;
}

/* The same, by what is remembered of the authorities. */
static enum accept_verdict find_chain(const struct accept_want *want, X509 *leaf, const char *ca_pem,
                                      STACK_OF(X509) * cas, char **pem, char reason[static ACCEPT_REASON_MAX])
{
    STACK_OF(X509) *verified = NULL;
    *pem = authorities_chain(want->cache, ca_pem, want->anchors, leaf, time_to_verify(leaf));
    if (*pem)
        return ACCEPT_GOOD;
    enum accept_verdict verdict = build_chain(leaf, cas, want->anchors, pem, &verified, reason);
    if (verified)
        authorities_remember(want->cache, ca_pem, want->anchors, verified);
    sk_X509_pop_free(verified, X509_free);
    return verdict;
}

/* Whether what came beside the leaf holds an authority that its chain did not need: then it may chain to another root
 * too. */
static bool has_more(STACK_OF(X509) * cas, const char *chain)
{
    int unused = 0, used = -1; /* the leaf is no authority */
    for (const char *at = chain; (at = strstr(at, "BEGIN CERTIFICATE")); at++)
        used++;
    for (int i = 0; i < sk_X509_num(cas); i++)
        unused += X509_self_signed(sk_X509_value(cas, i), 0) != 1;
    return unused > used;
}

static bool is_known(const struct acme_certificate *out, const char *chain)
{
    bool known = strcmp(out->chain, chain) == 0;
    for (unsigned i = 0; i < out->alternate_count; i++)
        known = known || strcmp(out->alternates[i], chain) == 0;
    return known;
}

/* The chain to the one root of the store, where there is one. OpenSSL looks at one of several authorities of a name
 * only, so each is left out in turn. */
static char *chain_to(X509 *leaf, STACK_OF(X509) * cas, X509_STORE *root)
{
    char reason[ACCEPT_REASON_MAX], *chain = NULL;
    bool found = build_chain(leaf, cas, root, &chain, NULL, reason) == ACCEPT_GOOD;
    for (int i = 0; !found && i < sk_X509_num(cas); i++) {
        STACK_OF(X509) *fewer = sk_X509_dup(cas);
        if (fewer) {
            sk_X509_delete(fewer, i);
            found = build_chain(leaf, fewer, root, &chain, NULL, reason) == ACCEPT_GOOD;
        }
        sk_X509_free(fewer);
    }
    return chain;
}

static void add_alternate(X509 *leaf, STACK_OF(X509) * cas, X509 *root, struct acme_certificate *out)
{
    X509_STORE *one = X509_STORE_new();
    char *chain = one && X509_STORE_add_cert(one, root) == 1 ? chain_to(leaf, cas, one) : NULL;
    if (chain && !is_known(out, chain)) {
        out->alternates[out->alternate_count++] = chain;
        chain = NULL;
    }
    free(chain);
    X509_STORE_free(one);
}

/* Other chains for the same leaf, where Sectigo sent several (a cross-signed authority): one for each root. */
static void add_alternates(X509 *leaf, STACK_OF(X509) * cas, X509_STORE *anchors, struct acme_certificate *out)
{
    STACK_OF(X509) *roots = has_more(cas, out->chain) ? X509_STORE_get1_all_certs(anchors) : NULL;
    if (sk_X509_num(roots) < 2) {
        sk_X509_pop_free(roots, X509_free);
        return;
    }
    for (int i = 0; i < sk_X509_num(roots) && out->alternate_count < ACME_ALTERNATES_MAX; i++)
        add_alternate(leaf, cas, sk_X509_value(roots, i), out);
    sk_X509_pop_free(roots, X509_free);
}

static bool read_facts(X509 *leaf, struct acme_certificate *out)
{
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
    unsigned len = 0;
    bool good = serial && !BN_is_negative(serial) && (size_t)BN_num_bytes(serial) <= sizeof out->serial &&
                to_seconds(X509_get0_notBefore(leaf), &out->not_before_s) &&
                to_seconds(X509_get0_notAfter(leaf), &out->not_after_s) &&
                X509_digest(leaf, EVP_sha256(), out->der_sha256, &len) == 1;
    if (good)
        out->serial_len = (size_t)BN_bn2bin(serial, out->serial);
    BN_free(serial);
    return good;
}

enum accept_verdict accept_certificate(const struct accept_want *want, const char *leaf_pem, const char *ca_pem,
                                       struct acme_certificate *out, char reason[static ACCEPT_REASON_MAX])
{
    enum accept_verdict verdict, chained = ACCEPT_SHORTAGE;
    char chain_reason[ACCEPT_REASON_MAX] = "out of memory";
    STACK_OF(X509) *cas = NULL;
    unsigned before = shortage_count();
    X509 *leaf = read_leaf(leaf_pem);

    if (!leaf || !read_facts(leaf, out)) {
        verdict = no(ACCEPT_UNREADABLE, reason, "what came is not a certificate that can be read");
    } else if (!same_key(leaf, want->spki_sha256)) {
        verdict = no(ACCEPT_OTHER_KEY, reason, "the certificate carries another public key than the CSR");
    } else if (out->not_before_s < (int64_t)(want->sent_ms / 1000) - BEFORE_SENT_S) {
        verdict = no(ACCEPT_OLD, reason, "the certificate is older than the order");
    } else if (accept_is_ours(verdict = check_names(leaf, want, reason))) {
        cas = authorities_find(want->cache, ca_pem);
        if (cas)
            chained = find_chain(want, leaf, ca_pem, cas, &out->chain, chain_reason);
        if (chained != ACCEPT_GOOD)
            verdict = no(chained, reason, chain_reason);
        else if (verdict == ACCEPT_GOOD)
            add_alternates(leaf, cas, want->anchors, out);
    }
    if (verdict != ACCEPT_GOOD && shortage_count() != before)
        verdict = no(ACCEPT_SHORTAGE, reason, "out of memory");
    memcpy(out->spki_sha256, want->spki_sha256, 32);
    sk_X509_pop_free(cas, X509_free);
    X509_free(leaf);
    ERR_clear_error();
    return verdict;
}
