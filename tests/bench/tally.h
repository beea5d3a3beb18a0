/* tally: times measured, and their percentiles. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stddef.h>
#include <stdint.h>

struct tally {
    uint32_t *us; /* malloc'd */
    size_t count, capacity;
};

/* A time that finds no memory is left out. */
void tally_add(struct tally *tally, uint64_t us);
/* Sorts. The smallest time that is not exceeded by this share (0 to 1) of all; 0 where there are none. */
uint32_t tally_quantile(struct tally *tally, double share);
/* Adds all of other. */
void tally_merge(struct tally *tally, const struct tally *other);
void tally_free(struct tally *tally);

#endif
