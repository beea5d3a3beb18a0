/* logins: what upstream.c knows of a login, and what a configuration changes of it. For these two files alone.
 */
#ifndef GATEWAY_ISSUE_UPSTREAM_LOGINS_H
#define GATEWAY_ISSUE_UPSTREAM_LOGINS_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/issue/upstream/breaker.h"
#include "gateway/issue/upstream/upstream.h"

struct pending_call;

/* Calls wait in lanes. Only those of the last one, which may cost money, have all of the breaker's rest to wait for. */
enum lane { LANE_REVOKE, LANE_LOOK, LANE_COLLECT, LANE_OTHER, LANES };
struct queue {
    struct pending_call *first, **end;
};

/* What the configuration says of a login, as far as calls need it; held by each call under way. */
struct terms {
    atomic_uint holds;
    struct sectigo_client *client;
    X509_STORE *anchors;
};

struct upstream_login {
    char *name, *url; /* what it is known by */
    struct upstream *upstream;
    unsigned number;     /* metrics_login */
    struct terms *terms; /* by upstream->lock */
    atomic_uint pace;    /* calls a minute; 0: not paced */
    atomic_uint rest_ms; /* of the breaker, the first */
    struct accept_cache *cas;
    struct egress *egress;
    atomic_bool stopping;
    atomic_int contact;     /* an enum upstream_contact */
    struct breaker breaker; /* of the egress thread, as what follows */
    bool collecting, pumping;
    unsigned paced; /* the pace that tokens go by */
    double tokens;
    uint64_t refilled_ms;
    struct queue waiting[LANES];
    struct egress_watch turn;
    struct upstream_login *next;
};

struct upstream {
    struct egress *egress;
    pthread_mutex_t lock;
    struct upstream_login *logins; /* by lock; the last that came first */
    bool stopping;                 /* likewise */
};

/* What is in force: a hold on it. Any thread. */
struct terms *login_terms_take(struct upstream_login *login);
/* NULL is fine. */
void login_terms_drop(struct terms *terms);

#endif
