/* render: the table and its numbers as text: for Prometheus (text format 0.0.4), and for the manual. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/metrics/cells.h"
#include "gateway/metrics/table.h"

/* Of a metric with more series than this, those that are 0 are left out. */
enum { SHOWN_MAX = 64, LABELS_TEXT_MAX = 512 };

/* `name="value",...` of a series, without braces; "" where it has no labels. False: it has a value that is none. */
static bool write_labels(const struct metric_row *row, unsigned series, char text[static LABELS_TEXT_MAX])
{
    unsigned values[METRIC_LABELS_MAX], count = 0;
    int len = 0;
    while (count < METRIC_LABELS_MAX && row->labels[count])
        count++;
    for (unsigned i = count; i-- > 0; series /= row->labels[i]->count)
        values[i] = series % row->labels[i]->count;
    text[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        const char *value = row->labels[i]->text(values[i]);
        if (!value)
            return false;
        len += snprintf(text + len, LABELS_TEXT_MAX - (size_t)len, "%s%s=\"%s\"", i > 0 ? "," : "",
                        row->labels[i]->name, value);
    }
    return true;
}

static void write_number(FILE *out, int64_t value, int64_t unit)
{
    int digits = 0;
    for (int64_t rest = unit; rest > 1; rest /= 10)
        digits++;
    if (unit == 0)
        fprintf(out, " %" PRId64 "\n", value);
    else
        fprintf(out, " %.*f\n", digits, (double)value / (double)unit);
}

static void write_sample(FILE *out, const char *name, const char *suffix, const char *labels, int64_t value,
                         int64_t unit)
{
    fprintf(out, "%s%s", name, suffix);
    if (labels[0])
        fprintf(out, "{%s}", labels);
    write_number(out, value, unit);
}

static void write_bucket(FILE *out, const struct metric_row *row, const char *labels, const char *end, int64_t count)
{
    fprintf(out, "%s_bucket{%s%sle=\"%s\"} %" PRId64 "\n", row->name, labels, labels[0] ? "," : "", end, count);
}

static void write_histogram(FILE *out, enum metric metric, unsigned series, const char *labels)
{
    const struct metric_row *row = &metric_rows[metric];
    unsigned buckets = metric_bucket_count(row);
    char end[32];
    int64_t count = 0;
    for (unsigned i = 0; i < buckets; i++) {
        count += cells_read(metric, series, i);
        snprintf(end, sizeof end, "%g", (double)row->buckets[i] / 1e6);
        write_bucket(out, row, labels, end, count);
    }
    count += cells_read(metric, series, buckets);
    write_bucket(out, row, labels, "+Inf", count);
    write_sample(out, row->name, "_sum", labels, cells_read(metric, series, buckets + 1), 1000000);
    write_sample(out, row->name, "_count", labels, count, 0);
}

static const char *type_of(const struct metric_row *row)
{
    return row->kind == METRIC_COUNTER ? "counter" : row->kind == METRIC_HISTOGRAM ? "histogram" : "gauge";
}

/* The text format knows two escapes in a help text, of which ours needs neither. */
static void write_metric(FILE *out, enum metric metric)
{
    const struct metric_row *row = &metric_rows[metric];
    unsigned count = metric_series_count(row);
    char labels[LABELS_TEXT_MAX];
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, type_of(row));
    for (unsigned series = 0; series < count; series++) {
        int64_t value = cells_read(metric, series, 0);
        if (!write_labels(row, series, labels) || value == CELL_ABSENT)
            continue;
        if (row->kind == METRIC_HISTOGRAM)
            write_histogram(out, metric, series, labels);
        else if (value != 0 || count <= SHOWN_MAX)
            write_sample(out, row->name, "", labels, value, row->unit);
    }
}

char *metrics_render(size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (!out)
        return NULL;
    for (unsigned metric = 0; metric < METRIC_END; metric++)
        write_metric(out, metric);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static void write_row(FILE *out, const struct metric_row *row)
{
    fprintf(out, "| `%s` | %s | ", row->name, type_of(row));
    for (unsigned i = 0; i < METRIC_LABELS_MAX && row->labels[i]; i++)
        fprintf(out, "%s`%s`", i > 0 ? " " : "", row->labels[i]->name);
    fprintf(out, " | %s |\n", row->help);
}

char *metrics_manual(void)
{
    size_t len;
    char *text = NULL;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    fputs("| name | type | labels | what it says |\n|---|---|---|---|\n", out);
    for (unsigned metric = 0; metric < METRIC_END; metric++)
        write_row(out, &metric_rows[metric]);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
