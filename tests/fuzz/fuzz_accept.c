/* covers: gateway/issue/upstream/accept.c
 *
 * What a push or CollectSSL brings as a certificate: whatever it is, what is accepted carries the key and the names that
 * were ordered, is not older than its order, and has a chain.
 *
 * The first octet chooses what is wanted, then come four texts, a NUL between them: the leaf, its authorities, the
 * login's anchors, and the names, one a line. */
#include <stdlib.h>
#include <string.h>

#include "gateway/issue/upstream/accept.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OTHER_KEY = 1, BASE_OF_WILDCARD = 2, LATE = 4, NO_AUTHORITIES = 8, REMEMBERED = 16, PARTS = 4 };

static void add_anchors(X509_STORE *anchors, const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *root;
    while (bio && (root = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        X509_STORE_add_cert(anchors, root);
        X509_free(root);
    }
    BIO_free(bio);
    ERR_clear_error();
}

/* The key of the leaf, where it can be read: else no input would be accepted. */
static void take_key(const char *pem, uint8_t spki_sha256[static 32])
{
    X509 *leaf = read_leaf(pem);
    unsigned char *der = NULL;
    int len = leaf ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der) : 0;
    if (len > 0)
        EVP_Digest(der, (size_t)len, spki_sha256, NULL, EVP_sha256(), NULL);
    OPENSSL_free(der);
    X509_free(leaf);
    ERR_clear_error();
}

static bool take_names(char *text, struct acme_names *names)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        struct acme_identifier name = {.type = strspn(line, "0123456789.") == strlen(line) ? ACME_IP_ADDRESS
                                                                                          : ACME_DNS_NAME};
        if (snprintf(name.value, sizeof name.value, "%s", line) >= (int)sizeof name.value || !names_add(names, &name))
            return false;
    }
    return true;
}

static void judge(uint8_t flags, char *parts[static PARTS], struct accept_want *want)
{
    struct acme_certificate got = {0};
    char reason[ACCEPT_REASON_MAX] = "";
    enum accept_verdict verdict =
        accept_certificate(want, parts[0], flags & NO_AUTHORITIES ? NULL : parts[1], &got, reason);
    bool whole = got.chain && strstr(got.chain, "BEGIN CERTIFICATE") && got.serial_len <= sizeof got.serial;
    if (verdict == ACCEPT_GOOD
            ? !whole || flags & OTHER_KEY || got.not_before_s < (int64_t)(want->sent_ms / 1000) - BEFORE_SENT_S
            : !reason[0])
        abort();
    acme_certificate_clear(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t spki_sha256[32] = {0}, flags = size > 0 ? data[0] : 0;
    char *text = malloc(size + PARTS), *parts[PARTS];
    if (!text || size == 0) {
        free(text);
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    memset(text + size - 1, 0, PARTS + 1);
    parts[0] = text;
    for (int i = 1; i < PARTS; i++) {
        parts[i] = parts[i - 1] + strlen(parts[i - 1]);
        parts[i] += parts[i] < text + size - 1;
    }
    struct acme_names names = {0};
    X509_STORE *anchors = X509_STORE_new();
    struct accept_cache *cache = flags & REMEMBERED ? accept_cache_make() : NULL;
    if (!(flags & OTHER_KEY))
        take_key(parts[0], spki_sha256);
    if (anchors && take_names(parts[3], &names)) {
        add_anchors(anchors, parts[2]);
        struct accept_want want = {.spki_sha256 = spki_sha256,
                                   .names = &names,
                                   .base_of_wildcard = flags & BASE_OF_WILDCARD,
                                   .sent_ms = flags & LATE ? 4102444800000 : 1790000000000, /* 2100, 2026 */
                                   .anchors = anchors,
                                   .cache = cache};
        judge(flags, parts, &want);
        if (cache)
            judge(flags, parts, &want); /* by what is remembered */
    }
    accept_cache_free(cache);
    names_clear(&names);
    X509_STORE_free(anchors);
    free(text);
    return 0;
}
