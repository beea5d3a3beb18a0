#include "sectigo/sandbox/clock.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SLEEP_MOVED_MS = 20 };

static _Atomic int64_t *offset; /* mapped; NULL: none */

bool now_open(void)
{
    const char *path = getenv("ACMEGATE_DEBUG_CLOCK");
    if (!path)
        return true;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *map = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0)
        close(file);
    if (map == MAP_FAILED)
        fprintf(stderr, "sectigo-sandbox: cannot read ACMEGATE_DEBUG_CLOCK file %s\n", path);
    else
        offset = map;
    return map != MAP_FAILED;
}

static int64_t machine_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct timespec now_after(int64_t wait_ms)
{
    int64_t at_ms = machine_ms() + wait_ms;
    return (struct timespec){.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
}

struct timespec now_until(int64_t wait_ms)
{
    return now_after(offset && wait_ms > SLEEP_MOVED_MS ? SLEEP_MOVED_MS : wait_ms);
}

int64_t now_ms(void)
{
    return machine_ms() + (offset ? atomic_load_explicit(offset, memory_order_relaxed) : 0);
}
