#include "gateway/validate/alpn_certificate.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/x509v3.h>

#include "gateway/validate/excerpt.h"
#include "store/hex.h"

#define ACME_IDENTIFIER_OID "1.3.6.1.5.5.7.1.31"

enum { SHOWN_NAMES = 3, LISTED_SIZE = 400 };

static bool refuse_certificate(char reason[static ALPN_REASON_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool refuse_certificate(char reason[static ALPN_REASON_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, ALPN_REASON_MAX, format, args);
    va_end(args);
    return false;
}

/* ---- the name ---- */

static bool is_identifier(const GENERAL_NAME *name, const struct acme_identifier *identifier)
{
    if (identifier->type == ACME_IP_ADDRESS) {
        unsigned char octets[16];
        int len = inet_pton(AF_INET, identifier->value, octets) == 1    ? 4
                  : inet_pton(AF_INET6, identifier->value, octets) == 1 ? 16
                                                                        : -1;
        return name->type == GEN_IPADD && ASN1_STRING_length(name->d.iPAddress) == len &&
               memcmp(ASN1_STRING_get0_data(name->d.iPAddress), octets, (size_t)len) == 0;
    }
    size_t len = strlen(identifier->value);
    return name->type == GEN_DNS && (size_t)ASN1_STRING_length(name->d.dNSName) == len &&
           strncasecmp((const char *)ASN1_STRING_get0_data(name->d.dNSName), identifier->value, len) == 0;
}

static void list_names(const GENERAL_NAMES *names, char listed[static LISTED_SIZE])
{
    size_t len = 0;
    int count = sk_GENERAL_NAME_num(names);
    listed[0] = '\0';
    for (int i = 0; i < count && i < SHOWN_NAMES; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        char quoted[EXCERPT_SIZE] = "one of another kind";
        if (name->type == GEN_DNS)
            excerpt(ASN1_STRING_get0_data(name->d.dNSName), (size_t)ASN1_STRING_length(name->d.dNSName), quoted);
        else if (name->type == GEN_IPADD)
            snprintf(quoted, sizeof quoted, "an IP address");
        len += (size_t)snprintf(listed + len, LISTED_SIZE - len, "%s%s", i > 0 ? ", " : "", quoted);
    }
    if (count > SHOWN_NAMES)
        snprintf(listed + len, LISTED_SIZE - len, " and %d more", count - SHOWN_NAMES);
}

static bool check_name(const X509 *certificate, const struct acme_identifier *identifier,
                       char reason[static ALPN_REASON_MAX])
{
    int position = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
    if (position < 0)
        return refuse_certificate(reason, "it has no subjectAltName");
    if (X509_get_ext_by_NID(certificate, NID_subject_alt_name, position) >= 0)
        return refuse_certificate(reason, "it has more than one subjectAltName extension");
    GENERAL_NAMES *names = X509V3_EXT_d2i(X509_get_ext(certificate, position));
    if (names == NULL)
        return refuse_certificate(reason, "its subjectAltName cannot be read");
    bool good = sk_GENERAL_NAME_num(names) == 1 && is_identifier(sk_GENERAL_NAME_value(names, 0), identifier);
    if (!good) {
        char listed[LISTED_SIZE];
        list_names(names, listed);
        refuse_certificate(reason, "its names are %s instead of just \"%s\"", listed[0] != '\0' ? listed : "none",
                           identifier->value);
    }
    GENERAL_NAMES_free(names);
    return good;
}

/* ---- the digest ---- */

/* Position of the only acmeIdentifier extension, or -1 with a reason. */
static int find_acme_identifier(const X509 *certificate, char reason[static ALPN_REASON_MAX])
{
    ASN1_OBJECT *oid = OBJ_txt2obj(ACME_IDENTIFIER_OID, 1);
    if (oid == NULL) {
        refuse_certificate(reason, "there is no memory to read it");
        return -1;
    }
    int position = X509_get_ext_by_OBJ(certificate, oid, -1);
    if (position < 0) {
        refuse_certificate(reason, "it has no acmeIdentifier extension (%s)", ACME_IDENTIFIER_OID);
    } else if (X509_get_ext_by_OBJ(certificate, oid, position) >= 0) {
        refuse_certificate(reason, "it has more than one acmeIdentifier extension");
        position = -1;
    }
    ASN1_OBJECT_free(oid);
    return position;
}

static bool check_digest(const X509 *certificate, const unsigned char digest[static ALPN_DIGEST_LEN],
                         char reason[static ALPN_REASON_MAX])
{
    int position = find_acme_identifier(certificate, reason);
    if (position < 0)
        return false;
    X509_EXTENSION *extension = X509_get_ext(certificate, position);
    if (!X509_EXTENSION_get_critical(extension))
        return refuse_certificate(reason, "its acmeIdentifier extension is not critical");
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
    const unsigned char *octets = ASN1_STRING_get0_data(value);
    if (ASN1_STRING_length(value) != ALPN_DIGEST_LEN + 2 || octets[0] != 0x04 || octets[1] != ALPN_DIGEST_LEN)
        return refuse_certificate(reason, "its acmeIdentifier extension is no OCTET STRING of %d octets",
                                  ALPN_DIGEST_LEN);
    if (memcmp(octets + 2, digest, ALPN_DIGEST_LEN) == 0)
        return true;
    char found[2 * ALPN_DIGEST_LEN + 1], expected[2 * ALPN_DIGEST_LEN + 1];
    hex_write(octets + 2, ALPN_DIGEST_LEN, found);
    hex_write(digest, ALPN_DIGEST_LEN, expected);
    return refuse_certificate(reason, "its acmeIdentifier is %s instead of %s", found, expected);
}

bool alpn_certificate_check(X509 *certificate, const struct acme_identifier *identifier,
                            const unsigned char digest[static ALPN_DIGEST_LEN], char reason[static ALPN_REASON_MAX])
{
    return check_name(certificate, identifier, reason) && check_digest(certificate, digest, reason);
}
