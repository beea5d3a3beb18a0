/* update: RFC 2136 messages for a CNAME record, signed with TSIG (RFC 8945), and what their answers say. Pure, over
 * ldns; any thread.
 */
#ifndef GATEWAY_DCV_UPDATE_H
#define GATEWAY_DCV_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/config/config.h"
#include "gateway/dcv/record.h"

enum update_kind {
    UPDATE_PUBLISH, /* "delete the CNAME set" and "add" in one message: repeating it changes nothing */
    UPDATE_REMOVE,  /* exactly this record: a newer one is left alone */
    UPDATE_LOOK,    /* a query for it: NOERROR to an update means only that it was received */
};

enum { UPDATE_REASON_MAX = 512, UPDATE_MAC_MAX = 2 + 64 /* its length before it */ };

struct update_message {
    uint8_t *wire; /* owned */
    size_t len;
    uint16_t id;
    uint8_t mac[UPDATE_MAC_MAX]; /* of the request, which its answer is verified with */
    size_t mac_len;
};
/* False when out of memory or for names and keys that DNS cannot carry. */
bool update_make(const struct config_dcv_zone *zone, const struct dcv_record *record, enum update_kind kind,
                 struct update_message *message);
void update_clear(struct update_message *message);
/* Whether the server did what was asked, or, to UPDATE_LOOK, has exactly this record. Otherwise *reason is a sentence.
 */
bool update_judge(const struct config_dcv_zone *zone, const struct dcv_record *record, enum update_kind kind,
                  const struct update_message *message, const uint8_t *answer, size_t len,
                  char reason[static UPDATE_REASON_MAX]);

#endif
