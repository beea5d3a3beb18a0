#include "acme/jws.h"

/* jansson's own limit is 2048 and fixed: brackets are counted before it may recurse. What is not JSON at all may be
 * counted wrongly, and is refused by the parser then. */
static bool too_deep(const char *text, size_t len)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '"':
            in_string = !in_string;
            break;
        case '\\':
            i += in_string; /* whatever is escaped does not end the string */
            break;
        case '{':
        case '[':
            if (!in_string && ++depth > ACME_JSON_DEPTH_MAX)
                return true;
            break;
        case '}':
        case ']':
            if (!in_string && depth > 0)
                depth--;
            break;
        default:
            break;
        }
    }
    return false;
}

/* Members that are null go, at any depth; elements of arrays stay. The depth is bounded already. */
static void drop_null_members(json_t *json)
{
    const char *name;
    void *next;
    size_t i;
    json_t *value;

    json_object_foreach_safe(json, next, name, value)
    {
        if (json_is_null(value))
            json_object_del(json, name);
        else
            drop_null_members(value);
    }
    json_array_foreach(json, i, value) drop_null_members(value);
}

json_t *acme_json_parse(const void *data, size_t len, const char *what, struct acme_problem *problem)
{
    json_error_t error;

    if (len == 0) {
        acme_problem_set(problem, ACME_MALFORMED, "The %s is empty; JSON is expected", what);
        return NULL;
    }
    if (too_deep(data, len)) {
        acme_problem_set(problem, ACME_MALFORMED, "The %s is nested more than %d levels deep", what,
                         ACME_JSON_DEPTH_MAX);
        return NULL;
    }
    json_t *json = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        acme_problem_set(problem, ACME_MALFORMED, "The %s is not valid JSON: %s (octet %d)", what, error.text,
                         error.position);
    drop_null_members(json);
    return json;
}
