/* arguments: the command line, read. One thread. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "sectigo/cli/command.h"

/* Options and parameters behind the command's name, then the secrets from files and the environment (which is cleared
 * of them). False: said why. */
bool arguments_read(struct session *session, char **argv);

#endif
