/* octets FOLDER: where the octets of a store of the LMDB engine are, by table, and what of them an order takes.
 *
 * Reads while another process owns the store. What a table's pages hold beyond its records is what B-trees leave free
 * and LMDB's own headers; a record that does not fit a quarter of a page takes overflow pages of its own.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lmdb.h>

enum { TABLES_MAX = 64, NAME_MAX_LEN = 64 };

struct table {
    char name[NAME_MAX_LEN + 1];
    MDB_stat stat;
    uint64_t key_octets, value_octets;
};

struct measured {
    struct table tables[TABLES_MAX];
    unsigned count;
    uint64_t free_pages, all_pages, page_size;
};

static int check(int code, const char *what)
{
    if (code != MDB_SUCCESS)
        fprintf(stderr, "octets: %s: %s\n", what, mdb_strerror(code));
    return code;
}

static int measure_records(MDB_txn *txn, MDB_dbi dbi, struct table *table)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int code = mdb_cursor_open(txn, dbi, &cursor);
    if (code != MDB_SUCCESS)
        return code;
    while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
        table->key_octets += key.mv_size;
        table->value_octets += value.mv_size;
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
}

static int measure_table(MDB_txn *txn, const MDB_val *name, struct measured *out)
{
    MDB_dbi dbi;
    if (out->count == TABLES_MAX || name->mv_size > NAME_MAX_LEN)
        return MDB_DBS_FULL;
    struct table *table = &out->tables[out->count++];
    memcpy(table->name, name->mv_data, name->mv_size);
    int code = mdb_dbi_open(txn, table->name, 0, &dbi);
    if (code == MDB_SUCCESS)
        code = mdb_stat(txn, dbi, &table->stat);
    return code == MDB_SUCCESS ? measure_records(txn, dbi, table) : code;
}

/* A record of the list of free pages begins with how many it lists. */
static int measure_free(MDB_txn *txn, uint64_t *pages)
{
    enum { FREE_LIST = 0 };
    MDB_cursor *cursor;
    MDB_val key, value;
    int code = mdb_cursor_open(txn, FREE_LIST, &cursor);
    if (code != MDB_SUCCESS)
        return code;
    while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
        size_t listed;
        memcpy(&listed, value.mv_data, sizeof listed);
        *pages += listed;
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
}

static int measure_all(MDB_env *env, MDB_txn *txn, struct measured *out)
{
    MDB_dbi names;
    MDB_cursor *cursor;
    MDB_val name, value;
    MDB_stat stat;
    MDB_envinfo info;
    int code = mdb_dbi_open(txn, NULL, 0, &names);
    if (code == MDB_SUCCESS)
        code = mdb_cursor_open(txn, names, &cursor);
    if (code != MDB_SUCCESS)
        return code;
    while (code == MDB_SUCCESS && (code = mdb_cursor_get(cursor, &name, &value, MDB_NEXT)) == MDB_SUCCESS)
        code = measure_table(txn, &name, out);
    mdb_cursor_close(cursor);
    mdb_env_stat(env, &stat);
    mdb_env_info(env, &info);
    out->page_size = stat.ms_psize;
    out->all_pages = info.me_last_pgno + 1;
    return code == MDB_NOTFOUND ? measure_free(txn, &out->free_pages) : code;
}

/* ---- shown ---- */

static uint64_t pages_of(const struct table *table)
{
    return table->stat.ms_branch_pages + table->stat.ms_leaf_pages + table->stat.ms_overflow_pages;
}

static int by_pages(const void *a, const void *b)
{
    uint64_t x = pages_of(a), y = pages_of(b);
    return x < y ? 1 : x > y ? -1 : 0;
}

static double records_of(const struct measured *m, const char *name)
{
    for (unsigned i = 0; i < m->count; i++) {
        if (strcmp(m->tables[i].name, name) == 0)
            return (double)m->tables[i].stat.ms_entries;
    }
    return 0;
}

static void show_table(const struct measured *m, const struct table *table, double orders)
{
    double pages = (double)(pages_of(table) * m->page_size);
    double used = (double)(table->key_octets + table->value_octets);
    printf("%-28s %10.2f %9.1f %9.1f %9.1f %9zu %7.0f %%\n", table->name, (double)table->stat.ms_entries / orders,
           (double)table->key_octets / orders, (double)table->value_octets / orders, pages / orders,
           table->stat.ms_overflow_pages, pages > 0 ? 100 * used / pages : 0);
}

static void show(struct measured *m)
{
    double orders = records_of(m, "orders"), page_octets = (double)m->page_size;
    if (orders < 1)
        orders = 1;
    qsort(m->tables, m->count, sizeof *m->tables, by_pages);
    printf("%-28s %10s %9s %9s %9s %9s %9s\n", "of an order", "records", "keys", "values", "in pages", "overflow",
           "fill");
    uint64_t pages = 0;
    for (unsigned i = 0; i < m->count; i++) {
        pages += pages_of(&m->tables[i]);
        if (m->tables[i].stat.ms_entries > 0)
            show_table(m, &m->tables[i], orders);
    }
    printf("%-28s %41.1f\n", "all tables", (double)pages * page_octets / orders);
    printf("%-28s %41.1f\n", "free pages, used again", (double)m->free_pages * page_octets / orders);
    printf("%-28s %41.1f   of %.0f orders\n", "file", (double)m->all_pages * page_octets / orders, orders);
}

int main(int argc, char **argv)
{
    struct measured *measured = calloc(1, sizeof *measured);
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    int code = ENOMEM;
    if (argc != 2) {
        fprintf(stderr, "usage: octets FOLDER\n");
        goto out;
    }
    if (!measured || check(code = mdb_env_create(&env), "LMDB") != 0 ||
        check(code = mdb_env_set_maxdbs(env, TABLES_MAX), argv[1]) != 0 ||
        check(code = mdb_env_open(env, argv[1], MDB_RDONLY | MDB_NOTLS, 0), argv[1]) != 0 ||
        check(code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), argv[1]) != 0)
        goto out;
    code = check(measure_all(env, txn, measured), argv[1]);
    if (code == 0)
        show(measured);
out:
    if (txn)
        mdb_txn_abort(txn);
    if (env)
        mdb_env_close(env);
    free(measured);
    return code == 0 ? 0 : 1;
}
