/* cabinets: what befalls stores in memory that nobody has open. Tests and simulation alone. Any thread. */
#ifndef STORE_MEMORY_CABINETS_H
#define STORE_MEMORY_CABINETS_H

#include <stdbool.h>

/* As a snapshot of the disk, which does not know that it is a copy (store_backup makes one that does): what stood under
 * the name to is gone. False: there is no such store, or memory is short. */
bool cabinet_copy(const char *from, const char *to);
/* Where there is one, its memory is given back. */
void cabinet_forget(const char *name);

#endif
