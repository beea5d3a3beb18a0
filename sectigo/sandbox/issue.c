#include "sectigo/sandbox/issue.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/sandbox/clock.h"
#include "sectigo/sandbox/csr.h"

enum { DAY_S = 86400, BACKDATED_S = 60 };

bool issue_prepare(struct issue *issue, const struct book *book, struct order *order)
{
    const struct order *base = book_find(book, order->base_number ? order->base_number : order->number);
    int64_t now_s = now_ms() / 1000, term_end_s;
    if (!base)
        return false;
    issue->request = order->request;
    order->request = NULL;
    term_end_s = base->placed_ms / 1000 + base->days * DAY_S;
    issue->test = order->test;
    issue->not_before_s = now_s - BACKDATED_S;
    issue->not_after_s = issue->not_before_s + (int64_t)CA_MAX_DAYS * DAY_S;
    if (issue->not_after_s > term_end_s)
        issue->not_after_s = term_end_s;
    issue->names = order_names(order);
    return issue->names && text_set(&issue->csr, order->csr) && text_set(&issue->subject, order->subject) &&
           text_set(&issue->common_name, order->common_name) && text_set(&issue->certificate_id, order->certificate_id);
}

/* After a restart: the request as it came. */
static X509_REQ *parse(const char *csr)
{
    size_t len;
    uint8_t *der = base64_decode(csr, strlen(csr), &len);
    const unsigned char *at = der;
    X509_REQ *request = der ? d2i_X509_REQ(NULL, &at, (long)len) : NULL;
    free(der);
    return request;
}

bool issue_sign(struct issue *issue, const struct ca *ca, struct certificate *out)
{
    X509_REQ *request = issue->request ? issue->request : (issue->request = parse(issue->csr));
    struct ca_request wanted = {
        .key = request ? X509_REQ_get0_pubkey(request) : NULL,
        .spki = request ? X509_REQ_get_X509_PUBKEY(request) : NULL,
        .names = issue->names,
        .subject = issue->subject,
        .common_name = issue->common_name,
        .not_before_s = issue->not_before_s,
        .not_after_s = issue->not_after_s,
    };
    struct ca_certificate made = {0};
    char spki[65];
    bool ok = wanted.key && csr_spki(request, spki) && ca_issue(issue->test ? &ca->test : &ca->live, &wanted, &made) &&
              text_set(&out->serial, made.serial) && text_set(&out->spki_sha256, spki) &&
              text_set(&out->names, issue->names) && text_set(&out->id, issue->certificate_id);
    out->pem = made.pem;
    out->not_before_s = issue->not_before_s;
    out->not_after_s = issue->not_after_s;
    if (!ok)
        fprintf(stderr, "sectigo-sandbox: a certificate for %s could not be signed\n", issue->names);
    return ok;
}

void issue_clear(struct issue *issue)
{
    X509_REQ_free(issue->request);
    free(issue->csr);
    free(issue->names);
    free(issue->common_name);
    free(issue->subject);
    free(issue->certificate_id);
}

char *issue_chain(const struct ca *ca, bool test, enum settings_chain order)
{
    const struct ca_issuer *issuer = test ? &ca->test : &ca->live;
    bool root_first = order == CHAIN_ROOT_FIRST;
    char *text = NULL;
    int len = asprintf(&text, "%s%s", root_first ? issuer->root_pem : issuer->intermediate_pem,
                       root_first ? issuer->intermediate_pem : issuer->root_pem);
    return len < 0 ? NULL : text;
}

/* DNS names of a PEM certificate, comma-separated; malloc'd. */
static char *certificate_names(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    GENERAL_NAMES *names = certificate ? X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL) : NULL;
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    for (int i = 0; stream && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            fprintf(stream, "%s%.*s", ftell(stream) ? "," : "", ASN1_STRING_length(name->d.dNSName),
                    (const char *)ASN1_STRING_get0_data(name->d.dNSName));
    }
    if (stream)
        fclose(stream);
    GENERAL_NAMES_free(names);
    X509_free(certificate);
    BIO_free(bio);
    return text;
}

void issue_wrong(const struct ca *ca, char **pem)
{
    char *names = certificate_names(*pem);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct ca_request wanted = {
        .key = key,
        .names = names,
        .not_before_s = now_ms() / 1000 - BACKDATED_S,
        .not_after_s = now_ms() / 1000 + (int64_t)CA_MAX_DAYS * DAY_S,
    };
    struct ca_certificate made;
    if (names && key && ca_issue(&ca->live, &wanted, &made)) {
        free(*pem);
        *pem = made.pem;
    }
    EVP_PKEY_free(key);
    free(names);
}
