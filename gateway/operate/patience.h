/* patience: clients that wait less than issuance takes, and drop their key each time (issuance.md section 10). */
#ifndef GATEWAY_OPERATE_PATIENCE_H
#define GATEWAY_OPERATE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/certificate.h"

/* Nobody has fetched it, nor will: it is an hour old. One of more than 30 days tells nothing of today's clients. */
bool patience_ended(const struct acme_certificate *certificate, uint64_t now_ms);

#endif
