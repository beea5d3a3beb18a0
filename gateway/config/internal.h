/* config_internal: what the config_*.c files share. One table says of every key what it is called, what may stand
 * there and where it goes (config_keys.c); reading, filling, checking and freeing follow that table.
 */
#ifndef GATEWAY_CONFIG_INTERNAL_H
#define GATEWAY_CONFIG_INTERNAL_H

#include "gateway/config/config.h"

enum config_kind {
    CONFIG_TEXT,    /* char *; NULL where neither given nor standard */
    CONFIG_FILE,    /* char *, the path of a file that can be read */
    CONFIG_SECRET,  /* char *, the first line of the file that is named; wiped when freed */
    CONFIG_LIST,    /* struct config_strings */
    CONFIG_NUMBER,  /* unsigned, min to max */
    CONFIG_PORT,    /* uint16_t, 1 to 65535 */
    CONFIG_MS,      /* uint32_t in ms; min and max in ms */
    CONFIG_S,       /* uint32_t in s; min and max in ms */
    CONFIG_SIZE,    /* uint64_t in octets, min to max */
    CONFIG_MONEY,   /* int64_t in hundredths, at most max */
    CONFIG_WORD,    /* an enum: the value of one of words */
    CONFIG_SWITCH,  /* bool: the value of one of words */
    CONFIG_WORDS,   /* a list of words; the value of each is where its bool stands; absent: the first min of them */
    CONFIG_MAPPING, /* keys under it, described by table; `at` is not used */
    CONFIG_RECORDS, /* a list of mappings: pointer at `at`, unsigned count at `count_at` */
};

struct config_word {
    const char *word;
    size_t value;
};

struct config_table;

struct config_key {
    const char *name;
    enum config_kind kind;
    size_t at; /* offset in the struct that the table describes */
    size_t count_at;
    bool required;
    bool restart;         /* it, and what is under it, moves with a restart alone */
    bool folder;          /* of a CONFIG_FILE: a folder will do */
    const char *standard; /* what is read when the key is absent; for a list its only entry */
    uint64_t min, max;
    bool (*check)(const char *text); /* of a text, or of each entry of a list */
    const char *expected;            /* goes on after "... is not" */
    const struct config_word *words; /* word NULL ends them */
    const struct config_table *table;
};

struct config_table {
    const struct config_key *keys;
    unsigned count;
    size_t size; /* of the struct, for CONFIG_RECORDS */
};

extern const struct config_table config_root;

/* ---- one reading of one file ---- */

enum { CONFIG_PATH_MAX = 256 };

struct config_place {
    char *path; /* acme.listen[1]: entries count from 1 */
    unsigned line;
};

/* A file that a secret was read from. */
struct config_secret {
    char *path; /* of the key */
    char *file;
};

struct config_reading {
    char *file;
    char *reason; /* CONFIG_REASON_MAX octets, while it lasts */
    struct config_place *places;
    unsigned place_count, place_capacity;
    struct config_secret *secrets;
    unsigned secret_count;
};

/* Writes FILE:LINE: path: text, where the line is that of path or of the nearest thing above it. Returns false. */
bool config_fail(struct config_reading *r, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with a line of the caller's; 0: none. */
bool config_fail_at(struct config_reading *r, unsigned line, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Whether something stands in the file at path, be it empty. */
bool config_stands(const struct config_reading *r, const char *path);
/* path and name become out: "acme" and "url" become "acme.url". */
void config_join(char out[static CONFIG_PATH_MAX], const char *path, const char *name);

/* config_scan.c: notes where everything stands, and refuses what libcyaml would misread: syntax errors (with their true
 * line), aliases, a second document, keys that are not words, octets of zero. */
bool config_scan(struct config_reading *r, const char *text, size_t len);
void config_scan_free(struct config_reading *r);

/* config_tree.c: the file as a tree, checked by libcyaml against the table: one node for each key of a table, in its
 * order. */
struct config_node {
    void *data;     /* NULL: absent. char *, char **, or nodes: those of a mapping, or of each record in turn */
    uint32_t count; /* of a list or of records */
};
struct config_tree;
struct config_tree *config_tree_load(struct config_reading *r, const char *text, size_t len);
const struct config_node *config_tree_root(const struct config_tree *tree);
void config_tree_free(struct config_tree *tree);

/* config_value.c: false where the text is not one. */
bool config_number(const char *text, uint64_t *value);
bool config_duration(const char *text, uint64_t *ms);
bool config_size(const char *text, uint64_t *octets);
bool config_money(const char *text, uint64_t *cents);
void config_duration_text(uint64_t ms, char out[static 32]);
bool config_is_text(const char *text);
bool config_is_name(const char *text);
bool config_is_instance(const char *text);
bool config_is_currency(const char *text);
bool config_is_listen(const char *text);
bool config_is_resolver(const char *text);
bool config_is_domain(const char *text);
bool config_is_dcv_method(const char *text);
bool config_is_base_url(const char *text);
bool config_is_origin(const char *text);
bool config_is_path(const char *text);
bool config_is_schema(const char *text);
bool config_is_web_url(const char *text);
bool config_is_url_path(const char *text);
bool config_is_user(const char *text);
bool config_is_field(const char *text);
bool config_is_email(const char *text);

/* config_fill.c: the tree becomes *base, field by field. */
bool config_fill(struct config_reading *r, const struct config_table *table, const struct config_node *nodes,
                 void *base, const char *path);
void config_clear(const struct config_table *table, void *base);

/* config_check.c: what no single key can tell. May set defaults that depend on other keys. */
bool config_check(struct config_reading *r, struct config *config);
/* config_notify.c: the same of the targets. */
bool config_check_notify(struct config_reading *r, const struct config *config);

#endif
