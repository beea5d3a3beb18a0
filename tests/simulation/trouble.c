/* trouble: what befalls the gateway and its machine, and what its operator edits. Each kind has its own event, and comes
 * back for as long as the world is not calm. */
#include "acme/durations.h"
#include "tests/simulation/sim.h"

static struct event start_event, thaw_event, clock_event, disk_event, copy_event, edit_event, login_event;
static unsigned mean_commits, crash_count, steps_to_crash;
static bool starting, thawing; /* that event is to come, and no other of the kind before */
static uint64_t crash_at, copied_ms;
static bool restores, restored, moves; /* of this world: whether its store may become an older copy, and its profile move */

/* ---- kill -9 and SIGSTOP, some steps after so many batches of the writer ---- */

static void on_end_of_former(struct event *event)
{
    (void)event;
    process_end_former();
    thawing = false;
}

/* One that nobody has replaced meanwhile goes on; one that was ends within a minute, when it hears of it. */
static void on_thaw(struct event *event)
{
    bool replaced = !process_is_frozen();
    process_thaw();
    if (replaced)
        world_at(event, chance_between(1, MINUTE_MS), on_end_of_former);
    else
        thawing = false;
}

/* Nobody starts where a frozen one goes on. */
static void on_start(struct event *event)
{
    starting = !process.is_up && !process_start();
    if (starting)
        world_at(event, chance_between(MINUTE_MS, 20 * MINUTE_MS), on_start);
}

static void start_in(uint64_t in_ms)
{
    starting = true;
    world_at(&start_event, in_ms, on_start);
}

static void plan_crash(void)
{
    crash_at = mean_commits ? process.batches + 1 + chance_below(2 * mean_commits) : UINT64_MAX;
    steps_to_crash = chance_below(20);
}

static void kill_for(uint64_t least_ms, uint64_t most_ms)
{
    crash_count++;
    process_kill();
    start_in(chance_between(least_ms, most_ms));
}

/* In its place another takes over, after as long as it takes to notice; or nobody does. */
static void freeze(void)
{
    crash_count++;
    thawing = true;
    process_freeze();
    world_at(&thaw_event, chance_between(SECOND_MS, chance_below(2) ? MINUTE_MS : 2 * HOUR_MS), on_thaw);
    start_in(chance_between(10 * SECOND_MS, chance_below(2) ? MINUTE_MS : 3 * HOUR_MS));
}

void trouble_after_step(void)
{
    if (!process.is_up || process.batches < crash_at || starting || steps_to_crash-- > 0)
        return;
    plan_crash();
    if (!thawing && chance_fault("the gateway is frozen", 150000))
        freeze();
    else if (chance_fault("kill -9", 1000000))
        kill_for(100, chance_below(10) ? 5 * SECOND_MS : HOUR_MS);
}

unsigned trouble_crashes(void)
{
    return crash_count;
}

/* ---- the machine ---- */

static void on_clock(struct event *event)
{
    static const int64_t steps_ms[] = {-2 * (int64_t)HOUR_MS, -40 * (int64_t)DAY_MS, 90 * (int64_t)SECOND_MS,
                                       2 * (int64_t)HOUR_MS, 370 * (int64_t)DAY_MS};
    bool steps = chance_fault("the clock is set", 300000);
    world_set_clock(steps ? steps_ms[chance_below(sizeof steps_ms / sizeof *steps_ms)] : 0);
    world_at(event, steps ? chance_between(SECOND_MS, 2 * HOUR_MS) : chance_between(HOUR_MS, 12 * HOUR_MS), on_clock);
}

static void on_disk(struct event *event)
{
    bool full = chance_fault("the disk is full for a while", 80000);
    process_fill_disk(full);
    world_at(event, full ? chance_between(SECOND_MS, 3 * HOUR_MS) : chance_between(HOUR_MS, 12 * HOUR_MS), on_disk);
}

/* A copy is made, and takes the place of the store some hours later. Whoever does that needs longer than a request can
 * be on its way. */
static void on_copy(struct event *event)
{
    if (!process.is_up || starting || thawing) {
        world_at(event, MINUTE_MS, on_copy);
    } else if (copied_ms == 0) {
        if (chance_fault("the store is copied", 500000)) {
            process_copy(chance_below(2) == 0);
            copied_ms = world_ms();
        }
        world_at(event, chance_between(10 * MINUTE_MS, DAY_MS), on_copy);
    } else if (chance_fault("an older copy of the store takes its place", 900000)) {
        kill_for(20 * MINUTE_MS, 3 * HOUR_MS);
        process_restore();
        clients_restored(copied_ms);
        model_restored(copied_ms);
        sent_restored();
        restored = true;
    }
}

/* ---- Sectigo's side of an account ---- */

static void on_login(struct event *event)
{
    bool refuses = chance_fault("Sectigo refuses a login for a while", 100000);
    model_refuse(chance_below(LOGINS), refuses ? chance_between(SECOND_MS, 6 * HOUR_MS) : 0);
    world_at(event, chance_between(HOUR_MS, 12 * HOUR_MS), on_login);
}

/* ---- the operator ---- */

/* What a certificate is bought as, for what, and in some worlds with which login: what is bought serves on. */
static void on_edit(struct event *event)
{
    static const unsigned products[] = {488, 287, 721}, prices[] = {49, 59};
    if (process.is_up && chance_fault("the profile is edited", 300000))
        process_edit(products[chance_below(3)], prices[chance_below(2)], moves ? chance_below(LOGINS) : 0);
    world_at(event, chance_between(HOUR_MS, DAY_MS), on_edit);
}

/* ---- all of it ---- */

void trouble_begin(unsigned commits_to_crash)
{
    crash_count = 0;
    starting = thawing = false;
    copied_ms = 0;
    restored = false;
    mean_commits = commits_to_crash;
    restores = chance_below(4) == 0;
    moves = chance_below(2) == 0;
    plan_crash();
    world_at(&clock_event, HOUR_MS, on_clock);
    world_at(&disk_event, HOUR_MS, on_disk);
    world_at(&edit_event, HOUR_MS, on_edit);
    world_at(&login_event, HOUR_MS, on_login);
    operator_begin();
    if (restores)
        world_at(&copy_event, HOUR_MS, on_copy);
}

void trouble_ends(void)
{
    chance_calm();
    crash_at = UINT64_MAX;
}

bool trouble_restored(void)
{
    return restored;
}

bool trouble_restores(void)
{
    return restores;
}
