/* dns-persist-01, draft-ietf-acme-dns-persist-02: a TXT record that stays, and names the issuer and a hash over name,
 * account key and account URL. */
#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/validate/job.h"
#include "gateway/validate/persist_record.h"
#include "gateway/validate/txt.h"

enum { NAME_SIZE = ACME_NAME_MAX + 32 };
static const char ALGORITHM[] = "sha-256/";

static bool account_hash(const struct validate_job *job, const char *domain, const char *thumbprint,
                         char text[static PERSIST_HASH_TEXT + 1])
{
    char url[ACME_URL_MAX];
    validate_account_url(job, url);
    return persist_hash(domain, thumbprint, url, text);
}

/* Whether the URI is that of one of the account's keys, now or before. */
static bool is_account(const struct validate_job *job, const char *uri)
{
    const struct acme_validation *what = &job->validation;
    const char *const domains[] = {what->identifier.value, "*"};
    size_t prefix_len = strlen(job->config->account_hashes);
    if (strncmp(uri, job->config->account_hashes, prefix_len) != 0 ||
        strncmp(uri + prefix_len, ALGORITHM, sizeof ALGORITHM - 1) != 0)
        return false;
    const char *hash = uri + prefix_len + sizeof ALGORITHM - 1;
    for (unsigned i = 0; i < 2 * what->thumbprint_count; i++) {
        char expected[PERSIST_HASH_TEXT + 1];
        if (account_hash(job, domains[i % 2], what->thumbprints[i / 2], expected) && strcmp(hash, expected) == 0)
            return true;
    }
    return false;
}

static bool is_issuer(const struct validate_job *job, const char *issuer)
{
    for (const char *const *name = job->config->issuer_names; name && *name; name++) {
        if (strcmp(*name, issuer) == 0)
            return true;
    }
    return false;
}

/* NULL: the record proves control; else why not. Records of other issuers are none of ours: "". */
static const char *judge_record(struct validate_job *job, const struct persist_record *record)
{
    if (!is_issuer(job, record->issuer))
        return "";
    if (!is_account(job, record->account_uri))
        return "its accounturi is not that of this account";
    if (job->validation.needs_wildcard && !record->wildcard)
        return "it has no policy=wildcard, which this authorization needs";
    if (record->has_until && record->until_s < clock_ms() / 1000)
        return "its persistUntil is over";
    job->until_s = record->has_until ? record->until_s : 0;
    return NULL;
}

static void record_name(const struct validate_job *job, char name[static NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "_validation-persist.%s", job->validation.identifier.value);
}

static void refuse_records(struct validate_job *job, const char *why)
{
    char name[NAME_SIZE], hash[PERSIST_HASH_TEXT + 1];
    record_name(job, name);
    if (!account_hash(job, job->validation.identifier.value, job->validation.thumbprints[0], hash))
        hash[0] = '\0';
    acme_problem_set(&job->problem, ACME_INCORRECT_RESPONSE,
                     "TXT records of %s: %s. Expected: \"%s; accounturi=%s%s%s%s\".", name, why,
                     job->config->issuer_names[0], job->config->account_hashes, ALGORITHM, hash,
                     job->validation.needs_wildcard ? "; policy=wildcard" : "");
}

static void judge_all(struct validate_job *job, const struct egress_dns_answer *answer)
{
    const char *why = "none is for this issuer and in the form of dns-persist-01";
    for (size_t i = 0; i < answer->record_count; i++) {
        char text[PERSIST_RECORD_MAX];
        struct persist_record record;
        ssize_t len = txt_join(answer->rdata[i], answer->rdata_len[i], text, sizeof text);
        if (len < 0 || (size_t)len > sizeof text || !persist_record_parse(text, (size_t)len, &record))
            continue;
        const char *objection = judge_record(job, &record);
        if (!objection)
            return;
        why = *objection ? objection : why;
    }
    refuse_records(job, why);
}

static void on_records(void *ctx, const struct egress_dns_answer *answer)
{
    struct validate_job *job = ctx;
    char name[NAME_SIZE];
    record_name(job, name);
    if (answer->status == EGRESS_DNS_ANSWER)
        judge_all(job, answer);
    else if (answer->status == EGRESS_DNS_NODATA || answer->status == EGRESS_DNS_NXDOMAIN)
        refuse_records(job, "there is none");
    else
        acme_problem_set(&job->problem, answer->status == EGRESS_DNS_SHORTAGE ? ACME_SERVER_INTERNAL : ACME_DNS,
                         "Looking up the TXT record of %s: %s.", name, answer->reason);
    validate_end(job);
}

void persist01_start(struct validate_job *job)
{
    char name[NAME_SIZE];
    record_name(job, name);
    if (job->validation.identifier.type != ACME_DNS_NAME)
        acme_problem_set(&job->problem, ACME_UNSUPPORTED_IDENTIFIER,
                         "A DNS record cannot prove control of an IP address.");
    else if (strlen(name) > ACME_NAME_MAX)
        acme_problem_set(&job->problem, ACME_DNS, "%s is longer than a DNS name can be; use another challenge.", name);
    else if (!job->config->issuer_names || !*job->config->issuer_names || job->validation.thumbprint_count == 0)
        acme_problem_set(&job->problem, ACME_UNSUPPORTED_IDENTIFIER, "This server does not offer dns-persist-01.");
    else if (egress_resolve(job->egress, name, EGRESS_RR_TXT, validate_left_ms(job), on_records, job))
        return;
    else
        acme_problem_set(&job->problem, ACME_SERVER_INTERNAL, "The lookup could not be started: out of memory.");
    validate_end_later(job);
}
