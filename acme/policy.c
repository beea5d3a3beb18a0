#include "acme/policy.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/libraries.h"
#include "acme/records.h"
#include "acme/tables.h"
#include "store/shortage.h"

enum { RECORD_MAX = 64 * 1024, COUNT_MAX = 1000000000 };

/* ---- the members, in the order in which they are shown ---- */

enum kind { FLAG, COUNT, TEXT, LIST, CHOICE };

static const char *const validations[] = {"acme", "trusted", NULL};
static const char *const preflights[] = {"configured", "enforce", "warn", "off", NULL};
static const char *const methods[] = {"http", "cname", NULL};

static bool email_good(const char *text)
{
    const char *sign = strchr(text, '@');
    return sign && sign != text && sign[1] && !strchr(sign + 1, '@') && !strpbrk(text, " ,;<>");
}

static bool country_good(const char *text)
{
    return strlen(text) == 2 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2;
}

static const struct member {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *const *words;       /* of a CHOICE, counted from 1, and of a LIST that takes only these */
    bool (*good)(const char *text); /* of a LIST whose texts have a form, and of a TEXT that is not empty; NULL: any */
    const char *form;               /* which one */
} members[] = {
    {"names", LIST, offsetof(struct acme_policy, names), NULL, acme_policy_pattern_good,
     "is a list of patterns in lower case: a.example, .example, web-*.example, 10.0.0.0/8 or *"},
    {"wildcards", FLAG, offsetof(struct acme_policy, wildcards), NULL, NULL, NULL},
    {"ips", FLAG, offsetof(struct acme_policy, ips), NULL, NULL, NULL},
    {"subdomains", FLAG, offsetof(struct acme_policy, subdomains), NULL, NULL, NULL},
    {"validation", CHOICE, offsetof(struct acme_policy, validation), validations, NULL, NULL},
    {"profiles", LIST, offsetof(struct acme_policy, profiles), NULL, NULL, NULL},
    {"default_profile", TEXT, offsetof(struct acme_policy, default_profile), NULL, NULL, NULL},
    {"accounts", COUNT, offsetof(struct acme_policy, accounts), NULL, NULL, NULL},
    {"orders_per_day", COUNT, offsetof(struct acme_policy, orders_per_day), NULL, NULL, NULL},
    {"names_per_order", COUNT, offsetof(struct acme_policy, names_per_order), NULL, NULL, NULL},
    {"distinct_names", COUNT, offsetof(struct acme_policy, distinct_names), NULL, NULL, NULL},
    {"certificates_per_day", COUNT, offsetof(struct acme_policy, certificates_per_day), NULL, NULL, NULL},
    {"purchases_per_day", COUNT, offsetof(struct acme_policy, purchases_per_day), NULL, NULL, NULL},
    {"purchases_per_month", COUNT, offsetof(struct acme_policy, purchases_per_month), NULL, NULL, NULL},
    {"cents_per_day", COUNT, offsetof(struct acme_policy, cents_per_day), NULL, NULL, NULL},
    {"cents_per_month", COUNT, offsetof(struct acme_policy, cents_per_month), NULL, NULL, NULL},
    {"dcv_methods", LIST, offsetof(struct acme_policy, dcv_methods), methods, NULL, NULL},
    {"preflight", CHOICE, offsetof(struct acme_policy, preflight), preflights, NULL, NULL},
    {"contact_email", TEXT, offsetof(struct acme_policy, contact_email), NULL, email_good, "is an e-mail address"},
    {"organization", TEXT, offsetof(struct acme_policy, organization), NULL, NULL, NULL},
    {"organizational_unit", TEXT, offsetof(struct acme_policy, organizational_unit), NULL, NULL, NULL},
    {"street", TEXT, offsetof(struct acme_policy, street), NULL, NULL, NULL},
    {"locality", TEXT, offsetof(struct acme_policy, locality), NULL, NULL, NULL},
    {"state", TEXT, offsetof(struct acme_policy, state), NULL, NULL, NULL},
    {"postal_code", TEXT, offsetof(struct acme_policy, postal_code), NULL, NULL, NULL},
    {"country", TEXT, offsetof(struct acme_policy, country), NULL, country_good,
     "is an ISO 3166 code: two capital letters"},
    {"keep_days", COUNT, offsetof(struct acme_policy, keep_days), NULL, NULL, NULL},
    {"revoke_others", FLAG, offsetof(struct acme_policy, revoke_others), NULL, NULL, NULL},
};
enum { MEMBERS = sizeof members / sizeof *members };

static void *at(struct acme_policy *policy, const struct member *member)
{
    return (char *)policy + member->offset;
}

static const void *at_const(const struct acme_policy *policy, const struct member *member)
{
    return (const char *)policy + member->offset;
}

static const struct member *find_member(const char *name)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    }
    return NULL;
}

/* 1 and on; 0: none of them. */
static uint32_t word_number(const char *const *words, const char *word)
{
    for (uint32_t i = 0; words[i]; i++) {
        if (strcmp(words[i], word) == 0)
            return i + 1;
    }
    return 0;
}

/* ---- clearing and making ---- */

static void list_clear(struct acme_policy_list *list)
{
    for (unsigned i = 0; i < list->count; i++)
        free(list->list[i]);
    free(list->list);
    *list = (struct acme_policy_list){0};
}

void acme_policy_clear(struct acme_policy *policy)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (members[i].kind == LIST)
            list_clear(at(policy, &members[i]));
        else if (members[i].kind == TEXT)
            free(*(char **)at(policy, &members[i]));
    }
    memset(policy, 0, sizeof *policy);
}

void acme_policy_distrust_unbound(struct acme_policy *policy, const char *external_key)
{
    if (external_key[0])
        return;
    policy->validation = ACME_POLICY_ACME;
    policy->revoke_others = 0;
}

bool acme_policy_make(const char *name, struct acme_policy *policy)
{
    *policy =
        (struct acme_policy){.wildcards = 1, .validation = ACME_POLICY_ACME, .preflight = ACME_PREFLIGHT_AS_CONFIGURED};
    bool good = snprintf(policy->name, sizeof policy->name, "%s", name) < (int)sizeof policy->name;
    for (size_t i = 0; good && i < MEMBERS; i++) {
        if (members[i].kind == TEXT)
            good = (*(char **)at(policy, &members[i]) = shortage_strdup("")) != NULL;
    }
    return good;
}

bool acme_policy_name_good(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.");
    return len > 0 && len <= ACME_POLICY_MAX && !name[len] && strchr(letters, name[0]) != NULL;
}

/* ---- from JSON ---- */

static bool complain_member(char reason[static ACME_POLICY_REASON_MAX], const char *member, const char *what)
{
    snprintf(reason, ACME_POLICY_REASON_MAX, "\"%.64s\": %s", member, what);
    return false;
}

/* Printable, without control characters: what is set here ends up in requests to Sectigo. */
static bool text_good(const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    }
    return strlen(text) <= ACME_POLICY_TEXT_MAX;
}

static bool list_from(struct acme_policy_list *list, const json_t *value, const struct member *member)
{
    size_t count = json_array_size(value);
    if (!json_is_array(value) || count > ACME_POLICY_LIST_MAX)
        return false;
    list->list = shortage_calloc(count + 1, sizeof *list->list);
    for (size_t i = 0; list->list && i < count; i++) {
        const char *text = json_string_value(json_array_get(value, i));
        if (!text || !*text || !text_good(text) || (member->words && word_number(member->words, text) == 0) ||
            (member->good && !member->good(text)))
            return false;
        if (!(list->list[list->count] = shortage_strdup(text)))
            return false;
        list->count++;
    }
    return list->list != NULL;
}

static bool set_list(struct acme_policy *policy, const struct member *member, const json_t *value)
{
    struct acme_policy_list made = {0};
    if (!list_from(&made, value, member)) {
        list_clear(&made);
        return false;
    }
    list_clear(at(policy, member));
    *(struct acme_policy_list *)at(policy, member) = made;
    return true;
}

static bool set_text(struct acme_policy *policy, const struct member *member, const json_t *value)
{
    const char *text = json_string_value(value);
    bool fits = text && text_good(text) && (!*text || !member->good || member->good(text));
    char *copy = fits ? shortage_strdup(text) : NULL;
    if (!copy)
        return false;
    free(*(char **)at(policy, member));
    *(char **)at(policy, member) = copy;
    return true;
}

static bool set_number(struct acme_policy *policy, const struct member *member, const json_t *value)
{
    uint32_t *number = at(policy, member);
    const char *word = json_string_value(value);
    if (member->kind == CHOICE) {
        uint32_t chosen = word ? word_number(member->words, word) : 0;
        if (chosen > 0)
            *number = chosen;
        return chosen > 0;
    }
    json_int_t given = json_integer_value(value);
    if (member->kind == FLAG ? !json_is_boolean(value) : !json_is_integer(value) || given < 0 || given > COUNT_MAX)
        return false;
    *number = member->kind == FLAG ? json_is_true(value) : (uint32_t)given;
    return true;
}

/* A member as it is written on a command line: true, 12, a,b,c. New reference, NULL where it is none. */
static json_t *from_text(const struct member *member, const char *text)
{
    char *end, *copy, *next, *word;
    if (member->kind == FLAG)
        return strcmp(text, "true") == 0 ? json_true() : strcmp(text, "false") == 0 ? json_false() : NULL;
    if (member->kind == COUNT)
        return *text >= '0' && *text <= '9' && strtol(text, &end, 10) >= 0 && !*end
                   ? json_integer(strtol(text, NULL, 10))
                   : NULL;
    if (!(copy = shortage_strdup(text)))
        return NULL;
    json_t *list = json_array();
    for (word = strtok_r(copy, ",", &next); word; word = strtok_r(NULL, ",", &next))
        json_array_append_new(list, json_string(word));
    free(copy);
    return list;
}

static bool set_value(struct acme_policy *policy, const struct member *member, const json_t *value)
{
    if (member->kind == TEXT)
        return set_text(policy, member, value);
    if (member->kind == CHOICE || !json_is_string(value))
        return member->kind == LIST ? set_list(policy, member, value) : set_number(policy, member, value);
    json_t *read = from_text(member, json_string_value(value));
    bool good = read && (member->kind == LIST ? set_list(policy, member, read) : set_number(policy, member, read));
    json_decref(read);
    return good;
}

static bool set_member(struct acme_policy *policy, const struct member *member, const json_t *value,
                       char reason[static ACME_POLICY_REASON_MAX])
{
    static const char *const wanted[] = {[FLAG] = "is true or false",
                                         [COUNT] = "is a number from 0 (no limit) to 1000000000",
                                         [TEXT] = "is a text of at most 255 octets",
                                         [LIST] = "is a list of texts (at most 500)"};
    if (set_value(policy, member, value))
        return true;
    if (member->good)
        return complain_member(reason, member->name, member->form);
    if (!member->words)
        return complain_member(reason, member->name, wanted[member->kind]);
    char what[128] = "may be";
    for (size_t i = 0, len = strlen(what); member->words[i] && len < sizeof what; i++)
        len += (size_t)snprintf(what + len, sizeof what - len, "%s %s", i ? "," : "", member->words[i]);
    return complain_member(reason, member->name, what);
}

/* ---- to JSON ---- */

static json_t *list_json(const struct acme_policy_list *list)
{
    json_t *json = json_array();
    int failed = json == NULL;
    for (unsigned i = 0; i < list->count; i++)
        failed |= json_array_append_new(json, json_string(list->list[i]));
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static json_t *member_json(const struct acme_policy *policy, const struct member *member)
{
    const void *field = at_const(policy, member);
    switch (member->kind) {
    case LIST:
        return list_json(field);
    case TEXT:
        return json_string(*(char *const *)field);
    case FLAG:
        return json_boolean(*(const uint32_t *)field != 0);
    case CHOICE:
        return json_string(member->words[*(const uint32_t *)field - 1]);
    default:
        return json_integer(*(const uint32_t *)field);
    }
}

json_t *acme_policy_json(const struct acme_policy *policy)
{
    json_t *json = json_object();
    int failed = json_object_set_new(json, "name", json_string(policy->name));
    for (size_t i = 0; i < MEMBERS; i++)
        failed |= json_object_set_new(json, members[i].name, member_json(policy, &members[i]));
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* Into a policy that is dropped where this fails. */
static bool set_members(struct acme_policy *policy, const json_t *object, char reason[static ACME_POLICY_REASON_MAX])
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        const struct member *member = find_member(name);
        if (!member)
            return complain_member(reason, name, "a policy has no such member");
        if (!set_member(policy, member, value, reason))
            return false;
    }
    return true;
}

bool acme_policy_set(struct acme_policy *policy, const json_t *object, char reason[static ACME_POLICY_REASON_MAX])
{
    struct acme_policy changed = {0};
    json_t *now = acme_policy_json(policy);
    bool good = now && acme_policy_make(policy->name, &changed);
    for (size_t i = 0; good && i < MEMBERS; i++)
        good = set_member(&changed, &members[i], json_object_get(now, members[i].name), reason);
    json_decref(now);
    if (!good || !json_is_object(object)) {
        acme_policy_clear(&changed);
        return complain_member(reason, "policy", good ? "is an object" : "the server is short of memory");
    }
    if (!set_members(&changed, object, reason)) {
        acme_policy_clear(&changed);
        return false;
    }
    acme_policy_clear(policy);
    *policy = changed;
    return true;
}

/* ---- the store ---- */

static bool decode_policy(struct store_slice value, struct acme_policy *policy)
{
    struct record_reader r;
    char reason[ACME_POLICY_REASON_MAX];
    record_open_v1(&r, value);
    struct store_slice text = record_get_bytes(&r);
    if (!record_complete(&r))
        return false;
    json_t *json = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    json_object_del(json, "name");
    bool good = json_is_object(json) && set_members(policy, json, reason);
    json_decref(json);
    return good;
}

static bool allow_everything(struct acme_policy *policy)
{
    policy->builtin = true;
    policy->ips = policy->subdomains = 1;
    policy->names.list = shortage_calloc(1, sizeof *policy->names.list);
    if (policy->names.list && (policy->names.list[0] = shortage_strdup("*")))
        policy->names.count = 1;
    return policy->names.count == 1;
}

enum store_status acme_policy_load(struct store_txn *txn, const char *name, struct acme_policy *policy)
{
    struct store_slice value;
    if (!acme_policy_make(name, policy))
        return STORE_IO;
    enum store_status status = *name ? store_get(txn, ACME_POLICIES, name, strlen(name), &value) : STORE_NOT_FOUND;
    if (status == STORE_OK)
        return decode_policy(value, policy) ? STORE_OK : STORE_INVALID;
    if (status != STORE_NOT_FOUND || strcmp(name, ACME_POLICY_DEFAULT) != 0)
        return status;
    return allow_everything(policy) ? STORE_OK : STORE_IO;
}

/* What is stored: the members that are not as they come. It is read several times for every order, so it is kept short;
 * and a member added later stands in no record that does not use it. */
static json_t *stored_json(const struct acme_policy *policy)
{
    struct acme_policy plain;
    json_t *json = acme_policy_json(policy), *standard = NULL;
    if (acme_policy_make(policy->name, &plain))
        standard = acme_policy_json(&plain);
    acme_policy_clear(&plain);
    if (!json || !standard) {
        json_decref(json);
        json_decref(standard);
        return NULL;
    }
    json_object_del(json, "name");
    for (size_t i = 0; i < MEMBERS; i++) {
        const char *name = members[i].name;
        if (json_equal(json_object_get(json, name), json_object_get(standard, name)))
            json_object_del(json, name);
    }
    json_decref(standard);
    return json;
}

enum store_status acme_policy_save(struct store_txn *txn, const struct acme_policy *policy)
{
    struct record_writer w;
    enum store_status status = STORE_IO;
    json_t *json = stored_json(policy);
    char *text = json ? libraries_dump(json, JSON_COMPACT) : NULL;
    record_begin(&w, 1, RECORD_MAX);
    if (text)
        record_put_bytes(&w, text, strlen(text));
    if (text && !w.failed)
        status = store_put(txn, ACME_POLICIES, policy->name, strlen(policy->name), w.data, w.len);
    record_free(&w);
    free(text);
    json_decref(json);
    return status;
}

enum store_status acme_policy_delete(struct store_txn *txn, const char *name)
{
    return *name ? store_delete(txn, ACME_POLICIES, name, strlen(name)) : STORE_NOT_FOUND;
}
