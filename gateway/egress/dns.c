/* DNS with DNSSEC: libunbound, in our loop. The traps handled here: options come before zone functions, which finalise
 * the context; a bogus answer carries data and rcode 0; nothing has a time limit; an answer may come before the
 * question was put (a zone of the library's own, no socket); after ub_cancel the callback never comes. */
#include "gateway/egress/internal.h"
#include "store/shortage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unbound.h>

/* What libunbound said. */
struct reply {
    int rcode;
    bool bogus, secure;
    char why[200]; /* it is bogus */
    size_t len;
    uint8_t packet[];
};

/* A libunbound. */
struct resolver {
    struct ub_ctx *context;
    size_t under_way; /* lookups that it has */
    bool retired;
    struct resolver *next; /* among the retired */
};

struct lookup {
    struct egress *egress;
    enum egress_view view;
    struct resolver *resolver;
    egress_dns_fn *done;
    void *ctx;
    int async_id;
    bool asked;                   /* libunbound has it */
    struct reply *reply;          /* it has answered, which is to be told; NULL */
    struct recent_answer *recent; /* it is not asked: this was answered before; NULL */
    struct egress_watch deadline;
    int error;         /* of one that could not be asked */
    char failure[128]; /* likewise, in words */
    int rr_type;
    char name[256];
};

/* ---- the end of a lookup ---- */

static void free_resolver(struct resolver *resolver)
{
    if (resolver == NULL)
        return;
    ub_ctx_delete(resolver->context);
    free(resolver);
}

static void on_reap(void *ctx, int event)
{
    struct egress *egress = ctx;
    (void)event;
    for (struct resolver **at = &egress->dns.retired; *at != NULL;) {
        struct resolver *resolver = *at;
        if (resolver->under_way > 0) {
            at = &resolver->next;
            continue;
        }
        *at = resolver->next;
        free_resolver(resolver);
    }
}

/* Not from within a callback of its own. */
static void reap_soon(struct egress *egress)
{
    egress_loop_disarm(&egress->loop, &egress->dns.reap);
    egress->dns.reap = (struct egress_watch){.fd = -1, .fn = on_reap, .ctx = egress};
    egress_loop_arm(&egress->loop, &egress->dns.reap);
}

static void end_lookup(struct lookup *lookup, const struct egress_dns_answer *answer)
{
    egress_loop_disarm(&lookup->egress->loop, &lookup->deadline);
    if (--lookup->resolver->under_way == 0 && lookup->resolver->retired)
        reap_soon(lookup->egress);
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
        ub_cancel(lookup->resolver->context, lookup->async_id);
    end_lookup(lookup, &answer);
}

/* Of the library's own errors only these two are about what was asked. */
static enum egress_dns_status failure_of(int error)
{
    return error == UB_SYNTAX || error == UB_SERVFAIL ? EGRESS_DNS_FAILURE : EGRESS_DNS_SHORTAGE;
}

enum { SERVFAIL = 2, NXDOMAIN = 3 };

static const char *rcode_text(int rcode)
{
    static const char *const texts[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
    return rcode >= 0 && (size_t)rcode < sizeof texts / sizeof *texts ? texts[rcode] : "an unusual error code";
}

/* Bogus comes first: such an answer otherwise looks like a good one. */
static void judge(struct egress *egress, const struct reply *reply, int rcode, struct egress_dns_answer *answer)
{
    if (reply->bogus) {
        answer->status = EGRESS_DNS_BOGUS;
        snprintf(answer->reason, sizeof answer->reason, "DNSSEC validation failed: %s", reply->why);
    } else if (rcode == 0 && answer->record_count > 0) {
        answer->status = EGRESS_DNS_ANSWER;
        answer->secure = reply->secure;
        return;
    } else if (rcode == NXDOMAIN) {
        answer->status = EGRESS_DNS_NXDOMAIN;
        snprintf(answer->reason, sizeof answer->reason, "NXDOMAIN: no such name");
    } else if (rcode == 0) {
        answer->status = EGRESS_DNS_NODATA;
        snprintf(answer->reason, sizeof answer->reason, "the name has no such record");
    } else {
        /* The library answers SERVFAIL by itself where it cannot open a socket. */
        bool ours = rcode == SERVFAIL && egress_is_short(egress);
        answer->status = ours ? EGRESS_DNS_SHORTAGE : EGRESS_DNS_FAILURE;
        snprintf(answer->reason, sizeof answer->reason,
                 ours ? "this server has no descriptor left to ask with" : "%s from the resolver", rcode_text(rcode));
    }
    answer->record_count = 0;
}

static void tell_reply(struct lookup *lookup)
{
    struct reply *reply = lookup->reply;
    struct egress_dns_answer answer = {.status = EGRESS_DNS_SHORTAGE, .reason = "the lookup failed: out of memory"};
    int rcode = reply->rcode;
    void *records = NULL;
    if (rcode != 0 || egress_dns_records(reply->packet, reply->len, &answer, &rcode, &records)) {
        answer.reason[0] = '\0';
        judge(lookup->egress, reply, rcode, &answer);
    }
    if (!lookup->resolver->retired)
        egress_recent_keep(&lookup->egress->dns, lookup->view, lookup->name, lookup->rr_type, &answer);
    end_lookup(lookup, &answer);
    free(records);
    free(reply);
}

static void on_deadline(void *ctx, int event)
{
    (void)event;
    struct lookup *lookup = ctx;
    struct recent_answer *recent = lookup->recent;
    if (lookup->reply != NULL) {
        tell_reply(lookup);
    } else if (recent != NULL) {
        end_lookup(lookup, egress_recent_answer(recent));
        egress_recent_release(recent);
    } else if (lookup->egress->failing) {
        give_up(lookup, EGRESS_DNS_FAILURE, "the gateway is stopping");
    } else if (!lookup->asked) {
        give_up(lookup, failure_of(lookup->error), lookup->failure);
    } else {
        give_up(lookup, EGRESS_DNS_TIMEOUT, "no answer from the resolver in time");
    }
}

/* Nothing may call back from here: the loop does it next. */
static void end_soon(struct lookup *lookup)
{
    egress_loop_disarm(&lookup->egress->loop, &lookup->deadline);
    lookup->deadline.deadline_ms = 0;
    egress_loop_arm(&lookup->egress->loop, &lookup->deadline);
}

static void note_error(struct lookup *lookup, int error)
{
    lookup->error = error;
    snprintf(lookup->failure, sizeof lookup->failure, "the lookup failed: %s", ub_strerror(error));
}

/* Inside the library, and perhaps inside ub_resolve_event: what was said is kept, and told by the loop. The types are
 * the library's. */
static void on_reply(void *ctx, int rcode, void *packet, int len, int security, char *why_bogus, int limited)
{
    enum { BOGUS = 1, SECURE = 2 };
    struct lookup *lookup = ctx;
    size_t octets = rcode == 0 && packet != NULL && len > 0 ? (size_t)len : 0;
    struct reply *reply = shortage_malloc(sizeof *reply + octets);
    (void)limited;
    lookup->asked = false;
    lookup->reply = reply;
    end_soon(lookup);
    if (reply == NULL) {
        note_error(lookup, UB_NOMEM);
        return;
    }
    *reply = (struct reply){.rcode = rcode, .bogus = security == BOGUS, .secure = security == SECURE, .len = octets};
    snprintf(reply->why, sizeof reply->why, "%s", why_bogus != NULL ? why_bogus : "no cause given");
    if (octets > 0)
        memcpy(reply->packet, packet, octets);
}

/* ---- asking ---- */

static void ask_resolver(struct lookup *lookup, uint32_t timeout_ms)
{
    struct egress *egress = lookup->egress;
    lookup->deadline.deadline_ms = egress_now_ms() + timeout_ms;
    egress_loop_arm(&egress->loop, &lookup->deadline);
    int error = UB_NOERROR;
    if (!egress->failing) {
        lookup->asked = true;
        error = ub_resolve_event(lookup->resolver->context, lookup->name, lookup->rr_type, 1, lookup, on_reply,
                                 &lookup->async_id);
    }
    if (error != UB_NOERROR) {
        lookup->asked = false;
        note_error(lookup, error);
    }
    if (!lookup->asked)
        end_soon(lookup);
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
    struct resolver *const *resolvers = egress->dns.resolvers;
    struct lookup *lookup = shortage_malloc(sizeof *lookup);
    if (lookup == NULL)
        return false;
    *lookup = (struct lookup){.egress = egress, .done = done, .ctx = ctx, .rr_type = rr_type};
    snprintf(lookup->name, sizeof lookup->name, "%s", name);
    lookup->view = resolvers[view] != NULL ? view : EGRESS_OWN_VIEW;
    lookup->resolver = resolvers[lookup->view];
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the own view has a resolver */
    lookup->resolver->under_way++;
    lookup->deadline = (struct egress_watch){.fd = -1, .fn = on_deadline, .ctx = lookup};
    egress->dns.under_way++;
    lookup->recent = egress_recent_take(&egress->dns, lookup->view, name, rr_type, max_age_ms);
    if (lookup->recent != NULL)
        end_soon(lookup);
    else
        ask_resolver(lookup, timeout_ms);
    return true;
}

/* ---- the context ---- */

/* What is published a moment ago must be seen: nothing is cached, and no NSEC denies a new name. The library's own
 * sizes are for a few lookups at a time. */
static const struct {
    const char *option, *value;
} options[] = {
    {"cache-max-ttl:", "0"},
    {"cache-max-negative-ttl:", "0"},
    {"aggressive-nsec:", "no"},
    {"val-bogus-ttl:", "0"},
    {"infra-keep-probing:", "yes"}, /* a resolver that was down for a while is asked again */
    /* Nor is it remembered how slow it was then, or while it sent garbage: the library would answer SERVFAIL by itself,
     * for a quarter of an hour. */
    {"infra-host-ttl:", "1"},
    {"outgoing-range:", "1000"},
    {"num-queries-per-thread:", "4096"},
    {"outgoing-num-tcp:", "64"},
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
    for (size_t i = 0; step->error == 0 && i < sizeof built_in_zones / sizeof *built_in_zones; i++) {
        snprintf(step->what, sizeof step->what, "%s%s",
                 config->trust_anchor_file != NULL ? "trust anchor file " : "its configuration",
                 config->trust_anchor_file != NULL ? config->trust_anchor_file : "");
        step->error = ub_ctx_zone_remove(context, built_in_zones[i]);
    }
}

static void on_own_name(void *ctx, int rcode, void *packet, int len, int security, char *why_bogus, int limited)
{
    (void)packet, (void)len, (void)security, (void)why_bogus, (void)limited;
    *(int *)ctx = rcode == 0 ? UB_NOERROR : UB_SERVFAIL;
}

/* What the library makes with the first lookup is made here; it answers before it returns. */
static void begin_query(struct ub_ctx *context, struct step *step)
{
    int answered = UB_INITFAIL;
    if (step->error == 0) {
        snprintf(step->what, sizeof step->what, "first lookup");
        step->error = ub_ctx_data_add(context, own_record);
    }
    if (step->error == 0)
        step->error = ub_resolve_event(context, own_name, EGRESS_RR_A, 1, &answered, on_own_name, NULL);
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

static struct resolver *make_resolver(struct egress *egress, const struct egress_config *config,
                                      char reason[static EGRESS_REASON_MAX])
{
    struct resolver *resolver = shortage_calloc(1, sizeof *resolver);
    if (resolver != NULL)
        resolver->context = ub_ctx_create_ub_event(&egress->dns.base.head);
    if (resolver == NULL || resolver->context == NULL)
        snprintf(reason, EGRESS_REASON_MAX, "libunbound cannot be started: %s", strerror(errno));
    else if (configure_resolver(resolver->context, config, reason))
        return resolver;
    free_resolver(resolver);
    return NULL;
}

bool egress_try(const struct egress_config *config, char reason[static EGRESS_REASON_MAX])
{
    struct egress_loop loop;
    struct egress_dns_base base;
    if (!egress_loop_open(&loop)) {
        snprintf(reason, EGRESS_REASON_MAX, "libunbound cannot be started: %s", strerror(errno));
        return false;
    }
    egress_dns_base_init(&base, &loop);
    struct ub_ctx *context = ub_ctx_create_ub_event(&base.head);
    bool good = context != NULL && configure_resolver(context, config, reason);
    if (context == NULL)
        snprintf(reason, EGRESS_REASON_MAX, "libunbound cannot be started: %s", strerror(errno));
    ub_ctx_delete(context);
    egress_loop_close(&loop);
    return good;
}

static void take_place(struct egress_dns *dns, enum egress_view view, struct resolver *fresh)
{
    struct resolver *old = dns->resolvers[view];
    dns->resolvers[view] = fresh;
    if (old == NULL)
        return;
    old->retired = true;
    old->next = dns->retired;
    dns->retired = old;
}

bool egress_dns_replace(struct egress *egress, const struct egress_prepared *prepared,
                        char reason[static EGRESS_REASON_MAX])
{
    const struct egress_config *own = &prepared->views[EGRESS_OWN_VIEW];
    struct resolver *outside = NULL, *ours = make_resolver(egress, own, reason);
    if (ours != NULL && own->outside != NULL)
        outside = make_resolver(egress, own->outside, reason);
    if (ours == NULL || (own->outside != NULL && outside == NULL)) {
        free_resolver(ours);
        return false;
    }
    take_place(&egress->dns, EGRESS_OWN_VIEW, ours);
    take_place(&egress->dns, EGRESS_OUTSIDE_VIEW, outside);
    egress_recent_clear(&egress->dns);
    reap_soon(egress);
    return true;
}

bool egress_dns_open(struct egress *egress, const struct egress_config *config, char reason[static EGRESS_REASON_MAX])
{
    struct egress_prepared first = {.views = {[EGRESS_OWN_VIEW] = *config}};
    egress_dns_base_init(&egress->dns.base, &egress->loop);
    return egress_dns_replace(egress, &first, reason);
}

void egress_dns_close(struct egress *egress)
{
    egress_recent_clear(&egress->dns);
    egress_loop_disarm(&egress->loop, &egress->dns.reap);
    for (unsigned view = 0; view < EGRESS_VIEWS; view++)
        take_place(&egress->dns, view, NULL);
    for (struct resolver *resolver = egress->dns.retired, *next; resolver != NULL; resolver = next) {
        next = resolver->next;
        free_resolver(resolver);
    }
    egress->dns.retired = NULL;
}
