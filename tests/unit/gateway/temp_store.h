/* temp_store: an open store with all tables in a temporary folder, for tests. */
#ifndef TESTS_UNIT_GATEWAY_TEMP_STORE_H
#define TESTS_UNIT_GATEWAY_TEMP_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/tables.h"
#include "store/store.h"

struct temp_store {
    char path[64];
    struct store *store;
};

static inline void temp_store_open(struct temp_store *temp)
{
    static const char *const tables[] = {ACME_TABLE_NAMES, ISSUE_TABLE_NAMES};
    char reason[STORE_REASON_SIZE];
    snprintf(temp->path, sizeof temp->path, "/tmp/acmegate-unit-XXXXXX");
    assert_non_null(mkdtemp(temp->path));
    struct store_config config = {.path = temp->path,
                                  .map_size = 64 << 20,
                                  .tables = tables,
                                  .table_count = ISSUE_TABLE_END,
                                  .schema = 1,
                                  .nosync = true};
    assert_int_equal(store_open(&config, &temp->store, reason), STORE_OK);
}

static inline void temp_store_close(struct temp_store *temp)
{
    char command[128];
    store_close(temp->store);
    snprintf(command, sizeof command, "rm -rf '%s'", temp->path);
    assert_int_equal(system(command), 0);
}

static inline uint64_t temp_store_count(const struct temp_store *temp, unsigned table)
{
    struct store_txn *txn;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    uint64_t records = store_count(txn, table);
    store_read_end(txn);
    return records;
}

/* For cmocka: *state is the open store. */
static inline int temp_store_set_up(void **state)
{
    struct temp_store *temp = calloc(1, sizeof *temp);
    temp_store_open(temp);
    *state = temp;
    return 0;
}

static inline int temp_store_tear_down(void **state)
{
    temp_store_close(*state);
    free(*state);
    return 0;
}

#endif
