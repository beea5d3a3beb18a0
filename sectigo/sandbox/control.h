/* control: what stands beside Sectigo's own paths, under /sandbox/: ledger, faults, settings, a hand on the orders, and
 * a page for people. Takes and leaves the sandbox's lock itself. */
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "sectigo/sandbox/answer.h"
#include "sectigo/sandbox/sandbox.h"

/* path: from "/sandbox/" on. Always answers. */
void control_run(struct sandbox *sandbox, const char *method, const char *path, const char *body, size_t len,
                 struct answer *answer);
/* HTML of all orders; malloc'd, NULL when out of memory. Lock held. */
char *page_make(const struct sandbox *sandbox);
/* An order as the ledger shows it; NULL when out of memory. Lock held. */
json_t *ledger_order(const struct order *order);
json_t *ledger_all(const struct sandbox *sandbox);
/* One step of validation done by hand: see README. Lock held. False: *reason says why not. */
bool advance_order(struct sandbox *sandbox, struct order *order, json_t *request, char reason[static 256]);

#endif
