/* acmegate: the daemon's command line and its signals. */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/rand.h>

#include "acme/libraries.h"
#include "gateway/check/check.h"
#include "gateway/clock.h"
#include "gateway/config/config.h"
#include "gateway/confine.h"
#include "gateway/gateway.h"
#include "gateway/log.h"
#include "gateway/memory.h"
#include "gateway/metrics/metrics.h"
#include "gateway/own/own.h"
#include "gateway/systemd.h"
#include "gateway/torn.h"
#include "store/shortage.h"

static const char USAGE[] = "usage: acmegate --config FILE [--check-config | --verify-store | --init]\n"
                            "       acmegate --config FILE --export-store FILE | --import-store FILE\n"
                            "       acmegate --list-metrics\n"
                            "       acmegate --version\n";

enum { BEATS = 4 }; /* of the watchdog, in the time that it waits for one */
enum { BROKEN_STATUS = 75 }; /* EX_TEMPFAIL: the unit starts it anew after this one */

struct options {
    const char *config, *export_to, *import_from;
    bool check, verify, init;
};

/* The manual's table of what /metrics says. Returns the exit status. */
static int print_metrics(void)
{
    char *text = metrics_manual();
    if (text)
        fputs(text, stdout);
    free(text);
    return text ? 0 : 1;
}

/* Returns an exit status, or -1 to go on. */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 'k'},
        {"verify-store", no_argument, NULL, 's'}, {"init", no_argument, NULL, 'i'},
        {"version", no_argument, NULL, 'v'},      {"list-metrics", no_argument, NULL, 'm'},
        {"export-store", required_argument, NULL, 'e'}, {"import-store", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},         {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case 'k':
            options->check = true;
            break;
        case 's':
            options->verify = true;
            break;
        case 'i':
            options->init = true;
            break;
        case 'e':
            options->export_to = optarg;
            break;
        case 'f':
            options->import_from = optarg;
            break;
        case 'm':
            return print_metrics();
        case 'v':
            printf("acmegate %s (store schema %u)\n", ACMEGATE_VERSION, gateway_schema());
            return 0;
        case 'h':
            fputs(USAGE, stdout);
            return 0;
        default:
            fputs(USAGE, stderr);
            return 2;
        }
    }
    int asked = options->check + options->verify + options->init + (options->export_to != NULL) +
                (options->import_from != NULL);
    if (options->config && optind == argc && asked <= 1)
        return -1;
    fputs(USAGE, stderr);
    return 2;
}

/* Keys and passwords must not end up in a core file, also not where the kernel pipes it to a program. */
static void keep_secrets_out_of_cores(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

/* All threads inherit the mask: signals are taken by sigwait here and nowhere else. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, GATEWAY_BROKEN_SIGNAL);
    sigaddset(set, GATEWAY_OWNS_SIGNAL);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of the store, not the end */
}

/* Lookups and calls under way each have a descriptor, besides the clients. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void seed_jitter(void)
{
    unsigned seed = (unsigned)getpid();
    RAND_bytes((unsigned char *)&seed, sizeof seed);
    srandom(seed);
}

static const char *status_of(struct gateway *gateway)
{
    return gateway_owns(gateway) ? "serving" : "serving beside the gateway that owns the store";
}

/* From RELOADING=1 to READY=1 `systemctl reload` waits; the time tells systemd which reload it was. */
static void reload(struct gateway *gateway)
{
    char reason[GATEWAY_REASON_MAX];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    systemd_tell("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the configuration anew",
                 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    if (gateway_reload(gateway, reason)) {
        systemd_tell("READY=1\nSTATUS=%s", status_of(gateway));
        return;
    }
    log_error("the configuration stays as it was; mend what it names, then send SIGHUP again", "reason", reason);
    systemd_tell("READY=1\nSTATUS=serving by the configuration of before; the new one was refused: %.800s", reason);
}

/* Feeds the watchdog where all threads have gone round since the last time. */
static void beat(struct gateway *gateway)
{
    const char *stuck = gateway_stuck(gateway);
    if (!stuck) {
        systemd_tell("WATCHDOG=1");
        return;
    }
    systemd_tell("STATUS=%s does not go round", stuck);
    log_error("a thread is stuck, so the watchdog is not fed, and systemd starts the gateway anew if this lasts: look "
              "whether the disk or whoever reads the log is what it waits for",
              "thread", stuck);
}

/* One that owns the store and cannot do what is the owner's has to make room for another. */
static bool own(struct gateway *gateway)
{
    char reason[GATEWAY_REASON_MAX];
    if (gateway_own(gateway, reason)) {
        systemd_tell("STATUS=%s", status_of(gateway));
        return true;
    }
    log_error("this gateway's turn to own the store has come, and it cannot do so: mend what it names", "reason", reason);
    return false;
}

/* Until a signal says that it is over, or that something is broken. Returns that signal. */
static int serve(struct gateway *gateway, const sigset_t *signals)
{
    uint64_t beat_ms = systemd_watchdog_ms() / BEATS;
    uint64_t wait_ms = beat_ms > 0 && beat_ms < MEMORY_LOOK_MS ? beat_ms : MEMORY_LOOK_MS;
    struct timespec until = {.tv_sec = (time_t)(wait_ms / 1000), .tv_nsec = (long)(wait_ms % 1000) * 1000000};
    for (;;) {
        int number = sigtimedwait(signals, NULL, &until);
        if (number == SIGHUP)
            reload(gateway);
        else if (number == GATEWAY_OWNS_SIGNAL && own(gateway))
            continue;
        else if (number == GATEWAY_OWNS_SIGNAL)
            return GATEWAY_BROKEN_SIGNAL;
        else if (number > 0 && (number != GATEWAY_BROKEN_SIGNAL || gateway_broken(gateway)))
            return number;
        if (beat_ms > 0)
            beat(gateway);
        memory_give_back();
    }
}

static void warn_in_log(void *ctx, const char *sentence)
{
    (void)ctx;
    log_warning("the configuration is used, and most likely not as it was meant: mend what it names", "reason",
                sentence);
}

/* What ends the wait for a store that another gateway owns. */
struct waiting {
    const sigset_t *signals;
    const char *file;
    int signal;            /* that says that it is over; 0: none */
    struct config *config; /* by which it waits on; NULL: none */
};

/* The configuration was read long ago, and is used once it is this gateway's turn. */
static struct config *read_anew(const char *file)
{
    char reason[CONFIG_REASON_MAX];
    long owner;
    struct config *config = config_load(file, reason);
    if (config && check_world(config, CHECK_RELOAD, warn_in_log, NULL, &owner, reason)) {
        log_info("the configuration has been read anew, and this gateway waits on by it");
        return config;
    }
    log_error("the configuration stays as it was; mend what it names, then send SIGHUP again", "reason", reason);
    config_free(config);
    return NULL;
}

static bool wait_on(void *ctx, unsigned ms)
{
    struct waiting *waiting = ctx;
    struct timespec until = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    int number = sigtimedwait(waiting->signals, NULL, &until);
    systemd_tell("WATCHDOG=1");
    if (number == SIGHUP)
        waiting->config = read_anew(waiting->file);
    else if (number > 0 && number != GATEWAY_BROKEN_SIGNAL && number != GATEWAY_OWNS_SIGNAL)
        waiting->signal = number;
    return !waiting->signal && !waiting->config;
}

/* Takes config over. NULL: *reason, or it waited in vain. */
static struct gateway *start(struct config *config, struct waiting *waiting, char reason[static GATEWAY_REASON_MAX])
{
    const struct gateway_wait wait = {wait_on, waiting};
    bool confined = config->confine, programs = confine_runs_programs(config);
    long owner;
    if ((confined && !confine_capabilities(reason)) || !own_prepare(config, reason) ||
        !check_world(config, CHECK_START, warn_in_log, NULL, &owner, reason)) {
        config_free(config);
        return NULL;
    }
    struct gateway *gateway = gateway_start(config, waiting->file, &wait, reason);
    if (gateway && confined && !confine_calls(programs, reason)) {
        gateway_stop(gateway);
        return NULL;
    }
    return gateway;
}

/* Takes config over, and what is read anew while it waits. */
static struct gateway *start_in_turn(struct config *config, struct waiting *waiting,
                                     char reason[static GATEWAY_REASON_MAX])
{
    for (;;) {
        waiting->config = NULL;
        struct gateway *gateway = start(config, waiting, reason);
        if (!waiting->config)
            return gateway;
        config = waiting->config;
        gateway_set_log(config);
    }
}

/* Takes config over. */
static int run_daemon(struct config *config, const char *file)
{
    char reason[GATEWAY_REASON_MAX];
    sigset_t signals;
    struct waiting waiting = {.signals = &signals, .file = file};

    block_signals(&signals);
    seed_jitter();
    raise_descriptor_limit();
    char *url = strdup(config->acme.url);
    struct gateway *gateway = start_in_turn(config, &waiting, reason);
    if (waiting.signal) {
        log_info("stopped while it waited for the store", "signal", strsignal(waiting.signal));
        free(url);
        return 0;
    }
    if (!gateway) {
        log_error("cannot start: mend what it names", "reason", reason);
        free(url);
        return 1;
    }
    log_info("ready", "url", url, "version", ACMEGATE_VERSION);
    free(url);
    systemd_tell("READY=1\nSTATUS=%s", status_of(gateway));
    int signal_number = serve(gateway, &signals);
    bool broken = signal_number == GATEWAY_BROKEN_SIGNAL;
    systemd_tell("STOPPING=1\nSTATUS=ending what is under way");
    if (broken)
        log_error("ends, because what the line before tells of comes back only with a new start, which is the service "
                  "manager's; look after the disk, or this machine's memory. What was acknowledged is stored");
    else
        log_info("stopping", "signal", strsignal(signal_number));
    gateway_stop(gateway);
    log_info("stopped");
    return broken ? BROKEN_STATUS : 0;
}

static void print_warning(void *ctx, const char *sentence)
{
    (void)ctx;
    printf("WARNING: %s\n", sentence);
}

/* --check-config: warnings and what is well on stdout, what is wrong on stderr. Returns the exit status. */
static int check(const struct config *config, const char *file)
{
    char line[GATEWAY_REASON_MAX];
    long owner;
    if (!check_world(config, CHECK_ALONE, print_warning, NULL, &owner, line) || !gateway_check_store(config, line)) {
        fprintf(stderr, "%s\n", line);
        return 1;
    }
    printf("%s: ok\n%s\n", file, line);
    if (owner != 0)
        printf("process %ld runs with this store: that it holds the addresses and the socket is taken for granted\n",
               owner);
    return 0;
}

static void print_fault(void *ctx, const char *table, const char *key, const char *what)
{
    (void)ctx;
    printf("%s: %s: %s\n", table, key, what);
}

/* --verify-store: a line for each fault, and one about all. Returns the exit status. */
static int verify(const struct config *config)
{
    char line[GATEWAY_REASON_MAX];
    bool good = gateway_verify_store(config, print_fault, NULL, line);
    fprintf(good ? stdout : stderr, "%s\n", line);
    return good ? 0 : 1;
}

/* --init. Returns the exit status. */
static int init(const struct config *config)
{
    char line[GATEWAY_REASON_MAX];
    bool made = gateway_init(config, line);
    fprintf(made ? stdout : stderr, "%s\n", line);
    return made ? 0 : 1;
}

/* --export-store, --import-store. Returns the exit status. */
static int transfer(const struct config *config, const struct options *options)
{
    char line[GATEWAY_REASON_MAX];
    bool done = options->export_to ? gateway_export(config, options->export_to, line)
                                   : gateway_import(config, options->import_from, line);
    fprintf(done ? stdout : stderr, "%s\n", line);
    return done ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    char reason[CONFIG_REASON_MAX];
    libraries_count_shortages();
    int status = read_options(argc, argv, &options);
    if (status >= 0)
        return status;
    keep_secrets_out_of_cores();
    systemd_open();
    if (!clock_open()) {
        perror("acmegate: the file that ACMEGATE_DEBUG_CLOCK names cannot be read");
        return 1;
    }
    struct config *config = config_load(options.config, reason);
    if (!config) {
        fprintf(stderr, "%s\n", reason);
        return 1;
    }
    if (options.check) {
        status = check(config, options.config);
    } else if (options.verify) {
        status = verify(config);
    } else if (options.init) {
        status = init(config);
    } else if (options.export_to || options.import_from) {
        status = transfer(config, &options);
    } else {
        gateway_set_log(config);
        torn_watch(config->store.engine == CONFIG_LMDB ? config->store.path : NULL);
        curl_global_init_mem(CURL_GLOBAL_DEFAULT, shortage_malloc, free, shortage_realloc, shortage_strdup,
                             shortage_calloc);
        status = run_daemon(config, options.config);
        config = NULL;
        curl_global_cleanup();
    }
    config_free(config);
    return status;
}
