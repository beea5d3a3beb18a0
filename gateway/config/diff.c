#include "gateway/config/diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/config/internal.h"

struct comparison {
    config_change_fn *found;
    void *ctx;
    bool ended;  /* found has enough */
    bool failed; /* out of memory */
};

/* One key in both, where either may be absent with the record that it belongs to. */
struct pair {
    const struct config_key *key;
    const void *was, *is; /* structs; NULL: absent */
    char path[CONFIG_PATH_MAX];
    bool restart;
};

static const void *field(const struct config_key *key, const void *base)
{
    return (const char *)base + key->at;
}

/* ---- values as text ---- */

static void write_words(FILE *out, const struct config_key *key, const void *base)
{
    const char *comma = "";
    fputc('[', out);
    for (const struct config_word *word = key->words; word->word != NULL; word++) {
        if (*(const bool *)((const char *)base + word->value)) {
            fprintf(out, "%s%s", comma, word->word);
            comma = ", ";
        }
    }
    fputc(']', out);
}

static void write_list(FILE *out, const struct config_strings *strings)
{
    fputc('[', out);
    for (unsigned i = 0; i < strings->count; i++)
        fprintf(out, "%s%s", i > 0 ? ", " : "", strings->list[i]);
    fputc(']', out);
}

static void write_word(FILE *out, const struct config_key *key, size_t value)
{
    const struct config_word *word = key->words;
    while (word->word != NULL && word->value != value)
        word++;
    fputs(word->word != NULL ? word->word : "?", out);
}

static void write_duration(FILE *out, uint64_t ms)
{
    char text[32];
    config_duration_text(ms, text);
    fputs(text, out);
}

static void write_size(FILE *out, uint64_t octets)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    uint64_t count = octets / 1024;
    while (unit + 1 < sizeof units / sizeof *units && count % 1024 == 0 && count > 0) {
        count /= 1024;
        unit++;
    }
    fprintf(out, "%" PRIu64 "%s", count, units[unit]);
}

static void write_number(FILE *out, const struct config_key *key, const void *at)
{
    switch (key->kind) {
    case CONFIG_NUMBER:
        fprintf(out, "%u", *(const unsigned *)at);
        break;
    case CONFIG_PORT:
        fprintf(out, "%u", *(const uint16_t *)at);
        break;
    case CONFIG_MS:
        write_duration(out, *(const uint32_t *)at);
        break;
    case CONFIG_S:
        write_duration(out, 1000ull * *(const uint32_t *)at);
        break;
    case CONFIG_SIZE:
        write_size(out, *(const uint64_t *)at);
        break;
    case CONFIG_MONEY:
        fprintf(out, "%" PRId64 ".%02" PRId64, *(const int64_t *)at / 100, *(const int64_t *)at % 100);
        break;
    default: /* of a mapping and of records each key is a pair of its own */
        break;
    }
}

static void write_value(FILE *out, const struct config_key *key, const void *base)
{
    const void *at = field(key, base);
    switch (key->kind) {
    case CONFIG_TEXT:
    case CONFIG_FILE:
    case CONFIG_SECRET:
        fputs(*(char *const *)at, out);
        break;
    case CONFIG_LIST:
        write_list(out, at);
        break;
    case CONFIG_WORD:
        write_word(out, key, *(const unsigned *)at);
        break;
    case CONFIG_SWITCH:
        write_word(out, key, *(const bool *)at);
        break;
    case CONFIG_WORDS:
        write_words(out, key, base);
        break;
    default:
        write_number(out, key, at);
        break;
    }
}

static bool is_absent(const struct config_key *key, const void *base)
{
    bool pointer = key->kind == CONFIG_TEXT || key->kind == CONFIG_FILE || key->kind == CONFIG_SECRET;
    return base == NULL || (pointer && *(char *const *)field(key, base) == NULL) ||
           (key->kind == CONFIG_LIST && ((const struct config_strings *)field(key, base))->count == 0);
}

/* malloc'd; *absent: NULL is what it is, and not a want of memory. */
static char *value_text_of(const struct config_key *key, const void *base, bool *absent)
{
    char *text = NULL;
    size_t len = 0;
    *absent = is_absent(key, base);
    FILE *out = *absent ? NULL : open_memstream(&text, &len);
    if (out == NULL)
        return NULL;
    write_value(out, key, base);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

/* ---- comparing ---- */

static void tell_change(struct comparison *c, const struct pair *pair, const char *was, const char *is)
{
    struct config_change change = {
        .path = pair->path, .was = was, .is = is, .restart = pair->restart, .secret = pair->key->kind == CONFIG_SECRET};
    if (pair->key->kind == CONFIG_SECRET) {
        change.was = was != NULL ? "(set)" : NULL;
        change.is = is == NULL ? NULL : was != NULL ? "(another)" : "(set)";
    }
    c->ended = !c->found(c->ctx, &change);
}

static void compare_values(struct comparison *c, const struct pair *pair)
{
    bool was_absent, is_absent_now;
    char *was = value_text_of(pair->key, pair->was, &was_absent),
         *is = value_text_of(pair->key, pair->is, &is_absent_now);
    if ((was == NULL && !was_absent) || (is == NULL && !is_absent_now))
        c->failed = true;
    else if (was_absent != is_absent_now || (was != NULL && is != NULL && strcmp(was, is) != 0))
        tell_change(c, pair, was, is);
    wipe(was);
    wipe(is);
}

static void compare_table(struct comparison *c, const struct config_table *table, const void *was, const void *is,
                          const char *path, bool restart);

/* The first key of a record is its name. */
static const char *name_of(const struct config_table *table, const void *record)
{
    return *(char *const *)field(&table->keys[0], record);
}

static const void *record_at(const struct pair *pair, const void *base, unsigned index)
{
    if (base == NULL || index >= *(const unsigned *)(const void *)((const char *)base + pair->key->count_at))
        return NULL;
    return *(char *const *)field(pair->key, base) + index * pair->key->table->size;
}

static const void *record_named(const struct pair *pair, const void *base, const char *name)
{
    const void *record;
    for (unsigned i = 0; (record = record_at(pair, base, i)) != NULL; i++) {
        if (strcmp(name_of(pair->key->table, record), name) == 0)
            return record;
    }
    return NULL;
}

static void compare_record(struct comparison *c, const struct pair *pair, const void *was, const void *is)
{
    char path[CONFIG_PATH_MAX];
    snprintf(path, sizeof path, "%.120s[%.120s]", pair->path, name_of(pair->key->table, is != NULL ? is : was));
    compare_table(c, pair->key->table, was, is, path, pair->restart);
}

/* Those that are there now, in their order, and then those that are gone. */
static void compare_records(struct comparison *c, const struct pair *pair)
{
    const void *record;
    for (unsigned i = 0; (record = record_at(pair, pair->is, i)) != NULL; i++)
        compare_record(c, pair, record_named(pair, pair->was, name_of(pair->key->table, record)), record);
    for (unsigned i = 0; (record = record_at(pair, pair->was, i)) != NULL; i++) {
        if (record_named(pair, pair->is, name_of(pair->key->table, record)) == NULL)
            compare_record(c, pair, record, NULL);
    }
}

static void compare_table(struct comparison *c, const struct config_table *table, const void *was, const void *is,
                          const char *path, bool restart)
{
    for (unsigned i = 0; i < table->count && !c->ended && !c->failed; i++) {
        const struct config_key *key = &table->keys[i];
        struct pair pair = {.key = key, .was = was, .is = is, .restart = restart || key->restart};
        config_join(pair.path, path, key->name);
        if (key->kind == CONFIG_MAPPING)
            compare_table(c, key->table, was, is, pair.path, pair.restart);
        else if (key->kind == CONFIG_RECORDS)
            compare_records(c, &pair);
        else
            compare_values(c, &pair);
    }
}

bool config_diff(const struct config *was, const struct config *is, config_change_fn *found, void *ctx)
{
    struct comparison c = {.found = found, .ctx = ctx};
    compare_table(&c, &config_root, was, is, "", false);
    return !c.failed;
}
