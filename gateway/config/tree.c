/* config_tree: libcyaml checks the file against the table of keys and hands it over as a tree of texts.
 *
 * Its own numbers and booleans are lax ("12abc" is 12, "banana" is true), so every value is read as text and parsed by
 * us. What it has to say comes as log lines: the first is the fault, those after "Backtrace:" are the way to it, from
 * the inside out. */
#include "gateway/config/internal.h"

#include <cyaml/cyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 320, RECORD_KINDS_MAX = 8, LIST_MAX = 256, FAULT_MAX = 320 };

struct config_tree {
    struct config_node *root;
    cyaml_config_t cyaml;
    cyaml_schema_value_t schema;
    cyaml_schema_field_t fields[FIELDS_MAX];
    unsigned field_count;
    bool outgrown; /* our own tables have more keys than there is room for */
    cyaml_schema_value_t records[RECORD_KINDS_MAX];
    unsigned record_count;
    char fault[FAULT_MAX];
    char path[CONFIG_PATH_MAX];
};

/* ---- the schema, made from the table ---- */

static const cyaml_schema_value_t list_entry = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t *fields_of(struct config_tree *tree, const struct config_table *table);

static cyaml_schema_value_t mapping_of(struct config_tree *tree, const struct config_table *table, unsigned flags)
{
    return (cyaml_schema_value_t){.type = CYAML_MAPPING,
                                  .flags = (enum cyaml_flag)flags,
                                  .data_size = (uint32_t)(table->count * sizeof(struct config_node)),
                                  .mapping = {fields_of(tree, table)}};
}

static cyaml_schema_value_t sequence_of(const cyaml_schema_value_t *entry, size_t entry_size)
{
    return (cyaml_schema_value_t){.type = CYAML_SEQUENCE,
                                  .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                                  .data_size = (uint32_t)entry_size,
                                  .sequence = {.entry = entry, .min = 0, .max = LIST_MAX}};
}

static cyaml_schema_value_t value_of(struct config_tree *tree, const struct config_key *key)
{
    switch (key->kind) {
    case CONFIG_MAPPING:
        return mapping_of(tree, key->table, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL);
    case CONFIG_RECORDS: {
        cyaml_schema_value_t *record = &tree->records[tree->record_count++ % RECORD_KINDS_MAX];
        *record = mapping_of(tree, key->table, CYAML_FLAG_DEFAULT);
        return sequence_of(record, record->data_size);
    }
    case CONFIG_LIST:
    case CONFIG_WORDS:
        return sequence_of(&list_entry, sizeof(char *));
    default:
        return (cyaml_schema_value_t){.type = CYAML_STRING,
                                      .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                                      .data_size = sizeof(char *),
                                      .string = {.min = 0, .max = CYAML_UNLIMITED}};
    }
}

/* NULL where our own tables have outgrown the room; config_tree_load looks. */
static const cyaml_schema_field_t *fields_of(struct config_tree *tree, const struct config_table *table)
{
    if (tree->field_count + table->count + 1 > FIELDS_MAX) {
        tree->outgrown = true;
        return NULL;
    }
    cyaml_schema_field_t *fields = &tree->fields[tree->field_count];
    tree->field_count += table->count + 1; /* the last stays zero: the end */
    for (unsigned i = 0; i < table->count; i++) {
        size_t node = i * sizeof(struct config_node);
        fields[i] = (cyaml_schema_field_t){
            .key = table->keys[i].name,
            .data_offset = (uint32_t)(node + offsetof(struct config_node, data)),
            .count_offset = (uint32_t)(node + offsetof(struct config_node, count)),
            .count_size = sizeof(uint32_t),
            .value = value_of(tree, &table->keys[i]),
        };
    }
    return fields;
}

/* ---- what libcyaml says ---- */

/* Puts a step of the backtrace before the path so far. */
static void prepend(struct config_tree *tree, const char *step)
{
    char rest[CONFIG_PATH_MAX];
    memcpy(rest, tree->path, sizeof rest);
    const char *dot = rest[0] == '\0' || rest[0] == '[' ? "" : ".";
    if (snprintf(tree->path, sizeof tree->path, "%s%s%s", step, dot, rest) >= (int)sizeof tree->path)
        memcpy(tree->path, rest, sizeof rest);
}

static void read_step(struct config_tree *tree, const char *line)
{
    char step[CONFIG_PATH_MAX];
    unsigned index;
    if (sscanf(line, " in mapping field '%200[^']'", step) == 1) {
        prepend(tree, step);
    } else if (sscanf(line, " in sequence entry '%u'", &index) == 1) {
        snprintf(step, sizeof step, "[%u]", index);
        prepend(tree, step);
    }
}

static void on_log(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
    struct config_tree *tree = ctx;
    char line[FAULT_MAX];
    (void)level;
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "Load: ", 6) != 0)
        read_step(tree, line);
    else if (tree->fault[0] == '\0' && strcmp(line, "Load: Backtrace:") != 0)
        snprintf(tree->fault, sizeof tree->fault, "%s", line + 6);
}

/* ---- saying it in our words ---- */

static const struct config_key *key_named(const struct config_table *table, const char *name, size_t len)
{
    for (unsigned i = 0; i < table->count; i++)
        if (strlen(table->keys[i].name) == len && strncmp(table->keys[i].name, name, len) == 0)
            return &table->keys[i];
    return NULL;
}

/* The table of the mapping at path; the root's for "". */
static const struct config_table *table_at(const char *path)
{
    const struct config_table *table = &config_root;
    while (*path != '\0' && table != NULL) {
        const struct config_key *key = key_named(table, path, strcspn(path, ".["));
        table = key != NULL ? key->table : NULL;
        path += strcspn(path, ".");
        path += *path == '.';
    }
    return table;
}

static void list_keys(const struct config_table *table, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (unsigned i = 0; table != NULL && i < table->count && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? ", " : "", table->keys[i].name);
}

static bool explain(struct config_reading *r, const struct config_tree *tree, cyaml_err_t code)
{
    static const char unknown[] = "Unexpected key: ", twice[] = "Mapping field already seen: ";
    char path[CONFIG_PATH_MAX], keys[400];
    const char *fault = tree->fault;
    if (strncmp(fault, unknown, sizeof unknown - 1) == 0) {
        config_join(path, tree->path, fault + sizeof unknown - 1);
        list_keys(table_at(tree->path), keys, sizeof keys);
        return config_fail(r, path, "unknown key; known here are %s", keys);
    }
    if (strncmp(fault, twice, sizeof twice - 1) == 0)
        return config_fail(r, tree->path, "stands here a second time");
    list_keys(table_at(tree->path), keys, sizeof keys);
    if (strncmp(fault, "Expecting MAPPING", 17) == 0)
        return config_fail(r, tree->path, "must have keys under it: %s", keys);
    if (strncmp(fault, "Expecting SEQUENCE", 18) == 0)
        return config_fail(r, tree->path, "must be a list, such as [first, second]");
    if (strncmp(fault, "Expecting STRING", 16) == 0)
        return config_fail(r, tree->path, "must be a single value");
    return config_fail(r, tree->path, "%s", fault[0] != '\0' ? fault : cyaml_strerror(code));
}

/* ---- loading ---- */

struct config_tree *config_tree_load(struct config_reading *r, const char *text, size_t len)
{
    struct config_tree *tree = calloc(1, sizeof *tree);
    if (tree == NULL) {
        config_fail(r, "", "out of memory");
        return NULL;
    }
    tree->cyaml = (cyaml_config_t){.log_fn = on_log,
                                   .log_ctx = tree,
                                   .log_level = CYAML_LOG_WARNING,
                                   .mem_fn = cyaml_mem,
                                   .flags = CYAML_CFG_NO_ALIAS};
    tree->schema = mapping_of(tree, &config_root, CYAML_FLAG_POINTER);
    if (tree->outgrown || tree->record_count > RECORD_KINDS_MAX) {
        config_fail(r, "", "the program's tables of keys have outgrown their room");
        goto fail;
    }
    cyaml_err_t code =
        cyaml_load_data((const uint8_t *)text, len, &tree->cyaml, &tree->schema, (cyaml_data_t **)&tree->root, NULL);
    if (code == CYAML_OK && tree->root != NULL)
        return tree;
    explain(r, tree, code);
fail:
    config_tree_free(tree);
    return NULL;
}

const struct config_node *config_tree_root(const struct config_tree *tree)
{
    return tree->root;
}

void config_tree_free(struct config_tree *tree)
{
    if (tree == NULL)
        return;
    if (tree->root != NULL)
        cyaml_free(&tree->cyaml, &tree->schema, tree->root, 0);
    free(tree);
}
