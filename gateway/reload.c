/* reload: everything is read, judged and prepared first, while the old configuration serves on; then each part changes
 * over, which cannot fail. issuance.md section 8.6.
 */
#include "gateway/reload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/check/check.h"
#include "gateway/clock.h"
#include "gateway/config/diff.h"
#include "gateway/confine.h"
#include "gateway/issue/upkeep/upkeep.h"
#include "gateway/issue/upstream/upstream.h"
#include "gateway/log.h"
#include "gateway/notify/notifier.h"
#include "gateway/own/own.h"
#include "gateway/parts.h"
#include "gateway/share.h"

/* One reload, from the file to the parts. */
struct reload {
    struct gateway *g;
    const struct config *was; /* a hold on it */
    struct config *fresh;     /* ours until it is in force */
    bool accept_orphans, preview;
    char reason[GATEWAY_REASON_MAX];
    int status; /* of HTTP */
    json_t *changed;
    char restart[CONFIG_REASON_MAX / 2]; /* the first key that only a restart can change */
    bool resolvers;                      /* those are to be started anew */
    bool listeners;                      /* those are others */
    /* Prepared, and not in force yet: */
    struct egress_prepared *egress;
    struct upstream_terms *upstream;
    struct http_change *http;
    bool locked; /* g->http_lock is ours */
};

static bool refuse_reload(struct reload *r, int status)
{
    r->status = status;
    return false;
}

/* ---- what changes ---- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

/* With commas between them, as many as there is room for. */
static void note_restart(struct reload *r, const char *path)
{
    size_t len = strlen(r->restart);
    if (len + strlen(path) + 3 < sizeof r->restart)
        snprintf(r->restart + len, sizeof r->restart - len, "%s%s", len > 0 ? ", " : "", path);
}

static bool on_change(void *ctx, const struct config_change *change)
{
    static const char *const resolvers[] = {"validation.resolvers",      "validation.trust_anchor",
                                            "validation.insecure_zones", "dcv.resolvers",
                                            "dcv.trust_anchor",          "dcv.insecure_zones"};
    struct reload *r = ctx;
    json_t *row = json_pack("{s:s, s:o, s:o, s:b}", "key", change->path, "was", text_or_null(change->was), "is",
                            text_or_null(change->is), "restart", change->restart);
    if (change->restart)
        note_restart(r, change->path);
    for (size_t i = 0; i < sizeof resolvers / sizeof *resolvers; i++)
        r->resolvers = r->resolvers || strcmp(change->path, resolvers[i]) == 0;
    r->listeners = r->listeners || strstr(change->path, ".listen") || strcmp(change->path, "admin.socket") == 0;
    return row && json_array_append_new(r->changed, row) == 0;
}

static bool compare_configs(struct reload *r)
{
    r->changed = json_array();
    if (r->changed && config_diff(r->was, r->fresh, on_change, r))
        return true;
    parts_fail(r->reason, "out of memory");
    return refuse_reload(r, 503);
}

/* ---- may it be so? ---- */

static void warn_in_log(void *ctx, const char *sentence)
{
    (void)ctx;
    log_warning("the configuration is used, and most likely not as it was meant: mend what it names", "reason",
                sentence);
}

static bool needs_no_restart(struct reload *r)
{
    if (!r->restart[0])
        return true;
    snprintf(r->reason, sizeof r->reason,
             "%.300s: %.500s: this cannot change while the gateway runs: restart it, or put it back", r->g->file,
             r->restart);
    return refuse_reload(r, 409);
}

/* The filter of system calls is never widened. */
static bool runs_what_it_can(struct reload *r)
{
    if (!confine_forbids_programs() || !confine_runs_programs(r->fresh))
        return true;
    snprintf(r->reason, sizeof r->reason,
             "%.300s: dcv.hook, notify: since the start no program can be run (confine), because none was configured "
             "then: restart the gateway for the first one",
             r->g->file);
    return refuse_reload(r, 409);
}

/* More than there are already: those may be beyond mending. */
static bool orphans_nothing(struct reload *r)
{
    struct orphans_look looks[] = {{.config = r->was}, {.config = r->fresh}};
    const struct orphans *were = &looks[0].found, *would = &looks[1].found;
    enum store_status status = orphans_count(r->g->store, looks, 2, clock_ms(), NULL, NULL);
    if (status != STORE_OK) {
        snprintf(r->reason, sizeof r->reason, "the subscriptions cannot be counted: %s", store_status_text(status));
        return refuse_reload(r, 503);
    }
    if (orphans_sum(would) <= orphans_sum(were))
        return true;
    parts_say_orphans(r->fresh, would, r->reason);
    if (!r->accept_orphans)
        return refuse_reload(r, 409);
    log_warning("paid subscriptions have no place in the new configuration, which the operator accepts: look after "
                "what they cost",
                "reason", r->reason);
    return true;
}

/* ---- everything that may fail ---- */

static bool prepare_resolvers(struct reload *r)
{
    struct egress_settings settings;
    char why[EGRESS_REASON_MAX];
    settings_egress(r->fresh, &settings);
    /* Those of /etc/resolv.conf may be others by now. */
    if (!r->resolvers && settings.own.resolver_count > 0)
        return true;
    r->egress = egress_prepare(&settings.own, why);
    return r->egress || parts_fail(r->reason, why);
}

static bool prepare_parts(struct reload *r)
{
    struct http_config http;
    char why[UPSTREAM_REASON_MAX], why_http[HTTP_REASON_MAX];
    r->status = 409;
    if (!prepare_resolvers(r))
        return false;
    pthread_mutex_lock(&r->g->http_lock);
    r->locked = true;
    r->upstream = upstream_prepare(r->g->upstream, r->fresh, why);
    if (!r->upstream)
        return parts_fail(r->reason, why);
    settings_http(r->g, r->fresh, &http);
    r->http = http_prepare(r->g->http, &http, why_http);
    return r->http || parts_fail(r->reason, why_http);
}

/* A login that is new buys nothing before its report was asked, as at the start. Of a gateway beside the owner of the
 * store that one sees to it, and this one when it becomes the owner. */
static bool admit_logins(struct reload *r)
{
    if (!atomic_load(&r->g->owns))
        return true;
    enum store_status status = upkeep_admit(r->g->store, r->was, r->fresh);
    if (status == STORE_OK)
        return true;
    snprintf(r->reason, sizeof r->reason, "the store does not take what is known of the logins: %s",
             store_status_text(status));
    return refuse_reload(r, 503);
}

/* The last that may fail, and the first that changes something. */
static bool change_acme(struct reload *r)
{
    struct acme_config acme;
    if (!settings_acme(r->g, r->fresh, &acme, r->reason))
        return false;
    if (acme_change_config(r->g->acme, &acme))
        return true;
    settings_acme_drop(acme.owner);
    return parts_fail(r->reason, "out of memory");
}

/* ---- in force ---- */

static void unlock_listeners(struct reload *r)
{
    if (r->locked)
        pthread_mutex_unlock(&r->g->http_lock);
    r->locked = false;
}

/* What the owner of the store does alone. */
static void change_owner(struct gateway *g, const struct config *was, const struct config *fresh)
{
    char why[GATEWAY_REASON_MAX];
    if (!notifier_start(g->notifier))
        log_error("nobody is told of events: restart the gateway", "reason", "out of memory, or of threads");
    if (!parts_own_certificate(g, why))
        log_error("nobody sees to the certificate of the ACME listener: restart the gateway", "reason", why);
    enum store_status status = upkeep_begin(g->store, was, fresh);
    if (status != STORE_OK)
        log_error("new logins are not looked after before the next start: restart the gateway", "reason",
                  store_status_text(status));
}

static void change_over(struct reload *r)
{
    struct gateway *g = r->g;
    const struct config *fresh = config_hold(r->fresh);
    char why[GATEWAY_REASON_MAX];
    upstream_adopt(g->upstream, r->upstream);
    config_replace(g->configs, r->fresh);
    if (r->egress)
        egress_adopt(g->egress, r->egress);
    access_change(g->access, fresh->admin.user_field, fresh->admin.role_field);
    http_adopt(g->http, r->http);
    unlock_listeners(r);
    r->fresh = NULL;
    r->upstream = NULL;
    r->egress = NULL;
    r->http = NULL;
    gateway_set_log(fresh);
    share_present(g, fresh);
    if (!parts_start_monitor(g, why))
        log_error("the metrics are not kept up to date: restart the gateway", "reason", why);
    if (atomic_load(&g->owns))
        change_owner(g, r->was, fresh);
    config_drop(fresh);
}

static void log_changes(const struct reload *r)
{
    size_t index;
    json_t *row;
    json_array_foreach(r->changed, index, row)
        log_info("configuration", "key", json_string_value(json_object_get(row, "key")), "was",
                 json_string_value(json_object_get(row, "was")), "is", json_string_value(json_object_get(row, "is")));
    if (r->listeners)
        parts_tell_listeners(r->g->http);
    log_info("the configuration is read anew");
}

static bool read_file(struct reload *r)
{
    r->fresh = config_load(r->g->file, r->reason);
    return r->fresh || refuse_reload(r, 409);
}

static bool judge_world(struct reload *r)
{
    long owner;
    if (!own_prepare(r->fresh, r->reason))
        return refuse_reload(r, 409);
    return check_world(r->fresh, CHECK_RELOAD, warn_in_log, NULL, &owner, r->reason) || refuse_reload(r, 409);
}

static bool run_reload(struct reload *r)
{
    if (r->g->stopping) {
        parts_fail(r->reason, "the gateway is stopping");
        return refuse_reload(r, 503);
    }
    if (!read_file(r) || !compare_configs(r) || !needs_no_restart(r) || !runs_what_it_can(r) || !judge_world(r) || !orphans_nothing(r) ||
        !prepare_parts(r))
        return false;
    if (r->preview)
        return true;
    if (!admit_logins(r) || !change_acme(r))
        return false;
    change_over(r);
    log_changes(r);
    return true;
}

static void begin_reload(struct reload *r, struct gateway *g)
{
    pthread_mutex_lock(&g->reload_lock);
    *r = (struct reload){.g = g, .was = config_take(g->configs), .status = 200};
}

static void end_reload(struct reload *r)
{
    struct gateway *g = r->g;
    http_change_free(r->http, g->http);
    unlock_listeners(r);
    upstream_terms_free(r->upstream);
    egress_prepared_free(r->egress);
    config_drop(r->fresh);
    config_drop(r->was);
    json_decref(r->changed);
    pthread_mutex_unlock(&g->reload_lock);
}

bool gateway_reload(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    struct reload r;
    begin_reload(&r, g);
    bool good = run_reload(&r);
    memcpy(reason, r.reason, sizeof r.reason);
    end_reload(&r);
    return good;
}

json_t *reload_for_operator(void *ctx, bool accept_orphans, bool preview, int *status)
{
    struct reload r;
    begin_reload(&r, ctx);
    r.accept_orphans = accept_orphans;
    r.preview = preview;
    bool good = run_reload(&r);
    *status = good ? 200 : r.status;
    if (!good && !preview)
        log_error("the configuration stays as it was; mend what it names, then reload again", "reason", r.reason);
    json_t *answer = json_pack("{s:O*}", "items", r.changed);
    if (answer && !good && json_object_set_new(answer, "error", json_string(r.reason)) != 0) {
        json_decref(answer);
        answer = NULL;
    }
    end_reload(&r);
    return answer;
}
