/* memory: what the process has freed is given back to the kernel. The allocator keeps what a burst of connections or of
 * calls had, spread over the threads' arenas, for as long as the process lives. */
#ifndef GATEWAY_MEMORY_H
#define GATEWAY_MEMORY_H

#include <stdint.h>

enum { MEMORY_LOOK_MS = 5000 };

/* Every MEMORY_LOOK_MS, on one thread: gives back what is free, where that is worth while. Other threads that allocate
 * meanwhile wait for some milliseconds at most. */
void memory_give_back(void);

#endif
