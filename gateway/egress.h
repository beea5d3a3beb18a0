/* egress: the one thread that talks to the outside: libcurl's multi interface, libunbound, and plain descriptors.
 *
 * Law of this header
 * - egress_start, egress_stop and egress_post: any thread. Everything else: on the egress thread only, that is inside a
 * function that was posted, or inside a callback.
 * - Nothing that runs on this thread may block.
 * - Each started thing calls back exactly once, with an answer, a failure or its deadline; after egress_stop began,
 * with a failure.
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
};

/* NULL: *reason says why. Starts the thread. */
struct egress *egress_start(const struct egress_config *config, char reason[static EGRESS_REASON_MAX]);
/* Lets transfers that are under way end within deadline_ms, fails the rest, joins the thread, frees. */
void egress_stop(struct egress *egress, uint32_t deadline_ms);

/* Runs fn(ctx) on the egress thread, soon. The task is the caller's memory and must live until fn runs. False after
 * egress_stop began: fn will not run. */
struct egress_post {
    void (*fn)(void *ctx);
    void *ctx;
    struct egress_post *next; /* egress's own */
};
bool egress_post(struct egress *egress, struct egress_post *post);

/* ---- transfers ---- */

/* Starts the easy handle; done is called after it was taken out of the multi handle, so it may be cleaned up or reused
 * there. */
typedef void egress_transfer_fn(void *ctx, CURL *easy, CURLcode result);
void egress_transfer(struct egress *egress, CURL *easy, egress_transfer_fn *done, void *ctx);

/* ---- DNS ---- */

enum egress_dns_status {
    EGRESS_DNS_ANSWER, /* rcode 0 with data */
    EGRESS_DNS_NODATA, /* rcode 0 without data */
    EGRESS_DNS_NXDOMAIN,
    EGRESS_DNS_BOGUS,   /* DNSSEC says forged or broken */
    EGRESS_DNS_FAILURE, /* SERVFAIL and the like; reason says */
    EGRESS_DNS_TIMEOUT,
};
struct egress_dns_answer {
    enum egress_dns_status status;
    bool secure;                 /* DNSSEC-validated */
    const uint8_t *const *rdata; /* record_count of them */
    const size_t *rdata_len;
    size_t record_count;
    const char *canonical_name; /* after CNAMEs; NULL: the name itself */
    char reason[256];           /* a clause for people: "SERVFAIL from the resolver" */
};
enum { EGRESS_RR_A = 1, EGRESS_RR_CNAME = 5, EGRESS_RR_TXT = 16, EGRESS_RR_AAAA = 28, EGRESS_RR_CAA = 257 };
typedef void egress_dns_fn(void *ctx, const struct egress_dns_answer *answer);
void egress_resolve(struct egress *egress, const char *name, int rr_type, uint32_t timeout_ms, egress_dns_fn *done,
                    void *ctx);

/* ---- descriptors and timers ---- */

enum egress_event { EGRESS_READABLE = 1, EGRESS_WRITABLE = 2, EGRESS_DEADLINE = 4 };
/* Calls fn once with the event that came first; watch again for the next one. The descriptor stays the caller's. */
struct egress_watch {
    int fd;               /* -1: a timer */
    int events;           /* EGRESS_READABLE | EGRESS_WRITABLE */
    uint64_t deadline_ms; /* CLOCK_MONOTONIC milliseconds */
    void (*fn)(void *ctx, int event);
    void *ctx;
    struct egress_watch *next, **link; /* egress's own */
};
void egress_watch(struct egress *egress, struct egress_watch *watch);
/* After it fn is not called. */
void egress_unwatch(struct egress *egress, struct egress_watch *watch);
uint64_t egress_now_ms(void); /* CLOCK_MONOTONIC */

#endif
