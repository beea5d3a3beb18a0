/* front: a process that has the store open beside its owner. It reads and changes as the owner does, by rows of its own
 * in @writers, which an owner that takes over leaves alone: a front does nothing that has to happen once. What ends it
 * is a step to another schema, which every change of it asks for: as all are serializable, none is made by the records
 * of before on those of after. When its turn comes it takes the store over like anybody who waits (owner.c), and from
 * then on its changes are an owner's (begin_send). */
#include "store/postgres/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "store/hex.h"

enum { COMMAND_MAX = 1024, ONCES_MAX = 4, ROWS_STEP = 32, LOOK_SIZE = FENCE_SIZE - 32 };
_Static_assert((int)WRITERS_MAX < (int)ROWS_STEP, "the rows of a front are its alone");

enum store_status front_init(struct postgres *p, const struct store_config *config)
{
    struct share *share = &p->share;
    uint8_t schema[SCHEMA_RECORD_LEN];
    share->wanted = config->share != NULL && config->wait != NULL;
    if (config->share != NULL)
        share->at = *config->share;
    share->due_ms = UINT64_MAX;
    pthread_mutex_init(&share->lock, NULL);
    pool_init(&share->onces, ONCES_MAX);
    p->owner.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->owner.bell < 0 || !schema_record(config->schema, schema))
        return STORE_IO;
    hex_write(schema, sizeof schema, share->schema);
    return STORE_OK;
}

void front_free(struct postgres *p)
{
    pool_free(&p->share.onces);
    pthread_mutex_destroy(&p->share.lock);
    if (p->owner.bell >= 0)
        close(p->owner.bell);
}

/* ---- coming and going ---- */

/* A row where @meta says that the schema is this program's. */
static void write_schema_look(const struct postgres *p, char text[static LOOK_SIZE])
{
    snprintf(text, LOOK_SIZE, "SELECT 1 FROM %s WHERE k = '%s' AND v = '\\x%s'", name_meta(p), schema_key, p->share.schema);
}

void front_fence(const struct postgres *p, bool owns, char text[static FENCE_SIZE])
{
    char look[LOOK_SIZE];
    text[0] = '\0';
    if (owns || p->share.rows == 0)
        return;
    write_schema_look(p, look);
    snprintf(text, FENCE_SIZE, " AND EXISTS (%s)", look);
}

static bool has_rows(struct owner *owner, const char *command, bool *known)
{
    PGresult *result = link_run(owner->pg, command, ANSWER_MS);
    *known = PQresultStatus(result) == PGRES_TUPLES_OK;
    bool some = *known && PQntuples(result) > 0;
    PQclear(result);
    return some;
}

static bool is_schema_ours(struct postgres *p)
{
    char look[LOOK_SIZE];
    bool known;
    write_schema_look(p, look);
    return has_rows(&p->owner, look, &known);
}

/* They come with the owner that writes this schema. */
static bool has_all_tables(struct postgres *p)
{
    char command[COMMAND_MAX];
    bool there = true, known;
    for (unsigned i = 0; there && i < p->name_count; i++) {
        snprintf(command, sizeof command, "SELECT 1 WHERE to_regclass('%s') IS NOT NULL", p->names[i]);
        there = has_rows(&p->owner, command, &known);
    }
    return there;
}

/* Nobody else draws the same. */
static int64_t draw_rows(void)
{
    return (random_word() >> 8 | FRONT_ROWS) * ROWS_STEP;
}

bool front_enter(struct postgres *p, const struct seen *seen)
{
    char command[COMMAND_MAX];
    if (!seen->there || seen->given_up || !is_schema_ours(p) || !has_all_tables(p))
        return false;
    gateways_show(p, false); /* first: rows of whom nobody knows are tidied up */
    int64_t rows = draw_rows();
    snprintf(command, sizeof command,
             "INSERT INTO %s (slot, owner, last) SELECT %" PRId64 " + n, %" PRId64 ", 0 FROM generate_series(1, %u) AS n",
             name_behind(p, NAME_WRITERS), rows, p->owner.word, p->writers.max);
    bool good = owner_run(&p->owner, command, COMMIT_MS);
    p->share.rows = good ? rows : 0;
    return good;
}

bool front_is_in(struct postgres *p, bool *known)
{
    char command[COMMAND_MAX + FENCE_SIZE], fence[FENCE_SIZE];
    front_fence(p, false, fence);
    snprintf(command, sizeof command, "SELECT 1 FROM %s WHERE slot = %" PRId64 " AND owner = %" PRId64 "%s",
             name_behind(p, NAME_WRITERS), p->share.rows + 1, p->owner.word, fence);
    return has_rows(&p->owner, command, known);
}

bool front_lives(struct postgres *p, const struct seen *seen, char name[static 96])
{
    char command[COMMAND_MAX];
    snprintf(command, sizeof command,
             "SELECT name FROM %s WHERE seen > now() - interval '15 seconds' AND word <> %" PRId64
             " AND word IN (SELECT owner FROM %s WHERE slot >= %" PRId64 ") ORDER BY name LIMIT 1",
             name_behind(p, NAME_GATEWAYS), seen->word, name_behind(p, NAME_WRITERS), FRONT_ROWS);
    PGresult *result = link_run(p->owner.pg, command, ANSWER_MS);
    bool lives = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0;
    if (lives)
        snprintf(name, 96, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return lives;
}

void front_leave(struct postgres *p)
{
    char command[COMMAND_MAX];
    gateways_leave(p);
    snprintf(command, sizeof command, "DELETE FROM %s WHERE slot > %" PRId64 " AND slot < %" PRId64,
             name_behind(p, NAME_WRITERS), p->share.rows, p->share.rows + ROWS_STEP);
    if (p->share.rows != 0)
        gateways_run_quietly(p->owner.pg, command);
}

/* ---- numbers that are good once ---- */

static void forget_below(struct share *share, uint64_t below)
{
    uint_fast64_t known = atomic_load(&share->forgotten);
    while (known < below && !atomic_compare_exchange_weak(&share->forgotten, &known, below))
        continue;
}

/* One statement is a transaction, and nobody waits for a disk: set_config stands where each row asks for it. */
static PGresult *insert_once(struct postgres *p, struct link *link, uint64_t number, char why[static STORE_REASON_SIZE])
{
    char command[COMMAND_MAX];
    snprintf(command, sizeof command,
             "INSERT INTO %s (n) SELECT %" PRId64 " WHERE set_config('synchronous_commit', 'off', true) = 'off' ON CONFLICT "
             "DO NOTHING",
             name_behind(p, NAME_ONCE), (int64_t)number);
    PGresult *result = link_ready(p, link, why) ? link_run(link->pg, command, ANSWER_MS) : NULL;
    if (PQresultStatus(result) == PGRES_COMMAND_OK)
        return result;
    if (link->pg != NULL)
        explain_result(link->pg, result, why);
    PQclear(result);
    return NULL;
}

enum store_status postgres_once(struct store *store, uint64_t number, uint64_t below)
{
    struct postgres *p = postgres_of(store);
    char why[STORE_REASON_SIZE] = "all connections for it are in use";
    if (!may_ask(p))
        return STORE_AWAY;
    forget_below(&p->share, below);
    struct link *link = pool_take(&p->share.onces);
    PGresult *result = link != NULL ? insert_once(p, link, number, why) : NULL;
    bool first = result != NULL && strcmp(PQcmdTuples(result), "1") == 0;
    if (link != NULL)
        pool_return(&p->share.onces, link);
    note_answer(p, result != NULL);
    if (result == NULL)
        return status_report(store, "asking whether a number was used", STORE_AWAY, why);
    PQclear(result);
    return first ? STORE_OK : STORE_EXISTS;
}

/* ---- tidying up ---- */

void front_tidy(struct postgres *p)
{
    char command[COMMAND_MAX];
    uint64_t below = atomic_load(&p->share.forgotten);
    snprintf(command, sizeof command, "DELETE FROM %s WHERE n < %" PRIu64, name_behind(p, NAME_ONCE), below);
    if (below > 0)
        owner_run(&p->owner, command, ANSWER_MS);
    if (!atomic_load(&p->owner.claimed))
        return;
    snprintf(command, sizeof command,
             "DELETE FROM %s WHERE slot >= %" PRId64 " AND owner NOT IN (SELECT word FROM %s)",
             name_behind(p, NAME_WRITERS), FRONT_ROWS, name_behind(p, NAME_GATEWAYS));
    owner_run(&p->owner, command, ANSWER_MS);
}
