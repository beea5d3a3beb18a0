#include "acme/certificate_name.h"

#include <string.h>

#include <openssl/x509v3.h>

#include "acme/base64url.h"

enum { SERIAL_MAX = 20 };

/* A positive INTEGER of DER without its header: one zero octet in front where the first bit would be a sign, else
 * none. */
static bool take_serial(const uint8_t *octets, size_t len, struct certificate_name *name)
{
    bool padded = len > 1 && octets[0] == 0;
    if (len == 0 || octets[0] & 0x80 || (padded && !(octets[1] & 0x80)) || len - padded > SERIAL_MAX)
        return false;
    name->serial_len = len - padded;
    memcpy(name->serial, octets + padded, name->serial_len);
    return true;
}

bool certificate_name_parse(const char *text, size_t len, struct certificate_name *name)
{
    uint8_t serial[SERIAL_MAX + 1];
    const char *dot = len <= ACME_CERTIFICATE_NAME_MAX ? memchr(text, '.', len) : NULL;
    if (!dot)
        return false;
    size_t authority_text = (size_t)(dot - text);
    ssize_t authority_len = base64url_decode(text, authority_text, name->authority, sizeof name->authority);
    ssize_t serial_len = base64url_decode(dot + 1, len - authority_text - 1, serial, sizeof serial);
    if (authority_len <= 0 || serial_len <= 0)
        return false;
    name->authority_len = (size_t)authority_len;
    return take_serial(serial, (size_t)serial_len, name);
}

static bool is_of_authority(const struct acme_certificate *certificate, const struct certificate_name *name)
{
    X509 *leaf = acme_certificate_leaf(certificate);
    const ASN1_OCTET_STRING *id = leaf ? X509_get0_authority_key_id(leaf) : NULL;
    bool same = id && (size_t)ASN1_STRING_length(id) == name->authority_len &&
                memcmp(ASN1_STRING_get0_data(id), name->authority, name->authority_len) == 0;
    X509_free(leaf);
    return same;
}

enum store_status certificate_by_name(struct store_txn *txn, const struct certificate_name *name,
                                      struct acme_certificate *certificate)
{
    struct acme_id id;
    memset(certificate, 0, sizeof *certificate);
    enum store_status status = acme_certificate_by_serial(txn, name->serial, name->serial_len, &id);
    if (status == STORE_OK)
        status = acme_certificate_load(txn, &id, certificate);
    if (status == STORE_OK && !is_of_authority(certificate, name))
        status = STORE_NOT_FOUND;
    return status;
}

static bool has_name(X509 *leaf, const struct acme_identifier *name)
{
    static const unsigned exactly = X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    if (name->type == ACME_IP_ADDRESS)
        return X509_check_ip_asc(leaf, name->value, 0) == 1;
    return X509_check_host(leaf, name->value, 0, exactly, NULL) == 1;
}

bool certificate_has_any(const struct acme_certificate *certificate, const struct acme_names *names)
{
    X509 *leaf = acme_certificate_leaf(certificate);
    bool found = false;
    for (size_t i = 0; leaf && i < names->count && !found; i++)
        found = has_name(leaf, &names->list[i]);
    X509_free(leaf);
    return found;
}
