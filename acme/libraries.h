/* libraries: OpenSSL and jansson where memory is short. */
#ifndef ACME_LIBRARIES_H
#define ACME_LIBRARIES_H

#include <stddef.h>

#include <jansson.h>

/* What they get no memory for is counted from now on (store/shortage.h). Main thread, before either of them has
 * allocated. */
void libraries_count_shortages(void);
/* json_dumps, whose text lacks pieces where memory was short meanwhile: then NULL. */
char *libraries_dump(const json_t *json, size_t flags);

#endif
