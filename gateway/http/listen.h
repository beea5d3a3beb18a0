/* listen: sockets from addresses. Main thread, at start and stop. */
#ifndef GATEWAY_HTTP_LISTEN_H
#define GATEWAY_HTTP_LISTEN_H

#include <stdbool.h>

#include "gateway/http/internal.h"

/* Binds listener->address ("127.0.0.1:14000", "[::1]:443"; IPv6 sockets take IPv6 alone) by SO_REUSEPORT into all of
 * listener->descriptors, which are -1, and writes the address with the port really bound back. False:
 * *reason says why; what was bound so far stays for listen_close. ours: this process listens on that port already. */
bool listen_tcp(struct listener *listener, bool ours, char reason[static HTTP_REASON_MAX]);
/* Binds a Unix socket at listener->address, mode 0660, into descriptors[0]. A socket left by a dead process is
 * replaced, one that somebody answers on is not. */
bool listen_unix(struct listener *listener, char reason[static HTTP_REASON_MAX]);
/* Closes what no loop has taken over; removes a Unix socket's name. */
void listen_close(struct listener *listener);

#endif
