/* Policies come from the operator's command line as JSON, policies and external account keys from a store that may be
 * damaged: whatever the octets, reading must stay inside them, and what is accepted must be shown and stored so that it
 * is read as the same again. A name is then tried against the policy's patterns.
 *
 * The first octet chooses: members of a policy, with a name behind a NUL; the record of a policy; that of a key. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acme/external_key.c"
#include "acme/policy.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct acme_policy *policy)
{
    struct acme_policy again;
    char reason[ACME_POLICY_REASON_MAX];
    json_t *json = acme_policy_json(policy);
    if (!json || !acme_policy_make("p", &again))
        abort();
    json_object_del(json, "name");
    if (!acme_policy_set(&again, json, reason))
        abort();
    json_t *second = acme_policy_json(&again);
    json_object_del(second, "name");
    if (!second || !json_equal(json, second))
        abort();
    json_decref(json);
    json_decref(second);
    acme_policy_clear(&again);
}

static void try_name(const struct acme_policy *policy, const char *text, size_t len)
{
    static const char *const types[] = {"dns", "ip"};
    struct acme_identifier name;
    struct acme_problem problem = {0};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (identifier_parse(types[i], text, len, &name, &problem))
            acme_policy_allows(policy, &name);
        acme_problem_clear(&problem);
    }
}

static void policy_members(struct store_slice text)
{
    struct acme_policy policy;
    char reason[ACME_POLICY_REASON_MAX];
    const uint8_t *end = memchr(text.data, '\0', text.len);
    size_t len = end ? (size_t)(end - text.data) : text.len;
    json_t *json = json_loadb((const char *)text.data, len, JSON_REJECT_DUPLICATES, NULL);
    if (json && acme_policy_make("p", &policy)) {
        if (acme_policy_set(&policy, json, reason))
            check_same(&policy);
        if (end)
            try_name(&policy, (const char *)end + 1, text.len - len - 1);
        acme_policy_clear(&policy);
    }
    json_decref(json);
}

static void policy_record(struct store_slice value)
{
    struct acme_policy policy;
    if (!acme_policy_make("p", &policy))
        abort();
    if (decode_policy(value, &policy))
        check_same(&policy);
    acme_policy_clear(&policy);
}

static void key_record(struct store_slice value)
{
    struct external_key key;
    struct record_writer w;
    if (!external_key_decode((struct store_slice){(const uint8_t *)"k", 1}, value, &key))
        return;
    if (!encode_key(&key, &w) || w.len != value.len || memcmp(w.data, value.data, w.len) != 0)
        abort();
    record_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(struct store_slice) = {policy_members, policy_record, key_record};
    if (size > 1 && size <= RECORD_MAX)
        kinds[data[0] % 3]((struct store_slice){data + 1, size - 1});
    return 0;
}
