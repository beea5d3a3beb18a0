/* newer_store FOLDER: makes a store as a program of the far future would, for the test that such a store is refused. */
#include <stdio.h>

#include "store/store.h"

enum { FAR_SCHEMA = 1000000 };

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: newer_store FOLDER\n");
        return 2;
    }
    static const char *const tables[] = {"of-the-future"};
    /* A new store runs no migrations, but each step must have one. */
    static store_migrate_fn *const migrations[FAR_SCHEMA - 1];
    struct store_config config = {.path = argv[1],
                                  .map_size = 64 * 1024 * 1024,
                                  .tables = tables,
                                  .table_count = 1,
                                  .schema = FAR_SCHEMA,
                                  .migrations = migrations};
    struct store *store;
    char reason[STORE_REASON_SIZE];
    if (store_open(&config, &store, reason) != STORE_OK) {
        fprintf(stderr, "newer_store: %s\n", reason);
        return 1;
    }
    store_close(store);
    return 0;
}
