#include "gateway/operate/overview/rows.h"

#include <time.h>

#include "acme/durations.h"

void rows_begin(struct rows *rows)
{
    *rows = (struct rows){.items = json_array()};
    rows->failed = !rows->items;
}

void rows_add(struct rows *rows, json_t *row)
{
    if (rows->failed)
        json_decref(row);
    else
        rows->failed = json_array_append_new(rows->items, row) != 0;
}

void rows_day(struct object *object, uint32_t day)
{
    char text[16] = "";
    struct tm date;
    time_t at = (time_t)day * DAY_S;
    if (gmtime_r(&at, &date))
        strftime(text, sizeof text, "%Y-%m-%d", &date);
    object_text(object, "day", text);
}

void rows_answer(struct rows *rows, struct request *request, enum store_status status, const char *what)
{
    if (status == STORE_OK && !rows->failed)
        answer_money(request, json_pack("{s:O, s:b}", "items", rows->items, "more", rows->more));
    else if (status != STORE_OK)
        answer_store(request->answer, status, what);
    else
        answer_error(request->answer, 503, "out of memory");
    json_decref(rows->items);
}
