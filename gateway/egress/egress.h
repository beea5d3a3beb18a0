/* egress: the one thread that talks to the outside: libcurl's multi interface, libunbound, and plain descriptors.
 *
 * Law of this header
 * - egress_start, egress_stop, egress_free and egress_post: any thread. Everything else: on the egress thread only,
 * that is inside a function that was posted, or inside a callback.
 * - Nothing that runs on this thread may block.
 * - Each started thing calls back exactly once and never from within the call that started it: with an answer, a
 * failure or its deadline. Once the deadline of egress_stop is over everything fails (egress_failing); who started it
 * must then not try again.
 * - Callbacks may start new things. None may be started from within a callback of libcurl's own.
 */
#ifndef GATEWAY_EGRESS_H
#define GATEWAY_EGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

struct egress;

enum { EGRESS_REASON_MAX = 512 };

struct egress_config {
    const char *const *resolvers; /* "127.0.0.1@5353" or "::1" (port 53); empty list: /etc/resolv.conf */
    size_t resolver_count;
    const char *trust_anchor_file;     /* DNSSEC root or zone anchors; NULL: no validation */
    const char *const *insecure_zones; /* zones below which DNSSEC is not asked for */
    size_t insecure_zone_count;
    long max_host_connections; /* to one host at once; 0: 100 */
    /* How the outside sees DNS: of it only what stands above max_host_connections counts. NULL: as this. */
    const struct egress_config *outside;
};

/* NULL: *reason says why. Starts the thread, with every signal blocked in it. Copies *config. Each lookup and transfer
 * takes descriptors: the process should raise RLIMIT_NOFILE. */
struct egress *egress_start(const struct egress_config *config, char reason[static EGRESS_REASON_MAX]);
/* Runs what was posted, lets transfers, lookups and watched descriptors end within deadline_ms (with whatever their
 * callbacks start), fails the rest, joins the thread. egress_post goes on to answer, with false, until egress_free. */
void egress_stop(struct egress *egress, uint32_t deadline_ms);
/* After egress_stop, when nobody is left who may post. NULL is fine. */
void egress_free(struct egress *egress);
/* True once the deadline of egress_stop is over: a failure seen now says nothing about the peer. */
bool egress_failing(const struct egress *egress);
/* Whether resolvers, anchors and insecure zones can be used, as egress_start finds; of *config alone, without that of
 * the outside. False: *reason. Any thread. */
bool egress_try(const struct egress_config *config, char reason[static EGRESS_REASON_MAX]);

/* A change of resolvers in two steps: tries them and changes nothing (NULL: *reason, as egress_try finds); then has the
 * egress thread put them in the place of the old, by which lookups under way end. Any thread; the second also after
 * egress_stop began. max_host_connections stays as it was. */
struct egress_prepared;
struct egress_prepared *egress_prepare(const struct egress_config *config, char reason[static EGRESS_REASON_MAX]);
void egress_adopt(struct egress *egress, struct egress_prepared *prepared);
/* Of what is not adopted. NULL is fine. */
void egress_prepared_free(struct egress_prepared *prepared);

/* Runs fn(ctx) on the egress thread, soon. The task is the caller's memory and must live until fn runs. False after
 * egress_stop began: fn will not run. */
struct egress_post {
    void (*fn)(void *ctx);
    void *ctx;
    struct egress_post *next; /* egress's own */
};
bool egress_post(struct egress *egress, struct egress_post *post);

/* Whether the thread has gone round since the last call, and asks it to do so again: true at first, false as long as it
 * is stuck. One thread at a time, until egress_stop. */
bool egress_turned(struct egress *egress);

/* ---- what this machine lacks ---- */

/* Whether an errno of socket, connect and the like tells of a want of ours (descriptors, memory, ports), not of the
 * peer. family: AF_INET or AF_INET6. Any thread. */
bool egress_is_shortage(int family, int error);
/* Whether this process has, or had within the last eight seconds, no descriptor to spare: a failure that does not say
 * why may come from that. */
bool egress_is_short(struct egress *egress);

/* ---- transfers ---- */

/* Starts the easy handle. False when out of memory: done is not called. done is called after it was taken out of the
 * multi handle, so it may be cleaned up or reused there. CURLOPT_PRIVATE is egress's own meanwhile.
 * CURLE_ABORTED_BY_CALLBACK: the gateway is stopping; CURLE_FAILED_INIT: it could not be started, or
 * went no further, for want of a descriptor, memory or a port of ours. */
typedef void egress_transfer_fn(void *ctx, CURL *easy, CURLcode result);
bool egress_transfer(struct egress *egress, CURL *easy, egress_transfer_fn *done, void *ctx);
/* A reset handle from a small pool (making one is dear), NULL when out of memory; and back, not while under way. */
CURL *egress_easy_take(struct egress *egress);
void egress_easy_give(struct egress *egress, CURL *easy);

/* ---- DNS ---- */

/* Whose resolvers: those of the network that this server is in, or those that see names as Sectigo does. */
enum egress_view { EGRESS_OWN_VIEW, EGRESS_OUTSIDE_VIEW, EGRESS_VIEWS };

enum egress_dns_status {
    EGRESS_DNS_ANSWER, /* rcode 0 with data */
    EGRESS_DNS_NODATA, /* rcode 0 without data */
    EGRESS_DNS_NXDOMAIN,
    EGRESS_DNS_BOGUS,   /* DNSSEC says forged or broken */
    EGRESS_DNS_FAILURE, /* SERVFAIL and the like; reason says */
    EGRESS_DNS_TIMEOUT,
    EGRESS_DNS_SHORTAGE, /* this machine could not ask, for want of memory or descriptors: says nothing about the name
                          */
};
struct egress_dns_answer {
    enum egress_dns_status status;
    bool secure;                 /* DNSSEC-validated */
    bool recent;                 /* given before, to somebody else (egress_resolve_recent) */
    const uint8_t *const *rdata; /* record_count of them */
    const size_t *rdata_len;
    size_t record_count;
    char reason[256]; /* a clause for people: "SERVFAIL from the resolver" */
};
enum { EGRESS_RR_A = 1, EGRESS_RR_CNAME = 5, EGRESS_RR_TXT = 16, EGRESS_RR_AAAA = 28, EGRESS_RR_CAA = 257 };
/* The answer lives during the call. */
typedef void egress_dns_fn(void *ctx, const struct egress_dns_answer *answer);
/* Looks name (no final dot needed) up in class IN; CNAMEs are followed. The answer is never one that was kept.
 * False when out of memory: done is not called. */
bool egress_resolve(struct egress *egress, const char *name, int rr_type, uint32_t timeout_ms, egress_dns_fn *done,
                    void *ctx);
/* The same, as it is seen from there; egress_resolve has our own view. */
bool egress_resolve_in(struct egress *egress, enum egress_view view, const char *name, int rr_type, uint32_t timeout_ms,
                       egress_dns_fn *done, void *ctx);
/* The same, but an answer will do that the view gave to anybody within the last max_age_ms (0: none will): of A, AAAA
 * and CAA, where it was one or said that there is none. Who finds fault with an answer that is recent asks again
 * without. */
bool egress_resolve_recent(struct egress *egress, enum egress_view view, const char *name, int rr_type,
                           uint32_t timeout_ms, uint32_t max_age_ms, egress_dns_fn *done, void *ctx);

/* ---- descriptors and timers ---- */

/* UNWATCHED: there was no memory to watch the descriptor with. */
enum egress_event { EGRESS_READABLE = 1, EGRESS_WRITABLE = 2, EGRESS_DEADLINE = 4, EGRESS_UNWATCHED = 8 };
/* Calls fn once with the event that came first (READABLE and WRITABLE may come together; an error on the descriptor is
 * both); watch again for the next one. The descriptor stays the caller's, and has one watch at a time. The memory is
 * the caller's and must stay until fn is called or egress_unwatch. */
struct egress_watch {
    int fd;               /* -1: a timer */
    int events;           /* EGRESS_READABLE | EGRESS_WRITABLE */
    uint64_t deadline_ms; /* CLOCK_MONOTONIC milliseconds; past: at once, but not within egress_watch */
    void (*fn)(void *ctx, int event);
    void *ctx;
    /* egress's own: the heap of deadlines */
    bool armed, unwatched;
    struct egress *egress;
    struct egress_watch *child, *next, *prev;
};
/* *watch is zeroed but for its first five fields, or was used before. */
void egress_watch(struct egress *egress, struct egress_watch *watch);
/* After it fn is not called. Harmless on one that is not watched. */
void egress_unwatch(struct egress *egress, struct egress_watch *watch);
uint64_t egress_now_ms(void); /* CLOCK_MONOTONIC; any thread */

#endif
