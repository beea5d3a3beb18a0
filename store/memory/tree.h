/* tree: an ordered map of octets to octets whose copies cost nothing: a treap of counted nodes that copies share.
 *
 * Who has a root has a reference, and changes only nodes that nobody else refers to; others are copied on the way down.
 * Priorities are hashes of the keys: the same records make the same tree, whatever came before. Any thread may read and
 * release a root of its own; counts are atomic. */
#ifndef STORE_MEMORY_TREE_H
#define STORE_MEMORY_TREE_H

#include "store/store.h"

struct tree_node;

struct tree {
    struct tree_node *root; /* NULL: empty */
    uint64_t count, octets; /* records; of their keys and values */
};

struct tree tree_share(const struct tree *tree);
void tree_release(struct tree *tree);
/* False where it is not there. */
bool tree_find(const struct tree *tree, struct store_slice key, struct store_slice *value);
/* False when out of memory: then only tree_release is left. */
bool tree_put(struct tree *tree, struct store_slice key, struct store_slice value);
/* The key is there. False when out of memory, as above. */
bool tree_remove(struct tree *tree, struct store_slice key);
/* In ascending order all keys >= from; false: visit ended it. */
bool tree_visit(const struct tree *tree, struct store_slice from, store_visit_fn *visit, void *ctx);
/* In descending order all keys < before (len 0: all). */
bool tree_visit_back(const struct tree *tree, struct store_slice before, store_visit_fn *visit, void *ctx);

#endif
