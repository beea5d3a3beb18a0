/* After submission: Sectigo is asked to look at once (AutoUpdateDCV), and to look at CAA again once that allows it
 * (RetryCAACheck). issuance.md section 9. */
#include "gateway/issue/life/nudge.h"

#include <string.h>

#include "gateway/clock.h"
#include "gateway/dcv/preflight.h"
#include "gateway/issue/life/step.h"
#include "gateway/issue/upstream/request.h"
#include "sectigo/result.h"

/* How often RetryCAACheck may be called for an order (notes 2.11). */
static const uint64_t CAA_RETRY_MS = 10 * 60 * 1000;

/* ---- AutoUpdateDCV ---- */

static enum step nudged(struct errand *e)
{
    e->result.nudged = true;
    return step_go(e, e->is.state, e->is.changed_ms + e->profile->first_poll_ms);
}

/* Whatever it is: Sectigo looks by itself too, only later. */
static void on_nudge(void *ctx, const struct upstream_reply *reply)
{
    struct errand *e = ctx;
    struct sectigo_result result;
    bool parsed = reply->outcome == UPSTREAM_ANSWERED &&
                  sectigo_parse_result(SECTIGO_AUTO_UPDATE_DCV, reply->body, reply->body_len, &result);
    if (!parsed)
        errand_log(e, LOG_LEVEL_INFO, "Sectigo could not be asked to look at its domain control at once",
                   reply->reason ? reply->reason : "the reply is no answer of this API");
    else if (sectigo_classify(SECTIGO_AUTO_UPDATE_DCV, result.code, result.message) != SECTIGO_PLACED)
        errand_log(e, LOG_LEVEL_INFO, "Sectigo would not look at its domain control at once", result.message);
    nudged(e);
    errand_commit(e);
}

enum step nudge_step(struct errand *e)
{
    struct sectigo_form form = {0};
    if (!request_update_dcv(&form, &e->is, &e->sub, &e->rules.dcv)) {
        sectigo_form_clear(&form);
        return nudged(e);
    }
    upstream_call(e->login, SECTIGO_AUTO_UPDATE_DCV, &form, on_nudge, e);
    return STEP_WAIT;
}

/* ---- RetryCAACheck ---- */

/* CollectSSL keeps its own time meanwhile; a push hastens it. */
static bool is_collect_due(const struct errand *e)
{
    return e->is.pushed_ms > e->is.looked_ms || clock_ms() >= e->is.looked_ms + e->profile->poll_interval_ms;
}

static enum step wait_blocked(struct errand *e, uint64_t due_ms)
{
    uint64_t collect_ms = e->is.looked_ms + e->profile->poll_interval_ms;
    return step_go(e, ISSUANCE_BLOCKED, due_ms < collect_ms ? due_ms : collect_ms);
}

static void on_caa_retried(void *ctx, const struct upstream_reply *reply)
{
    struct errand *e = ctx;
    struct sectigo_result result = {0};
    bool parsed = reply->outcome == UPSTREAM_ANSWERED &&
                  sectigo_parse_result(SECTIGO_RETRY_CAA_CHECK, reply->body, reply->body_len, &result);
    bool taken = parsed && sectigo_classify(SECTIGO_RETRY_CAA_CHECK, result.code, result.message) == SECTIGO_PLACED;
    e->result.caa_kept = reply->outcome == UPSTREAM_NEVER_LEFT;
    e->result.caa_passes = taken;
    step_note(e, "RetryCAACheck: %s",
              taken           ? "Sectigo looks at CAA again"
              : parsed        ? result.message
              : reply->reason ? reply->reason
                              : "the reply is no answer of this API");
    errand_log(e, LOG_LEVEL_INFO, "CAA lets Sectigo issue now: it is asked to look again", e->result.note);
    if (taken)
        step_go(e, ISSUANCE_BLOCKED, clock_ms() + e->profile->first_poll_ms);
    else
        wait_blocked(e, clock_ms() + CAA_RETRY_MS);
    errand_commit(e);
}

static void end_look(struct errand *e)
{
    uint64_t now_ms = clock_ms();
    if (e->result.note[0]) {
        wait_blocked(e, now_ms + e->rules.dcv.preflight_retry_ms);
        errand_commit(e);
    } else if (now_ms < e->is.caa_retried_ms + CAA_RETRY_MS) {
        step_note(e, "CAA lets Sectigo issue now; RetryCAACheck waits for its turn");
        wait_blocked(e, e->is.caa_retried_ms + CAA_RETRY_MS);
        errand_commit(e);
    } else {
        /* Stored before it leaves, so that a kill between the two does not make it two within its time. */
        e->asking_caa = e->result.caa_retried = true;
        step_go(e, ISSUANCE_BLOCKED, 0);
        errand_commit(e);
    }
}

static enum step ask_caa(struct errand *e)
{
    struct sectigo_form form = {0};
    e->asking_caa = false;
    request_retry_caa(&form, &e->is);
    upstream_call(e->login, SECTIGO_RETRY_CAA_CHECK, &form, on_caa_retried, e);
    return STEP_WAIT;
}

/* The first reason is told, in the log only where it is another than before. */
static void on_caa(void *ctx, bool ok, const char *reason)
{
    struct errand *e = ctx;
    if (!ok && !e->result.note[0]) {
        step_note(e, "Sectigo may not issue: %s", reason);
        if (!e->is.note || strcmp(e->is.note, e->result.note) != 0)
            errand_log(e, LOG_LEVEL_ERROR, "CAA keeps Sectigo from issuing what is paid for: change the record",
                       reason);
    }
    if (--e->checks == 0)
        end_look(e);
}

enum step nudge_caa(struct errand *e)
{
    const struct acme_names *names = &e->sub.names;
    if (e->asking_caa)
        return ask_caa(e);
    e->checks = 1; /* nothing ends before all have begun */
    for (size_t i = 0; i < names->count; i++) {
        struct preflight_caa want = {.identities = &e->rules.dcv.caa_identities,
                                     .name = names->list[i].value,
                                     .timeout_ms = e->issuer->at.config->validation.timeout_ms};
        if (names->list[i].type != ACME_DNS_NAME)
            continue;
        e->checks++;
        if (!preflight_caa(e->issuer->at.egress, &want, on_caa, e))
            on_caa(e, false, "the CAA records cannot be looked up: out of memory");
    }
    on_caa(e, true, "");
    return STEP_WAIT;
}

bool nudge_is_about_caa(const struct errand *e)
{
    return e->is.caa && (e->asking_caa || !is_collect_due(e));
}
