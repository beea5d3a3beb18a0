/* account: RFC 8555 section 7.1.2, its record and its moves.
 *
 * valid -> deactivated (by the client) | revoked (by the operator); both are final. Records are read in a snapshot or
 * in a store_fn, changed only in a store_fn.
 */
#ifndef ACME_ACCOUNT_H
#define ACME_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/external_key.h"
#include "acme/id.h"
#include "acme/jwk.h"
#include "acme/limits.h"
#include "store/store.h"

enum acme_account_status {
    ACME_ACCOUNT_VALID = 1,
    ACME_ACCOUNT_DEACTIVATED,
    ACME_ACCOUNT_REVOKED,
};

struct acme_account {
    struct acme_id id;
    enum acme_account_status status;
    uint64_t created_s; /* UNIX seconds */
    uint8_t thumbprint[JWK_THUMBPRINT_LEN];
    char *key; /* owned: canonical JWK */
    /* That of its external account key, read anew for every request and before money moves. */
    char policy[ACME_POLICY_MAX + 1];
    char external_key[EXTERNAL_KEY_ID_MAX + 1]; /* that it was made with; "": without one */
    char *binding; /* owned: the verified externalAccountBinding as it was sent; NULL: none, or none was kept */
    bool terms_agreed;
    bool used; /* it had orders that have been removed since; one that has some has used it, too */
    unsigned contact_count;
    char *contacts[ACME_CONTACTS_MAX]; /* owned: "mailto:..." */
};

/* STORE_OK, STORE_NOT_FOUND or STORE_INVALID; *account must be cleared in any case. */
enum store_status acme_account_load(struct store_txn *txn, const struct acme_id *id, struct acme_account *account);
/* The account alone; acme_account_bind_key keeps the index of keys. */
enum store_status acme_account_save(struct store_txn *txn, const struct acme_account *account);
void acme_account_clear(struct acme_account *account);
const char *acme_account_status_text(enum acme_account_status status); /* "valid"; static */

/* The one setter: false for a move that is not in the table of legal moves. */
bool acme_account_set_status(struct acme_account *account, enum acme_account_status to);

/* STORE_OK and *id where an account, whatever its status, has this key. */
enum store_status acme_account_by_key(struct store_txn *txn, const uint8_t thumbprint[static JWK_THUMBPRINT_LEN],
                                      struct acme_id *id);
/* Gives the key to the account: STORE_EXISTS where another account (or this one) has it. Inside a store_fn. */
enum store_status acme_account_bind_key(struct store_txn *txn, const uint8_t thumbprint[static JWK_THUMBPRINT_LEN],
                                        const struct acme_id *id);
/* Inside a store_fn: remembers a key that the account gives up, by its thumbprint: what was published for it still
 * counts (draft-ietf-acme-dns-persist-02). */
enum store_status acme_account_note_former(struct store_txn *txn, const struct acme_account *account, uint64_t now_ms);
/* The latest of them, newest first, at most max; *count of them. */
enum store_status acme_account_former(struct store_txn *txn, const struct acme_id *account,
                                      uint8_t (*thumbprints)[JWK_THUMBPRINT_LEN], unsigned max, unsigned *count);
/* Whether the account is valid and nobody has ever ordered with it. Reading. */
enum store_status acme_account_is_unused(struct store_txn *txn, const struct acme_account *account, bool *unused);
/* Inside a store_fn: that it had an order which is removed now. STORE_OK also for an account that is gone. */
enum store_status acme_account_note_used(struct store_txn *txn, const struct acme_id *id);
/* Inside a store_fn: removes one that is not used, with its keys: who comes with its key again makes a new one. */
enum store_status acme_account_remove(struct store_txn *txn, const struct acme_account *account);
/* Inside a store_fn: ends what the account has under way. Its orders that are not yet finalized become invalid, their
 * pending authorizations deactivated. Orders older than lifetime_s have expired and are left alone; at most 1,000 are
 * touched, since nobody can read or finalize the rest either. */
enum store_status acme_account_cancel_orders(struct store_txn *txn, const struct acme_account *account,
                                             uint32_t lifetime_s, uint64_t now_ms);

#endif
