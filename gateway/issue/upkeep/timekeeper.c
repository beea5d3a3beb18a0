#include "gateway/issue/upkeep/timekeeper.h"

#include <stdlib.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/issue/context.h"
#include "gateway/log.h"

/* How often the clock is looked at: a step that nobody has met yet is noticed after this. */
static const uint64_t LOOK_MS = SECOND_MS, LOOK_MOVED_MS = 20;
/* After as long as the doubt has lasted so far, within these bounds. */
static const uint64_t ASK_MIN_MS = SECOND_MS, ASK_MAX_MS = MINUTE_MS;

struct timekeeper {
    struct issuer *issuer;
    struct egress_post post;
    struct egress_watch watch;
    unsigned doubts, jumps; /* that were seen */
    uint64_t ask_boot_ms;   /* not before */
    bool dateless;          /* it was said that a reply has no Date */
};

/* The clock has heard it already, if it says a time. */
static void on_reply(void *ctx, const struct upstream_reply *reply)
{
    struct timekeeper *t = ctx;
    if (reply->outcome != UPSTREAM_ANSWERED || reply->date_ms || t->dateless || !clock_in_doubt())
        return;
    t->dateless = true;
    log_error(
        "the clock is in doubt, and Sectigo's replies do not say what time it is (no Date), so nothing is bought: "
        "look whether the system clock is right, then acmegatectl clock trust");
}

static void ask(struct timekeeper *t)
{
    const struct config *config = config_take(t->issuer->at.configs);
    for (unsigned i = 0; i < config->login_count; i++) {
        struct upstream_login *login = upstream_login(t->issuer->at.upstream, &config->logins[i]);
        struct sectigo_form form = {0};
        upstream_call(login, SECTIGO_GET_ACCOUNT_BALANCE, &form, on_reply, t);
    }
    config_drop(config);
}

static void look_at_clock(struct timekeeper *t)
{
    unsigned doubts = clock_doubts();
    if (doubts != t->doubts) {
        t->doubts = doubts;
        t->ask_boot_ms = 0;
        t->dateless = false;
    }
    if (clock_in_doubt() && clock_boot_ms() >= t->ask_boot_ms) {
        uint64_t wait_ms = clock_doubt_ms() < ASK_MIN_MS ? ASK_MIN_MS : clock_doubt_ms();
        t->ask_boot_ms = clock_boot_ms() + (wait_ms < ASK_MAX_MS ? wait_ms : ASK_MAX_MS);
        ask(t);
    }
    if (clock_jumps() != t->jumps) {
        t->jumps = clock_jumps();
        scheduler_judge_anew(t->issuer->at.scheduler);
    }
}

static void on_time(void *ctx, int event)
{
    struct timekeeper *t = ctx;
    (void)event;
    if (atomic_load(&t->issuer->run.stopping))
        return;
    look_at_clock(t);
    t->watch = (struct egress_watch){.fd = -1,
                                     .deadline_ms = egress_now_ms() + (clock_is_moved() ? LOOK_MOVED_MS : LOOK_MS),
                                     .fn = on_time,
                                     .ctx = t};
    egress_watch(t->issuer->at.egress, &t->watch);
}

static void begin(void *ctx)
{
    on_time(ctx, 0);
}

struct timekeeper *timekeeper_make(struct issuer *issuer)
{
    struct timekeeper *t = calloc(1, sizeof *t);
    if (t)
        t->issuer = issuer;
    return t;
}

void timekeeper_start(struct timekeeper *t)
{
    t->post = (struct egress_post){.fn = begin, .ctx = t};
    egress_post(t->issuer->at.egress, &t->post);
}

void timekeeper_free(struct timekeeper *t)
{
    free(t);
}
