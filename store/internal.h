/* internal: what the files of this folder share. Nobody outside includes it, and only this folder knows LMDB.
 *
 * Locks: `lock` guards the queue, `readers_lock` the list of idle snapshots. Neither is held across a call to LMDB
 * or to the caller, and they are never held together. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/store.h"

/* Tables of our own stand behind the caller's. Their names begin with @, which the caller's may not. */
enum { TABLE_META, TABLE_JOBS_BY_DUE, TABLE_JOBS_BY_SUBJECT, OWN_TABLES };

struct store_txn {
    struct store *store;
    MDB_txn *mdb;
    bool writable;
    enum store_status failed; /* sticky: an error after which this transaction cannot be committed */
    uint64_t earliest_due_ms; /* of the jobs set in it; UINT64_MAX: none */
    struct store_txn *next;   /* among the idle readers */
};

struct store {
    MDB_env *env;
    MDB_dbi *tables; /* the caller's, then ours */
    unsigned table_count;
    int lock_fd;
    char *path;

    pthread_mutex_t readers_lock;
    struct store_txn *idle_readers; /* reset, to be renewed */

    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct store_op *head, **tail; /* waiting, oldest first */
    bool closing;
    pthread_t writer;
    bool writer_runs;

    store_jobs_changed_fn *jobs_changed;
    void *jobs_ctx;
    store_report_fn *report;
    void *report_ctx;
    atomic_bool full_reported;
    atomic_uint_fast64_t commits, operations, failed;
};

/* status.c: the one place where LMDB's and the system's codes become ours. */
enum store_status status_of(int code);
/* As status_of, and tells the operator: every STORE_IO, and the first STORE_FULL since a commit succeeded. */
enum store_status status_report(struct store *store, const char *doing, int code);
/* Fills *reason and returns status. */
enum store_status status_explain(enum store_status status, char reason[static STORE_REASON_SIZE], const char *format,
                                 ...) __attribute__((format(printf, 3, 4)));

/* lock.c: *fd keeps the lock until it is closed. */
enum store_status lock_take(const char *folder, int *fd, char reason[static STORE_REASON_SIZE]);

/* store.c: the name of one of ours. */
const char *table_own_name(unsigned ours);

/* sync.c: both return 0 or an errno. */
int sync_path(const char *path);
int sync_parent(const char *path);

/* schema.c: brings the tables up to the program's schema, or refuses. */
/* Writes nothing: STORE_INVALID for an older one. */
enum store_status schema_check(struct store *store, const struct store_config *config,
                               char reason[static STORE_REASON_SIZE]);
enum store_status schema_settle(struct store *store, const struct store_config *config,
                                char reason[static STORE_REASON_SIZE]);

/* identity.c: before anything is opened, whether there is a data file with something in it; once the environment is
 * open, whether a store was made in it, or only begun. The identity of one that has none yet: 0, or a code. */
bool identity_has_data(const char *folder);
bool identity_was_made(struct store *store);
int identity_settle(struct store *store);

/* copied.c: marks the store in this folder, which nobody has open, as a copy of what another held at that time. 0, or a
 * code of LMDB or errno. */
int copied_mark(const char *folder, uint64_t copied_ms);
uint64_t copied_now_ms(void);

/* table.c: ours is one of TABLE_...; the result is a number as store_get and the others take. */
unsigned table_own(const struct store *store, unsigned ours);
void readers_free(struct store *store);

/* writer.c */
enum store_status writer_start(struct store *store);
void writer_stop(struct store *store);

#endif
