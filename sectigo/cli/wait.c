#include "sectigo/cli/wait.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Domain validation takes minutes; after that, Sectigo asks not to look more often than every 3 hours. */
static const double first_interval_s = 60, longest_interval_s = 3 * 3600, limit_s = 24 * 3600;

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void wait_begin(struct wait *wait, const struct session *session)
{
    const struct settings *settings = &session->settings;

    *wait = (struct wait){
        .session = session,
        .interval_s = settings->interval_s > 0 ? settings->interval_s : first_interval_s,
        .end_s = now_s() + (settings->wait_limit_s > 0 ? settings->wait_limit_s : limit_s),
    };
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static void sleep_for(double seconds)
{
    time_t whole = (time_t)seconds;
    struct timespec rest = {.tv_sec = whole, .tv_nsec = (long)((seconds - (double)whole) * 1e9)};

    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, &rest) == EINTR)
        ;
}

/* On a terminal each look takes the place of the one before. */
static void tell_progress(const struct wait *wait, const char *what, const char *seen, double pause_s)
{
    bool terminal = isatty(STDERR_FILENO);
    time_t now = time(NULL);
    struct tm parts;
    char clock[16] = "";

    if (localtime_r(&now, &parts))
        strftime(clock, sizeof clock, "%H:%M:%S", &parts);
    fprintf(stderr, "%s%s %s: %s (look %u, the next in %.3g s)%s", terminal ? "\r\033[K" : "", clock, what, seen,
            wait->looks, pause_s, terminal ? "" : "\n");
    fflush(stderr);
}

void wait_end(const struct wait *wait)
{
    if (wait->looks > 0 && isatty(STDERR_FILENO))
        fputc('\n', stderr);
}

bool wait_on(struct wait *wait, const char *what, const char *seen)
{
    double left_s = wait->end_s - now_s(), pause_s = smaller(wait->interval_s, left_s);

    if (left_s <= 0) {
        wait_end(wait);
        complain(wait->session, "%s: %s; no more waiting after %u looks", what, seen, wait->looks + 1);
        return false;
    }
    wait->looks++;
    tell_progress(wait, what, seen, pause_s);
    sleep_for(pause_s);
    if (wait->session->settings.interval_s <= 0)
        wait->interval_s = smaller(wait->interval_s * 2, longest_interval_s);
    return true;
}
