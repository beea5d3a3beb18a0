/* request: a call in words, before or instead of sending it. One thread. */
#ifndef CLI_REQUEST_H
#define CLI_REQUEST_H

#include <stdio.h>

#include "sectigo/cli/command.h"

/* --dry-run: the URL and every parameter on stdout, secrets as ***. */
enum outcome request_show(const struct session *session);

/* " --OPTION VALUE", quoted for a shell. */
void request_put_option(FILE *stream, const char *option, const char *value);

/* "sectigo report --url ... --login ... --OPTION VALUE", quoted for a shell: what to do next, like the command at hand.
 * malloc'd; NULL when out of memory. */
char *request_command_line(const struct session *session, const char *command, const char *option, const char *value);

#endif
