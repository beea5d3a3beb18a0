/* record: the CNAME_CSR_HASH records of an issuance, stored before they are published, so that none is forgotten; and
 * whether preflight is skipped, and CNAME preferred.
 *
 * issuance.md section 9. Names are without final dots.
 */
#ifndef GATEWAY_DCV_RECORD_H
#define GATEWAY_DCV_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/dcv/choice.h"
#include "gateway/dcv/files.h"
#include "store/store.h"

struct dcv_record {
    char zone[256], owner[256], target[256];
};

struct dcv_records {
    struct dcv_record *list; /* owned */
    size_t count;
    bool skip_preflight; /* the operator wants the order sent whatever preflight sees */
    bool cname_first;    /* a name has no address that Sectigo can fetch a file from */
};
void dcv_records_clear(struct dcv_records *records);
/* The records that the names need, each once. False when out of memory, or where the token cannot be made; clear
 * *records in any case. */
bool dcv_records_make(const struct config_dcv *dcv, const struct acme_names *names, const struct dcv_answer *answer,
                      struct dcv_records *records);
/* Adds to *records those of more that it lacks, *added of them. False when out of memory. */
bool dcv_records_join(struct dcv_records *records, const struct dcv_records *more, size_t *added);
/* Whether each of wanted is among them. */
bool dcv_records_have(const struct dcv_records *records, const struct dcv_records *wanted);
/* Whether one of them proves control of the name, by whatever zone of the configuration it was made. */
bool dcv_records_cover(const struct dcv_records *records, const char *name);

/* Reading. STORE_NOT_FOUND where the issuance has none; clear *records in any case. */
enum store_status dcv_records_load(struct store_txn *txn, const char *issuance, struct dcv_records *records);
/* Inside a store_fn. */
enum store_status dcv_records_save(struct store_txn *txn, const char *issuance, const struct dcv_records *records);
/* Inside a store_fn: STORE_OK also where there were none. */
enum store_status dcv_records_forget(struct store_txn *txn, const char *issuance);
/* Inside a store_fn: the answer has another unique value now. STORE_NOT_FOUND where the issuance has no records. */
enum store_status dcv_records_retarget(struct store_txn *txn, const struct dcv_answer *answer);

#endif
