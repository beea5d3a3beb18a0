/* collect: fetching certificates, also for the commands that have just ordered one. One thread. */
#ifndef CLI_COLLECT_H
#define CLI_COLLECT_H

#include "sectigo/cli/command.h"

/* Waits for the order that the session has placed, and shows its certificate. */
enum outcome collect_placed(struct session *session);

#endif
