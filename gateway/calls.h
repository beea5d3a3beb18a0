/* calls: the system calls that the process makes once it serves, and those of the programs that it runs. For confine.c
 * alone.
 */
#ifndef GATEWAY_CALLS_H
#define GATEWAY_CALLS_H

/* Names as the kernel has them, then NULL; one that an architecture or libseccomp does not know is passed over there.
 * Calls that are allowed with some arguments only are in confine.c: clone, clone3, socket, mmap, mprotect. */
extern const char *const calls_own[], *const calls_of_programs[];

#endif
