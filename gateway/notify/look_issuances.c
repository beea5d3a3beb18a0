/* look_issuances: what is under way and cannot go on. Whatever is under way has a job, so that nothing of what has
 * ended is looked at, however much there is of it. */
#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/notify/look.h"
#include "gateway/scheduler.h"
#include "gateway/tables.h"

struct looking {
    const struct look *look;
    struct store_txn *txn;
    struct events *events;
};

/* Before it is sent, it waits for what preflight does not see. */
static bool waits(const struct look *look, const struct issuance *is)
{
    bool before = is->state == ISSUANCE_PREPARED || is->state == ISSUANCE_PUBLISHED;
    return before && is->sends == 0 && is->note && is->note[0] &&
           clock_since(is->created_ms, look->now_ms) >= look->config->notify.stuck_after_ms;
}

static void add_issuance(struct looking *looking, const struct issuance *is, const struct subscription *sub)
{
    struct event event = {.kind = is->state == ISSUANCE_HELD ? CONFIG_EVENT_HELD : CONFIG_EVENT_BLOCKED,
                          .since_ms = is->changed_ms};
    const char *note = is->note && is->note[0] ? is->note : "no reason is known";
    char names[EVENT_NAMES_SIZE], order[ACME_ID_TEXT + 1] = "-";
    event_names(&sub->names, names);
    if (is->order_count > 0)
        acme_id_text(&is->orders[0], order);
    snprintf(event.subject, sizeof event.subject, "%s", is->id);
    snprintf(event.policy, sizeof event.policy, "%s", sub->policy);
    event.mark = is->state == ISSUANCE_HELD ? 0 : event_mark(note);
    events_add(looking->events, &event, "%s (policy %s) %s: %s. acmegatectl order show %s", names, sub->policy,
               is->state == ISSUANCE_HELD      ? "is held"
               : is->state == ISSUANCE_BLOCKED ? "cannot be issued"
                                               : "waits for domain control",
               note, order);
}

static void look_at_one(struct looking *looking, const char *id)
{
    struct issuance is;
    struct subscription sub = {0};
    if (issuance_load(looking->txn, id, &is) == STORE_OK &&
        (is.state == ISSUANCE_HELD || is.state == ISSUANCE_BLOCKED || waits(looking->look, &is)) &&
        subscription_load(looking->txn, &is.subscription, &sub) == STORE_OK)
        add_issuance(looking, &is, &sub);
    subscription_clear(&sub);
    issuance_clear(&is);
}

/* The state alone tells of nearly all that there is nothing to tell. */
static bool look_at_job(void *ctx, const struct store_job *job)
{
    struct looking *looking = ctx;
    struct store_slice record;
    char id[ISSUANCE_ID_MAX + 1] = "";
    if (job->kind != JOB_ISSUANCE || job->subject_len >= sizeof id)
        return true;
    memcpy(id, job->subject, job->subject_len);
    if (store_get(looking->txn, ISSUE_ISSUANCES, id, job->subject_len, &record) != STORE_OK)
        return true;
    switch (issuance_state_of(record)) {
    case ISSUANCE_PREPARED:
    case ISSUANCE_PUBLISHED:
    case ISSUANCE_BLOCKED:
    case ISSUANCE_HELD:
        look_at_one(looking, id);
        break;
    default:
        break;
    }
    return true;
}

void look_at_issuances(const struct look *look, struct store_txn *txn, struct events *events)
{
    struct looking looking = {look, txn, events};
    events->looked[CONFIG_EVENT_HELD] = events->looked[CONFIG_EVENT_BLOCKED] = true;
    if (store_jobs(txn, look_at_job, &looking) != STORE_OK)
        events->looked[CONFIG_EVENT_HELD] = events->looked[CONFIG_EVENT_BLOCKED] = false;
}
