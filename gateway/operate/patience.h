/* patience: clients that wait less than issuance takes, and drop their key each time (issuance.md section 10). */
#ifndef GATEWAY_OPERATE_PATIENCE_H
#define GATEWAY_OPERATE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/certificate.h"

/* Visits the certificates that nobody has fetched, nor will: they are an hour old. Those of more than 30 days tell
 * nothing of today's clients. Return false to stop. */
typedef bool patience_fn(void *ctx, struct store_txn *txn, const struct acme_certificate *certificate);
enum store_status patience_visit(struct store_txn *txn, uint64_t now_ms, patience_fn *visit, void *ctx);

#endif
