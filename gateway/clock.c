#include "gateway/clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "acme/durations.h"
#include "gateway/log.h"

/* Two clocks that differ by no more agree. */
static const int64_t AGREE_MS = MINUTE_MS;
/* A Date has whole seconds. */
static const int64_t DATE_STEP_MS = 1000;
/* Between two looks at the clocks that belong together. */
static const int64_t LOOK_MS = 100;
static const int64_t NONE = INT64_MIN;

static _Atomic int64_t *moved; /* mapped, of tests; NULL: none */
static clock_read_fn *simulated; /* NULL: the machine's clocks */

/* A clock is kept as what it is ahead of CLOCK_BOOTTIME, which stays the same as long as nobody sets it. */
static _Atomic int64_t kept_ms = INT64_MIN; /* the gateway's own time */
static atomic_bool stepped;                 /* the system clock differs from it by more than AGREE_MS */
static atomic_bool confirmed;               /* since the start, by Sectigo or the operator */
static atomic_bool contradicted;            /* Sectigo's last Date says another time */
static atomic_bool trusted;                 /* the operator's word: no Date counts against it */
static atomic_uint doubt_count, jump_count;
static _Atomic uint64_t doubt_since_ms = UINT64_MAX; /* CLOCK_BOOTTIME; UINT64_MAX: not in doubt */
static _Atomic int64_t sectigo_ms;                   /* the last Date's, as kept_ms */
static _Atomic uint64_t heard_ms = UINT64_MAX;       /* CLOCK_BOOTTIME */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* held while any of these changes */

static int64_t read_clock(clockid_t id)
{
    if (simulated)
        return simulated(id);
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t clock_boot_ms(void)
{
    return (uint64_t)read_clock(CLOCK_BOOTTIME);
}

/* Once more where the process was stopped between the looks: that is no step. */
static int64_t system_offset(int64_t *boot_ms)
{
    int64_t before_ms, wall_ms;
    do {
        before_ms = read_clock(CLOCK_BOOTTIME);
        wall_ms = read_clock(CLOCK_REALTIME);
        *boot_ms = read_clock(CLOCK_BOOTTIME);
    } while (*boot_ms - before_ms > LOOK_MS);
    return wall_ms - *boot_ms + (moved ? atomic_load_explicit(moved, memory_order_relaxed) : 0);
}

static bool agree(int64_t a, int64_t b)
{
    return a - b <= AGREE_MS && b - a <= AGREE_MS;
}

/* ---- saying so ---- */

static const char *time_text(int64_t ms, char text[static 32])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(text, 32, "%" PRId64, ms);
    return text;
}

#define GOES_ON                                                                                                        \
    "Nothing is bought and nothing ends by its time meanwhile; replacements, collection and revocation go on. "        \
    "Where the system clock is right all the same: acmegatectl clock trust"

static void say_times(const char *msg, int64_t system, int64_t other, const char *key, int64_t boot_ms)
{
    char a[32], b[32];
    log_line(LOG_LEVEL_ERROR, msg, "system_clock", time_text(system + boot_ms, a), key, time_text(other + boot_ms, b),
             (char *)0);
}

/* After a change, with the lock: begins or ends the doubt. what: what has ended it. */
static void settle_doubt(int64_t boot_ms, const char *what)
{
    bool doubt = !atomic_load(&confirmed) || atomic_load(&stepped) || atomic_load(&contradicted);
    uint64_t none = UINT64_MAX;
    if (doubt && atomic_compare_exchange_strong(&doubt_since_ms, &none, (uint64_t)boot_ms))
        atomic_fetch_add(&doubt_count, 1);
    if (!doubt && atomic_exchange(&doubt_since_ms, UINT64_MAX) != UINT64_MAX)
        log_info("the clock is not in doubt any more", "because", what);
}

static void note_step(int64_t boot_ms, int64_t offset)
{
    pthread_mutex_lock(&lock);
    int64_t kept = atomic_load(&kept_ms);
    bool now = !agree(offset, kept);
    if (now != atomic_load(&stepped)) {
        atomic_store(&stepped, now);
        if (now) {
            atomic_store(&trusted, false);
            atomic_store(&doubt_since_ms, UINT64_MAX); /* each step is a doubt of its own */
            say_times("the system clock was set by more than a minute: it is not followed until Sectigo's time agrees "
                      "with it, or it is set back. " GOES_ON,
                      offset, kept, "time", boot_ms);
        }
        settle_doubt(boot_ms, "the system clock agrees again with the time that passed");
    }
    pthread_mutex_unlock(&lock);
}

/* ---- the time ---- */

static void begin_clock(int64_t boot_ms, int64_t offset)
{
    pthread_mutex_lock(&lock);
    if (atomic_load(&kept_ms) == NONE) {
        atomic_store(&kept_ms, offset);
        settle_doubt(boot_ms, "");
    }
    pthread_mutex_unlock(&lock);
}

void clock_simulate(clock_read_fn *read)
{
    int64_t boot_ms;
    simulated = read;
    atomic_store(&stepped, false);
    atomic_store(&confirmed, false);
    atomic_store(&contradicted, false);
    atomic_store(&trusted, false);
    atomic_store(&doubt_since_ms, UINT64_MAX);
    atomic_store(&heard_ms, UINT64_MAX);
    atomic_store(&kept_ms, NONE);
    atomic_store(&doubt_count, 0);
    atomic_store(&jump_count, 0);
    int64_t offset = system_offset(&boot_ms);
    begin_clock(boot_ms, offset);
}

bool clock_open(void)
{
    const char *path = getenv("ACMEGATE_DEBUG_CLOCK");
    if (path) {
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0)
            return false;
        void *map = mmap(NULL, sizeof *moved, PROT_READ, MAP_SHARED, file, 0);
        close(file);
        if (map == MAP_FAILED)
            return false;
        moved = map;
    }
    clock_simulate(NULL);
    return true;
}

bool clock_is_moved(void)
{
    return moved != NULL;
}

/* What the gateway's time is ahead of *boot_ms now. */
static int64_t read_offset(int64_t *boot_ms)
{
    int64_t offset = system_offset(boot_ms);
    int64_t kept = atomic_load_explicit(&kept_ms, memory_order_relaxed);
    if (kept == NONE) {
        begin_clock(*boot_ms, offset);
        kept = atomic_load(&kept_ms);
    }
    bool away = !agree(offset, kept);
    if (away != atomic_load_explicit(&stepped, memory_order_relaxed))
        note_step(*boot_ms, offset);
    return away ? kept : offset;
}

uint64_t clock_ms(void)
{
    int64_t boot_ms;
    int64_t offset = read_offset(&boot_ms);
    return (uint64_t)(offset + boot_ms);
}

/* ---- whether it can be believed ---- */

bool clock_in_doubt(void)
{
    clock_ms(); /* a step that nobody has seen yet */
    return atomic_load(&doubt_since_ms) != UINT64_MAX;
}

bool clock_is_confirmed(void)
{
    return atomic_load(&confirmed);
}

uint64_t clock_doubt_ms(void)
{
    uint64_t since_ms = clock_in_doubt() ? atomic_load(&doubt_since_ms) : UINT64_MAX;
    return since_ms == UINT64_MAX ? 0 : clock_since(since_ms, clock_boot_ms());
}

unsigned clock_doubts(void)
{
    clock_ms();
    return atomic_load(&doubt_count);
}

unsigned clock_jumps(void)
{
    return atomic_load(&jump_count);
}

static void keep_offset(int64_t offset)
{
    if (!agree(atomic_exchange(&kept_ms, offset), offset))
        atomic_fetch_add(&jump_count, 1);
}

/* How far it lies from what first and last enclose. */
static int64_t distance(int64_t offset, int64_t first, int64_t last)
{
    return offset < first ? first - offset : offset > last ? offset - last : 0;
}

/* With the lock. first and last: the offsets that the Date may have, since it was said somewhen between request and
 * reply. The Date of a slow reply may fit the system clock and a time of the gateway's own that differ: it decides
 * nothing between them. */
static void weigh(int64_t boot_ms, int64_t system, int64_t first, int64_t last)
{
    int64_t kept = atomic_load(&kept_ms);
    int64_t system_is_off = distance(system, first, last), kept_is_off = distance(kept, first, last);
    bool system_agrees = system_is_off <= AGREE_MS, kept_agrees = kept_is_off <= AGREE_MS;
    bool known = atomic_load(&confirmed), was = atomic_load(&contradicted);

    atomic_store(&contradicted, !system_agrees && !kept_agrees && known && !atomic_load(&trusted));
    if (system_agrees && (agree(system, kept) || !known || system_is_off < kept_is_off)) {
        keep_offset(system);
    } else if (!kept_agrees && !known) {
        keep_offset(first);
        say_times("the system clock is wrong, or Sectigo's is: the gateway goes by Sectigo's time until the system "
                  "clock agrees with it. Set the clock, and look after its synchronisation. " GOES_ON,
                  system, first, "sectigo", boot_ms);
    } else if (atomic_load(&contradicted) && !was) {
        say_times("Sectigo says another time than the system clock. Find out which is wrong. " GOES_ON, system, first,
                  "sectigo", boot_ms);
    }
    atomic_store(&confirmed, true);
    atomic_store(&stepped, !agree(system, atomic_load(&kept_ms)));
    settle_doubt(boot_ms, "Sectigo's time agrees with the system clock");
}

void clock_heard(uint64_t date_ms, uint64_t asked_boot_ms)
{
    int64_t boot_ms;
    read_offset(&boot_ms);
    pthread_mutex_lock(&lock);
    int64_t system = system_offset(&boot_ms);
    int64_t first = (int64_t)date_ms - boot_ms, last = (int64_t)date_ms + DATE_STEP_MS - (int64_t)asked_boot_ms;
    atomic_store(&sectigo_ms, first);
    atomic_store(&heard_ms, (uint64_t)boot_ms);
    weigh(boot_ms, system, first, last);
    pthread_mutex_unlock(&lock);
}

void clock_trust(void)
{
    int64_t boot_ms;
    read_offset(&boot_ms);
    pthread_mutex_lock(&lock);
    keep_offset(system_offset(&boot_ms));
    atomic_store(&stepped, false);
    atomic_store(&contradicted, false);
    atomic_store(&confirmed, true);
    atomic_store(&trusted, true);
    settle_doubt(boot_ms, "the operator trusts the system clock");
    pthread_mutex_unlock(&lock);
}

static const char *why_in_doubt(void)
{
    return atomic_load(&stepped)        ? "the system clock differs from the time that passed, or from Sectigo's time"
           : atomic_load(&contradicted) ? "Sectigo says another time than the system clock"
                                        : "no reply of Sectigo's has confirmed the system clock since the start";
}

void clock_state(struct clock_state *state)
{
    int64_t boot_ms;
    read_offset(&boot_ms);
    pthread_mutex_lock(&lock);
    int64_t system = system_offset(&boot_ms), kept = atomic_load(&kept_ms);
    int64_t own = agree(system, kept) ? system : kept;
    uint64_t heard = atomic_load(&heard_ms);
    state->in_doubt = atomic_load(&doubt_since_ms) != UINT64_MAX;
    state->why = state->in_doubt ? why_in_doubt() : "";
    state->ahead_ms = system - own;
    state->sectigo_ms = heard == UINT64_MAX ? 0 : atomic_load(&sectigo_ms) - own;
    state->heard_ago_ms = heard == UINT64_MAX ? UINT64_MAX : clock_since(heard, (uint64_t)boot_ms);
    state->trusted = atomic_load(&trusted);
    pthread_mutex_unlock(&lock);
}

/* ---- times of records ---- */

uint64_t clock_since(uint64_t then_ms, uint64_t now_ms)
{
    return now_ms > then_ms ? now_ms - then_ms : 0;
}

bool clock_is_over(uint64_t then_ms, uint64_t wait_ms, uint64_t now_ms)
{
    return then_ms > now_ms || now_ms - then_ms >= wait_ms;
}
