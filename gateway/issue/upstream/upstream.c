#include "gateway/issue/upstream/logins.h"
#include "sectigo/code.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/metrics/metrics.h"
#include "store/shortage.h"

/* A call that has waited for its turn so long does not leave: its job knows when to come again, and when it was sent
 * must be near to when it was stored as on its way. */
static const uint64_t WAIT_MAX_MS = MINUTE_MS;
static const uint64_t TURN_MAX_MS = SECOND_MS;

/* A call that waits for its turn, or is on the wire. */
struct pending_call {
    struct upstream_login *login;
    enum sectigo_call_kind kind;
    struct sectigo_call *call;
    struct terms *terms; /* that it was made by */
    upstream_done_fn *done;
    void *ctx;
    upstream_may_leave_fn *ask_first; /* NULL: nobody is asked */
    uint64_t since_ms;                /* monotonic, as left_ms */
    uint64_t left_ms;
    uint64_t asked_boot_ms;    /* when it left, or was about to */
    bool probe;                /* the one that asks whether calls work again */
    struct pending_call *next; /* waiting for its turn */
};

/* ---- whether calls may leave ---- */

/* A want of ours (descriptors, memory) says nothing about Sectigo. */
static enum breaker_outcome outcome_of(enum sectigo_call_kind kind, const struct upstream_reply *reply, CURLcode result)
{
    if (reply->outcome == UPSTREAM_ANSWERED)
        return sectigo_refuses_login(kind, reply->body, reply->body_len) ? BREAKER_REFUSED : BREAKER_ANSWERED;
    return result == CURLE_FAILED_INIT || result == CURLE_OUT_OF_MEMORY ? BREAKER_OURS : BREAKER_FAILED;
}

static void say(const struct upstream_login *login, enum breaker_change change)
{
    const char *name = login->name;
    switch (change) {
    case BREAKER_OPENED:
        log_error(
            "calls to Sectigo fail one after another; they rest, and one at a time asks whether it works again. See "
            "to the network and Sectigo's status page",
            "login", name);
        break;
    case BREAKER_CLOSED:
        log_info("calls to Sectigo work again", "login", name);
        break;
    case BREAKER_LOGIN_REFUSED:
        log_error(
            "Sectigo refuses this login; calls stop, and one every five minutes asks whether it is open again, so that "
            "it does not get locked. Check loginName, password, source address and API permission with Sectigo, then "
            "acmegatectl upstream resume",
            "login", name);
        break;
    case BREAKER_LOGIN_TAKEN:
        log_info("Sectigo takes this login again", "login", name);
        break;
    default:
        break;
    }
}

static void judge(struct pending_call *pending, const struct upstream_reply *reply, CURLcode result)
{
    static const enum upstream_contact contacts[] = {[BREAKER_ANSWERED] = UPSTREAM_IN_CONTACT,
                                                     [BREAKER_REFUSED] = UPSTREAM_IN_CONTACT,
                                                     [BREAKER_FAILED] = UPSTREAM_UNREACHABLE};
    struct upstream_login *login = pending->login;
    enum breaker_outcome outcome =
        sectigo_call_withheld(pending->call) ? BREAKER_OURS : outcome_of(pending->kind, reply, result);
    if (outcome != BREAKER_OURS)
        atomic_store(&login->contact, (int)contacts[outcome]);
    login->breaker.first_rest_ms = atomic_load(&login->rest_ms);
    say(login, breaker_tell(&login->breaker, outcome, pending->probe, pending->left_ms, egress_now_ms()));
}

/* ---- calls ---- */

/* The code of an answer in either format: behind errorCode=, or by itself in the first line. False: there is none. */
static bool read_code(const struct upstream_reply *reply, int *code)
{
    static const char NAME[] = "errorCode=";
    char digits[8] = "";
    if (reply->body_len == 0)
        return false;
    const char *at = memmem(reply->body, reply->body_len, NAME, sizeof NAME - 1);
    at = at ? at + sizeof NAME - 1 : reply->body;
    size_t left = (size_t)(reply->body + reply->body_len - at);
    memcpy(digits, at, left < sizeof digits - 1 ? left : sizeof digits - 1);
    return sscanf(digits, "%d", code) == 1;
}

static enum metric_answer answer_of(const struct upstream_reply *reply)
{
    int code;
    if (reply->outcome != UPSTREAM_ANSWERED)
        return reply->outcome == UPSTREAM_LOST ? METRIC_ANSWER_LOST : METRIC_ANSWER_NEVER_LEFT;
    if (!read_code(reply, &code))
        return METRIC_ANSWER_OTHER;
    return code >= 0                        ? METRIC_ANSWER_GOOD
           : code == SECTIGO_CODE_LOGIN     ? METRIC_ANSWER_LOGIN
           : code == SECTIGO_CODE_NO_CREDIT ? METRIC_ANSWER_CREDIT
                                            : METRIC_ANSWER_REFUSED;
}

static void finish(struct pending_call *pending, const struct upstream_reply *reply)
{
    metrics_count(METRIC_CALLS, pending->login->number, pending->kind, answer_of(reply));
    pending->done(pending->ctx, reply);
    if (pending->call)
        sectigo_call_free(pending->call);
    login_terms_drop(pending->terms);
    free(pending);
}

/* again_ms: 0, or in how long the login's calls may leave again. */
static void fail(struct pending_call *pending, const char *reason, uint64_t again_ms)
{
    struct upstream_reply reply = {.outcome = UPSTREAM_NEVER_LEFT, .reason = reason, .again_ms = again_ms};
    finish(pending, &reply);
}

static void on_transfer(void *ctx, CURL *easy, CURLcode result);
static void on_turn(void *ctx, int event);

static void send_off(struct pending_call *pending)
{
    struct upstream_login *login = pending->login;
    const char *why_not = pending->ask_first ? pending->ask_first(pending->ctx) : NULL;
    pending->left_ms = egress_now_ms();
    pending->asked_boot_ms = clock_boot_ms();
    if (!why_not && egress_transfer(login->egress, sectigo_call_handle(pending->call), on_transfer, pending)) {
        login->collecting = login->collecting || pending->kind == SECTIGO_COLLECT_SSL;
        return;
    }
    breaker_tell(&login->breaker, BREAKER_OURS, pending->probe, pending->left_ms, pending->left_ms);
    fail(pending, why_not ? why_not : "out of memory", 0);
}

/* ---- lanes ---- */

static enum lane lane_of(enum sectigo_call_kind kind)
{
    switch (kind) {
    case SECTIGO_AUTO_REVOKE_SSL:
        return LANE_REVOKE;
    case SECTIGO_WEB_HOST_REPORT:
    case SECTIGO_GET_DETAILED_ORDER_STATUS:
    case SECTIGO_GET_ACCOUNT_BALANCE: /* which also tells what time it is */
        return LANE_LOOK;
    case SECTIGO_COLLECT_SSL:
        return LANE_COLLECT;
    default:
        return LANE_OTHER;
    }
}

static void enqueue(struct upstream_login *login, struct pending_call *pending)
{
    struct queue *queue = &login->waiting[lane_of(pending->kind)];
    metrics_change(METRIC_CALLS_WAITING, 1, login->number);
    *queue->end = pending;
    queue->end = &pending->next;
}

/* Revocations first, then who waits longest; CollectSSL waits for the one before. LANES: nobody may leave. While the
 * breaker lets no urgent one leave (not_urgent), they wait where they are. */
static enum lane next_lane(const struct upstream_login *login, bool not_urgent)
{
    enum lane next = LANES;
    for (enum lane lane = LANE_REVOKE; lane < LANES; lane++) {
        const struct pending_call *first = login->waiting[lane].first;
        bool closed = (lane == LANE_COLLECT && login->collecting) || (lane != LANE_OTHER && not_urgent);
        if (!first || closed)
            continue;
        if (lane == LANE_REVOKE)
            return lane;
        if (next == LANES || first->since_ms < login->waiting[next].first->since_ms)
            next = lane;
    }
    return next;
}

static struct pending_call *take(struct queue *queue)
{
    struct pending_call *pending = queue->first;
    metrics_change(METRIC_CALLS_WAITING, -1, pending->login->number);
    queue->first = pending->next;
    if (!queue->first)
        queue->end = &queue->first;
    pending->next = NULL;
    return pending;
}

/* Tokens since the last look: a minute's calls may leave at once, then they are paced. */
static void refill(struct upstream_login *login, uint64_t now_ms)
{
    unsigned pace = atomic_load(&login->pace);
    double per_minute = pace;
    if (login->paced == 0)
        login->tokens = per_minute; /* from no pace to one: as after a start */
    login->paced = pace;
    login->tokens += (double)(now_ms - login->refilled_ms) * per_minute / MINUTE_MS;
    if (login->tokens > per_minute)
        login->tokens = per_minute;
    login->refilled_ms = now_ms;
}

static bool take_token(struct upstream_login *login)
{
    if (atomic_load(&login->pace) == 0)
        return true;
    if (login->tokens < 1)
        return false;
    login->tokens -= 1;
    return true;
}

/* When the next may leave; soon in any case, since what waits is to be failed when the gateway stops. */
static void await_turn(struct upstream_login *login, uint64_t now_ms, uint64_t turn_ms)
{
    uint64_t latest_ms = now_ms + TURN_MAX_MS;
    egress_unwatch(login->egress, &login->turn);
    login->turn = (struct egress_watch){
        .fd = -1, .deadline_ms = turn_ms < latest_ms ? turn_ms : latest_ms, .fn = on_turn, .ctx = login};
    egress_watch(login->egress, &login->turn);
}

static uint64_t next_token_ms(const struct upstream_login *login, uint64_t now_ms)
{
    unsigned pace = atomic_load(&login->pace);
    return now_ms + (pace ? MINUTE_MS / pace : 0) + 1;
}

/* The first of the lane leaves, or fails. False: it is urgent, and is to wait until *turn_ms. */
static bool let_go(struct upstream_login *login, enum lane lane, uint64_t now_ms, uint64_t *turn_ms)
{
    uint64_t again_ms;
    struct pending_call *first = login->waiting[lane].first;
    if (atomic_load(&login->stopping)) {
        fail(take(&login->waiting[lane]), "the gateway is stopping", 0);
        return true;
    }
    enum breaker_pass pass = breaker_ask(&login->breaker, lane != LANE_OTHER, now_ms, &again_ms);
    if (pass == BREAKER_GO || pass == BREAKER_PROBE) {
        first->probe = pass == BREAKER_PROBE;
        send_off(take(&login->waiting[lane]));
    } else if (pass == BREAKER_REST || now_ms >= first->since_ms + WAIT_MAX_MS) {
        fail(take(&login->waiting[lane]),
             atomic_load(&login->breaker.refused)
                 ? "Sectigo refused the login a moment ago, so nothing is sent with it for now"
                 : "calls to Sectigo failed one after another, so nothing is sent for now",
             again_ms - now_ms);
    } else {
        *turn_ms = again_ms;
        return false;
    }
    return true;
}

/* Lets leave what may; a call that ends at once may bring another by its callback, which the loop sees. */
static void pump(struct upstream_login *login)
{
    uint64_t now_ms = egress_now_ms(), turn_ms = 0;
    bool not_urgent = false;
    enum lane lane;
    if (login->pumping)
        return;
    login->pumping = true;
    refill(login, now_ms);
    while ((lane = next_lane(login, not_urgent)) != LANES) {
        const struct pending_call *first = login->waiting[lane].first;
        if (atomic_load(&login->stopping) || take_token(login)) {
            bool went = let_go(login, lane, now_ms, &turn_ms);
            login->tokens += !went;
            not_urgent = not_urgent || !went;
        } else if (now_ms >= first->since_ms + WAIT_MAX_MS) {
            fail(take(&login->waiting[lane]), "more calls wait than calls_per_minute of the login lets leave", 0);
        } else {
            turn_ms = next_token_ms(login, now_ms);
            break;
        }
    }
    if (turn_ms)
        await_turn(login, now_ms, turn_ms);
    login->pumping = false;
}

static void on_turn(void *ctx, int event)
{
    (void)event;
    pump(ctx);
}

static void on_transfer(void *ctx, CURL *easy, CURLcode result)
{
    static const enum upstream_outcome outcomes[] = {
        [SECTIGO_ANSWERED] = UPSTREAM_ANSWERED,
        [SECTIGO_NEVER_LEFT] = UPSTREAM_NEVER_LEFT,
        [SECTIGO_LOST] = UPSTREAM_LOST,
    };
    struct pending_call *pending = ctx;
    struct upstream_login *login = pending->login;
    bool collected = pending->kind == SECTIGO_COLLECT_SSL;
    struct upstream_reply reply = {.outcome = outcomes[sectigo_call_finish(pending->call, result)]};

    (void)easy;
    reply.body = sectigo_call_body(pending->call, &reply.body_len);
    reply.reason = sectigo_call_reason(pending->call);
    reply.date_ms = 1000 * sectigo_call_date_s(pending->call);
    if (reply.date_ms)
        clock_heard(reply.date_ms, pending->asked_boot_ms);
    judge(pending, &reply, result);
    metrics_observe(METRIC_CALL_DURATION, (egress_now_ms() - pending->left_ms) * 1000, pending->kind);
    if (reply.outcome != UPSTREAM_ANSWERED && lane_of(pending->kind) != LANE_OTHER)
        reply.again_ms = TURN_MAX_MS; /* where the outage lasts it then waits for its turn */
    finish(pending, &reply);
    if (collected)
        login->collecting = false;
    pump(login);
}

/* NULL: out of memory, and done was called. */
static struct pending_call *make(struct upstream_login *login, enum sectigo_call_kind kind, struct sectigo_form *form,
                                 upstream_may_leave_fn *ask_first, long within_ms, upstream_done_fn *done, void *ctx)
{
    static const struct upstream_reply no_memory = {.outcome = UPSTREAM_NEVER_LEFT, .reason = "out of memory"};
    struct pending_call *pending = shortage_calloc(1, sizeof *pending);
    if (!pending) {
        sectigo_form_clear(form);
        done(ctx, &no_memory);
        return NULL;
    }
    *pending =
        (struct pending_call){.login = login, .kind = kind, .done = done, .ctx = ctx, .since_ms = egress_now_ms()};
    pending->ask_first = ask_first;
    pending->terms = login_terms_take(login);
    pending->call = sectigo_call_make(pending->terms->client, kind, form);
    if (pending->call && (!ask_first || sectigo_call_ask_first(pending->call, ask_first, ctx, within_ms)))
        return pending;
    finish(pending, &no_memory);
    return NULL;
}

void upstream_send(struct upstream_login *login, enum sectigo_call_kind kind, struct sectigo_form *form,
                   upstream_may_leave_fn *ask_first, long within_ms, upstream_done_fn *done, void *ctx)
{
    struct pending_call *pending = make(login, kind, form, ask_first, within_ms, done, ctx);
    if (!pending)
        return;
    enqueue(login, pending);
    pump(login);
}

void upstream_call(struct upstream_login *login, enum sectigo_call_kind kind, struct sectigo_form *form,
                   upstream_done_fn *done, void *ctx)
{
    upstream_send(login, kind, form, NULL, 0, done, ctx);
}

void upstream_ask_balance(struct upstream_login *login, upstream_done_fn *done, void *ctx)
{
    struct sectigo_form form = {0};
    struct pending_call *pending = make(login, SECTIGO_GET_ACCOUNT_BALANCE, &form, NULL, 0, done, ctx);
    if (pending && atomic_load(&login->stopping))
        fail(pending, "the gateway is stopping", 0);
    else if (pending)
        send_off(pending);
}
