/* dns-01, RFC 8555 section 8.4; and dns-account-01, which has a label of the account in front, so that several accounts
 * can prove control of a name at once (draft-ietf-acme-dns-account-label-03). */
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "acme/base64url.h"
#include "gateway/validate/excerpt.h"
#include "gateway/validate/job.h"
#include "gateway/validate/txt.h"

enum { DIGEST_LEN = 32, DIGEST_TEXT = BASE64URL_SIZE(DIGEST_LEN), SHOWN_MAX = 4, RECORD_MAX = 256 };
enum { NAME_SIZE = ACME_NAME_MAX + 64, LABEL_LEN = 16 };

/* The first octets of the SHA-256 of the account's URL in base32 (RFC 4648 section 6), lower-case. */
static bool account_label(const struct validate_job *job, char label[static LABEL_LEN + 1])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    char url[ACME_URL_MAX];
    unsigned char digest[DIGEST_LEN] = {0};
    validate_account_url(job, url);
    if (EVP_Digest(url, strlen(url), digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    for (unsigned i = 0; i < LABEL_LEN; i++) {
        unsigned bit = 5 * i, pair = (unsigned)digest[bit / 8] << 8 | digest[bit / 8 + 1];
        label[i] = alphabet[pair >> (11 - bit % 8) & 31];
    }
    label[LABEL_LEN] = '\0';
    return true;
}

/* False: memory is short. */
static bool record_name(const struct validate_job *job, char name[static NAME_SIZE])
{
    char label[LABEL_LEN + 1];
    if (job->validation.type == ACME_DNS_ACCOUNT_01) {
        if (!account_label(job, label))
            return false;
        snprintf(name, NAME_SIZE, "_%s._acme-challenge.%s", label, job->validation.identifier.value);
    } else {
        snprintf(name, NAME_SIZE, "_acme-challenge.%s", job->validation.identifier.value);
    }
    return true;
}

static bool expected_text(const struct validate_job *job, char text[static DIGEST_TEXT])
{
    unsigned char digest[DIGEST_LEN];
    const char *key_authorization = job->validation.key_authorization;
    if (EVP_Digest(key_authorization, strlen(key_authorization), digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    base64url_encode(digest, sizeof digest, text);
    return true;
}

/* Text of the record for comparison and quoting; a malformed one is quoted as it is. */
static size_t record_text(const struct egress_dns_answer *answer, size_t i, char text[static RECORD_MAX])
{
    ssize_t len = txt_join(answer->rdata[i], answer->rdata_len[i], text, RECORD_MAX);
    return len < 0 ? 0 : (size_t)len < RECORD_MAX ? (size_t)len : RECORD_MAX;
}

static bool any_equals(const struct egress_dns_answer *answer, const char *expected)
{
    for (size_t i = 0; i < answer->record_count; i++) {
        char text[RECORD_MAX];
        size_t len = record_text(answer, i, text);
        if (len == strlen(expected) && memcmp(text, expected, len) == 0)
            return true;
    }
    return false;
}

static void report_others(struct validate_job *job, const struct egress_dns_answer *answer, const char *name,
                          const char *expected)
{
    char found[SHOWN_MAX * (EXCERPT_SIZE + 2) + 32] = "";
    size_t len = 0;
    for (size_t i = 0; i < answer->record_count && i < SHOWN_MAX; i++) {
        char text[RECORD_MAX], quoted[EXCERPT_SIZE];
        size_t text_len = record_text(answer, i, text);
        len += (size_t)snprintf(found + len, sizeof found - len, "%s%s", i > 0 ? ", " : "",
                                excerpt(text, text_len, quoted));
    }
    if (answer->record_count > SHOWN_MAX)
        snprintf(found + len, sizeof found - len, " and %zu more", answer->record_count - SHOWN_MAX);
    acme_problem_set(&job->problem, ACME_INCORRECT_RESPONSE, "TXT records of %s: found %s, but not \"%s\".", name,
                     found, expected);
}

static void on_txt(void *ctx, const struct egress_dns_answer *answer)
{
    struct validate_job *job = ctx;
    char name[NAME_SIZE], expected[DIGEST_TEXT];
    if (!record_name(job, name) || !expected_text(job, expected))
        acme_problem_set(&job->problem, ACME_SERVER_INTERNAL, "The expected TXT record could not be computed.");
    else if (answer->status == EGRESS_DNS_SHORTAGE)
        acme_problem_set(&job->problem, ACME_SERVER_INTERNAL, "Looking up the TXT record of %s: %s.", name,
                         answer->reason);
    else if (answer->status == EGRESS_DNS_NODATA)
        acme_problem_set(&job->problem, ACME_INCORRECT_RESPONSE, "There is no TXT record at %s; \"%s\" is expected.",
                         name, expected);
    else if (answer->status != EGRESS_DNS_ANSWER)
        acme_problem_set(&job->problem, ACME_DNS, "Looking up the TXT record of %s: %s.", name, answer->reason);
    else if (!any_equals(answer, expected))
        report_others(job, answer, name, expected);
    validate_end(job);
}

void dns01_start(struct validate_job *job)
{
    char name[NAME_SIZE];
    if (!record_name(job, name))
        acme_problem_set(&job->problem, ACME_SERVER_INTERNAL, "The name of the TXT record could not be computed.");
    else if (job->validation.identifier.type != ACME_DNS_NAME)
        acme_problem_set(&job->problem, ACME_UNSUPPORTED_IDENTIFIER,
                         "A DNS record cannot prove control of an IP address (RFC 8738 section 7).");
    else if (strlen(name) > ACME_NAME_MAX)
        acme_problem_set(&job->problem, ACME_DNS, "%s is longer than a DNS name can be; use another challenge.", name);
    else if (egress_resolve(job->egress, name, EGRESS_RR_TXT, validate_left_ms(job), on_txt, job))
        return;
    else
        acme_problem_set(&job->problem, ACME_SERVER_INTERNAL, "The lookup could not be started: out of memory.");
    validate_end_later(job);
}
