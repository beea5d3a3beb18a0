/* persist_record: the text of a _validation-persist TXT record, draft-ietf-acme-dns-persist-02 section 4.1: an
 * issue-value of RFC 8659 section 4.2. Pure; any thread. */
#ifndef GATEWAY_VALIDATE_PERSIST_RECORD_H
#define GATEWAY_VALIDATE_PERSIST_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/limits.h"

enum { PERSIST_URI_MAX = ACME_URL_MAX + 64, PERSIST_RECORD_MAX = 2048 };

struct persist_record {
    char issuer[ACME_NAME_MAX + 1]; /* lower-case, no final dot */
    char account_uri[PERSIST_URI_MAX + 1];
    bool wildcard;    /* policy=wildcard */
    bool has_until;   /* persistUntil */
    uint64_t until_s; /* UNIX seconds */
};

/* False for what is no issue-value, has one of the parameters known here twice or with no good value, or names no
 * account. Unknown parameters are skipped. */
bool persist_record_parse(const char *text, size_t len, struct persist_record *record);

/* What an accounturi has behind "sha-256/": a hash over the name that the record is for ("*": any), the thumbprint of
 * the account's key in base64url, and the account's URL. False when one of them is too long. */
enum { PERSIST_HASH_TEXT = 43 };
bool persist_hash(const char *domain, const char *thumbprint, const char *account_url,
                  char text[static PERSIST_HASH_TEXT + 1]);

#endif
