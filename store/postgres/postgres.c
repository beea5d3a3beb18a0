/* postgres: the engine of several machines, over libpq. Plain SQL that any server of this protocol with serializable
 * transactions takes: a table of keys and values for each of the contract's, in a schema of the database, @writers
 * (transaction.c says what for), @owner (owner.c), @members (gateways.c) and @once (front.c). */
#include "store/postgres/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_MAX = 128, /* functions that share a transaction when they wait; one conflict runs all of them again */
    READERS_DEFAULT = 16,
    COMMAND_MAX = 1024,
};

static const struct {
    const char *name, *columns;
} tables_more[NAMES_MORE + 1] = {
    [NAME_WRITERS] = {"@writers", "slot bigint PRIMARY KEY, owner bigint NOT NULL, last bigint NOT NULL"},
    [NAME_OWNER] = {"@owner", "id bigint PRIMARY KEY, epoch bigint NOT NULL, owner bigint NOT NULL, beat bigint NOT NULL, "
                              "given_up boolean NOT NULL, name text NOT NULL"},
    [NAME_GATEWAYS] = {"@members", "word bigint PRIMARY KEY, name text NOT NULL, address text NOT NULL, digest text NOT "
                                   "NULL, serves boolean NOT NULL, started timestamptz NOT NULL, seen timestamptz NOT NULL"},
    [NAME_ONCE] = {"@once", "n bigint PRIMARY KEY"},
};

/* As p->names has them, without quotes. */
static const char *plain_name(const struct postgres *p, const struct store_config *config, unsigned i)
{
    return i + NAMES_MORE < p->name_count ? table_name(config, i) : tables_more[p->name_count - i].name;
}

static enum store_status explain_server(struct store *store, PGconn *pg, const PGresult *result, const char *doing,
                                        char reason[static STORE_REASON_SIZE])
{
    char why[STORE_REASON_SIZE];
    explain_result(pg, result, why);
    return status_explain(STORE_IO, reason, "PostgreSQL schema %.100s: %s: %.300s", store->path, doing, why);
}

/* ---- names ---- */

/* The schema and the tables stand in commands, between quotes. */
static bool is_name(const char *name)
{
    return strlen(name) < 64 && strpbrk(name, "\"\\'") == NULL;
}

static bool name_tables(struct postgres *p, const struct store_config *config)
{
    p->name_count = config->table_count + OWN_TABLES + NAMES_MORE;
    p->names = calloc(p->name_count, sizeof *p->names);
    for (unsigned i = 0; p->names != NULL && i < p->name_count; i++) {
        if (asprintf(&p->names[i], "\"%s\".\"%s\"", config->path, plain_name(p, config, i)) < 0)
            return false;
    }
    return p->names != NULL;
}

static enum store_status check_table_names(const struct store_config *config, char reason[static STORE_REASON_SIZE])
{
    bool good = is_name(config->path);
    for (unsigned i = 0; i < config->table_count; i++)
        good = good && is_name(config->tables[i]);
    return good ? STORE_OK
                : status_explain(STORE_INVALID, reason, "%.200s: not the name of a schema in PostgreSQL", config->path);
}

static enum store_status prepare_store(struct store *store, const struct store_config *config,
                                       char reason[static STORE_REASON_SIZE])
{
    struct postgres *p = postgres_of(store);
    pthread_rwlockattr_t fair;
    owner_init(p, config);
    pool_init(&p->readers, config->readers > 0 ? config->readers : READERS_DEFAULT);
    pool_init(&p->writers, store->writers_wanted);
    pthread_rwlockattr_init(&fair); /* else who wants it alone never gets it */
    pthread_rwlockattr_setkind_np(&fair, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&p->turn, &fair);
    pthread_rwlockattr_destroy(&fair);
    enum store_status status = front_init(p, config);
    if (status != STORE_OK)
        return status_explain(status, reason, "%s: out of memory or of descriptors", config->path);
    status = check_table_names(config, reason);
    if (status != STORE_OK)
        return status;
    p->connection = strdup(config->connection != NULL ? config->connection : "");
    p->remembered = remembered_make();
    if (p->connection == NULL || p->remembered == NULL || !name_tables(p, config))
        return status_explain(STORE_IO, reason, "%s: out of memory", config->path);
    return STORE_OK;
}

/* ---- asking before anything else is there ---- */

static enum store_status connect_first(struct store *store, PGconn **pg, char reason[static STORE_REASON_SIZE])
{
    char why[STORE_REASON_SIZE];
    *pg = link_connect(postgres_of(store)->connection, why);
    return *pg != NULL ? STORE_OK : status_explain(STORE_IO, reason, "PostgreSQL cannot be used: %s", why);
}

/* The first field of the first row: *found where there is one and it is not f. */
static enum store_status look_for(struct store *store, PGconn *pg, const char *command, const char *argument,
                                  bool *found, char reason[static STORE_REASON_SIZE])
{
    PGresult *result = link_answer(
        pg, PQsendQueryParams(pg, command, argument != NULL ? 1 : 0, NULL, &argument, NULL, NULL, 0), ANSWER_MS);
    enum store_status status = STORE_OK;
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        status = explain_server(store, pg, result, "looking", reason);
    *found = status == STORE_OK && PQntuples(result) > 0 && strcmp(PQgetvalue(result, 0, 0), "f") != 0;
    PQclear(result);
    return status;
}

static enum store_status run_sql(struct store *store, PGconn *pg, const char *command, const char *doing,
                                 char reason[static STORE_REASON_SIZE])
{
    PGresult *result = link_run(pg, command, COMMIT_MS);
    enum store_status status = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK
                                   ? STORE_OK
                                   : explain_server(store, pg, result, doing, reason);
    PQclear(result);
    return status;
}

static enum store_status find_table(struct store *store, PGconn *pg, const char *name, bool *found,
                                    char reason[static STORE_REASON_SIZE])
{
    char command[COMMAND_MAX];
    snprintf(command, sizeof command,
             "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = '%s' AND tablename = $1::name", store->path);
    return look_for(store, pg, command, name, found, reason);
}

/* Whether a store was made here, and not only begun. */
static enum store_status find_store(struct store *store, PGconn *pg, bool *made, char reason[static STORE_REASON_SIZE])
{
    char command[COMMAND_MAX];
    snprintf(command, sizeof command, "SELECT 1 FROM \"%s\".\"%s\" LIMIT 1", store->path, table_own_name(TABLE_META));
    enum store_status status = find_table(store, pg, table_own_name(TABLE_META), made, reason);
    return status == STORE_OK && *made ? look_for(store, pg, command, NULL, made, reason) : status;
}

static enum store_status explain_nothing(struct store *store, char reason[static STORE_REASON_SIZE])
{
    return status_explain(STORE_NOT_FOUND, reason, "PostgreSQL schema %s: there is no store in this database",
                          store->path);
}

/* ---- making it ---- */

static enum store_status make_schema(struct store *store, PGconn *pg, char reason[static STORE_REASON_SIZE])
{
    char command[COMMAND_MAX];
    bool there;
    enum store_status status = look_for(store, pg, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1::name",
                                        store->path, &there, reason);
    if (status != STORE_OK || there)
        return status;
    snprintf(command, sizeof command, "CREATE SCHEMA \"%s\"", store->path);
    return run_sql(store, pg, command, "making it", reason);
}

/* The tables that are missing: a user who may not make any can serve a store whose tables somebody else made. */
static enum store_status make_tables(struct store *store, PGconn *pg, const struct store_config *config,
                                     char reason[static STORE_REASON_SIZE])
{
    struct postgres *p = postgres_of(store);
    enum store_status status = STORE_OK;
    for (unsigned i = 0; status == STORE_OK && i < p->name_count; i++) {
        char command[COMMAND_MAX];
        bool more = i + NAMES_MORE >= p->name_count, there;
        status = find_table(store, pg, plain_name(p, config, i), &there, reason);
        if (status != STORE_OK || there)
            continue;
        snprintf(command, sizeof command, "CREATE TABLE %s (%s)", p->names[i],
                 more ? tables_more[p->name_count - i].columns : "k bytea PRIMARY KEY, v bytea NOT NULL");
        status = run_sql(store, pg, command, "making a table", reason);
    }
    return status;
}

static enum store_status make_all(struct store *store, PGconn *pg, const struct store_config *config,
                                  char reason[static STORE_REASON_SIZE])
{
    enum store_status status = make_schema(store, pg, reason);
    return status == STORE_OK ? make_tables(store, pg, config, reason) : status;
}

static enum store_status postgres_open(struct store *store, const struct store_config *config,
                                       char reason[static STORE_REASON_SIZE])
{
    struct postgres *p = postgres_of(store);
    bool made = true;
    enum store_status status = prepare_store(store, config, reason);
    if (status == STORE_OK)
        status = connect_first(store, &p->owner.pg, reason);
    if (status == STORE_OK && config->must_exist)
        status = find_store(store, p->owner.pg, &made, reason);
    if (status == STORE_OK && !made)
        return explain_nothing(store, reason);
    return status == STORE_OK ? owner_begin(p, config, make_all, reason) : status;
}

/* ---- for reading alone ---- */

static enum store_status explain_older(struct store *store, char reason[static STORE_REASON_SIZE])
{
    return status_explain(STORE_INVALID, reason,
                          "PostgreSQL schema %s: written by an older program; the next start brings it up to date",
                          store->path);
}

static enum store_status postgres_open_to_read(struct store *store, const struct store_config *config,
                                               char reason[static STORE_REASON_SIZE])
{
    PGconn *pg = NULL;
    bool made = false;
    enum store_status status = prepare_store(store, config, reason);
    if (status == STORE_OK)
        status = connect_first(store, &pg, reason);
    if (status == STORE_OK)
        status = find_store(store, pg, &made, reason);
    PQfinish(pg);
    return status == STORE_OK && !made ? explain_nothing(store, reason) : status;
}

static enum store_status postgres_find_tables(struct store *store, const struct store_config *config,
                                              char reason[static STORE_REASON_SIZE])
{
    PGconn *pg;
    bool there = true;
    enum store_status status = connect_first(store, &pg, reason);
    for (unsigned i = 0; status == STORE_OK && there && i < config->table_count; i++)
        status = find_table(store, pg, config->tables[i], &there, reason);
    PQfinish(pg);
    return status == STORE_OK && !there ? explain_older(store, reason) : status;
}

/* ---- the end, and the rest ---- */

static void postgres_close(struct store *store)
{
    struct postgres *p = postgres_of(store);
    pool_free(&p->readers);
    pool_free(&p->writers);
    pthread_rwlock_destroy(&p->turn);
    owner_end(p); /* last: until here nobody else may open the store */
    front_free(p);
    for (unsigned i = 0; p->names != NULL && i < p->name_count; i++)
        free(p->names[i]);
    free(p->names);
    free(p->connection);
    remembered_free(p->remembered);
}

static enum store_status postgres_backup(struct store *store, const char *to, char reason[static STORE_REASON_SIZE])
{
    (void)to;
    return status_explain(STORE_INVALID, reason,
                          "PostgreSQL schema %s: the server keeps this store; back it up with the server's own means, "
                          "such as pg_dump",
                          store->path);
}

static bool is_set_to(PGconn *pg, const char *show, const char *value)
{
    PGresult *result = link_run(pg, show, ANSWER_MS);
    bool is = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1 &&
              strcmp(PQgetvalue(result, 0, 0), value) == 0;
    PQclear(result);
    return is;
}

/* What the server does not know is not asked for: it keeps its copies in a way of its own. */
static bool postgres_advise(struct store *store, char text[static STORE_REASON_SIZE])
{
    static const struct {
        const char *show, *value, *advice;
    } settings[] = {
        {"SHOW fsync", "off", "fsync is off: a crash of its machine damages or loses what was stored; set it on"},
        {"SHOW synchronous_commit", "off",
         "synchronous_commit is off: a crash loses what was acknowledged last; set it on"},
        {"SHOW synchronous_standby_names", "",
         "synchronous_standby_names is empty: when a standby takes over, what was acknowledged last may be lost; name "
         "one, with synchronous_commit on or remote_apply"},
    };
    char why[STORE_REASON_SIZE];
    PGconn *pg = link_connect(postgres_of(store)->connection, why);
    bool found = false;
    for (size_t i = 0; pg != NULL && !found && i < sizeof settings / sizeof *settings; i++) {
        found = is_set_to(pg, settings[i].show, settings[i].value);
        if (found)
            snprintf(text, STORE_REASON_SIZE, "PostgreSQL: %s", settings[i].advice);
    }
    PQfinish(pg);
    return found;
}

/* How much it keeps is the server's to say. */
static void postgres_measure(struct store *store, struct store_stats *out)
{
    (void)store, (void)out;
}

const struct engine engine_postgres = {
    .size = sizeof(struct postgres),
    .batch_max = BATCH_MAX,
    .waits = true,
    .open = postgres_open,
    .open_to_read = postgres_open_to_read,
    .find_tables = postgres_find_tables,
    .close = postgres_close,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .confirm = postgres_confirm,
    .abort = postgres_abort,
    .read = postgres_read,
    .read_end = postgres_read_end,
    .read_free = postgres_read_end,
    .get = postgres_get,
    .put = postgres_put,
    .delete = postgres_delete,
    .insert_all = postgres_insert_all,
    .visit = postgres_visit,
    .visit_back = postgres_visit_back,
    .count = postgres_count,
    .backup = postgres_backup,
    .owns = postgres_owns,
    .present = postgres_present,
    .tell = postgres_tell,
    .once = postgres_once,
    .tell_jobs = postgres_tell_jobs,
    .advise = postgres_advise,
    .gateways = postgres_gateways,
    .measure = postgres_measure,
};
