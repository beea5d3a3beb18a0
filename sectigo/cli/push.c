/* push: what a push of Sectigo's says, and the links that its verificationCode opens. Nothing leaves the machine. */
#include <stdlib.h>

#include "sectigo/cli/command.h"
#include "sectigo/cli/files.h"
#include "sectigo/cli/show.h"

/* The links of an OV and of an EV order (reference 6): the push does not say which of them it is. */
static void put_links(json_t *json, const struct sectigo_push *push, const char *url)
{
    char *ov = sectigo_push_ov_link(push, url), *ev = sectigo_push_ev_link(push, url);

    put_text(json, "ovCallbackLink", ov);
    put_text(json, "evClickThroughLink", ev);
    free(ov);
    free(ev);
}

static json_t *push_json(const struct sectigo_push *push, const char *url)
{
    json_t *json = json_object();

    put_text(json, "orderNumber", push->order_number);
    put_text(json, "certificateID", push->certificate_id);
    put_number(json, "statusCode", push->status_code);
    put_text(json, "status", push->status);
    put_text(json, "statusDesc", push->status_desc);
    put_text(json, "eventType", push->event_type);
    put_text(json, "revocationReasonCode", push->revocation_reason_code);
    put_text(json, "revocationReasonName", push->revocation_reason);
    put_text(json, "removedDomains", push->removed_domains);
    put_text(json, "verificationCode", push->verification_code);
    put_links(json, push, url);
    put_text(json, "certificate", push->certificate);
    put_text(json, "caCertificate", push->ca_certificate);
    return json;
}

static enum outcome show_push(struct session *session)
{
    char reason[REASON_MAX];
    size_t len;
    char *text = file_text(session->settings.push, &len, reason);
    struct sectigo_push push;

    if (!text) {
        complain(session, "%s", reason);
        return OUTCOME_USAGE;
    }
    bool read = sectigo_parse_push("", 0, text, len, &push);
    free(text);
    if (!read) {
        complain(session, "\"%.100s\" holds no push: orderNumber or certificateID, and statusCode, are needed",
                 session->settings.push);
        return OUTCOME_USAGE;
    }
    bool shown = show(session, push_json(&push, session->settings.url), NULL, OUTCOME_DONE);
    sectigo_push_clear(&push);
    return shown ? OUTCOME_DONE : OUTCOME_LOCAL;
}

static enum outcome run_push(struct session *session)
{
    if (session->settings.push)
        return show_push(session);
    complain(session, "--push FILE is needed: the query or the body of what Sectigo sent");
    return OUTCOME_USAGE;
}

const struct command push_command = {
    .name = "push",
    .summary = "what a push says, and the links of its verification code; nothing is sent",
    .call = SECTIGO_CALLS,
    .groups = OPTIONS_PUSH,
    .run = run_push,
};
