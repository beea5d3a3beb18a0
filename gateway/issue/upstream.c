#include "gateway/issue/upstream.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/pem.h"

static const uint64_t REFUSED_REST_MS = 5 * 60 * 1000;
/* The breaker opens after so many failures in a row, first for issuance.later, then doubling to this. */
enum { BREAKER_FAILURES = 10 };
static const uint64_t REST_MAX_MS = 10 * 60 * 1000;
/* A call that has waited for its turn so long does not leave: its job knows when to come again, and when it was sent
 * must be near to when it was stored as on its way. */
static const uint64_t WAIT_MAX_MS = 60 * 1000;
static const uint64_t TURN_MAX_MS = 1000;

/* Calls wait in lanes. */
enum lane { LANE_REVOKE, LANE_COLLECT, LANE_OTHER, LANES };
struct queue {
    struct errand *first, **end;
};

struct errand {
    struct upstream_login *login;
    enum sectigo_call_kind kind;
    struct sectigo_call *call;
    upstream_done_fn *done;
    void *ctx;
    upstream_may_leave_fn *ask_first; /* NULL: nobody is asked */
    uint64_t since_ms;                /* monotonic */
    uint64_t asked_boot_ms;           /* when it left, or was about to */
    struct errand *next;              /* waiting for its turn */
};

struct upstream_login {
    const struct config_login *config;
    struct sectigo_client *client;
    X509_STORE *anchors;
    struct accept_cache *cas;
    struct egress *egress;
    atomic_bool stopping;
    atomic_bool refused, broken;           /* written on the egress thread only */
    atomic_uint_least64_t closed_until_ms; /* monotonic: of one that is refused or broken */
    /* egress thread only */
    bool probing, collecting, pumping;
    unsigned failures;               /* in a row */
    uint64_t first_rest_ms, rest_ms; /* of the breaker */
    double tokens;
    uint64_t refilled_ms;
    struct queue waiting[LANES];
    struct egress_watch turn;
};

struct upstream {
    struct upstream_login *logins;
    unsigned count;
};

/* ---- making ---- */

static X509_STORE *load_anchors(const struct config_login *config, char reason[static UPSTREAM_REASON_MAX])
{
    char why[PEM_REASON_MAX];
    X509_STORE *anchors = pem_load_anchors(config->trust_anchors, why);
    if (!anchors)
        snprintf(reason, UPSTREAM_REASON_MAX, "login %.64s: trust_anchors: %.200s: %.200s", config->name,
                 config->trust_anchors, why);
    return anchors;
}

static bool open_login(struct upstream_login *login, const struct config_login *config, uint64_t rest_ms,
                       struct egress *egress, char reason[static UPSTREAM_REASON_MAX])
{
    struct sectigo_client_config client = {
        .url = config->url,
        .login_name = config->login,
        .login_password = config->password,
        .ca_file = config->ca_file,
        .client_certificate = config->client_certificate,
        .client_key = config->client_key,
        .proxy = config->proxy,
        .user_agent = "acmegate/" ACMEGATE_VERSION,
        .connect_timeout_ms = (long)config->connect_timeout_ms,
        .timeout_ms = (long)config->timeout_ms,
    };
    char why[SECTIGO_MESSAGE_MAX];

    login->config = config;
    login->egress = egress;
    login->first_rest_ms = rest_ms;
    login->tokens = config->calls_per_minute;
    for (unsigned i = 0; i < LANES; i++)
        login->waiting[i].end = &login->waiting[i].first;
    login->refilled_ms = egress_now_ms();
    login->client = sectigo_client_make(&client, why);
    if (!login->client) {
        snprintf(reason, UPSTREAM_REASON_MAX, "login %s: %.400s", config->name, why);
        return false;
    }
    login->cas = accept_cache_make();
    login->anchors = load_anchors(config, reason);
    return login->anchors != NULL;
}

struct upstream *upstream_make(const struct config *config, struct egress *egress,
                               char reason[static UPSTREAM_REASON_MAX])
{
    struct upstream *upstream = calloc(1, sizeof *upstream);
    if (upstream)
        upstream->logins = calloc(config->login_count, sizeof *upstream->logins);
    if (!upstream || !upstream->logins) {
        snprintf(reason, UPSTREAM_REASON_MAX, "out of memory");
        goto fail;
    }
    for (; upstream->count < config->login_count; upstream->count++) {
        unsigned i = upstream->count;
        if (!open_login(&upstream->logins[i], &config->logins[i], config->issuance.later_ms, egress, reason)) {
            upstream->count++; /* half open: to be freed too */
            goto fail;
        }
    }
    return upstream;
fail:
    upstream_free(upstream);
    return NULL;
}

void upstream_free(struct upstream *upstream)
{
    if (!upstream)
        return;
    for (unsigned i = 0; i < upstream->count; i++) {
        if (upstream->logins[i].client)
            sectigo_client_free(upstream->logins[i].client);
        X509_STORE_free(upstream->logins[i].anchors);
        accept_cache_free(upstream->logins[i].cas);
    }
    free(upstream->logins);
    free(upstream);
}

struct upstream_login *upstream_login(struct upstream *upstream, const char *name)
{
    for (unsigned i = 0; i < upstream->count; i++) {
        if (strcmp(upstream->logins[i].config->name, name) == 0)
            return &upstream->logins[i];
    }
    return NULL;
}

struct upstream_login *upstream_login_for(struct upstream *upstream, const char *name, const char *endpoint)
{
    struct upstream_login *login = upstream_login(upstream, name);
    return login && strcmp(login->config->url, endpoint) == 0 ? login : NULL;
}

struct upstream_login *upstream_login_at(struct upstream *upstream, unsigned index)
{
    return index < upstream->count ? &upstream->logins[index] : NULL;
}

bool upstream_login_refused(const struct upstream_login *login)
{
    return atomic_load(&login->refused);
}

bool upstream_login_broken(const struct upstream_login *login)
{
    return atomic_load(&login->broken);
}

const struct config_login *upstream_login_config(const struct upstream_login *login)
{
    return login->config;
}

X509_STORE *upstream_anchors(const struct upstream_login *login)
{
    return login->anchors;
}

struct accept_cache *upstream_cas(const struct upstream_login *login)
{
    return login->cas;
}

/* ---- whether calls may leave ---- */

static bool refuses_login(const struct upstream_reply *reply)
{
    static const char REFUSED[] = "errorCode=-16";
    const char *at = memmem(reply->body, reply->body_len, REFUSED, sizeof REFUSED - 1);
    const char *end = at ? at + sizeof REFUSED - 1 : NULL;
    return at && (end == reply->body + reply->body_len || *end < '0' || *end > '9');
}

static void close_for(struct upstream_login *login, uint64_t rest_ms)
{
    atomic_store(&login->closed_until_ms, egress_now_ms() + rest_ms);
}

static void judge_login(struct upstream_login *login, const struct upstream_reply *reply)
{
    bool refused = refuses_login(reply);
    bool before = atomic_exchange(&login->refused, refused);
    if (refused && !before)
        log_error(
            "Sectigo refuses this login; calls stop, and one every five minutes asks whether it is open again, so that "
            "it does not get locked. Check loginName, password, source address and API permission with Sectigo, then "
            "acmegatectl upstream resume",
            "login", login->config->name);
    else if (!refused && before)
        log_info("Sectigo takes this login again", "login", login->config->name);
    if (refused)
        close_for(login, REFUSED_REST_MS);
}

/* Lost and never left in a row: the breaker opens, for longer each time that the one call that asks again fails. */
static void count_failure(struct upstream_login *login)
{
    if (++login->failures < BREAKER_FAILURES)
        return;
    if (login->failures == BREAKER_FAILURES)
        login->rest_ms = login->first_rest_ms;
    else if (login->rest_ms < REST_MAX_MS)
        login->rest_ms = 2 * login->rest_ms < REST_MAX_MS ? 2 * login->rest_ms : REST_MAX_MS;
    if (!atomic_exchange(&login->broken, true))
        log_error("calls to Sectigo fail one after another; they rest, and one at a time asks whether it works again. "
                  "See to the network and Sectigo's status page",
                  "login", login->config->name);
    close_for(login, login->rest_ms);
}

static void judge(struct upstream_login *login, const struct upstream_reply *reply)
{
    login->probing = false;
    if (reply->outcome != UPSTREAM_ANSWERED) {
        count_failure(login);
        return;
    }
    login->failures = 0;
    if (atomic_exchange(&login->broken, false)) {
        atomic_store(&login->closed_until_ms, 0);
        log_info("calls to Sectigo work again", "login", login->config->name);
    }
    judge_login(login, reply);
}

/* While refused or broken, one call at a time and not before the rest is over. NULL: it may leave. */
static const char *may_leave(struct upstream_login *login)
{
    bool refused = atomic_load(&login->refused), broken = atomic_load(&login->broken);
    if (atomic_load(&login->stopping))
        return "the gateway is stopping";
    if ((refused || broken) && (login->probing || egress_now_ms() < atomic_load(&login->closed_until_ms)))
        return refused ? "Sectigo refused the login a moment ago, so nothing is sent with it for now"
                       : "calls to Sectigo failed one after another, so nothing is sent for now";
    login->probing = refused || broken;
    return NULL;
}

/* ---- calls ---- */

static void finish(struct errand *errand, const struct upstream_reply *reply)
{
    errand->done(errand->ctx, reply);
    if (errand->call)
        sectigo_call_free(errand->call);
    free(errand);
}

static void fail(struct errand *errand, const char *reason)
{
    struct upstream_reply reply = {.outcome = UPSTREAM_NEVER_LEFT, .reason = reason};
    finish(errand, &reply);
}

static void on_transfer(void *ctx, CURL *easy, CURLcode result);
static void on_turn(void *ctx, int event);

static void start(struct errand *errand)
{
    struct upstream_login *login = errand->login;
    const char *why_not = errand->ask_first ? errand->ask_first(errand->ctx) : NULL;
    if (!why_not)
        why_not = may_leave(login);
    if (why_not) {
        fail(errand, why_not);
        return;
    }
    errand->asked_boot_ms = clock_boot_ms();
    if (!egress_transfer(login->egress, sectigo_call_handle(errand->call), on_transfer, errand)) {
        login->probing = false;
        fail(errand, "out of memory");
        return;
    }
    if (errand->kind == SECTIGO_COLLECT_SSL)
        login->collecting = true;
}

static enum lane lane_of(const struct errand *errand)
{
    return errand->kind == SECTIGO_AUTO_REVOKE_SSL ? LANE_REVOKE
           : errand->kind == SECTIGO_COLLECT_SSL   ? LANE_COLLECT
                                                   : LANE_OTHER;
}

static void enqueue(struct upstream_login *login, struct errand *errand)
{
    struct queue *queue = &login->waiting[lane_of(errand)];
    *queue->end = errand;
    queue->end = &errand->next;
}

/* Revocations first, then who waits longest; CollectSSL waits for the one before. NULL: nobody may leave. */
static struct queue *next_lane(struct upstream_login *login)
{
    struct queue *revoke = &login->waiting[LANE_REVOKE], *other = &login->waiting[LANE_OTHER];
    struct queue *collect = login->collecting ? NULL : &login->waiting[LANE_COLLECT];
    if (revoke->first)
        return revoke;
    if (!collect || !collect->first)
        return other->first ? other : NULL;
    return other->first && other->first->since_ms < collect->first->since_ms ? other : collect;
}

static struct errand *take(struct queue *queue)
{
    struct errand *errand = queue->first;
    queue->first = errand->next;
    if (!queue->first)
        queue->end = &queue->first;
    errand->next = NULL;
    return errand;
}

/* Tokens since the last look: a minute's calls may leave at once, then they are paced. */
static void refill(struct upstream_login *login, uint64_t now_ms)
{
    double per_minute = login->config->calls_per_minute;
    login->tokens += (double)(now_ms - login->refilled_ms) * per_minute / 60000;
    if (login->tokens > per_minute)
        login->tokens = per_minute;
    login->refilled_ms = now_ms;
}

static bool take_token(struct upstream_login *login)
{
    if (login->config->calls_per_minute == 0)
        return true;
    if (login->tokens < 1)
        return false;
    login->tokens -= 1;
    return true;
}

/* When the next token is there; soon in any case, since what waits is to be failed when the gateway stops. */
static void await_turn(struct upstream_login *login, uint64_t now_ms)
{
    uint64_t wait_ms = 60000 / login->config->calls_per_minute + 1;
    egress_unwatch(login->egress, &login->turn);
    login->turn = (struct egress_watch){
        .fd = -1, .deadline_ms = now_ms + (wait_ms < TURN_MAX_MS ? wait_ms : TURN_MAX_MS), .fn = on_turn, .ctx = login};
    egress_watch(login->egress, &login->turn);
}

/* Lets leave what may; a call that ends at once may bring another by its callback, which the loop sees. */
static void pump(struct upstream_login *login)
{
    uint64_t now_ms = egress_now_ms();
    struct queue *queue;
    if (login->pumping)
        return;
    login->pumping = true;
    refill(login, now_ms);
    while ((queue = next_lane(login))) {
        if (atomic_load(&login->stopping) || take_token(login)) {
            start(take(queue));
        } else if (now_ms >= queue->first->since_ms + WAIT_MAX_MS) {
            fail(take(queue), "more calls wait than calls_per_minute of the login lets leave");
        } else {
            await_turn(login, now_ms);
            break;
        }
    }
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
    struct errand *errand = ctx;
    struct upstream_login *login = errand->login;
    bool collected = errand->kind == SECTIGO_COLLECT_SSL;
    struct upstream_reply reply = {.outcome = outcomes[sectigo_call_finish(errand->call, result)]};

    (void)easy;
    reply.body = sectigo_call_body(errand->call, &reply.body_len);
    reply.reason = sectigo_call_reason(errand->call);
    reply.date_ms = 1000 * sectigo_call_date_s(errand->call);
    if (reply.date_ms)
        clock_heard(reply.date_ms, errand->asked_boot_ms);
    if (sectigo_call_withheld(errand->call))
        login->probing = false;
    else
        judge(login, &reply);
    finish(errand, &reply);
    if (collected)
        login->collecting = false;
    pump(login);
}

void upstream_call(struct upstream_login *login, enum sectigo_call_kind kind, struct sectigo_form *form,
                   upstream_done_fn *done, void *ctx)
{
    upstream_send(login, kind, form, NULL, 0, done, ctx);
}

void upstream_send(struct upstream_login *login, enum sectigo_call_kind kind, struct sectigo_form *form,
                   upstream_may_leave_fn *ask_first, long within_ms, upstream_done_fn *done, void *ctx)
{
    static const struct upstream_reply no_memory = {.outcome = UPSTREAM_NEVER_LEFT, .reason = "out of memory"};
    struct errand *errand = calloc(1, sizeof *errand);
    if (!errand) {
        sectigo_form_clear(form);
        done(ctx, &no_memory);
        return;
    }
    *errand = (struct errand){.login = login, .kind = kind, .done = done, .ctx = ctx, .since_ms = egress_now_ms()};
    errand->ask_first = ask_first;
    errand->call = sectigo_call_make(login->client, kind, form);
    if (!errand->call || (ask_first && !sectigo_call_ask_first(errand->call, ask_first, ctx, within_ms))) {
        finish(errand, &no_memory);
        return;
    }
    enqueue(login, errand);
    pump(login);
}

void upstream_stop(struct upstream *upstream)
{
    for (unsigned i = 0; i < upstream->count; i++)
        atomic_store(&upstream->logins[i].stopping, true);
}

void upstream_login_reopen(struct upstream_login *login)
{
    atomic_store(&login->closed_until_ms, 0);
}
