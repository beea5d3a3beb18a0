/* reply: what all URL-encoded answers have in common. Internal to sectigo/. Pure; any thread. */
#ifndef SECTIGO_REPLY_H
#define SECTIGO_REPLY_H

#include "sectigo/sectigo.h"

struct sectigo_reply {
    struct sectigo_form form;
    int code;
    char message[SECTIGO_MESSAGE_MAX]; /* errorMessage; for a refusal without one the table's words */
};

/* False: no answer (no form, errorCode missing, not a number, or given twice). Clear in both cases. */
bool sectigo_reply_open(enum sectigo_call_kind call, const char *body, size_t len, struct sectigo_reply *reply);
void sectigo_reply_clear(struct sectigo_reply *reply);
/* Of the fields that hold base64: keep their literal '+'. NULL-terminated. */
extern const char *const sectigo_reply_base64[];
/* Sets message for a code: text where there is some, the table's words otherwise; "" on success. */
void sectigo_reply_message(enum sectigo_call_kind call, int code, const char *text,
                           char message[static SECTIGO_MESSAGE_MAX]);
/* "12_3_name": reads up to two leading indexes (0 where absent) and answers the rest; NULL where an index is 0 or over
 * 99,999. */
const char *sectigo_reply_indexes(const char *name, unsigned *first, unsigned *second);

#endif
