/* outside: the gateway's window to the world, in place of gateway/egress and sectigo's transport: posts and timers on
 * one thread, and calls that travel to the model and back, or get lost on the way. */
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/egress/egress.h"
#include "sectigo/transport.h"
#include "tests/simulation/sim.h"

struct egress {
    struct egress_post *posts, **posts_end;
    struct egress_watch *watches;
    void (*firing)(void *ctx, int event); /* of a deadline that is met just now */
    void (*ticking)(void *ctx, int event); /* that sets its own deadline anew each time */
    struct sectigo_call *calls; /* on their way */
    struct heard heard;
    bool stopping, failing, frozen;
    uint64_t frozen_ms; /* since when, or since when it was last; 0: never */
};

struct sectigo_client {
    unsigned login;
};

struct sectigo_call {
    enum sectigo_call_kind kind;
    unsigned login;
    struct sectigo_form form; /* the flight's once it has left */
    const char *(*may_leave)(void *ctx);
    void *may_leave_ctx;
    struct egress *egress;
    egress_transfer_fn *done;
    void *done_ctx;
    struct flight *flight; /* NULL: not under way */
    enum sectigo_outcome outcome;
    const char *reason;
    char *body; /* owned */
    uint64_t date_s;
    bool withheld;
    struct sectigo_call *next;
};

/* A request on its way: it goes on where the caller is dead. */
struct flight {
    struct event leaves, arrives, ends; /* the first is the flight's address */
    struct sectigo_call *call;          /* NULL: nobody waits any more */
    enum sectigo_call_kind kind;
    unsigned login;
    struct sectigo_form form;
    bool heard; /* the answer comes back */
    bool doubled, turned_away, garbled, odd;
    char *body;
    unsigned holds;             /* events that are to come */
    struct flight *next, *prev; /* among all */
};

static struct flight *flights;
/* How often what would reach a frozen gateway tries again; and the latest that a request leaves after it was stopped. */
static const uint64_t FROZEN_TURN_MS = SECOND_MS, LATEST_MS = 31 * SECOND_MS;

/* ---- the thread ---- */

void outside_freeze(struct egress *egress, bool frozen)
{
    if (frozen)
        egress->frozen_ms = world_ms();
    egress->frozen = frozen;
}

bool outside_is_frozen(const struct egress *egress)
{
    return egress->frozen;
}

struct egress *outside_make(void)
{
    struct egress *egress = memory_need(sizeof *egress);
    egress->posts_end = &egress->posts;
    return egress;
}

bool egress_post(struct egress *egress, struct egress_post *post)
{
    if (egress->stopping)
        return false;
    post->next = NULL;
    *egress->posts_end = post;
    egress->posts_end = &post->next;
    return true;
}

uint64_t egress_now_ms(void)
{
    return world_ms();
}

void egress_watch(struct egress *egress, struct egress_watch *watch)
{
    if (watch->fd >= 0)
        abort(); /* no descriptor is simulated */
    if (watch->fn == egress->firing && watch->deadline_ms == world_ms() + SECOND_MS)
        egress->ticking = watch->fn;
    watch->armed = true;
    watch->next = egress->watches;
    egress->watches = watch;
}

void egress_unwatch(struct egress *egress, struct egress_watch *watch)
{
    for (struct egress_watch **at = &egress->watches; watch->armed && *at; at = &(*at)->next) {
        if (*at == watch) {
            *at = watch->next;
            break;
        }
    }
    watch->armed = false;
}

bool egress_failing(const struct egress *egress)
{
    return egress->failing;
}

static bool run_post(struct egress *egress)
{
    struct egress_post *post = egress->posts;
    if (!post)
        return false;
    egress->posts = post->next;
    if (!egress->posts)
        egress->posts_end = &egress->posts;
    post->fn(post->ctx);
    return true;
}

static bool fire_watch(struct egress *egress, uint64_t now_ms)
{
    for (struct egress_watch *watch = egress->watches; watch; watch = watch->next) {
        if (watch->deadline_ms > now_ms)
            continue;
        egress_unwatch(egress, watch);
        egress->firing = watch->fn;
        watch->fn(watch->ctx, EGRESS_DEADLINE);
        egress->firing = NULL;
        return true;
    }
    return false;
}

bool outside_step(struct egress *egress)
{
    return run_post(egress) || fire_watch(egress, world_ms());
}

/* The one that looks at the clock each second finds nothing while the clock is not in doubt: it is late then until
 * something else happens, as a machine that slept would have it. */
uint64_t outside_next_ms(const struct egress *egress)
{
    uint64_t next_ms = UINT64_MAX, tick_ms = clock_in_doubt() ? 0 : UINT64_MAX / 2;
    for (const struct egress_watch *watch = egress->watches; watch; watch = watch->next) {
        uint64_t at_ms = watch->deadline_ms + (watch->fn == egress->ticking ? tick_ms : 0);
        next_ms = at_ms < next_ms ? at_ms : next_ms;
    }
    return next_ms;
}

/* ---- what is not simulated: transfers but those of calls (names.c has the fetches) ---- */

CURL *egress_easy_take(struct egress *egress)
{
    (void)egress;
    abort();
}

void egress_easy_give(struct egress *egress, CURL *easy)
{
    (void)egress, (void)easy;
    abort();
}

bool egress_is_short(struct egress *egress)
{
    (void)egress;
    return false;
}

bool egress_is_shortage(int family, int error)
{
    (void)family, (void)error;
    return false;
}

/* ---- calls ---- */

struct sectigo_client *sectigo_client_make(const struct sectigo_client_config *config,
                                           char reason[static SECTIGO_MESSAGE_MAX])
{
    struct sectigo_client *client = calloc(1, sizeof *client);
    (void)reason;
    if (client)
        client->login = strcmp(config->login_name, "partner") == 0 ? 0 : 1;
    return client;
}

void sectigo_client_free(struct sectigo_client *client)
{
    free(client);
}

struct sectigo_call *sectigo_call_make(struct sectigo_client *client, enum sectigo_call_kind kind,
                                       struct sectigo_form *form)
{
    if (form->failed) { /* for want of memory: nothing is sent of it */
        sectigo_form_clear(form);
        return NULL;
    }
    struct sectigo_call *call = memory_need(sizeof *call);
    call->kind = kind;
    call->login = client->login;
    call->form = *form;
    call->reason = "";
    *form = (struct sectigo_form){0};
    return call;
}

CURL *sectigo_call_handle(struct sectigo_call *call)
{
    return (CURL *)call;
}

bool sectigo_call_ask_first(struct sectigo_call *call, const char *(*may_leave)(void *ctx), void *ctx, long within_ms)
{
    (void)within_ms;
    call->may_leave = may_leave;
    call->may_leave_ctx = ctx;
    return true;
}

enum sectigo_outcome sectigo_call_finish(struct sectigo_call *call, CURLcode result)
{
    (void)result;
    return call->outcome;
}

const char *sectigo_call_body(const struct sectigo_call *call, size_t *len)
{
    *len = call->body ? strlen(call->body) : 0;
    return call->body ? call->body : "";
}

uint64_t sectigo_call_date_s(const struct sectigo_call *call)
{
    return call->date_s;
}

bool sectigo_call_withheld(const struct sectigo_call *call)
{
    return call->withheld;
}

const char *sectigo_call_reason(const struct sectigo_call *call)
{
    return call->reason;
}

void sectigo_call_free(struct sectigo_call *call)
{
    sectigo_form_clear(&call->form);
    free(call->body);
    free(call);
}

/* ---- their way ---- */

static void drop(struct flight *flight)
{
    if (--flight->holds > 0)
        return;
    *(flight->prev ? &flight->prev->next : &flights) = flight->next;
    if (flight->next)
        flight->next->prev = flight->prev;
    sectigo_form_clear(&flight->form);
    free(flight->body);
    free(flight);
}

static struct flight *flight_of(struct event *event, size_t offset)
{
    return (struct flight *)((char *)event - offset);
}

/* That it is an answer at all says what time it is. */
static void hear(struct heard *heard, const struct flight *flight)
{
    heard->time = true;
    if (flight->kind == SECTIGO_WEB_HOST_REPORT && !sectigo_form_get(&flight->form, "foreignOrderNumber") &&
        strstr(flight->body, "noOfResults"))
        heard->reports[flight->login] = true;
}

void outside_overrule(struct egress *egress, unsigned login)
{
    egress->heard.reports[login] = true;
}

/* The caller hears of it. */
static void finish(struct sectigo_call *call, enum sectigo_outcome outcome, const char *reason, CURLcode result)
{
    struct sectigo_call **at = &call->egress->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    if (outcome == SECTIGO_ANSWERED)
        hear(&call->egress->heard, call->flight);
    call->flight->call = NULL;
    call->flight = NULL;
    call->outcome = outcome;
    call->reason = reason;
    if (outcome == SECTIGO_ANSWERED)
        call->date_s = world_true_ms() / 1000;
    call->done(call->done_ctx, (CURL *)call, result);
}

static void on_arrival(struct event *event)
{
    static const char *const refusals[] = {
        "errorCode=-42&errorMessage=Call+limit+reached",       "errorCode=-14&errorMessage=An+unknown+error+occurred%21",
        "errorCode=-15&errorMessage=Not+enough+credit",        "errorCode=-16&errorMessage=Permission+denied%21",
        "errorCode=-26&errorMessage=Currently+being+issued",   "errorCode=-9999&errorMessage=Never+heard+of",
        "errorCode=-55&errorMessage=The+token+is+not+unique",  "errorCode=-9&errorMessage=The+CSR+is+not+valid"};
    struct flight *flight = flight_of(event, offsetof(struct flight, arrives));
    if (flight->turned_away)
        flight->body = strdup(refusals[chance_below(sizeof refusals / sizeof *refusals)]);
    else
        flight->body = model_answer(flight->kind, &flight->form, flight->login);
    if (flight->doubled) { /* and one of the two answers is heard */
        model_report_soon(&flight->form);
        char *first = flight->body, *second = model_answer(flight->kind, &flight->form, flight->login);
        bool last = chance_below(2) == 0;
        flight->body = last ? second : first;
        free(last ? first : second);
    }
    if (flight->odd)
        flight->body = odd_answer(flight->body);
    if (flight->garbled) {
        free(flight->body);
        flight->body = strdup("<html><title>Internal Server Error</title></html>");
    }
    trace("%s arrives: %.90s", sectigo_call_info(flight->kind)->name, flight->body);
    drop(flight);
}

static void on_end(struct event *event)
{
    struct flight *flight = flight_of(event, offsetof(struct flight, ends));
    struct sectigo_call *call = flight->call;
    if (call && call->egress->frozen) {
        world_at(event, FROZEN_TURN_MS, on_end);
        return;
    }
    bool heard = flight->heard && flight->body && flight->body[0];
    if (call && heard)
        call->body = strdup(flight->body);
    if (call) {
        bool learned = heard && call->egress == process.egress; /* by one that can store it */
        sent_answer(flight->kind, &flight->form, learned ? SEEN_ANSWERED : SEEN_LOST, flight->body);
        finish(call, heard ? SECTIGO_ANSWERED : SECTIGO_LOST, heard ? "" : "the connection broke", CURLE_OK);
    }
    drop(flight);
}

static void arrive(struct flight *flight, uint64_t in_ms)
{
    flight->holds++;
    world_at(&flight->arrives, in_ms, on_arrival);
}

static void end(struct flight *flight, uint64_t in_ms)
{
    flight->holds++;
    world_at(&flight->ends, in_ms, on_end);
}

/* What becomes of a request that leaves now. */
static void send_off(struct flight *flight)
{
    uint64_t there_ms = chance_between(20, 3000), back_ms = there_ms + chance_between(10, 9000);
    const struct egress *egress = flight->call->egress;
    sent_request(flight->kind, &flight->form, flight->login, egress == process.egress ? &egress->heard : NULL);
    if (egress == process.egress) /* the store is what it knows */
        model_leaves(flight->kind, &flight->form);
    if (egress != process.egress && world_ms() - egress->frozen_ms > LATEST_MS &&
        flight->kind == SECTIGO_AUTO_APPLY_ORDER)
        wrong("a gateway that was replaced buys more than half a minute after it was stopped");
    flight->heard = true;
    if (chance_fault("the request is lost", 15000)) {
        flight->heard = false;
        end(flight, 120 * SECOND_MS);
    } else if (chance_fault("the request arrives late", 8000)) {
        flight->heard = false;
        end(flight, 120 * SECOND_MS);
        arrive(flight, chance_between(100 * SECOND_MS, 14 * MINUTE_MS));
    } else {
        flight->turned_away = chance_fault("the request is turned away", 15000);
        flight->doubled = !flight->turned_away && chance_fault("the request arrives twice", 8000);
        flight->odd = !flight->turned_away && chance_fault("the answer is odd", 5000);
        flight->garbled = chance_fault("the answer is a page", 8000);
        flight->heard = !chance_fault("the answer is lost", 15000);
        arrive(flight, there_ms);
        end(flight, flight->heard ? back_ms : chance_between(back_ms, 120 * SECOND_MS));
    }
}

static void on_leave(struct event *event)
{
    struct flight *flight = flight_of(event, offsetof(struct flight, leaves));
    struct sectigo_call *call = flight->call;
    if (call && call->egress->frozen) {
        world_at(event, FROZEN_TURN_MS, on_leave);
        return;
    }
    const char *why = call && call->may_leave ? call->may_leave(call->may_leave_ctx) : NULL;
    if (call && why) {
        call->withheld = true;
        finish(call, SECTIGO_NEVER_LEFT, why, CURLE_ABORTED_BY_CALLBACK);
    } else if (call && chance_fault("no connection", 10000)) {
        finish(call, SECTIGO_NEVER_LEFT, "connection refused", CURLE_COULDNT_CONNECT);
    } else if (call) {
        flight->form = call->form;
        call->form = (struct sectigo_form){0};
        trace("%s leaves: %s", sectigo_call_info(flight->kind)->name,
              sectigo_form_get(&flight->form, "foreignOrderNumber") ? sectigo_form_get(&flight->form, "foreignOrderNumber")
                                                                    : "");
        send_off(flight);
    }
    drop(flight);
}

static void check_alone(const struct egress *egress, const struct sectigo_call *call)
{
    for (const struct sectigo_call *other = egress->calls; other; other = other->next)
        if (call->kind == SECTIGO_COLLECT_SSL && other->kind == call->kind && other->login == call->login)
            wrong("two CollectSSL of a login are under way at once");
}

bool egress_transfer(struct egress *egress, CURL *easy, egress_transfer_fn *done, void *ctx)
{
    struct sectigo_call *call = (struct sectigo_call *)easy;
    struct flight *flight = memory_need(sizeof *flight);
    *flight = (struct flight){.call = call, .kind = call->kind, .login = call->login, .holds = 1, .next = flights};
    if (flights)
        flights->prev = flight;
    flights = flight;
    call->flight = flight;
    call->egress = egress;
    call->done = done;
    call->done_ctx = ctx;
    check_alone(egress, call);
    call->next = egress->calls;
    egress->calls = call;
    world_at(&flight->leaves,
             chance_fault("a connection takes long", 5000) ? chance_between(SECOND_MS, MINUTE_MS) : chance_between(1, 200),
             on_leave);
    return true;
}

void outside_end(void)
{
    while (flights) {
        flights->holds = 1;
        drop(flights);
    }
}

void egress_stop(struct egress *egress, uint32_t deadline_ms)
{
    (void)deadline_ms;
    egress->failing = true;
    while (run_post(egress) || fire_watch(egress, UINT64_MAX) || names_stop(egress) || egress->calls) {
        struct sectigo_call *call = egress->calls;
        if (call)
            finish(call, SECTIGO_LOST, "the gateway is stopping", CURLE_ABORTED_BY_CALLBACK);
    }
    egress->stopping = true;
}

void egress_free(struct egress *egress)
{
    free(egress);
}
