/* story: what was done for one issuance, step by step: for people, who want to know how it went and where it is.
 * Nothing decides by it.
 *
 * A line is added in the store_fn that stores the step. The same thing said again is one line, with how often and when
 * last. A story is bounded: of a long one the beginning and the latest lines stay.
 */
#ifndef GATEWAY_ISSUE_RECORD_STORY_H
#define GATEWAY_ISSUE_RECORD_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/issue/record/issuance.h"
#include "store/store.h"

enum { STORY_LINES_MAX = 64, STORY_WHAT_MAX = 80, STORY_WORDS_MAX = 400 };

/* Of what: not asked, but told. What else is in small letters is a look of our own; a call begins with a capital. */
#define STORY_PUSH "push"
#define STORY_OPERATOR "operator"

struct story_line {
    uint64_t first_ms, last_ms;
    uint32_t times;
    enum issuance_state state;       /* that it was in afterwards */
    char what[STORY_WHAT_MAX + 1];   /* who was asked: "CollectSSL, AutoUpdateDCV"; "" for nobody */
    char words[STORY_WORDS_MAX + 1]; /* why it is where it is; "" for nothing to say */
};

struct story {
    uint32_t left_out; /* lines that made room */
    uint32_t count;
    struct story_line lines[STORY_LINES_MAX];
};

/* what and words are cut where they are too long. Inside a store_fn. */
enum store_status story_add(struct store_txn *txn, const struct issuance *issuance, const char *what, const char *words,
                            uint64_t now_ms);
/* The same for one that is loaded for it; STORE_OK also where it is gone. Inside a store_fn. */
enum store_status story_add_to(struct store_txn *txn, const char *issuance, const char *what, const char *words,
                               uint64_t now_ms);
/* Writes it soon, beside whatever else goes on, and logs where it could not. Any thread; does not block. */
void story_add_soon(struct store *store, const char *issuance, const char *what, const char *words);
/* STORE_OK also where there is none. Inside a store_fn. */
enum store_status story_remove(struct store_txn *txn, const char *issuance);
/* STORE_OK also where there is none: an empty one. STORE_INVALID. */
enum store_status story_load(struct store_txn *txn, const char *issuance, struct story *story);

#endif
