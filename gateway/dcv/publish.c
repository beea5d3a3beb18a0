#include "gateway/dcv/publish.h"

#include <stdio.h>
#include <stdlib.h>

#include "acme/durations.h"
#include "gateway/dcv/exchange.h"
#include "gateway/dcv/hook.h"
#include "gateway/dcv/update.h"
#include "gateway/metrics/metrics.h"

/* For one message to the zone's server and its answer. */
enum { EXCHANGE_MS = 15 * SECOND_MS };

struct publication {
    struct egress *egress;
    const struct config_dcv *dcv;
    const struct config_dcv_zone *zone;
    struct dcv_record record;
    enum update_kind kind; /* of the step that is under way */
    struct update_message message;
    publish_done_fn *done;
    void *ctx;
};

/* reason NULL: all is well. */
static void end_publication(struct publication *p, const char *reason)
{
    char text[PUBLISH_REASON_MAX] = "";
    publish_done_fn *done = p->done;
    void *ctx = p->ctx;
    if (reason)
        snprintf(text, sizeof text, "the CNAME record %.250s -> %.250s cannot be %s: %.450s", p->record.owner,
                 p->record.target, p->kind == UPDATE_REMOVE ? "removed" : "published", reason);
    if (p->zone)
        metrics_count(METRIC_DCV_RECORDS, p->zone->server ? METRIC_DCV_UPDATE : METRIC_DCV_HOOK, reason == NULL);
    update_clear(&p->message);
    free(p);
    done(ctx, reason == NULL, text);
}

static void step(struct publication *p);

static void on_done(struct publication *p, const char *reason)
{
    if (reason || p->kind != UPDATE_PUBLISH) {
        end_publication(p, reason);
        return;
    }
    p->kind = UPDATE_LOOK; /* what was taken may have been ignored */
    step(p);
}

static void on_update_answer(void *ctx, const uint8_t *answer, size_t len, const char *reason)
{
    struct publication *p = ctx;
    char why[UPDATE_REASON_MAX];
    if (!answer)
        snprintf(why, sizeof why, "%s: %.300s", p->zone->server, reason);
    else if (update_judge(p->zone, &p->record, p->kind, &p->message, answer, len, why))
        why[0] = '\0';
    update_clear(&p->message);
    on_done(p, why[0] ? why : NULL);
}

static void on_hook(void *ctx, const char *reason)
{
    on_done(ctx, reason);
}

static void step(struct publication *p)
{
    static const char *const verbs[] = {
        [UPDATE_PUBLISH] = "publish", [UPDATE_REMOVE] = "remove", [UPDATE_LOOK] = "check"};
    char reason[HOOK_REASON_MAX];
    if (!p->zone->server) {
        if (!hook_run(p->egress, &p->dcv->hook, verbs[p->kind], &p->record, on_hook, p, reason))
            end_publication(p, reason);
    } else if (!update_make(p->zone, &p->record, p->kind, &p->message) ||
               !exchange(p->egress, p->zone->server, p->message.wire, p->message.len, EXCHANGE_MS, on_update_answer,
                         p)) {
        end_publication(p, "the message to the zone's server cannot be made");
    }
}

static void start_publication(struct egress *egress, const struct config_dcv *dcv, const struct dcv_record *record,
                              enum update_kind kind, publish_done_fn *done, void *ctx)
{
    struct publication *p = calloc(1, sizeof *p);
    if (!p) {
        done(ctx, false, "a CNAME record cannot be published or removed: out of memory");
        return;
    }
    *p = (struct publication){.egress = egress, .dcv = dcv, .record = *record, .kind = kind, .done = done, .ctx = ctx};
    p->zone = dcv_zone(dcv, record->zone);
    if (p->zone)
        step(p);
    else
        end_publication(p, "its zone is no longer in dcv.zones of the configuration: put it back");
}

void publish_record(struct egress *egress, const struct config_dcv *dcv, const struct dcv_record *record,
                    publish_done_fn *done, void *ctx)
{
    start_publication(egress, dcv, record, UPDATE_PUBLISH, done, ctx);
}

void publish_remove(struct egress *egress, const struct config_dcv *dcv, const struct dcv_record *record,
                    publish_done_fn *done, void *ctx)
{
    start_publication(egress, dcv, record, UPDATE_REMOVE, done, ctx);
}
