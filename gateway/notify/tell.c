#include "gateway/notify/tell.h"

#include <stdio.h>
#include <string.h>

#include "acme/durations.h"
#include "acme/policy.h"
#include "gateway/clock.h"
#include "gateway/metrics/metrics.h"
#include "gateway/notify/notices.h"
#include "gateway/notify/send.h"

struct telling {
    struct work work;
    const struct config_target *target;     /* NULL: it is configured no longer */
    char contact[ACME_POLICY_TEXT_MAX + 1]; /* of a policy; "": the target's own */
    bool nobody;                            /* there is nobody to tell any more */
    struct recipient state;
    json_t *items; /* owned: what waits */
    char failure[NOTICE_REASON_MAX + 1];
};

static const char *recipient_of(const struct telling *t)
{
    return (const char *)t->work.subject;
}

uint64_t tell_back_off_ms(uint32_t failures, uint32_t retry_ms)
{
    uint64_t wait_ms = retry_ms;
    for (uint32_t i = 1; i < failures && wait_ms < (uint64_t)HOUR_MS; i++)
        wait_ms *= 2;
    return wait_ms < (uint64_t)HOUR_MS ? wait_ms : (uint64_t)HOUR_MS;
}

/* ---- before ---- */

/* Of a policy that is gone, or names nobody, nobody is told. */
static enum store_status load_contact(struct store_txn *txn, struct telling *t, const char *name)
{
    struct acme_policy policy;
    enum store_status status = acme_policy_load(txn, name, &policy);
    if (status == STORE_OK)
        snprintf(t->contact, sizeof t->contact, "%s", policy.contact_email ? policy.contact_email : "");
    acme_policy_clear(&policy);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* No line feed of a policy's gets into a mail. */
static bool is_address(const char *text)
{
    return strchr(text, '@') && text[strcspn(text, "\r\n<> ,")] == '\0';
}

static enum store_status load_telling(struct store_txn *txn, struct work *work)
{
    struct telling *t = (struct telling *)work;
    char name[CONFIG_TARGET_MAX + 1];
    const char *policy = recipient_split(recipient_of(t), name);
    enum store_status status = recipient_load(txn, recipient_of(t), &t->state);
    t->target = config_target_named(work->config, name);
    if (status == STORE_OK && policy[0])
        status = load_contact(txn, t, policy);
    t->nobody = !t->target || (policy[0] && (!t->target->mail.server || !is_address(t->contact)));
    return status == STORE_OK ? notices_load(txn, recipient_of(t), &t->items) : status;
}

/* ---- telling ---- */

static void on_sent(void *ctx, const char *reason)
{
    work_answer(ctx, reason);
}

static enum work_next decide_telling(struct work *work, const void *answer, uint64_t now_ms)
{
    struct telling *t = (struct telling *)work;
    (void)now_ms;
    if (answer)
        snprintf(t->failure, sizeof t->failure, "%.*s", NOTICE_REASON_MAX, (const char *)answer);
    return WORK_STORE;
}

static enum work_next ask_telling(struct work *work)
{
    struct telling *t = (struct telling *)work;
    char reason[SEND_REASON_MAX];
    if (t->nobody || json_array_size(t->items) == 0)
        return WORK_STORE;
    const struct message message = {.gateway = t->work.config->acme.url,
                                    .instance = t->work.config->instance,
                                    .items = t->items,
                                    .left_out = t->state.left_out,
                                    .now_ms = clock_ms()};
    if (send_message(work->runner->egress, t->target, t->contact[0] ? t->contact : NULL, &message, on_sent, work,
                     reason))
        return WORK_WAIT;
    return decide_telling(work, reason, 0);
}

/* ---- the outcome, stored ---- */

static enum store_status store_failure(struct store_txn *txn, const struct telling *t, struct recipient *state,
                                       uint64_t now_ms)
{
    state->failures++;
    state->failed_ms = now_ms;
    snprintf(state->note, sizeof state->note, "%s", t->failure);
    enum store_status status = recipient_save(txn, recipient_of(t), state);
    uint64_t wait_ms = tell_back_off_ms(state->failures, t->work.config->notify.retry_ms);
    return status == STORE_OK ? work_set_job(txn, &t->work, now_ms + wait_ms) : status;
}

/* What came meanwhile is told next, after it was collected. */
static enum store_status store_success(struct store_txn *txn, const struct telling *t, struct recipient *state,
                                       uint64_t now_ms)
{
    uint32_t left_out = state->left_out - t->state.left_out;
    enum store_status status = notices_remove(txn, recipient_of(t), t->items);
    if (!t->nobody && json_array_size(t->items) > 0)
        *state = (struct recipient){.told_ms = now_ms, .left_out = left_out};
    if (status == STORE_OK)
        status = recipient_save(txn, recipient_of(t), state);
    if (status != STORE_OK)
        return status;
    if (notices_count(txn, recipient_of(t)) > 0 || (left_out > 0 && !t->nobody))
        return work_set_job(txn, &t->work, now_ms + t->work.config->notify.collect_ms);
    return work_clear_job(txn, &t->work);
}

static enum store_status apply_telling(struct store_txn *txn, struct work *work, uint64_t now_ms)
{
    const struct telling *t = (struct telling *)work;
    struct recipient state;
    enum store_status status = recipient_load(txn, recipient_of(t), &state);
    if (status != STORE_OK)
        return status;
    return t->failure[0] ? store_failure(txn, t, &state, now_ms) : store_success(txn, t, &state, now_ms);
}

static enum work_next on_telling_stored(struct work *work, enum store_status status)
{
    const struct telling *t = (struct telling *)work;
    char name[CONFIG_TARGET_MAX + 1], count[16];
    if (status != STORE_OK || t->nobody || json_array_size(t->items) == 0)
        return status == STORE_OK ? WORK_DONE : WORK_REST;
    recipient_split(recipient_of(t), name);
    snprintf(count, sizeof count, "%zu", json_array_size(t->items));
    metrics_count(METRIC_NOTIFICATIONS, send_way_of(t->target), t->failure[0] == '\0');
    if (t->failure[0])
        log_warning("a notification was not taken and is sent again: see to its target, then acmegatectl notify test",
                    "target", name, "events", count, "reason", t->failure);
    else
        log_info("a notification was sent", "target", name, "events", count);
    return WORK_DONE;
}

static void clear_telling(struct work *work)
{
    json_decref(((struct telling *)work)->items);
}

static void log_telling(const struct work *work, enum log_level level, const char *msg, const char *reason)
{
    char name[CONFIG_TARGET_MAX + 1];
    recipient_split((const char *)work->subject, name);
    log_line(level, msg, "target", name, "reason", reason, (char *)0);
}

const struct work_kind tell_work = {
    .job = JOB_TELL,
    .size = sizeof(struct telling),
    .subject_min = 1,
    .subject_max = RECIPIENT_MAX,
    .load = load_telling,
    .ask = ask_telling,
    .decide = decide_telling,
    .apply = apply_telling,
    .stored = on_telling_stored,
    .clear = clear_telling,
    .log = log_telling,
    .unreadable = "what waits to be told cannot be read from the store; see to its disk",
    .unstored = "that a notification was sent cannot be stored; it is sent again. See to the store's disk",
};
