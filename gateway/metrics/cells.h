/* cells: where the numbers are. Inside this room only. */
#ifndef GATEWAY_METRICS_CELLS_H
#define GATEWAY_METRICS_CELLS_H

#include "gateway/metrics/metrics.h"

enum { CELLS_MAX = 8192 };
/* Of a gauge that has not been set. */
#define CELL_ABSENT INT64_MIN

/* The at-th number of a series of the metric. Any thread. */
int64_t cells_read(enum metric metric, unsigned series, unsigned at);

#endif
