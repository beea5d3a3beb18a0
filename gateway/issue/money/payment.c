#include "gateway/issue/money/payment.h"

#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/issue/money/spending.h"
#include "gateway/scheduler.h"
#include "gateway/tables.h"
#include "store/record.h"

enum { RECORD_VERSION = 1, RECORD_MAX = 2 * PAYMENT_NOTE_MAX };

/* After a refusal: people may have to act first. */
static const uint64_t REFUSED_REST_MS = HOUR_MS;

/* ---- the record ---- */

enum store_status payment_load(struct store_txn *txn, const char *issuance, struct payment *payment)
{
    struct store_slice value;
    struct record_reader r;
    memset(payment, 0, sizeof *payment);
    enum store_status status = store_get(txn, ISSUE_PAYMENTS, issuance, strlen(issuance), &value);
    if (status != STORE_OK)
        return status;
    if (record_open(&r, value) != RECORD_VERSION)
        return STORE_INVALID;
    payment->state = (enum payment_state)record_get_u8(&r);
    payment->asked = record_get_u8(&r) != 0;
    payment->since_ms = record_get_u64(&r);
    payment->seen_ms = record_get_u64(&r);
    payment->sent_ms = record_get_u64(&r);
    payment->sends = record_get_u32(&r);
    payment->looks = record_get_u32(&r);
    payment->failures = record_get_u32(&r);
    payment->refusal = (int32_t)record_get_u32(&r);
    payment->cents = (int64_t)record_get_u64(&r);
    record_get_string(&r, payment->note, sizeof payment->note);
    bool good = record_complete(&r) && payment->state >= PAYMENT_WAITING && payment->state < PAYMENT_STATES;
    return good ? STORE_OK : STORE_INVALID;
}

enum store_status payment_save(struct store_txn *txn, const char *issuance, const struct payment *payment)
{
    struct record_writer w;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    record_put_u8(&w, (uint8_t)payment->state);
    record_put_u8(&w, payment->asked);
    record_put_u64(&w, payment->since_ms);
    record_put_u64(&w, payment->seen_ms);
    record_put_u64(&w, payment->sent_ms);
    record_put_u32(&w, payment->sends);
    record_put_u32(&w, payment->looks);
    record_put_u32(&w, payment->failures);
    record_put_u32(&w, (uint32_t)payment->refusal);
    record_put_u64(&w, (uint64_t)payment->cents);
    record_put_string(&w, payment->note);
    enum store_status status =
        w.failed ? STORE_IO : store_put(txn, ISSUE_PAYMENTS, issuance, strlen(issuance), w.data, w.len);
    record_free(&w);
    return status;
}

const char *payment_state_text(enum payment_state state)
{
    static const char *const names[PAYMENT_STATES] = {"none", "waiting", "sending", "unknown", "done"};
    return state < PAYMENT_STATES ? names[state] : names[0];
}

/* ---- begin and end ---- */

enum store_status payment_begin(struct store_txn *txn, const struct issuance *is, const struct subscription *sub,
                                uint64_t now_ms)
{
    struct payment payment;
    enum store_status status = payment_load(txn, is->id, &payment);
    if (status != STORE_NOT_FOUND)
        return status;
    bool reserved = is->sent_ms && is->sent_ms <= sub->bought_ms;
    payment =
        (struct payment){.state = PAYMENT_WAITING, .since_ms = now_ms, .seen_ms = now_ms, .cents = sub->paid_cents};
    status = payment_save(txn, is->id, &payment);
    if (status == STORE_OK && !sub->test)
        status = spending_reopen(txn, is->id, sub->policy, sub->paid_cents, reserved ? is->sent_ms : sub->bought_ms);
    return status == STORE_OK ? store_job_set(txn, JOB_AUTHORIZE, is->id, strlen(is->id), now_ms) : status;
}

enum store_status payment_end(struct store_txn *txn, const struct issuance *is, bool *unheard)
{
    struct payment payment;
    enum store_status status = payment_load(txn, is->id, &payment);
    *unheard = false;
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    *unheard = is->state == ISSUANCE_COLLECTED && payment.sends > 0 && payment.state != PAYMENT_DONE;
    bool free_of_charge = is->state == ISSUANCE_DEAD && payment.sends == 0;
    status = free_of_charge ? spending_release(txn, is->id) : spending_close(txn, is->id);
    if (status == STORE_OK)
        status = store_delete(txn, ISSUE_PAYMENTS, is->id, strlen(is->id));
    if (status == STORE_OK)
        status = store_job_clear(txn, JOB_AUTHORIZE, is->id, strlen(is->id));
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status payment_recover(struct store_txn *txn, const struct store_job *job, uint64_t now_ms)
{
    struct payment payment;
    char id[STORE_SUBJECT_MAX + 1];
    memcpy(id, job->subject, job->subject_len);
    id[job->subject_len] = '\0';
    if (payment_load(txn, id, &payment) != STORE_OK || payment.state != PAYMENT_SENDING)
        return STORE_OK; /* one that cannot be read is told of when it is due */
    return store_job_set(txn, JOB_AUTHORIZE, job->subject, job->subject_len, now_ms);
}

/* ---- the operator ---- */

enum store_status payment_ask(struct store_txn *txn, const char *issuance, uint64_t now_ms, enum payment_state *state)
{
    struct payment payment;
    enum store_status status = payment_load(txn, issuance, &payment);
    *state = payment.state;
    if (status != STORE_OK)
        return status;
    if (payment.state != PAYMENT_WAITING)
        return STORE_REFUSED;
    payment.asked = true;
    status = payment_save(txn, issuance, &payment);
    return status == STORE_OK ? store_job_set(txn, JOB_AUTHORIZE, issuance, strlen(issuance), now_ms) : status;
}

struct waiting {
    struct store_txn *txn;
    const char *login;
    char (*ids)[ISSUANCE_ID_MAX + 1]; /* owned */
    unsigned count, capacity;
    enum store_status status;
};

static bool waits_with(struct waiting *waiting, const char *id)
{
    struct payment payment;
    struct issuance is = {0};
    struct subscription sub = {0};
    bool yes = payment_load(waiting->txn, id, &payment) == STORE_OK && payment.state == PAYMENT_WAITING &&
               issuance_load(waiting->txn, id, &is) == STORE_OK &&
               subscription_load(waiting->txn, &is.subscription, &sub) == STORE_OK &&
               strcmp(sub.login, waiting->login) == 0;
    issuance_clear(&is);
    subscription_clear(&sub);
    return yes;
}

static bool collect(void *ctx, const struct store_job *job)
{
    struct waiting *waiting = ctx;
    char id[STORE_SUBJECT_MAX + 1];
    memcpy(id, job->subject, job->subject_len);
    id[job->subject_len] = '\0';
    if (job->kind != JOB_AUTHORIZE || !waits_with(waiting, id))
        return true;
    if (waiting->count == waiting->capacity) {
        unsigned capacity = waiting->capacity ? 2 * waiting->capacity : 64;
        void *ids = realloc(waiting->ids, capacity * sizeof *waiting->ids);
        if (!ids) {
            waiting->status = STORE_IO;
            return false;
        }
        waiting->ids = ids;
        waiting->capacity = capacity;
    }
    memcpy(waiting->ids[waiting->count++], id, job->subject_len + 1u);
    return true;
}

enum store_status payment_wake(struct store_txn *txn, const char *login, uint64_t now_ms, unsigned *count)
{
    struct waiting waiting = {.txn = txn, .login = login};
    enum store_status status = store_jobs(txn, collect, &waiting);
    if (status == STORE_OK)
        status = waiting.status;
    for (unsigned i = 0; status == STORE_OK && i < waiting.count; i++)
        status = store_job_set(txn, JOB_AUTHORIZE, waiting.ids[i], strlen(waiting.ids[i]), now_ms);
    *count = waiting.count;
    free(waiting.ids);
    return status;
}

/* ---- what a look leads to ---- */

struct payment_decision payment_decide(const struct payment *payment, bool waits, const struct config_issuance *times,
                                       uint64_t now_ms)
{
    uint64_t next_ms = now_ms + times->settle_again_ms, resend_ms = payment->sent_ms + times->resend_ms;
    if (!waits)
        return (struct payment_decision){PAYMENT_DONE, 0};
    if (payment->state != PAYMENT_UNKNOWN)
        return (struct payment_decision){PAYMENT_WAITING, now_ms};
    if (payment->refusal && payment->sends == 1)
        return (struct payment_decision){PAYMENT_WAITING, now_ms + REFUSED_REST_MS};
    if (payment->looks == 0)
        return (struct payment_decision){PAYMENT_UNKNOWN, next_ms};
    if (!clock_is_over(payment->sent_ms, times->resend_ms, now_ms))
        return (struct payment_decision){PAYMENT_UNKNOWN, resend_ms < next_ms ? next_ms : resend_ms};
    return (struct payment_decision){PAYMENT_WAITING, payment->refusal ? now_ms + REFUSED_REST_MS : now_ms};
}
