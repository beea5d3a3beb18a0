/* transfer: what a webhook and a mail have in common: one transfer by libcurl and what became of it. Inside this room
 * only; egress thread.
 */
#ifndef GATEWAY_NOTIFY_TRANSFER_H
#define GATEWAY_NOTIFY_TRANSFER_H

#include "gateway/notify/send.h"

struct transfer_of {
    struct egress *egress;
    CURL *easy;
    struct curl_slist *headers, *to; /* owned */
    curl_mime *mime;                 /* owned */
    char *body;                      /* owned */
    char error[CURL_ERROR_SIZE];
    bool mail;
    send_done_fn *done;
    void *ctx;
};

/* NULL when out of memory. Sets what holds for both: no redirect, no proxy of the environment, a connection of its own,
 * the time that it may take, whom it trusts. */
struct transfer_of *transfer_make(struct egress *egress, const struct config_target *target, const char *ca_file,
                                  send_done_fn *done, void *ctx);
void transfer_free(struct transfer_of *transfer);
/* One more header field, "Name: value". False when out of memory. */
bool transfer_add_header(struct transfer_of *transfer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes transfer. False when out of memory: it is freed, done is not called. */
bool transfer_start(struct transfer_of *transfer);

/* webhook.c, mail.c: as send_message. */
bool webhook_send(struct egress *egress, const struct config_target *target, const struct message *message,
                  send_done_fn *done, void *ctx);
bool mail_send(struct egress *egress, const struct config_target *target, const char *to, const struct message *message,
               send_done_fn *done, void *ctx);

#endif
