#include "gateway/validate/validation.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/log.h"

/* After a validation that could not be started or stored. */
static const uint64_t REST_MS = 5000;

struct validation {
    struct validation_config at;
};

struct attempt {
    struct validation *validation;
    uint8_t subject[ACME_VALIDATION_SUBJECT_LEN];
    struct acme_validation what;
    struct acme_problem problem; /* what was found; ACME_PROBLEM_NONE: control is proved */
    struct egress_post post;
    struct store_op op;
};

/* rest_ms 0: the outcome is stored. */
static void end(struct attempt *attempt, uint64_t rest_ms)
{
    struct scheduler *scheduler = attempt->validation->at.scheduler;
    if (rest_ms)
        scheduler_release_after(scheduler, JOB_VALIDATE, attempt->subject, sizeof attempt->subject, rest_ms);
    else
        scheduler_done(scheduler, JOB_VALIDATE, attempt->subject, sizeof attempt->subject);
    acme_problem_clear(&attempt->problem);
    free(attempt);
}

static enum store_status settle(struct store_txn *txn, void *arg)
{
    const struct attempt *attempt = arg;
    const struct acme_problem *problem = attempt->problem.type ? &attempt->problem : NULL;
    enum store_status status = acme_validation_settle(txn, &attempt->what, problem, clock_ms());
    if (status != STORE_OK)
        return status;
    status = store_job_clear(txn, JOB_VALIDATE, attempt->subject, sizeof attempt->subject);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static void on_stored(struct store_op *op, enum store_status status)
{
    struct attempt *attempt = op->arg;
    struct validation *validation = attempt->validation;
    if (status == STORE_OK) {
        validation->at.notify(validation->at.notify_ctx, &attempt->what.authz);
        validation->at.notify(validation->at.notify_ctx, &attempt->what.order);
    } else {
        log_error("the outcome of a validation cannot be stored; it is done again. See to the store's disk", "name",
                  attempt->what.identifier.value, "reason", store_status_text(status));
    }
    end(attempt, status == STORE_OK ? 0 : REST_MS);
}

static void on_validated(void *ctx, const struct acme_problem *problem, uint64_t until_s)
{
    struct attempt *attempt = ctx;
    attempt->what.until_s = until_s;
    char order[ACME_ID_TEXT + 1];
    acme_id_text(&attempt->what.order, order);
    if (problem && problem->type == ACME_SERVER_INTERNAL) { /* says nothing about the client: done again */
        log_warning(
            "a validation failed for a reason of ours; it is done again. See to this machine's memory, descriptors and "
            "network",
            "order", order, "name", attempt->what.identifier.value, "reason", problem->detail);
        end(attempt, REST_MS);
        return;
    }
    if (problem) {
        acme_problem_status(&attempt->problem, problem->status, problem->type, "%s", problem->detail);
        attempt->problem.extra = json_incref(problem->extra);
    }
    log_info("validation", "order", order, "name", attempt->what.identifier.value, "type",
             acme_challenge_type_text(attempt->what.type), "result", problem ? "invalid" : "valid", "reason",
             problem ? problem->detail : NULL);
    attempt->op = (struct store_op){.fn = settle, .arg = attempt, .done = on_stored};
    store_submit(attempt->validation->at.store, &attempt->op);
}

static void start(void *ctx)
{
    struct attempt *attempt = ctx;
    struct validation *validation = attempt->validation;
    if (!validate_start(validation->at.egress, &validation->at.validate, &attempt->what, on_validated, attempt))
        end(attempt, REST_MS);
}

static enum store_status drop_job(struct store_txn *txn, void *arg)
{
    const struct attempt *attempt = arg;
    return store_job_clear(txn, JOB_VALIDATE, attempt->subject, sizeof attempt->subject);
}

static void on_dropped(struct store_op *op, enum store_status status)
{
    end(op->arg, status == STORE_OK || status == STORE_NOT_FOUND ? 0 : REST_MS);
}

static void on_job(void *ctx, const struct store_job *job)
{
    struct validation *validation = ctx;
    struct store_txn *txn;
    struct attempt *attempt = job->subject_len == ACME_VALIDATION_SUBJECT_LEN ? calloc(1, sizeof *attempt) : NULL;
    if (!attempt || store_read(validation->at.store, &txn) != STORE_OK) {
        free(attempt);
        scheduler_release_after(validation->at.scheduler, JOB_VALIDATE, job->subject, job->subject_len, REST_MS);
        return;
    }
    attempt->validation = validation;
    memcpy(attempt->subject, job->subject, sizeof attempt->subject);
    enum store_status status = acme_validation_load(txn, attempt->subject, &attempt->what);
    store_read_end(txn);
    if (status == STORE_OK) {
        attempt->post = (struct egress_post){.fn = start, .ctx = attempt};
        if (!egress_post(validation->at.egress, &attempt->post))
            end(attempt, REST_MS); /* stopping: done after the next start */
        return;
    }
    if (status != STORE_NOT_FOUND) { /* short of memory, or a record that cannot be read: nothing that the client did */
        log_error("a validation cannot be read from the store; it is tried again. See to its disk", "reason",
                  store_status_text(status));
        end(attempt, REST_MS);
        return;
    }
    attempt->op = (struct store_op){.fn = drop_job, .arg = attempt, .done = on_dropped};
    store_submit(validation->at.store, &attempt->op);
}

struct validation *validation_make(const struct validation_config *config)
{
    struct validation *validation = calloc(1, sizeof *validation);
    if (!validation)
        return NULL;
    validation->at = *config;
    scheduler_handle(config->scheduler, JOB_VALIDATE, on_job, validation);
    return validation;
}

void validation_free(struct validation *validation)
{
    free(validation);
}

enum store_status validation_hook(void *ctx, struct store_txn *txn,
                                  const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN], uint64_t now_ms)
{
    (void)ctx;
    return store_job_set(txn, JOB_VALIDATE, subject, ACME_VALIDATION_SUBJECT_LEN, now_ms);
}
