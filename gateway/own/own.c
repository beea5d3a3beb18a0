#include "gateway/own/own.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>

#include "acme/certificate.h"
#include "acme/durations.h"
#include "acme/order.h"
#include "acme/self_order.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/tables.h"
#include "store/record.h"

static const uint64_t LOOK_MS = HOUR_MS;         /* at the certificate */
static const uint64_t MENDED_MS = MINUTE_MS;     /* what has to be mended first */
static const uint64_t LOOK_MOVED_MS = SECOND_MS; /* where a test moves the clock */
static const uint64_t WAIT_MS = SECOND_MS;       /* for an order that is under way */
static const uint64_t READ_NOTE_MS = MINUTE_MS;  /* as a client's asking is noted */
static const uint64_t DOUBT_MS = SECOND_MS;      /* until the clock is believed */
static const uint64_t AFTER_FAILURE_MS = DAY_MS; /* what failed may have cost money */
enum { RECORD_VERSION = 1, RECORD_MAX = 128 };
static const char LISTENER[] = "acme";

/* What the store remembers of the order that was placed last. */
struct placed {
    struct acme_id account, order;
    uint8_t csr_sha256[32];
    uint64_t placed_ms;
};

struct own {
    struct own_config at;
    const char *file;
    struct acme_names names;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    uint64_t noted_ms;
    char refused[OWN_REASON_MAX]; /* why nothing could be ordered, said once */
};

/* ---- names ---- */

static json_t *identifier(const char *name)
{
    struct in6_addr address;
    bool ip = inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
    return json_pack("{s:s,s:s}", "type", ip ? "ip" : "dns", "value", name);
}

/* As newOrder would take them. */
static bool take_names(const struct config *config, struct acme_names *names, char reason[static OWN_REASON_MAX])
{
    const struct config_own *own = &config->acme.own;
    struct acme_problem problem = {0};
    json_t *list = json_array();
    char host[CONFIG_HOST_MAX];
    for (unsigned i = 0; i < own->names.count; i++)
        json_array_append_new(list, identifier(own->names.list[i]));
    if (own->names.count == 0) {
        config_host(config->acme.url, host);
        json_array_append_new(list, identifier(host));
    }
    bool good = names_parse(list, config->acme.identifiers_max, names, &problem);
    if (!good)
        snprintf(reason, OWN_REASON_MAX, "acme.tls.own.names: %.440s", problem.detail);
    acme_problem_clear(&problem);
    json_decref(list);
    return good;
}

static bool is_valid_now(const struct own_certificate *certificate)
{
    int64_t now_s = time(NULL); /* as TLS has it */
    return certificate->not_before_s <= now_s && now_s < certificate->not_after_s;
}

bool own_prepare(const struct config *config, char reason[static OWN_REASON_MAX])
{
    const char *file = config->acme.own.file;
    struct own_certificate certificate;
    struct acme_names names = {0};
    if (!file)
        return true;
    bool good = take_names(config, &names, reason);
    bool usable = good && own_file_look(file, &names, &certificate) && is_valid_now(&certificate);
    if (good && !usable) {
        good = own_file_sign_itself(file, &names, reason);
        if (good)
            log_info("the ACME listener begins with a certificate that is signed by itself, until its own order is "
                     "fulfilled",
                     "file", file);
    }
    names_clear(&names);
    return good;
}

/* ---- what the store remembers ---- */

static enum store_status load_placed(struct store_txn *txn, struct placed *placed)
{
    struct store_slice value;
    struct record_reader r;
    *placed = (struct placed){0};
    enum store_status status = store_get(txn, ISSUE_OWN, LISTENER, strlen(LISTENER), &value);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    if (record_open(&r, value) != RECORD_VERSION)
        return STORE_INVALID;
    record_get_fixed(&r, placed->account.octets, ACME_ID_LEN);
    record_get_fixed(&r, placed->order.octets, ACME_ID_LEN);
    record_get_fixed(&r, placed->csr_sha256, sizeof placed->csr_sha256);
    placed->placed_ms = record_get_u64(&r);
    return record_complete(&r) ? STORE_OK : STORE_INVALID;
}

static enum store_status save_placed(struct store_txn *txn, const struct placed *placed)
{
    struct record_writer w;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    record_put_fixed(&w, placed->account.octets, ACME_ID_LEN);
    record_put_fixed(&w, placed->order.octets, ACME_ID_LEN);
    record_put_fixed(&w, placed->csr_sha256, sizeof placed->csr_sha256);
    record_put_u64(&w, placed->placed_ms);
    enum store_status status =
        w.failed ? STORE_IO : store_put(txn, ISSUE_OWN, LISTENER, strlen(LISTENER), w.data, w.len);
    record_free(&w);
    return status;
}

/* ---- placing an order ---- */

struct placing {
    struct own *own;
    const struct own_request *request;
    struct acme_self_order order;
};

/* By itself, so that an operator sees it, and may disable it, also where no order can be placed yet. */
static enum store_status make_key(struct store_txn *txn, void *ctx)
{
    const struct own *own = ctx;
    return acme_make_self_key(own->at.acme, txn, own->at.config->acme.own.policy, clock_ms());
}

static enum store_status apply_placing(struct store_txn *txn, void *ctx)
{
    struct placing *p = ctx;
    struct placed placed;
    enum store_status status = load_placed(txn, &placed);
    if (status != STORE_OK)
        return status;
    acme_problem_clear(&p->order.problem); /* of a run before */
    p->order.account = placed.account;
    p->order.now_ms = clock_ms();
    status = acme_place_self_order(p->own->at.acme, txn, &p->order);
    if (status != STORE_OK)
        return status;
    placed = (struct placed){.account = p->order.account, .order = p->order.order, .placed_ms = p->order.now_ms};
    memcpy(placed.csr_sha256, p->request->csr_sha256, sizeof placed.csr_sha256);
    return save_placed(txn, &placed);
}

static void say_refused(struct own *own, const char *reason)
{
    if (strncmp(own->refused, reason, sizeof own->refused - 1) == 0)
        return;
    snprintf(own->refused, sizeof own->refused, "%.511s", reason);
    log_error("the certificate of the ACME listener cannot be ordered; mend what the reason names, it is tried again "
              "every minute",
              "reason", reason);
}

static uint64_t place_order(struct own *own, const struct own_request *request)
{
    const struct config_own *config = &own->at.config->acme.own;
    struct placing placing = {.own = own,
                              .request = request,
                              .order = {.policy = config->policy,
                                        .profile = config->profile ? config->profile : "",
                                        .names = &own->names,
                                        .csr = request->csr,
                                        .csr_len = request->csr_len}};
    char id[ACME_ID_TEXT + 1];
    enum store_status status = store_call(own->at.store, make_key, own);
    if (status == STORE_OK || status == STORE_REFUSED)
        status = store_call(own->at.store, apply_placing, &placing);
    acme_id_text(&placing.order.order, id);
    if (status == STORE_OK)
        log_info("the gateway orders the certificate of its own ACME listener", "order", id);
    else
        say_refused(own, status == STORE_REFUSED ? placing.order.problem.detail : store_status_text(status));
    acme_problem_clear(&placing.order.problem);
    return status == STORE_OK ? WAIT_MS : MENDED_MS;
}

/* ---- an order that is under way ---- */

static enum store_status note_read(struct store_txn *txn, void *ctx)
{
    return acme_note_self_order(txn, ctx, clock_ms());
}

static uint64_t wait_for(struct own *own, struct acme_id *order)
{
    uint64_t now_ms = clock_boot_ms();
    if (now_ms - own->noted_ms >= READ_NOTE_MS) {
        own->noted_ms = now_ms;
        store_call(own->at.store, note_read, order);
    }
    return WAIT_MS;
}

static uint64_t install(struct own *own, const struct own_request *request, const char *chain)
{
    char reason[OWN_REASON_MAX];
    if (!own_file_install(own->file, request, chain, reason)) {
        log_error("the new certificate of the ACME listener cannot be written; see to its folder", "reason", reason);
        return MENDED_MS;
    }
    log_info("the ACME listener has a new certificate of its own", "file", own->file);
    own->at.installed(own->at.ctx);
    return LOOK_MS;
}

static uint64_t give_up(const struct own *own, const struct acme_order *order)
{
    char id[ACME_ID_TEXT + 1];
    acme_id_text(&order->id, id);
    own_request_forget(own->file);
    log_error(
        "the order for the certificate of the ACME listener has failed; mend what the reason names, it is ordered "
        "anew a day after the last time",
        "order", id, "reason", order->error ? order->error : "the order is gone");
    return LOOK_MS;
}

/* What was found in one snapshot. */
struct look {
    struct placed placed;
    struct acme_order order;
    char *chain; /* of a valid order: PEM */
};

static enum store_status load_chain(struct store_txn *txn, const struct acme_id *id, char **chain)
{
    struct acme_certificate certificate;
    enum store_status status = acme_certificate_load(txn, id, &certificate);
    if (status == STORE_OK)
        status = acme_certificate_chain(txn, &certificate, 0, chain);
    acme_certificate_clear(&certificate);
    return status;
}

static enum store_status look_at_store(const struct own *own, struct look *look)
{
    struct store_txn *txn;
    memset(look, 0, sizeof *look);
    enum store_status status = store_read(own->at.store, &txn);
    if (status != STORE_OK)
        return status;
    status = load_placed(txn, &look->placed);
    if (status == STORE_OK && look->placed.placed_ms)
        status = acme_order_load(txn, &look->placed.order, &look->order);
    if (status == STORE_OK && look->order.status == ACME_ORDER_VALID)
        status = load_chain(txn, &look->order.certificate, &look->chain);
    store_read_end(txn);
    return status == STORE_NOT_FOUND ? STORE_OK : status; /* housekeeping may have been there */
}

static uint64_t go_on(struct own *own, struct look *look, const struct own_request *request)
{
    uint64_t now_ms = clock_ms();
    bool same = memcmp(look->placed.csr_sha256, request->csr_sha256, sizeof request->csr_sha256) == 0;
    if (same && look->order.status == ACME_ORDER_PROCESSING)
        return wait_for(own, &look->placed.order);
    if (same && look->chain)
        return install(own, request, look->chain);
    if (same)
        return give_up(own, &look->order);
    if (look->placed.placed_ms && !clock_is_over(look->placed.placed_ms, AFTER_FAILURE_MS, now_ms))
        return LOOK_MS; /* neither what failed nor what does not fit is ordered in a loop */
    return place_order(own, request);
}

/* ---- the thread ---- */

/* A third of its time is left; or it was never more than a beginning. */
static bool is_due(const struct own *own)
{
    struct own_certificate is;
    int64_t now_s = (int64_t)(clock_ms() / 1000);
    if (!own_file_look(own->file, &own->names, &is) || is.self_signed || !is.fits)
        return true;
    return is.not_after_s - now_s < (is.not_after_s - is.not_before_s) / 3;
}

static uint64_t take_step(struct own *own)
{
    struct own_request request;
    struct look look = {0};
    char reason[OWN_REASON_MAX];
    uint64_t rest_ms = LOOK_MS;
    if (clock_in_doubt())
        return DOUBT_MS;
    if (!is_due(own))
        return LOOK_MS;
    if (!own_request_load(own->file, &own->names, &request) &&
        !own_request_make(own->file, &own->names, &request, reason)) {
        log_error("a certificate for the ACME listener cannot be asked for; see to the folder of acme.tls.own.file",
                  "reason", reason);
        return MENDED_MS;
    }
    enum store_status status = look_at_store(own, &look);
    if (status == STORE_OK)
        rest_ms = go_on(own, &look, &request);
    else
        log_error(
            "the certificate of the ACME listener cannot be seen to, since the store cannot be read; see to its disk",
            "reason", store_status_text(status));
    acme_order_clear(&look.order);
    free(look.chain);
    own_request_clear(&request);
    return rest_ms;
}

/* False: it is time to stop. */
static bool rest(struct own *own, uint64_t rest_ms)
{
    struct timespec until;
    if (clock_is_moved() && rest_ms > LOOK_MOVED_MS)
        rest_ms = LOOK_MOVED_MS;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(rest_ms / SECOND_MS);
    pthread_mutex_lock(&own->lock);
    int result = 0;
    while (!own->stopping && result == 0)
        result = pthread_cond_timedwait(&own->wake, &own->lock, &until);
    bool stopping = own->stopping;
    pthread_mutex_unlock(&own->lock);
    return !stopping;
}

static void *run(void *ctx)
{
    struct own *own = ctx;
    while (rest(own, take_step(own)))
        ;
    return NULL;
}

static bool start_thread(struct own *own)
{
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&own->lock, NULL);
    pthread_cond_init(&own->wake, &clock);
    pthread_condattr_destroy(&clock);
    if (pthread_create(&own->thread, NULL, run, own) == 0)
        return true;
    pthread_cond_destroy(&own->wake);
    pthread_mutex_destroy(&own->lock);
    return false;
}

struct own *own_start(const struct own_config *config, char reason[static OWN_REASON_MAX])
{
    struct own *own = calloc(1, sizeof *own);
    snprintf(reason, OWN_REASON_MAX,
             "the certificate of the ACME listener cannot be seen to: out of memory or threads");
    if (!own)
        return NULL;
    own->at = *config;
    own->at.config = config_hold(config->config);
    own->file = config->config->acme.own.file;
    if (take_names(config->config, &own->names, reason) && start_thread(own))
        return own;
    names_clear(&own->names);
    config_drop(own->at.config);
    free(own);
    return NULL;
}

void own_stop(struct own *own)
{
    if (!own)
        return;
    pthread_mutex_lock(&own->lock);
    own->stopping = true;
    pthread_cond_signal(&own->wake);
    pthread_mutex_unlock(&own->lock);
    pthread_join(own->thread, NULL);
    pthread_cond_destroy(&own->wake);
    pthread_mutex_destroy(&own->lock);
    names_clear(&own->names);
    config_drop(own->at.config);
    free(own);
}
