/* complete: what a shell offers for a command line that is begun, from the parser's own tables and the running daemon.
 */
#ifndef CTL_COMPLETE_H
#define CTL_COMPLETE_H

#include "gateway/operate/ctl/command.h"

/* argv: "acmegatectl --complete WORD...", the last word being the one that is begun. One candidate a line on stdout,
 * whatever the word begins with; a line "//files" asks for names of files. */
enum outcome complete(int argc, char **argv);

#endif
