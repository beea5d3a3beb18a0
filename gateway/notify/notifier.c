#include "gateway/notify/notifier.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/clock.h"
#include "gateway/notify/send.h"
#include "gateway/notify/tell.h"

struct notifier *notifier_make(const struct notifier_config *config)
{
    static const struct work_kind *const kinds[] = {&tell_work};
    struct notifier *notifier = calloc(1, sizeof *notifier);
    if (!notifier)
        return NULL;
    notifier->at = *config;
    notifier->run = (struct runner){
        .store = config->store, .scheduler = config->scheduler, .egress = config->egress, .configs = config->configs};
    runner_handle(&notifier->run, kinds, sizeof kinds / sizeof *kinds, notifier);
    return notifier;
}

bool notifier_start(struct notifier *notifier)
{
    const struct config *config = config_take(notifier->at.configs);
    bool wanted = config->notify.target_count > 0;
    config_drop(config);
    if (!wanted || notifier->watcher)
        return true; /* nobody would be told, or it looks already */
    notifier->watcher = watcher_start(&notifier->at);
    return notifier->watcher != NULL;
}

void notifier_stop(struct notifier *notifier)
{
    watcher_stop(notifier->watcher);
    notifier->watcher = NULL;
    runner_stop(&notifier->run);
}

void notifier_rest(struct notifier *notifier, bool rests)
{
    runner_rest(&notifier->run, rests);
}

void notifier_free(struct notifier *notifier)
{
    free(notifier);
}

/* ---- a test ---- */

/* Longer than any target may take. */
enum { GRACE_MS = 5000 };

/* Has two owners, the operator's thread and the sending: whoever is last frees it. */
struct trial {
    const struct notifier *notifier;
    const struct config *config; /* held, for the target */
    const struct config_target *target;
    struct egress_post post;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool ended, abandoned;
    char reason[NOTIFIER_REASON_MAX]; /* "": it was taken */
};

static void trial_free(struct trial *trial)
{
    pthread_cond_destroy(&trial->answered);
    pthread_mutex_destroy(&trial->lock);
    config_drop(trial->config);
    free(trial);
}

static void on_tried(void *ctx, const char *reason)
{
    struct trial *trial = ctx;
    pthread_mutex_lock(&trial->lock);
    snprintf(trial->reason, sizeof trial->reason, "%s", reason ? reason : "");
    trial->ended = true;
    bool mine = trial->abandoned;
    pthread_cond_signal(&trial->answered);
    pthread_mutex_unlock(&trial->lock);
    if (mine)
        trial_free(trial);
}

/* On the egress thread. A mail target without addresses of its own tells itself. */
static void begin_trial(void *ctx)
{
    struct trial *trial = ctx;
    const struct config *config = trial->config;
    char reason[SEND_REASON_MAX];
    json_t *none = json_array();
    const struct message message = {
        .gateway = config->acme.url, .instance = config->instance, .items = none, .now_ms = clock_ms()};
    const char *to = trial->target->mail.to.count == 0 ? trial->target->mail.from : NULL;
    bool begun = none && send_message(trial->notifier->at.egress, trial->target, to, &message, on_tried, trial, reason);
    json_decref(none);
    if (!begun)
        on_tried(trial, none ? reason : "out of memory");
}

static struct trial *trial_make(const struct notifier *notifier, const struct config *config,
                                const struct config_target *target)
{
    pthread_condattr_t monotonic;
    struct trial *trial = calloc(1, sizeof *trial);
    if (!trial)
        return NULL;
    trial->notifier = notifier;
    trial->config = config_hold(config);
    trial->target = target;
    trial->post = (struct egress_post){.fn = begin_trial, .ctx = trial};
    pthread_mutex_init(&trial->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&trial->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return trial;
}

/* False: not in time; the trial is the sending's alone from here on. */
static bool await_trial(struct trial *trial)
{
    struct timespec until;
    int error = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)((trial->target->timeout_ms + GRACE_MS) / 1000);
    pthread_mutex_lock(&trial->lock);
    while (!trial->ended && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&trial->answered, &trial->lock, &until);
    bool ended = trial->ended;
    trial->abandoned = !ended;
    pthread_mutex_unlock(&trial->lock);
    return ended;
}

bool notifier_try(struct notifier *notifier, const struct config *config, const struct config_target *target,
                  char reason[static NOTIFIER_REASON_MAX])
{
    struct trial *trial = trial_make(notifier, config, target);
    snprintf(reason, NOTIFIER_REASON_MAX, "%s", trial ? "the gateway is stopping" : "out of memory");
    if (!trial)
        return false;
    if (!egress_post(notifier->at.egress, &trial->post)) {
        trial_free(trial);
        return false;
    }
    snprintf(reason, NOTIFIER_REASON_MAX, "it has not answered in time");
    if (!await_trial(trial))
        return false;
    memcpy(reason, trial->reason, NOTIFIER_REASON_MAX);
    trial_free(trial);
    return reason[0] == '\0';
}
