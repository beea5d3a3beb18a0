/* tls: server contexts from PEM files. Any thread. */
#ifndef GATEWAY_HTTP_TLS_H
#define GATEWAY_HTTP_TLS_H

#include <openssl/ssl.h>

#include "gateway/http/http.h"

/* Reads certificate chain and key and checks that they belong together and that the certificate is valid now. NULL:
 * *reason names the file and what is wrong. Else the caller's reference. */
SSL_CTX *tls_load(const char *certificate_file, const char *key_file, char reason[static HTTP_REASON_MAX]);

#endif
