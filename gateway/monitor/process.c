/* process: what the kernel knows of this process. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/metrics/metrics.h"
#include "gateway/monitor/sample.h"

static int64_t milliseconds(const struct timeval *time)
{
    return (int64_t)time->tv_sec * 1000 + time->tv_usec / 1000;
}

static void sample_times(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        metrics_set(METRIC_PROCESS_CPU, milliseconds(&usage.ru_utime) + milliseconds(&usage.ru_stime), 0);
}

/* In clock ticks after the boot, as the 22nd field of /proc/self/stat; the second, the program's name, is in brackets
 * and may hold anything. */
void sample_start(void)
{
    char text[1024] = "";
    struct timespec now, boot;
    unsigned long long ticks = 0;
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file)
        return;
    const char *at = fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
    fclose(file);
    for (unsigned field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (!at || sscanf(at, "%llu", &ticks) != 1)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    int64_t up_ms = (int64_t)boot.tv_sec * 1000 + boot.tv_nsec / 1000000;
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    metrics_set(METRIC_PROCESS_START, now_ms - up_ms + (int64_t)(ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK)), 0);
}

static void sample_memory(void)
{
    unsigned long long size, resident;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return;
    if (fscanf(file, "%llu %llu", &size, &resident) == 2)
        metrics_set(METRIC_PROCESS_MEMORY, (int64_t)resident * sysconf(_SC_PAGESIZE), 0);
    fclose(file);
}

static void sample_descriptors(void)
{
    struct rlimit limit;
    int64_t count = -1; /* that of the look itself */
    DIR *folder = opendir("/proc/self/fd");
    if (folder) {
        for (const struct dirent *entry; (entry = readdir(folder));)
            count += entry->d_name[0] != '.';
        closedir(folder);
        metrics_set(METRIC_PROCESS_FDS, count, 0);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metrics_set(METRIC_PROCESS_FDS_MAX, (int64_t)limit.rlim_cur, 0);
}

void sample_process(void)
{
    sample_times();
    sample_memory();
    sample_descriptors();
    for (unsigned level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++)
        metrics_set(METRIC_LOG_LINES, (int64_t)log_count((enum log_level)level), level);
    metrics_set(METRIC_CLOCK_DOUBT, clock_in_doubt(), 0);
    metrics_set(METRIC_BUILD, 1, 0);
}
