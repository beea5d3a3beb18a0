/* config: the configuration, as the operator changes it while the gateway runs. */
#include <string.h>

#include "gateway/config/diff.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"

/* ---- in force ---- */

struct showing {
    const struct config *config;
    json_t *items;    /* owned */
    unsigned secrets; /* shown so far, in the order in which they were read */
    bool failed;
};

/* Of a secret the file that it was read from; what it is never gets here. */
static bool show_key(void *ctx, const struct config_change *key)
{
    struct showing *s = ctx;
    const char *path, *value = key->is;
    struct object o;
    if (key->secret)
        value = config_secret_file(s->config, s->secrets++, &path);
    object_begin(&o);
    object_text(&o, "key", key->path);
    object_text(&o, "value", value);
    s->failed = json_array_append_new(s->items, object_end(&o)) != 0;
    return !s->failed;
}

void config_show(struct request *request)
{
    struct showing s = {.config = request->config, .items = json_array()};
    if (s.items && config_diff(NULL, request->config, show_key, &s) && !s.failed)
        answer_json(request->answer, 200, json_pack("{s:O}", "items", s.items));
    else
        answer_error(request->answer, 503, "out of memory");
    json_decref(s.items);
}

/* ---- another ---- */

/* Also where a reload would be refused: what differs is known by then. */
void config_compare(struct request *request)
{
    int status;
    json_t *answer = request->admin->reload(request->admin->reload_ctx, true, true, &status);
    if (answer && json_object_get(answer, "items")) {
        json_object_del(answer, "error");
        status = 200;
    }
    answer_json(request->answer, answer ? status : 503, answer);
}

void config_reload(struct request *request)
{
    const struct admin *admin = request->admin;
    int status;
    if (!request->preview)
        act_note(request, request->accept_orphans ? "configuration reload, accepting orphans" : "configuration reload",
                 "");
    json_t *answer = admin->reload(admin->reload_ctx, request->accept_orphans, request->preview, &status);
    answer_json(request->answer, answer ? status : 503, answer);
}
