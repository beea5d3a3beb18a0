/* proc: what the server costs, as /proc has it. */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_usage {
    uint64_t user_us, system_us; /* since the process began, all threads */
    uint64_t anonymous;          /* RssAnon, octets */
};

/* False, after a message on stderr, where there is no such process. */
bool proc_read(pid_t pid, struct proc_usage *usage);

#endif
