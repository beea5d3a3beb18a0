/* reply: the one way out. Every answer of ours to a request leaves through reply_send. On the loop's thread. */
#ifndef GATEWAY_HTTP_REPLY_H
#define GATEWAY_HTTP_REPLY_H

#include <stdint.h>

#include <h2o.h>

/* Adds a header. name is in the spelling for the wire; name and value must live as long as the request. */
void reply_header(h2o_req_t *req, const char *name, const char *value);
/* Retry-After, in whole seconds; none for 0. */
void reply_retry_after(h2o_req_t *req, uint32_t seconds);
/* Frees p with free_fn when the request is gone. */
void reply_own(h2o_req_t *req, void *p, void (*free_fn)(void *));
/* On the api listener: what browsers are to hold to, where the answer does not say otherwise. reply_send does so. */
void reply_harden(h2o_req_t *req);
/* Sends status, headers and body (which must live as long as the request; none is sent for HEAD, 204 and 304). The
 * request may be gone when it returns. */
void reply_send(h2o_req_t *req, int status, const char *body, size_t len);
/* As above, a static text of our own as text/plain. */
void reply_text(h2o_req_t *req, int status, const char *text);
/* As above, a problem document (RFC 7807): type without its namespace, detail without anything that JSON escapes. */
void reply_problem(h2o_req_t *req, int status, const char *type, const char *detail);
/* What the request turned out to be about: a resource of metrics.h, and an order or account, NULL for none. */
void reply_about(h2o_req_t *req, unsigned resource, const char *subject);
/* Counts an answer that h2o makes itself, and writes its line. Those above do so. */
void reply_note(h2o_req_t *req, int status);

#endif
