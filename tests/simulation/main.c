/* simulation: worlds one after another, each of a seed. See README.md. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "acme/durations.h"
#include "gateway/log.h"
#include "tests/simulation/sim.h"

struct options {
    uint64_t seed;
    unsigned worlds, orders, seconds, crashes, processes;
    unsigned least_orders, least_crashes; /* in five minutes on two cores */
    bool trace, shrink;
    const char *folder;
};

struct sum {
    struct clients_figures clients;
    unsigned worlds, purchases, crashes, faults;
    uint64_t events, seed; /* seed: of the world that failed */
    double seconds;
    bool bad;
    char verdict[1024];
};

static void run(uint64_t until_ms)
{
    unsigned steps = 0;
    while (!clients_are_done() && !world_is_wrong()) {
        if (world_ms() > until_ms)
            trouble_ends();
        if (world_ms() > until_ms + 60 * DAY_MS)
            wrong("a client waits for ever");
        if (process_step()) {
            if (++steps % 512 == 0)
                check_now();
            trouble_after_step();
        } else if (!world_next(process_next_ms())) {
            wrong("nothing is going to happen any more");
        }
    }
}

static void add_clients(struct sum *sum, const struct clients_figures *figures)
{
    sum->clients.placed += figures->placed;
    sum->clients.acknowledged += figures->acknowledged;
    sum->clients.valid += figures->valid;
    sum->clients.invalid += figures->invalid;
}

static bool simulate(const struct options *options, uint64_t seed, struct sum *sum)
{
    chance_begin(seed);
    world_begin();
    model_begin();
    sent_begin();
    names_begin();
    process_begin();
    clients_begin(options->orders, 2 * DAY_MS);
    trouble_begin(options->crashes);
    run(world_ms() + 4 * DAY_MS);
    while (!process.is_up && world_next(UINT64_MAX)) {
    }
    if (!world_is_wrong())
        check_end();
    struct clients_figures figures = clients_figures();
    add_clients(sum, &figures);
    sum->worlds++;
    sum->crashes += trouble_crashes();
    sum->faults += chance_faults();
    sum->purchases += model_purchases();
    sum->events += world_events();
    process_end();
    outside_end();
    clients_end();
    sent_end();
    names_end();
    model_end();
    world_end();
    return !world_is_wrong();
}

/* ---- shrinking ---- */

static bool simulate_again(void *ctx)
{
    const struct options *options = ctx;
    struct sum sum = {.worlds = 0};
    return simulate(options, options->seed, &sum);
}

/* Once more with what is left, and every step. */
static int show_shrunk(struct options *options)
{
    if (!shrink(options->orders, simulate_again, options)) {
        printf("seed %llu: nothing is wrong\n", (unsigned long long)options->seed);
        return 1;
    }
    world_traces = true;
    simulate_again(options);
    printf("seed %llu: %s\n", (unsigned long long)options->seed, world_verdict());
    return 0;
}

/* ---- the command ---- */

static int usage(void)
{
    fputs("usage: simulation [--seed N] [--worlds N] [--orders N] [--commits-to-crash N] [--seconds N] "
          "[--processes N] [--least-orders N] [--least-crashes N] [--trace] [--shrink]\n",
          stderr);
    return 2;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"seed", required_argument, NULL, 's'},    {"worlds", required_argument, NULL, 'w'},
        {"orders", required_argument, NULL, 'o'},  {"commits-to-crash", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 't'}, {"processes", required_argument, NULL, 'p'},
        {"trace", no_argument, NULL, 'v'},         {"shrink", no_argument, NULL, 'x'},
        {"least-orders", required_argument, NULL, 'O'}, {"least-crashes", required_argument, NULL, 'C'},
        {0}};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        unsigned long long value = optarg ? strtoull(optarg, NULL, 10) : 0;
        if (c == 's')
            options->seed = strcmp(optarg, "date") == 0 ? (uint64_t)time(NULL) / 86400 : value;
        else if (c == 'w')
            options->worlds = (unsigned)value;
        else if (c == 'o')
            options->orders = (unsigned)value;
        else if (c == 'c')
            options->crashes = (unsigned)value;
        else if (c == 't')
            options->seconds = (unsigned)value;
        else if (c == 'p')
            options->processes = (unsigned)value;
        else if (c == 'O')
            options->least_orders = (unsigned)value;
        else if (c == 'C')
            options->least_crashes = (unsigned)value;
        else if (c == 'v')
            options->trace = true;
        else if (c == 'x')
            options->shrink = true;
        else
            return false;
    }
    return optind == argc;
}

/* Every processes-th world from the number-th on, until one is wrong. */
static void run_worlds(const struct options *options, unsigned number, struct sum *sum)
{
    struct timespec began, now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
    for (unsigned i = number;
         !sum->bad && i < options->worlds && (options->seconds == 0 || sum->seconds < options->seconds);
         i += options->processes) {
        sum->seed = options->seed + i;
        sum->bad = !simulate(options, sum->seed, sum);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        sum->seconds = (double)(now.tv_sec - began.tv_sec) + (double)(now.tv_nsec - began.tv_nsec) / 1e9;
    }
    snprintf(sum->verdict, sizeof sum->verdict, "%s", world_verdict());
}

static void add(struct sum *sum, const struct sum *part)
{
    add_clients(sum, &part->clients);
    sum->worlds += part->worlds;
    sum->purchases += part->purchases;
    sum->crashes += part->crashes;
    sum->faults += part->faults;
    sum->events += part->events;
    sum->seconds += part->seconds;
    if (part->bad && !sum->bad) {
        sum->bad = true;
        sum->seed = part->seed;
        memcpy(sum->verdict, part->verdict, sizeof sum->verdict);
    }
}

/* Each writes a configuration of its own. */
static void prepare_process(const struct options *options, unsigned number)
{
    char folder[128];
    snprintf(folder, sizeof folder, "%s/%u", options->folder, number);
    if (mkdir(folder, 0700) != 0)
        abort();
    process_prepare(folder);
}

/* Each process has worlds of its own. */
static bool run_processes(const struct options *options, struct sum *sum)
{
    int ends[2], status;
    bool good = pipe(ends) == 0;
    fflush(stdout);
    for (unsigned i = 0; good && i < options->processes; i++) {
        struct sum part = {.worlds = 0};
        pid_t child = fork();
        if (child == 0) {
            prepare_process(options, i);
            run_worlds(options, i, &part);
            _exit(write(ends[1], &part, sizeof part) == sizeof part ? 0 : 2);
        }
        good = child > 0;
    }
    close(ends[1]);
    for (unsigned i = 0; good && i < options->processes; i++) {
        struct sum part;
        good = read(ends[0], &part, sizeof part) == sizeof part;
        if (good)
            add(sum, &part);
    }
    close(ends[0]);
    while (wait(&status) > 0)
        good = good && status == 0;
    return good;
}

/* Two cores for five minutes. A machine that others use as well makes of its processors' time less than a quiet one. */
static int tell_figure(const struct options *options, const struct sum *sum)
{
    double times = sum->seconds > 0 ? 2 * 300 / sum->seconds : 0;
    double orders = sum->clients.placed * times, crashes = sum->crashes * times;
    printf("in 5 minutes on two cores: %.0f orders and %.0f crashes\n", orders, crashes);
    if (orders >= options->least_orders && crashes >= options->least_crashes)
        return 0;
    printf("at least %u orders and %u crashes are wanted\n", options->least_orders, options->least_crashes);
    return 1;
}

static int tell(const struct options *options, const struct sum *sum)
{
    printf("%u worlds, %u orders (%u acknowledged, %u valid, %u invalid), %u purchases, %u crashes, %u faults, %llu "
           "jumps of time in %.1f s of a processor\n",
           sum->worlds, sum->clients.placed, sum->clients.acknowledged, sum->clients.valid, sum->clients.invalid,
           sum->purchases, sum->crashes, sum->faults, (unsigned long long)sum->events, sum->seconds);
    if (!sum->bad)
        return tell_figure(options, sum);
    printf("seed %llu: %s\nagain, with every step: simulation --seed %llu --orders %u --commits-to-crash %u --worlds 1 "
           "--trace; with as little as leads to it: --shrink in its place\n",
           (unsigned long long)sum->seed, sum->verdict, (unsigned long long)sum->seed, options->orders,
           options->crashes);
    return 1;
}

int main(int argc, char **argv)
{
    struct options options = {.seed = 1, .worlds = 10, .orders = 100, .crashes = 115, .processes = 1};
    struct sum sum = {.worlds = 0};
    char folder[] = "/tmp/acmegate-simulation-XXXXXX", command[128];
    if (!read_options(argc, argv, &options) || options.processes == 0)
        return usage();
    log_set_level(options.trace ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR + 1);
    if (!mkdtemp(folder))
        return 2;
    chance_begin(options.seed);
    authority_make(folder);
    process_prepare(folder);
    options.folder = folder;
    world_traces = options.trace;
    int status = 1;
    if (options.shrink)
        status = show_shrunk(&options);
    else if (options.processes == 1)
        run_worlds(&options, 0, &sum);
    else if (!run_processes(&options, &sum))
        fputs("simulation: one of the processes has ended before it was done\n", stderr);
    if (!options.shrink)
        status = sum.worlds > 0 ? tell(&options, &sum) : 2;
    authority_free();
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? status : 2;
}
