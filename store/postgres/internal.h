/* internal: what the files of this folder share. Only they know libpq. */
#ifndef STORE_POSTGRES_INTERNAL_H
#define STORE_POSTGRES_INTERNAL_H

#include <libpq-fe.h>

#include "store/engine.h"

enum { KNOWN_BUCKETS = 256 };

enum statement { GET, PUT, INSERT, DELETE, VISIT, VISIT_RANGE, VISIT_BACK, VISIT_LAST, COUNT, STATEMENTS };

/* One connection, and what it is used for. */
struct link {
    struct link *next; /* among the idle ones */
    PGconn *pg;        /* NULL: to be made anew */
    bool *prepared;    /* STATEMENTS for each table */
    bool ending;       /* the answer to the end of its last snapshot has not been read */
    int64_t slot;      /* of a writer: its number, from 1; 0: a reader's */
    int64_t row;       /* of the transaction under way: in @writers */
    int64_t id;        /* of the transaction under way */
    bool unbegun;      /* the server has not been told of it yet */
    bool trusting;     /* it may go by what is remembered */
    bool blurred;      /* it may have changed records that it knows no more of */
    uint64_t commits;  /* of this process, when it began */
    struct guess *guesses, *last_guess; /* guess.c: that the server is to confirm */
    struct guess *confirmed;            /* that it was asked to */
    unsigned guess_count;
    PGresult **kept;   /* answers that slices point into */
    size_t kept_count, kept_room;
    struct known *known, *spent; /* known.c: what is known of records; what only slices point into */
    struct known *buckets[KNOWN_BUCKETS];
    unsigned known_count, unsent;
};

/* What a transaction knows of a record: it has read or written it. */
struct known {
    struct known *next, *beside; /* that one in its bucket */
    unsigned table;
    bool there;             /* with this value */
    bool unsent;            /* the server has not been told yet */
    bool missing;           /* the server is known not to have it */
    bool written;           /* it has changed it */
    struct store_slice key, value;
    uint8_t octets[];       /* what these point to, but for a value that was read */
};

/* What a transaction has taken for granted: what the statement would say of the record. */
struct guess {
    struct guess *next;
    unsigned table;
    enum statement which;          /* GET; INSERT, which it would do; DELETE */
    bool there, wrong;             /* GET: with this value */
    struct store_slice key, value;
    uint8_t octets[];              /* what these point to */
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct link *idle;
    unsigned count, max; /* made, and at most */
};

/* This opening of the store, as its owner (owner.c) or as a front beside it (front.c). */
struct owner {
    int64_t word;        /* that nobody else has: @writers and @owner name it, or nothing is committed */
    int64_t epoch;       /* for people: the how many-th owner it is */
    char name[96];       /* for people: host and process */
    PGconn *pg;          /* holds the advisory lock, and is the heart's; NULL: it is open for reading alone */
    atomic_bool claimed; /* it owns the store */
    bool locked;
    pthread_t heart;
    bool beating;
    atomic_bool ending, replaced;
    int bell; /* eventfd: the heart is to look up */
    void (*on_replaced)(void *ctx);
    void *ctx;
};

enum { TELLS_MAX = 256, TELL_TEXT = 2 * (1 + STORE_TOLD_MAX) };

/* What is said to others and heard of them: front.c, gateways.c, heart.c. */
struct share {
    struct store_share at;
    bool wanted;                            /* what the configuration says */
    int64_t rows;                           /* of a front: its rows in @writers are these and the next; 0: it was none */
    char schema[2 * SCHEMA_RECORD_LEN + 1]; /* of this program, as @meta has it, in hexadecimal */
    bool listens;                           /* on the heart's connection */
    char differs[96];                       /* who is known to; "": nobody */
    atomic_bool fresh;                      /* what it presents has not been shown yet */
    pthread_mutex_t lock;                   /* of what follows */
    char address[STORE_ADDRESS_SIZE], digest[STORE_DIGEST_SIZE];
    char tells[TELLS_MAX][TELL_TEXT + 1]; /* hexadecimal; more are left to who looks by himself */
    unsigned tell_count;
    uint64_t due_ms;                /* the earliest job that nobody was told of; UINT64_MAX: none */
    atomic_uint_fast64_t forgotten; /* numbers of @once below it are of no use any more */
    struct pool onces;              /* connections of store_once */
};

struct postgres {
    struct store store; /* first */
    char *connection;   /* as libpq takes it */
    char **names;       /* of all tables, quoted, with their schema */
    unsigned name_count;
    struct pool readers, writers;
    pthread_rwlock_t turn; /* shared by writers; one whose changes met others' again and again has it alone */
    struct owner owner;
    struct share share;
    struct remembered *remembered;
    atomic_uint_fast64_t away_since_ms; /* monotonic; 0: it answered last time */
};

/* Behind the contract's tables stand those that are not its: p->names[p->name_count - ...]. */
enum { NAME_WRITERS = 1, NAME_OWNER, NAME_GATEWAYS, NAME_ONCE, NAMES_MORE = NAME_ONCE };

static inline const char *name_behind(const struct postgres *p, unsigned which)
{
    return p->names[p->name_count - which];
}

static inline const char *name_meta(const struct postgres *p)
{
    return p->names[table_own(&p->store, TABLE_META)];
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
/* The answer to all that has been sent in a pipeline, which it ends: that to the last statement, or the first error. hear
 * is called for each that is no error, in their order; NULL: nobody wants to. */
typedef void link_hear_fn(void *ctx, const PGresult *result);
PGresult *link_pipeline(PGconn *pg, int sent, unsigned wait_ms, link_hear_fn *hear, void *ctx);

void pool_init(struct pool *pool, unsigned max);
void pool_free(struct pool *pool);
/* NULL: all are in use, and none comes back for a while; or out of memory. */
struct link *pool_take(struct pool *pool);
void pool_return(struct pool *pool, struct link *link);

/* ---- known.c ---- */

/* NULL: nothing is known of it. */
const struct known *known_find(const struct link *link, unsigned table, struct store_slice key);
/* It was read: value points into what is kept; NULL: there is none. Where memory is short it stays unknown. */
void known_read(struct link *link, unsigned table, struct store_slice key, const struct store_slice *value);
/* It is to be so, and is copied; NULL: to be deleted. False: out of memory. */
bool known_write(struct link *link, unsigned table, struct store_slice key, const struct store_slice *value);
/* The same of what the server does by another statement: it is not to be sent. */
bool known_wrote(struct link *link, unsigned table, struct store_slice key, const struct store_slice *value);
/* All of it has been sent. */
void known_sent(struct link *link);
/* Nothing is known any more, nor to be sent; slices stay good. */
void known_forget(struct link *link);
void known_free(struct link *link);

/* ---- remembered.c ---- */

/* NULL: out of memory. Where that is short later on, less is remembered. Any thread. */
struct remembered *remembered_make(void);
void remembered_free(struct remembered *r);
/* How many this process has made. */
uint64_t remembered_commits(struct remembered *r);
/* A transaction that began after so many commits has read it; value NULL: there is none. */
void remembered_read(struct remembered *r, unsigned table, struct store_slice key, const struct store_slice *value,
                     uint64_t commits);
/* What the change of this link has written was kept. */
void remembered_commit(struct remembered *r, const struct link *link);
/* A change has asked for a record of which nothing was remembered, and it was missing; or it was there, by whatever. */
void remembered_missed(struct remembered *r, unsigned table, bool missed);
/* To be freed. NULL: it is not remembered, or out of memory. */
struct guess *remembered_guess(struct remembered *r, unsigned table, struct store_slice key);
/* The same for who reads; where it is not remembered, that it is missing, if that is the rule. */
struct guess *remembered_or_rule(struct remembered *r, unsigned table, struct store_slice key);

/* ---- guess.c ---- */

/* To be freed. value NULL: it is not there, or is to be deleted. NULL: out of memory. */
struct guess *guess_make(unsigned table, enum statement which, struct store_slice key, const struct store_slice *value);
/* Takes for granted what is remembered of a record, or what is the rule, and says so; NULL: nothing is, or it may not. */
const struct guess *guess_record(struct store_txn *txn, unsigned table, struct store_slice key);
/* Takes for granted that a record can be inserted, or cannot; value NULL: deleted. *status says so. False: it may not, or
 * is out of memory. */
bool guess_change(struct store_txn *txn, unsigned table, struct store_slice key, const struct store_slice *value,
                  enum store_status *status);
void guess_forget(struct link *link);

/* All that is to be said before a statement, in one pipeline with it: the transaction's beginning, what it has guessed,
 * what it has written. */
struct message {
    struct store_txn *txn;
    bool writes;         /* what was written is in it */
    unsigned beginning;  /* answers to the beginning: 0, where it is not in it; 1 of a snapshot, 2 of a change */
    unsigned answers;    /* that have come */
    struct guess *at;    /* whose answer is the next */
    bool ours;           /* the row in @writers still is */
    bool wrong;          /* a guess was */
    bool *repeat;        /* set of a snapshot's first message whose connection was cut, in place of noting that; or NULL */
};
/* Whether there is anything of that kind; writes: also of what was written. */
bool message_wanted(const struct link *link, bool writes);
/* After table_prepare: begins the pipeline. What that returned; the statement follows by PQsend... */
int message_begin(struct message *message, struct store_txn *txn, bool writes);
/* Ends it: the answer to the statement. NULL: the failure is noted in *status. */
PGresult *message_end(struct message *message, int sent, unsigned wait_ms, const char *doing, enum store_status *status);
/* Such a message by itself, where one is wanted. */
enum store_status message_settle(struct store_txn *txn, bool writes);
enum store_status postgres_confirm(struct store_txn *txn);

/* ---- owner.c ---- */

/* Rows of @writers from here on are fronts'. */
#define FRONT_ROWS (INT64_C(1) << 32)

void owner_init(struct postgres *p, const struct store_config *config);
/* Connects, and waits for its turn where config says so, or opens it as a front; then shows that it lives. make: makes
 * what is missing, once nobody else can. STORE_LOCKED: another one owns it; STORE_CLOSED: the wait was given up. */
typedef enum store_status owner_make_fn(struct store *store, PGconn *pg, const struct store_config *config,
                                        char reason[static STORE_REASON_SIZE]);
enum store_status owner_begin(struct postgres *p, const struct store_config *config, owner_make_fn *make,
                              char reason[static STORE_REASON_SIZE]);
/* Gives it up, so that whoever waits goes on at once. */
void owner_end(struct postgres *p);
/* Nothing of this one is committed any more: says so, once. Any thread. */
void owner_replaced(struct postgres *p);
bool postgres_owns(const struct store *store);

/* The heart's connection. */
bool owner_is_connected(const struct owner *owner);
/* Whether it is connected, or is now. In its place: why not. */
bool owner_connect(struct postgres *p, char why[static STORE_REASON_SIZE]);
bool owner_run(struct owner *owner, const char *command, unsigned wait_ms);

/* What who waits, or is a front, has found. */
struct seen { /* what @owner says */
    bool there, given_up;
    int64_t word, beat, epoch;
    char name[96];
};
struct watch {
    struct seen seen;
    uint64_t since_ms; /* it has been so since then; 0: nothing has been seen on this connection */
    bool anew;         /* the server was away, so that the owner may need a while to find it again */
};
/* One look, and what follows from it. STORE_OK: it is this one's. STORE_LOCKED: not yet, and why. make, with its
 * config: as owner_begin; NULL: nothing is missing. */
enum store_status owner_look(struct postgres *p, const struct store_config *config, owner_make_fn *make,
                             struct watch *watch, char why[static STORE_REASON_SIZE]);
/* Takes the advisory lock, where nobody has it. */
void owner_try_lock(struct postgres *p);
/* Ends connections of old that hold it, whose other end is gone or stopped. Where the server does not know or allow
 * that, the lock is done without. */
void owner_end_ghosts(struct postgres *p);

/* ---- heart.c ---- */

bool heart_start(struct postgres *p);
void heart_stop(struct postgres *p);
/* Has it look up. Any thread. */
void heart_ring(struct postgres *p);

/* ---- front.c ---- */

enum store_status front_init(struct postgres *p, const struct store_config *config);
void front_free(struct postgres *p);
/* Whether the store is there, owned by somebody, and of this program's schema: then this one has rows in @writers. */
bool front_enter(struct postgres *p, const struct seen *seen);
/* Whether they are its still, and the schema is. False also where the server does not answer: see *known. */
bool front_is_in(struct postgres *p, bool *known);
/* Its rows are nobody's any more. By the heart's connection, like those before. */
void front_leave(struct postgres *p);
/* " AND EXISTS (...)": what a front's change asks for besides; "" for an owner. */
enum { FENCE_SIZE = 512 };
void front_fence(const struct postgres *p, bool owns, char text[static FENCE_SIZE]);
enum store_status postgres_once(struct store *store, uint64_t number, uint64_t below);
/* Drops what is of no use any more: numbers of @once; an owner also the rows of fronts that are gone for a day. By the
 * heart's connection. */
void front_tidy(struct postgres *p);
/* Whether somebody serves beside a store that nobody seems to own: its changes would go on, whoever took it alone. */
bool front_lives(struct postgres *p, const struct seen *seen, char name[static 96]);

/* ---- gateways.c ---- */

/* This one waits, or serves, and lives; or does not any more. By the heart's connection; what it cannot say is no harm.
 */
void gateways_show(struct postgres *p, bool serves);
void gateways_leave(struct postgres *p);
/* Nor does the one that has this word: it has been replaced. */
void gateways_forget(struct postgres *p, int64_t word);
/* Whether somebody says another digest: tells who cares. */
void gateways_compare(struct postgres *p);
/* Text that may stand in commands, between quotes. */
void gateways_quotable(char *to, size_t size, const char *from);
/* A command for which nobody waits for disks or standbys. */
void gateways_run_quietly(PGconn *pg, const char *command);
enum store_status postgres_gateways(struct store *store, struct store_gateway list[static STORE_GATEWAYS_MAX],
                                    unsigned *count);
void postgres_present(struct store *store, const char *address, const char *digest);

/* ---- tell.c ---- */

void postgres_tell(struct store *store, const void *what, size_t len);
void postgres_tell_jobs(struct store *store, uint64_t earliest_due_ms);
/* On the heart's connection: listens, sends what is to be told, and hears what others have told. */
void tell_listen(struct postgres *p);
void tell_send(struct postgres *p);
void tell_hear(struct postgres *p);

/* ---- transaction.c ---- */

/* Whether the server answered somebody just now. Any thread. */
void note_answer(struct postgres *p, bool answered);
/* Whether to ask the server. Once it has been away for a moment, the heart alone does so (heart.c): each may wait long
 * for nothing, and nobody else need. */
bool may_ask(struct postgres *p);

enum store_status postgres_begin(struct store_txn *txn, struct store_txn *parent);
enum store_status postgres_commit(struct store_txn *txn);
void postgres_abort(struct store_txn *txn);
enum store_status postgres_read(struct store_txn *txn);
void postgres_read_end(struct store_txn *txn);
/* Of a transaction that the server has not been told of: sends, in a pipeline, BEGIN, and of a change what makes it this
 * opening's. What that returned. */
int begin_send(struct store_txn *txn);
/* The server has answered that; ours: there was such a row. Otherwise nothing of it is kept. */
enum store_status begin_judge(struct store_txn *txn, bool ours);
/* A guess was wrong: all is to be run again. */
enum store_status note_mistake(struct store_txn *txn);
bool is_done(const PGresult *result);
bool is_cut(const struct link *link);
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

/* Before a message: statements that it needs are there, writes: also for what was written. Otherwise the failure is noted.
 */
enum store_status table_prepare(struct store_txn *txn, bool writes);
/* In a pipeline: what that returned. */
int table_send_guess(const struct link *link, const struct guess *guess);
/* What was written and not sent yet; known_sent is to follow. */
int table_send_writes(const struct link *link);
/* Reads a record, so that it is remembered. */
void table_learn(struct store_txn *txn, unsigned table, struct store_slice key);

#endif
