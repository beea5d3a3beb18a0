#include "sectigo/csr.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "sectigo/pem.h"

static const struct {
    int nid;
    enum sectigo_csr_field field;
} fields[] = {
    {NID_commonName, SECTIGO_CSR_COMMON_NAME},    {NID_organizationName, SECTIGO_CSR_ORGANIZATION},
    {NID_streetAddress, SECTIGO_CSR_STREET},      {NID_localityName, SECTIGO_CSR_LOCALITY},
    {NID_stateOrProvinceName, SECTIGO_CSR_STATE}, {NID_postalCode, SECTIGO_CSR_POSTAL_CODE},
    {NID_countryName, SECTIGO_CSR_COUNTRY},
};

uint8_t *sectigo_csr_der(const char *text, size_t *len)
{
    const char *begin = strstr(text, "-----BEGIN");
    const char *armour = begin ? strstr(begin + 5, "-----") : NULL;
    const char *body = armour ? armour + 5 : text;
    const char *end = armour ? strstr(body, "-----END") : body + strlen(body);

    return end && !begin == !armour ? sectigo_base64_der(body, (size_t)(end - body), len) : NULL;
}

static void read_subject(X509_REQ *request, struct sectigo_order_facts *facts)
{
    const X509_NAME *subject = X509_REQ_get_subject_name(request);

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        if (X509_NAME_get_index_by_NID(subject, fields[i].nid, -1) >= 0)
            facts->csr_has |= fields[i].field;
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) {
        const ASN1_STRING *name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        const unsigned char *octets = ASN1_STRING_get0_data(name);
        facts->csr_common_name_wildcard = ASN1_STRING_length(name) > 2 && octets[0] == '*' && octets[1] == '.';
    }
}

static void read_names(X509_REQ *request, struct sectigo_order_facts *facts)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type = sk_GENERAL_NAME_value(names, i)->type;
        facts->csr_names += type == GEN_DNS || type == GEN_IPADD;
    }
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

int sectigo_csr_read(const char *text, struct sectigo_order_facts *facts)
{
    size_t len;
    uint8_t *der = sectigo_csr_der(text, &len);
    const uint8_t *at = der;

    if (!der)
        return -9;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)len);
    if (request) {
        facts->csr_read = true;
        read_subject(request, facts);
        read_names(request, facts);
    }
    X509_REQ_free(request);
    free(der);
    ERR_clear_error();
    return facts->csr_read ? 0 : -10;
}
