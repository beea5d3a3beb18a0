/* confine: what the process gives up once it serves, so that who takes it over finds little to use.
 *
 * Capabilities and system calls are given up for good, by every thread and by the programs that are run (the DCV hook,
 * those that are told of events). Only for main.c, and for a reload that asks what was given up.
 */
#ifndef GATEWAY_CONFINE_H
#define GATEWAY_CONFINE_H

#include <stdbool.h>

#include "gateway/config/config.h"

enum { CONFINE_REASON_MAX = 256 };

/* Whether a program is run under this configuration. */
bool confine_runs_programs(const struct config *config);

/* Before the first thread is made: nothing that is executed gains rights any more (no_new_privs), and of the
 * capabilities CAP_NET_BIND_SERVICE alone is kept, where the process had it: a reload may name another port below 1024.
 * False: *reason says what the kernel refused. */
bool confine_capabilities(char reason[static CONFINE_REASON_MAX]);

/* Once all threads are made: from here on each of them makes the calls of calls.c alone; another one ends the process
 * by SIGSYS, with a line that names it. programs: some may be run, so that what any program needs is allowed as well.
 * A build with a sanitizer is not confined, and says so. False: *reason. */
bool confine_calls(bool programs, char reason[static CONFINE_REASON_MAX]);

/* Whether confine_calls has forbidden to run programs. Any thread. */
bool confine_forbids_programs(void);

#endif
