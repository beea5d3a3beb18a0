/* egress_internal: the egress thread's parts, as they see each other. Internal to egress*.c; egress thread only. */
#ifndef GATEWAY_EGRESS_INTERNAL_H
#define GATEWAY_EGRESS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <unbound-event.h>

#include "gateway/egress/egress.h"
#include "gateway/egress/loop.h"

enum { EGRESS_EASY_POOL = 64, EGRESS_RECENT_SLOTS = 8192 };

struct transfer;
struct recent_answer;
struct resolver;

struct egress_transfers {
    CURLM *multi;
    struct transfer *list;
    struct egress_watch timer; /* libcurl's one timer */
    CURL *pool[EGRESS_EASY_POOL];
    unsigned pooled;
};

/* What libunbound waits in. */
struct egress_dns_base {
    struct ub_event_base head; /* first */
    struct egress_loop *loop;
    bool closing; /* its deadlines mean nothing any more */
};

struct egress_dns {
    struct egress_dns_base base;
    struct resolver *resolvers[EGRESS_VIEWS]; /* that of the outside is NULL where it is our own */
    struct resolver *retired;                 /* replaced, with lookups that are under way */
    struct egress_watch reap;
    size_t under_way; /* lookups; each has its deadline in the heap */
    struct recent_answer *recent[EGRESS_RECENT_SLOTS];
};

/* Copies of what resolvers were wanted: tried, and to be made on the egress thread. */
struct egress_prepared {
    struct egress_config views[EGRESS_VIEWS];
    struct egress *egress;
    struct egress_post post;
};

struct egress {
    struct egress_loop loop;
    struct egress_transfers transfers;
    struct egress_dns dns;
    bool draining; /* egress_stop was called */
    bool failing;  /* and its deadline is over */
    uint64_t drain_until_ms;
    struct egress_post turn; /* asked for, and not seen to, while `turning` */
    atomic_bool turning;
    uint64_t short_ms; /* when a descriptor was lacking last; 0: never */
    unsigned shortages; /* of memory_tell_shortage */

    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows, for egress_post and egress_stop */
    struct egress_post *posts, **last_post;
    bool stop;
    uint32_t stop_within_ms;
    int wake_fd;
};

bool egress_transfers_open(struct egress *egress, const struct egress_config *config,
                           char reason[static EGRESS_REASON_MAX]);
/* Ends every transfer with CURLE_ABORTED_BY_CALLBACK. */
void egress_transfers_fail(struct egress *egress);
/* Nothing may be under way. */
void egress_transfers_close(struct egress *egress);

bool egress_dns_open(struct egress *egress, const struct egress_config *config, char reason[static EGRESS_REASON_MAX]);
/* From the next lookup on; those under way end as they began. Where they cannot be made, the old ones stay: *reason. */
bool egress_dns_replace(struct egress *egress, const struct egress_prepared *prepared,
                        char reason[static EGRESS_REASON_MAX]);
/* Nothing may be under way. */
void egress_dns_close(struct egress *egress);

/* dns_events.c. Must not be moved while a context has it. */
void egress_dns_base_init(struct egress_dns_base *base, struct egress_loop *loop);

/* dns_packet.c. The records of the type that the packet's question asks for, of its name or what that is an alias of:
 * in *memory, the caller's to free. rcode: the packet's, SERVFAIL where it cannot be read. False when out of memory. */
bool egress_dns_records(const uint8_t *packet, size_t len, struct egress_dns_answer *answer, int *rcode, void **memory);

/* recent.c. Copies the answer, where it is one that may be told again; whatever the slot held is forgotten. */
void egress_recent_keep(struct egress_dns *dns, enum egress_view view, const char *name, int rr_type,
                        const struct egress_dns_answer *answer);
/* One that is younger, to be released; NULL: none. */
struct recent_answer *egress_recent_take(struct egress_dns *dns, enum egress_view view, const char *name, int rr_type,
                                         uint32_t max_age_ms);
const struct egress_dns_answer *egress_recent_answer(const struct recent_answer *recent);
void egress_recent_release(struct recent_answer *recent);
void egress_recent_clear(struct egress_dns *dns);

#endif
