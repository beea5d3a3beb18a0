/* help: what the program and its commands can be told, from their tables. One thread. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "sectigo/cli/command.h"

void help_program(FILE *stream);
void help_command(const struct command *command);

#endif
