/* owner: which of several gateways has the store, and who is next. Who else has it open at the same time is in front.c.
 *
 * @owner is one row: whose store it is (a word drawn at each opening), the how many-th owner that is (the epoch, for
 * people), and a number that the owner raises every second. Who waits looks at it, and takes the store over when it was
 * given up, when the number has stood still for a while and nobody holds the advisory lock any more (the owner's
 * process has ended), or when it has stood still for so long that the owner counts as cut off, whatever it believes.
 * How long is judged by the own monotonic clock, and only as long as the server answers: while it is away, nobody can
 * raise anything.
 *
 * Neither lock nor number decides who may commit. The one transaction that takes over puts its word into @owner and
 * into all rows of @writers, where each commit looks for its own (transaction.c): from then on an older owner commits
 * nothing, however late it wakes up. The lock may be lost, as where the server fails over; the owner takes it anew. */
#include "store/postgres/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_MS = 500,   /* between two looks of who waits */
    SHOW_LOOKS = 10, /* of them it says in one that it is there */
    QUIET_MS = 3000, /* without a beat, where nobody holds the lock: the owner's process has ended */
    DEAD_MS = 7000,  /* without a beat, although its connection seems to be there: it is cut off, or stopped */
    CLAIM_MS = 8000, /* the same, where a change under way is waited for (session_begin: five seconds at most) */
    LOCK_TRIES = 20, /* a tenth of a second each: the server may not have seen yet that an owner was killed */
    COMMAND_MAX = 1024,
    LOCK_CLASS = 1633906023,
};

/* ---- asking ---- */

bool owner_run(struct owner *owner, const char *command, unsigned wait_ms)
{
    PGresult *result = link_run(owner->pg, command, wait_ms);
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
    PQclear(result);
    return good;
}

bool owner_is_connected(const struct owner *owner)
{
    return owner->pg != NULL && PQstatus(owner->pg) == CONNECTION_OK;
}

/* What the lock was held by is gone with the connection. */
bool owner_connect(struct postgres *p, char why[static STORE_REASON_SIZE])
{
    struct owner *owner = &p->owner;
    if (owner_is_connected(owner))
        return true;
    PQfinish(owner->pg);
    owner->locked = p->share.listens = false;
    owner->pg = link_connect(p->connection, why);
    return owner->pg != NULL;
}

/* False: it cannot be told. */
static bool look_at_owner(struct postgres *p, struct seen *seen, char why[static STORE_REASON_SIZE])
{
    char command[COMMAND_MAX];
    if (!owner_connect(p, why))
        return false;
    snprintf(command, sizeof command, "SELECT owner, beat, epoch, given_up, name FROM %s WHERE id = 1",
             name_behind(p, NAME_OWNER));
    PGresult *result = link_run(p->owner.pg, command, ANSWER_MS);
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    bool rows = PQresultStatus(result) == PGRES_TUPLES_OK;
    bool missing = state != NULL && (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0); /* table, schema */
    *seen = (struct seen){0};
    if (rows && PQntuples(result) == 1) {
        seen->there = true;
        seen->word = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
        seen->beat = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
        seen->epoch = strtoll(PQgetvalue(result, 0, 2), NULL, 10);
        seen->given_up = PQgetvalue(result, 0, 3)[0] == 't';
        snprintf(seen->name, sizeof seen->name, "%s", PQgetvalue(result, 0, 4));
    }
    if (!rows && !missing)
        explain_result(p->owner.pg, result, why);
    PQclear(result);
    return rows || missing;
}

/* ---- the lock ---- */

/* It belongs to the connection, and to the schema: its number is a hash of the name. */
static int32_t lock_number(const struct postgres *p)
{
    uint32_t hash = 2166136261;
    for (const char *c = p->store.path; *c != '\0'; c++)
        hash = (hash ^ (uint8_t)*c) * 16777619;
    return (int32_t)hash;
}

void owner_try_lock(struct postgres *p)
{
    struct owner *owner = &p->owner;
    char command[COMMAND_MAX];
    if (owner->locked)
        return;
    snprintf(command, sizeof command, "SELECT pg_try_advisory_lock(%d, %" PRId32 ")", LOCK_CLASS, lock_number(p));
    PGresult *result = link_run(owner->pg, command, ANSWER_MS);
    owner->locked = PQresultStatus(result) == PGRES_TUPLES_OK && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
}

static void unlock(struct postgres *p)
{
    char command[COMMAND_MAX];
    snprintf(command, sizeof command, "SELECT pg_advisory_unlock(%d, %" PRId32 ")", LOCK_CLASS, lock_number(p));
    if (p->owner.locked && !owner_run(&p->owner, command, ANSWER_MS)) {
        PQfinish(p->owner.pg);
        p->owner.pg = NULL;
        p->share.listens = false;
    }
    p->owner.locked = false;
}

void owner_end_ghosts(struct postgres *p)
{
    char command[COMMAND_MAX];
    snprintf(command, sizeof command,
             "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = %d AND "
             "objid::bigint = %" PRIu32 " AND database = (SELECT oid FROM pg_database WHERE datname = "
             "current_database()) AND pid <> pg_backend_pid()",
             LOCK_CLASS, (uint32_t)lock_number(p));
    owner_run(&p->owner, command, ANSWER_MS);
}

/* ---- taking it ---- */

/* Whether the store was as seen, and is this opening's now. Where the answer to COMMIT is lost, nobody knows, and
 * whoever waits sees a word without a beat. */
static bool claim(struct postgres *p, const struct seen *seen)
{
    struct owner *owner = &p->owner;
    char command[COMMAND_MAX + FENCE_SIZE], fence[FENCE_SIZE];
    const char *writers = name_behind(p, NAME_WRITERS);
    front_fence(p, false, fence);
    snprintf(command, sizeof command,
             "INSERT INTO %s AS o (id, epoch, owner, beat, given_up, name) VALUES (1, 1, %" PRId64 ", 0, false, '%s') "
             "ON CONFLICT (id) DO UPDATE SET epoch = o.epoch + 1, owner = EXCLUDED.owner, beat = 0, given_up = false, "
             "name = EXCLUDED.name WHERE o.owner = %" PRId64 " AND o.beat = %" PRId64 "%s",
             name_behind(p, NAME_OWNER), owner->word, owner->name, seen->word, seen->beat, fence);
    bool good = owner_run(owner, "BEGIN ISOLATION LEVEL READ COMMITTED", ANSWER_MS);
    PGresult *result = good ? link_run(owner->pg, command, CLAIM_MS) : NULL;
    good = PQresultStatus(result) == PGRES_COMMAND_OK && strcmp(PQcmdTuples(result), "1") == 0;
    PQclear(result);
    snprintf(command, sizeof command, "UPDATE %s SET owner = %" PRId64 " WHERE slot < %" PRId64, writers, owner->word,
             FRONT_ROWS);
    good = good && owner_run(owner, command, CLAIM_MS); /* a change of the old one that is under way ends first */
    snprintf(command, sizeof command,
             "INSERT INTO %s (slot, owner, last) SELECT n, %" PRId64 ", 0 FROM generate_series(1, %u) AS n ON CONFLICT "
             "(slot) DO NOTHING",
             writers, owner->word, p->writers.max);
    good = good && owner_run(owner, command, CLAIM_MS) && owner_run(owner, "COMMIT", CLAIM_MS);
    if (!good && owner_is_connected(owner))
        owner_run(owner, "ROLLBACK", ANSWER_MS);
    return good;
}

static enum store_status explain_locked(struct postgres *p, const struct seen *seen,
                                        char reason[static STORE_REASON_SIZE])
{
    return status_explain(STORE_LOCKED, reason,
                          "PostgreSQL schema %s: another gateway (%s) owns this store, or serves beside it; stop it first, or "
                          "let this one wait by store.postgresql.standby, or serve beside it by store.postgresql.share",
                          p->store.path, seen->there ? seen->name : "unknown");
}

/* Makes what is missing, and claims it. STORE_LOCKED: somebody else lives. STORE_IO: the server is away. */
static enum store_status settle_in(struct postgres *p, const struct store_config *config, owner_make_fn *make,
                                   const struct seen *seen, char reason[static STORE_REASON_SIZE])
{
    enum store_status status = make != NULL ? make(&p->store, p->owner.pg, config, reason) : STORE_OK;
    if (status != STORE_OK)
        return status;
    owner_run(&p->owner, "RESET synchronous_commit", ANSWER_MS); /* of a heart that watches, it is off */
    if (!claim(p, seen))
        return owner_is_connected(&p->owner) ? explain_locked(p, seen, reason)
                                       : status_explain(STORE_IO, reason,
                                                        "PostgreSQL schema %s: the connection was cut while this "
                                                        "gateway took the store over; start it again",
                                                        p->store.path);
    p->owner.epoch = seen->epoch + 1;
    gateways_forget(p, seen->word);
    atomic_store(&p->owner.claimed, true);
    return STORE_OK;
}

/* ---- waiting for it ---- */

static bool is_same(const struct seen *a, const struct seen *b)
{
    return a->there == b->there && a->word == b->word && a->beat == b->beat && a->given_up == b->given_up;
}

static void note_look(struct watch *watch, const struct seen *now)
{
    if (watch->since_ms == 0 || !is_same(&watch->seen, now)) {
        watch->anew = watch->anew && watch->since_ms == 0;
        watch->since_ms = monotonic_ms();
    }
    watch->seen = *now;
}

static bool is_free(struct postgres *p, const struct watch *watch)
{
    uint64_t quiet_ms = monotonic_ms() - watch->since_ms;
    bool owned = watch->seen.there && !watch->seen.given_up;
    if (owned && quiet_ms < (watch->anew ? DEAD_MS : QUIET_MS))
        return false;
    if (owned && quiet_ms >= DEAD_MS)
        owner_end_ghosts(p);
    owner_try_lock(p);
    return p->owner.locked || watch->seen.given_up || (owned && quiet_ms >= DEAD_MS);
}

static void explain_wait(const struct seen *seen, char why[static STORE_REASON_SIZE])
{
    if (seen->there)
        status_explain(STORE_OK, why, "%s has it (epoch %" PRId64 ")", seen->name, seen->epoch);
    else
        status_explain(STORE_OK, why, "another gateway makes it, or is of an older version");
}

enum store_status owner_look(struct postgres *p, const struct store_config *config, owner_make_fn *make,
                             struct watch *watch, char why[static STORE_REASON_SIZE])
{
    struct seen now;
    if (!look_at_owner(p, &now, why)) {
        *watch = (struct watch){.anew = true};
        return STORE_LOCKED;
    }
    note_look(watch, &now);
    explain_wait(&watch->seen, why);
    if (!is_free(p, watch))
        return STORE_LOCKED;
    enum store_status status = settle_in(p, config, make, &watch->seen, why);
    if (status == STORE_OK)
        return STORE_OK;
    unlock(p);
    watch->since_ms = 0;
    return STORE_LOCKED;
}

static enum store_status await_turn(struct postgres *p, const struct store_config *config, owner_make_fn *make,
                                    char reason[static STORE_REASON_SIZE])
{
    struct watch watch = {0};
    char why[STORE_REASON_SIZE];
    bool waits = true, entered = false;
    for (unsigned looks = 0; waits && owner_look(p, config, make, &watch, why) != STORE_OK; looks++) {
        entered = p->share.wanted && owner_is_connected(&p->owner) && front_enter(p, &watch.seen);
        if (entered)
            break;
        if (looks % SHOW_LOOKS == 0 && owner_is_connected(&p->owner))
            gateways_show(p, false);
        waits = config->wait(config->wait_ctx, why, LOOK_MS);
    }
    if (!entered)
        gateways_leave(p);
    return waits ? STORE_OK
                 : status_explain(STORE_CLOSED, reason, "PostgreSQL schema %s: stopped while it waited for its turn",
                                  p->store.path);
}

/* Without waiting: nobody holds the lock. */
static enum store_status take_if_free(struct postgres *p, const struct store_config *config, owner_make_fn *make,
                                      char reason[static STORE_REASON_SIZE])
{
    struct seen seen = {0};
    char why[STORE_REASON_SIZE];
    for (int i = 0; i < LOCK_TRIES && !p->owner.locked; i++) {
        if (i > 0)
            nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
        owner_try_lock(p);
    }
    if (!look_at_owner(p, &seen, why))
        return status_explain(STORE_IO, reason, "PostgreSQL schema %.100s: looking who owns it: %.300s", p->store.path,
                              why);
    if (!p->owner.locked || (seen.there && front_lives(p, &seen, seen.name)))
        return explain_locked(p, &seen, reason);
    return settle_in(p, config, make, &seen, reason);
}

/* ---- being it ---- */

bool postgres_owns(const struct store *store)
{
    const struct postgres *p = (const struct postgres *)store;
    return atomic_load(&p->owner.claimed);
}

void owner_replaced(struct postgres *p)
{
    if (atomic_exchange(&p->owner.replaced, true))
        return;
    status_report(&p->store, "writing", STORE_IO,
                  postgres_owns(&p->store)
                      ? "another gateway has taken this store over, and this one may change nothing more"
                      : "a gateway of another version has taken this store over, and this one may change nothing more");
    if (p->owner.on_replaced != NULL)
        p->owner.on_replaced(p->owner.ctx);
}

/* ---- from beginning to end ---- */

static void name_self(char name[static 96])
{
    char host[65] = "", quotable[sizeof host];
    gethostname(host, sizeof host - 1);
    gateways_quotable(quotable, sizeof quotable, host);
    snprintf(name, 96, "%s, process %ld", quotable, (long)getpid());
}

void owner_init(struct postgres *p, const struct store_config *config)
{
    struct owner *owner = &p->owner;
    owner->word = random_word();
    owner->on_replaced = config->replaced;
    owner->ctx = config->replaced_ctx;
    name_self(owner->name);
}

enum store_status owner_begin(struct postgres *p, const struct store_config *config, owner_make_fn *make,
                              char reason[static STORE_REASON_SIZE])
{
    enum store_status status = config->wait != NULL ? await_turn(p, config, make, reason)
                                                    : take_if_free(p, config, make, reason);
    if (status == STORE_OK && !heart_start(p))
        status = status_explain(STORE_IO, reason, "%s: cannot start the thread that shows that this gateway lives",
                                p->store.path);
    return status;
}

void owner_end(struct postgres *p)
{
    struct owner *owner = &p->owner;
    char command[COMMAND_MAX];
    heart_stop(p);
    if (owner->claimed && owner_is_connected(owner)) {
        snprintf(command, sizeof command, "UPDATE %s SET given_up = true WHERE id = 1 AND owner = %" PRId64,
                 name_behind(p, NAME_OWNER), owner->word);
        owner_run(owner, command, ANSWER_MS);
    }
    if (owner_is_connected(owner))
        front_leave(p);
    PQfinish(owner->pg);
}
