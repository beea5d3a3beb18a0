/* status: what the authorities say of the certificates that they issued: a CRL (RFC 5280) and OCSP (RFC 6960), at the
 * addresses that the certificates carry. Signed at each question, so a revocation shows at once. Any thread.
 */
#ifndef SANDBOX_STATUS_H
#define SANDBOX_STATUS_H

#include "sectigo/sandbox/answer.h"
#include "sectigo/sandbox/sandbox.h"

/* Answers where the path is /crl/... or /ocsp...: an OCSP request is the body of a POST, or base64 in the path of a
 * GET. False: it is neither, *answer is left alone. */
bool status_run(struct sandbox *sandbox, const char *method, const char *path, const char *body, size_t len,
                struct answer *answer);

#endif
