/* refusals: who was refused, from where, for which names and why, kept in a table of its own for the operator.
 *
 * Bounded, since strangers decide how much of it there is: the table has at most REFUSALS_MAX lines, and the oldest
 * make room; the same refusal is one line for an hour, with how often it was; an address has at most
 * REFUSALS_PER_ADDRESS new lines an hour, all together REFUSALS_PER_HOUR; what is beyond is counted in a line of its
 * own. Money and what operators did are in the audit, which nothing of this touches.
 */
#ifndef GATEWAY_REFUSALS_H
#define GATEWAY_REFUSALS_H

#include <stdint.h>

#include "store/store.h"

enum { REFUSALS_MAX = 10000, REFUSALS_PER_ADDRESS = 100, REFUSALS_PER_HOUR = 2000 };

struct refusals;

/* Texts as somebody sent them; NULL: not known. */
struct refusal {
    const char *address, *account, *key, *policy, *request, *problem, *reason;
    const char *names;               /* with commas between them */
    const char *token, *user, *role; /* of an operator */
    uint64_t id;                     /* of the request in the log: of the first of those that are alike; 0: none */
};

/* NULL when out of memory. The store must outlive its last write: free after store_close. */
struct refusals *refusals_make(struct store *store);
void refusals_free(struct refusals *refusals);
/* Any thread; does not block: it is written soon after. refusals NULL: nobody keeps them. */
void refusals_note(struct refusals *refusals, const struct refusal *refusal, uint64_t now_ms);

#endif
