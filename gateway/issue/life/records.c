#include "gateway/issue/life/records.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/dcv/publish.h"
#include "gateway/issue/life/errand.h"
#include "gateway/log.h"

/* Until the next try, and until a label that another issuance uses is looked at again. */
static const uint64_t REST_MS = 60 * 1000;

struct task {
    struct issuer *issuer;
    char id[ISSUANCE_ID_MAX + 1];
    bool ended; /* the issuance is over: remove */
    struct dcv_records records;
    unsigned left; /* not done yet */
    bool failed;
    struct egress_post post;
    struct store_op op;
};

/* Whether the issuance has records; one that cannot be read counts: its job reports it, and it must not keep an
 * issuance from ending. */
static bool has_records(struct store_txn *txn, const char *issuance, enum store_status *status)
{
    struct dcv_records records;
    *status = dcv_records_load(txn, issuance, &records);
    dcv_records_clear(&records);
    bool has = *status == STORE_OK || *status == STORE_INVALID;
    if (has || *status == STORE_NOT_FOUND)
        *status = STORE_OK;
    return has;
}

/* The job looks what there is to do: to publish while the issuance lives, to remove afterwards. */
static enum store_status set_job(struct store_txn *txn, const char *issuance, uint64_t now_ms)
{
    enum store_status status;
    return has_records(txn, issuance, &status) ? store_job_set(txn, JOB_DCV_RECORDS, issuance, strlen(issuance), now_ms)
                                               : status;
}

enum store_status records_unpublish(struct store_txn *txn, const struct dcv_answer *answer, uint64_t now_ms)
{
    char other[DCV_ISSUANCE_MAX + 1];
    enum store_status status = set_job(txn, answer->issuance, now_ms);
    return status == STORE_OK && dcv_file_other(txn, answer, other) ? set_job(txn, other, now_ms) : status;
}

enum store_status records_retarget(struct store_txn *txn, const struct dcv_answer *answer, uint64_t now_ms)
{
    enum store_status status = dcv_records_retarget(txn, answer);
    if (status == STORE_NOT_FOUND)
        return STORE_OK;
    return status == STORE_OK ? store_job_set(txn, JOB_DCV_RECORDS, answer->issuance, strlen(answer->issuance), now_ms)
                              : status;
}

/* ---- the end of a task ---- */

/* rest_ms 0: the outcome is stored. */
static void end(struct task *task, uint64_t rest_ms)
{
    struct scheduler *scheduler = task->issuer->at.scheduler;
    if (rest_ms)
        scheduler_release_after(scheduler, JOB_DCV_RECORDS, task->id, strlen(task->id), rest_ms);
    else
        scheduler_done(scheduler, JOB_DCV_RECORDS, task->id, strlen(task->id));
    dcv_records_clear(&task->records);
    free(task);
}

static enum store_status store_outcome(struct store_txn *txn, void *arg)
{
    const struct task *task = arg;
    struct issuance is;
    enum store_status status = issuance_load(txn, task->id, &is);
    bool ended = status != STORE_OK || issuance_ended(is.state);
    issuance_clear(&is);
    if (ended != task->ended)
        return STORE_OK; /* it ended meanwhile: the job stays, to remove what was published */
    status = ended ? dcv_records_forget(txn, task->id) : STORE_OK;
    if (status == STORE_OK)
        status = store_job_clear(txn, JOB_DCV_RECORDS, task->id, strlen(task->id));
    if (status == STORE_OK && ended)
        issuer_debug_stop(task->issuer, "records-removed:before");
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static void on_stored(struct store_op *op, enum store_status status)
{
    struct task *task = op->arg;
    issuer_note_stored(task->issuer, status == STORE_OK);
    if (status == STORE_OK) {
        if (task->ended)
            issuer_debug_stop(task->issuer, "records-removed");
        scheduler_release(task->issuer->at.scheduler, JOB_DCV_RECORDS, task->id, strlen(task->id));
        dcv_records_clear(&task->records);
        free(task);
    } else {
        end(task, issuer_unstored_rest_ms(task->issuer));
    }
}

static uint64_t rest_ms(const struct issuer *issuer)
{
    uint64_t later_ms = issuer->at.config->issuance.later_ms;
    return REST_MS < later_ms ? REST_MS : later_ms;
}

static void finish(struct task *task)
{
    if (task->failed) {
        end(task, rest_ms(task->issuer));
        return;
    }
    task->op = (struct store_op){.fn = store_outcome, .arg = task, .done = on_stored};
    store_submit(task->issuer->at.store, &task->op);
}

static void on_record(void *ctx, bool ok, const char *reason)
{
    struct task *task = ctx;
    if (!ok) {
        task->failed = true;
        log_warning(
            "DNS has not the records for Sectigo's domain control that it should have; trying again. See to the zone",
            "issuance", task->id, "reason", reason);
    }
    if (--task->left == 0)
        finish(task);
}

/* On the egress thread. */
static void start(void *ctx)
{
    struct task *task = ctx;
    const struct issuer_config *at = &task->issuer->at;
    size_t count = task->records.count; /* the task may be gone after the last one */
    struct dcv_record *list = task->records.list;
    task->left = (unsigned)count;
    if (count == 0)
        finish(task);
    for (size_t i = 0; i < count; i++)
        (task->ended ? publish_remove : publish_record)(at->egress, &at->config->dcv, &list[i], on_record, task);
}

/* ---- its beginning ---- */

/* Whether another live issuance has the same CSR, and so the same label. */
static bool is_shared(struct store_txn *txn, const struct issuance *is)
{
    char other[DCV_ISSUANCE_MAX + 1];
    return dcv_file_other(txn, &(struct dcv_answer){is->csr, is->csr_len, is->unique_value, is->id}, other);
}

/* False: not now. */
static bool load(struct task *task)
{
    struct store_txn *txn;
    struct issuance is;
    if (store_read(task->issuer->at.store, &txn) != STORE_OK)
        return false;
    enum store_status status = issuance_load(txn, task->id, &is);
    task->ended = status != STORE_OK || issuance_ended(is.state);
    bool wait = status == STORE_OK && task->ended && is_shared(txn, &is);
    status = dcv_records_load(txn, task->id, &task->records);
    store_read_end(txn);
    issuance_clear(&is);
    if (status != STORE_OK && status != STORE_NOT_FOUND)
        log_error("the DCV records of an issuance cannot be read from the store; see to its disk", "issuance", task->id,
                  "reason", store_status_text(status));
    return !wait && (status == STORE_OK || status == STORE_NOT_FOUND);
}

void records_job(void *ctx, const struct store_job *job)
{
    struct issuer *issuer = ctx;
    struct task *task =
        atomic_load(&issuer->stopping) || job->subject_len > ISSUANCE_ID_MAX ? NULL : calloc(1, sizeof *task);
    if (!task) {
        scheduler_release_after(issuer->at.scheduler, JOB_DCV_RECORDS, job->subject, job->subject_len,
                                issuer_unstored_rest_ms(issuer));
        return;
    }
    task->issuer = issuer;
    memcpy(task->id, job->subject, job->subject_len);
    task->post = (struct egress_post){.fn = start, .ctx = task};
    if (!load(task) || !egress_post(issuer->at.egress, &task->post))
        end(task, rest_ms(issuer));
}
