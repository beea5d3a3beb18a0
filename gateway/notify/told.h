/* told: what has been told already. An event is told once, until it says something else or has gone and come back.
 */
#ifndef GATEWAY_NOTIFY_TOLD_H
#define GATEWAY_NOTIFY_TOLD_H

#include "gateway/notify/event.h"
#include "store/store.h"

/* What a look found. */
struct told_news {
    const struct config *config;
    const struct events *events;
    uint64_t now_ms;
    unsigned told; /* by told_store: how many were new */
};

/* Whether told_store has something to do. Reading. */
bool told_is_news(struct store_txn *txn, const struct told_news *news);
/* A store_fn; arg is a struct told_news: what is new becomes notices of whoever wants them (notices.h), what is over is
 * forgotten. The first time of all, what has happened before is taken as told. */
enum store_status told_store(struct store_txn *txn, void *arg);

/* From when on the audit is to be looked at: what is older has been seen. */
uint64_t told_audit_from_ms(struct store_txn *txn, uint64_t now_ms);

#endif
