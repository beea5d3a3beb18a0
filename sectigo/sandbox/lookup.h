/* lookup: DNS questions with a deadline, over libunbound. One lookup belongs to one thread.
 *
 * Nothing is remembered between questions: a name just published must be seen at once.
 */
#ifndef SANDBOX_LOOKUP_H
#define SANDBOX_LOOKUP_H

#include <stddef.h>
#include <unbound.h>

enum lookup_type { LOOKUP_A = 1, LOOKUP_CNAME = 5, LOOKUP_AAAA = 28, LOOKUP_CAA = 257 };
enum lookup_status {
    LOOKUP_FOUND,
    LOOKUP_NONE,   /* the name or the type does not exist */
    LOOKUP_FAILED, /* no answer, SERVFAIL */
};

struct lookup;
/* resolver "ADDR@PORT", NULL: those of /etc/resolv.conf. NULL when out of memory or the address is refused. */
struct lookup *lookup_open(const char *resolver);
void lookup_close(struct lookup *lookup);
/* On LOOKUP_FOUND *result is the caller's to give to ub_resolve_free; it may hold no data of that type where the answer
 * is a CNAME alone. */
enum lookup_status lookup_ask(struct lookup *lookup, const char *name, enum lookup_type type,
                              struct ub_result **result);
/* A and AAAA as text, at most max; how many. *failed: a question got no answer. */
size_t lookup_addresses(struct lookup *lookup, const char *name, char (*out)[46], size_t max, int *failed);

#endif
