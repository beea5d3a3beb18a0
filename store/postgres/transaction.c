/* transaction: snapshots and changes as transactions of the server, and what follows when they do not end well.
 *
 * Each writer's connection has a row in @writers. A change begins by writing a new id into that row, and finds it only
 * where the row still names this opening of the store: so the same commit that keeps the change says that it was kept,
 * and nobody commits who was replaced. When the answer to a COMMIT is lost, the row is locked on a new connection,
 * which waits until the old transaction is over either way, and then read. */
#include "store/postgres/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
    ALONE_AFTER = 3,        /* attempts that others' changes undid */
    MISTAKES_MAX = 3,       /* then nothing is guessed */
    REST_MAX_MS = 100,      /* between two attempts */
    AWAY_MAX_MS = 10 * 1000, /* how long a change waits for a server that is away */
    MOMENT_MS = 1000,
};

uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void rest_ms(uint64_t ms)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

int64_t random_word(void)
{
    uint64_t word = 0;
    while (getrandom(&word, sizeof word, 0) != sizeof word)
        continue;
    return (int64_t)(word >> 1 | 1);
}

/* ---- what went wrong ---- */

static struct store_txn *outermost(struct store_txn *txn)
{
    while (txn->parent != NULL)
        txn = txn->parent;
    return txn;
}

bool is_lost(const struct store_txn *txn)
{
    while (txn->parent != NULL && !txn->again)
        txn = txn->parent;
    return txn->again;
}

static bool is_state(const char *state, const char *const *list)
{
    while (*list != NULL && strcmp(*list, state) != 0)
        list++;
    return *list != NULL;
}

/* Nothing of it counts, and a new attempt may succeed. */
static bool is_passing(const char *state)
{
    static const char *const states[] = {"40001", "40P01", "57P01", "57P02", "57P03", "25P03", "55P03", NULL};
    return is_state(state, states);
}

static bool is_full(const char *state)
{
    static const char *const states[] = {"53100", NULL};
    return is_state(state, states);
}

static const char *state_of(const PGresult *result)
{
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    return state != NULL ? state : "";
}

bool is_cut(const struct link *link)
{
    return PQstatus(link->pg) != CONNECTION_OK;
}

enum store_status note_result(struct store_txn *txn, const char *doing, PGresult *result)
{
    struct link *link = txn->handle;
    char why[STORE_REASON_SIZE];
    bool cut = is_cut(link);
    enum store_status status = cut ? STORE_AWAY : is_full(state_of(result)) ? STORE_FULL : STORE_IO;
    if (cut)
        note_answer(postgres_of(txn->store), false);
    if (txn->writable && (cut || is_passing(state_of(result)))) {
        outermost(txn)->again = txn->again = true;
        PQclear(result);
        return txn->failed = STORE_IO;
    }
    explain_result(link->pg, result, why);
    PQclear(result);
    return txn_note(txn, doing, status, why);
}

bool is_done(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
}

enum store_status note_mistake(struct store_txn *txn)
{
    struct store_txn *whole = outermost(txn);
    whole->again = whole->mistaken = txn->again = true;
    return txn->failed = STORE_IO;
}

/* ---- a server that is away ---- */

void note_answer(struct postgres *p, bool answered)
{
    uint_fast64_t never = 0;
    if (answered)
        atomic_store(&p->away_since_ms, 0);
    else
        atomic_compare_exchange_strong(&p->away_since_ms, &never, monotonic_ms() - (link_was_silent() ? ANSWER_MS : 0));
}

static bool is_away_for(struct postgres *p, uint64_t ms)
{
    uint64_t since_ms = atomic_load(&p->away_since_ms);
    return since_ms != 0 && monotonic_ms() - since_ms > ms;
}

bool may_ask(struct postgres *p)
{
    return !p->owner.beating || !is_away_for(p, MOMENT_MS);
}

/* Waits a while for a server that starts, or is replaced by its standby. Of its own, too: one that takes no new connection
 * may answer others all the while. */
static bool await_ready(struct postgres *p, struct link *link, char reason[static STORE_REASON_SIZE])
{
    uint64_t began_ms = monotonic_ms();
    snprintf(reason, STORE_REASON_SIZE, "the server does not answer");
    for (;;) {
        bool asked = may_ask(p), fresh = link->pg == NULL, ready = asked && link_ready(p, link, reason);
        if (asked && (fresh || !ready)) /* an old connection has told nothing yet */
            note_answer(p, ready);
        if (ready || is_away_for(p, AWAY_MAX_MS) || monotonic_ms() - began_ms > AWAY_MAX_MS)
            return ready;
        rest_ms(REST_MAX_MS);
    }
}

/* ---- a change ---- */

/* Whose row it is decides whose the change is: an owner's own is taken away by who takes over, a front's is not. */
int begin_send(struct store_txn *txn)
{
    struct postgres *p = postgres_of(txn->store);
    struct link *link = txn->handle;
    char command[1024 + FENCE_SIZE], fence[FENCE_SIZE];
    bool owns = atomic_load(&p->owner.claimed);
    link->unbegun = false;
    if (!txn->writable)
        return PQsendQueryParams(link->pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL, NULL, NULL, NULL,
                                 0);
    link->id = random_word();
    link->row = owns ? link->slot : p->share.rows + link->slot;
    front_fence(p, owns, fence);
    snprintf(command, sizeof command,
             "UPDATE %s SET last = %" PRId64 " WHERE slot = %" PRId64 " AND owner = %" PRId64 "%s",
             name_behind(p, NAME_WRITERS), link->id, link->row, p->owner.word, fence);
    return PQsendQueryParams(link->pg, "BEGIN ISOLATION LEVEL SERIALIZABLE", 0, NULL, NULL, NULL, NULL, 0) &&
           PQsendQueryParams(link->pg, command, 0, NULL, NULL, NULL, NULL, 0);
}

enum store_status begin_judge(struct store_txn *txn, bool ours)
{
    struct postgres *p = postgres_of(txn->store);
    note_answer(p, true);
    if (ours)
        return STORE_OK;
    owner_replaced(p);
    return txn->failed = STORE_IO;
}

static enum store_status roll_back(struct store_txn *txn, enum store_status status)
{
    struct link *link = txn->handle;
    if (link->unbegun)
        return status;
    PGresult *result = link->pg != NULL && !is_cut(link) ? link_run(link->pg, "ROLLBACK", ANSWER_MS) : NULL;
    if (!is_done(result))
        link_break(link);
    PQclear(result);
    return status;
}

/* Gives back what begin_outermost took. */
static void let_go(struct store_txn *txn)
{
    struct postgres *p = postgres_of(txn->store);
    link_forget(txn->handle);
    pool_return(&p->writers, txn->handle);
    pthread_rwlock_unlock(&p->turn);
}

/* With nothing known yet. */
static void link_start(struct postgres *p, struct link *link)
{
    link->blurred = false;
    link->commits = remembered_commits(p->remembered);
}

static enum store_status begin_on(struct store_txn *txn)
{
    struct postgres *p = postgres_of(txn->store);
    struct link *link = txn->handle;
    char reason[STORE_REASON_SIZE];
    if (atomic_load(&p->owner.replaced))
        return STORE_IO;
    if (!await_ready(p, link, reason))
        return status_report(txn->store, "connecting to write", STORE_AWAY, reason);
    link->unbegun = true;
    link->trusting = txn->mistakes < MISTAKES_MAX;
    link_start(p, link);
    return STORE_OK;
}

static enum store_status begin_outermost(struct store_txn *txn)
{
    struct postgres *p = postgres_of(txn->store);
    if (txn->attempt > 0)
        rest_ms((uint64_t)random_word() % (txn->attempt < REST_MAX_MS / 4 ? 4 * txn->attempt : REST_MAX_MS));
    if (txn->attempt < ALONE_AFTER)
        pthread_rwlock_rdlock(&p->turn);
    else
        pthread_rwlock_wrlock(&p->turn);
    txn->handle = pool_take(&p->writers);
    if (txn->handle == NULL) {
        pthread_rwlock_unlock(&p->turn);
        return status_report(txn->store, "beginning to write", STORE_IO, "out of memory");
    }
    enum store_status status = begin_on(txn);
    if (status != STORE_OK)
        let_go(txn);
    return status;
}

/* After what was written and not sent yet. */
static enum store_status run_command(struct store_txn *txn, const char *doing, const char *command)
{
    const struct link *link = txn->handle;
    struct message message;
    enum store_status status;
    if (is_lost(txn))
        return STORE_IO;
    if ((status = table_prepare(txn, true)) != STORE_OK)
        return status;
    int sent = message_begin(&message, txn, true) &&
               PQsendQueryParams(link->pg, command, 0, NULL, NULL, NULL, NULL, 0);
    PQclear(message_end(&message, sent, ANSWER_MS, doing, &status));
    return status;
}

enum store_status postgres_begin(struct store_txn *txn, struct store_txn *parent)
{
    if (parent == NULL)
        return begin_outermost(txn);
    struct link *link = txn->handle = parent->handle;
    link->trusting = false; /* what is undone alone has heard nothing but the truth */
    return run_command(txn, "beginning a nested transaction", "SAVEPOINT nested");
}

/* Whether the change with the link's id was kept; waits for as long as the server is away. STORE_CLOSED: nobody knows.
 */
static enum store_status look_up(struct store_txn *txn)
{
    struct postgres *p = postgres_of(txn->store);
    struct link *link = txn->handle;
    char command[1024], reason[STORE_REASON_SIZE];
    bool told = false;
    snprintf(command, sizeof command, "SELECT last FROM %s WHERE slot = %" PRId64 " FOR UPDATE",
             name_behind(p, NAME_WRITERS), link->row);
    for (;;) {
        PGresult *result = link_ready(p, link, reason) ? link_run(link->pg, command, COMMIT_MS) : NULL;
        bool known = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
        int64_t last = known ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
        if (!known && link->pg != NULL)
            explain_result(link->pg, result, reason);
        PQclear(result);
        note_answer(p, known);
        if (known)
            return last == link->id ? STORE_OK : STORE_NOT_FOUND;
        link_break(link);
        if (is_away_for(p, AWAY_MAX_MS) && !told) {
            status_report(txn->store, "asking whether a change was kept, whose answer was lost", STORE_IO, reason);
            told = true;
        }
        if (told && writer_is_closing(txn->store))
            return STORE_CLOSED;
        rest_ms(REST_MAX_MS);
    }
}

/* The answer to COMMIT did not come, or leaves open what became of it. */
static bool is_open_question(const struct link *link, const PGresult *result)
{
    static const char *const states[] = {"57P01", "57P02", "57P03", "40003", "08006", "08007", NULL};
    return is_cut(link) || is_state(state_of(result), states);
}

/* Once all else has been answered: a look-up waits only for a transaction that has locked its row, and what was guessed
 * has to be true. */
static PGresult *send_commit(const struct link *link)
{
    int sent = PQenterPipelineMode(link->pg) && table_send_writes(link) &&
               PQsendQueryParams(link->pg, "COMMIT", 0, NULL, NULL, NULL, NULL, 0);
    return link_pipeline(link->pg, sent, COMMIT_MS, NULL, NULL);
}

static enum store_status commit_outermost(struct store_txn *txn)
{
    struct link *link = txn->handle;
    enum store_status status = table_prepare(txn, true);
    if (status == STORE_OK)
        status = message_settle(txn, false);
    if (status != STORE_OK)
        return roll_back(txn, status);
    PGresult *result = send_commit(link);
    if (PQresultStatus(result) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(result), "COMMIT") == 0) {
        PQclear(result);
        remembered_commit(postgres_of(txn->store)->remembered, link);
        return STORE_OK;
    }
    if (!is_open_question(link, result)) {
        if (PQresultStatus(result) == PGRES_COMMAND_OK) { /* the server made a ROLLBACK of it */
            PQclear(result);
            return txn->failed != STORE_OK ? txn->failed : STORE_IO;
        }
        return roll_back(txn, note_result(txn, "committing", result));
    }
    PQclear(result);
    link_break(link);
    status = look_up(txn);
    txn->again = status == STORE_NOT_FOUND;
    return status == STORE_OK ? STORE_OK : STORE_IO;
}

enum store_status postgres_commit(struct store_txn *txn)
{
    if (txn->parent == NULL) {
        enum store_status status = commit_outermost(txn);
        let_go(txn);
        return status;
    }
    enum store_status status = run_command(txn, "ending a nested transaction", "RELEASE SAVEPOINT nested");
    if (status != STORE_OK) /* others of its parent are not to suffer from what it has written */
        postgres_abort(txn);
    return status;
}

void postgres_abort(struct store_txn *txn)
{
    if (txn->parent != NULL) {
        known_forget(txn->handle);
        run_command(txn, "undoing a nested transaction", "ROLLBACK TO SAVEPOINT nested");
        return;
    }
    roll_back(txn, STORE_OK);
    let_go(txn);
}

/* ---- a snapshot ---- */

/* It begins with its first question, whose answer fixes it. */
enum store_status postgres_read(struct store_txn *txn)
{
    struct postgres *p = postgres_of(txn->store);
    if (!may_ask(p))
        return STORE_AWAY; /* which has been reported */
    struct link *link = pool_take(&p->readers);
    char reason[STORE_REASON_SIZE] = "all connections for reading are in use";
    if (link == NULL)
        return status_report(txn->store, "beginning to read", STORE_AWAY, reason);
    link_start(p, link);
    if (link_ready(p, link, reason)) {
        txn->handle = link;
        link->unbegun = true;
        return STORE_OK;
    }
    note_answer(p, false);
    pool_return(&p->readers, link);
    return status_report(txn->store, "beginning to read", STORE_AWAY, reason);
}

/* Does not wait for the answer: whoever takes the connection next reads it. */
void postgres_read_end(struct store_txn *txn)
{
    struct postgres *p = postgres_of(txn->store);
    struct link *link = txn->handle;
    link_forget(link);
    if (!link->unbegun) {
        link->ending = PQsendQuery(link->pg, "COMMIT") == 1;
        if (!link->ending)
            link_break(link);
    }
    txn->handle = NULL;
    pool_return(&p->readers, link);
}
