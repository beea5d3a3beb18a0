#include "gateway/issue/life/records.h"

#include <string.h>

#include "acme/durations.h"
#include "gateway/dcv/publish.h"
#include "gateway/issue/context.h"
#include "gateway/issue/order/prepare.h"
#include "gateway/log.h"

/* Until the next try, and until a label that another issuance uses is looked at again. */
static const uint64_t REST_MS = MINUTE_MS;

struct publication {
    struct work work;
    bool ended; /* the issuance is over: remove */
    struct dcv_records records;
    unsigned left; /* not done yet */
    bool failed;
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
    if (status != STORE_OK || !answer->made)
        return status;
    status = dcv_file_other(txn, answer->token.md5_upper, answer->issuance, other);
    if (status == STORE_OK)
        return set_job(txn, other, now_ms);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status records_retarget(struct store_txn *txn, const struct dcv_answer *answer, uint64_t now_ms)
{
    enum store_status status = dcv_records_retarget(txn, answer);
    if (status == STORE_NOT_FOUND)
        return STORE_OK;
    return status == STORE_OK ? store_job_set(txn, JOB_DCV_RECORDS, answer->issuance, strlen(answer->issuance), now_ms)
                              : status;
}

/* ---- the job ---- */

static const char *issuance_of(const struct work *work)
{
    return (const char *)work->subject;
}

static void write_log(const struct work *work, enum log_level level, const char *msg, const char *reason)
{
    log_line(level, msg, "issuance", issuance_of(work), "reason", reason, (char *)0);
}

static uint64_t rest_ms(const struct work *work)
{
    uint64_t later_ms = work->config->issuance.later_ms;
    return REST_MS < later_ms ? REST_MS : later_ms;
}

/* STORE_OK: another live issuance has the same CSR, and so the same label: "_", the CSR's MD5, "." (the CSR itself is not
 * kept beyond the end). STORE_NOT_FOUND: none has. */
static enum store_status find_sharer(struct store_txn *txn, const char *issuance, const struct dcv_records *records)
{
    char other[DCV_ISSUANCE_MAX + 1];
    const char *owner = records->count > 0 ? records->list[0].owner : "";
    return strcspn(owner, ".") == 1 + DCV_MD5_TEXT ? dcv_file_other(txn, owner + 1, issuance, other) : STORE_NOT_FOUND;
}

static enum store_status load_publication(struct store_txn *txn, struct work *work)
{
    struct publication *p = (struct publication *)work;
    struct issuance is;
    enum store_status status = issuance_load(txn, issuance_of(work), &is);
    bool known = status == STORE_OK;
    p->ended = !known || issuance_ended(is.state);
    issuance_clear(&is);
    work->rest_ms = rest_ms(work);
    if (!known && status != STORE_NOT_FOUND) /* it may live */
        return status;
    status = dcv_records_load(txn, issuance_of(work), &p->records);
    if (status != STORE_OK && status != STORE_NOT_FOUND)
        return status;
    if (!known || !p->ended)
        return STORE_OK;
    status = find_sharer(txn, issuance_of(work), &p->records);
    return status == STORE_OK ? STORE_REFUSED : status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* Of each record; the last one decides. */
static void on_record(void *ctx, bool ok, const char *reason)
{
    struct publication *p = ctx;
    if (!ok) {
        p->failed = true;
        write_log(
            &p->work, LOG_LEVEL_WARNING,
            "DNS has not the records for Sectigo's domain control that it should have; trying again. See to the zone",
            reason);
    }
    if (--p->left == 0)
        work_answer(&p->work, NULL);
}

static enum work_next ask_publication(struct work *work)
{
    struct publication *p = (struct publication *)work;
    const struct config *config = work->config;
    struct egress *egress = work->runner->egress;
    size_t count = p->records.count; /* it may be gone after the last one */
    struct dcv_record *list = p->records.list;
    bool ended = p->ended;
    if (count == 0)
        return WORK_STORE;
    p->left = (unsigned)count;
    for (size_t i = 0; i < count; i++)
        (ended ? publish_remove : publish_record)(egress, &config->dcv, &list[i], on_record, work);
    return WORK_WAIT;
}

static enum work_next decide_publication(struct work *work, const void *answer, uint64_t now_ms)
{
    (void)answer;
    (void)now_ms;
    return ((struct publication *)work)->failed ? work_rest(work, rest_ms(work)) : WORK_STORE;
}

static enum store_status apply_publication(struct store_txn *txn, struct work *work, uint64_t now_ms)
{
    const struct publication *p = (struct publication *)work;
    struct issuance is;
    (void)now_ms;
    enum store_status status = issuance_load(txn, issuance_of(work), &is);
    bool ended = status != STORE_OK || issuance_ended(is.state);
    issuance_clear(&is);
    if (ended != p->ended)
        return STORE_OK; /* it ended meanwhile: the job stays, to remove what was published */
    status = ended ? dcv_records_forget(txn, issuance_of(work)) : STORE_OK;
    if (status == STORE_OK)
        status = work_clear_job(txn, work);
    if (status == STORE_OK && ended)
        issuer_debug_stop(work->owner, "records-removed:before");
    return status;
}

static enum work_next on_publication_stored(struct work *work, enum store_status status)
{
    if (status != STORE_OK)
        return work_rest(work, 0);
    if (((struct publication *)work)->ended)
        issuer_debug_stop(work->owner, "records-removed");
    return WORK_LOOK;
}

static void clear_publication(struct work *work)
{
    dcv_records_clear(&((struct publication *)work)->records);
}

const struct work_kind records_work = {
    .job = JOB_DCV_RECORDS,
    .size = sizeof(struct publication),
    .subject_min = 1,
    .subject_max = ISSUANCE_ID_MAX,
    .load = load_publication,
    .ask = ask_publication,
    .decide = decide_publication,
    .apply = apply_publication,
    .stored = on_publication_stored,
    .clear = clear_publication,
    .log = write_log,
    .unreadable = "the DCV records of an issuance cannot be read from the store; see to its disk",
    .unstored = "that an issuance's DCV records are as they should be cannot be stored; they are published or removed "
                "once more. See to the store's disk",
};
