/* token: what has to be published so that Sectigo takes a name for proved. Nothing leaves the machine. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/cli/command.h"
#include "sectigo/cli/files.h"
#include "sectigo/cli/show.h"
#include "sectigo/dcv.h"

enum { BODY_MAX = 128 };

/* What proves one name; "" where a way is none for it. */
struct proof {
    const char *name; /* without "*." */
    bool wildcard, address;
    char path[80], body[BODY_MAX], owner[256], target[256];
};

static bool is_address(const char *name)
{
    unsigned char octets[16];
    return inet_pton(AF_INET, name, octets) == 1 || inet_pton(AF_INET6, name, octets) == 1;
}

static bool make_proof(const struct session *session, const struct sectigo_token *token, const char *name,
                       struct proof *proof)
{
    static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    bool wildcard = strncmp(name, "*.", 2) == 0;

    *proof = (struct proof){.name = wildcard ? name + 2 : name, .wildcard = wildcard, .address = is_address(name)};
    if (!proof->address && (!*proof->name || strspn(proof->name, known) != strlen(proof->name))) {
        complain(session, "\"%.100s\" is neither a domain name (in ASCII) nor an address", name);
        return false;
    }
    if (!wildcard) {
        snprintf(proof->path, sizeof proof->path, SECTIGO_DCV_PATH "%s.txt", token->md5_upper);
        sectigo_token_file(token, proof->body, sizeof proof->body);
    }
    if (proof->address || sectigo_token_cname(token, proof->name, proof->owner, proof->target))
        return true;
    complain(session, "\"%.100s\" is too long for a record before it", name);
    return false;
}

static void print_proof(const struct proof *proof, const char *gap)
{
    const char *open = proof->address && strchr(proof->name, ':') ? "[" : "", *close = *open ? "]" : "";

    fputs(gap, stdout);
    if (*proof->path)
        printf("HTTP_CSR_HASH: the file http://%s%s%s%s\n%s\n", open, proof->name, close, proof->path, proof->body);
    if (*proof->path && *proof->owner)
        putchar('\n');
    if (*proof->owner)
        printf("CNAME_CSR_HASH: the record for %s%s\n%s. IN CNAME %s.\n", proof->wildcard ? "*." : "", proof->name,
               proof->owner, proof->target);
}

static json_t *proof_json(const struct proof *proof, const char *name)
{
    json_t *json = json_object();

    put_text(json, "name", name);
    put_text(json, "filePath", proof->path);
    put_text(json, "fileBody", proof->body);
    put_text(json, "cnameOwner", proof->owner);
    put_text(json, "cnameTarget", proof->target);
    return json;
}

static bool show_proofs(const struct session *session, const struct sectigo_token *token)
{
    const struct settings *settings = &session->settings;
    json_t *json = json_object(), *list = put_array(json, "names");
    struct proof proof;
    bool ok = true;

    put_text(json, "uniqueValue", token->unique_value);
    for (size_t i = 0; i < settings->name_count && ok; i++) {
        ok = make_proof(session, token, settings->names[i], &proof);
        if (ok && settings->json)
            json_array_append_new(list, proof_json(&proof, settings->names[i]));
        else if (ok)
            print_proof(&proof, i > 0 ? "\n" : "");
    }
    if (ok && settings->json)
        return show(session, json, NULL, OUTCOME_DONE);
    json_decref(json);
    return ok;
}

static bool make_token(const struct session *session, struct sectigo_token *token)
{
    const struct settings *settings = &session->settings;
    char reason[REASON_MAX];
    size_t len;
    uint8_t *der = file_csr_der(settings->token_csr, &len, reason);
    bool made = der && sectigo_token_make(der, len, settings->token_unique_value, token);

    if (!der)
        complain(session, "%s", reason);
    else if (!made)
        complain(session, "--uniqueValue has up to %d letters and digits, nothing else", SECTIGO_UNIQUE_VALUE_MAX);
    free(der);
    return made;
}

static enum outcome run_token(struct session *session)
{
    struct sectigo_token token;

    if (!session->settings.token_csr || session->settings.name_count == 0) {
        complain(session, "--csr FILE and at least one --name NAME are needed");
        return OUTCOME_USAGE;
    }
    if (!make_token(session, &token) || !show_proofs(session, &token))
        return OUTCOME_USAGE;
    fflush(stdout);
    return OUTCOME_DONE;
}

const struct command token_command = {
    .name = "token",
    .summary = "what to publish so that Sectigo takes a name for proved; nothing is sent",
    .call = SECTIGO_CALLS,
    .groups = OPTIONS_TOKEN,
    .run = run_token,
};
