/* responder: answers http-01 for every account, on a thread of its own. */
#ifndef BENCH_RESPONDER_H
#define BENCH_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct responder;

/* For up to `tokens` tokens. NULL, after a message on stderr. */
struct responder *responder_start(const char *address, uint16_t port, size_t tokens);
void responder_stop(struct responder *responder);
/* From now on the token is answered with token.thumbprint. Copies both. Any thread. False: too many or too long. */
bool responder_add(struct responder *responder, const char *token, const char *thumbprint);

#endif
