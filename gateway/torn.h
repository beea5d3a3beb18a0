/* torn: the store's file is mapped, so a page that is not there any more (somebody cut the file, or the disk cannot
 * read it) comes as a signal in the middle of whatever reads it. The program can but end: what was committed is on the
 * disk, and what was under way is taken up by the next start, which looks at the file first.
 */
#ifndef GATEWAY_TORN_H
#define GATEWAY_TORN_H

enum { TORN_STATUS = 74 }; /* EX_IOERR; the unit does not start it anew after this one */

/* From now on SIGBUS writes one line to stderr, that names the store in this folder, and ends the process with
 * TORN_STATUS. NULL: the store is no folder. Before there is a second thread. */
void torn_watch(const char *folder);

#endif
