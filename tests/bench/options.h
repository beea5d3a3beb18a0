/* options: what to measure. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct options {
    const char *directory;
    const char *ca_file; /* NULL: the system's */
    const char *domain;
    const char *http01_address;
    uint16_t http01_port;
    unsigned accounts, orders, names;
    double rate;                        /* orders/s; 0: as fast as they are answered */
    unsigned poll_ms;                   /* 0: as Retry-After says */
    unsigned idle;                      /* connections */
    pid_t pid;                          /* 0: none */
    const char *eab_kid, *eab_key_file; /* both or neither */
    bool leave;
    const char *times_file; /* NULL: none */
};

/* Returns an exit status, or -1 to go on. */
int options_read(int argc, char **argv, struct options *options);

#endif
