/* covers: acme/identifier.c
 *
 * Names: what is accepted is in canonical form, so that two spellings never count as two names. */
#include <stdlib.h>

#include "acme/identifier.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try(const char *type, const uint8_t *data, size_t size)
{
    struct acme_problem problem = {0};
    struct acme_identifier first, second;

    if (identifier_parse(type, (const char *)data, size, &first, &problem)) {
        if (!identifier_parse(type, first.value, strlen(first.value), &second, &problem) ||
            strcmp(first.value, second.value) != 0 || strpbrk(first.value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ/_ "))
            abort();
    } else if (problem.type == ACME_PROBLEM_NONE) {
        abort();
    }
    acme_problem_clear(&problem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try("dns", data, size);
    try("ip", data, size);
    try("email", data, size); /* which nobody has here */
    return 0;
}
