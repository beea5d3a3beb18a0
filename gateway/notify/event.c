#include "gateway/notify/event.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OF_A_KIND_MAX = 1000, NAMES_SHOWN = 3 };

bool event_is_once(enum config_event kind)
{
    return kind == CONFIG_EVENT_PURCHASE || kind == CONFIG_EVENT_REVOKED || kind == CONFIG_EVENT_PUSH;
}

static unsigned count_of(const struct events *events, enum config_event kind)
{
    unsigned count = 0;
    for (unsigned i = 0; i < events->count; i++)
        count += events->list[i].kind == kind;
    return count;
}

static bool make_room_for_event(struct events *events)
{
    if (events->count < events->capacity)
        return true;
    unsigned capacity = events->capacity ? 2 * events->capacity : 16;
    struct event *list = realloc(events->list, capacity * sizeof *list);
    if (!list)
        return false;
    events->list = list;
    events->capacity = capacity;
    return true;
}

void events_add(struct events *events, const struct event *event, const char *format, ...)
{
    va_list args;
    if (count_of(events, event->kind) == OF_A_KIND_MAX) {
        events->looked[event->kind] = false;
        return;
    }
    if (!make_room_for_event(events)) {
        events->failed = true;
        return;
    }
    struct event *added = &events->list[events->count];
    *added = *event;
    va_start(args, format);
    if (vasprintf(&added->text, format, args) < 0)
        events->failed = true;
    else
        events->count++;
    va_end(args);
}

void events_clear(struct events *events)
{
    for (unsigned i = 0; i < events->count; i++)
        free(events->list[i].text);
    free(events->list);
    *events = (struct events){0};
}

/* FNV-1a: what it tells apart is written by ourselves. */
uint64_t event_mark(const char *text)
{
    uint64_t mark = 0xcbf29ce484222325;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        mark = (mark ^ *c) * 0x100000001b3;
    return mark ? mark : 1;
}

void event_names(const struct acme_names *names, char out[static EVENT_NAMES_SIZE])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < names->count; i++) {
        size_t left = names->count - i;
        if (i == NAMES_SHOWN || used + strlen(names->list[i].value) + 32 > EVENT_NAMES_SIZE) {
            snprintf(out + used, EVENT_NAMES_SIZE - used, "%s%zu%s", i ? " and " : "", left, i ? " more" : " names");
            return;
        }
        used += (size_t)snprintf(out + used, EVENT_NAMES_SIZE - used, "%s%s", i ? ", " : "", names->list[i].value);
    }
}

void event_money(int64_t cents, const char *currency, char out[static EVENT_MONEY_SIZE])
{
    snprintf(out, EVENT_MONEY_SIZE, "%s%" PRId64 ".%02d %s", cents < 0 ? "-" : "", (int64_t)llabs(cents) / 100,
             abs((int)(cents % 100)), currency);
}

void event_time(uint64_t time_ms, char out[static EVENT_TIME_SIZE])
{
    struct tm at;
    time_t seconds = (time_t)(time_ms / 1000);
    if (!gmtime_r(&seconds, &at) || strftime(out, EVENT_TIME_SIZE, "%Y-%m-%d %H:%M UTC", &at) == 0)
        snprintf(out, EVENT_TIME_SIZE, "?");
}
