/* store: durable state as an ordered, transactional key-value store.
 *
 * Law of this header
 * - A table maps keys to values, both plain octets, ordered by key as memcmp orders. The store knows no
 *   meaning: whoever owns a record encodes it (store/record.h helps) and chooses its key.
 * - Reading: any thread, in a snapshot (store_read ... store_read_end) that is short: never across a wait,
 *   a reply or a call to somebody else. Slices point into the snapshot and die with it.
 * - Changing: a function fn(txn, arg) handed to the one writer. All waiting functions are run in one
 *   transaction and made durable together (group commit); one that fails is undone alone. The function's
 *   only side effect is the transaction and what it writes to arg: it may be run again from the start, so
 *   it must begin by resetting what it put in arg.
 * - Nothing here is particular to one engine, so that another one can take its place.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct store_txn;

enum store_status {
    STORE_OK = 0,
    STORE_NOT_FOUND, /* no such key */
    STORE_EXISTS,    /* store_insert: the key is taken */
    STORE_REFUSED,   /* returned by a store_fn: it looked and said no; its changes are dropped. store_open: it was moved
                      * away, or is not whole */
    STORE_FULL,      /* the map or the disk is full: refuse new work, nothing acknowledged is lost */
    STORE_INVALID,   /* key of 0 or more than 511 octets, or a record that does not decode */
    STORE_LOCKED,    /* store_open: another process owns this store */
    STORE_NEWER,     /* store_open: written by a newer program */
    STORE_CLOSED,    /* submitted after store_close began */
    STORE_AWAY,      /* the server that keeps it does not answer; nothing was changed, and it may be back soon */
    STORE_SHORT,     /* memory is short; a change that met it is dropped, whatever it said */
    STORE_IO,        /* anything else; the log line names it */
};

/* A sentence for logs. Static. Any thread. */
const char *store_status_text(enum store_status status);

struct store_slice {
    const uint8_t *data;
    size_t len;
};

enum { STORE_KEY_MAX = 511, STORE_REASON_SIZE = 512, STORE_IDENTITY_SIZE = 33 };

/* Called on the writer thread after a commit in which jobs were set; earliest_due_ms is the earliest of them. Where others
 * may have the store open, also for their jobs, on a thread of the store's, and each second with 0: who knows? */
typedef void store_jobs_changed_fn(void *ctx, uint64_t earliest_due_ms);

/* Told, on any thread, of what an operator must know: one line without a newline, valid during the call. */
typedef void store_report_fn(void *ctx, const char *text);

/* Told once, on any thread, that from now on all fails, reading too, until the store is closed and opened anew; the
 * report has said why. What was acknowledged is in it, and of the last change that was not, perhaps. */
typedef void store_broken_fn(void *ctx);

/* What a process hears of others that have the same store open (store_config.share). On a thread of the store's, which may
 * not be blocked. */
struct store_share {
    /* Its turn has come: from now on this one owns the store (store_owns). Once. */
    void (*owned)(void *ctx);
    /* What another one has told (store_tell). */
    void (*told)(void *ctx, struct store_slice what);
    /* One, by name, says another digest of itself than this one (store_present), or none does any more: NULL. */
    void (*differs)(void *ctx, const char *name);
    void *ctx;
};

/* A step from schema N to N + 1, run once at open inside one transaction. */
typedef enum store_status store_migrate_fn(struct store_txn *txn, char reason[static STORE_REASON_SIZE]);

enum store_engine {
    STORE_LMDB = 0,   /* files of this machine */
    STORE_MEMORY,     /* tests and simulation: lives as long as the process, and there also while it is closed */
    STORE_POSTGRESQL, /* a schema in a database, over the network */
};

struct store_config {
    enum store_engine engine;
    const char *path;          /* folder; made (0700) when absent, its parent must exist. In memory: any name.
                                * PostgreSQL: the schema in the database */
    const char *connection;    /* PostgreSQL: as libpq takes it; NULL for "" */
    unsigned writers;          /* PostgreSQL: connections that change, from 1 to 16; 0 for 4 */
    uint64_t map_size;         /* octets of address space, not of disk; 0 for 16 GiB */
    const char *const *tables; /* table i is called tables[i]; order may change between versions, names not;
                                * no name begins with @ */
    unsigned table_count;
    uint32_t schema;                     /* the program's schema version, from 1 */
    store_migrate_fn *const *migrations; /* schema - 1 of them; [n] goes from n + 1 to n + 2 */
    unsigned readers;                    /* most snapshots open at once; 0 for 126, with PostgreSQL for 16 */
    bool must_exist;                     /* one that is not there, or was only begun, is not made: STORE_NOT_FOUND */
    bool moved_too;                      /* one that was moved away (transfer.h) is opened all the same */
    bool half_too;                       /* and so is one whose import has not ended */
    bool nosync;                         /* tests only: commits are not flushed */
    /* PostgreSQL: where another process owns the store, its turn is waited for, in place of STORE_LOCKED. wait is called
     * meanwhile, on the thread of store_open, and takes about ms; why is one line, the same as before where nothing has
     * changed. It returns false to give up: STORE_CLOSED. NULL: no waiting. */
    bool (*wait)(void *ctx, const char *why, unsigned ms);
    void *wait_ctx;
    /* PostgreSQL, with wait: where another process owns the store, and it is of this program's schema, it is opened beside
     * that one. Such a front reads and changes as ever, and none of its commits outlives a step to a newer schema; what
     * waits for its time is the owner's to do (store_owns). It takes the store over when its turn comes. NULL: no front. */
    const struct store_share *share;
    /* PostgreSQL: another process has taken the store over, since this one did not show for a while that it lives; it has
     * been reported, and nothing can be stored any more. Once, on any thread. May be NULL. */
    void (*replaced)(void *ctx);
    void *replaced_ctx;
    /* In memory, simulation: one that is open already is taken over. Who has it open reads on, and none of his changes is
     * stored any more. */
    bool take_over;
    /* Simulation: there is no writer thread; store_step does its work on the thread of the caller, as store_call does.
     * One thread has the whole store. */
    bool stepped;
    /* Tests only: asked before each commit; what is not STORE_OK becomes of it instead. NULL: nobody is asked. */
    enum store_status (*fault)(void *ctx);
    void *fault_ctx;
    store_jobs_changed_fn *jobs_changed; /* may be NULL; see also store_on_jobs */
    void *jobs_ctx;
    store_report_fn *report; /* may be NULL: hears of failing disks and full maps */
    void *report_ctx;
    store_broken_fn *broken; /* may be NULL */
    void *broken_ctx;
};

/* Opens or creates, takes the exclusive lock (kept until store_close or the process's end), migrates, starts
 * the writer thread. On failure *reason holds a sentence naming the path and what to do. */
enum store_status store_open(const struct store_config *config, struct store **out,
                             char reason[static STORE_REASON_SIZE]);
/* Opens one that is there for reading alone, also while another process owns it: takes no lock, makes nothing, and
 * nothing may be submitted. STORE_NOT_FOUND where there is none; STORE_INVALID where it is of an older program, whose
 * tables and records only a start brings up to date. */
enum store_status store_open_to_read(const struct store_config *config, struct store **out,
                                     char reason[static STORE_REASON_SIZE]);
/* The process that has the store in this folder open for writing; 0: none, or it cannot be told. Any thread. */
long store_owner(const char *folder);
/* Runs what is queued, ends the writer, releases the lock. No snapshot may be open. */
void store_close(struct store *store);
/* Whether this process owns the store, and so does what is to be done in its time; false of a front, until share.owned.
 * Any thread. */
bool store_owns(const struct store *store);
/* Whether reading waits for a network: then nothing of it is for an event loop. Any thread. */
bool store_waits(const struct store *store);
/* Sets who hears of new jobs. Before the first submission only. */
void store_on_jobs(struct store *store, store_jobs_changed_fn *fn, void *ctx);

/* ---- reading ---- */

/* Begins a snapshot: as its first question finds the store, so it stays until its end. Any thread; the snapshot belongs to
 * that thread. */
enum store_status store_read(struct store *store, struct store_txn **out);
void store_read_end(struct store_txn *txn);

/* STORE_OK and *value (valid until the snapshot ends or, in a store_fn, until the next change), or STORE_NOT_FOUND. */
enum store_status store_get(struct store_txn *txn, unsigned table, const void *key, size_t key_len,
                            struct store_slice *value);

/* Return false to stop. In a store_fn, do not change the table that is being visited. */
typedef bool store_visit_fn(void *ctx, struct store_slice key, struct store_slice value);
/* Visits in ascending order all keys >= from (from_len 0: all). */
enum store_status store_visit(struct store_txn *txn, unsigned table, const void *from, size_t from_len,
                              store_visit_fn *visit, void *ctx);
/* Visits in descending order all keys < before (before_len 0: all). */
enum store_status store_visit_back(struct store_txn *txn, unsigned table, const void *before, size_t before_len,
                                   store_visit_fn *visit, void *ctx);
/* Visits in ascending order all keys that begin with prefix. */
enum store_status store_visit_prefix(struct store_txn *txn, unsigned table, const void *prefix, size_t prefix_len,
                                     store_visit_fn *visit, void *ctx);
/* Number of records of the table, 0 on error. */
uint64_t store_count(struct store_txn *txn, unsigned table);

/* ---- changing: only inside a store_fn ---- */

typedef enum store_status store_fn(struct store_txn *txn, void *arg);

enum store_status store_put(struct store_txn *txn, unsigned table, const void *key, size_t key_len, const void *value,
                            size_t value_len);
/* As store_put, but STORE_EXISTS where the key is there. */
enum store_status store_insert(struct store_txn *txn, unsigned table, const void *key, size_t key_len,
                               const void *value, size_t value_len);
/* For an index whose keys have one owner for ever: STORE_OK where the key is new or has this very value, STORE_EXISTS
 * where it has another, which stays. */
enum store_status store_claim(struct store_txn *txn, unsigned table, const void *key, size_t key_len, const void *value,
                              size_t value_len);
/* STORE_NOT_FOUND where there was none. */
enum store_status store_delete(struct store_txn *txn, unsigned table, const void *key, size_t key_len);

/* One submitted change. The caller owns it and keeps it until done is called. */
struct store_op {
    store_fn *fn;
    void *arg;
    /* How long it may wait for others to be flushed with, where others are likely: 0 where somebody waits for it, whom
     * it then takes along all that wait. */
    unsigned patience_ms;
    /* Called once, on the writer thread, after the flush (STORE_OK) or with what went wrong (then nothing of
     * it is stored). After store_close began: on the submitting thread, with STORE_CLOSED. Must not block: hand
     * over to the thread that waits. */
    void (*done)(struct store_op *op, enum store_status status);
    struct store_op *next;    /* the store's own */
    enum store_status status; /* the store's own */
};

/* Any thread; never blocks. */
void store_submit(struct store *store, struct store_op *op);
/* Runs one batch of what is queued. False where there was nothing. Of a store that is opened to be stepped; of another
 * it is the writer's, who waits for a batch, and false says that the store closes. */
bool store_step(struct store *store);
/* Whether the writer has gone round since the last call, and asks it to do so again: true at first, false as long as it
 * is stuck. Where the engine waits for a network (store_waits) always true: a server that is away is no fault of this
 * process. Any thread; never blocks. */
bool store_turned(struct store *store);
/* Submits and waits. Never on an event loop. */
enum store_status store_call(struct store *store, store_fn *fn, void *arg);

/* ---- jobs: what is to be done, and when ---- */

/* A job is (kind, subject): at most one of a kind for a subject. Setting it again moves it. It stays until
 * it is cleared, in the transaction that stores its outcome. */
enum { STORE_SUBJECT_MAX = 128 };

struct store_job {
    uint64_t due_ms; /* UNIX time in milliseconds */
    uint8_t kind;    /* the caller's */
    uint8_t subject_len;
    uint8_t subject[STORE_SUBJECT_MAX];
};

enum store_status store_job_set(struct store_txn *txn, uint8_t kind, const void *subject, size_t subject_len,
                                uint64_t due_ms);
/* STORE_NOT_FOUND where there was none. */
enum store_status store_job_clear(struct store_txn *txn, uint8_t kind, const void *subject, size_t subject_len);
/* STORE_OK and *due_ms, or STORE_NOT_FOUND. Reading. */
enum store_status store_job_get(struct store_txn *txn, uint8_t kind, const void *subject, size_t subject_len,
                                uint64_t *due_ms);
/* Visits all jobs in order of due time, from the earliest. Return false to stop. Reading. */
typedef bool store_job_visit_fn(void *ctx, const struct store_job *job);
enum store_status store_jobs(struct store_txn *txn, store_job_visit_fn *visit, void *ctx);

/* ---- keeping ---- */

/* Writes a compact, synced copy into folder `to`, which must not exist; the copy knows that it is one
 * (store_copied_ms). Blocks; not on an event loop. */
enum store_status store_backup(struct store *store, const char *to, char reason[static STORE_REASON_SIZE]);

/* Writes the store anew without the room that deletions left, compares it, and puts it in its own place; *before and
 * *after in octets. Blocks, and all changes wait meanwhile; who reads waits for the exchange alone, which is short. A
 * kill -9 at any moment loses nothing. It is no copy: what store_copied_ms says stays as it is. STORE_REFUSED, with the
 * reason: nothing was changed. Not on an event loop, nor with a snapshot open. */
enum store_status store_compact(struct store *store, uint64_t *before, uint64_t *after,
                                char reason[static STORE_REASON_SIZE]);

/* UNIX milliseconds at which this store was written as a copy of another; 0 where it is none, or where that has been
 * settled: the program that opens a copy finds out what happened since. Reading. */
uint64_t store_copied_ms(struct store_txn *txn);
/* In a store_fn: from now on it is an original. */
enum store_status store_copied_settle(struct store_txn *txn);

/* In a store_fn: one that was moved away goes on after all. It is a copy then, of what it was when it was moved: others
 * may have lived on that. */
enum store_status store_moved_settle(struct store_txn *txn);

/* 32 hexadecimal digits that the store has from its making on, and that every copy of it has too. STORE_NOT_FOUND: it
 * was made by an older program, and has not been opened for writing since. Any thread. */
enum store_status store_identity(struct store *store, char text[static STORE_IDENTITY_SIZE]);

/* Whether what keeps the store is set so that an acknowledged change may be lost, as far as can be told: then *text is
 * what to change, a sentence. Asks a server; not on an event loop. */
bool store_advice(struct store *store, char text[static STORE_REASON_SIZE]);

/* ---- several processes ---- */

/* What others are shown of this process: where it serves, and a digest of what has to be equal. Any thread, at any time. */
enum { STORE_ADDRESS_SIZE = 128, STORE_DIGEST_SIZE = 65 };
void store_present(struct store *store, const char *address, const char *digest);
/* Tells all others that have the store open, soon, and not for certain: whoever waits for it looks by himself, too. At
 * most STORE_TOLD_MAX octets. Any thread; never blocks. */
enum { STORE_TOLD_MAX = 48 };
void store_tell(struct store *store, const void *what, size_t len);
/* STORE_OK for the first that asks with this number, STORE_EXISTS for any other, whatever process asks; a crash of the
 * server may make it forget those of its last second. Numbers below `below` may be forgotten, too. Waits; STORE_INVALID
 * where the engine has one process. */
enum store_status store_once(struct store *store, uint64_t number, uint64_t below);

/* The processes of a store over the network: who owns it, and who serves beside it or waits for it. */
struct store_gateway {
    char name[96];        /* for people: host and process */
    uint64_t epoch;       /* of the owner: the how many-th it is; 0: it is none */
    bool serves;          /* the owner, or a front */
    uint64_t seen_ms_ago; /* when it last showed that it lives */
    uint64_t started_ms;  /* UNIX time; 0: not known */
    char address[STORE_ADDRESS_SIZE], digest[STORE_DIGEST_SIZE]; /* as presented; "": nothing yet */
};
enum { STORE_GATEWAYS_MAX = 16 };
/* STORE_NOT_FOUND: the engine has one process. The owner first. Asks a server; not on an event loop. */
enum store_status store_gateways(struct store *store, struct store_gateway list[static STORE_GATEWAYS_MAX],
                                 unsigned *count);

struct store_stats {
    uint64_t commits, operations, failed; /* since start */
    uint64_t used, map_size;              /* octets; used counts pages that deletions left for reuse */
};
void store_stats(struct store *store, struct store_stats *out);

#endif
