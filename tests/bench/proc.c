#include "proc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* proc(5): the parent is field 4; utime, stime and those of children that have ended are 14 to 17; the second field is
 * a name in brackets that may hold anything. False: no such process. */
static bool read_stat(pid_t pid, pid_t *parent, struct proc_usage *usage)
{
    char path[64], line[1024];
    unsigned long long user, system, ended_user, ended_system;
    uint64_t tick_us = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t len = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[len] = '\0';
    const char *rest = strrchr(line, ')');
    if (rest == NULL || sscanf(rest + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu", parent,
                               &user, &system, &ended_user, &ended_system) != 5)
        return false;
    usage->user_us += (user + ended_user) * tick_us;
    usage->system_us += (system + ended_system) * tick_us;
    return true;
}

/* What children of pid, and theirs, have used is added. */
static void add_children(pid_t pid, struct proc_usage *usage)
{
    DIR *all = opendir("/proc");
    for (const struct dirent *entry; all != NULL && (entry = readdir(all)) != NULL;) {
        struct proc_usage used = {0};
        pid_t child = (pid_t)strtol(entry->d_name, NULL, 10), parent = 0;
        if (child <= 0 || !read_stat(child, &parent, &used) || parent != pid)
            continue;
        usage->user_us += used.user_us;
        usage->system_us += used.system_us;
        add_children(child, usage);
    }
    if (all != NULL)
        closedir(all);
}

static bool read_times(pid_t pid, struct proc_usage *usage)
{
    pid_t parent;
    if (!read_stat(pid, &parent, usage))
        return false;
    add_children(pid, usage);
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
