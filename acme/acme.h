/* acme: RFC 8555 as pure logic. A request comes in as a struct, a reply goes out as a struct.
 *
 * Law of this header
 * - struct acme is shared by all threads; struct acme_thread belongs to one.
 * - acme_begin reads the store in one short snapshot and either answers (ACME_DONE) or asks for a commit (ACME_COMMIT):
 *   the caller submits task's change with store_submit, and when it is done calls acme_committed on the thread that
 *   began. That answers, or asks to hold the reply (ACME_HOLD) until the topic is notified or the time is over; then
 *   acme_resume answers or asks to hold on.
 * - Where a reply is to be noted and nobody has to wait for that (ACME_NOTE), it is ready like one of ACME_DONE: it may
 *   leave at once, and the caller submits the change whatever becomes of it, without acme_committed.
 * - Nothing here blocks, opens a socket or looks at a clock: the time comes with the request.
 * - What it needs from outside it asks of struct acme_hooks.
 */
#ifndef ACME_ACME_H
#define ACME_ACME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/authorization.h"
#include "acme/certificate.h"
#include "acme/csr.h"
#include "acme/id.h"
#include "acme/identifier.h"
#include "acme/limits.h"
#include "acme/order.h"
#include "acme/problem.h"
#include "acme/tables.h"
#include "store/store.h"

struct acme;
struct acme_thread;
struct acme_task;

/* A profile as clients see it, draft-ietf-acme-profiles. */
struct acme_profile {
    const char *name, *description;
};

/* What the ACME side asks of whoever runs it. ctx is passed to each. */
struct acme_hooks {
    void *ctx;
    /* newOrder, on the request's thread, with a snapshot: can these names be ordered under the policy? profile is
     * the name of the one that the client wishes, "" for none, and becomes that of the one that it gets. False sets
     * *problem (rejectedIdentifier, invalidProfile, rateLimited, ...). */
    bool (*may_order)(void *ctx, struct store_txn *txn, const char *policy, const struct acme_names *names,
                      char profile[static ACME_POLICY_MAX + 1], struct acme_problem *problem);
    /* A challenge became processing, inside the transaction: store the job that validates it. */
    enum store_status (*validate)(void *ctx, struct store_txn *txn,
                                  const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN], uint64_t now_ms);
    /* finalize, inside the transaction: create what gets the order its certificate. The order is saved by the caller
     * as processing afterwards. STORE_REFUSED with *problem set says no. */
    enum store_status (*accept_csr)(void *ctx, struct store_txn *txn, const struct acme_order *order,
                                    const struct acme_csr *csr, uint64_t now_ms, struct acme_problem *problem);
    /* revokeCert, inside the transaction that stores the revocation as asked: store the job that carries it out.
     * account is who asks, NULL where the certificate's own key did. The certificate's id is the topic to notify. */
    enum store_status (*revoke)(void *ctx, struct store_txn *txn, const struct acme_certificate *certificate,
                                const struct acme_id *account, uint64_t now_ms);
    /* The change that makes a challenge processing is about to be submitted: the validation may begin beside its
     * commit. The outcome counts only where it is stored after it; otherwise the job validates again. On the request's
     * thread; NULL: nobody begins. */
    void (*validate_soon)(void *validator, const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN],
                          const struct acme_validation *validation);
    void *validator;
};

/* Requests a minute that make something new: newAccount, newOrder, newAuthz, keyChange, revokeCert. 0: no limit. */
struct acme_rates {
    unsigned address, account, external_key;
};

/* Behind the base URL: what the hashed account URIs of dns-persist-01 begin with. No resource is there. */
#define ACME_ACCOUNT_HASH_PATH "/acme/account-hash/"

struct acme_config {
    struct store *store;
    const char *base_url;           /* "https://acme.example.com", no final slash; every URL is base_url + path */
    const char *instance;           /* nonce prefix */
    bool shares; /* the store with other gateways: nonces are good at all of them. Then there is a seal. Of the first
                  * configuration alone */
    bool external_account_required; /* newAccount needs a binding, and accounts made without one are refused */
    const uint8_t *seal; /* EXTERNAL_KEY_SEAL_LEN octets that open external account keys; NULL: none can be used */
    const char *terms_of_service, *website; /* NULL: not shown */
    const char *const *caa_identities; /* NULL-terminated; NULL: not shown. Also the issuer's names of dns-persist-01 */
    const struct acme_profile *profiles; /* profile_count of them, which must outlive it; none: not shown */
    unsigned profile_count;
    unsigned identifiers_max;         /* per order */
    bool offer[ACME_CHALLENGE_TYPES]; /* challenge types offered, by enum acme_challenge_type */
    uint32_t order_lifetime_s;        /* of pending and ready orders, and pending authorizations */
    uint32_t authz_valid_s;           /* how long a valid authorization serves new orders; 0: never reused */
    uint32_t hold_finalize_ms, hold_challenge_ms;
    struct acme_rates rates;
    /* Why nobody may use the key any more, as a clause (static); NULL: no reason is known. modulus_sha1: see
     * key_policy.h, NULL for keys that are not RSA. Any thread. NULL: no lists. */
    const char *(*key_listed)(void *lists, const uint8_t spki_sha256[static 32], const uint8_t *modulus_sha1);
    void *key_lists;
    struct acme_hooks hooks;
    /* What has the strings and lists that stand here: dropped when nobody reads them any more, on any thread. */
    const void *owner;
    void (*drop)(const void *owner); /* NULL: they live as long as struct acme */
};

/* Takes owner over. NULL when out of memory, or when base_url is longer than ACME_URL_MAX - 128 octets: then owner is
 * the caller's still. */
struct acme *acme_make(const struct acme_config *config);
/* Another configuration for requests that begin from now on; those under way end by theirs. Its instance and store are
 * those of the first. Takes owner over; false: as acme_make. Any thread. */
bool acme_change_config(struct acme *acme, const struct acme_config *config);
void acme_free(struct acme *acme);
struct acme_thread *acme_thread_make(void);
void acme_thread_free(struct acme_thread *thread);
/* Forgets what served no request since the last call; to be called every half a minute or so. On its thread. */
void acme_thread_age(struct acme_thread *thread);

/* Octets that a request's body to this path may have; beyond it is answered with 413, so that nobody need read more. Any
 * thread. */
size_t acme_body_max(const char *path, size_t len);

enum acme_method { ACME_GET, ACME_HEAD, ACME_POST, ACME_OTHER };

/* Pointers need live only during acme_begin, and need not end with NUL. */
struct acme_request {
    enum acme_method method;
    const char *path; /* as sent, without query */
    size_t path_len;
    const char *query; /* behind '?', may be NULL */
    size_t query_len;
    const char *content_type; /* NULL: none */
    size_t content_type_len;
    const char *user_agent;
    size_t user_agent_len;
    const char *peer; /* address in text, NUL-terminated */
    const uint8_t *body;
    size_t body_len;
    bool body_too_large; /* the listener stopped reading at its limit */
    uint64_t now_ms;
    bool doubtful; /* the time may be wrong: nothing expires by it */
};

enum { ACME_LINKS_MAX = 4 };

struct acme_reply {
    int status;
    const char *content_type; /* static; NULL without a body */
    char *body;               /* owned by the task */
    size_t body_len;
    char location[ACME_URL_MAX]; /* "": none */
    char *links[ACME_LINKS_MAX]; /* whole header values: <url>;rel="up"; the task's */
    unsigned link_count;
    char nonce[64];         /* "": none */
    uint32_t retry_after_s; /* 0: none */
    const char *allow;      /* static, for 405; NULL: none */
};

enum acme_step { ACME_DONE, ACME_COMMIT, ACME_HOLD, ACME_NOTE };

/* Never fails: where memory is short the reply is a 503 problem that needs none. *task is owned by the caller. */
enum acme_step acme_begin(struct acme *acme, struct acme_thread *thread, const struct acme_request *request,
                          struct acme_task **task);
/* What to submit after ACME_COMMIT or ACME_NOTE: run fn(txn, task) in the writer. */
enum store_status acme_change(struct store_txn *txn, void *task);
/* After the change was made durable, or not. The same thread as acme_begin. */
enum acme_step acme_committed(struct acme_task *task, struct acme_thread *thread, enum store_status status,
                              uint64_t now_ms);
/* Valid after ACME_HOLD: wait for this topic (an order's, authorization's or certificate's id), at most so long. */
const struct acme_id *acme_hold_topic(const struct acme_task *task);
uint32_t acme_hold_ms(const struct acme_task *task);
/* Looks again. expired: the time is over, answer with what there is. */
enum acme_step acme_resume(struct acme_task *task, struct acme_thread *thread, bool expired, uint64_t now_ms);
/* How long the store may wait with the change for others (struct store_op): the client has its answer already, or what
 * it waits for is under way and will take the change along. */
unsigned acme_patience_ms(const struct acme_task *task);
/* Valid after ACME_DONE or ACME_NOTE, until acme_task_free. */
const struct acme_reply *acme_task_reply(const struct acme_task *task);
/* For the log: the order or account that the request was about, "" where none. Static text of the task. */
const char *acme_task_subject(const struct acme_task *task);
/* The resource that was asked for, a number below ACME_RESOURCES, whatever became of it. Valid after acme_begin. */
unsigned acme_task_resource(const struct acme_task *task);
enum { ACME_RESOURCES = 17 };
/* "newOrder", "finalize"; "none" for the last, which stands for a path that is no resource. Static; NULL beyond. */
const char *acme_resource_text(unsigned resource);
/* The problem that was answered; ACME_PROBLEM_NONE: none was. Valid after ACME_DONE. */
enum acme_problem_type acme_task_problem(const struct acme_task *task);
/* What the operator's log is to be told of a request: that it was refused, and why, that it may cost money, or that a
 * wish of it was passed over. Texts of the task or static, valid until acme_task_free; NULL: unknown, or not of this
 * kind of request. What somebody sent stands there as it was sent: escape it. */
struct acme_remark {
    const char *msg;
    const char *request; /* the resource: its name in the directory, or the pattern of its path */
    const char *account, *external_key, *policy, *order, *names, *serial, *replaces;
    const char *problem, *reason; /* the problem's type ("badCSR") and detail */
};
/* False: there is nothing to say. Valid after ACME_DONE or ACME_NOTE, there before the change is submitted. */
bool acme_task_remark(struct acme_task *task, struct acme_remark *remark);
/* acme_task_free may be called at any step, but not while the change is submitted. */
void acme_task_free(struct acme_task *task);

#endif
