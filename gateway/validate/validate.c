#include "gateway/validate/validate.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/validate/job.h"
#include "store/shortage.h"

uint32_t validate_left_ms(const struct validate_job *job)
{
    uint64_t now = egress_now_ms();
    return job->deadline_ms > now ? (uint32_t)(job->deadline_ms - now) : 0;
}

void validate_account_url(const struct validate_job *job, char url[static ACME_URL_MAX])
{
    char id[ACME_ID_TEXT + 1];
    acme_id_text(&job->validation.account, id);
    snprintf(url, ACME_URL_MAX, "%s%s", job->config->account_urls, id); /* the base URL leaves room (acme_make) */
}

/* What fails while the gateway stops, or memory is short, says nothing about the client. */
void validate_end(struct validate_job *job)
{
    bool failed = job->problem.type != ACME_PROBLEM_NONE;
    if (failed && egress_failing(job->egress))
        acme_problem_set(&job->problem, ACME_SERVER_INTERNAL,
                         "The gateway is stopping; the challenge is validated again after its restart.");
    else if (failed && shortage_count() != job->shortages)
        acme_problem_set(&job->problem, ACME_SERVER_INTERNAL, "Memory was short while the challenge was validated.");
    job->done(job->ctx, failed ? &job->problem : NULL, job->until_s);
    acme_problem_clear(&job->problem);
    free(job);
}

static void on_later(void *ctx, int event)
{
    (void)event;
    validate_end(ctx);
}

void validate_end_later(struct validate_job *job)
{
    job->later = (struct egress_watch){.fd = -1, .fn = on_later, .ctx = job};
    egress_watch(job->egress, &job->later);
}

bool validate_start(struct egress *egress, const struct validate_config *config,
                    const struct acme_validation *validation, validate_done_fn *done, void *ctx)
{
    static validate_type_fn *const types[ACME_CHALLENGE_TYPES] = {[ACME_HTTP_01] = http01_start,
                                                                  [ACME_DNS_01] = dns01_start,
                                                                  [ACME_TLS_ALPN_01] = tlsalpn01_start,
                                                                  [ACME_DNS_ACCOUNT_01] = dns01_start,
                                                                  [ACME_DNS_PERSIST_01] = persist01_start};
    struct validate_job *job = shortage_calloc(1, sizeof *job);
    if (job == NULL)
        return false;
    *job =
        (struct validate_job){.egress = egress, .config = config, .validation = *validation, .done = done, .ctx = ctx};
    job->shortages = shortage_count();
    job->deadline_ms = egress_now_ms() + config->timeout_ms;
    types[validation->type](job);
    return true; /* cppcheck-suppress memleak ; the job is its type's, which frees it with its answer */
}
