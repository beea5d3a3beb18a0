/* memory: what the process has freed is given back to the kernel. The allocator keeps what a burst of connections or of
 * calls had, spread over the threads' arenas, for as long as the process lives. */
#ifndef GATEWAY_MEMORY_H
#define GATEWAY_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

enum { MEMORY_LOOK_MS = 5000 };

/* Every MEMORY_LOOK_MS, on one thread: gives back what is free, where that is worth while. Other threads that allocate
 * meanwhile wait for some milliseconds at most. */
void memory_give_back(void);

/* One line in the log for all that the calling thread got no memory for since it last asked (store/shortage.h); false
 * where there was nothing. *told: 0 at first. For threads that serve many, after each turn. */
bool memory_tell_shortage(unsigned *told);

#endif
