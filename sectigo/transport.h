/* transport: one thin layer over libcurl that carries a call to Sectigo and tells what became of it.
 *
 * Asynchronous: make a call, give its easy handle to a multi handle, and hand the result to sectigo_call_finish on the
 * same thread. Blocking: sectigo_call_perform. A client may be shared by threads; a call belongs to one.
 */
#ifndef SECTIGO_TRANSPORT_H
#define SECTIGO_TRANSPORT_H

#include <curl/curl.h>

#include "sectigo/sectigo.h"

/* Strings are copied; NULL where not wanted. */
struct sectigo_client_config {
    const char *url; /* "https://secure.trust-provider.com", no path; https only */
    const char *login_name, *login_password;
    const char *ca_file;                         /* PEM; NULL: the system's. CAPATH is cleared where given */
    const char *client_certificate, *client_key; /* PEM files, instead of a password */
    const char *proxy;
    const char *user_agent;
    long connect_timeout_ms, timeout_ms; /* 0: 30 s and 120 s */
};

struct sectigo_client;
/* NULL: *reason says why (never with a secret in it). */
struct sectigo_client *sectigo_client_make(const struct sectigo_client_config *config,
                                           char reason[static SECTIGO_MESSAGE_MAX]);
/* All calls must have ended. Wipes secrets. */
void sectigo_client_free(struct sectigo_client *client);

enum sectigo_outcome {
    SECTIGO_ANSWERED,   /* HTTP 200 and a body: parse it (a parser's false makes it UNKNOWN) */
    SECTIGO_NEVER_LEFT, /* not resolved, refused, TLS failed: nothing was sent */
    SECTIGO_LOST,       /* anything else: the outcome is unknown */
};

struct sectigo_call;
/* Takes form (which must hold neither login parameter; emptied). Adds the login where the call wants it. NULL when out
 * of memory. */
struct sectigo_call *sectigo_call_make(struct sectigo_client *client, enum sectigo_call_kind kind,
                                       struct sectigo_form *form);
/* The handle to add to a multi handle; owned by the call. Calls that change something use a fresh connection that is
 * not kept. */
CURL *sectigo_call_handle(struct sectigo_call *call);
/* Before the transfer: may_leave is asked at the last moment before the first octet of the request, on the thread of
 * the transfer, once the connection is there; that may take within_ms at most, after which nothing leaves either, also
 * of a process that was stopped after may_leave was asked. Where it answers a sentence (which lives as long as the call)
 * nothing is sent: SECTIGO_NEVER_LEFT, for that reason. False: it cannot be set up. */
bool sectigo_call_ask_first(struct sectigo_call *call, const char *(*may_leave)(void *ctx), void *ctx, long within_ms);
/* After the transfer: what became of it. The texts below are valid until the call is freed. */
enum sectigo_outcome sectigo_call_finish(struct sectigo_call *call, CURLcode result);
const char *sectigo_call_body(const struct sectigo_call *call, size_t *len);
/* What time the reply says it is (its Date), in UNIX seconds; 0: none. Also of one that is no answer. */
uint64_t sectigo_call_date_s(const struct sectigo_call *call);
/* Whether may_leave has kept it from leaving. */
bool sectigo_call_withheld(const struct sectigo_call *call);
/* One sentence without secrets: "AutoApplyOrder: HTTP status 500 from ..."; "" after SECTIGO_ANSWERED. */
const char *sectigo_call_reason(const struct sectigo_call *call);
/* Not while its handle is in a multi handle. Wipes the request. */
void sectigo_call_free(struct sectigo_call *call);
/* handle, transfer and finish in one, blocking. CollectSSL calls of one client are done one after another. */
enum sectigo_outcome sectigo_call_perform(struct sectigo_call *call);

#endif
