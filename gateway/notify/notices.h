/* notices: what waits to be told, for each recipient, and how telling went. Records of the store.
 *
 * A recipient is a target of the configuration ("ops"), or the contact of a policy by a mail target ("mail", a line
 * feed, "shop"). Its notices and its state are read in a snapshot and changed in a store_fn.
 */
#ifndef GATEWAY_NOTIFY_NOTICES_H
#define GATEWAY_NOTIFY_NOTICES_H

#include <jansson.h>

#include "gateway/notify/event.h"
#include "store/store.h"

enum { RECIPIENT_MAX = CONFIG_TARGET_MAX + 1 + ACME_POLICY_MAX, NOTICES_MAX = 500, NOTICE_REASON_MAX = 300 };

/* policy "": the target itself. */
void recipient_make(const char *target, const char *policy, char out[static RECIPIENT_MAX + 1]);
/* The other way round; policy points into recipient, "" for none. */
const char *recipient_split(const char *recipient, char target[static CONFIG_TARGET_MAX + 1]);

struct recipient {
    uint64_t told_ms;                 /* when it last took something; 0: never */
    uint32_t failures;                /* in a row since then */
    uint64_t failed_ms;               /* the last of them */
    uint32_t left_out;                /* notices that there was no room for */
    char note[NOTICE_REASON_MAX + 1]; /* why the last failure; "": none */
};
/* STORE_OK also for one that nothing is known of, STORE_INVALID. */
enum store_status recipient_load(struct store_txn *txn, const char *recipient, struct recipient *state);
enum store_status recipient_save(struct store_txn *txn, const char *recipient, const struct recipient *state);

/* Adds it to what the recipient is to be told, and a job that does so where there is none: at once, or collect_ms after
 * it was told last. Beyond NOTICES_MAX they are counted alone. Inside a store_fn. */
enum store_status notices_add(struct store_txn *txn, const char *recipient, const struct event *event, uint64_t now_ms,
                              uint64_t collect_ms);
/* How many wait. */
unsigned notices_count(struct store_txn *txn, const char *recipient);
/* *items: a new array of what waits, oldest first, each an object. */
enum store_status notices_load(struct store_txn *txn, const char *recipient, json_t **items);
/* They were told, or are nobody's any more: removes these. Inside a store_fn. */
enum store_status notices_remove(struct store_txn *txn, const char *recipient, const json_t *items);

#endif
