/* engine: what an engine owes the contract (store.h), and what it finds here. Nobody outside store/ includes it.
 *
 * The contract checks what callers hand over, queues and batches changes, keeps idle snapshots, and knows jobs, schema,
 * identity and copies, all of which are records in tables. An engine keeps tables of octets and runs transactions.
 *
 * Locks: `lock` guards the queue, `readers_lock` the list of idle snapshots. Neither is held across a call to an engine
 * or to the caller, and they are never held together. */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/record.h"
#include "store/store.h"
#include "store/wake.h"

/* Tables of our own stand behind the caller's. Their names begin with @, which the caller's may not. */
enum { TABLE_META, TABLE_JOBS_BY_DUE, TABLE_JOBS_BY_SUBJECT, OWN_TABLES };

enum { WRITERS_MAX = 16 };

struct store_txn {
    const struct engine *engine;
    struct store *store;
    void *handle; /* the engine's own; of an idle snapshot it is kept */
    bool writable;
    unsigned attempt;         /* how often it was run before */
    bool again;               /* the engine's: nothing of it counts, run it once more from the start */
    unsigned mistakes;        /* how often it was run before by what the engine had guessed, and wrongly */
    bool mistaken;            /* the engine's, with again: so it was now */
    enum store_status failed; /* sticky: an error after which this transaction cannot be committed */
    uint64_t earliest_due_ms; /* of the jobs set in it; UINT64_MAX: none */
    bool changed;             /* something was put or deleted */
    struct store_txn *parent; /* of a nested one */
    struct store_txn *next;   /* among the idle snapshots */
};

/* First in the store of each engine. */
struct store {
    const struct engine *engine;
    unsigned table_count; /* the caller's; ours follow */
    char *path;           /* for messages */

    pthread_mutex_t readers_lock;
    struct store_txn *idle_readers; /* reset, to be renewed */
    pthread_cond_t users_changed;
    unsigned users; /* snapshots, and whoever else is at the engine's files beside the writer */
    bool shut;      /* none may begin: the files are exchanged */

    pthread_mutex_t lock;
    struct wake wake; /* of the writers */
    struct store_op *head, **tail; /* waiting, oldest first */
    uint64_t by_us;                /* CLOCK_MONOTONIC: until when all of them may wait */
    uint64_t last_us, gap_us;      /* of the last submission; between two, on average */
    bool closing;
    bool compacting; /* the writer is at the files as a whole, which takes its time */
    bool turning;    /* store_turned has asked, and no writer has gone round since */
    pthread_t writers[WRITERS_MAX];
    unsigned writer_count, writers_wanted;
    bool stepped; /* no writer: whoever has the store runs its batches */
    enum store_status (*fault)(void *ctx);
    void *fault_ctx;

    store_jobs_changed_fn *jobs_changed;
    void *jobs_ctx;
    store_report_fn *report;
    void *report_ctx;
    store_broken_fn *broken;
    void *broken_ctx;
    atomic_bool full_reported, is_broken;
    atomic_uint_fast64_t commits, operations, failed;
};

/* What the keys of a visit have to be. */
struct range {
    struct store_slice from; /* at least this; len 0: all */
    size_t prefix_len;       /* and beginning with so many octets of it */
};

/* A record on its way into a table. */
struct row {
    struct store_slice key, value;
};

enum { ROWS_MAX = 100 }; /* in one call to insert_all */

struct engine {
    size_t size;        /* of its struct, which begins with struct store; zeroed before open */
    unsigned batch_max; /* most functions in one transaction */
    bool waits; /* for a network: several writers at once gain something, and nothing of it is for an event loop */

    /* Opens or makes, takes ownership, opens all tables. Whatever it took, close gives back, also after a failure. */
    enum store_status (*open)(struct store *store, const struct store_config *config,
                              char reason[static STORE_REASON_SIZE]);
    /* For reading alone: own tables first, then (find_tables) the caller's, once the schema is known to be ours. */
    enum store_status (*open_to_read)(struct store *store, const struct store_config *config,
                                      char reason[static STORE_REASON_SIZE]);
    enum store_status (*find_tables)(struct store *store, const struct store_config *config,
                                     char reason[static STORE_REASON_SIZE]);
    void (*close)(struct store *store);

    /* With parent: nested in it. On failure nothing is to be ended, and txn->again may be set. */
    enum store_status (*begin)(struct store_txn *txn, struct store_txn *parent);
    enum store_status (*commit)(struct store_txn *txn);
    /* Before what functions have said is believed though nothing is kept of it: whether they were told the truth. Not
     * STORE_OK: they were not, or nobody knows, and txn->again may be set. NULL: they always are. */
    enum store_status (*confirm)(struct store_txn *txn);
    void (*abort)(struct store_txn *txn);

    /* A snapshot: handle is NULL, or what read_end left in it. read_free ends it for good. */
    enum store_status (*read)(struct store_txn *txn);
    void (*read_end)(struct store_txn *txn);
    void (*read_free)(struct store_txn *txn);

    /* Tables and lengths have been checked. Errors are reported and noted (txn_note) by the engine. */
    enum store_status (*get)(struct store_txn *txn, unsigned table, struct store_slice key, struct store_slice *value);
    enum store_status (*put)(struct store_txn *txn, unsigned table, struct store_slice key, struct store_slice value,
                             bool overwrite);
    enum store_status (*delete)(struct store_txn *txn, unsigned table, struct store_slice key);
    /* As put without overwrite of each, ROWS_MAX at most; where one says STORE_EXISTS, others may be written. NULL: put
     * costs no round trip. */
    enum store_status (*insert_all)(struct store_txn *txn, unsigned table, const struct row *rows, unsigned count);
    enum store_status (*visit)(struct store_txn *txn, unsigned table, const struct range *range, store_visit_fn *visit,
                               void *ctx);
    enum store_status (*visit_back)(struct store_txn *txn, unsigned table, struct store_slice before,
                                    store_visit_fn *visit, void *ctx);
    enum store_status (*count)(struct store_txn *txn, unsigned table, uint64_t *count);

    enum store_status (*backup)(struct store *store, const char *to, char reason[static STORE_REASON_SIZE]);
    /* Several processes: store_owns, store_present, store_tell, store_once, and that jobs were set here, the earliest of
     * them due then. NULL, all of them: there is one, which owns the store. */
    bool (*owns)(const struct store *store);
    void (*present)(struct store *store, const char *address, const char *digest);
    void (*tell)(struct store *store, const void *what, size_t len);
    enum store_status (*once)(struct store *store, uint64_t number, uint64_t below);
    void (*tell_jobs)(struct store *store, uint64_t earliest_due_ms);
    /* store_advice; NULL: never any. */
    bool (*advise)(struct store *store, char text[static STORE_REASON_SIZE]);
    /* store_gateways; NULL: there is one. */
    enum store_status (*gateways)(struct store *store, struct store_gateway list[static STORE_GATEWAYS_MAX],
                                  unsigned *count);
    /* Compaction, on the writer's thread: writes the files anew beside the old ones, whole and on the disk; puts them
     * in their place, where nobody reads; or gives them up. STORE_REFUSED: it cannot be done, and nothing was changed.
     * rewrite NULL: it has no files that grow. */
    enum store_status (*rewrite)(struct store *store, char reason[static STORE_REASON_SIZE]);
    enum store_status (*exchange)(struct store *store, char reason[static STORE_REASON_SIZE]);
    void (*drop_rewritten)(struct store *store);
    /* What is used, and of how much. */
    void (*measure)(struct store *store, struct store_stats *out);
};

extern const struct engine engine_lmdb, engine_memory, engine_postgres;

/* status.c: tells the operator: every STORE_IO and STORE_AWAY, and the first STORE_FULL since a commit succeeded. Returns status. */
enum store_status status_report(struct store *store, const char *doing, enum store_status status, const char *why);
/* Tells the operator, once, and whoever has the store that it has to be opened anew. */
void status_broken(struct store *store, const char *why);
/* Fills *reason and returns status. */
enum store_status status_explain(enum store_status status, char reason[static STORE_REASON_SIZE], const char *format,
                                 ...) __attribute__((format(printf, 3, 4)));
/* An error of the transaction: what makes it useless is remembered, so that a function that overlooks it is not
 * acknowledged, and what follows from it is not reported as another fault. Returns what the caller is to be told. */
enum store_status txn_note(struct store_txn *txn, const char *doing, enum store_status status, const char *why);

/* store.c: the name of one of ours, and of any table. */
const char *table_own_name(unsigned ours);
const char *table_name(const struct store_config *config, unsigned table);

/* table.c: ours is one of TABLE_...; the result is a number as store_get and the others take. */
unsigned table_own(const struct store *store, unsigned ours);
/* As store_insert of each, ROWS_MAX at most, at the cost of one where the engine can. STORE_EXISTS: one of the keys is
 * taken, and others may be written, so that the transaction is not to be kept. */
enum store_status table_insert_all(struct store_txn *txn, unsigned table, const struct row *rows, unsigned count);
void readers_free(struct store *store);

/* compact.c: around whatever uses the engine's files and is neither a snapshot nor the writer. */
void users_enter(struct store *store);
void users_leave(struct store *store);
/* What the writer runs alone, between two batches, in place of an operation with the function compact_alone. */
store_fn compact_alone;
enum store_status compact_run(struct store *store, void *arg);

/* schema.c: brings the tables up to the program's schema, or refuses. */
enum store_status schema_settle(struct store *store, const struct store_config *config,
                                char reason[static STORE_REASON_SIZE]);
/* In a change: the number alone. */
extern const char schema_key[];
enum store_status schema_write(struct store_txn *txn, uint32_t schema);
/* The record that says so. */
enum { SCHEMA_RECORD_LEN = 5 };
bool schema_record(uint32_t schema, uint8_t out[static SCHEMA_RECORD_LEN]);
/* Writes nothing: STORE_INVALID for an older one. */
enum store_status schema_check(struct store *store, const struct store_config *config,
                               char reason[static STORE_REASON_SIZE]);
/* identity.c: gives one to a store that has none yet; in a change, in the place of the one that it has. */
enum { IDENTITY_LEN = 16 };
extern const char identity_key[];
enum store_status identity_settle(struct store *store);
enum store_status identity_write(struct store_txn *txn, const uint8_t identity[static IDENTITY_LEN]);

/* marks.c: refuses one that was moved away or is not whole, unless config says otherwise. */
enum store_status marks_check(struct store *store, const struct store_config *config,
                              char reason[static STORE_REASON_SIZE]);
/* Whether a record of TABLE_META says what this one store is, and so does not go along where it is moved. */
bool meta_is_own(struct store_slice key);
/* From now on it was moved; it is not whole, *begun: since an earlier import; it is, and is what `end` says, or without
 * that stays what it was. */
struct import_end {
    uint32_t schema;
    const uint8_t *identity; /* IDENTITY_LEN */
    uint64_t copied_ms;      /* 0: it is no copy */
};
enum store_status mark_moved(struct store *store);
enum store_status mark_importing(struct store *store, bool *begun);
enum store_status mark_import_over(struct store *store, const struct import_end *end);

/* copied.c: the record that says when a copy was taken, for an engine that writes it behind the contract's back. */
extern const char copied_key[];
void copied_record(struct record_writer *w, uint64_t copied_ms);
uint64_t copied_now_ms(void);

/* writer.c: jobs that others may have set: whoever hears of jobs is called. Any thread of the engine's. */
void writer_hear_jobs(struct store *store, uint64_t earliest_due_ms);
/* writer.c: the threads that run what is submitted; writer_stop runs what is queued and ends them. */
enum store_status writer_start(struct store *store);
void writer_stop(struct store *store);
bool writer_is_closing(struct store *store);

#endif
