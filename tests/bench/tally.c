#include "tally.h"

#include <math.h>
#include <stdlib.h>

void tally_add(struct tally *tally, uint64_t us)
{
    if (tally->count == tally->capacity) {
        size_t capacity = tally->capacity > 0 ? 2 * tally->capacity : 1024;
        uint32_t *grown = realloc(tally->us, capacity * sizeof *grown);
        if (grown == NULL)
            return;
        tally->us = grown;
        tally->capacity = capacity;
    }
    tally->us[tally->count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint32_t tally_quantile(struct tally *tally, double share)
{
    if (tally->count == 0)
        return 0;
    qsort(tally->us, tally->count, sizeof *tally->us, compare);
    double rank = ceil(share * (double)tally->count);
    return tally->us[rank < 1 ? 0 : (size_t)rank - 1];
}

void tally_merge(struct tally *tally, const struct tally *other)
{
    for (size_t i = 0; i < other->count; i++)
        tally_add(tally, other->us[i]);
}

void tally_free(struct tally *tally)
{
    free(tally->us);
    *tally = (struct tally){0};
}
