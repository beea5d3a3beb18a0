/* numbers: whose an order number or a certificate ID of Sectigo's is. issuance.md section 11, "Identity".
 *
 * Each of one endpoint belongs to one subscription for ever: the index refuses a second owner and never overwrites, so
 * that no answer, however wrong, makes the order of one subscription another's. Two endpoints (Sectigo and its test
 * system, say) may give the same numbers to different orders. Of a subscription that is gone its numbers stay spent
 * (acme/spent.h). Read in a snapshot or a store_fn, claimed in a store_fn.
 */
#ifndef GATEWAY_ISSUE_RECORD_NUMBERS_H
#define GATEWAY_ISSUE_RECORD_NUMBERS_H

#include <stdbool.h>

#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/subscription.h"
#include "store/store.h"

/* Stored: never changed. */
enum number_kind { NUMBER_ORDER = 'o', NUMBER_CERTIFICATE = 'c' };

enum { NUMBER_ELSEWHERE = '@', NUMBER_TEXT_SIZE = SECTIGO_ORDER_NUMBER_MAX + 1 + 16 + 1 };

/* As what a number of this endpoint stands in the tables: as it is, or, where that is another endpoint's already, with
 * NUMBER_ELSEWHERE and a digest of the endpoint behind it. */
enum store_status numbers_text(struct store_txn *txn, enum number_kind kind, const char *endpoint, const char *number,
                               char text[static NUMBER_TEXT_SIZE]);
/* It is this subscription's from now on: STORE_OK, also where it was; STORE_EXISTS: it is another's of its endpoint,
 * and stays. "" is no number, and STORE_OK. */
enum store_status numbers_claim(struct store_txn *txn, enum number_kind kind, const char *number,
                                const struct subscription *subscription);
/* Whether what Sectigo says of this issuance, at this endpoint, names an order of another subscription, or a
 * certificate of another issuance; either may be "". */
enum store_status numbers_foreign(struct store_txn *txn, const struct issuance *issuance, const char *endpoint,
                                  const char *order_number, const char *certificate_id, bool *foreign);
/* STORE_NOT_FOUND: nobody of this endpoint has it, or had it. The owner is all zero where it is gone. */
enum store_status numbers_owner(struct store_txn *txn, enum number_kind kind, const char *endpoint, const char *number,
                                struct acme_id *owner);

/* The numbers of a subscription that goes: what maps them to anything goes as well, and they are spent. STORE_REFUSED: one
 * of them is another endpoint's, too, and told apart from it by them; nothing was changed. Inside a store_fn. */
enum store_status numbers_retire(struct store_txn *txn, const struct subscription *subscription);

/* Schema 1 to 2: gathers the numbers of all subscriptions and issuances. One that two of them have is the first's. */
enum store_status numbers_migrate(struct store_txn *txn, char reason[static STORE_REASON_SIZE]);

#endif
