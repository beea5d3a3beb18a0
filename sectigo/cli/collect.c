/* collect: CollectSSL, once or until it is there. */
#include "sectigo/cli/collect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "sectigo/cli/chain.h"
#include "sectigo/cli/exchange.h"
#include "sectigo/cli/files.h"
#include "sectigo/cli/show.h"
#include "sectigo/cli/wait.h"
#include "sectigo/code.h"

static const struct preset presets[] = {
    {"queryType", "1", PRESET_DEFAULT},
    {"responseType", "3", PRESET_DEFAULT},
    {"responseFormat", "1", PRESET_DEFAULT},
    {"responseEncoding", "0", PRESET_FORMAT},
    {"showValidityPeriod", "Y", PRESET_DETAIL},
    {"showFQDN", "Y", PRESET_DETAIL},
    {"showExtStatus", "Y", PRESET_DETAIL},
    {"showStatusDetails", "Y", PRESET_DETAIL},
    {0},
};

/* ---- the newline format ---- */

static bool is_unnamed(const struct sectigo_form *form)
{
    const char *format = sectigo_form_get(form, "responseFormat");
    return format && strcmp(format, "0") == 0;
}

static bool is_shown(const struct sectigo_form *form, const char *name)
{
    const char *value = sectigo_form_get(form, name);
    return value && strcasecmp(value, "Y") == 0;
}

/* What was asked for says which line is which. */
static bool read_collected(const struct sectigo_form *form, const char *body, size_t len,
                           struct sectigo_collect_answer *collected)
{
    const char *type = sectigo_form_get(form, "queryType");
    const struct sectigo_collect_flags flags = {
        .query_type = type && strcmp(type, "3") == 0 ? 3 : 1,
        .validity_period = is_shown(form, "showValidityPeriod"),
        .fqdn = is_shown(form, "showFQDN"),
        .ext_status = is_shown(form, "showExtStatus"),
    };

    return is_unnamed(form) ? sectigo_parse_collect_lines(body, len, &flags, collected)
                            : sectigo_parse_collect(body, len, collected);
}

static bool prepare_collect(struct session *session)
{
    const char *type = sectigo_form_get(&session->form, "responseType");

    if (!is_unnamed(&session->form) || session->settings.raw || strcmp(type, "3") == 0)
        return true;
    complain(session, "--responseFormat 0 goes with --responseType 3: other answers are shown by --raw only");
    return false;
}

/* ---- certificates ---- */

/* Octets of base64 with blanks and line ends in it; malloc'd, NULL where it is none. */
static unsigned char *decode_base64(const char *text, size_t *len)
{
    EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
    unsigned char *data = malloc(strlen(text) + 1);
    int first = 0, last = 0;
    bool ok = ctx && data;

    if (ok) {
        EVP_DecodeInit(ctx);
        ok = EVP_DecodeUpdate(ctx, data, &first, (const unsigned char *)text, (int)strlen(text)) >= 0 &&
             EVP_DecodeFinal(ctx, data + first, &last) == 1 && first + last > 0;
    }
    EVP_ENCODE_CTX_free(ctx);
    *len = (size_t)first + (size_t)last;
    if (ok)
        return data;
    free(data);
    return NULL;
}

/* Of whichever kind of file was asked for. */
static const char *bundle_of(const struct sectigo_collect_answer *answer)
{
    return answer->zip_file ? answer->zip_file : answer->pkcs7 ? answer->pkcs7 : answer->netscape_sequence;
}

static bool write_certificates(const struct session *session, const struct sectigo_collect_answer *answer)
{
    const char *bundle = bundle_of(answer);
    char reason[REASON_MAX] = "the certificates that came cannot be read";
    unsigned char *data = NULL;
    size_t len = 0;

    if (bundle)
        data = decode_base64(bundle, &len);
    else
        data = (unsigned char *)chain_pem(answer->certificate, answer->ca_certificates);
    if (data && !bundle)
        len = strlen((char *)data);
    bool ok = data && file_write(session->settings.out, data, len, reason);
    if (!ok)
        complain(session, "%s", reason);
    free(data);
    return ok;
}

static void put_certificates(json_t *json, const struct sectigo_collect_answer *answer)
{
    put_text(json, "certificate", answer->certificate);
    put_text(json, "caCertificates", answer->ca_certificates);
    put_text(json, "zipFile", answer->zip_file);
    put_text(json, "netscapeCertificateSequence", answer->netscape_sequence);
    put_text(json, "pkcs7", answer->pkcs7);
}

static json_t *answer_json(const struct session *session, const struct sectigo_collect_answer *answer,
                           enum outcome *outcome)
{
    json_t *json = outcome_begin(session, answer->code, answer->message, outcome);

    put_text(json, "orderNumber", answer->order_number);
    put_text(json, "fqdn", answer->fqdn);
    put_time(json, "notBefore", answer->not_before_s);
    put_time(json, "notAfter", answer->not_after_s);
    put_text(json, "certificateStatus", answer->certificate_status);
    put_text(json, "validationStatus", answer->validation_status);
    put_status(json, "csrStatus", answer->csr_status);
    put_status(json, "dcvStatus", answer->dcv_status);
    put_text(json, "mdcDomainDetails", answer->mdc_domain_details);
    return json;
}

/* What cannot be written is shown instead: it was paid for. */
static enum outcome show_answer(const struct session *session, const struct sectigo_collect_answer *answer)
{
    bool attached = answer->certificate || answer->ca_certificates || bundle_of(answer);
    bool to_file = attached && session->settings.out;
    enum outcome outcome;
    json_t *json = answer_json(session, answer, &outcome);
    bool written = to_file && write_certificates(session, answer);

    if (written)
        put_text(json, "file", session->settings.out);
    else
        put_certificates(json, answer);
    if (!show(session, json, NULL, outcome) || (to_file && !written))
        return OUTCOME_LOCAL;
    return outcome;
}

static bool answer_collect(struct session *session, const char *body, size_t len, enum outcome *outcome)
{
    struct sectigo_collect_answer collected;

    if (!read_collected(&session->form, body, len, &collected))
        return false;
    *outcome = show_answer(session, &collected);
    sectigo_collect_clear(&collected);
    return true;
}

/* ---- waiting ---- */

/* One look; seen tells what it saw. */
struct look {
    bool answered; /* collected is filled: clear it */
    bool sent;
    struct sectigo_collect_answer collected;
    char seen[SECTIGO_MESSAGE_MAX];
};

static void read_look(struct sectigo_call *call, const struct sectigo_form *form, struct look *look)
{
    size_t len;
    const char *body = sectigo_call_body(call, &len);

    look->answered = read_collected(form, body, len, &look->collected);
    if (!look->answered) {
        snprintf(look->seen, sizeof look->seen, "the reply is no answer of Sectigo's");
        return;
    }
    const char *text = *look->collected.message ? look->collected.message
                                                : sectigo_code_text(SECTIGO_COLLECT_SSL, look->collected.code);
    snprintf(look->seen, sizeof look->seen, "%.200s%s%.60s", text ? text : "a code that is not listed",
             *look->collected.certificate_status ? ", " : "", look->collected.certificate_status);
}

static bool take_look(struct session *session, const struct sectigo_form *form, struct look *look)
{
    enum sectigo_outcome how;
    struct sectigo_call *call = exchange_send(session, SECTIGO_COLLECT_SSL, form, &how);

    *look = (struct look){.sent = how != SECTIGO_NEVER_LEFT};
    if (!call)
        return false;
    if (how == SECTIGO_ANSWERED)
        read_look(call, form, look);
    else
        snprintf(look->seen, sizeof look->seen, "%s", sectigo_call_reason(call));
    sectigo_call_free(call);
    return true;
}

/* Goes on while it is not yet there; also through trouble on the way, once Sectigo has been reached. */
static bool goes_on(const struct look *look, bool reached)
{
    if (!look->answered)
        return reached;
    return outcome_of(SECTIGO_COLLECT_SSL, look->collected.code, look->collected.message) == OUTCOME_NOT_YET;
}

static enum outcome end_look(struct session *session, struct look *look)
{
    enum outcome outcome = OUTCOME_NO_ANSWER;

    if (look->answered)
        outcome = show_answer(session, &look->collected);
    else
        complain(session, "%s", look->seen);
    return outcome;
}

static enum outcome look_until(struct session *session, const struct sectigo_form *form, bool reached, const char *what)
{
    enum outcome outcome = OUTCOME_LOCAL;
    struct look look;
    struct wait wait;

    wait_begin(&wait, session);
    for (bool more = true; more;) {
        if (!take_look(session, form, &look))
            return OUTCOME_LOCAL;
        reached = reached || look.answered;
        more = goes_on(&look, reached) && wait_on(&wait, what, look.seen);
        if (!more) {
            wait_end(&wait);
            outcome = end_look(session, &look);
        }
        if (look.answered)
            sectigo_collect_clear(&look.collected);
    }
    return outcome;
}

enum outcome collect_placed(struct session *session)
{
    bool by_certificate = *session->certificate_id;
    const char *number = by_certificate ? session->certificate_id : session->order_number;
    struct session collecting = *session;
    struct sectigo_form form = {0};
    char what[SECTIGO_ORDER_NUMBER_MAX + 16];
    enum outcome outcome = OUTCOME_LOCAL;

    collecting.command = &collect_command;
    snprintf(what, sizeof what, "%s %s", by_certificate ? "certificate" : "order", number);
    sectigo_form_add(&form, by_certificate ? "certificateID" : "orderNumber", number);
    if (exchange_add_presets(session, presets, &form) && !form.failed)
        outcome = look_until(&collecting, &form, true, what);
    sectigo_form_clear(&form);
    return outcome;
}

static enum outcome run_collect(struct session *session)
{
    static const char *const ways[] = {"certificateID", "orderNumber", "baseOrderNumber"};
    char what[SECTIGO_ORDER_NUMBER_MAX + 32] = "order";

    if (!session->settings.wait || session->settings.dry_run)
        return exchange_run(session);
    if (!exchange_prepare(session) || !exchange_connect(session))
        return OUTCOME_USAGE;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (sectigo_form_get(&session->form, ways[i]))
            snprintf(what, sizeof what, "%s %s", ways[i], sectigo_form_get(&session->form, ways[i]));
    return look_until(session, &session->form, false, what);
}

const struct command collect_command = {
    .name = "collect",
    .summary = "fetch an order's certificate (CollectSSL)",
    .call = SECTIGO_COLLECT_SSL,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN | OPTIONS_WAIT,
    .presets = presets,
    .run = run_collect,
    .prepare = prepare_collect,
    .answer = answer_collect,
};
