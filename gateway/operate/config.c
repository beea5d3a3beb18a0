/* config: the configuration, as the operator changes it while the gateway runs. */
#include "gateway/operate/request.h"

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
