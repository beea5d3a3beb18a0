/* message: what a recipient gets: the notices that wait for it as one digest, in the form that it reads. Pure. Any
 * thread.
 */
#ifndef GATEWAY_NOTIFY_MESSAGE_H
#define GATEWAY_NOTIFY_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "gateway/config/config.h"

struct message {
    const char *gateway; /* its URL */
    const char *instance;
    const json_t *items; /* an array of notices (notices.h); empty: a test */
    uint32_t left_out;   /* more of them that nobody wrote down */
    uint64_t now_ms;
};

enum { MESSAGE_SUBJECT_SIZE = 160 };
/* One line of ASCII: "acmegate acme.example.org: 2 held, 1 credit". */
void message_subject(const struct message *message, char out[static MESSAGE_SUBJECT_SIZE]);
/* For people: each with its kind and time, of one kind so many at most, then how many more. malloc'd, NULL when out of
 * memory. */
char *message_text(const struct message *message);
/* A JSON document in one of the forms of webhooks; "json" has all notices as they are. malloc'd, NULL when out of
 * memory.
 */
char *message_body(const struct message *message, enum config_format format);

#endif
