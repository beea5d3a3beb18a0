/* certificates: certificates by what people have in their hands. Inside this room only. */
#ifndef GATEWAY_OPERATE_CERTIFICATES_H
#define GATEWAY_OPERATE_CERTIFICATES_H

#include <jansson.h>

#include "store/store.h"

enum { CERTIFICATES_EXPIRING_DAYS = 30 }; /* where nobody says how many */

/* By its id or its serial number, all of it, with its chain; *json NULL where out of memory. */
enum store_status certificate_show(struct store_txn *txn, const char *text, json_t **json);

#endif
