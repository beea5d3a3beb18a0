/* random: what nobody can guess, for ids and tokens. Not for keys: those are drawn from OpenSSL, one by one. */
#ifndef ACME_RANDOM_H
#define ACME_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* len octets, each handed out once and by no other thread or child process. Any thread; no system call for most of
 * them, where RAND_bytes makes one each time. False: OpenSSL has none; octets are unspecified. */
bool acme_random(void *octets, size_t len);

/* What was drawn for this thread and not handed out yet is wiped: the next is drawn anew. For a child process, and for
 * who has put other random numbers in the place of OpenSSL's. */
void acme_random_forget(void);

#endif
