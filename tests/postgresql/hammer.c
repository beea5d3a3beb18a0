/* hammer CONNECTION: four threads change a store until it is told to stop (a line on stdin): each change counts, and
 * writes a record of its own. Prints a line for each that was acknowledged, and in the end "count N". */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

enum { THREADS = 4 };

static const char *const tables[] = {"changes", "count"};
static struct store *store;
static atomic_bool stop;
static atomic_uint next_change;

struct change {
    char key[16];
    uint32_t count;
};

static enum store_status count_change(struct store_txn *txn, void *arg)
{
    struct change *change = arg;
    struct store_slice value;
    change->count = 0;
    enum store_status status = store_get(txn, 1, "n", 1, &value);
    if (status == STORE_OK)
        memcpy(&change->count, value.data, sizeof change->count);
    else if (status != STORE_NOT_FOUND)
        return status;
    change->count++;
    status = store_insert(txn, 0, change->key, strlen(change->key), "", 0);
    return status == STORE_OK ? store_put(txn, 1, "n", 1, &change->count, sizeof change->count) : status;
}

static void *hammer_main(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        struct change change;
        snprintf(change.key, sizeof change.key, "%u", atomic_fetch_add(&next_change, 1));
        enum store_status status = store_call(store, count_change, &change);
        printf("%s %s\n", status == STORE_OK ? "kept" : "failed", change.key);
        fflush(stdout);
    }
    return NULL;
}

static bool print_key(void *ctx, struct store_slice key, struct store_slice value)
{
    (void)ctx, (void)value;
    printf("found %.*s\n", (int)key.len, (const char *)key.data);
    return true;
}

static int tell(void)
{
    struct store_txn *txn;
    struct store_slice value;
    uint32_t count = 0;
    if (store_read(store, &txn) != STORE_OK)
        return 1;
    if (store_get(txn, 1, "n", 1, &value) == STORE_OK)
        memcpy(&count, value.data, sizeof count);
    store_visit(txn, 0, NULL, 0, print_key, NULL);
    store_read_end(txn);
    printf("count %u\n", (unsigned)count);
    return 0;
}

int main(int argc, char **argv)
{
    struct store_config config = {.engine = STORE_POSTGRESQL,
                                  .path = "hammer",
                                  .connection = argc > 1 ? argv[1] : NULL,
                                  .writers = THREADS,
                                  .tables = tables,
                                  .table_count = 2,
                                  .schema = 1};
    char reason[STORE_REASON_SIZE];
    pthread_t threads[THREADS];
    if (store_open(&config, &store, reason) != STORE_OK) {
        fprintf(stderr, "%s\n", reason);
        return 1;
    }
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, hammer_main, NULL) != 0)
            return 1;
    getchar();
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    int status = tell();
    store_close(store);
    return status;
}
