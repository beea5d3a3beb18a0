/* trial: an operator has domain control tried for a name (dcv check): what would be published where is published,
 * looked at as Sectigo would, and taken away. Nothing is ordered. A trial record is stored with the job that removes it
 * before it is published, so that a kill leaves none behind. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/dcv/preflight.h"
#include "gateway/dcv/publish.h"
#include "gateway/dcv/rules.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"
#include "sectigo/dcv.h"

enum { RANDOM_OCTETS = 16, ID_MAX = 2 * RANDOM_OCTETS + 8 };
/* After a kill in between. Longer than a trial takes. */
static const uint64_t LEFT_BEHIND_MS = 5 * MINUTE_MS;

struct trial {
    struct request *request;
    struct acme_identifier name;
    struct dcv_rules rules;
    struct dcv_choice choice;
    char id[ID_MAX], unique_value[SECTIGO_UNIQUE_VALUE_MAX + 1];
    uint8_t csr[RANDOM_OCTETS]; /* in its place: random octets */
    struct dcv_answer answer;
    struct dcv_records records;
    char path[96], body[160], where[640], target[256];
    struct egress_post post;
    sem_t ended;
    char unpublished[PUBLISH_REASON_MAX], unseen[PREFLIGHT_REASON_MAX], forbidden[PREFLIGHT_REASON_MAX],
        left[PUBLISH_REASON_MAX]; /* sentences, "" where all is well */
};

/* ---- on the egress thread ---- */

static void keep_reason(char *out, size_t size, bool ok, const char *reason)
{
    snprintf(out, size, "%s", ok ? "" : reason);
}

static void on_removed(void *ctx, bool ok, const char *reason)
{
    struct trial *t = ctx;
    keep_reason(t->left, sizeof t->left, ok, reason);
    sem_post(&t->ended);
}

static void remove_again(struct trial *t)
{
    if (t->records.count > 0)
        publish_remove(t->request->admin->egress, &t->rules.dcv, &t->records.list[0], on_removed, t);
    else
        sem_post(&t->ended);
}

static void on_caa(void *ctx, bool ok, const char *reason)
{
    struct trial *t = ctx;
    keep_reason(t->forbidden, sizeof t->forbidden, ok, reason);
    remove_again(t);
}

static void look_at_caa(struct trial *t)
{
    struct preflight_caa want = {.identities = &t->rules.dcv.caa_identities,
                                 .name = t->name.value,
                                 .timeout_ms = t->request->config->validation.timeout_ms};
    if (t->name.type != ACME_DNS_NAME)
        remove_again(t);
    else if (!preflight_caa(t->request->admin->egress, &want, on_caa, t))
        on_caa(t, false, "out of memory");
}

static void on_seen(void *ctx, bool ok, const char *reason)
{
    struct trial *t = ctx;
    keep_reason(t->unseen, sizeof t->unseen, ok, reason);
    look_at_caa(t);
}

static void look_for_record(struct trial *t)
{
    struct preflight_cname want = {.owner = t->records.list[0].owner,
                                   .target = t->records.list[0].target,
                                   .timeout_ms = t->request->config->validation.timeout_ms};
    if (!preflight_cname(t->request->admin->egress, &want, on_seen, t))
        on_seen(t, false, "out of memory");
}

static void look_for_file(struct trial *t)
{
    struct preflight_http want = {.dcv = &t->rules.dcv,
                                  .name = t->name.value,
                                  .path = t->path,
                                  .body = t->body,
                                  .timeout_ms = t->request->config->validation.timeout_ms};
    if (!preflight_http(t->request->admin->egress, &want, on_seen, t))
        on_seen(t, false, "out of memory");
}

static void on_published(void *ctx, bool ok, const char *reason)
{
    struct trial *t = ctx;
    keep_reason(t->unpublished, sizeof t->unpublished, ok, reason);
    if (ok)
        look_for_record(t);
    else
        look_at_caa(t);
}

static void begin_trial(void *ctx)
{
    struct trial *t = ctx;
    if (t->records.count > 0)
        publish_record(t->request->admin->egress, &t->rules.dcv, &t->records.list[0], on_published, t);
    else if (t->choice.method == SECTIGO_DCV_HTTP)
        look_for_file(t);
    else
        look_at_caa(t);
}

/* ---- in the store ---- */

static enum store_status put_trial(struct store_txn *txn, void *arg)
{
    struct trial *t = arg;
    uint64_t now_ms = clock_ms();
    if (t->records.count == 0)
        return t->choice.method == SECTIGO_DCV_HTTP ? dcv_file_put(txn, &t->answer, now_ms) : STORE_OK;
    enum store_status status = dcv_records_save(txn, t->id, &t->records);
    return status == STORE_OK ? store_job_set(txn, JOB_DCV_RECORDS, t->id, strlen(t->id), now_ms + LEFT_BEHIND_MS)
                              : status;
}

/* What was published and could not be removed from DNS is its job's from now on; what the zone never took is not tried
 * for ever. */
static enum store_status drop_trial(struct store_txn *txn, void *arg)
{
    struct trial *t = arg;
    if (t->records.count == 0)
        return dcv_file_remove(txn, &t->answer);
    if (t->left[0] && !t->unpublished[0])
        return store_job_set(txn, JOB_DCV_RECORDS, t->id, strlen(t->id), clock_ms());
    enum store_status status = dcv_records_forget(txn, t->id);
    if (status == STORE_OK)
        status = store_job_clear(txn, JOB_DCV_RECORDS, t->id, strlen(t->id));
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* ---- the request ---- */

/* False: the answer says why there is nothing to try. */
static bool choose(struct trial *t, const char *policy)
{
    struct http_answer *answer = t->request->answer;
    struct acme_problem problem = {0};
    struct acme_policy there;
    struct store_txn *txn;
    enum store_status status = store_read(t->request->admin->store, &txn);
    if (status == STORE_OK) {
        status = acme_policy_load(txn, policy, &there);
        acme_policy_clear(&there);
        if (status == STORE_OK)
            status = dcv_rules_load(txn, &t->request->config->dcv, policy, &t->rules);
        store_read_end(txn);
    }
    bool good = status == STORE_OK && dcv_choose(&t->rules.dcv, &t->name, &t->choice, &problem);
    if (status != STORE_OK)
        answer_store(answer, status, "the policy");
    else if (!good)
        answer_error(answer, 409, "%s", problem.detail);
    acme_problem_clear(&problem);
    return good;
}

static bool describe(struct trial *t)
{
    struct acme_names names = {.list = &t->name, .count = 1};
    if (!dcv_records_make(&t->rules.dcv, &names, &t->answer, &t->records))
        return false;
    if (t->records.count > 0) {
        snprintf(t->where, sizeof t->where, "%s", t->records.list[0].owner);
        snprintf(t->target, sizeof t->target, "%s", t->records.list[0].target);
        return true;
    }
    snprintf(t->path, sizeof t->path, SECTIGO_DCV_PATH "%s.txt", t->answer.token.md5_upper);
    bool brackets = t->name.type == ACME_IP_ADDRESS && strchr(t->name.value, ':');
    snprintf(t->where, sizeof t->where, "http://%s%.253s%s%s", brackets ? "[" : "", t->name.value, brackets ? "]" : "",
             t->path);
    return sectigo_token_file(&t->answer.token, t->body, sizeof t->body) > 0;
}

static bool make_trial(struct trial *t)
{
    uint8_t random[RANDOM_OCTETS];
    if (RAND_bytes(t->csr, sizeof t->csr) != 1 || RAND_bytes(random, sizeof random) != 1 ||
        !sectigo_unique_value_make(t->unique_value))
        return false;
    size_t len = (size_t)snprintf(t->id, sizeof t->id, "trial-");
    for (size_t i = 0; i < sizeof random && len + 2 < sizeof t->id; i++)
        len += (size_t)snprintf(t->id + len, sizeof t->id - len, "%02x", random[i]);
    t->answer = dcv_answer_make(t->csr, sizeof t->csr, t->unique_value, t->id);
    return t->answer.made && describe(t);
}

static void answer_trial(struct trial *t, const char *policy)
{
    struct object o;
    object_begin(&o);
    object_text(&o, "name", t->name.value);
    object_text(&o, "policy", policy);
    object_text(&o, "method", sectigo_dcv_method_name(t->choice.method));
    object_text(&o, "place", t->choice.method == SECTIGO_DCV_IP_ADDRESS ? "" : t->where);
    object_text(&o, "content", t->records.count > 0 ? t->target : t->body);
    object_text(&o, "not_published", t->unpublished);
    object_text(&o, "not_seen", t->unseen);
    object_text(&o, "caa", t->forbidden);
    object_text(&o, "not_removed", t->left);
    object_put(&o, "good", json_boolean(!t->unpublished[0] && !t->unseen[0] && !t->forbidden[0] && !t->left[0]));
    answer_json(t->request->answer, 200, object_end(&o));
}

static void run_trial(struct trial *t, const char *policy)
{
    struct admin *admin = t->request->admin;
    act_note(t->request, "domain control tried", t->name.value);
    enum store_status status = store_call(admin->store, put_trial, t);
    if (status != STORE_OK) {
        answer_store(t->request->answer, status, "the trial");
        return;
    }
    t->post = (struct egress_post){.fn = begin_trial, .ctx = t};
    bool begun = egress_post(admin->egress, &t->post);
    while (begun && sem_wait(&t->ended) != 0)
        continue; /* a signal; every look ends by its own deadline */
    store_call(admin->store, drop_trial, t);
    if (begun)
        answer_trial(t, policy);
    else
        answer_error(t->request->answer, 503, "the gateway is stopping");
}

void dcv_check(struct request *request)
{
    const char *policy = request->policy[0] ? request->policy : ACME_POLICY_DEFAULT, *name = request->argument;
    struct acme_problem problem = {0};
    struct trial *t = calloc(1, sizeof *t);
    bool ip = name[strspn(name, "0123456789.")] == '\0' || strchr(name, ':');
    if (!t || sem_init(&t->ended, 0, 0) != 0) {
        answer_error(request->answer, 503, "out of memory");
        free(t);
        return;
    }
    t->request = request;
    if (!identifier_parse(ip ? "ip" : "dns", name, strlen(name), &t->name, &problem))
        answer_error(request->answer, 400, "%s", problem.detail);
    else if (choose(t, policy) && make_trial(t))
        run_trial(t, policy);
    else if (request->answer->status == 0)
        answer_error(request->answer, 503, "out of memory");
    acme_problem_clear(&problem);
    dcv_records_clear(&t->records);
    dcv_rules_clear(&t->rules);
    sem_destroy(&t->ended);
    free(t);
}
