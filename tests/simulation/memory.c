/* memory: blocks for this program of one thread and for its libraries, from lists by size, in place of libc's, which takes
 * a fifth of its time. And memory that runs short: what the gateway asks for is not given.
 *
 * Builds with a sanitizer have its own blocks. The linker leads all that is asked for in the rooms, and not in the
 * libraries, to __wrap_ first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/simulation/sim.h"

static unsigned left; /* how many are given before one is not, that one included; 0: all are */

void memory_short_in(unsigned requests)
{
    left = requests;
}

/* ---- what the rooms ask for ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);

static bool is_refused(void)
{
    if (left == 0 || --left > 0)
        return false;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return is_refused() ? NULL : __real_realloc(block, size);
}

char *__wrap_strdup(const char *text)
{
    return is_refused() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
    return is_refused() ? NULL : __real_strndup(text, len);
}

void *memory_need(size_t size)
{
    void *block = __real_calloc(1, size);
    if (!block)
        abort();
    return block;
}

/* ---- blocks ---- */

#ifndef SIMULATION_SANITIZED

enum {
    STEP = 16,
    SMALL_MAX = 2048,               /* up to here a list for each multiple of STEP */
    LISTS = SMALL_MAX / STEP + 1,
    LARGE_LISTS = 48,               /* then one for each power of two */
    REGION = 4 * 1024 * 1024,
    WITHIN = -1, /* in place of a list: the block lies within another, which begins at next */
};

/* In front of each block. */
struct head {
    union {
        size_t room;       /* of the block */
        struct head *next; /* among those that are free */
    };
    ptrdiff_t list;
};

static struct head *small[LISTS], *large[LARGE_LISTS];
static uint8_t *region, *region_end;

static struct head **list_of(size_t list)
{
    return list < LISTS ? &small[list] : &large[list - LISTS];
}

static void *map(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static struct head *carve(size_t size)
{
    if (size > REGION / 4)
        return map(size);
    if ((size_t)(region_end - region) < size) {
        region = map(REGION);
        region_end = region ? region + REGION : NULL;
    }
    struct head *head = region ? (struct head *)(void *)region : NULL;
    region += region ? size : 0;
    return head;
}

/* The list for size octets, and how many its blocks have. */
static size_t choose(size_t size, size_t *room)
{
    size_t list = (size + STEP - 1) / STEP;
    *room = list * STEP;
    if (size <= SMALL_MAX)
        return list;
    for (list = 0, *room = 2 * SMALL_MAX; *room < size && list < LARGE_LISTS - 1; list++)
        *room *= 2;
    return LISTS + list;
}

void *malloc(size_t size)
{
    size_t room, list = choose(size ? size : 1, &room);
    struct head **free_ones = list_of(list), *head = *free_ones;
    if (head)
        *free_ones = head->next;
    else if (room < size || !(head = carve(sizeof *head + room)))
        return NULL;
    head->room = room;
    head->list = (ptrdiff_t)list;
    return head + 1;
}

void free(void *block)
{
    if (!block)
        return;
    struct head *head = (struct head *)block - 1, **free_ones;
    if (head->list == WITHIN)
        head = head->next;
    free_ones = list_of((size_t)head->list);
    head->next = *free_ones;
    *free_ones = head;
}

void *calloc(size_t count, size_t size)
{
    size_t all;
    void *block = __builtin_mul_overflow(count, size, &all) ? NULL : malloc(all);
    return block ? memset(block, 0, all) : NULL;
}

void *realloc(void *block, size_t size)
{
    size_t room = block ? ((struct head *)block - 1)->room : 0;
    if (block && size <= room)
        return block;
    void *more = malloc(size);
    if (more && block)
        memcpy(more, block, room);
    if (more)
        free(block);
    return more;
}

/* A block with room for a head of its own in front of what is aligned. Nobody gives such a one to realloc. */
void *aligned_alloc(size_t alignment, size_t size)
{
    uint8_t *block = malloc(size + alignment + sizeof(struct head));
    if (!block || alignment <= STEP)
        return block;
    uintptr_t at = ((uintptr_t)block + sizeof(struct head) + alignment - 1) & ~(uintptr_t)(alignment - 1);
    struct head *head = (struct head *)at - 1;
    head->next = (struct head *)(void *)block - 1;
    head->list = WITHIN;
    return head + 1;
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
    return aligned_alloc(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = aligned_alloc(alignment, size);
    return *block ? 0 : ENOMEM;
}

#endif
