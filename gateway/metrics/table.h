/* table: what a row of the table of metrics says. Inside this room only. */
#ifndef GATEWAY_METRICS_TABLE_H
#define GATEWAY_METRICS_TABLE_H

#include <stddef.h>

#include "gateway/metrics/metrics.h"

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,     /* shown once it was set */
    METRIC_LEVEL,     /* a gauge that is counted up and down, from 0 */
    METRIC_HISTOGRAM, /* of microseconds */
};

enum { NAMES_MAX = 32, NAME_MAX_LEN = 64 };

struct metric_label {
    const char *name;
    unsigned count;
    /* NULL: no such value, and no series of it */
    const char *(*text)(unsigned value);
};

struct metric_row {
    const char *name;
    enum metric_kind kind;
    int64_t unit; /* what is kept is divided by it to be what is shown; 0: as it is */
    const struct metric_label *labels[METRIC_LABELS_MAX];
    const uint64_t *buckets; /* of a histogram: upper ends in microseconds, 0 behind the last */
    const char *help;
};

extern const struct metric_row metric_rows[METRIC_END];

unsigned metric_bucket_count(const struct metric_row *row);
/* Of all labels together. */
unsigned metric_series_count(const struct metric_row *row);
/* What one series of the row keeps. */
unsigned metric_cells_each(const struct metric_row *row);

#endif
