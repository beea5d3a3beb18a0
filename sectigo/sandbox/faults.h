/* faults: what goes wrong on request. Rules come by POST /sandbox/faults; each fires a number of times.
 *
 * Has its own lock. Any thread.
 */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>

#include "sectigo/sandbox/fields.h"

/* When in the life of a request (or of a notification) a rule fires. */
enum fault_phase {
    FAULT_CONNECT, /* before TLS */
    FAULT_BEFORE,  /* the request is read, nothing is done */
    FAULT_AFTER,   /* it is done, the answer not sent */
    FAULT_PUSH,    /* a notification comes into being */
    FAULT_CARRY,   /* a notification with a certificate is sent */
};
enum fault_action {
    FAULT_REFUSE,     /* the connection is closed before TLS */
    FAULT_OVERTAKEN,  /* waits until a later request of the endpoint was answered, at most `seconds` (10) */
    FAULT_DELAY,      /* waits `seconds` (1), then goes on as usual */
    FAULT_CODE,       /* code:-42: answers that code, does nothing */
    FAULT_STATUS,     /* status-500: that HTTP status, does nothing */
    FAULT_LOSE,       /* lose-reply-after-accept: done; after `seconds` (0) the connection is reset */
    FAULT_CLOSE,      /* close-without-reply: done; the connection is closed in order, not a byte sent */
    FAULT_CODE_AFTER, /* code-after-accept:-14 */
    FAULT_STATUS_AFTER,
    FAULT_HTML,                /* html-after-accept: status 200 and a page */
    FAULT_RESET_BODY,          /* reset-mid-body */
    FAULT_TRUNCATE,            /* truncate: half of the body, then the connection is closed in order */
    FAULT_SHORT,               /* short-body: half of the body, announced as the whole */
    FAULT_FOREIGN_NUMBER,      /* foreign-number: done; the order number in the answer is the oldest order's */
    FAULT_FOREIGN_CERTIFICATE, /* foreign-certificate: the certificate ID is */
    FAULT_SLOW,                /* slow: the body drips, spread over `seconds` (5) */
    FAULT_PUSH_EARLY,          /* push-early: the answer waits until a notification went out, at most 10 s */
    FAULT_PUSH_DROP,
    FAULT_PUSH_DUPLICATE,
    FAULT_PUSH_DELAY,        /* by `seconds` (2) */
    FAULT_WRONG_CERTIFICATE, /* the notification carries a certificate of another key */
};

struct fault {
    enum fault_action action;
    int number; /* of code: and status- */
    double seconds;
};

struct faults {
    pthread_mutex_t lock;
    struct list rules;
    json_t *fired; /* array: what fired, for people and tests */
};

bool faults_open(struct faults *faults);
void faults_close(struct faults *faults);
/* The first rule for that endpoint ("*" and no endpoint in a rule mean any) and phase fires, if its turn has come. */
bool faults_take(struct faults *faults, const char *endpoint, enum fault_phase phase, struct fault *fault);
/* One rule or an array of them. False: *reason names what is wrong with them; none is added then. */
bool faults_add(struct faults *faults, json_t *json, char reason[static 256]);
void faults_clear(struct faults *faults);
/* {"rules":[...],"fired":[...]}; NULL when out of memory. */
json_t *faults_show(struct faults *faults);

#endif
