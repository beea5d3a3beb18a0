/* tell: the job that tells a recipient what waits for it, again and again until it takes it. Inside this room only. */
#ifndef GATEWAY_NOTIFY_TELL_H
#define GATEWAY_NOTIFY_TELL_H

#include "gateway/notify/notifier.h"
#include "gateway/work.h"

struct watcher;

struct notifier {
    struct notifier_config at;
    struct runner run;
    struct watcher *watcher; /* the thread that looks; NULL: not started */
};

extern const struct work_kind tell_work; /* owner: a struct notifier */

/* After so many failures in a row, the first included: doubling from retry_ms to an hour. Pure. */
uint64_t tell_back_off_ms(uint32_t failures, uint32_t retry_ms);

/* watch.c: the thread. NULL when out of memory or of threads. */
struct watcher *watcher_start(const struct notifier_config *config);
void watcher_stop(struct watcher *watcher);

#endif
