#include "gateway/validate/validation.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/log.h"
#include "gateway/metrics/metrics.h"
#include "gateway/work.h"
#include "store/shortage.h"

/* After a validation that could not be started, or says nothing. */
static const uint64_t REST_MS = 5000;
enum { REDIRECTS_MAX = 10 };

struct validation {
    struct validation_config at;
    struct runner run; /* never stopped: what was asked for is tried as long as egress goes on */
};

struct attempt {
    struct work work;
    bool gone; /* its authorization is not there any more, or is decided: the job is dropped */
    struct acme_validation what;
    struct acme_problem problem; /* what was found; ACME_PROBLEM_NONE: control is proved */
    /* As the work's configuration wants it: */
    struct validate_config how;
    struct egress_rules rules;
    char account_urls[ACME_URL_MAX], account_hashes[ACME_URL_MAX];
};

/* What a validator found. */
struct finding {
    const struct acme_problem *problem;
    uint64_t until_s;
};

static void log_validation(const struct work *work, enum log_level level, const char *msg, const char *reason)
{
    const struct attempt *attempt = (const struct attempt *)work;
    char order[ACME_ID_TEXT + 1];
    acme_id_text(&attempt->what.order, order);
    log_line(level, msg, "order", order, "name", attempt->what.identifier.value, "reason", reason, (char *)0);
}

static enum store_status load_attempt(struct store_txn *txn, struct work *work)
{
    struct attempt *attempt = (struct attempt *)work;
    enum store_status status = acme_validation_load(txn, work->subject, &attempt->what);
    attempt->gone = status == STORE_NOT_FOUND;
    work->rest_ms = REST_MS;
    return attempt->gone ? STORE_OK : status;
}

static void on_validated(void *ctx, const struct acme_problem *problem, uint64_t until_s)
{
    work_answer(ctx, &(struct finding){problem, until_s});
}

static void set_up_attempt(struct attempt *attempt)
{
    const struct config *config = attempt->work.config;
    const struct config_validation *given = &config->validation;
    attempt->rules =
        (struct egress_rules){(const char *const *)given->deny.list, (const char *const *)given->allow.list,
                              (const char *const *)given->private_zones.list};
    snprintf(attempt->account_urls, sizeof attempt->account_urls, "%s/acme/account/", config->acme.url);
    snprintf(attempt->account_hashes, sizeof attempt->account_hashes, "%s" ACME_ACCOUNT_HASH_PATH, config->acme.url);
    attempt->how = (struct validate_config){.http_port = given->http_port,
                                            .tls_port = given->tls_port,
                                            .timeout_ms = given->timeout_ms,
                                            .redirects_max = REDIRECTS_MAX,
                                            .account_urls = attempt->account_urls,
                                            .account_hashes = attempt->account_hashes,
                                            .issuer_names = (const char *const *)config->acme.caa_identities.list,
                                            .rules = &attempt->rules};
}

static enum work_next ask_attempt(struct work *work)
{
    struct attempt *attempt = (struct attempt *)work;
    const struct validation *validation = work->owner;
    if (attempt->gone)
        return WORK_STORE;
    set_up_attempt(attempt);
    return validate_start(validation->at.egress, &attempt->how, &attempt->what, on_validated, attempt)
               ? WORK_WAIT
               : work_rest(work, REST_MS);
}

static enum metric_validation result_of(const struct acme_problem *problem)
{
    return !problem ? METRIC_VALID : problem->type == ACME_SERVER_INTERNAL ? METRIC_OURS : METRIC_INVALID;
}

static enum work_next decide_attempt(struct work *work, const void *answer, uint64_t now_ms)
{
    struct attempt *attempt = (struct attempt *)work;
    const struct finding *found = answer;
    const struct acme_problem *problem = found->problem;
    (void)now_ms;
    attempt->what.until_s = found->until_s;
    metrics_count(METRIC_VALIDATIONS, attempt->what.type, result_of(problem));
    if (problem && problem->type == ACME_SERVER_INTERNAL) { /* says nothing about the client: done again */
        log_validation(
            work, LOG_LEVEL_WARNING,
            "a validation failed for a reason of ours; it is done again. See to this machine's memory, descriptors and "
            "network",
            problem->detail);
        return work_rest(work, REST_MS);
    }
    if (problem) {
        acme_problem_status(&attempt->problem, problem->status, problem->type, "%s", problem->detail);
        attempt->problem.extra = json_incref(problem->extra);
    }
    char order[ACME_ID_TEXT + 1];
    acme_id_text(&attempt->what.order, order);
    log_info("validation", "order", order, "name", attempt->what.identifier.value, "type",
             acme_challenge_type_text(attempt->what.type), "result", problem ? "invalid" : "valid", "reason",
             problem ? problem->detail : NULL);
    return WORK_STORE;
}

static enum store_status apply_attempt(struct store_txn *txn, struct work *work, uint64_t now_ms)
{
    const struct attempt *attempt = (struct attempt *)work;
    const struct acme_problem *problem = attempt->problem.type ? &attempt->problem : NULL;
    enum store_status status = attempt->gone ? STORE_OK : acme_validation_settle(txn, &attempt->what, problem, now_ms);
    return status == STORE_OK ? work_clear_job(txn, work) : status;
}

static enum work_next on_attempt_stored(struct work *work, enum store_status status)
{
    const struct attempt *attempt = (struct attempt *)work;
    const struct validation *validation = work->owner;
    if (status != STORE_OK)
        return work_rest(work, 0);
    if (!attempt->gone) {
        validation->at.notify(validation->at.notify_ctx, &attempt->what.authz);
        validation->at.notify(validation->at.notify_ctx, &attempt->what.order);
    }
    return WORK_DONE;
}

static void clear_attempt(struct work *work)
{
    acme_problem_clear(&((struct attempt *)work)->problem);
}

static const struct work_kind attempt_work = {
    .job = JOB_VALIDATE,
    .size = sizeof(struct attempt),
    .subject_min = ACME_VALIDATION_SUBJECT_LEN,
    .subject_max = ACME_VALIDATION_SUBJECT_LEN,
    .load = load_attempt,
    .ask = ask_attempt,
    .decide = decide_attempt,
    .apply = apply_attempt,
    .stored = on_attempt_stored,
    .clear = clear_attempt,
    .log = log_validation,
    .unreadable = "a validation cannot be read from the store; it is tried again. See to its disk",
    .unstored = "the outcome of a validation cannot be stored; it is done again. See to the store's disk",
};
static const struct work_kind *const kinds[] = {&attempt_work};

struct validation *validation_make(const struct validation_config *config)
{
    struct validation *validation = shortage_calloc(1, sizeof *validation);
    if (!validation)
        return NULL;
    validation->at = *config;
    validation->run = (struct runner){
        .store = config->store, .scheduler = config->scheduler, .egress = config->egress, .configs = config->configs};
    runner_handle(&validation->run, kinds, sizeof kinds / sizeof *kinds, validation);
    return validation;
}

void validation_rest(struct validation *validation, bool rests)
{
    runner_rest(&validation->run, rests);
}

void validation_free(struct validation *validation)
{
    free(validation);
}

enum store_status validation_hook(void *ctx, struct store_txn *txn,
                                  const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN], uint64_t now_ms)
{
    (void)ctx;
    log_note_cause(subject, ACME_VALIDATION_SUBJECT_LEN);
    return store_job_set(txn, JOB_VALIDATE, subject, ACME_VALIDATION_SUBJECT_LEN, now_ms);
}

void validation_soon(void *ctx, const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN],
                     const struct acme_validation *what)
{
    struct validation *validation = ctx;
    struct attempt *attempt =
        (struct attempt *)work_lease(&validation->run, JOB_VALIDATE, subject, ACME_VALIDATION_SUBJECT_LEN);
    if (!attempt)
        return; /* the job does it */
    log_note_cause(subject, ACME_VALIDATION_SUBJECT_LEN);
    attempt->what = *what;
    work_go(&attempt->work, WORK_ASK);
}
