/* key_lists: keys that are to be refused, from the files that acme.keys names. Any thread. */
#ifndef GATEWAY_KEY_LISTS_H
#define GATEWAY_KEY_LISTS_H

#include <stdbool.h>
#include <stdint.h>

struct key_lists;

enum { KEY_LISTS_REASON_MAX = 512 };

/* blocked: a file with the SHA-256 of a SubjectPublicKeyInfo (64 hexadecimal digits) on each line. weak: a file as the
 * package openssl-blacklist had it, or a folder of such: on each line the last 20 hexadecimal digits of the SHA-1 of
 * "Modulus=HEX\n". Empty lines and those that begin with '#' are skipped. Either path may be NULL. NULL: *reason is
 * "FILE:LINE: what is wrong". Immutable afterwards. */
struct key_lists *key_lists_load(const char *blocked, const char *weak, char reason[static KEY_LISTS_REASON_MAX]);
/* NULL is fine. */
void key_lists_free(struct key_lists *lists);
/* The hook of acme.h: a clause that says in which list the key is; NULL: in none. modulus_sha1 (20 octets) is NULL for
 * keys that are not RSA. */
const char *key_lists_find(void *lists, const uint8_t spki_sha256[static 32], const uint8_t *modulus_sha1);

#endif
