#include "acme/identifier.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "store/shortage.h"

static int compare_identifiers(const struct acme_identifier *a, const struct acme_identifier *b)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): all below count are filled */
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return strcmp(a->value, b->value);
}

/* Where identifier is, or would have to be inserted. */
static size_t place(const struct acme_names *names, const struct acme_identifier *identifier, bool *found)
{
    size_t low = 0, high = names->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_identifiers(identifier, &names->list[middle]);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Room for one more: doubled whenever count is a power of two. */
static bool grow(struct acme_names *names)
{
    if (names->count & (names->count - 1))
        return true;
    struct acme_identifier *list = shortage_realloc(names->list, (names->count ? names->count * 2 : 1) * sizeof *list);
    if (!list)
        return false;
    names->list = list;
    return true;
}

bool names_add(struct acme_names *names, const struct acme_identifier *identifier)
{
    bool found;
    size_t i = place(names, identifier, &found);

    if (found)
        return true;
    if (!grow(names))
        return false;
    memmove(&names->list[i + 1], &names->list[i], (names->count - i) * sizeof *names->list);
    names->list[i] = *identifier;
    names->count++;
    return true;
}

bool names_append(struct acme_names *names, const struct acme_identifier *identifier)
{
    if (names->count > 0 && compare_identifiers(&names->list[names->count - 1], identifier) >= 0)
        return false;
    return names_add(names, identifier);
}

bool names_equal(const struct acme_names *a, const struct acme_names *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (compare_identifiers(&a->list[i], &b->list[i]) != 0)
            return false;
    }
    return true;
}

bool names_contain(const struct acme_names *names, const struct acme_identifier *identifier)
{
    bool found;
    place(names, identifier, &found);
    return found;
}

bool names_copy(struct acme_names *to, const struct acme_names *from)
{
    struct acme_names copy = {0};

    for (size_t i = 0; i < from->count; i++) {
        if (!names_add(&copy, &from->list[i])) {
            names_clear(&copy);
            return false;
        }
    }
    *to = copy;
    return true;
}

void names_clear(struct acme_names *names)
{
    free(names->list);
    names->list = NULL;
    names->count = 0;
}

bool names_digest(const struct acme_names *names, unsigned char digest[static 32])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

    for (size_t i = 0; ok && i < names->count; i++) {
        const struct acme_identifier *name = &names->list[i];
        unsigned char type = (unsigned char)name->type;
        ok = EVP_DigestUpdate(ctx, &type, 1) == 1 && /* the final NUL is the separator */
             EVP_DigestUpdate(ctx, name->value, strlen(name->value) + 1) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

bool problem_add_sub(struct acme_problem *problem, const struct acme_problem *sub, json_t *identifier)
{
    json_t *document = acme_problem_json(sub);
    json_t *list = json_object_get(problem->extra, "subproblems");

    if (!problem->extra)
        problem->extra = json_object();
    if (!list) {
        list = json_array();
        if (json_object_set_new(problem->extra, "subproblems", list) != 0)
            list = NULL;
    }
    json_object_del(document, "status"); /* RFC 8555 section 6.7.1: a document has one */
    bool ok = json_object_set_new(document, "identifier", identifier) == 0 && json_array_append(list, document) == 0;
    json_decref(document);
    return ok;
}

static bool parse_entry(const json_t *entry, struct acme_identifier *out, struct acme_problem *problem)
{
    const char *type = json_string_value(json_object_get(entry, "type"));
    const json_t *value = json_object_get(entry, "value");

    if (!type || !json_is_string(value))
        return acme_problem_set(problem, ACME_MALFORMED,
                                "Each identifier must be an object with the strings \"type\" and \"value\"");
    return identifier_parse(type, json_string_value(value), json_string_length(value), out, problem);
}

/* Turns what is in *problem, `bad` refusals so far, and one more into what the client gets: the first alone as it is,
 * several as one compound problem. */
static void collect_problem(struct acme_problem *problem, size_t bad, const struct acme_problem *sub,
                            const json_t *entry)
{
    json_t *identifier =
        json_pack("{s:O*, s:O*}", "type", json_object_get(entry, "type"), "value", json_object_get(entry, "value"));
    json_t *extra = problem->extra;

    problem->extra = NULL;
    if (bad == 0)
        acme_problem_set(problem, sub->type, "%s", sub->detail);
    else
        acme_problem_set(problem, ACME_COMPOUND, "%zu identifiers are refused; see subproblems", bad + 1);
    problem->extra = extra;
    problem_add_sub(problem, sub, identifier);
}

bool names_parse(const json_t *array, size_t max, struct acme_names *out, struct acme_problem *problem)
{
    size_t bad = 0, i;
    const json_t *entry;

    memset(out, 0, sizeof *out);
    if (!json_is_array(array) || json_array_size(array) == 0)
        return acme_problem_set(problem, ACME_MALFORMED, "The order needs an array \"identifiers\" of at least one");
    if (json_array_size(array) > max)
        return acme_problem_set(problem, ACME_MALFORMED, "The order has %zu identifiers; at most %zu are accepted",
                                json_array_size(array), max);
    acme_problem_clear(problem);
    json_array_foreach(array, i, entry)
    {
        struct acme_identifier identifier;
        struct acme_problem sub = {0};
        if (!parse_entry(entry, &identifier, &sub)) {
            collect_problem(problem, bad++, &sub, entry);
        } else if (!names_add(out, &identifier)) {
            names_clear(out);
            return acme_problem_out_of_memory(problem);
        }
        acme_problem_clear(&sub);
    }
    if (bad > 0)
        names_clear(out);
    return bad == 0;
}
