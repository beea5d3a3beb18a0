/* publish: puts a record in place or takes it away, by RFC 2136 or by the operator's hook, and makes sure that it
 * worked. On the egress thread, asynchronous.
 */
#ifndef GATEWAY_DCV_PUBLISH_H
#define GATEWAY_DCV_PUBLISH_H

#include "gateway/config/config.h"
#include "gateway/dcv/record.h"
#include "gateway/egress/egress.h"

enum { PUBLISH_REASON_MAX = 1024 };

/* ok: the record is there (or gone). Otherwise reason is a sentence. */
typedef void publish_done_fn(void *ctx, bool ok, const char *reason);

/* Replaces the CNAME set of the record's owner. Both copy the record, and call done exactly once, later or at once
 * (where nothing can be started). */
void publish_record(struct egress *egress, const struct config_dcv *dcv, const struct dcv_record *record,
                    publish_done_fn *done, void *ctx);
/* Takes away exactly this record; ok also where it is not there. */
void publish_remove(struct egress *egress, const struct config_dcv *dcv, const struct dcv_record *record,
                    publish_done_fn *done, void *ctx);

#endif
