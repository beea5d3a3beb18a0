/* probe: an operator asks Sectigo for a login's balance, now, and waits for the answer: is it reachable, does it take
 * the login, is there credit? Neither breaker nor pace holds it back. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/clock.h"
#include "gateway/egress/egress.h"
#include "gateway/issue/upkeep/upkeep.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"
#include "sectigo/result.h"

/* Shorter than acmegatectl waits for the daemon, and than a login's own time-out. */
enum { WAIT_S = 20 };

/* Has two owners, the operator's thread and the call: whoever is last frees it. */
struct probe {
    struct upstream_login *login;
    struct egress_post post;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool ended, abandoned;
    enum upstream_outcome outcome;
    char reason[512]; /* where not answered, or not with a balance */
    struct sectigo_balance balance;
};

static void probe_free(struct probe *probe)
{
    pthread_cond_destroy(&probe->answered);
    pthread_mutex_destroy(&probe->lock);
    free(probe);
}

/* On the egress thread. */
static void on_balance(void *ctx, const struct upstream_reply *reply)
{
    struct probe *probe = ctx;
    pthread_mutex_lock(&probe->lock);
    probe->outcome = reply->outcome;
    if (reply->outcome != UPSTREAM_ANSWERED)
        snprintf(probe->reason, sizeof probe->reason, "%.400s", reply->reason ? reply->reason : "no answer");
    else if (!sectigo_parse_balance(reply->body, reply->body_len, &probe->balance))
        snprintf(probe->reason, sizeof probe->reason, "the reply is no answer of this API");
    else if (probe->balance.result.code != 0)
        snprintf(probe->reason, sizeof probe->reason, "Sectigo refuses the call: %.300s (%d)",
                 probe->balance.result.message, probe->balance.result.code);
    probe->ended = true;
    bool mine = probe->abandoned;
    pthread_cond_signal(&probe->answered);
    pthread_mutex_unlock(&probe->lock);
    if (mine)
        probe_free(probe);
}

static void ask_balance(void *ctx)
{
    struct probe *probe = ctx;
    upstream_ask_balance(probe->login, on_balance, probe);
}

static struct probe *probe_make(struct upstream_login *login)
{
    struct probe *probe = calloc(1, sizeof *probe);
    pthread_condattr_t monotonic;
    if (!probe)
        return NULL;
    probe->login = login;
    probe->post = (struct egress_post){.fn = ask_balance, .ctx = probe};
    pthread_mutex_init(&probe->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&probe->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return probe;
}

/* False: no answer in time; the probe is the call's alone from here on. */
static bool await(struct probe *probe)
{
    struct timespec until;
    int error = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&probe->lock);
    while (!probe->ended && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&probe->answered, &probe->lock, &until);
    bool ended = probe->ended;
    probe->abandoned = !ended;
    pthread_mutex_unlock(&probe->lock);
    return ended;
}

/* ---- the answer ---- */

static void answer_balance(struct request *request, const struct probe *probe)
{
    const struct config_login *config = upstream_login_config(probe->login);
    struct object o;
    object_begin(&o);
    object_text(&o, "login", config->name);
    object_text(&o, "url", config->url);
    object_text(&o, "answer", "Sectigo takes the login");
    object_put(&o, "balance_cents", json_integer(probe->balance.balance_cents));
    object_put(&o, "credit_low", json_boolean(upkeep_is_low(config, probe->balance.balance_cents)));
    answer_money(request, object_end(&o));
}

void upstream_test(struct request *request)
{
    struct upstream_login *login = upstream_login(request->admin->upstream, request->argument);
    struct probe *probe = login ? probe_make(login) : NULL;
    if (!login) {
        answer_error(request->answer, 404, "no login of the configuration is called %s", request->argument);
    } else if (!probe) {
        answer_error(request->answer, 503, "out of memory");
    } else if (!egress_post(request->admin->egress, &probe->post)) {
        probe_free(probe);
        answer_error(request->answer, 503, "the gateway is stopping");
    } else if (!await(probe)) {
        answer_error(request->answer, 504, "%s: no answer from Sectigo within %d seconds", request->argument, WAIT_S);
    } else {
        if (probe->reason[0])
            answer_error(request->answer, 502, "%s: %s", request->argument, probe->reason);
        else
            answer_balance(request, probe);
        probe_free(probe);
    }
}
