/* shortage: whether something failed for want of memory.
 *
 * A record of which there was no room for a copy looks like one that is damaged, and libraries often say only that they
 * failed: a signature that could not be computed looks like one that is wrong. So what serves requests, what decodes
 * records, and the libraries that can be told so (acme/libraries.h) allocate through functions that count, for each
 * thread, how often they got nothing. Who is about to put the blame on somebody compares the count with what it was when
 * he began.
 */
#ifndef STORE_SHORTAGE_H
#define STORE_SHORTAGE_H

#include <stddef.h>

/* How often the calling thread got nothing so far. */
unsigned shortage_count(void);
/* A library that allocates by itself says that it got nothing. */
void shortage_note(void);

/* As those of C, and counted. Any thread. */
void *shortage_malloc(size_t size);
void *shortage_calloc(size_t count, size_t size);
void *shortage_realloc(void *old, size_t size);
char *shortage_strdup(const char *text);

#endif
