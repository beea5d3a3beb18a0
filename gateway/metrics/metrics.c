/* metrics: the numbers. All series of all metrics lie one behind the other in one array. */
#include "gateway/metrics/metrics.h"

#include <stdatomic.h>
#include <time.h>

#include "gateway/metrics/cells.h"
#include "gateway/metrics/table.h"

static _Atomic int64_t cells[CELLS_MAX];
static unsigned first[METRIC_END];

/* Before main, so that no thread ever counts by a table that is not there. The room suffices: a test adds it up. */
__attribute__((constructor)) static void lay_out(void)
{
    unsigned at = 0;
    for (unsigned metric = 0; metric < METRIC_END; metric++) {
        const struct metric_row *row = &metric_rows[metric];
        unsigned need = metric_series_count(row) * metric_cells_each(row);
        first[metric] = at;
        for (unsigned i = 0; row->kind == METRIC_GAUGE && i < need && at + i < CELLS_MAX; i++)
            atomic_init(&cells[at + i], CELL_ABSENT);
        at += need;
    }
}

static _Atomic int64_t *cell_of(enum metric metric, const unsigned labels[static METRIC_LABELS_MAX])
{
    const struct metric_row *row = &metric_rows[metric];
    unsigned series = 0;
    for (unsigned i = 0; i < METRIC_LABELS_MAX && row->labels[i]; i++) {
        if (labels[i] >= row->labels[i]->count)
            return NULL;
        series = series * row->labels[i]->count + labels[i];
    }
    return &cells[first[metric] + series * metric_cells_each(row)];
}

void metrics_add(enum metric metric, int64_t n, const unsigned labels[static METRIC_LABELS_MAX])
{
    _Atomic int64_t *cell = cell_of(metric, labels);
    if (cell)
        atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
}

void metrics_put(enum metric metric, int64_t value, const unsigned labels[static METRIC_LABELS_MAX])
{
    _Atomic int64_t *cell = cell_of(metric, labels);
    if (cell)
        atomic_store_explicit(cell, value, memory_order_relaxed);
}

void metrics_time(enum metric metric, uint64_t us, const unsigned labels[static METRIC_LABELS_MAX])
{
    const uint64_t *ends = metric_rows[metric].buckets;
    _Atomic int64_t *cell = cell_of(metric, labels);
    unsigned at = 0, count = metric_bucket_count(&metric_rows[metric]);
    if (!cell)
        return;
    while (at < count && us > ends[at])
        at++;
    atomic_fetch_add_explicit(&cell[at], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cell[count + 1], (int64_t)us, memory_order_relaxed);
}

void metrics_forget(enum metric metric)
{
    unsigned count = metric_series_count(&metric_rows[metric]);
    for (unsigned i = 0; i < count; i++)
        atomic_store_explicit(&cells[first[metric] + i], CELL_ABSENT, memory_order_relaxed);
}

int64_t cells_read(enum metric metric, unsigned series, unsigned at)
{
    return atomic_load_explicit(&cells[first[metric] + series * metric_cells_each(&metric_rows[metric]) + at],
                                memory_order_relaxed);
}

bool metrics_histogram(enum metric metric, unsigned series, struct metric_histogram *out)
{
    const struct metric_row *row = &metric_rows[metric];
    if (row->kind != METRIC_HISTOGRAM || row->labels[1] || series >= metric_series_count(row))
        return false;
    *out = (struct metric_histogram){.of = "", .buckets = metric_bucket_count(row), .end_us = row->buckets};
    if (row->labels[0] && row->labels[0]->text(series))
        out->of = row->labels[0]->text(series);
    for (unsigned i = 0; i <= out->buckets; i++) {
        out->count[i] = cells_read(metric, series, i);
        out->all += out->count[i];
    }
    out->sum_us = cells_read(metric, series, out->buckets + 1);
    return true;
}

uint64_t metrics_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
