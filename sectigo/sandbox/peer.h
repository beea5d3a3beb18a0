/* peer: a login by TLS client certificate (notes 2.15). */
#ifndef SANDBOX_PEER_H
#define SANDBOX_PEER_H

#include <microhttpd.h>

#include "sectigo/sandbox/sandbox.h"

/* Where the connection has a certificate of --client-ca whose common name is a login: adds what the form lacks of that
 * login, so that the certificate is as good as the password. */
void peer_login(struct sandbox *sandbox, struct MHD_Connection *connection, struct sectigo_form *form);

#endif
