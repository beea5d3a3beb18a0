/* config_fill: the tree of texts becomes the struct, and the struct is cleared, both after the table of keys. */
#include "gateway/config/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_MAX = 4096 };

/* One key at one place. */
struct slot {
    struct config_reading *reading;
    const struct config_key *key;
    const struct config_node *node; /* data NULL: absent */
    void *base;
    char path[CONFIG_PATH_MAX];
};

static void *target(const struct slot *slot)
{
    return (char *)slot->base + slot->key->at;
}

static bool want_memory(struct config_reading *r)
{
    return config_fail(r, "", "out of memory");
}

/* What is given, or else the standard; NULL: neither. */
static const char *slot_text(const struct slot *slot)
{
    return slot->node->data != NULL ? slot->node->data : slot->key->standard;
}

static bool is_not(const struct slot *slot, const char *path, const char *text, const char *expected)
{
    return config_fail(slot->reading, path, "\"%.100s\" is not %s", text, expected);
}

/* ---- texts and files ---- */

static bool copy_text(const struct slot *slot, const char *text, char **out)
{
    *out = strdup(text);
    return *out != NULL || want_memory(slot->reading);
}

static bool fill_text(const struct slot *slot)
{
    const char *text = slot_text(slot);
    if (text == NULL)
        return true;
    if (!slot->key->check(text))
        return is_not(slot, slot->path, text, slot->key->expected);
    return copy_text(slot, text, target(slot));
}

/* Nonblocking, so that a FIFO does not hold up the start. Returns -1 with a message. */
static int open_file(const struct slot *slot, const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *why = fd < 0 ? strerror(errno) : NULL;
    if (why == NULL &&
        (fstat(fd, &info) != 0 || !(S_ISREG(info.st_mode) || (slot->key->folder && S_ISDIR(info.st_mode)))))
        why = "it is not a regular file";
    if (why == NULL)
        return fd;
    config_fail(slot->reading, slot->path, "\"%.200s\" is not %s: %s", path, slot->key->expected, why);
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool fill_file(const struct slot *slot)
{
    const char *path = slot_text(slot);
    if (path == NULL)
        return true;
    int fd = open_file(slot, path);
    if (fd < 0)
        return false;
    close(fd);
    return copy_text(slot, path, target(slot));
}

static bool note_secret(const struct slot *slot, const char *file)
{
    struct config_reading *r = slot->reading;
    struct config_secret *secrets = realloc(r->secrets, (r->secret_count + 1) * sizeof *secrets);
    if (secrets == NULL)
        return want_memory(r);
    r->secrets = secrets;
    struct config_secret *one = &secrets[r->secret_count++];
    *one = (struct config_secret){.path = strdup(slot->path), .file = strdup(file)};
    return (one->path != NULL && one->file != NULL) || want_memory(r);
}

/* What editors and shells leave around a secret, and nobody sees. */
static bool is_bare_secret(const struct slot *slot, const char *path, const char *secret)
{
    static const char mark[] = "\xef\xbb\xbf", blanks[] = " \t";
    if (strncmp(secret, mark, sizeof mark - 1) == 0)
        return config_fail(slot->reading, slot->path,
                           "\"%.200s\" begins with a byte order mark, which would be taken for a part of the secret; "
                           "save it as UTF-8 without one",
                           path);
    if (strchr(blanks, secret[0]) != NULL || strchr(blanks, secret[strlen(secret) - 1]) != NULL)
        return config_fail(slot->reading, slot->path, "\"%.200s\" holds a blank before or behind the secret; remove it",
                           path);
    return true;
}

static bool fill_secret(const struct slot *slot)
{
    const char *path = slot_text(slot);
    char secret[SECRET_MAX + 1];
    bool good = false;
    if (path == NULL)
        return true;
    int fd = open_file(slot, path);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, secret, sizeof secret);
    close(fd);
    size_t len = got > 0 ? (size_t)got : 0;
    if (len <= SECRET_MAX) {
        secret[len] = '\0';
        len = strcspn(secret, "\r\n");
        secret[len] = '\0';
    }
    if (len == 0 || len > SECRET_MAX)
        config_fail(slot->reading, slot->path, "\"%.200s\" does not begin with a line of 1 to %d characters", path,
                    SECRET_MAX);
    else
        good = is_bare_secret(slot, path, secret) && copy_text(slot, secret, target(slot)) && note_secret(slot, path);
    explicit_bzero(secret, sizeof secret);
    return good;
}

/* ---- numbers ---- */

static bool fill_number(const struct slot *slot)
{
    const char *text = slot_text(slot);
    uint64_t value;
    char expected[64];
    if (config_number(text, &value) && value >= slot->key->min && value <= slot->key->max) {
        *(unsigned *)target(slot) = (unsigned)value;
        return true;
    }
    snprintf(expected, sizeof expected, "a whole number from %llu to %llu", (unsigned long long)slot->key->min,
             (unsigned long long)slot->key->max);
    return is_not(slot, slot->path, text, expected);
}

static bool fill_port(const struct slot *slot)
{
    const char *text = slot_text(slot);
    uint64_t value;
    if (!config_number(text, &value) || value == 0 || value > UINT16_MAX)
        return is_not(slot, slot->path, text, "a port from 1 to 65535");
    *(uint16_t *)target(slot) = (uint16_t)value;
    return true;
}

static bool fill_size(const struct slot *slot)
{
    const char *text = slot_text(slot);
    uint64_t value;
    if (!config_size(text, &value) || value < slot->key->min || value > slot->key->max)
        return is_not(slot, slot->path, text, slot->key->expected);
    *(uint64_t *)target(slot) = value;
    return true;
}

static bool fill_money(const struct slot *slot)
{
    const char *text = slot_text(slot);
    uint64_t cents;
    if (!config_money(text, &cents) || cents > slot->key->max)
        return is_not(slot, slot->path, text, "an amount of money such as 35 or 35.00");
    *(int64_t *)target(slot) = (int64_t)cents;
    return true;
}

static bool fill_duration(const struct slot *slot, uint32_t unit_ms)
{
    const char *text = slot_text(slot);
    uint64_t ms;
    char least[32], most[32], expected[160];
    if (config_duration(text, &ms) && ms >= slot->key->min && ms <= slot->key->max && ms % unit_ms == 0) {
        *(uint32_t *)target(slot) = (uint32_t)(ms / unit_ms);
        return true;
    }
    config_duration_text(slot->key->min, least);
    config_duration_text(slot->key->max, most);
    snprintf(expected, sizeof expected, "a time from %s to %s%s; write it as 500ms, 20s, 5m, 3h or 7d", least, most,
             unit_ms == 1000 ? " in whole seconds" : "");
    return is_not(slot, slot->path, text, expected);
}

static bool fill_ms(const struct slot *slot)
{
    return fill_duration(slot, 1);
}

static bool fill_s(const struct slot *slot)
{
    return fill_duration(slot, 1000);
}

/* ---- words ---- */

static const struct config_word *find_word(const struct slot *slot, const char *path, const char *text)
{
    char expected[128];
    size_t len = (size_t)snprintf(expected, sizeof expected, "one of");
    for (const struct config_word *word = slot->key->words; word->word != NULL; word++) {
        if (strcmp(text, word->word) == 0)
            return word;
        len += (size_t)snprintf(expected + len, sizeof expected - len, "%s %s", word > slot->key->words ? "," : "",
                                word->word);
    }
    is_not(slot, path, text, expected);
    return NULL;
}

static bool fill_word(const struct slot *slot)
{
    const struct config_word *word = find_word(slot, slot->path, slot_text(slot));
    if (word != NULL)
        *(unsigned *)target(slot) = (unsigned)word->value;
    return word != NULL;
}

static bool fill_switch(const struct slot *slot)
{
    const struct config_word *word = find_word(slot, slot->path, slot_text(slot));
    if (word != NULL)
        *(bool *)target(slot) = word->value != 0;
    return word != NULL;
}

static void entry_path(const struct slot *slot, unsigned index, char out[static CONFIG_PATH_MAX])
{
    snprintf(out, CONFIG_PATH_MAX, "%.200s[%u]", slot->path, index + 1);
}

static bool fill_words(const struct slot *slot)
{
    char path[CONFIG_PATH_MAX];
    char **given = slot->node->data;
    for (unsigned i = 0; given == NULL && i < slot->key->min; i++)
        *(bool *)((char *)slot->base + slot->key->words[i].value) = true;
    for (unsigned i = 0; given != NULL && i < slot->node->count; i++) {
        entry_path(slot, i, path);
        const struct config_word *word = find_word(slot, path, given[i]);
        if (word == NULL)
            return false;
        *(bool *)((char *)slot->base + word->value) = true;
    }
    return true;
}

/* ---- what holds others ---- */

static bool fill_list(const struct slot *slot)
{
    struct config_strings *strings = target(slot);
    char *standard[] = {(char *)(uintptr_t)slot->key->standard};
    char **given = slot->node->data, path[CONFIG_PATH_MAX];
    unsigned count = slot->node->count;
    if (given == NULL && slot->key->standard != NULL) {
        given = standard;
        count = 1;
    }
    strings->list = calloc(count + 1, sizeof *strings->list);
    if (strings->list == NULL)
        return want_memory(slot->reading);
    for (; strings->count < count; strings->count++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): count is 0 without any */
        const char *text = given[strings->count];
        entry_path(slot, strings->count, path);
        if (!slot->key->check(text))
            return is_not(slot, path, text, slot->key->expected);
        if (!copy_text(slot, text, &strings->list[strings->count]))
            return false;
    }
    return true;
}

static bool fill_mapping(const struct slot *slot)
{
    if (slot->node->data != NULL)
        return config_fill(slot->reading, slot->key->table, slot->node->data, slot->base, slot->path);
    /* Where the whole mapping is absent and may be, only the standards below count. */
    for (unsigned i = 0; i < slot->key->table->count; i++)
        if (slot->key->table->keys[i].required)
            return true;
    /* NOLINTNEXTLINE(clang-analyzer-optin.portability.UnixAPI): no table is empty */
    struct config_node *absent = calloc(slot->key->table->count, sizeof *absent);
    if (absent == NULL)
        return want_memory(slot->reading);
    bool good = config_fill(slot->reading, slot->key->table, absent, slot->base, slot->path);
    free(absent);
    return good;
}

static bool fill_records(const struct slot *slot)
{
    const struct config_table *table = slot->key->table;
    const struct config_node *nodes = slot->node->data;
    unsigned *count = (unsigned *)(void *)((char *)slot->base + slot->key->count_at);
    char path[CONFIG_PATH_MAX];
    char *records = calloc(slot->node->count, table->size);
    *(void **)target(slot) = records;
    if (records == NULL)
        return want_memory(slot->reading);
    while (*count < slot->node->count) {
        unsigned i = (*count)++; /* counted before it is filled, so that half a record is cleared too */
        entry_path(slot, i, path);
        if (!config_fill(slot->reading, table, nodes + (size_t)i * table->count, records + i * table->size, path))
            return false;
    }
    return true;
}

static bool (*const fillers[])(const struct slot *) = {
    [CONFIG_TEXT] = fill_text,       [CONFIG_FILE] = fill_file,
    [CONFIG_SECRET] = fill_secret,   [CONFIG_LIST] = fill_list,
    [CONFIG_NUMBER] = fill_number,   [CONFIG_PORT] = fill_port,
    [CONFIG_MS] = fill_ms,           [CONFIG_S] = fill_s,
    [CONFIG_SIZE] = fill_size,       [CONFIG_WORD] = fill_word,
    [CONFIG_SWITCH] = fill_switch,   [CONFIG_WORDS] = fill_words,
    [CONFIG_MAPPING] = fill_mapping, [CONFIG_RECORDS] = fill_records,
    [CONFIG_MONEY] = fill_money,
};

static bool missing(const struct slot *slot)
{
    if (slot->key->expected != NULL)
        return config_fail(slot->reading, slot->path, "is missing; it must be %s", slot->key->expected);
    return config_fail(slot->reading, slot->path, "is missing");
}

/* libcyaml shows an empty list as absent. Where that has a meaning of its own, nobody should mean it by accident. */
static bool is_bare(const struct slot *slot)
{
    const struct config_key *key = slot->key;
    bool matters = key->required || key->standard != NULL || key->kind == CONFIG_WORDS;
    return slot->node->data == NULL && matters && config_stands(slot->reading, slot->path);
}

bool config_fill(struct config_reading *r, const struct config_table *table, const struct config_node *nodes,
                 void *base, const char *path)
{
    for (unsigned i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        struct slot slot = {.reading = r, .key = key, .node = &nodes[i], .base = base};
        config_join(slot.path, path, key->name);
        if (is_bare(&slot))
            return config_fail(r, slot.path, "is an empty list; at least one entry must stand here");
        if (key->required && nodes[i].data == NULL)
            return missing(&slot);
        if (!fillers[key->kind](&slot))
            return false;
    }
    return true;
}

/* ---- clearing ---- */

static void clear_text(char **text, bool wipe)
{
    if (*text != NULL && wipe)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

static void clear_list(struct config_strings *strings)
{
    for (unsigned i = 0; i < strings->count; i++)
        free(strings->list[i]);
    free(strings->list);
    *strings = (struct config_strings){0};
}

static void clear_records(const struct config_key *key, void *base)
{
    char **records = (char **)(void *)((char *)base + key->at);
    unsigned *count = (unsigned *)(void *)((char *)base + key->count_at);
    for (unsigned i = 0; *records != NULL && i < *count; i++)
        config_clear(key->table, *records + i * key->table->size);
    free(*records);
    *records = NULL;
    *count = 0;
}

void config_clear(const struct config_table *table, void *base)
{
    for (unsigned i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        void *at = (char *)base + key->at;
        if (key->kind == CONFIG_TEXT || key->kind == CONFIG_FILE || key->kind == CONFIG_SECRET)
            clear_text(at, key->kind == CONFIG_SECRET);
        else if (key->kind == CONFIG_LIST)
            clear_list(at);
        else if (key->kind == CONFIG_MAPPING)
            config_clear(key->table, base);
        else if (key->kind == CONFIG_RECORDS)
            clear_records(key, base);
    }
}
