#include "proc.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* proc(5): utime and stime are fields 14 and 15; the second field is a name in brackets that may hold anything. */
static bool read_times(pid_t pid, struct proc_usage *usage)
{
    char path[64], line[1024];
    unsigned long long user, system;
    uint64_t tick_us = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t len = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[len] = '\0';
    const char *rest = strrchr(line, ')');
    if (rest == NULL || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
        return false;
    usage->user_us = user * tick_us;
    usage->system_us = system * tick_us;
    return true;
}

static bool read_memory(pid_t pid, struct proc_usage *usage)
{
    char path[64], line[256];
    unsigned long long kib;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = sscanf(line, "RssAnon: %llu", &kib) == 1;
    fclose(file);
    if (found)
        usage->anonymous = kib * 1024;
    return found;
}

bool proc_read(pid_t pid, struct proc_usage *usage)
{
    *usage = (struct proc_usage){0};
    if (read_times(pid, usage) && read_memory(pid, usage))
        return true;
    fprintf(stderr, "acmebench: process %d cannot be observed\n", (int)pid);
    return false;
}
