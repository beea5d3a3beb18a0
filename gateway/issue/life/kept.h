/* kept: certificates that Sectigo sent and that were not delivered, for the operator. issuance.md section 6.
 *
 * The first of each, at most KEPT_MAX.
 */
#ifndef GATEWAY_ISSUE_LIFE_KEPT_H
#define GATEWAY_ISSUE_LIFE_KEPT_H

#include <stdint.h>

#include "gateway/issue/record/issuance.h"
#include "gateway/issue/upstream/accept.h"
#include "store/store.h"

enum { KEPT_MAX = 1000 };

struct kept {
    uint64_t at_ms;
    char issuance[ISSUANCE_ID_MAX + 1];
    char *reason, *leaf; /* owned; leaf: as it came */
};

/* Inside a store_fn. STORE_EXISTS: it was kept before; also STORE_OK where there are too many. */
enum store_status kept_add(struct store_txn *txn, const struct kept *kept);
/* Inside a store_fn: a purchase with this login has brought it, and it is of no use. Where that happens again and again
 * for the same reason the login stops buying (login.h), which is an error line. */
enum store_status kept_count(struct store_txn *txn, const struct kept *kept, const char *login, enum accept_verdict why,
                             uint64_t now_ms);
/* STORE_OK, STORE_INVALID; clear in any case. */
enum store_status kept_decode(struct store_slice value, struct kept *kept);
void kept_clear(struct kept *kept);

#endif
