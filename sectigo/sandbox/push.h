/* push: one notification on its way to the partner's URL (reference 6, notes 2.13). */
#ifndef SANDBOX_PUSH_H
#define SANDBOX_PUSH_H

#include <curl/curl.h>
#include <stdbool.h>

#include "sectigo/sandbox/order.h"

enum { PUSH_RESULT_MAX = 256 };

/* Everything copied: it is sent without the lock. */
struct push {
    struct notification notification;
    char *order_number;                  /* owned */
    char *certificate, *ca_certificates; /* owned, PEM; NULL: none */
};
struct push_target {
    const char *url, *ca_file;
    bool with_certificate; /* then it is a POST, also for what has no certificate */
};
/* True when it was delivered: a status of 2xx. result: what happened, a sentence. */
bool push_send(CURL *curl, const struct push_target *target, const struct push *push,
               char result[static PUSH_RESULT_MAX]);
void push_clear(struct push *push);

#endif
