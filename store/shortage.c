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

static void *miss(void)
{
    shortage_note();
    return NULL;
}

void *shortage_malloc(size_t size)
{
    void *got = malloc(size);
    return got || size == 0 ? got : miss();
}

void *shortage_calloc(size_t count, size_t size)
{
    void *got = calloc(count, size);
    return got || count == 0 || size == 0 ? got : miss();
}

void *shortage_realloc(void *old, size_t size)
{
    void *got = realloc(old, size);
    return got || size == 0 ? got : miss();
}

char *shortage_strdup(const char *text)
{
    char *copy = strdup(text);
    return copy ? copy : miss();
}
