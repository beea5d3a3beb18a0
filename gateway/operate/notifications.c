/* notifications: the targets that are told of events, and a test of them. */
#include <stdio.h>
#include <string.h>

#include "gateway/notify/notices.h"
#include "gateway/notify/send.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"

/* ---- the list ---- */

static json_t *target_json(struct store_txn *txn, const struct config_target *target)
{
    struct recipient state;
    struct object o;
    recipient_load(txn, target->name, &state); /* one that cannot be read shows nothing */
    object_begin(&o);
    object_text(&o, "target", target->name);
    object_text(&o, "by", send_way_text(send_way_of(target)));
    object_number(&o, "waiting", notices_count(txn, target->name));
    object_time(&o, "told_ms", state.told_ms);
    object_number(&o, "failures", state.failures);
    object_time(&o, "failed_ms", state.failed_ms);
    object_number(&o, "left_out", state.left_out);
    object_text(&o, "note", state.note);
    return object_end(&o);
}

void notify_list(struct request *request)
{
    const struct config_notify *notify = &request->config->notify;
    struct store_txn *txn;
    json_t *items = json_array();
    bool failed = !items;
    enum store_status status = store_read(request->admin->store, &txn);
    if (status == STORE_OK) {
        for (unsigned i = 0; !failed && i < notify->target_count; i++)
            failed = json_array_append_new(items, target_json(txn, &notify->targets[i])) != 0;
        store_read_end(txn);
    }
    if (status == STORE_OK && !failed)
        answer_json(request->answer, 200, json_pack("{s:O}", "items", items));
    else
        answer_store(request->answer, status == STORE_OK ? STORE_IO : status, "targets");
    json_decref(items);
}

/* ---- a test ---- */

enum { COMPLAINT_MAX = 900 };

struct testing {
    struct request *request;
    json_t *items; /* owned */
    char complaint[COMPLAINT_MAX];
    bool failed; /* out of memory */
};

static void test_target(struct testing *testing, const struct config_target *target)
{
    char reason[NOTIFIER_REASON_MAX];
    size_t used = strlen(testing->complaint);
    struct object o;
    if (!notifier_try(testing->request->admin->notifier, testing->request->config, target, reason)) {
        snprintf(testing->complaint + used, sizeof testing->complaint - used, "%s%s: %.300s", used ? "; " : "",
                 target->name, reason);
        return;
    }
    object_begin(&o);
    object_text(&o, "target", target->name);
    object_text(&o, "by", send_way_text(send_way_of(target)));
    object_text(&o, "outcome", "it has taken the test");
    testing->failed = json_array_append_new(testing->items, object_end(&o)) != 0 || testing->failed;
}

void notify_test(struct request *request)
{
    const struct config_notify *notify = &request->config->notify;
    struct testing testing = {.request = request, .items = json_array()};
    const char *name = request->target;
    if (notify->target_count == 0) {
        answer_error(request->answer, 404, "the configuration has no notify.targets");
    } else if (name[0] && !config_target_named(request->config, name)) {
        answer_error(request->answer, 404, "no target of the configuration is called %s", name);
    } else if (testing.items) {
        for (unsigned i = 0; i < notify->target_count; i++)
            if (!name[0] || strcmp(notify->targets[i].name, name) == 0)
                test_target(&testing, &notify->targets[i]);
        if (testing.complaint[0])
            answer_error(request->answer, 502, "%s", testing.complaint);
        else
            answer_json(request->answer, testing.failed ? 503 : 200, json_pack("{s:O}", "items", testing.items));
    } else {
        answer_error(request->answer, 503, "out of memory");
    }
    json_decref(testing.items);
}
