/* task: one request on its way to its reply, and what its handlers share. Private to this room.
 *
 * A handler runs in acme_begin with an exchange: the request, its JWS and a snapshot, all gone when acme_begin returns.
 * What must outlive it (for a change, a held reply) goes into the task. A handler fills the reply (ACME_DONE), or names
 * an operation (ACME_COMMIT), or does both where the change is a note that the reply need not wait for (ACME_NOTE):
 *   change   runs in the writer, perhaps more than once: it reads anew what it changes, and checks it again. That of a
 *            note touches nothing of the reply, which may be on its way;
 *   answer   fills the reply afterwards; NULL for a note;
 *   look     where the reply is held: reads the object again, true once it needs no more waiting.
 */
#ifndef ACME_TASK_H
#define ACME_TASK_H

#include <pthread.h>
#include <stdatomic.h>

#include "acme/account.h"
#include "acme/acme.h"
#include "acme/jws.h"
#include "acme/nonce.h"
#include "acme/policy.h"
#include "acme/shared_nonce.h"

struct acme_exchange;
struct acme_route;
struct key_cache;

/* How requests are served: immutable but for its count. A task holds the one that was in force when it began. */
struct acme_view {
    atomic_uint holds;
    struct acme_config config;
    struct nonces *nonces; /* of struct acme, like the next two */
    struct shared_nonces *shared; /* in their place; NULL: this gateway has the store for itself */
    struct limiter *limiter;
};

struct acme {
    const uint8_t *seal; /* the first configuration's: there is no other */
    struct nonces *nonces;
    struct shared_nonces *shared;
    struct limiter *limiter;
    pthread_mutex_t lock;
    struct acme_view *view; /* in force; by lock */
};

/* A hold on the one in force: a task's, which acme_task_free drops. Any thread. */
struct acme_view *acme_view_take(struct acme *acme);

struct acme_thread {
    struct key_cache *keys;
};

enum { ACME_PATIENCE_MS = 10 }; /* for changes that nobody waits for */

struct acme_operation {
    enum store_status (*change)(struct store_txn *txn, struct acme_task *task);
    void (*answer)(struct acme_task *task);
    bool (*look)(struct store_txn *txn, struct acme_task *task);
};

struct acme_task {
    struct acme_view *acme;
    uint64_t now_ms;
    bool doubtful; /* nothing expires by now_ms */
    struct acme_reply reply;
    struct acme_problem problem;
    bool wants_nonce, wants_index;
    /* for the operator's log, remark.h */
    const char *resource;                    /* static; NULL: nobody who signs */
    unsigned route;                          /* acme_route_number */
    bool refused;                            /* the reply is the problem */
    unsigned shortages;                      /* shortage_count when this thread began with it */
    bool verified;                           /* the signature was good, and the nonce */
    bool foreign_replaces;                   /* newOrder: what it replaces was not issued here */
    char asker[ACME_ID_TEXT + 1];            /* the account that asks, "" where it is not known */
    char named_key[EXTERNAL_KEY_ID_MAX + 1]; /* newAccount: what the binding says of its key, verified or not */
    char serial[2 * 20 + 1];                 /* revokeCert: of the certificate, hexadecimal */
    char *remark_names, *remark_reason;      /* owned */
    char subject[ACME_ID_TEXT + 1];
    const struct acme_operation *operation; /* after ACME_COMMIT or ACME_NOTE */
    struct acme_id topic;                   /* for ACME_HOLD, with hold_ms > 0 */
    uint32_t hold_ms;
    unsigned patience_ms; /* of the change */

    struct acme_account account; /* who asks; for newAccount who is to be made */
    struct acme_policy policy;   /* newOrder, newAuthz, newAccount: the account's */
    struct acme_account present; /* newAccount, keyChange: who has the key already */
    bool key_taken;              /* present is set */
    struct acme_order order;
    struct acme_identifier *ancestors; /* newOrder: see ancestors.h; owned */
    bool subdomains;                   /* newAuthz: the authorization is to serve the names below */
    struct acme_authz authz;
    enum acme_challenge_type challenge;
    struct acme_csr csr;
    struct acme_id certificate;
    struct jwk *new_key; /* keyChange; owned. Not in here: a task may wait long, and most change no key */
    uint8_t revocation_reason;
    bool by_certificate_key; /* revokeCert: nobody's account asks */
};

struct acme_exchange {
    struct acme_thread *thread;
    const struct acme_request *request;
    const struct acme_route *route;
    struct acme_id id; /* of the path */
    enum acme_challenge_type challenge;
    struct store_txn *snapshot;
    struct jws jws;
    EVP_PKEY *key; /* of the account that asks; borrowed from the cache */
    json_t *payload;
};

typedef enum acme_step acme_handler(struct acme_exchange *x, struct acme_task *task);

/* Handlers, by resource. */
acme_handler acme_get_directory, acme_post_directory, acme_get_nonce, acme_post_nonce;
acme_handler acme_post_new_account, acme_post_account, acme_post_key_change, acme_post_orders, acme_post_revoke_cert;
acme_handler acme_post_new_order, acme_post_order, acme_post_finalize;
acme_handler acme_post_new_authz, acme_post_authz, acme_post_challenge, acme_post_certificate, acme_post_alternate;
acme_handler acme_get_renewal_info;

/* The payload as a JSON object, parsed once; NULL: the problem is set. Borrowed. */
json_t *acme_payload(struct acme_exchange *x, struct acme_task *task);
static inline bool acme_is_post_as_get(const struct acme_exchange *x)
{
    return x->jws.payload_len == 0;
}
/* What of the path is behind its last slash; borrowed of the request. */
struct store_slice acme_last_segment(const struct acme_exchange *x);
/* False and the problem set where a payload came that this resource has no use for (RFC 8555 section 6.3). */
bool acme_no_payload(const struct acme_exchange *x, struct acme_task *task);

/* Loads for a request: the object, and it must be of the account that asks; otherwise false with a problem that is the
 * same for an object of others and for one that does not exist. */
bool acme_own_order(struct store_txn *txn, struct acme_task *task, const struct acme_id *id);
bool acme_own_authz(struct store_txn *txn, struct acme_task *task, const struct acme_id *id);
/* Loads the policy of the account that asks into the task, from the snapshot; false sets the problem. */
bool acme_take_policy(struct acme_exchange *x, struct acme_task *task);
/* In a change: STORE_OK while the account that asks is still valid, and its external account key enabled; otherwise
 * STORE_REFUSED and the problem. */
enum store_status acme_require_account(struct store_txn *txn, struct acme_task *task);
/* Inside a change, of newOrder and finalize: task->order, filled but for its authorizations, is stored with them; the
 * order of task->order.id takes task->csr. What may be asked before has been. */
enum store_status acme_create_order(struct store_txn *txn, struct acme_task *task);
enum store_status acme_accept_csr(struct store_txn *txn, struct acme_task *task);
/* The same of revokeCert, for task->certificate: the account that asks is still valid, and may. STORE_REFUSED: the
 * problem says why not. */
enum store_status acme_revoke_certificate(struct store_txn *txn, struct acme_task *task);
/* Sets the problem that a failed read or change is to the client. */
void acme_store_problem(struct acme_problem *problem, enum store_status status);

/* The time by which things expire: the beginning of time while the clock is in doubt. */
static inline uint64_t acme_expiry_s(const struct acme_task *task)
{
    return task->doubtful ? 0 : task->now_ms / 1000;
}

static inline uint64_t acme_now_s(const struct acme_task *task)
{
    return task->now_ms / 1000;
}
void acme_set_subject(struct acme_task *task, const struct acme_id *id);
/* The order that the authorization was made for, or the authorization itself where it was made for none. */
void acme_set_authz_subject(struct acme_task *task, const struct acme_authz *authz);

#endif
