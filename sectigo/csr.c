#include "sectigo/csr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
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

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
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

/* NULL: *code says why. To be freed. */
static X509_REQ *read_request(const char *text, int *code)
{
    size_t len;
    uint8_t *der = sectigo_csr_der(text, &len);
    const uint8_t *at = der;
    X509_REQ *request = der ? d2i_X509_REQ(NULL, &at, (long)len) : NULL;

    *code = request ? 0 : der ? -10 : -9;
    free(der);
    ERR_clear_error();
    return request;
}

int sectigo_csr_read(const char *text, struct sectigo_order_facts *facts)
{
    int code;
    X509_REQ *request = read_request(text, &code);

    if (request) {
        facts->csr_read = true;
        read_subject(request, facts);
        read_names(request, facts);
    }
    X509_REQ_free(request);
    ERR_clear_error();
    return code;
}

char *sectigo_csr_common_name(const char *text)
{
    int code;
    X509_REQ *request = read_request(text, &code);
    X509_NAME *subject = request ? X509_REQ_get_subject_name(request) : NULL;
    char name[300];
    int len = subject ? X509_NAME_get_text_by_NID(subject, NID_commonName, name, sizeof name) : -1;

    X509_REQ_free(request);
    return len > 0 && (size_t)len == strlen(name) ? strdup(name) : NULL;
}

static void write_name(FILE *out, const GENERAL_NAME *name)
{
    char text[INET6_ADDRSTRLEN];
    int type, len;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);

    if (type != GEN_DNS && type != GEN_IPADD)
        return;
    len = ASN1_STRING_length(value);
    if (type == GEN_DNS)
        fprintf(out, "%.*s,", len, (const char *)ASN1_STRING_get0_data(value));
    else if ((len == 4 || len == 16) &&
             inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), text, sizeof text))
        fprintf(out, "%s,", text);
}

char *sectigo_csr_alternative_names(const char *text)
{
    int code;
    X509_REQ *request = read_request(text, &code);
    STACK_OF(X509_EXTENSION) *extensions = request ? X509_REQ_get_extensions(request) : NULL;
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    char *list = NULL;
    size_t len = 0;
    FILE *out = names ? open_memstream(&list, &len) : NULL;

    for (int i = 0; out && i < sk_GENERAL_NAME_num(names); i++)
        write_name(out, sk_GENERAL_NAME_value(names, i));
    if (out && (fclose(out) != 0 || len == 0)) {
        free(list);
        list = NULL;
    }
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(request);
    ERR_clear_error();
    return list;
}
