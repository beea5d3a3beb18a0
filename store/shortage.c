#include "store/shortage.h"

#include <stdlib.h>
#include <string.h>

static __thread unsigned missed;

unsigned shortage_count(void)
{
    return missed;
}

void shortage_note(void)
{
    missed++;
}

void *shortage_malloc(size_t size)
{
    void *got = malloc(size);
    if (!got && size > 0)
        shortage_note();
    return got;
}

void *shortage_calloc(size_t count, size_t size)
{
    void *got = calloc(count, size);
    if (!got && count > 0 && size > 0)
        shortage_note();
    return got;
}

void *shortage_realloc(void *old, size_t size)
{
    void *got = realloc(old, size);
    if (!got && size > 0)
        shortage_note();
    return got;
}

char *shortage_strdup(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        shortage_note();
    return copy;
}
