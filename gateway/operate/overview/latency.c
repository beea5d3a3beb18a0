/* latency: how long things take, from the histograms that are counted for the metrics: since the start. */
#include "gateway/metrics/metrics.h"
#include "gateway/operate/overview/rows.h"

/* The upper end of the bucket in which that part of all lies; null: beyond the last. */
static json_t *within(const struct metric_histogram *h, double part)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < h->buckets; i++) {
        sum += h->count[i];
        if (sum > 0 && (double)sum >= part * (double)h->all)
            return json_real((double)h->end_us[i] / 1e6);
    }
    return json_null();
}

static json_t *buckets_json(const struct metric_histogram *h)
{
    json_t *list = json_array();
    for (unsigned i = 0; list && i <= h->buckets; i++) {
        json_t *end = i < h->buckets ? json_real((double)h->end_us[i] / 1e6) : json_null();
        if (json_array_append_new(
                list, json_pack("{s:o, s:I}", "up_to_seconds", end, "count", (json_int_t)h->count[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *latency_row(const char *what, const struct metric_histogram *h)
{
    struct object o;
    object_begin(&o);
    object_text(&o, "what", what);
    object_text(&o, "of", h->of);
    object_put(&o, "count", json_integer(h->all));
    object_put(&o, "mean_seconds", json_real((double)h->sum_us / 1e6 / (double)h->all));
    object_put(&o, "half_within_seconds", within(h, 0.5));
    object_put(&o, "most_within_seconds", within(h, 0.95));
    object_put(&o, "buckets", buckets_json(h));
    return object_end(&o);
}

void latency_get(struct request *request)
{
    static const struct {
        enum metric metric;
        const char *what;
    } shown[] = {{METRIC_ISSUANCE_DURATION, "time to certificate"},
                 {METRIC_CALL_DURATION, "call to Sectigo"},
                 {METRIC_REQUEST_DURATION, "request"},
                 {METRIC_COMMIT_DURATION, "commit"}};
    struct metric_histogram h;
    struct rows rows;
    rows_begin(&rows);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        for (unsigned series = 0; metrics_histogram(shown[i].metric, series, &h); series++) {
            if (h.all > 0)
                rows_add(&rows, latency_row(shown[i].what, &h));
        }
    }
    rows_answer(&rows, request, STORE_OK, "latencies");
}
