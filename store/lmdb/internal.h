/* internal: what the files of this folder share. Only they know LMDB. */
#ifndef STORE_LMDB_INTERNAL_H
#define STORE_LMDB_INTERNAL_H

#include <lmdb.h>

#include "store/engine.h"

struct lmdb {
    struct store store;         /* first */
    MDB_env *env;               /* NULL: an exchange of its file failed, nothing can be done until the next start */
    struct store_config config; /* to open it again; its texts are owned */
    char **names;
    MDB_dbi *tables; /* the caller's, then the contract's */
    int lock_fd;
    bool locked;
};

static inline struct lmdb *lmdb_of(struct store *store)
{
    return (struct lmdb *)store;
}

/* code.c: the one place where LMDB's and the system's codes become ours. */
enum store_status status_of(int code);
/* Tells the operator, as status_report does. */
enum store_status code_report(struct store *store, const char *doing, int code);

/* lock.c: *fd keeps the lock until it is closed. */
enum store_status lock_take(const char *folder, int *fd, char reason[static STORE_REASON_SIZE]);

/* lmdb.c: after lmdb_close's part of an exchange. */
enum store_status lmdb_open_again(struct lmdb *lmdb, char reason[static STORE_REASON_SIZE]);

/* compact.c: what is left of an interrupted one is removed. */
void compact_clean(const char *folder);
enum store_status lmdb_rewrite(struct store *store, char reason[static STORE_REASON_SIZE]);
enum store_status lmdb_exchange(struct store *store, char reason[static STORE_REASON_SIZE]);
void lmdb_drop_rewritten(struct store *store);

/* sync.c: both return 0 or an errno. */
int sync_path(const char *path);
int sync_parent(const char *path);

/* begun.c: before anything is opened, whether there is a data file with something in it; once the environment is open,
 * whether a store was made in it, or only begun. */
bool has_data(const char *folder);
bool was_made(MDB_env *env, const char *meta);
/* whole.c: once the environment is open, and before any thread is made. False: *reason says what the file lacks; nothing
 * of the environment but its end is of use then. */
bool is_whole(MDB_env *env, const struct store_config *config, char reason[static STORE_REASON_SIZE]);

/* transaction.c */
enum store_status lmdb_begin(struct store_txn *txn, struct store_txn *parent);
enum store_status lmdb_commit(struct store_txn *txn);
void lmdb_abort(struct store_txn *txn);
enum store_status lmdb_read(struct store_txn *txn);
void lmdb_read_end(struct store_txn *txn);
void lmdb_read_free(struct store_txn *txn);

/* table.c */
enum store_status lmdb_get(struct store_txn *txn, unsigned table, struct store_slice key, struct store_slice *value);
enum store_status lmdb_put(struct store_txn *txn, unsigned table, struct store_slice key, struct store_slice value,
                           bool overwrite);
enum store_status lmdb_delete(struct store_txn *txn, unsigned table, struct store_slice key);
enum store_status lmdb_visit(struct store_txn *txn, unsigned table, const struct range *range, store_visit_fn *visit,
                             void *ctx);
enum store_status lmdb_visit_back(struct store_txn *txn, unsigned table, struct store_slice before,
                                  store_visit_fn *visit, void *ctx);
enum store_status lmdb_count(struct store_txn *txn, unsigned table, uint64_t *count);

/* backup.c */
enum store_status lmdb_backup(struct store *store, const char *to, char reason[static STORE_REASON_SIZE]);

#endif
