/* cabinets: what befalls stores in memory that nobody has open. Tests and simulation alone. Any thread. */
#ifndef STORE_MEMORY_CABINETS_H
#define STORE_MEMORY_CABINETS_H

#include <stdbool.h>

/* Where there is one, its memory is given back. */
void cabinet_forget(const char *name);

#endif
