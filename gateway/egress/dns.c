/* DNS with DNSSEC: libunbound with its one helper thread, its descriptor in our loop. The traps handled here: options
 * come before zone functions, which finalise the context; a bogus answer carries data and rcode 0; nothing has a time
 * limit; after ub_cancel the callback never comes. */
#include "gateway/egress/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unbound.h>

struct lookup {
    struct egress *egress;
    enum egress_view view;
    struct ub_ctx *context;
    egress_dns_fn *done;
    void *ctx;
    int async_id;
    bool asked;                   /* libunbound has it */
    struct recent_answer *recent; /* it is not asked: this was answered before; NULL */
    struct egress_watch deadline;
    int error;         /* of one that could not be asked */
    char failure[128]; /* likewise, in words */
};

/* ---- the end of a lookup ---- */

static void end_lookup(struct lookup *lookup, const struct egress_dns_answer *answer)
{
    egress_loop_disarm(&lookup->egress->loop, &lookup->deadline);
    lookup->egress->dns.under_way--;
    egress_dns_fn *done = lookup->done;
    void *ctx = lookup->ctx;
    free(lookup);
    done(ctx, answer);
}

/* Ends it without libunbound's answer. */
static void give_up(struct lookup *lookup, enum egress_dns_status status, const char *reason)
{
    struct egress_dns_answer answer = {.status = status};
    snprintf(answer.reason, sizeof answer.reason, "%s", reason);
    if (lookup->asked)
        ub_cancel(lookup->context, lookup->async_id);
    end_lookup(lookup, &answer);
}

/* Of the library's own errors only these two are about what was asked. */
static enum egress_dns_status failure_of(int error)
{
    return error == UB_SYNTAX || error == UB_SERVFAIL ? EGRESS_DNS_FAILURE : EGRESS_DNS_SHORTAGE;
}

static void on_deadline(void *ctx, int event)
{
    (void)event;
    struct lookup *lookup = ctx;
    struct recent_answer *recent = lookup->recent;
    if (recent != NULL) {
        end_lookup(lookup, egress_recent_answer(recent));
        egress_recent_release(recent);
        return;
    }
    if (lookup->egress->failing)
        give_up(lookup, EGRESS_DNS_FAILURE, "the gateway is stopping");
    else if (!lookup->asked)
        give_up(lookup, failure_of(lookup->error), lookup->failure);
    else
        give_up(lookup, EGRESS_DNS_TIMEOUT, "no answer from the resolver in time");
}

enum { SERVFAIL = 2 };

static const char *rcode_text(int rcode)
{
    static const char *const texts[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
    return rcode >= 0 && (size_t)rcode < sizeof texts / sizeof *texts ? texts[rcode] : "an unusual error code";
}

static size_t count_records(const struct ub_result *result)
{
    size_t count = 0;
    while (result->data != NULL && result->data[count] != NULL)
        count++;
    return count;
}

/* Bogus comes first: such an answer otherwise looks like a good one. */
static void read_result(struct egress *egress, const struct ub_result *result, struct egress_dns_answer *answer)
{
    if (result->bogus) {
        answer->status = EGRESS_DNS_BOGUS;
        snprintf(answer->reason, sizeof answer->reason, "DNSSEC validation failed: %s",
                 result->why_bogus != NULL ? result->why_bogus : "no cause given");
    } else if (result->havedata) {
        answer->status = EGRESS_DNS_ANSWER;
    } else if (result->nxdomain) {
        answer->status = EGRESS_DNS_NXDOMAIN;
        snprintf(answer->reason, sizeof answer->reason, "NXDOMAIN: no such name");
    } else if (result->rcode == 0) {
        answer->status = EGRESS_DNS_NODATA;
        snprintf(answer->reason, sizeof answer->reason, "the name has no such record");
    } else {
        /* The library answers SERVFAIL by itself where it cannot open a socket. */
        bool ours = result->rcode == SERVFAIL && egress_is_short(egress);
        answer->status = ours ? EGRESS_DNS_SHORTAGE : EGRESS_DNS_FAILURE;
        snprintf(answer->reason, sizeof answer->reason,
                 ours ? "this server has no descriptor left to ask with" : "%s from the resolver",
                 rcode_text(result->rcode));
    }
}

static void on_result(void *ctx, int error, struct ub_result *result)
{
    struct egress_dns_answer answer = {.status = failure_of(error)};
    struct lookup *lookup = ctx;
    size_t *lengths = NULL;
    if (error != 0 || result == NULL) {
        snprintf(answer.reason, sizeof answer.reason, "the lookup failed: %s", ub_strerror(error));
        end_lookup(ctx, &answer);
        ub_resolve_free(result);
        return;
    }
    read_result(lookup->egress, result, &answer);
    if (answer.status == EGRESS_DNS_ANSWER) {
        size_t count = count_records(result);
        lengths = calloc(count + 1, sizeof *lengths);
        if (lengths == NULL) {
            answer.status = EGRESS_DNS_SHORTAGE;
            snprintf(answer.reason, sizeof answer.reason, "the lookup failed: out of memory");
        } else {
            for (size_t i = 0; i < count; i++)
                lengths[i] = (size_t)result->len[i];
            answer.record_count = count;
            answer.rdata = (const uint8_t *const *)result->data;
            answer.rdata_len = lengths;
            answer.secure = result->secure;
            answer.canonical_name = result->canonname;
        }
    }
    egress_recent_keep(&lookup->egress->dns, lookup->view, result->qname, result->qtype, &answer);
    end_lookup(ctx, &answer);
    free(lengths);
    ub_resolve_free(result);
}

static void on_readable(void *ctx, int fd, int events)
{
    (void)fd, (void)events;
    ub_process(ctx);
}

/* ---- asking ---- */

static void ask_resolver(struct egress *egress, struct lookup *lookup, const char *name, int rr_type,
                         uint32_t timeout_ms)
{
    int error = UB_NOERROR;
    if (!egress->failing) {
        error = ub_resolve_async(lookup->context, name, rr_type, 1, lookup, on_result, &lookup->async_id);
        lookup->asked = error == UB_NOERROR;
        lookup->error = error;
    }
    if (lookup->asked)
        lookup->deadline.deadline_ms = egress_now_ms() + timeout_ms;
    else
        snprintf(lookup->failure, sizeof lookup->failure, "the lookup could not be started: %s", ub_strerror(error));
    egress_loop_arm(&egress->loop, &lookup->deadline);
}

bool egress_resolve(struct egress *egress, const char *name, int rr_type, uint32_t timeout_ms, egress_dns_fn *done,
                    void *ctx)
{
    return egress_resolve_in(egress, EGRESS_OWN_VIEW, name, rr_type, timeout_ms, done, ctx);
}

bool egress_resolve_in(struct egress *egress, enum egress_view view, const char *name, int rr_type, uint32_t timeout_ms,
                       egress_dns_fn *done, void *ctx)
{
    return egress_resolve_recent(egress, view, name, rr_type, timeout_ms, 0, done, ctx);
}

bool egress_resolve_recent(struct egress *egress, enum egress_view view, const char *name, int rr_type,
                           uint32_t timeout_ms, uint32_t max_age_ms, egress_dns_fn *done, void *ctx)
{
    struct ub_ctx *const *contexts = egress->dns.contexts;
    struct lookup *lookup = malloc(sizeof *lookup);
    if (lookup == NULL)
        return false;
    *lookup = (struct lookup){.egress = egress, .done = done, .ctx = ctx};
    lookup->view = contexts[view] != NULL ? view : EGRESS_OWN_VIEW;
    lookup->context = contexts[lookup->view];
    lookup->deadline = (struct egress_watch){.fd = -1, .fn = on_deadline, .ctx = lookup};
    egress->dns.under_way++;
    lookup->recent = egress_recent_take(&egress->dns, lookup->view, name, rr_type, max_age_ms);
    if (lookup->recent != NULL)
        egress_loop_arm(&egress->loop, &lookup->deadline); /* nothing may call back from here */
    else
        ask_resolver(egress, lookup, name, rr_type, timeout_ms);
    return true;
}

/* ---- the context ---- */

/* What is published a moment ago must be seen: nothing is cached, and no NSEC denies a new name. The library's own
 * sizes are for a few lookups at a time. */
static const struct {
    const char *option, *value;
} options[] = {
    {"cache-max-ttl:", "0"},     {"cache-max-negative-ttl:", "0"},    {"aggressive-nsec:", "no"},
    {"val-bogus-ttl:", "0"},     {"infra-keep-probing:", "yes"}, /* a resolver that was down for a while is asked again
                                                                  */
    {"outgoing-range:", "1000"}, {"num-queries-per-thread:", "4096"}, {"outgoing-num-tcp:", "64"},
};

/* Answered with NXDOMAIN by the library itself, but used inside networks. */
static const char *const built_in_zones[] = {"localhost.", "test.", "home.arpa.", "invalid."};

/* A name that the library answers by itself. */
static const char own_name[] = "acmegate.invalid.", own_record[] = "acmegate.invalid. 0 IN A 127.0.0.1";

/* Each step names what it did, for the reason. */
struct step {
    int error;
    char what[EGRESS_REASON_MAX / 2];
};

static void set_options(struct ub_ctx *context, const struct egress_config *config, struct step *step)
{
    for (size_t i = 0; step->error == 0 && i < sizeof options / sizeof *options; i++) {
        snprintf(step->what, sizeof step->what, "option %s %s", options[i].option, options[i].value);
        step->error = ub_ctx_set_option(context, options[i].option, options[i].value);
    }
    if (step->error == 0 && config->trust_anchor_file == NULL)
        step->error = ub_ctx_set_option(context, "module-config:", "iterator"); /* spares the validator's work */
    for (size_t i = 0; step->error == 0 && i < config->insecure_zone_count; i++) {
        snprintf(step->what, sizeof step->what, "insecure zone %s", config->insecure_zones[i]);
        step->error = ub_ctx_set_option(context, "domain-insecure:", config->insecure_zones[i]);
    }
    if (step->error == 0 && config->trust_anchor_file != NULL) {
        snprintf(step->what, sizeof step->what, "trust anchor file %s", config->trust_anchor_file);
        step->error = ub_ctx_add_ta_file(context, config->trust_anchor_file);
    }
}

static void set_resolvers(struct ub_ctx *context, const struct egress_config *config, struct step *step)
{
    for (size_t i = 0; step->error == 0 && i < config->resolver_count; i++) {
        snprintf(step->what, sizeof step->what, "resolver %s (ADDRESS or ADDRESS@PORT is wanted)",
                 config->resolvers[i]);
        step->error = ub_ctx_set_fwd(context, config->resolvers[i]);
    }
    if (step->error == 0 && config->resolver_count == 0) {
        snprintf(step->what, sizeof step->what, "resolvers from /etc/resolv.conf");
        step->error = ub_ctx_resolvconf(context, NULL);
    }
}

/* The zone functions finalise the context: trust anchors are read now. */
static void finalise(struct ub_ctx *context, const struct egress_config *config, struct step *step)
{
    if (step->error == 0) {
        snprintf(step->what, sizeof step->what, "its helper thread");
        step->error = ub_ctx_async(context, 1);
    }
    for (size_t i = 0; step->error == 0 && i < sizeof built_in_zones / sizeof *built_in_zones; i++) {
        snprintf(step->what, sizeof step->what, "%s%s",
                 config->trust_anchor_file != NULL ? "trust anchor file " : "its configuration",
                 config->trust_anchor_file != NULL ? config->trust_anchor_file : "");
        step->error = ub_ctx_zone_remove(context, built_in_zones[i]);
    }
}

static void on_own_name(void *ctx, int error, struct ub_result *result)
{
    *(int *)ctx = error;
    ub_resolve_free(result);
}

/* The helper thread begins with the first lookup, and ends the whole process where it then finds no descriptor: so it
 * begins here. */
static void begin_query(struct ub_ctx *context, struct step *step)
{
    int answered = UB_NOERROR;
    if (step->error == 0) {
        snprintf(step->what, sizeof step->what, "first lookup");
        step->error = ub_ctx_data_add(context, own_record);
    }
    if (step->error == 0)
        step->error = ub_resolve_async(context, own_name, EGRESS_RR_A, 1, &answered, on_own_name, NULL);
    if (step->error == 0)
        step->error = ub_wait(context);
    if (step->error == 0)
        step->error = answered;
}

/* What the library says on its log during the start is the best reason there is. */
static bool configure_resolver(struct ub_ctx *context, const struct egress_config *config,
                               char reason[static EGRESS_REASON_MAX])
{
    struct step step = {0};
    char *words = NULL;
    size_t words_len = 0;
    FILE *log = open_memstream(&words, &words_len);
    ub_ctx_debugout(context, log);
    set_options(context, config, &step);
    set_resolvers(context, config, &step);
    finalise(context, config, &step);
    begin_query(context, &step);
    ub_ctx_debugout(context, NULL);
    if (log != NULL)
        fclose(log);
    if (step.error != 0) {
        const char *said = words != NULL ? strstr(words, "error: ") : NULL;
        snprintf(reason, EGRESS_REASON_MAX, "libunbound refused the %s: %s%s%.*s", step.what, ub_strerror(step.error),
                 said != NULL ? ", " : "", said != NULL ? (int)strcspn(said, "\n") : 0, said != NULL ? said : "");
    }
    free(words);
    return step.error == 0;
}

static bool open_view(struct egress *egress, enum egress_view view, const struct egress_config *config,
                      char reason[static EGRESS_REASON_MAX])
{
    struct ub_ctx *context = egress->dns.contexts[view] = ub_ctx_create();
    if (context == NULL) {
        snprintf(reason, EGRESS_REASON_MAX, "libunbound cannot be started: %s", strerror(errno));
        return false;
    }
    if (!configure_resolver(context, config, reason))
        return false;
    if (!egress_loop_listen(&egress->loop, ub_fd(context), EGRESS_READABLE, on_readable, context)) {
        snprintf(reason, EGRESS_REASON_MAX, "libunbound's descriptor cannot be watched: %s", strerror(errno));
        return false;
    }
    return true;
}

bool egress_try(const struct egress_config *config, char reason[static EGRESS_REASON_MAX])
{
    struct ub_ctx *context = ub_ctx_create();
    bool good = context != NULL && configure_resolver(context, config, reason);
    if (context == NULL)
        snprintf(reason, EGRESS_REASON_MAX, "libunbound cannot be started: %s", strerror(errno));
    ub_ctx_delete(context);
    return good;
}

bool egress_dns_open(struct egress *egress, const struct egress_config *config, char reason[static EGRESS_REASON_MAX])
{
    return open_view(egress, EGRESS_OWN_VIEW, config, reason) &&
           (config->outside == NULL || open_view(egress, EGRESS_OUTSIDE_VIEW, config->outside, reason));
}

void egress_dns_close(struct egress *egress)
{
    egress_recent_clear(&egress->dns);
    for (unsigned view = 0; view < EGRESS_VIEWS; view++) {
        struct ub_ctx *context = egress->dns.contexts[view];
        egress->dns.contexts[view] = NULL;
        if (context == NULL)
            continue;
        egress_loop_forget(&egress->loop, ub_fd(context));
        ub_ctx_delete(context);
    }
}
