/* world: virtual time, and what is going to happen in it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/clock.h"
#include "tests/simulation/sim.h"

enum { WALL_BEGINS_S = 1796040000, VERDICT_MAX = 1024 }; /* 30 November 2026 */

bool world_traces;
static uint64_t now_ms, order, happened;
static int64_t ahead_ms;
static struct event **heap;
static size_t count, capacity;
static char verdict[VERDICT_MAX];
static const char *rule;

static int64_t read_clock(clockid_t id)
{
    return (int64_t)now_ms + (id == CLOCK_BOOTTIME ? 0 : (int64_t)WALL_BEGINS_S * 1000 + ahead_ms);
}

void world_begin(void)
{
    now_ms = 1000000;
    order = happened = 0;
    ahead_ms = 0;
    count = 0;
    verdict[0] = '\0';
    world_claim_clock();
}

void world_claim_clock(void)
{
    clock_simulate(read_clock);
}

void world_end(void)
{
    free(heap);
    heap = NULL;
    count = capacity = 0;
}

uint64_t world_ms(void)
{
    return now_ms;
}

uint64_t world_true_ms(void)
{
    return now_ms + (uint64_t)WALL_BEGINS_S * 1000;
}

void world_set_clock(int64_t ms)
{
    ahead_ms = ms;
}

uint64_t world_events(void)
{
    return happened;
}

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void grow(void)
{
    struct event **more = memory_need((capacity ? 2 * capacity : 1024) * sizeof *heap);
    if (heap)
        memcpy(more, heap, capacity * sizeof *heap);
    free(heap);
    heap = more;
    capacity = capacity ? 2 * capacity : 1024;
}

void world_at(struct event *event, uint64_t in_ms, void (*fn)(struct event *event))
{
    if (count == capacity)
        grow();
    *event = (struct event){.at_ms = now_ms + in_ms, .order = order++, .fn = fn};
    size_t at = count++;
    for (; at > 0 && is_before(event, heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = event;
}

static struct event *take(void)
{
    struct event *first = heap[0], *last = heap[--count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_before(heap[child + 1], heap[child]))
            child++;
        if (!is_before(heap[child], last))
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return first;
}

bool world_next(uint64_t until_ms)
{
    bool due = count > 0 && heap[0]->at_ms <= until_ms;
    uint64_t at_ms = due ? heap[0]->at_ms : until_ms;
    if (!due && until_ms == UINT64_MAX)
        return false;
    now_ms = at_ms > now_ms ? at_ms : now_ms;
    happened++;
    if (due) {
        struct event *event = take();
        event->fn(event);
    }
    return true;
}

static void print(FILE *out, const char *format, va_list args)
{
    uint64_t ms = now_ms - 1000000;
    fprintf(out, "%4llud %02llu:%02llu:%02llu.%03llu  ", (unsigned long long)(ms / 86400000),
            (unsigned long long)(ms / 3600000 % 24), (unsigned long long)(ms / 60000 % 60),
            (unsigned long long)(ms / 1000 % 60), (unsigned long long)(ms % 1000));
    vfprintf(out, format, args);
    fputc('\n', out);
}

void trace(const char *format, ...)
{
    va_list args;
    if (!world_traces)
        return;
    va_start(args, format);
    print(stdout, format, args);
    va_end(args);
}

void wrong(const char *format, ...)
{
    va_list args;
    if (verdict[0])
        return;
    rule = format;
    va_start(args, format);
    vsnprintf(verdict, sizeof verdict, format, args);
    va_end(args);
    trace("WRONG: %s", verdict);
}

bool world_is_wrong(void)
{
    return verdict[0] != '\0';
}

const void *world_rule(void)
{
    return verdict[0] ? rule : NULL;
}

const char *world_verdict(void)
{
    return verdict;
}
