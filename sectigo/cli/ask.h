/* ask: a question on the terminal before what costs money or cannot be undone. One thread. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "sectigo/cli/command.h"

/* The command's question, where it has one and --yes is not given. False: not confirmed, or nobody to ask; said so. */
bool ask(const struct session *session);

#endif
