/* files: the HTTP_CSR_HASH answers that the public listener serves, in the store so that they are in place with the
 * commit that made them.
 *
 * issuance.md section 9. A CSR that is used for two issuances at once has one file name and two bodies: the newest is
 * served.
 */
#ifndef GATEWAY_DCV_FILES_H
#define GATEWAY_DCV_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum { DCV_ISSUANCE_MAX = 64 };

struct dcv_answer {
    const uint8_t *csr; /* DER */
    size_t csr_len;
    const char *unique_value, *issuance;
};

/* Inside a store_fn. Putting again replaces the issuance's file. */
enum store_status dcv_file_put(struct store_txn *txn, const struct dcv_answer *answer, uint64_t now_ms);
/* STORE_OK also where there was none. */
enum store_status dcv_file_remove(struct store_txn *txn, const struct dcv_answer *answer);
/* Reading: the body for an MD5 of 32 hex digits in either case, malloc'd with a NUL; NULL where there is none. */
char *dcv_file_find(struct store_txn *txn, const char *md5, size_t len);
/* Reading: the issuance that put the newest file of this answer's CSR, the answer's own issuance aside; false: none. */
bool dcv_file_other(struct store_txn *txn, const struct dcv_answer *answer, char issuance[static DCV_ISSUANCE_MAX + 1]);

#endif
