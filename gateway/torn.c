#include "gateway/torn.h"

#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Made beforehand: a signal handler may only write. */
static char line[PATH_MAX + 512];
static size_t line_len;
static atomic_flag said = ATOMIC_FLAG_INIT;

/* Several threads may come upon it at once: one speaks, and ends them all. */
static void on_missing_page(int signal_number)
{
    (void)signal_number;
    while (atomic_flag_test_and_set(&said))
        pause();
    ssize_t written = write(STDERR_FILENO, line, line_len);
    (void)written; /* nobody is left to be told */
    _exit(TORN_STATUS);
}

void torn_watch(const char *folder)
{
    struct sigaction missing = {.sa_handler = on_missing_page};
    int len = snprintf(line, sizeof line,
                       "{\"level\":\"error\",\"msg\":\"a page of a file that is mapped cannot be read: it was cut "
                       "short, or its disk is failing. Look at %s/data.mdb: acmegate --verify-store says whether it is "
                       "whole. Restore the latest backup where it is not, and keep this file: it may still say what "
                       "was bought since\"}\n",
                       folder ? folder : "the store's folder");
    line_len = len > 0 && (size_t)len < sizeof line ? (size_t)len : 0;
    sigaction(SIGBUS, &missing, NULL);
}
