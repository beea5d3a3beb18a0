/* decode-csr: DecodeCSR, and whether Sectigo hashes the request to what this program does. */
#include <stdlib.h>
#include <string.h>

#include "sectigo/cli/command.h"
#include "sectigo/cli/exchange.h"
#include "sectigo/cli/show.h"
#include "sectigo/result.h"

static const struct preset presets[] = {
    {"responseFormat", "0", PRESET_FORMAT},
    {"showErrorCodes", "Y", PRESET_DEFAULT},
    {"showErrorMessages", "Y", PRESET_DEFAULT},
    {"showFieldNames", "Y", PRESET_FORMAT},
    {"showCN", "Y", PRESET_DEFAULT},
    {"showAddress", "Y", PRESET_DEFAULT},
    {"showKeySize", "Y", PRESET_DEFAULT},
    {"showCSRHashes2", "Y", PRESET_DEFAULT},
    {0},
};

static bool same_hashes(const struct session *session, const struct sectigo_decoded_csr *answer)
{
    struct sectigo_token token;
    size_t len;
    uint8_t *der = sectigo_csr_der(sectigo_form_get(&session->form, "csr"), &len);
    bool same = der && sectigo_token_make(der, len, NULL, &token) && strcmp(token.md5_lower, answer->md5) == 0 &&
                strcmp(token.sha256, answer->sha256) == 0;

    free(der);
    return same;
}

/* A hash that differs means that no token of ours would ever prove a name. */
static void compare_hashes(const struct session *session, const struct sectigo_decoded_csr *answer, json_t *json,
                           enum outcome *outcome)
{
    if (!*answer->md5 || !*answer->sha256)
        return;
    bool same = same_hashes(session, answer);
    json_object_set_new(json, "hashesAgree", json_boolean(same));
    if (same)
        return;
    complain(session, "Sectigo hashes this request to something else than this program: its tokens would not prove "
                      "any name");
    *outcome = OUTCOME_REFUSED;
}

static bool answer_decoded(struct session *session, const char *body, size_t len, enum outcome *outcome)
{
    struct sectigo_decoded_csr decoded;

    if (!sectigo_parse_decoded_csr(body, len, &decoded))
        return false;
    json_t *json = outcome_begin(session, decoded.result.code, decoded.result.message, outcome);
    for (size_t i = 0; i < decoded.fields.count; i++)
        put_text(json, decoded.fields.params[i].name, decoded.fields.params[i].value);
    if (decoded.result.code >= 0)
        compare_hashes(session, &decoded, json, outcome);
    if (!show(session, json, NULL, *outcome))
        *outcome = OUTCOME_LOCAL;
    sectigo_decoded_csr_clear(&decoded);
    return true;
}

const struct command decode_csr_command = {
    .name = "decode-csr",
    .summary = "have Sectigo read a certificate request; needs no login (DecodeCSR)",
    .call = SECTIGO_DECODE_CSR,
    .groups = OPTIONS_CALL,
    .presets = presets,
    .run = exchange_run,
    .answer = answer_decoded,
};
