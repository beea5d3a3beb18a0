/* whole: whether the data file has all the pages that its newest commit counts. A file that was cut short is found at
 * the open, not by the signal that touching a missing page brings, in the middle of an order. */
#include "store/lmdb/internal.h"

#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { FREE_PAGES = 0 }; /* LMDB's own table of them */

/* Of the one open that looks at a time: before the program has a second thread. */
static sigjmp_buf back;
static MDB_txn *txn; /* freed also after a jump: neither needs the file */
static MDB_cursor *cursor;

static void on_missing_page(int signal_number)
{
    siglongjmp(back, signal_number);
}

static void on_assertion(MDB_env *env, const char *text)
{
    (void)env, (void)text;
    siglongjmp(back, SIGABRT);
}

/* Each page of the table: the keys, and the ends of what lies on pages of its own. */
static int touch_table(MDB_dbi dbi, volatile unsigned char *sink)
{
    MDB_val key, value;
    int code = mdb_cursor_open(txn, dbi, &cursor);
    while (code == 0 && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (value.mv_size > 0)
            *sink ^=
                ((const unsigned char *)value.mv_data)[0] ^ ((const unsigned char *)value.mv_data)[value.mv_size - 1];
    }
    if (cursor)
        mdb_cursor_close(cursor);
    cursor = NULL;
    return code == MDB_NOTFOUND ? 0 : code;
}

static int touch_all(MDB_env *env, const struct store_config *config)
{
    volatile unsigned char sink = 0;
    int code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (code == 0)
        code = touch_table(FREE_PAGES, &sink);
    for (unsigned i = 0; code == 0 && i < config->table_count + OWN_TABLES; i++) {
        MDB_dbi dbi;
        code = mdb_dbi_open(txn, table_name(config, i), 0, &dbi);
        if (code == 0)
            code = touch_table(dbi, &sink);
        if (code == MDB_NOTFOUND) /* of a newer program */
            code = 0;
    }
    return code;
}

static void let_go(void)
{
    if (cursor)
        mdb_cursor_close(cursor);
    if (txn)
        mdb_txn_abort(txn);
    cursor = NULL;
    txn = NULL;
}

/* Pages that a transaction took and gave back at once are counted, and may never have been written: only reading tells.
 */
static bool can_be_read(MDB_env *env, const struct store_config *config)
{
    struct sigaction missing = {.sa_handler = on_missing_page}, before;
    volatile bool good = false;
    sigaction(SIGBUS, &missing, &before);
    mdb_env_set_assert(env, on_assertion);
    if (sigsetjmp(back, 1) == 0)
        good = touch_all(env, config) == 0;
    let_go();
    mdb_env_set_assert(env, NULL);
    sigaction(SIGBUS, &before, NULL);
    return good;
}

bool is_whole(MDB_env *env, const struct store_config *config, char reason[static STORE_REASON_SIZE])
{
    char path[PATH_MAX];
    struct stat about;
    MDB_envinfo info = {0};
    MDB_stat stat_of = {0};
    if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat_of) != 0 ||
        snprintf(path, sizeof path, "%s/data.mdb", config->path) >= (int)sizeof path || stat(path, &about) != 0)
        return true; /* the next steps say what is wrong */
    uint64_t counted = ((uint64_t)info.me_last_pgno + 1) * stat_of.ms_psize;
    if ((uint64_t)about.st_size >= counted || can_be_read(env, config))
        return true;
    status_explain(
        STORE_INVALID, reason,
        "%s: data.mdb was cut short: it has %llu octets of %llu. Restore the latest backup, and keep this file: "
        "it may still say what was bought since",
        config->path, (unsigned long long)about.st_size, (unsigned long long)counted);
    return false;
}
