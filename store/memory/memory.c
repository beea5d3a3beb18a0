/* memory: the engine of tests and of the simulation. What was committed stands in a cabinet, which the process keeps
 * for as long as it lives: a store that is opened again under the same name finds it, and a backup is a cabinet more.
 *
 * A snapshot is a share of all trees, and one for all who read between two changes; a change is one that takes their
 * place at its commit, and a nested one likewise inside another: nothing is ever undone, only let go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/engine.h"
#include "store/memory/cabinets.h"
#include "store/memory/tree.h"

enum { BATCH_MAX = 1024 };

static const char out_of_memory[] = "out of memory";

struct drawer {
    char *name;
    struct tree tree;
};

struct hand;

struct cabinet {
    struct cabinet *next;
    char *name;
    bool owned;
    uint64_t owners; /* that it has had */
    unsigned count;
    struct drawer *drawers;
    struct hand *snapshot; /* what all read who began since the last change; NULL: nobody did */
};

struct memory {
    struct store store; /* first */
    struct cabinet *cabinet;
    unsigned *drawers; /* of each table, its drawer */
    uint64_t octets_max;
    uint64_t owner; /* the how many-th it is; 0: it reads alone */
};

/* What a transaction has in hand. */
struct hand {
    unsigned shares; /* of a snapshot: how many have it, the cabinet among them; under the lock */
    unsigned count;
    struct tree trees[]; /* by drawer */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all cabinets, and of what is in them */
static struct cabinet *cabinets;

static struct memory *memory_of(struct store *store)
{
    return (struct memory *)store;
}

/* ---- cabinets; all under the lock ---- */

static struct cabinet *cabinet_find(const char *name)
{
    struct cabinet *cabinet = cabinets;
    while (cabinet != NULL && strcmp(cabinet->name, name) != 0)
        cabinet = cabinet->next;
    return cabinet;
}

static struct cabinet *cabinet_make(const char *name)
{
    struct cabinet *cabinet = calloc(1, sizeof *cabinet);
    if (cabinet == NULL)
        return NULL;
    cabinet->name = strdup(name);
    if (cabinet->name == NULL) {
        free(cabinet);
        return NULL;
    }
    cabinet->next = cabinets;
    cabinets = cabinet;
    return cabinets;
}

static void hand_free(struct hand *hand)
{
    for (unsigned i = 0; i < hand->count; i++)
        tree_release(&hand->trees[i]);
    free(hand);
}

static void hand_drop(struct hand *hand)
{
    if (hand != NULL && --hand->shares == 0)
        hand_free(hand);
}

/* It changes. */
static void forget_snapshot(struct cabinet *cabinet)
{
    hand_drop(cabinet->snapshot);
    cabinet->snapshot = NULL;
}

static bool drawer_add(struct cabinet *cabinet, const char *name)
{
    forget_snapshot(cabinet);
    struct drawer *drawers = realloc(cabinet->drawers, (cabinet->count + 1) * sizeof *drawers);
    if (drawers == NULL)
        return false;
    cabinet->drawers = drawers;
    drawers[cabinet->count] = (struct drawer){.name = strdup(name)};
    return drawers[cabinet->count].name != NULL && ++cabinet->count;
}

static bool drawer_find(const struct cabinet *cabinet, const char *name, unsigned *at)
{
    for (*at = 0; *at < cabinet->count; ++*at)
        if (strcmp(cabinet->drawers[*at].name, name) == 0)
            return true;
    return false;
}

/* ---- opening and closing ---- */

/* Finds each table's drawer; make: one that is missing is added. */
static enum store_status find_drawers(struct memory *memory, const struct store_config *config, bool make)
{
    for (unsigned i = 0; i < config->table_count + OWN_TABLES; i++) {
        const char *name = table_name(config, i);
        if (drawer_find(memory->cabinet, name, &memory->drawers[i]))
            continue;
        if (!make)
            return STORE_INVALID;
        if (!drawer_add(memory->cabinet, name))
            return STORE_IO;
    }
    return STORE_OK;
}

/* A store was made in it, and not only begun. */
static bool was_made(const struct cabinet *cabinet)
{
    unsigned at;
    return cabinet != NULL && drawer_find(cabinet, table_own_name(TABLE_META), &at) &&
           cabinet->drawers[at].tree.count > 0;
}

static enum store_status take_cabinet(struct memory *memory, const struct store_config *config,
                                      char reason[static STORE_REASON_SIZE])
{
    memory->cabinet = cabinet_find(config->path);
    if (config->must_exist && !was_made(memory->cabinet))
        return status_explain(STORE_NOT_FOUND, reason, "%s: there is no store of this name in memory", config->path);
    if (memory->cabinet == NULL)
        memory->cabinet = cabinet_make(config->path);
    if (memory->cabinet == NULL)
        return status_explain(STORE_IO, reason, "%s: %s", config->path, out_of_memory);
    if (memory->cabinet->owned && !config->take_over)
        return status_explain(STORE_LOCKED, reason, "%s: this process has opened this store before; close it first",
                              config->path);
    memory->cabinet->owned = true;
    memory->owner = ++memory->cabinet->owners;
    enum store_status status = find_drawers(memory, config, true);
    return status == STORE_OK ? status : status_explain(status, reason, "%s: %s", config->path, out_of_memory);
}

static bool make_table(struct memory *memory, const struct store_config *config)
{
    memory->octets_max = config->map_size > 0 ? config->map_size : UINT64_MAX;
    memory->drawers = calloc(config->table_count + OWN_TABLES, sizeof *memory->drawers);
    return memory->drawers != NULL;
}

static enum store_status memory_open(struct store *store, const struct store_config *config,
                                     char reason[static STORE_REASON_SIZE])
{
    if (!make_table(memory_of(store), config))
        return status_explain(STORE_IO, reason, "%s: %s", config->path, out_of_memory);
    pthread_mutex_lock(&lock);
    enum store_status status = take_cabinet(memory_of(store), config, reason);
    pthread_mutex_unlock(&lock);
    return status;
}

static enum store_status memory_find_tables(struct store *store, const struct store_config *config,
                                            char reason[static STORE_REASON_SIZE])
{
    pthread_mutex_lock(&lock);
    enum store_status status = find_drawers(memory_of(store), config, false);
    pthread_mutex_unlock(&lock);
    return status == STORE_OK
               ? status
               : status_explain(status, reason, "%s: written by an older program; the next start brings it up to date",
                                config->path);
}

static enum store_status memory_open_to_read(struct store *store, const struct store_config *config,
                                             char reason[static STORE_REASON_SIZE])
{
    struct memory *memory = memory_of(store);
    if (!make_table(memory, config))
        return status_explain(STORE_IO, reason, "%s: %s", config->path, out_of_memory);
    pthread_mutex_lock(&lock);
    memory->cabinet = cabinet_find(config->path);
    bool made = was_made(memory->cabinet);
    for (unsigned i = 0; made && i < OWN_TABLES; i++)
        made = drawer_find(memory->cabinet, table_own_name(i), &memory->drawers[config->table_count + i]);
    pthread_mutex_unlock(&lock);
    return made ? STORE_OK
                : status_explain(STORE_NOT_FOUND, reason, "%s: there is no store of this name in memory", config->path);
}

/* With the lock. */
static bool is_owner(const struct memory *memory)
{
    return memory->owner > 0 && memory->owner == memory->cabinet->owners;
}

static void memory_close(struct store *store)
{
    struct memory *memory = memory_of(store);
    pthread_mutex_lock(&lock);
    if (is_owner(memory))
        memory->cabinet->owned = false;
    pthread_mutex_unlock(&lock);
    free(memory->drawers);
}

/* ---- transactions ---- */

static struct hand *hand_make(unsigned count)
{
    struct hand *hand = malloc(sizeof *hand + count * sizeof *hand->trees);
    if (hand != NULL)
        *hand = (struct hand){.shares = 1, .count = count};
    return hand;
}

/* With the lock. */
static struct hand *hand_share(const struct cabinet *cabinet)
{
    struct hand *hand = hand_make(cabinet->count);
    for (unsigned i = 0; hand != NULL && i < hand->count; i++)
        hand->trees[i] = tree_share(&cabinet->drawers[i].tree);
    return hand;
}

static struct hand *hand_copy(const struct hand *from)
{
    struct hand *hand = hand_make(from->count);
    for (unsigned i = 0; hand != NULL && i < hand->count; i++)
        hand->trees[i] = tree_share(&from->trees[i]);
    return hand;
}

static struct hand *hand_to_write(const struct store_txn *txn)
{
    pthread_mutex_lock(&lock);
    struct hand *hand = hand_share(memory_of(txn->store)->cabinet);
    pthread_mutex_unlock(&lock);
    return hand;
}

static bool was_taken_away(const struct store_txn *txn)
{
    pthread_mutex_lock(&lock);
    bool taken = !is_owner(memory_of(txn->store));
    pthread_mutex_unlock(&lock);
    return taken;
}

static enum store_status memory_begin(struct store_txn *txn, struct store_txn *parent)
{
    if (was_taken_away(txn))
        return status_report(txn->store, "beginning to write", STORE_IO, "another process has taken it over");
    txn->handle = parent != NULL ? hand_copy(parent->handle) : hand_to_write(txn);
    return txn->handle != NULL ? STORE_OK : status_report(txn->store, "beginning to write", STORE_IO, out_of_memory);
}

static void swap(struct tree *a, struct tree *b)
{
    struct tree was = *a;
    *a = *b;
    *b = was;
}

/* What it replaces goes into the hand, and is let go with it. */
static enum store_status memory_commit(struct store_txn *txn)
{
    struct hand *hand = txn->handle, *under = txn->parent != NULL ? txn->parent->handle : NULL;
    struct cabinet *cabinet = memory_of(txn->store)->cabinet;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < hand->count; i++)
        swap(&hand->trees[i], under != NULL ? &under->trees[i] : &cabinet->drawers[i].tree);
    if (under == NULL)
        forget_snapshot(cabinet);
    pthread_mutex_unlock(&lock);
    hand_free(hand);
    return STORE_OK;
}

static void memory_abort(struct store_txn *txn)
{
    hand_free(txn->handle);
}

static enum store_status memory_read(struct store_txn *txn)
{
    struct cabinet *cabinet = memory_of(txn->store)->cabinet;
    pthread_mutex_lock(&lock);
    if (cabinet->snapshot == NULL)
        cabinet->snapshot = hand_share(cabinet);
    if (cabinet->snapshot != NULL)
        cabinet->snapshot->shares++;
    txn->handle = cabinet->snapshot;
    pthread_mutex_unlock(&lock);
    return txn->handle != NULL ? STORE_OK : status_report(txn->store, "beginning to read", STORE_IO, out_of_memory);
}

static void memory_read_end(struct store_txn *txn)
{
    pthread_mutex_lock(&lock);
    hand_drop(txn->handle);
    pthread_mutex_unlock(&lock);
    txn->handle = NULL;
}

/* ---- tables ---- */

static struct tree *tree_of(const struct store_txn *txn, unsigned table)
{
    struct hand *hand = txn->handle;
    return &hand->trees[memory_of(txn->store)->drawers[table]];
}

static uint64_t octets_of(const struct hand *hand)
{
    uint64_t octets = 0;
    for (unsigned i = 0; i < hand->count; i++)
        octets += hand->trees[i].octets;
    return octets;
}

static enum store_status memory_get(struct store_txn *txn, unsigned table, struct store_slice key,
                                    struct store_slice *value)
{
    return tree_find(tree_of(txn, table), key, value) ? STORE_OK : STORE_NOT_FOUND;
}

static enum store_status memory_put(struct store_txn *txn, unsigned table, struct store_slice key,
                                    struct store_slice value, bool overwrite)
{
    struct store_slice there;
    if (!overwrite && tree_find(tree_of(txn, table), key, &there))
        return STORE_EXISTS;
    if (octets_of(txn->handle) + key.len + value.len > memory_of(txn->store)->octets_max)
        return txn_note(txn, "writing a record", STORE_FULL, "no more is allowed");
    return tree_put(tree_of(txn, table), key, value) ? STORE_OK
                                                     : txn_note(txn, "writing a record", STORE_IO, out_of_memory);
}

static enum store_status memory_delete(struct store_txn *txn, unsigned table, struct store_slice key)
{
    struct store_slice there;
    if (!tree_find(tree_of(txn, table), key, &there))
        return STORE_NOT_FOUND;
    return tree_remove(tree_of(txn, table), key) ? STORE_OK
                                                 : txn_note(txn, "deleting a record", STORE_IO, out_of_memory);
}

struct visit {
    const struct range *range;
    store_visit_fn *visit;
    void *ctx;
};

static bool visit_in_range(void *ctx, struct store_slice key, struct store_slice value)
{
    const struct visit *v = ctx;
    size_t len = v->range->prefix_len;
    return key.len >= len && (len == 0 || memcmp(key.data, v->range->from.data, len) == 0) &&
           v->visit(v->ctx, key, value);
}

static enum store_status memory_visit(struct store_txn *txn, unsigned table, const struct range *range,
                                      store_visit_fn *visit, void *ctx)
{
    struct visit v = {range, visit, ctx};
    tree_visit(tree_of(txn, table), range->from, visit_in_range, &v);
    return STORE_OK;
}

static enum store_status memory_visit_back(struct store_txn *txn, unsigned table, struct store_slice before,
                                           store_visit_fn *visit, void *ctx)
{
    tree_visit_back(tree_of(txn, table), before, visit, ctx);
    return STORE_OK;
}

static enum store_status memory_count(struct store_txn *txn, unsigned table, uint64_t *count)
{
    *count = tree_of(txn, table)->count;
    return STORE_OK;
}

/* ---- keeping ---- */

static bool copy_drawers(const struct cabinet *from, struct cabinet *to)
{
    for (unsigned i = 0; i < from->count; i++) {
        if (!drawer_add(to, from->drawers[i].name))
            return false;
        to->drawers[i].tree = tree_share(&from->drawers[i].tree);
    }
    return true;
}

static void forget(const char *name)
{
    for (struct cabinet **at = &cabinets; *at != NULL; at = &(*at)->next) {
        struct cabinet *cabinet = *at;
        if (cabinet->owned || strcmp(cabinet->name, name) != 0)
            continue;
        *at = cabinet->next;
        forget_snapshot(cabinet);
        for (unsigned i = 0; i < cabinet->count; i++) {
            tree_release(&cabinet->drawers[i].tree);
            free(cabinet->drawers[i].name);
        }
        free(cabinet->drawers);
        free(cabinet->name);
        free(cabinet);
        return;
    }
}

void cabinet_forget(const char *name)
{
    pthread_mutex_lock(&lock);
    forget(name);
    pthread_mutex_unlock(&lock);
}

bool cabinet_copy(const char *from, const char *to)
{
    cabinet_forget(to);
    pthread_mutex_lock(&lock);
    struct cabinet *is = cabinet_find(from), *copy = is != NULL ? cabinet_make(to) : NULL;
    bool whole = copy != NULL && copy_drawers(is, copy);
    pthread_mutex_unlock(&lock);
    return whole;
}

static bool mark_copy(struct cabinet *copy)
{
    struct record_writer w;
    unsigned meta;
    copied_record(&w, copied_now_ms());
    bool marked =
        !w.failed && drawer_find(copy, table_own_name(TABLE_META), &meta) &&
        tree_put(&copy->drawers[meta].tree, (struct store_slice){(const uint8_t *)copied_key, strlen(copied_key)},
                 (struct store_slice){w.data, w.len});
    record_free(&w);
    return marked;
}

static enum store_status memory_backup(struct store *store, const char *to, char reason[static STORE_REASON_SIZE])
{
    pthread_mutex_lock(&lock);
    bool taken = cabinet_find(to) != NULL;
    pthread_mutex_unlock(&lock);
    if (taken)
        return status_explain(STORE_EXISTS, reason, "%s: there is a store of this name in memory", to);
    bool whole = cabinet_copy(memory_of(store)->cabinet->name, to);
    pthread_mutex_lock(&lock);
    whole = whole && mark_copy(cabinet_find(to));
    pthread_mutex_unlock(&lock);
    return whole ? STORE_OK : status_explain(STORE_IO, reason, "%s: %s", to, out_of_memory);
}

static void memory_measure(struct store *store, struct store_stats *out)
{
    struct memory *memory = memory_of(store);
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < memory->cabinet->count; i++)
        out->used += memory->cabinet->drawers[i].tree.octets;
    pthread_mutex_unlock(&lock);
    out->map_size = memory->octets_max;
}

const struct engine engine_memory = {
    .size = sizeof(struct memory),
    .batch_max = BATCH_MAX,
    .open = memory_open,
    .open_to_read = memory_open_to_read,
    .find_tables = memory_find_tables,
    .close = memory_close,
    .begin = memory_begin,
    .commit = memory_commit,
    .abort = memory_abort,
    .read = memory_read,
    .read_end = memory_read_end,
    .read_free = memory_read_end,
    .get = memory_get,
    .put = memory_put,
    .delete = memory_delete,
    .visit = memory_visit,
    .visit_back = memory_visit_back,
    .count = memory_count,
    .backup = memory_backup,
    .measure = memory_measure,
};
