/* audit: one line for everything that costs or gives back money, and for everything that an operator does, written in
 * the transaction that does it and never changed. issuance.md section 8.3 */
#ifndef GATEWAY_AUDIT_H
#define GATEWAY_AUDIT_H

#include <stdint.h>

#include <jansson.h>

#include "acme/id.h"
#include "acme/identifier.h"
#include "store/store.h"

struct audit_line {
    const char *what; /* "purchase", "replacement", "import"; one word */
    const char *issuance, *policy, *profile, *login, *order_number, *certificate_id;
    const struct acme_id *account;
    const struct acme_names *names;
    uint32_t product;
    int64_t amount_cents;
    uint64_t ordered_ms; /* when it was ordered, where that is not now: it was found later; 0: now */
};

/* Inside a store_fn, and added to what was spent (cost.h). A line for each time it is called, also for the same
 * issuance in the same millisecond. */
enum store_status audit_add(struct store_txn *txn, const struct audit_line *line, uint64_t now_ms);

/* The operator who asked: at the admin socket by uid, at admin.listen by token, or by user of a proxy in front. */
struct audit_by {
    int64_t uid;                               /* -1: not known */
    const char *token, *user, *role, *address; /* NULL: none */
    uint64_t request;                          /* its id in the log; 0: none */
};

/* Inside a store_fn: a line about what an operator did to something that is no order, such as a policy. members: what
 * was given, NULL for nothing; borrowed. */
enum store_status audit_note(struct store_txn *txn, const char *what, const char *subject, const json_t *members,
                             const struct audit_by *by, uint64_t now_ms);

/* A record of ISSUE_AUDIT, whichever of the two wrote it, as one JSON object: a new reference, NULL where it cannot be
 * read. */
json_t *audit_read(struct store_slice key, struct store_slice value);
/* Of a line of the table: when what it tells of was ordered. */
uint64_t audit_ordered_ms(const json_t *line);

#endif
