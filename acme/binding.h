/* binding: the external account binding of newAccount. Private to this room. */
#ifndef ACME_BINDING_H
#define ACME_BINDING_H

#include "acme/task.h"

/* Checks "externalAccountBinding" and gives its key, its policy and itself to the account that is to be made. False
 * sets the problem (malformed, unauthorized). */
bool acme_take_binding(struct acme_exchange *x, struct acme_task *task, const json_t *object);
/* Inside a change: the key still binds, and counts one account more. STORE_REFUSED with *problem where it does not. */
enum store_status acme_count_binding(struct store_txn *txn, const struct acme_account *account,
                                     struct acme_problem *problem);

#endif
