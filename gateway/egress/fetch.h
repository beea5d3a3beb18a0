/* egress_fetch: one GET of a URL whose host was named by a client: no redirect is followed, https certificates are not
 * verified, time and size are bounded.
 *
 * The addresses of the host are tried in turn until one takes the connection. Egress thread.
 */
#ifndef GATEWAY_EGRESS_FETCH_H
#define GATEWAY_EGRESS_FETCH_H

#include "gateway/egress/egress.h"
#include "gateway/egress/address.h"

enum {
    EGRESS_URL_MAX = 2048,
    EGRESS_FETCH_BODY_MAX = 4096,
    EGRESS_FETCH_HEAD_MAX = 64 * 1024,
    EGRESS_FETCH_REDIRECT_BODY_MAX = 64 * 1024,
    EGRESS_FETCH_REASON_MAX = 1024,
};

struct egress_url {
    char text[EGRESS_URL_MAX]; /* without fragment */
    bool https;
    char host[256]; /* an IPv6 address has no brackets */
    uint16_t port;  /* 0: none in the text */
    bool no_memory; /* of one that could not be read: for want of memory */
};

/* http or https, shorter than EGRESS_URL_MAX, with a DNS name or an address as its host and no user. False: *reason is
 * a clause (without the URL): "its scheme is neither http nor https". */
bool egress_url_parse(const char *text, struct egress_url *url, char reason[static EGRESS_REASON_MAX]);
/* "http://" host [":" port unless 80] path. False when too long. */
bool egress_url_http(struct egress_url *url, const char *host, uint16_t port, const char *path);

enum egress_fetch_result {
    EGRESS_FETCH_ANSWERED,   /* status and body say what */
    EGRESS_FETCH_DNS,        /* no address, none that may be asked, or DNSSEC finds one forged */
    EGRESS_FETCH_CONNECTION, /* no connection, or it broke, or no answer in time */
    EGRESS_FETCH_TLS,
    EGRESS_FETCH_NOT_HTTP, /* something answered, but not in HTTP */
    EGRESS_FETCH_INTERNAL, /* a want of ours: memory, descriptors, ports */
};

/* The caller's memory; must stay, and *url with it, until fn is called. */
struct egress_fetch {
    const struct egress_url *url;
    uint16_t port;                    /* to connect to */
    uint64_t deadline_ms;             /* monotonic */
    const struct egress_rules *rules; /* NULL: every address will do */
    void (*fn)(void *ctx, struct egress_fetch *fetch);
    void *ctx;
    enum egress_view view; /* where its host is looked up */
    uint32_t recent_ms;    /* answers no older than this will do (egress_resolve_recent); addresses.recent tells */
    const char *proxy;     /* that is asked for the URL, and looks the host up itself; NULL: none */
    /* Whether an address may be asked; others are passed over. NULL: every one may. */
    bool (*may_ask)(void *ctx, const struct egress_address *address);

    enum egress_fetch_result result;
    char reason[EGRESS_FETCH_REASON_MAX]; /* unless answered: a clause that names the addresses and what happened there
                                           */
    bool shortage;                        /* of what was tried something was not for a want of ours */
    bool none_allowed;                    /* its host has addresses, and may_ask took none */
    long status;
    char body[EGRESS_FETCH_BODY_MAX + 1]; /* NUL-terminated, may hold others */
    size_t body_len;
    bool cut; /* the body is longer */
    /* Where status and Location point to, as an absolute URL; "": nowhere. One too long is kept just too long for
     * egress_url_parse. */
    char redirect[EGRESS_URL_MAX + 1];
    const char *address; /* that answered */

    /* its own */
    struct egress *egress;
    struct egress_addresses addresses;
    unsigned next_address;
    CURL *easy;
    struct curl_slist *connect_to;
    struct egress_watch later;
    size_t head_len, skipped;
    char error[CURL_ERROR_SIZE];
};

/* The fields before result are set. Calls fn exactly once, later. */
void egress_fetch(struct egress *egress, struct egress_fetch *fetch);

#endif
