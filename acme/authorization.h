/* authorization: RFC 8555 section 7.1.4 with its challenges (section 8, RFC 8737), their records and moves.
 *
 * Authorization: pending -> valid | invalid | deactivated; valid -> deactivated | expired | revoked.
 * Challenge: pending -> processing -> valid | invalid.
 * A pending authorization belongs to one order, or to none (pre-authorization); a valid one may serve later orders of
 * its account.
 */
#ifndef ACME_AUTHORIZATION_H
#define ACME_AUTHORIZATION_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/id.h"
#include "acme/identifier.h"
#include "acme/problem.h"
#include "store/store.h"

enum acme_authz_status {
    ACME_AUTHZ_PENDING = 1,
    ACME_AUTHZ_VALID,
    ACME_AUTHZ_INVALID,
    ACME_AUTHZ_DEACTIVATED,
    ACME_AUTHZ_EXPIRED,
    ACME_AUTHZ_REVOKED,
};

enum acme_challenge_type {
    ACME_HTTP_01 = 1,
    ACME_DNS_01,
    ACME_TLS_ALPN_01,
    ACME_DNS_ACCOUNT_01, /* draft-ietf-acme-dns-account-label-03 */
    ACME_DNS_PERSIST_01, /* draft-ietf-acme-dns-persist-02 */
    ACME_CHALLENGE_TYPES
};
enum acme_challenge_status {
    ACME_CHALLENGE_PENDING = 1,
    ACME_CHALLENGE_PROCESSING,
    ACME_CHALLENGE_VALID,
    ACME_CHALLENGE_INVALID,
};

enum { ACME_TOKEN_TEXT = 43 }; /* 256 random bits in base64url */

struct acme_challenge {
    enum acme_challenge_type type;
    enum acme_challenge_status status;
    char token[ACME_TOKEN_TEXT + 1];
    uint64_t validated_s; /* 0: not, also where it is valid because a policy trusts its accounts */
    char *error;          /* owned: problem document, NULL for none */
};

struct acme_authz {
    struct acme_id id;
    struct acme_id account;
    struct acme_id order; /* the order that it was made for; all zero: pre-authorized (RFC 8555 section 7.4.1) */
    enum acme_authz_status status;
    uint64_t created_s, expires_s;
    uint32_t valid_for_s; /* how long it lasts, and serves other orders, once it is valid; 0: its order only */
    struct acme_identifier identifier; /* without "*." */
    bool wildcard;
    bool subdomains; /* serves the names below it, too (RFC 9444) */
    unsigned challenge_count;
    struct acme_challenge challenges[ACME_CHALLENGE_TYPES];
};

enum store_status acme_authz_load(struct store_txn *txn, const struct acme_id *id, struct acme_authz *authz);
enum store_status acme_authz_save(struct store_txn *txn, const struct acme_authz *authz);
/* With its places in the index of valid ones. Inside a store_fn. */
enum store_status acme_authz_remove(struct store_txn *txn, const struct acme_authz *authz);
void acme_authz_clear(struct acme_authz *authz);
const char *acme_authz_status_text(enum acme_authz_status status);         /* "pending"; static */
const char *acme_challenge_type_text(enum acme_challenge_type type);       /* "http-01"; static */
const char *acme_challenge_status_text(enum acme_challenge_status status); /* "pending"; static */

/* The setters: false for a move that is not in the tables of legal moves. */
bool acme_authz_set_status(struct acme_authz *authz, enum acme_authz_status to);
bool acme_challenge_set_status(struct acme_challenge *challenge, enum acme_challenge_status to);

bool acme_authz_has_order(const struct acme_authz *authz);
/* What the authorization is at this moment, without storing it: past its time a pending one is invalid, a valid one
 * expired. */
void acme_authz_refresh(struct acme_authz *authz, uint64_t now_s);
/* Valid, and by a challenge that was really checked: what a policy gives unchecked is not. */
bool acme_authz_was_validated(const struct acme_authz *authz);
/* The challenge of this type, NULL where there is none. */
struct acme_challenge *acme_authz_challenge(struct acme_authz *authz, enum acme_challenge_type type);
/* Gives up a pending or valid authorization, inside a store_fn: stores it as deactivated. Orders that need it show as
 * invalid from then on (acme_order_refresh), and no order gets it again. STORE_OK also where it has ended before. */
enum store_status acme_authz_deactivate(struct store_txn *txn, struct acme_authz *authz);

/* The index of the newest valid authorization for a name, which may have ended since. name is the order's, "*."
 * included, so that a wildcard never serves the bare name nor the reverse. */
enum store_status acme_valid_authz_find(struct store_txn *txn, const struct acme_id *account,
                                        const struct acme_identifier *name, struct acme_id *authz);
/* The same among those that serve the names below this domain. */
enum store_status acme_valid_ancestor_find(struct store_txn *txn, const struct acme_id *account,
                                           const struct acme_identifier *domain, struct acme_id *authz);
enum store_status acme_valid_authz_put(struct store_txn *txn, const struct acme_authz *authz);

/* Keys of an account that a validation looks at: the one of now, and the latest of the former. */
enum { ACME_THUMBPRINTS_MAX = 32 };

/* Subject of a validation job: authorization id and challenge type. */
enum { ACME_VALIDATION_SUBJECT_LEN = ACME_ID_LEN + 1 };

/* Everything that a validator needs to know, read in one snapshot. */
struct acme_validation {
    struct acme_id authz, order, account;
    enum acme_challenge_type type;
    struct acme_identifier identifier; /* without "*." */
    char token[ACME_TOKEN_TEXT + 1];
    char key_authorization[2 * ACME_TOKEN_TEXT + 2]; /* token "." thumbprint */
    /* dns-persist-01 alone: the thumbprints of the account's keys in base64url, the one of now first, and whether the
     * record has to say policy=wildcard. */
    char thumbprints[ACME_THUMBPRINTS_MAX][ACME_TOKEN_TEXT + 1];
    unsigned thumbprint_count;
    bool needs_wildcard;
    uint64_t until_s; /* set before acme_validation_settle: how long the proof lasts at most; 0: no limit of its own */
};
/* Of a challenge of it. STORE_NOT_FOUND where its account is not valid. */
enum store_status acme_validation_of(struct store_txn *txn, const struct acme_authz *authz,
                                     const struct acme_challenge *challenge, struct acme_validation *validation);
/* STORE_NOT_FOUND where the challenge is not (any longer) processing. */
enum store_status acme_validation_load(struct store_txn *txn, const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN],
                                       struct acme_validation *validation);
/* Inside a store_fn: stores the outcome (problem NULL: valid) and moves authorization and order accordingly. Harmless
 * when it was settled before. */
enum store_status acme_validation_settle(struct store_txn *txn, const struct acme_validation *validation,
                                         const struct acme_problem *problem, uint64_t now_ms);

#endif
