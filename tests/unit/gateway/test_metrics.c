/* The table of metrics has room, names and labels that Prometheus takes; numbers are counted and shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/metrics/cells.h"
#include "gateway/metrics/table.h"

static void test_room(void **state)
{
    unsigned need = 0;
    (void)state;
    for (unsigned i = 0; i < METRIC_END; i++)
        need += metric_series_count(&metric_rows[i]) * metric_cells_each(&metric_rows[i]);
    assert_in_range(need, 1, CELLS_MAX);
}

/* prometheus.io/docs/practices/naming: what a counter ends with, and nothing else does. */
static void test_rows(void **state)
{
    (void)state;
    for (unsigned i = 0; i < METRIC_END; i++) {
        const struct metric_row *row = &metric_rows[i];
        size_t len = row->name ? strlen(row->name) : 0;
        if (len < 7 || !row->help)
            fail_msg("row %u says nothing", i);
        bool total = strcmp(row->name + len - 6, "_total") == 0;
        if (total != (row->kind == METRIC_COUNTER) || (row->kind == METRIC_HISTOGRAM) != (row->buckets != NULL))
            fail_msg("%s", row->name);
        for (unsigned b = 1; b < metric_bucket_count(row); b++)
            assert_true(row->buckets[b] > row->buckets[b - 1]);
        for (unsigned other = 0; other < i; other++)
            assert_string_not_equal(row->name, metric_rows[other].name);
    }
}

/* No value of a label stands twice, which would be two series of one name. */
static void test_labels(void **state)
{
    (void)state;
    for (unsigned i = 0; i < METRIC_END; i++) {
        for (unsigned l = 0; l < METRIC_LABELS_MAX && metric_rows[i].labels[l]; l++) {
            const struct metric_label *label = metric_rows[i].labels[l];
            for (unsigned a = 0; a < label->count; a++) {
                for (unsigned b = 0; label->text(a) && b < a; b++)
                    if (label->text(b) && strcmp(label->text(a), label->text(b)) == 0)
                        fail_msg("%s has %s twice", label->name, label->text(a));
            }
        }
    }
}

static void assert_shown(const char *line)
{
    size_t len;
    char *text = metrics_render(&len);
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    if (!strstr(text, line))
        fail_msg("%s is missing in:\n%s", line, text);
    free(text);
}

static void assert_not_shown(const char *line)
{
    size_t len;
    char *text = metrics_render(&len);
    assert_non_null(text);
    assert_null(strstr(text, line));
    free(text);
}

static void test_counting(void **state)
{
    (void)state;
    metrics_count(METRIC_PUSHES, METRIC_PUSH_TAKEN);
    metrics_count(METRIC_PUSHES, METRIC_PUSH_TAKEN);
    metrics_change(METRIC_SPENT, 3550, metrics_login("main"));
    metrics_change(METRIC_CONNECTIONS, 2, METRIC_ACME);
    metrics_change(METRIC_CONNECTIONS, -1, METRIC_ACME);
    metrics_count(METRIC_PUSHES, 99); /* no such label: nothing */
    assert_shown("\nacmegate_pushes_total{result=\"taken\"} 2\n");
    assert_shown("\nacmegate_spent_total{login=\"main\"} 35.50\n");
    assert_shown("\nacmegate_connections{listener=\"acme\"} 1\n");
}

static void test_histogram(void **state)
{
    (void)state;
    metrics_observe(METRIC_COMMIT_DURATION, 400, 0);
    metrics_observe(METRIC_COMMIT_DURATION, 500, 0);
    metrics_observe(METRIC_COMMIT_DURATION, 3000, 0);
    metrics_observe(METRIC_COMMIT_DURATION, 60000000, 0);
    assert_shown("\nacmegate_store_commit_duration_seconds_bucket{le=\"0.0005\"} 2\n");
    assert_shown("\nacmegate_store_commit_duration_seconds_bucket{le=\"0.005\"} 3\n");
    assert_shown("\nacmegate_store_commit_duration_seconds_bucket{le=\"5\"} 3\n");
    assert_shown("\nacmegate_store_commit_duration_seconds_bucket{le=\"+Inf\"} 4\n");
    assert_shown("\nacmegate_store_commit_duration_seconds_sum 60.003900\n");
    assert_shown("\nacmegate_store_commit_duration_seconds_count 4\n");
}

static void test_gauge_is_absent_until_it_is_set(void **state)
{
    (void)state;
    assert_not_shown("\nacmegate_spending_limit{");
    metrics_set(METRIC_AMOUNT_LIMIT, 0, metrics_policy("shop"), METRIC_DAY);
    metrics_set(METRIC_AMOUNT_LIMIT, 1250, metrics_policy("shop"), METRIC_MONTH_WINDOW);
    assert_shown("\nacmegate_spending_limit{policy=\"shop\",window=\"month\"} 12.50\n");
    metrics_forget(METRIC_AMOUNT_LIMIT);
    assert_not_shown("\nacmegate_spending_limit{");
}

/* However many logins and policies people invent, and whatever they call them. */
static void test_names_are_bounded(void **state)
{
    char name[32];
    (void)state;
    unsigned hostile = metrics_policy("a\"b\\c\nd");
    metrics_set(METRIC_COUNTED, 7, hostile, METRIC_DAY);
    assert_shown("{policy=\"a_b_c_d\",window=\"day\"} 7\n");
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "policy-%u", i);
        metrics_set(METRIC_COUNTED, 1000 + i, metrics_policy(name), METRIC_DAY);
    }
    assert_shown("{policy=\"other\",window=\"day\"} 1099\n");
    assert_not_shown("policy-99");
    assert_int_equal(metrics_policy("policy-0"), metrics_policy("policy-0"));
    assert_int_equal(metrics_policy("policy-99"), NAMES_MAX);
}

static void test_agents(void **state)
{
    size_t len;
    char *text;
    (void)state;
    metrics_set(METRIC_GAVE_UP, 3, metrics_agent("CertbotACMEClient/2.1.0 (certbot; Debian)"));
    metrics_set(METRIC_GAVE_UP, 4, metrics_agent("cert-manager-challenges/v1.13 lego"));
    metrics_set(METRIC_GAVE_UP, 5, metrics_agent(NULL));
    text = metrics_render(&len);
    assert_non_null(strstr(text, "{client=\"certbot\"} 3\n"));
    assert_non_null(strstr(text, "{client=\"cert-manager\"} 4\n"));
    assert_non_null(strstr(text, "{client=\"other\"} 5\n"));
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_gauge_is_absent_until_it_is_set),
        cmocka_unit_test(test_names_are_bounded),
        cmocka_unit_test(test_agents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
