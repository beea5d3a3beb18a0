/* framing: what RFC 9112 asks of a request's head and h2o 2.2.5 lets pass. On the loop's thread. */
#ifndef GATEWAY_HTTP_FRAMING_H
#define GATEWAY_HTTP_FRAMING_H

#include <h2o.h>

/* What is wrong with it, static: no or several Host fields (section 3.2), several Content-Lengths, one beside
 * Transfer-Encoding, or Transfer-Encoding in HTTP/1.0 (section 6.3): two readers could take them for different
 * requests. The answer is 400, and the connection, which is marked so here, ends with it. NULL: nothing; a target in
 * absolute form (section 3.2.2) has then become its path. To be called by a handler before anything else. */
const char *framing_fault(h2o_req_t *req);

#endif
