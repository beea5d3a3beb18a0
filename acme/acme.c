#include "acme/acme.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "acme/authenticate.h"
#include "acme/key_cache.h"
#include "acme/limiter.h"
#include "acme/remark.h"
#include "acme/reply.h"
#include "acme/route.h"
#include "store/shortage.h"

enum { NONCE_WINDOW = 1 << 20, LONGEST_PATH = 128 };

/* The task of all requests for which there was no memory: read by many, never freed. */
static struct acme_task memoryless;

static void make_memoryless(void)
{
    acme_reply_out_of_memory(&memoryless.reply);
}

static struct acme_view *make_view(const struct acme *acme, const struct acme_config *config)
{
    bool fits = strlen(config->base_url) + LONGEST_PATH <= ACME_URL_MAX;
    struct acme_view *view = fits ? shortage_calloc(1, sizeof *view) : NULL;
    if (!view)
        return NULL;
    atomic_init(&view->holds, 1);
    view->config = *config;
    if (view->config.identifiers_max > ACME_IDENTIFIERS_MAX)
        view->config.identifiers_max = ACME_IDENTIFIERS_MAX;
    view->nonces = acme->nonces;
    view->shared = acme->shared;
    view->limiter = acme->limiter;
    return view;
}

static void drop_view(struct acme_view *view)
{
    if (!view || atomic_fetch_sub(&view->holds, 1) != 1)
        return;
    if (view->config.drop)
        view->config.drop(view->config.owner);
    free(view);
}

struct acme_view *acme_view_take(struct acme *acme)
{
    pthread_mutex_lock(&acme->lock);
    struct acme_view *view = acme->view;
    atomic_fetch_add(&view->holds, 1);
    pthread_mutex_unlock(&acme->lock);
    return view;
}

static enum store_status once(void *ctx, uint64_t number, uint64_t below)
{
    return store_once(ctx, number, below);
}

/* One or the other. */
static bool make_nonces(struct acme *acme, const struct acme_config *config)
{
    if (config->shares)
        acme->shared = shared_nonces_make(config->instance, config->seal, EXTERNAL_KEY_SEAL_LEN, once, config->store);
    else
        acme->nonces = nonces_make(config->instance, NONCE_WINDOW);
    return acme->shared || acme->nonces;
}

struct acme *acme_make(const struct acme_config *config)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct acme *acme = pthread_once(&once, make_memoryless) == 0 ? shortage_calloc(1, sizeof *acme) : NULL;
    if (!acme)
        return NULL;
    pthread_mutex_init(&acme->lock, NULL);
    acme->seal = config->seal;
    acme->limiter = limiter_make();
    if (make_nonces(acme, config) && acme->limiter)
        acme->view = make_view(acme, config);
    if (acme->view)
        return acme;
    acme_free(acme);
    return NULL;
}

bool acme_change_config(struct acme *acme, const struct acme_config *config)
{
    struct acme_view *view = make_view(acme, config);
    if (!view)
        return false;
    pthread_mutex_lock(&acme->lock);
    struct acme_view *old = acme->view;
    acme->view = view;
    pthread_mutex_unlock(&acme->lock);
    drop_view(old);
    return true;
}

void acme_free(struct acme *acme)
{
    if (!acme)
        return;
    drop_view(acme->view);
    nonces_free(acme->nonces);
    shared_nonces_free(acme->shared);
    limiter_free(acme->limiter);
    pthread_mutex_destroy(&acme->lock);
    free(acme);
}

struct acme_thread *acme_thread_make(void)
{
    struct acme_thread *thread = shortage_calloc(1, sizeof *thread);
    if (!thread)
        return NULL;
    thread->keys = key_cache_make();
    if (!thread->keys) {
        free(thread);
        return NULL;
    }
    return thread;
}

void acme_thread_free(struct acme_thread *thread)
{
    if (!thread)
        return;
    key_cache_free(thread->keys);
    free(thread);
}

void acme_thread_age(struct acme_thread *thread)
{
    key_cache_age(thread->keys);
}

static bool give_nonce(struct acme_task *task)
{
    const struct acme_view *acme = task->acme;
    return acme->shared ? shared_nonce_issue(acme->shared, acme_now_s(task), task->reply.nonce)
                        : nonce_issue(acme->nonces, task->reply.nonce);
}

/* What every reply has besides its own: the link to the directory, a nonce. */
static enum acme_step done(struct acme_task *task)
{
    if (task->wants_index) {
        char url[ACME_URL_MAX];
        acme_path_url(task->acme, "/directory", url);
        acme_reply_link(task, url, "index");
    }
    if (task->wants_nonce && !give_nonce(task))
        task->reply.nonce[0] = '\0';
    return ACME_DONE;
}

static enum acme_step refuse_method(struct acme_task *task, const struct acme_route *route)
{
    task->reply.allow = !route->get ? "POST" : !route->post ? "GET, HEAD" : "GET, HEAD, POST";
    acme_problem_status(&task->problem, 405, ACME_MALFORMED, "This resource is for %s alone.", task->reply.allow);
    return acme_refuse(task);
}

static bool within(uint32_t wait_s, const char *whose, unsigned per_minute, struct acme_problem *problem)
{
    if (wait_s == 0)
        return true;
    acme_problem_set(problem, ACME_RATE_LIMITED,
                     "Too many new things are asked for by this %s: at most %u a minute. Try again in %u s.", whose,
                     per_minute, wait_s);
    problem->retry_after_s = wait_s;
    return false;
}

/* Before anything is verified: a signature costs. */
static bool within_address(const struct acme_exchange *x, struct acme_task *task)
{
    unsigned rate = task->acme->config.rates.address;
    return !x->route->limited || within(limiter_take_address(task->acme->limiter, x->request->peer, rate, task->now_ms),
                                        "address", rate, &task->problem);
}

/* After it: nobody else can use an account's up. */
static bool within_account(const struct acme_exchange *x, struct acme_task *task)
{
    const struct acme_rates *rates = &task->acme->config.rates;
    const struct acme_account *account = &task->account;
    struct limiter *limiter = task->acme->limiter;
    if (!x->route->limited || !x->jws.kid[0])
        return true;
    return within(limiter_take(limiter, LIMITER_ACCOUNT, account->id.octets, ACME_ID_LEN, rates->account, task->now_ms),
                  "account", rates->account, &task->problem) &&
           (!account->external_key[0] ||
            within(limiter_take(limiter, LIMITER_EXTERNAL_KEY, account->external_key, strlen(account->external_key),
                                rates->external_key, task->now_ms),
                   "external account key", rates->external_key, &task->problem));
}

static enum acme_step post(struct acme_exchange *x, struct acme_task *task)
{
    const struct acme_request *request = x->request;
    size_t most = acme_route_body_max(x->route);
    if (request->body_too_large || request->body_len > most) {
        acme_problem_status(&task->problem, 413, ACME_MALFORMED, "The request is larger than %zu octets.", most);
        return acme_refuse(task);
    }
    bool may = within_address(x, task) && acme_authenticate(x, task) && within_account(x, task);
    return may ? x->route->post(x, task) : acme_refuse(task);
}

static enum acme_step serve_request(struct acme_exchange *x, struct acme_task *task)
{
    const struct acme_request *request = x->request;
    task->wants_index = true;
    task->wants_nonce = request->method == ACME_POST;
    x->route = acme_route_find(request->path, request->path_len, &x->id, &x->challenge);
    task->route = acme_route_number(x->route);
    if (!x->route) {
        acme_problem_status(&task->problem, 404, ACME_MALFORMED, "There is no such resource.");
        return acme_refuse(task);
    }
    task->wants_index = !x->route->is_directory;
    if (x->route->post && request->method == ACME_POST) {
        task->resource = x->route->name ? x->route->name : x->route->pattern;
        return post(x, task);
    }
    if (x->route->get && (request->method == ACME_GET || request->method == ACME_HEAD))
        return x->route->get(x, task);
    return refuse_method(task, x->route);
}

static void exchange_clear(struct acme_exchange *x)
{
    json_decref(x->payload);
    jws_clear(&x->jws);
    if (x->snapshot)
        store_read_end(x->snapshot);
}

enum acme_step acme_begin(struct acme *acme, struct acme_thread *thread, const struct acme_request *request,
                          struct acme_task **out)
{
    struct acme_task *task = shortage_calloc(1, sizeof *task);
    struct acme_exchange x = {.thread = thread, .request = request};
    *out = task ? task : &memoryless;
    if (!task)
        return ACME_DONE;
    task->acme = acme_view_take(acme);
    task->now_ms = request->now_ms;
    task->doubtful = request->doubtful;
    task->shortages = shortage_count();
    enum acme_step step = serve_request(&x, task);
    if (task->refused)
        acme_note_names(&x, task);
    exchange_clear(&x);
    if (step == ACME_DONE || step == ACME_NOTE)
        done(task);
    return step;
}

enum store_status acme_change(struct store_txn *txn, void *arg)
{
    struct acme_task *task = arg;
    acme_problem_clear(&task->problem);
    return task->operation->change(txn, task);
}

enum acme_step acme_committed(struct acme_task *task, struct acme_thread *thread, enum store_status status,
                              uint64_t now_ms)
{
    const struct acme_operation *operation = task->operation;
    task->now_ms = now_ms;
    task->shortages = shortage_count();
    if (status != STORE_OK) {
        if (status != STORE_REFUSED || task->problem.type == ACME_PROBLEM_NONE)
            acme_store_problem(&task->problem, status);
        acme_refuse(task);
        return done(task);
    }
    if (operation->look)
        return acme_resume(task, thread, task->hold_ms == 0, now_ms);
    operation->answer(task);
    return done(task);
}

const struct acme_id *acme_hold_topic(const struct acme_task *task)
{
    return &task->topic;
}

unsigned acme_patience_ms(const struct acme_task *task)
{
    return task->patience_ms;
}

uint32_t acme_hold_ms(const struct acme_task *task)
{
    return task->hold_ms;
}

enum acme_step acme_resume(struct acme_task *task, struct acme_thread *thread, bool expired, uint64_t now_ms)
{
    (void)thread;
    struct store_txn *snapshot;
    bool settled = false;
    task->now_ms = now_ms;
    /* A failed look is no reason to fail: what was committed can be told, and the client asks again. */
    if (store_read(task->acme->config.store, &snapshot) == STORE_OK) {
        settled = task->operation->look(snapshot, task);
        store_read_end(snapshot);
    } else {
        settled = true;
    }
    if (!settled && !expired)
        return ACME_HOLD;
    task->operation->answer(task);
    return done(task);
}

const struct acme_reply *acme_task_reply(const struct acme_task *task)
{
    return &task->reply;
}

unsigned acme_task_resource(const struct acme_task *task)
{
    return task->route;
}

enum acme_problem_type acme_task_problem(const struct acme_task *task)
{
    return task->refused ? task->problem.type : ACME_PROBLEM_NONE;
}

const char *acme_task_subject(const struct acme_task *task)
{
    return task->subject;
}

void acme_task_free(struct acme_task *task)
{
    if (!task || task == &memoryless)
        return;
    acme_reply_clear(&task->reply);
    acme_problem_clear(&task->problem);
    acme_account_clear(&task->account);
    acme_account_clear(&task->present);
    acme_policy_clear(&task->policy);
    acme_order_clear(&task->order);
    free(task->ancestors);
    free(task->remark_names);
    free(task->remark_reason);
    acme_authz_clear(&task->authz);
    csr_clear(&task->csr);
    if (task->new_key)
        jwk_clear(task->new_key);
    free(task->new_key);
    drop_view(task->acme);
    free(task);
}
