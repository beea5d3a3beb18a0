/* internal: what the files of this folder share. Only they know libpq. */
#ifndef STORE_POSTGRES_INTERNAL_H
#define STORE_POSTGRES_INTERNAL_H

#include <libpq-fe.h>

#include "store/engine.h"

enum statement { GET, PUT, INSERT, DELETE, VISIT, VISIT_RANGE, VISIT_BACK, VISIT_LAST, COUNT, STATEMENTS };

/* One connection, and what it is used for. */
struct link {
    struct link *next; /* among the idle ones */
    PGconn *pg;        /* NULL: to be made anew */
    bool *prepared;    /* STATEMENTS for each table */
    bool ending;       /* the answer to the end of its last snapshot has not been read */
    int64_t slot;      /* of a writer: its row in @writers; 0: a reader's */
    int64_t id;        /* of the transaction under way */
    PGresult **kept;   /* answers that slices point into */
    size_t kept_count, kept_room;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct link *idle;
    unsigned count, max; /* made, and at most */
};

/* This opening of the store as its owner: see owner.c. */
struct owner {
    int64_t word;  /* that nobody else has: @writers and @owner name it, or nothing is committed */
    int64_t epoch; /* for people: the how many-th owner it is */
    char name[96]; /* for people: host and process */
    PGconn *pg;    /* holds the advisory lock, and beats; NULL: it is open for reading alone */
    bool claimed, locked;
    pthread_t heart;
    bool beating, ending; /* ending: by lock */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool replaced;
    void (*on_replaced)(void *ctx);
    void *ctx;
};

struct postgres {
    struct store store; /* first */
    char *connection;   /* as libpq takes it */
    char **names;       /* of all tables, quoted, with their schema */
    unsigned name_count;
    struct pool readers, writers;
    pthread_rwlock_t turn; /* shared by writers; one whose changes met others' again and again has it alone */
    struct owner owner;
    atomic_uint_fast64_t away_since_ms; /* monotonic; 0: it answered last time */
};

/* Behind the contract's tables stand those that are not its: p->names[p->name_count - ...]. */
enum { NAME_WRITERS = 1, NAME_OWNER, NAME_GATEWAYS, NAMES_MORE = NAME_GATEWAYS };

static inline const char *name_behind(const struct postgres *p, unsigned which)
{
    return p->names[p->name_count - which];
}

static inline struct postgres *postgres_of(struct store *store)
{
    return (struct postgres *)store;
}

/* A word that nobody else has: odd, and not negative. */
int64_t random_word(void);
uint64_t monotonic_ms(void);

/* ---- link.c ---- */

/* NULL and *reason, one line, where there is no such server, database or user. */
PGconn *link_connect(const char *connection, char reason[static STORE_REASON_SIZE]);
/* Runs commands that take no arguments, and returns the answer to the last of them; where there is none after wait_ms,
 * the connection is cut. NULL: it is cut, or out of memory. */
PGresult *link_run(PGconn *pg, const char *commands, unsigned wait_ms);
/* The same of what has been sent (PQsend...); sent: what that returned. */
PGresult *link_answer(PGconn *pg, int sent, unsigned wait_ms);
/* Whether the answer that this thread waited for last did not come in that time. */
bool link_was_silent(void);
enum {
    ANSWER_MS = 5 * 1000,   /* for the answer to a statement */
    COMMIT_MS = 10 * 1000,  /* to what a disk and a standby are waited for */
};
/* What the server or libpq said, as one line. */
void explain_result(PGconn *pg, const PGresult *result, char reason[static STORE_REASON_SIZE]);
/* Whether it is connected, or is now. In its place: why not. */
bool link_ready(struct postgres *p, struct link *link, char reason[static STORE_REASON_SIZE]);
void link_break(struct link *link);
/* Frees what slices of this transaction point into. */
void link_forget(struct link *link);
/* Keeps result until link_forget. False: out of memory, and it is cleared. */
bool link_keep(struct link *link, PGresult *result);

void pool_init(struct pool *pool, unsigned max);
void pool_free(struct pool *pool);
/* NULL: all are in use, and none comes back for a while; or out of memory. */
struct link *pool_take(struct pool *pool);
void pool_return(struct pool *pool, struct link *link);

/* ---- owner.c ---- */

void owner_init(struct postgres *p, const struct store_config *config);
/* Connects, and waits for its turn where config says so; then this is the owner, and shows every second that it lives.
 * make: makes what is missing, once nobody else can. STORE_LOCKED: another one is; STORE_CLOSED: the wait was given up. */
typedef enum store_status owner_make_fn(struct store *store, PGconn *pg, const struct store_config *config,
                                        char reason[static STORE_REASON_SIZE]);
enum store_status owner_begin(struct postgres *p, const struct store_config *config, owner_make_fn *make,
                              char reason[static STORE_REASON_SIZE]);
/* Gives it up, so that whoever waits goes on at once. */
void owner_end(struct postgres *p);
/* Another one has taken over: says so, once. Any thread. */
void owner_replaced(struct postgres *p);

/* ---- gateways.c ---- */

/* This one waits, and lives; or does not wait any more. By the connection of `owner`; what it cannot say is no harm. */
void gateways_show(struct postgres *p);
void gateways_leave(struct postgres *p);
enum store_status postgres_gateways(struct store *store, struct store_gateway list[static STORE_GATEWAYS_MAX],
                                    unsigned *count);

/* ---- transaction.c ---- */

/* Whether the server answered somebody just now. Any thread. */
void note_answer(struct postgres *p, bool answered);

enum store_status postgres_begin(struct store_txn *txn, struct store_txn *parent);
enum store_status postgres_commit(struct store_txn *txn);
void postgres_abort(struct store_txn *txn);
enum store_status postgres_read(struct store_txn *txn);
void postgres_read_end(struct store_txn *txn);
/* A result that is no success: notes it, and whether all is to be run again. Clears it. */
enum store_status note_result(struct store_txn *txn, const char *doing, PGresult *result);
/* Whether the outermost transaction is lost, so that nothing more need be asked. */
bool is_lost(const struct store_txn *txn);

/* ---- table.c ---- */

enum store_status postgres_get(struct store_txn *txn, unsigned table, struct store_slice key,
                               struct store_slice *value);
enum store_status postgres_put(struct store_txn *txn, unsigned table, struct store_slice key, struct store_slice value,
                               bool overwrite);
enum store_status postgres_delete(struct store_txn *txn, unsigned table, struct store_slice key);
enum store_status postgres_insert_all(struct store_txn *txn, unsigned table, const struct row *rows, unsigned count);
enum store_status postgres_visit(struct store_txn *txn, unsigned table, const struct range *range,
                                 store_visit_fn *visit, void *ctx);
enum store_status postgres_visit_back(struct store_txn *txn, unsigned table, struct store_slice before,
                                      store_visit_fn *visit, void *ctx);
enum store_status postgres_count(struct store_txn *txn, unsigned table, uint64_t *count);

#endif
