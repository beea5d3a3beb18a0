/* job: one validation under way, as the challenge types see it. Internal to validate/; egress thread only. */
#ifndef GATEWAY_VALIDATE_JOB_H
#define GATEWAY_VALIDATE_JOB_H

#include "gateway/validate/validate.h"

struct validate_job {
    struct egress *egress;
    const struct validate_config *config;
    struct acme_validation validation;
    validate_done_fn *done;
    void *ctx;
    uint64_t deadline_ms;
    uint64_t until_s;            /* how long the proof lasts at most; 0: no limit of its own */
    unsigned shortages;          /* shortage_count when it began */
    struct acme_problem problem; /* what ends it, unless ACME_PROBLEM_NONE */
    struct egress_watch later;
};

/* Each starts its type; it ends the job once, by validate_end from a callback or validate_end_later from within. */
typedef void validate_type_fn(struct validate_job *job);
validate_type_fn http01_start, dns01_start /* dns-account-01, too */, tlsalpn01_start, persist01_start;

/* Tells the outcome (job->problem) and frees the job. */
void validate_end(struct validate_job *job);
void validate_end_later(struct validate_job *job);
/* The URL of the account that is to prove control. */
void validate_account_url(const struct validate_job *job, char url[static ACME_URL_MAX]);
/* Milliseconds until the deadline. */
uint32_t validate_left_ms(const struct validate_job *job);

#endif
