/* scarce: to be loaded before libc (LD_PRELOAD): an allocation fails where a test wants it.
 *
 * A place is a call stack that asks for memory, by the offsets of its return addresses in what they belong to: the same
 * in each run of a program. The test and the process share a file, which SCARCE names (struct control): places are noted
 * in it while the test wants that, and where one is armed, its next allocation gets nothing. A process that ends by a
 * fault leaves there where it was. Without the variable none of it happens. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { LOOKS = 64, OWN = 6 }; /* for room in the table; frames among which this library's are */

/* As scarce.py has them. */
enum { DEPTH = 40, PLACES = 1 << 15, MODULES = 64, MODULE_NAME = 128, THREAD_NAME = 16 };

struct frame {
    uint64_t offset; /* in its module */
    uint64_t module;
};

struct place {
    _Atomic uint64_t id; /* 0: none */
    char thread[THREAD_NAME];
    uint64_t times;
    uint64_t depth;
    struct frame frames[DEPTH]; /* innermost first */
};

struct control {
    _Atomic uint64_t noting, armed, failed;
    _Atomic uint64_t fault; /* the signal */
    struct place at_fault;
    char modules[MODULES][MODULE_NAME];
    struct place places[PLACES];
};

static struct control *control;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the names of modules, and how often a place was met */
/* What is called from here allocates without a question. In the static block, since a sanitizer that is not up yet cannot
 * be asked for another. */
static __thread bool inside __attribute__((tls_model("initial-exec")));

/* ---- places ---- */

static uint64_t module_of(const char *name)
{
    for (uint64_t i = 0; i < MODULES; i++) {
        if (control->modules[i][0] == '\0')
            strncpy(control->modules[i], *name ? name : "program", MODULE_NAME - 1);
        if (strncmp(control->modules[i], *name ? name : "program", MODULE_NAME - 1) == 0)
            return i;
    }
    return MODULES - 1;
}

static const uint64_t FIRST = 0xcbf29ce484222325; /* FNV-1a's */

/* Without the frames of this library, and of a sanitizer that comes between. */
static void take_place(struct place *place)
{
    void *stack[DEPTH];
    int count = backtrace(stack, DEPTH);
    struct dl_find_object own;
    _dl_find_object(&control, &own);
    uint64_t hash = FIRST;
    place->depth = 0;
    for (int i = 0; i < count; i++) {
        struct dl_find_object object;
        uintptr_t pc = (uintptr_t)stack[i] - 1; /* of the call, not of what follows it */
        bool known = _dl_find_object((void *)pc, &object) == 0;
        if (i < OWN && known && object.dlfo_link_map == own.dlfo_link_map) {
            place->depth = 0;
            hash = FIRST;
            continue;
        }
        struct frame *frame = &place->frames[place->depth++];
        frame->offset = pc - (known ? (uintptr_t)object.dlfo_link_map->l_addr : 0);
        frame->module = known ? module_of(object.dlfo_link_map->l_name) : MODULES - 1;
        hash = (hash ^ frame->offset) * 0x100000001b3;
    }
    prctl(PR_GET_NAME, place->thread);
    atomic_store(&place->id, hash | 1);
}

static void note(const struct place *place)
{
    uint64_t id = atomic_load(&place->id);
    for (uint64_t n = 0, at = id % PLACES; n < LOOKS; n++, at = (at + 1) % PLACES) {
        struct place *slot = &control->places[at];
        uint64_t there = 0;
        if (atomic_compare_exchange_strong(&slot->id, &there, id)) {
            memcpy(slot->thread, place->thread, sizeof slot->thread);
            memcpy(slot->frames, place->frames, sizeof slot->frames);
            slot->depth = place->depth;
        } else if (there != id) {
            continue;
        }
        slot->times++;
        return;
    }
}

static __attribute__((noinline)) bool fails(void)
{
    if (!control || inside || !(atomic_load(&control->noting) || atomic_load(&control->armed)))
        return false;
    struct place place;
    inside = true;
    pthread_mutex_lock(&lock);
    take_place(&place);
    if (atomic_load(&control->noting))
        note(&place);
    pthread_mutex_unlock(&lock);
    inside = false;
    uint64_t id = atomic_load(&place.id);
    if (!atomic_compare_exchange_strong(&control->armed, &id, 0))
        return false;
    atomic_fetch_add(&control->failed, 1);
    errno = ENOMEM;
    return true;
}

static void *next(const char *name)
{
    inside = true;
    void *found = dlsym(RTLD_NEXT, name);
    inside = false;
    return found;
}

/* ---- the end ---- */

static void on_fault(int number)
{
    inside = true;
    take_place(&control->at_fault);
    atomic_store(&control->fault, (uint64_t)number);
    sigset_t set;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigaction(number, &usual, NULL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}

static const int faults[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

static void watch_faults(void)
{
    struct sigaction action = {.sa_handler = on_fault};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigaction(faults[i], &action, NULL);
}

/* cmocka's way to go on with its next test. */
__sighandler_t signal(int number, __sighandler_t handler)
{
    static __sighandler_t (*real)(int number, __sighandler_t handler);
    for (size_t i = 0; control && i < sizeof faults / sizeof *faults; i++) {
        if (faults[i] == number)
            return SIG_DFL;
    }
    if (!real)
        *(void **)&real = next("signal");
    return real(number, handler);
}

/* Of a fault whose signal is blocked nobody would hear. */
int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    static int (*real)(int how, const sigset_t *set, sigset_t *old);
    sigset_t fewer;
    if (!real)
        *(void **)&real = next("pthread_sigmask");
    if (!control || !set || how == SIG_UNBLOCK)
        return real(how, set, old);
    fewer = *set;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&fewer, faults[i]);
    return real(how, &fewer, old);
}

/* A sanitizer's, where there is one: what is loaded here stays. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

__attribute__((constructor)) static void join_test(void)
{
    const char *path = getenv("SCARCE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared = fd >= 0 ? mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    void *stack[2];
    if (fd >= 0)
        close(fd);
    if (shared == MAP_FAILED)
        return;
    free(calloc(1, 1)); /* from now on known */
    free(realloc(malloc(1), 2));
    if (__lsan_disable)
        __lsan_disable();
    backtrace(stack, 2); /* loads what it needs */
    if (__lsan_enable)
        __lsan_enable();
    control = shared;
    watch_faults();
}

/* ---- what asks for memory; all else in libc does so by these ---- */

/* A function that gets nothing where it is told to, and is the next one of its name otherwise. */
#define SCARCE(type, nothing, name, parameters, arguments)                                                             \
    type name parameters                                                                                               \
    {                                                                                                                  \
        static type(*real) parameters;                                                                                 \
        if (fails())                                                                                                   \
            return nothing;                                                                                            \
        if (!real) {                                                                                                   \
            if (inside) /* while the next one is looked up there is none yet */                                        \
                return nothing;                                                                                        \
            *(void **)&real = next(#name); /* as dlsym(3) has it: ISO C knows no such conversion */                    \
        }                                                                                                              \
        return real arguments;                                                                                         \
    }

SCARCE(void *, NULL, malloc, (size_t size), (size))
SCARCE(void *, NULL, calloc, (size_t count, size_t size), (count, size))
SCARCE(void *, NULL, realloc, (void *old, size_t size), (old, size))
SCARCE(void *, NULL, memalign, (size_t alignment, size_t size), (alignment, size))
SCARCE(void *, NULL, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
SCARCE(int, ENOMEM, posix_memalign, (void **got, size_t alignment, size_t size), (got, alignment, size))
