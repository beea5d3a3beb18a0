#include "store/memory/tree.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct record {
    atomic_uint references;
    size_t key_len, value_len;
    uint8_t octets[]; /* key, value */
};

struct tree_node {
    atomic_uint references;
    uint32_t priority; /* at least that of each child */
    struct record *record;
    struct tree_node *left, *right;
};

/* ---- records and nodes ---- */

static struct store_slice key_of(const struct tree_node *node)
{
    return (struct store_slice){node->record->octets, node->record->key_len};
}

static struct store_slice value_of(const struct tree_node *node)
{
    return (struct store_slice){node->record->octets + node->record->key_len, node->record->value_len};
}

static uint64_t size_of(const struct record *record)
{
    return record->key_len + record->value_len;
}

static int compare(struct store_slice a, struct store_slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.data, b.data, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* FNV-1a, and then mixed: its high bits follow the last octets too little. */
static uint32_t priority_of(struct store_slice key)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ key.data[i]) * 0x100000001b3;
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccd;
    return (uint32_t)(hash >> 32);
}

static struct record *record_make(struct store_slice key, struct store_slice value)
{
    struct record *record = malloc(sizeof *record + key.len + value.len);
    if (record == NULL)
        return NULL;
    atomic_init(&record->references, 1);
    record->key_len = key.len;
    record->value_len = value.len;
    memcpy(record->octets, key.data, key.len);
    if (value.len > 0)
        memcpy(record->octets + key.len, value.data, value.len);
    return record;
}

static void record_release(struct record *record)
{
    if (atomic_fetch_sub(&record->references, 1) == 1)
        free(record);
}

static struct tree_node *node_share(struct tree_node *node)
{
    if (node != NULL)
        atomic_fetch_add(&node->references, 1);
    return node;
}

static void node_release(struct tree_node *node)
{
    while (node != NULL && atomic_fetch_sub(&node->references, 1) == 1) {
        struct tree_node *right = node->right;
        node_release(node->left);
        record_release(node->record);
        free(node);
        node = right;
    }
}

/* One that may be changed, in place of node, whose reference it takes over; NULL: out of memory, and node is as it was.
 */
static struct tree_node *node_own(struct tree_node *node)
{
    if (atomic_load(&node->references) == 1)
        return node;
    struct tree_node *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return NULL;
    atomic_init(&copy->references, 1);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): callers have a node */
    copy->priority = node->priority;
    copy->record = node->record;
    atomic_fetch_add(&copy->record->references, 1);
    copy->left = node_share(node->left);
    copy->right = node_share(node->right);
    node_release(node);
    return copy;
}

/* ---- changing ---- */

static bool node_add(struct tree_node **at, struct record *record)
{
    struct tree_node *node = calloc(1, sizeof *node);
    if (node == NULL)
        return false;
    atomic_init(&node->references, 1);
    node->record = record;
    node->priority = priority_of(key_of(node));
    *at = node;
    return true;
}

static void rotate_right(struct tree_node **at)
{
    struct tree_node *node = *at, *up = node->left;
    node->left = up->right;
    up->right = node;
    *at = up;
}

static void rotate_left(struct tree_node **at)
{
    struct tree_node *node = *at, *up = node->right;
    node->right = up->left;
    up->left = node;
    *at = up;
}

/* Takes over record when it succeeds. A child that rises was changed just now, so it is nobody else's. */
static bool node_put(struct tree *tree, struct tree_node **at, struct record *record)
{
    if (*at == NULL) {
        tree->count++;
        return node_add(at, record);
    }
    struct tree_node *node = node_own(*at);
    if (node == NULL)
        return false;
    *at = node;
    int order = compare((struct store_slice){record->octets, record->key_len}, key_of(node));
    if (order == 0) {
        tree->octets -= size_of(node->record);
        record_release(node->record);
        node->record = record;
        return true;
    }
    if (!node_put(tree, order < 0 ? &node->left : &node->right, record))
        return false;
    if (order < 0 && node->left->priority > node->priority)
        rotate_right(at);
    else if (order > 0 && node->right->priority > node->priority)
        rotate_left(at);
    return true;
}

/* Joins two trees, all keys of left being less than those of right. */
static bool node_join(struct tree_node **at, struct tree_node *left, struct tree_node *right)
{
    if (left == NULL || right == NULL) {
        *at = left != NULL ? left : right;
        return true;
    }
    bool left_rises = left->priority >= right->priority;
    struct tree_node *up = node_own(left_rises ? left : right);
    if (up == NULL) {
        *at = left; /* of a tree that is given up */
        node_release(right);
        return false;
    }
    *at = up;
    return left_rises ? node_join(&up->right, up->right, right) : node_join(&up->left, left, up->left);
}

static bool node_remove(struct tree *tree, struct tree_node **at, struct store_slice key)
{
    struct tree_node *node = node_own(*at);
    if (node == NULL)
        return false;
    *at = node;
    int order = compare(key, key_of(node));
    if (order != 0)
        return node_remove(tree, order < 0 ? &node->left : &node->right, key);
    struct tree_node *left = node->left, *right = node->right;
    tree->octets -= size_of(node->record);
    tree->count--;
    node->left = node->right = NULL;
    node_release(node);
    return node_join(at, left, right);
}

bool tree_put(struct tree *tree, struct store_slice key, struct store_slice value)
{
    struct record *record = record_make(key, value);
    if (record == NULL)
        return false;
    tree->octets += size_of(record);
    if (node_put(tree, &tree->root, record))
        return true;
    record_release(record);
    return false;
}

bool tree_remove(struct tree *tree, struct store_slice key)
{
    return node_remove(tree, &tree->root, key);
}

/* ---- reading ---- */

struct tree tree_share(const struct tree *tree)
{
    node_share(tree->root);
    return *tree;
}

void tree_release(struct tree *tree)
{
    node_release(tree->root);
    *tree = (struct tree){0};
}

bool tree_find(const struct tree *tree, struct store_slice key, struct store_slice *value)
{
    const struct tree_node *node = tree->root;
    while (node != NULL) {
        int order = compare(key, key_of(node));
        if (order == 0) {
            *value = value_of(node);
            return true;
        }
        node = order < 0 ? node->left : node->right;
    }
    return false;
}

static bool node_visit(const struct tree_node *node, struct store_slice from, store_visit_fn *visit, void *ctx)
{
    while (node != NULL) {
        if (compare(key_of(node), from) >= 0 &&
            (!node_visit(node->left, from, visit, ctx) || !visit(ctx, key_of(node), value_of(node))))
            return false;
        node = node->right;
    }
    return true;
}

bool tree_visit(const struct tree *tree, struct store_slice from, store_visit_fn *visit, void *ctx)
{
    return node_visit(tree->root, from, visit, ctx);
}

static bool node_visit_back(const struct tree_node *node, struct store_slice before, store_visit_fn *visit, void *ctx)
{
    while (node != NULL) {
        if ((before.len == 0 || compare(key_of(node), before) < 0) &&
            (!node_visit_back(node->right, before, visit, ctx) || !visit(ctx, key_of(node), value_of(node))))
            return false;
        node = node->left;
    }
    return true;
}

bool tree_visit_back(const struct tree *tree, struct store_slice before, store_visit_fn *visit, void *ctx)
{
    return node_visit_back(tree->root, before, visit, ctx);
}
