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

#include "sectigo/sectigo.h"
#include "store/store.h"

enum { DCV_ISSUANCE_MAX = 64, DCV_MD5_TEXT = 32 };

/* How an issuance answers Sectigo's domain control. The CSR is hashed here, and nowhere else in a step. */
struct dcv_answer {
    struct sectigo_token token;
    bool made; /* false: the token cannot be made, and what needs it fails */
    const char *issuance;
};
/* csr: DER. Borrows issuance alone. */
struct dcv_answer dcv_answer_make(const uint8_t *csr, size_t csr_len, const char *unique_value, const char *issuance);

/* Inside a store_fn. Putting again replaces the issuance's file. */
enum store_status dcv_file_put(struct store_txn *txn, const struct dcv_answer *answer, uint64_t now_ms);
/* STORE_OK also where there was none. */
enum store_status dcv_file_remove(struct store_txn *txn, const struct dcv_answer *answer);
/* Reading: the body for an MD5 of 32 hex digits in either case, malloc'd with a NUL. STORE_NOT_FOUND and NULL where
 * there is none. */
enum store_status dcv_file_find(struct store_txn *txn, const char *md5, size_t len, char **body);
/* Reading: the issuance that put the newest file of a CSR with this MD5 (32 hex digits in either case), `except` aside;
 * STORE_NOT_FOUND: none. */
enum store_status dcv_file_other(struct store_txn *txn, const char *md5, const char *except,
                                 char issuance[static DCV_ISSUANCE_MAX + 1]);

#endif
