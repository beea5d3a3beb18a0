/* policies: the operator's policies and external account keys (design section 7). Each answer follows the commit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "acme/base64url.h"
#include "acme/external_key.h"
#include "acme/policy.h"
#include "acme/tables.h"
#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"

/* The body as an object, NULL (and answered) where it is none. */
static json_t *body_object(struct request *request)
{
    const struct http_call *call = request->call;
    json_t *body =
        call->body_len ? json_loadb(call->body, call->body_len, JSON_REJECT_DUPLICATES, NULL) : json_object();
    if (json_is_object(body))
        return body;
    json_decref(body);
    answer_error(request->answer, 400, "the body has to be a JSON object without duplicate members");
    return NULL;
}

/* ---- policies ---- */

enum edit { CREATE, SET };

struct policy_edit {
    enum edit edit;
    const char *name;
    const json_t *members;
    const struct config *config;
    const struct audit_by *by;
    uint64_t now_ms;
    char reason[ACME_POLICY_REASON_MAX];
    json_t *shown; /* owned */
};

/* A profile that is not configured would only show at the next order. */
static bool profiles_exist(const struct acme_policy *policy, struct policy_edit *e)
{
    const char *missing = policy->default_profile[0] && !config_profile_named(e->config, policy->default_profile)
                              ? policy->default_profile
                              : NULL;
    for (unsigned i = 0; !missing && i < policy->profiles.count; i++) {
        if (!config_profile_named(e->config, policy->profiles.list[i]))
            missing = policy->profiles.list[i];
    }
    if (missing)
        snprintf(e->reason, sizeof e->reason, "the configuration has no profile \"%.64s\"", missing);
    return !missing;
}

/* The policy that the edit begins with. */
static enum store_status begin_edit(struct store_txn *txn, const struct policy_edit *e, struct acme_policy *policy)
{
    enum store_status status = acme_policy_load(txn, e->name, policy);
    if (e->edit == SET || (status != STORE_OK && status != STORE_NOT_FOUND))
        return status;
    if (status == STORE_OK && !policy->builtin)
        return STORE_EXISTS;
    acme_policy_clear(policy);
    return acme_policy_make(e->name, policy) ? STORE_OK : STORE_IO;
}

static enum store_status edit_policy(struct store_txn *txn, void *arg)
{
    struct policy_edit *e = arg;
    struct acme_policy policy = {0};
    e->reason[0] = '\0';
    json_decref(e->shown);
    e->shown = NULL;
    enum store_status status = begin_edit(txn, e, &policy);
    if (status == STORE_OK && (!acme_policy_set(&policy, e->members, e->reason) || !profiles_exist(&policy, e)))
        status = STORE_REFUSED;
    if (status == STORE_OK)
        status = acme_policy_save(txn, &policy);
    if (status == STORE_OK)
        status = audit_note(txn, e->edit == CREATE ? "policy created" : "policy changed", e->name, e->members, e->by,
                            e->now_ms);
    if (status == STORE_OK && !(e->shown = acme_policy_json(&policy)))
        status = STORE_IO;
    acme_policy_clear(&policy);
    return status;
}

static void answer_policy_edit(struct request *request, enum store_status status, struct policy_edit *e)
{
    if (status == STORE_OK) {
        log_info(e->edit == CREATE ? "the operator creates a policy" : "the operator changes a policy", "policy",
                 e->name);
        answer_money(request, e->shown);
        e->shown = NULL;
    } else if (status == STORE_EXISTS) {
        answer_error(request->answer, 409, "there is a policy \"%s\" already; policy set changes it", e->name);
    } else if (status == STORE_REFUSED) {
        answer_error(request->answer, 400, "%s", e->reason);
    } else {
        answer_store(request->answer, status, "policy");
    }
}

static void policy_change(struct request *request, enum edit edit)
{
    struct policy_edit e = {
        .edit = edit, .name = request->argument, .config = request->config, .by = &request->by, .now_ms = clock_ms()};
    if (!acme_policy_name_good(e.name)) {
        answer_error(request->answer, 400,
                     "a policy's name is 1 to %d of a-z, 0-9, '-', '_' and '.', and begins with a letter or digit",
                     ACME_POLICY_MAX);
        return;
    }
    json_t *members = body_object(request);
    if (!members)
        return;
    e.members = members;
    answer_policy_edit(request, store_call(request->admin->store, edit_policy, &e), &e);
    json_decref(e.shown);
    json_decref(members);
}

void policy_create(struct request *request)
{
    policy_change(request, CREATE);
}

void policy_set(struct request *request)
{
    policy_change(request, SET);
}

void policy_get(struct request *request)
{
    struct store_txn *txn;
    struct acme_policy policy = {0};
    enum store_status status = store_read(request->admin->store, &txn);
    if (status == STORE_OK) {
        status = acme_policy_load(txn, request->argument, &policy);
        store_read_end(txn);
    }
    if (status == STORE_OK)
        answer_money(request, acme_policy_json(&policy));
    else
        answer_store(request->answer, status, "policy");
    acme_policy_clear(&policy);
}

/* ---- deleting one ---- */

struct policy_deletion {
    const char *name;
    const struct audit_by *by;
    uint64_t now_ms;
    char key[EXTERNAL_KEY_ID_MAX + 1]; /* one that refers to it; "": none */
};

static bool refers(void *ctx, struct store_slice id, struct store_slice value)
{
    struct policy_deletion *d = ctx;
    struct external_key key;
    if (!external_key_decode(id, value, &key) || strcmp(key.policy, d->name) != 0)
        return true;
    memcpy(d->key, key.id, sizeof d->key);
    return false;
}

static enum store_status delete_policy(struct store_txn *txn, void *arg)
{
    struct policy_deletion *d = arg;
    d->key[0] = '\0';
    enum store_status status = store_visit(txn, ACME_EXTERNAL_KEYS, NULL, 0, refers, d);
    if (status == STORE_OK && d->key[0])
        return STORE_REFUSED;
    if (status == STORE_OK)
        status = acme_policy_delete(txn, d->name);
    return status == STORE_OK ? audit_note(txn, "policy deleted", d->name, NULL, d->by, d->now_ms) : status;
}

void policy_delete(struct request *request)
{
    struct policy_deletion d = {.name = request->argument, .by = &request->by, .now_ms = clock_ms()};
    struct object o;
    enum store_status status = store_call(request->admin->store, delete_policy, &d);
    if (status == STORE_REFUSED) {
        answer_error(request->answer, 409,
                     "the external account key \"%s\" refers to this policy; give it another one first", d.key);
    } else if (status != STORE_OK) {
        answer_store(request->answer, status, "policy");
    } else {
        log_info("the operator deletes a policy", "policy", d.name);
        object_begin(&o);
        object_text(&o, "deleted", d.name);
        answer_json(request->answer, 200, object_end(&o));
    }
}

/* ---- external account keys ---- */

static void put_key(struct object *o, const struct external_key *key)
{
    object_text(o, "id", key->id);
    object_text(o, "policy", key->policy);
    object_put(o, "enabled", json_boolean(key->enabled));
    object_number(o, "accounts", key->accounts);
    object_time(o, "created_ms", key->created_s * 1000);
    object_text(o, "note", key->note);
}

json_t *external_key_json(const struct external_key *key)
{
    struct object o;
    object_begin(&o);
    put_key(&o, key);
    return object_end(&o);
}

void key_get(struct request *request)
{
    struct store_txn *txn;
    struct external_key key;
    enum store_status status = store_read(request->admin->store, &txn);
    if (status == STORE_OK) {
        status = external_key_load(txn, request->argument, &key);
        store_read_end(txn);
    }
    if (status == STORE_OK)
        answer_json(request->answer, 200, external_key_json(&key));
    else
        answer_store(request->answer, status, "external account key");
}

struct key_edit {
    const char *id;            /* "": a new one with a random id */
    const char *policy, *note; /* NULL: as it is */
    int enable;                /* -1: as it is */
    bool create;
    const uint8_t *seal;
    const struct audit_by *by;
    uint64_t now_ms;
    struct external_key key;
};

static enum store_status policy_exists(struct store_txn *txn, const char *name)
{
    struct acme_policy policy;
    enum store_status status = acme_policy_load(txn, name, &policy);
    acme_policy_clear(&policy);
    return status == STORE_NOT_FOUND ? STORE_REFUSED : status;
}

static enum store_status edit_key(struct store_txn *txn, void *arg)
{
    struct key_edit *e = arg;
    struct external_key *key = &e->key;
    enum store_status status = e->policy ? policy_exists(txn, e->policy) : STORE_OK;
    if (status != STORE_OK)
        return status;
    if (e->create)
        status = external_key_make(key, e->id, e->policy, e->now_ms / 1000, e->seal) ? STORE_OK : STORE_IO;
    else
        status = external_key_load(txn, e->id, key);
    if (status != STORE_OK)
        return status;
    if (e->policy)
        snprintf(key->policy, sizeof key->policy, "%s", e->policy);
    if (e->note)
        snprintf(key->note, sizeof key->note, "%s", e->note);
    if (e->enable >= 0)
        key->enabled = e->enable;
    status = e->create ? external_key_insert(txn, key) : external_key_save(txn, key);
    if (status != STORE_OK)
        return status;
    json_t *line = external_key_json(key);
    status =
        line ? audit_note(txn, e->create ? "key created" : "key changed", key->id, line, e->by, e->now_ms) : STORE_IO;
    json_decref(line);
    return status;
}

/* Text members alone, and only these; false: answered. */
static bool read_members(struct request *request, const json_t *body, struct key_edit *e)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)body, name, value)
    {
        const char *text = json_string_value(value);
        bool known = strcmp(name, "policy") == 0 || strcmp(name, "note") == 0 || (e->create && strcmp(name, "id") == 0);
        if (!known || !text || strlen(text) > EXTERNAL_KEY_NOTE_MAX) {
            answer_error(request->answer, 400, "\"%.64s\": a key has the texts policy and note%s", name,
                         e->create ? ", and an id of your own where you wish" : "");
            return false;
        }
        if (name[0] == 'p')
            e->policy = text;
        else if (name[0] == 'n')
            e->note = text;
        else
            e->id = text;
    }
    return true;
}

static json_t *new_key_json(const struct request *request, const struct external_key *key)
{
    uint8_t mac[EXTERNAL_KEY_MAC_LEN];
    char text[BASE64URL_SIZE(EXTERNAL_KEY_MAC_LEN)], directory[ACME_URL_MAX];
    struct object o;
    if (!external_key_open(key, request->admin->seal, mac))
        return NULL;
    base64url_encode(mac, sizeof mac, text);
    snprintf(directory, sizeof directory, "%s/directory", request->config->acme.url);
    object_begin(&o);
    put_key(&o, key);
    object_text(&o, "hmac_key", text);
    object_text(&o, "directory", directory);
    OPENSSL_cleanse(mac, sizeof mac);
    OPENSSL_cleanse(text, sizeof text);
    return object_end(&o);
}

static void answer_key_edit(struct request *request, enum store_status status, const struct key_edit *e)
{
    if (status == STORE_OK) {
        log_info(e->create ? "the operator creates an external account key"
                           : "the operator changes an external account key",
                 "key", e->key.id, "policy", e->key.policy);
        answer_json(request->answer, 200, e->create ? new_key_json(request, &e->key) : external_key_json(&e->key));
    } else if (status == STORE_REFUSED) {
        answer_error(request->answer, 404, "there is no policy \"%s\"; policy create makes one", e->policy);
    } else if (status == STORE_EXISTS) {
        answer_error(request->answer, 409, "there is an external account key \"%s\" already", e->id);
    } else {
        answer_store(request->answer, status, "external account key");
    }
}

static void key_edit(struct request *request, struct key_edit *e)
{
    json_t *body = body_object(request);
    e->now_ms = clock_ms();
    e->seal = request->admin->seal;
    e->by = &request->by;
    if (!body)
        return;
    if (!read_members(request, body, e))
        goto out;
    if (e->create && *e->id && !external_key_id_good(e->id))
        answer_error(request->answer, 400, "a key's id is 1 to %d of A-Z, a-z, 0-9, '-' and '_', the first no '-'",
                     EXTERNAL_KEY_ID_MAX);
    else
        answer_key_edit(request, store_call(request->admin->store, edit_key, e), e);
out:
    json_decref(body);
}

void key_create(struct request *request)
{
    key_edit(request, &(struct key_edit){.id = "", .policy = request->argument, .enable = -1, .create = true});
}

void key_set(struct request *request)
{
    key_edit(request, &(struct key_edit){.id = request->argument, .enable = -1});
}

void key_disable(struct request *request)
{
    key_edit(request, &(struct key_edit){.id = request->argument, .enable = false});
}

void key_enable(struct request *request)
{
    key_edit(request, &(struct key_edit){.id = request->argument, .enable = true});
}
