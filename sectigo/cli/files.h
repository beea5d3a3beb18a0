/* files: what the options name: requests, passwords, certificates to be written. One thread. */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REASON_MAX = 256 };

/* The csr parameter from a file of PEM, base64 or DER ("-": stdin), as PEM where it can be decoded, otherwise as it
 * is. Never what looks like a private key. malloc'd; NULL: *reason says why. */
char *file_csr(const char *path, char reason[static REASON_MAX]);
/* The octets of such a file; malloc'd; NULL: *reason says why. */
uint8_t *file_csr_der(const char *path, size_t *len, char reason[static REASON_MAX]);
/* A whole file of text ("-": stdin), with a NUL behind; malloc'd; NULL: *reason says why. */
char *file_text(const char *path, size_t *len, char reason[static REASON_MAX]);
/* First line of a file, without its end. False: *reason says why, never with what the file or its name holds. */
bool file_secret(const char *path, char *secret, size_t size, char reason[static REASON_MAX]);
/* Replaces a file. False: *reason says why. */
bool file_write(const char *path, const void *data, size_t len, char reason[static REASON_MAX]);

#endif
