/* days: what was issued and spent each day (gateway/days.h). */
#include "gateway/days.h"

#include <time.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/operate/object.h"
#include "gateway/operate/overview/rows.h"

/* Where nobody says how many. */
enum { DAYS_SHOWN = 30 };

struct series {
    struct rows rows;
    uint32_t next, end; /* days since 1970: the first that has no row yet, and the one behind the last */
};

static void add_day(struct series *series, const int64_t numbers[static DAY_NUMBERS])
{
    struct object o;
    object_begin(&o);
    rows_day(&o, series->next++);
    object_put(&o, "certificates", json_integer(numbers[DAY_CERTIFICATES]));
    object_put(&o, "purchases", json_integer(numbers[COST_PURCHASES]));
    object_put(&o, "replacements", json_integer(numbers[COST_REPLACEMENTS]));
    object_put(&o, "refunds", json_integer(numbers[COST_REFUNDS]));
    object_put(&o, "amount_cents", json_integer(numbers[COST_AMOUNT_CENTS]));
    rows_add(&series->rows, object_end(&o));
}

/* The days until then, on which nothing was. */
static void add_quiet(struct series *series, uint32_t until)
{
    while (series->next < until && !series->rows.failed)
        add_day(series, (const int64_t[DAY_NUMBERS]){0});
}

static bool take_day(void *ctx, uint32_t day, const int64_t numbers[static DAY_NUMBERS])
{
    struct series *series = ctx;
    if (day >= series->end)
        return false;
    add_quiet(series, day);
    add_day(series, numbers);
    return !series->rows.failed;
}

void days_get(struct request *request)
{
    struct store_txn *txn;
    uint32_t today = (uint32_t)(clock_ms() / DAY_MS), days = request->days ? request->days : DAYS_SHOWN;
    struct series series = {.next = today + 1 - days, .end = today + 1};
    rows_begin(&series.rows);
    enum store_status status = store_read(request->admin->store, &txn);
    if (status == STORE_OK) {
        status = days_visit(txn, series.next, take_day, &series);
        store_read_end(txn);
    }
    if (status == STORE_OK)
        add_quiet(&series, series.end);
    rows_answer(&series.rows, request, status, "days");
}
