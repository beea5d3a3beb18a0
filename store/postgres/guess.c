/* guess: what a change has taken for granted, and what it says to the server together.
 *
 * A change reads what is remembered (remembered.c), and begins at the server only with what it has to ask. Whatever it
 * asks then goes in one message behind its beginning and all that it has guessed: each record is read anew in the same
 * serializable transaction, and compared. So the isolation is that of a change which had asked. Where a guess was
 * wrong, nothing counts that the functions have said: they run again, by what was learnt. */
#include "store/postgres/internal.h"

#include <stdlib.h>
#include <string.h>

enum { GUESSES_MAX = 512 }; /* open ones */

struct guess *guess_make(unsigned table, enum statement which, struct store_slice key, const struct store_slice *value)
{
    size_t value_len = value != NULL ? value->len : 0;
    struct guess *guess = malloc(sizeof *guess + key.len + value_len);
    if (guess == NULL)
        return NULL;
    *guess = (struct guess){.table = table, .which = which, .there = value != NULL};
    memcpy(guess->octets, key.data, key.len);
    if (value_len > 0)
        memcpy(guess->octets + key.len, value->data, value_len);
    guess->key = (struct store_slice){guess->octets, key.len};
    guess->value = (struct store_slice){guess->octets + key.len, value_len};
    return guess;
}

/* ---- guessing ---- */

/* In their order: one may rest on those before. */
static void guess_add(struct link *link, struct guess *guess)
{
    *(link->guesses != NULL ? &link->last_guess->next : &link->guesses) = guess;
    link->last_guess = guess;
    link->guess_count++;
}

/* What is remembered of a record. */
static void guess_take(struct link *link, struct guess *guess)
{
    guess_add(link, guess);
    known_read(link, guess->table, guess->key, guess->there ? &guess->value : NULL);
}

static bool guess_allowed(const struct store_txn *txn)
{
    const struct link *link = txn->handle;
    return txn->writable && link->trusting && !link->blurred && link->guess_count < GUESSES_MAX;
}

const struct guess *guess_record(struct store_txn *txn, unsigned table, struct store_slice key)
{
    struct link *link = txn->handle;
    struct guess *guess = guess_allowed(txn) ? remembered_or_rule(postgres_of(txn->store)->remembered, table, key) : NULL;
    if (guess != NULL)
        guess_take(link, guess);
    return guess;
}

bool guess_change(struct store_txn *txn, unsigned table, struct store_slice key, const struct store_slice *value,
                  enum store_status *status)
{
    struct link *link = txn->handle;
    if (!guess_allowed(txn))
        return false;
    struct guess *guess = remembered_guess(postgres_of(txn->store)->remembered, table, key);
    if (guess != NULL && guess->there == (value != NULL)) {
        *status = value != NULL ? STORE_EXISTS : STORE_NOT_FOUND;
        guess_take(link, guess);
        return true;
    }
    free(guess);
    guess = guess_make(table, value != NULL ? INSERT : DELETE, key, value);
    if (guess == NULL || !known_wrote(link, table, key, value)) {
        free(guess);
        return false;
    }
    guess_add(link, guess);
    *status = STORE_OK;
    return true;
}

void guess_forget(struct link *link)
{
    struct guess **lists[] = {&link->guesses, &link->confirmed};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (struct guess *guess; (guess = *lists[i]) != NULL; free(guess))
            *lists[i] = guess->next;
    link->guess_count = 0;
}

/* ---- a message ---- */

bool message_wanted(const struct link *link, bool writes)
{
    return link->unbegun || link->guesses != NULL || (writes && link->unsent > 0);
}

int message_begin(struct message *message, struct store_txn *txn, bool writes)
{
    struct link *link = txn->handle;
    int sent = PQenterPipelineMode(link->pg);
    unsigned beginning = !link->unbegun ? 0 : txn->writable ? 2 : 1;
    *message = (struct message){.txn = txn, .beginning = beginning, .writes = writes, .at = link->guesses};
    if (sent && link->unbegun)
        sent = begin_send(txn);
    for (const struct guess *guess = link->guesses; sent && guess != NULL; guess = guess->next)
        sent = table_send_guess(link, guess);
    return sent && writes ? table_send_writes(link) : sent;
}

static bool is_right(const struct guess *guess, const PGresult *result)
{
    if (guess->which != GET)
        return strcmp(PQcmdTuples((PGresult *)result), "1") == 0;
    if (PQntuples(result) == 0)
        return !guess->there;
    return guess->there && (size_t)PQgetlength(result, 0, 0) == guess->value.len &&
           memcmp(PQgetvalue(result, 0, 0), guess->value.data, guess->value.len) == 0;
}

/* So that the next attempt knows it. Of what is there in place of an insertion nothing has been read: ask_again. */
static void learn(const struct message *message, struct guess *guess, const PGresult *result)
{
    const struct link *link = message->txn->handle;
    bool there = guess->which == GET && PQntuples(result) > 0;
    struct store_slice value = {0};
    guess->wrong = true;
    if (guess->which == INSERT)
        return;
    if (there && !guess->there)
        remembered_missed(postgres_of(message->txn->store)->remembered, guess->table, false);
    if (there)
        value = (struct store_slice){(const uint8_t *)PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0)};
    remembered_read(postgres_of(message->txn->store)->remembered, guess->table, guess->key, there ? &value : NULL,
                    link->commits);
}

/* The answer to BEGIN, to the UPDATE of @writers, to each guess, and to what follows. */
static void hear(void *ctx, const PGresult *result)
{
    struct message *message = ctx;
    unsigned number = message->answers++;
    if (number < message->beginning) {
        message->ours = number == 1 && strcmp(PQcmdTuples((PGresult *)result), "1") == 0;
    } else if (message->at != NULL) {
        struct guess *guess = message->at;
        message->at = guess->next;
        if (!is_right(guess, result)) {
            message->wrong = true;
            learn(message, guess, result);
        }
    }
}

/* They stay where they are: slices point into them. */
static void confirm_all(struct link *link)
{
    if (link->guesses == NULL)
        return;
    link->last_guess->next = link->confirmed;
    link->confirmed = link->guesses;
    link->guesses = NULL;
    link->guess_count = 0;
}

/* What was in the way of insertions, for the next attempt. */
static void ask_again(struct store_txn *txn)
{
    const struct link *link = txn->handle;
    for (const struct guess *guess = link->confirmed; guess != NULL; guess = guess->next)
        if (guess->wrong && guess->which == INSERT)
            table_learn(txn, guess->table, guess->key);
}

static enum store_status judge(const struct message *message)
{
    enum store_status status = STORE_OK;
    if (message->beginning == 2)
        status = begin_judge(message->txn, message->ours);
    else if (message->beginning == 1)
        note_answer(postgres_of(message->txn->store), true);
    if (status != STORE_OK || !message->wrong)
        return status;
    ask_again(message->txn);
    return note_mistake(message->txn);
}

PGresult *message_end(struct message *message, int sent, unsigned wait_ms, const char *doing, enum store_status *status)
{
    struct store_txn *txn = message->txn;
    struct link *link = txn->handle;
    PGresult *result = link_pipeline(link->pg, sent, wait_ms, hear, message);
    if (message->writes)
        known_sent(link);
    if (!is_done(result) && message->beginning == 1 && message->repeat != NULL && is_cut(link) && !link_was_silent()) {
        PQclear(result);
        *message->repeat = true;
        *status = STORE_AWAY;
        return NULL;
    }
    if (!is_done(result)) {
        *status = note_result(txn, doing, result);
        return NULL;
    }
    confirm_all(link);
    *status = judge(message);
    if (*status == STORE_OK)
        return result;
    PQclear(result);
    return NULL;
}

enum store_status message_settle(struct store_txn *txn, bool writes)
{
    const struct link *link = txn->handle;
    struct message message;
    enum store_status status = STORE_OK;
    if (!message_wanted(link, writes) || (status = table_prepare(txn, writes)) != STORE_OK)
        return status;
    int sent = message_begin(&message, txn, writes);
    PQclear(message_end(&message, sent, ANSWER_MS, writes ? "writing records" : "beginning to write", &status));
    return status;
}

enum store_status postgres_confirm(struct store_txn *txn)
{
    const struct link *link = txn->handle;
    if (link->guesses == NULL)
        return STORE_OK;
    return txn->failed == STORE_OK ? message_settle(txn, false) : txn->failed;
}
