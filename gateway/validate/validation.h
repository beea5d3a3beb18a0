/* validation: does the store's validation jobs with the validators of gateway/validate and stores what they find. */
#ifndef GATEWAY_VALIDATE_VALIDATION_H
#define GATEWAY_VALIDATE_VALIDATION_H

#include "acme/acme.h"
#include "gateway/config/current.h"
#include "gateway/egress/egress.h"
#include "gateway/scheduler.h"
#include "gateway/validate/validate.h"
#include "store/store.h"

struct validation;

struct validation_config {
    struct store *store;
    struct scheduler *scheduler;
    struct egress *egress;
    struct config_current *configs;
    /* Tells that an authorization or an order changed, after its commit; any thread. */
    void (*notify)(void *ctx, const struct acme_id *topic);
    void *notify_ctx;
};

/* Registers the handler of JOB_VALIDATE. NULL when out of memory. */
struct validation *validation_make(const struct validation_config *config);
/* Whether another gateway does its work (runner_rest). Any thread. */
void validation_rest(struct validation *validation, bool rests);
/* After egress_stop, store_close and scheduler_free. */
void validation_free(struct validation *validation);

/* The hook of acme.h: stores the job. */
enum store_status validation_hook(void *ctx, struct store_txn *txn,
                                  const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN], uint64_t now_ms);
/* Likewise: begins before that is stored. validation: a struct validation. */
void validation_soon(void *validation, const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN],
                     const struct acme_validation *what);

#endif
