/* covers: acme/json.c
 *
 * Any client JSON: what is accepted can be written and read again, and is never deeper than the limit. */
#include <stdlib.h>

#include "acme/json.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned depth_of(const json_t *json)
{
    unsigned deepest = 0;
    const char *key;
    size_t i;
    json_t *member;

    if (!json_is_object(json) && !json_is_array(json))
        return 0;
    json_object_foreach((json_t *)(uintptr_t)json, key, member)
    {
        unsigned depth = depth_of(member);
        deepest = depth > deepest ? depth : deepest;
    }
    json_array_foreach(json, i, member)
    {
        unsigned depth = depth_of(member);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acme_problem problem = {0};
    json_t *json = acme_json_parse(data, size, "input", &problem);

    if (json) {
        char *text = json_dumps(json, JSON_COMPACT);
        json_t *again = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (depth_of(json) > ACME_JSON_DEPTH_MAX || !json_equal(json, again))
            abort();
        json_decref(again);
        free(text);
        json_decref(json);
    } else if (problem.type != ACME_MALFORMED) {
        abort();
    }
    acme_problem_clear(&problem);
    return 0;
}
