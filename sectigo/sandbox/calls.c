#include "sectigo/sandbox/calls.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sectigo/sandbox/clock.h"

#define ROW(kind, member, json, ...)                                                                                   \
    {                                                                                                                  \
        .name = json, .type = FIELD_##kind, .offset = offsetof(struct call_line, member), __VA_ARGS__                  \
    }

static const struct field fields[] = {
    ROW(NUMBER, connection, "connection"),
    ROW(TIME, read_ms, "time"),
    ROW(NUMBER, since_ms, "readMs"),
    ROW(NUMBER, ended_ms, "endedMs"),
    ROW(TEXT, login, "loginName"),
    ROW(TEXT, foreign_order_number, "foreignOrderNumber"),
    ROW(TEXT, unique_value, "uniqueValue"),
    ROW(TEXT, order_number, "orderNumber"),
    ROW(TEXT, base_order_number, "baseOrderNumber"),
    ROW(TEXT, certificate_id, "certificateID"),
    ROW(TEXT, serial_number, "serialNumber"),
    ROW(TEXT, query_type, "queryType"),
    ROW(NUMBER, code, "code"),
    ROW(NUMBER, http_status, "httpStatus"),
    ROW(NUMBER, found, "found"),
    ROW(FLAG, lost, "lost"),
    ROW(TEXT, placed, "placed"),
    {0},
};
static const struct record_type line_type = {sizeof(struct call_line), fields};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool calls_open(struct calls *calls)
{
    calls->lines = calloc(CALLS_MAX, sizeof *calls->lines);
    return calls->lines != NULL;
}

void calls_close(struct calls *calls)
{
    for (size_t i = 0; calls->lines && i < CALLS_MAX; i++)
        record_clear(&line_type, &calls->lines[i]);
    free(calls->lines);
}

static bool keep_value(char **to, const struct sectigo_form *form, const char *name)
{
    return text_set(to, sectigo_form_get(form, name));
}

/* Of a text that memory is too short for the line says nothing. */
static void keep_names(struct call_line *line, const struct sectigo_form *form)
{
    keep_value(&line->login, form, "loginName");
    keep_value(&line->foreign_order_number, form, "foreignOrderNumber");
    keep_value(&line->unique_value, form, "uniqueValue");
    keep_value(&line->order_number, form, "orderNumber");
    keep_value(&line->base_order_number, form, "baseOrderNumber");
    keep_value(&line->certificate_id, form, "certificateID");
    keep_value(&line->serial_number, form, "serialNumber");
    keep_value(&line->query_type, form, "queryType");
}

uint64_t calls_begin(struct calls *calls, enum sectigo_call_kind call, const struct sectigo_form *form,
                     uint64_t connection)
{
    struct call_line *line = &calls->lines[calls->count % CALLS_MAX];
    record_clear(&line_type, line);
    line->call = call;
    line->connection = (int64_t)connection;
    line->read_ms = now_ms();
    line->since_ms = monotonic_ms();
    line->found = -1;
    keep_names(line, form);
    return calls->count++;
}

void calls_end(struct calls *calls, uint64_t number, const struct answer *answer, int64_t found, const char *placed,
               bool lost)
{
    struct call_line *line = &calls->lines[number % CALLS_MAX];
    if (number + CALLS_MAX < calls->count)
        return; /* forgotten meanwhile */
    line->ended_ms = monotonic_ms();
    line->code = answer->code;
    line->http_status = answer->http_status;
    line->found = found;
    line->lost = lost;
    text_set(&line->placed, placed);
}

json_t *calls_show(const struct calls *calls)
{
    uint64_t first = calls->count > CALLS_MAX ? calls->count - CALLS_MAX : 0;
    json_t *all = json_array();
    for (uint64_t i = first; all && i < calls->count; i++) {
        const struct call_line *line = &calls->lines[i % CALLS_MAX];
        json_t *one = record_encode(&line_type, line, false);
        json_object_set_new(one, "call", json_string(sectigo_call_info((enum sectigo_call_kind)line->call)->name));
        json_array_append_new(all, one);
    }
    return all;
}
