#include "store/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/dump.h"
#include "store/engine.h"
#include "store/hex.h"

/* A snapshot is short, and one change of a size that every server takes. */
enum { VISIT_MAX = 500, BATCH_RECORDS = 1000, BATCH_OCTETS = 1 << 20 };

/* ---- tables by name ---- */

static unsigned tables_of(const struct store_config *config)
{
    return config->table_count + OWN_TABLES;
}

/* STORE_NOT_FOUND: this program has no such table. */
static enum store_status find_named(const struct store_config *config, const char *name, unsigned *table)
{
    for (*table = 0; *table < tables_of(config); ++*table)
        if (strcmp(table_name(config, *table), name) == 0)
            return STORE_OK;
    return STORE_NOT_FOUND;
}

static bool is_own(struct store *store, unsigned table, struct store_slice key)
{
    return table == table_own(store, TABLE_META) && meta_is_own(key);
}

static bool read_identity(const char *text, uint8_t to[static DUMP_IDENTITY_LEN])
{
    for (size_t i = 0; i < DUMP_IDENTITY_LEN; i++) {
        unsigned octet;
        if (sscanf(text + 2 * i, "%2x", &octet) != 1)
            return false;
        to[i] = (uint8_t)octet;
    }
    return true;
}

/* ---- a table, a short snapshot after the other: nobody changes it meanwhile ---- */

struct stroll {
    struct store *store;
    unsigned table, left;
    store_visit_fn *visit;
    void *ctx;
    uint8_t key[STORE_KEY_MAX]; /* of the last that was visited */
    size_t key_len;
    bool stopped;
};

static bool stroll_visit(void *ctx, struct store_slice key, struct store_slice value)
{
    struct stroll *s = ctx;
    if (key.len == s->key_len && memcmp(key.data, s->key, key.len) == 0)
        return true;
    memcpy(s->key, key.data, key.len);
    s->key_len = key.len;
    s->stopped = !is_own(s->store, s->table, key) && !s->visit(s->ctx, key, value);
    return !s->stopped && --s->left > 0;
}

/* All records but those that say what this one store is. Stops where visit says so. */
static enum store_status stroll(struct store *store, unsigned table, store_visit_fn *visit, void *ctx)
{
    struct stroll s = {.store = store, .table = table, .visit = visit, .ctx = ctx};
    enum store_status status = STORE_OK;
    for (bool more = true; more && status == STORE_OK; more = s.left == 0 && !s.stopped) {
        struct store_txn *txn;
        s.left = VISIT_MAX;
        status = store_read(store, &txn);
        if (status != STORE_OK)
            break;
        status = store_visit(txn, table, s.key, s.key_len, stroll_visit, &s);
        store_read_end(txn);
    }
    return status;
}

/* ---- comparing ---- */

struct comparison {
    struct dump_reader *reader;
    char *reason;
    uint64_t records;
    bool differs;
};

static bool same(struct store_slice a, struct store_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool compare_record(void *ctx, struct store_slice key, struct store_slice value)
{
    struct comparison *c = ctx;
    struct store_slice other_key, other_value;
    unsigned table;
    c->differs = dump_next(c->reader, &table, &other_key, &other_value) != DUMP_RECORD || !same(key, other_key) ||
                 !same(value, other_value);
    c->records++;
    return !c->differs;
}

static enum store_status compare_table(struct store *store, unsigned table, struct comparison *c)
{
    struct store_slice key, value;
    unsigned unused;
    enum store_status status = stroll(store, table, compare_record, c);
    c->differs = c->differs || (status == STORE_OK && dump_next(c->reader, &unused, &key, &value) != DUMP_TABLE_END);
    return status;
}

static enum store_status compare_tables(struct store *store, const struct store_config *config,
                                        const struct dump_header *header, struct comparison *c)
{
    struct store_slice key, value;
    unsigned place, table;
    enum store_status status = STORE_OK;
    enum dump_event event;
    while (status == STORE_OK && !c->differs && (event = dump_next(c->reader, &place, &key, &value)) != DUMP_END) {
        c->differs = event != DUMP_TABLE || find_named(config, header->tables[place].name, &table) != STORE_OK;
        if (!c->differs)
            status = compare_table(store, table, c);
    }
    return status;
}

/* Reads the file from its beginning. */
static enum store_status compare(struct store *store, const struct store_config *config, const char *file,
                                 uint64_t *records, char reason[static STORE_REASON_SIZE])
{
    struct dump_header header;
    char why[STORE_REASON_SIZE];
    FILE *in = fopen(file, "re");
    struct dump_reader *reader = in != NULL ? dump_read(in, &header, why) : NULL;
    struct comparison c = {.reader = reader, .differs = reader == NULL};
    enum store_status status = reader != NULL ? compare_tables(store, config, &header, &c) : STORE_OK;
    dump_read_end(reader);
    if (in != NULL)
        fclose(in);
    *records = c.records;
    if (status != STORE_OK)
        return status_explain(status, reason, "%s: cannot be compared with %.200s: %s", store->path, file,
                              store_status_text(status));
    return c.differs ? status_explain(STORE_IO, reason,
                                      "%s: the store is not what stands in %.200s: one of their disks or memories fails",
                                      store->path, file)
                     : STORE_OK;
}

/* ---- exporting ---- */

static bool write_record(void *ctx, struct store_slice key, struct store_slice value)
{
    dump_record(ctx, key, value);
    return true;
}

static enum store_status write_tables(struct store *store, const struct dump_header *header, struct dump_writer *w)
{
    enum store_status status = STORE_OK;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): whoever exports has a header */
    for (unsigned i = 0; status == STORE_OK && i < header->table_count; i++) {
        dump_table(w, header->tables[i].number);
        status = stroll(store, i, write_record, w);
        dump_table_end(w);
    }
    dump_end(w);
    return status;
}

static enum store_status fill_header(struct store *store, const struct store_config *config,
                                     struct dump_header *header, struct transfer_result *result,
                                     char reason[static STORE_REASON_SIZE])
{
    *header = (struct dump_header){
        .schema = config->schema, .written_ms = copied_now_ms(), .table_count = tables_of(config)};
    enum store_status status =
        header->table_count <= DUMP_TABLES_MAX ? store_identity(store, result->identity) : STORE_INVALID;
    for (unsigned i = 0; status == STORE_OK && i < header->table_count; i++) {
        const char *name = table_name(config, i);
        header->tables[i].number = i;
        if (strlen(name) >= DUMP_NAME_SIZE)
            status = STORE_INVALID;
        else
            snprintf(header->tables[i].name, DUMP_NAME_SIZE, "%s", name);
    }
    if (status == STORE_OK && !read_identity(result->identity, header->identity))
        status = STORE_INVALID;
    return status == STORE_OK ? STORE_OK
                              : status_explain(status, reason, "%s: its identity cannot be read: %s", store->path,
                                               store_status_text(status));
}

/* Under a name that nobody takes for the whole. */
static enum store_status write_dump(struct store *store, const struct dump_header *header, const char *part,
                                    char reason[static STORE_REASON_SIZE])
{
    if (unlink(part) != 0 && errno != ENOENT)
        return status_explain(STORE_IO, reason, "%s: cannot be replaced: %s", part, strerror(errno));
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    struct dump_writer *w = out != NULL ? dump_write(out, header) : NULL;
    if (w == NULL) {
        int error = errno;
        if (out != NULL)
            fclose(out);
        else if (fd >= 0)
            close(fd);
        return status_explain(STORE_IO, reason, "%s: cannot write here: %s", part, strerror(error));
    }
    enum store_status status = write_tables(store, header, w);
    bool written = dump_finish(w) && fsync(fd) == 0;
    int error = errno;
    written = fclose(out) == 0 && written;
    if (status != STORE_OK)
        return status_explain(status, reason, "%s: %s", store->path, store_status_text(status));
    return written ? STORE_OK
                   : status_explain(error == ENOSPC ? STORE_FULL : STORE_IO, reason, "%s: cannot be written: %s", part,
                                    strerror(error));
}

static bool sync_folder_of(const char *file)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(file, '/');
    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - file + 1), slash == NULL ? "." : file);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return synced;
}

/* The mark comes first: a file under its name means that the store is marked. */
static enum store_status hand_out(struct store *store, const char *part, const char *file,
                                  char reason[static STORE_REASON_SIZE])
{
    enum store_status status = mark_moved(store);
    if (status != STORE_OK)
        return status_explain(status, reason, "%s: cannot be marked as moved: %s", store->path,
                              store_status_text(status));
    if (renameat2(AT_FDCWD, part, AT_FDCWD, file, RENAME_NOREPLACE) == 0 && sync_folder_of(file))
        return STORE_OK;
    return status_explain(STORE_IO, reason,
                          "%s: cannot have its name: %s; the store counts as moved already, and may be exported again",
                          file, strerror(errno));
}

static enum store_status export_open(struct store *store, const struct store_config *config, const char *part,
                                     const char *file, struct transfer_result *result,
                                     char reason[static STORE_REASON_SIZE])
{
    struct dump_header *header = malloc(sizeof *header);
    enum store_status status = header != NULL ? fill_header(store, config, header, result, reason)
                                              : status_explain(STORE_IO, reason, "out of memory");
    if (status == STORE_OK)
        status = write_dump(store, header, part, reason);
    if (status == STORE_OK)
        status = compare(store, config, part, &result->records, reason);
    if (status == STORE_OK)
        status = hand_out(store, part, file, reason);
    if (status != STORE_OK)
        unlink(part);
    free(header);
    return status;
}

enum store_status transfer_export(const struct store_config *config, const char *file, struct transfer_result *result,
                                  char reason[static STORE_REASON_SIZE])
{
    struct store_config there = *config;
    struct store *store;
    struct stat info;
    char part[PATH_MAX];
    *result = (struct transfer_result){0};
    if (snprintf(part, sizeof part, "%s.partial", file) >= (int)sizeof part || lstat(file, &info) == 0)
        return status_explain(STORE_EXISTS, reason, "%.300s: is there already, or too long a name", file);
    there.must_exist = there.moved_too = true;
    enum store_status status = store_open(&there, &store, reason);
    if (status != STORE_OK)
        return status;
    status = export_open(store, config, part, file, result, reason);
    store_close(store);
    return status;
}

/* ---- importing ---- */

/* Records on their way into one change. */
struct batch {
    struct store *store;
    struct {
        unsigned table;
        size_t at, key_len, value_len;
    } records[BATCH_RECORDS];
    unsigned count;
    uint8_t *octets;
    size_t len, room;
};

/* What of one table follows one another from there on: how many. */
static unsigned rows_from(const struct batch *b, unsigned first, struct row rows[static ROWS_MAX])
{
    unsigned count = 0;
    for (unsigned i = first; i < b->count && count < ROWS_MAX && b->records[i].table == b->records[first].table; i++) {
        const uint8_t *key = b->octets + b->records[i].at;
        rows[count++] = (struct row){.key = {key, b->records[i].key_len},
                                     .value = {key + b->records[i].key_len, b->records[i].value_len}};
    }
    return count;
}

static enum store_status put_batch(struct store_txn *txn, void *arg)
{
    const struct batch *b = arg;
    enum store_status status = STORE_OK;
    for (unsigned first = 0, count; status == STORE_OK && first < b->count; first += count) {
        struct row rows[ROWS_MAX];
        count = rows_from(b, first, rows);
        status = table_insert_all(txn, b->records[first].table, rows, count);
    }
    return status;
}

static enum store_status flush_batch(struct batch *b)
{
    enum store_status status = b->count > 0 ? store_call(b->store, put_batch, b) : STORE_OK;
    b->count = 0;
    b->len = 0;
    return status;
}

static enum store_status add_to_batch(struct batch *b, unsigned table, struct store_slice key, struct store_slice value)
{
    size_t len = key.len + value.len;
    if (b->count == BATCH_RECORDS || b->len + len > BATCH_OCTETS) {
        enum store_status status = flush_batch(b);
        if (status != STORE_OK)
            return status;
    }
    if (b->room < b->len + len) {
        size_t room = b->len + len > BATCH_OCTETS ? b->len + len : BATCH_OCTETS;
        uint8_t *octets = realloc(b->octets, room);
        if (octets == NULL)
            return STORE_IO;
        b->octets = octets;
        b->room = room;
    }
    b->records[b->count].table = table;
    b->records[b->count].at = b->len;
    b->records[b->count].key_len = key.len;
    b->records[b->count++].value_len = value.len;
    memcpy(b->octets + b->len, key.data, key.len);
    memcpy(b->octets + b->len + key.len, value.data, value.len);
    b->len += len;
    return STORE_OK;
}

/* STORE_INVALID: the file is damaged, and the reader's reason says how. */
static enum store_status read_tables(const struct store_config *config, const struct dump_header *header,
                                     struct dump_reader *reader, struct batch *b)
{
    struct store_slice key, value;
    unsigned place, table = 0;
    enum store_status status = STORE_OK;
    enum dump_event event;
    while (status == STORE_OK && (event = dump_next(reader, &place, &key, &value)) != DUMP_END) {
        if (event == DUMP_BAD)
            return STORE_INVALID;
        if (event == DUMP_TABLE)
            status = find_named(config, header->tables[place].name, &table);
        else if (event == DUMP_RECORD)
            status = is_own(b->store, table, key) ? STORE_INVALID : add_to_batch(b, table, key, value);
    }
    return status == STORE_OK ? flush_batch(b) : status;
}

static bool note_one(void *ctx, struct store_slice key, struct store_slice value)
{
    bool *found = ctx;
    (void)key, (void)value;
    *found = true;
    return false;
}

static enum store_status check_empty(struct store *store, const struct store_config *config,
                                     char reason[static STORE_REASON_SIZE])
{
    enum store_status status = STORE_OK;
    bool found = false;
    for (unsigned table = 0; status == STORE_OK && !found && table < tables_of(config); table++)
        status = stroll(store, table, note_one, &found);
    if (status != STORE_OK)
        return status_explain(status, reason, "%s: %s", store->path, store_status_text(status));
    return found ? status_explain(STORE_EXISTS, reason,
                                  "%s: there is a store with records, which an import would mix with others: import "
                                  "into a place where none is",
                                  store->path)
                 : STORE_OK;
}

/* ---- what an import that was interrupted has left ---- */

static bool take_key(void *ctx, struct store_slice key, struct store_slice value)
{
    struct batch *b = ctx;
    (void)value;
    return add_to_batch(b, b->records[0].table, key, (struct store_slice){(const uint8_t *)"", 0}) == STORE_OK &&
           b->count < VISIT_MAX;
}

static enum store_status delete_batch(struct store_txn *txn, void *arg)
{
    const struct batch *b = arg;
    enum store_status status = STORE_OK;
    for (unsigned i = 0; status == STORE_OK && i < b->count; i++)
        status = store_delete(txn, b->records[i].table, b->octets + b->records[i].at, b->records[i].key_len);
    return status;
}

static enum store_status clear_tables(const struct store_config *config, struct batch *b)
{
    enum store_status status = STORE_OK;
    for (unsigned table = 0; status == STORE_OK && table < tables_of(config); table++)
        do {
            b->count = 0;
            b->len = 0;
            b->records[0].table = table;
            status = stroll(b->store, table, take_key, b);
            if (status == STORE_OK && b->count > 0)
                status = store_call(b->store, delete_batch, b);
        } while (status == STORE_OK && b->count > 0);
    b->count = 0;
    b->len = 0;
    return status;
}

static enum store_status begin_filling(const struct store_config *config, struct batch *b,
                                 char reason[static STORE_REASON_SIZE])
{
    bool begun = false;
    enum store_status status = mark_importing(b->store, &begun);
    if (status == STORE_OK && begun && (status = clear_tables(config, b)) == STORE_OK)
        return STORE_OK;
    if (status != STORE_OK)
        return status_explain(status, reason, "%s: the import cannot begin: %s", b->store->path,
                              store_status_text(status));
    status = check_empty(b->store, config, reason);
    if (status != STORE_OK)
        mark_import_over(b->store, NULL);
    return status;
}

static enum store_status fill(const struct store_config *config, const struct dump_header *header,
                              struct dump_reader *reader, struct batch *b, const char *file, const char *why,
                              char reason[static STORE_REASON_SIZE])
{
    enum store_status status = read_tables(config, header, reader, b);
    if (status == STORE_INVALID)
        return status_explain(status, reason, "%.200s: %s", file, why);
    return status == STORE_OK ? STORE_OK
                              : status_explain(status, reason, "%s: cannot take in %.200s: %s", b->store->path, file,
                                               store_status_text(status));
}

/* Others may have lived on what it tells, or the clock lies. */
static bool is_old(uint64_t written_ms)
{
    uint64_t now_ms = copied_now_ms();
    return written_ms > now_ms || now_ms - written_ms > TRANSFER_FRESH_MS;
}

static enum store_status settle(struct store *store, const struct dump_header *header, struct transfer_result *result,
                                char reason[static STORE_REASON_SIZE])
{
    struct import_end end = {.schema = header->schema,
                             .identity = header->identity,
                             .copied_ms = is_old(header->written_ms) ? header->written_ms | 1 : 0};
    result->copy = end.copied_ms != 0;
    enum store_status status = mark_import_over(store, &end);
    return status == STORE_OK
               ? STORE_OK
               : status_explain(status, reason, "%s: the import cannot be ended: %s", store->path,
                                store_status_text(status));
}

static enum store_status import_open(const struct store_config *config, struct batch *b, const char *file,
                                     const struct dump_header *header, struct dump_reader *reader, const char *why,
                                     struct transfer_result *result, char reason[static STORE_REASON_SIZE])
{
    enum store_status status = begin_filling(config, b, reason);
    if (status == STORE_OK)
        status = fill(config, header, reader, b, file, why, reason);
    if (status == STORE_OK)
        status = compare(b->store, config, file, &result->records, reason);
    return status == STORE_OK ? settle(b->store, header, result, reason) : status;
}

/* Whether this program can take it in, as far as its beginning tells. */
static enum store_status check_header(const struct store_config *config, const struct dump_header *header,
                                      const char *file, char reason[static STORE_REASON_SIZE])
{
    unsigned table;
    if (header->schema == 0 || header->schema > config->schema)
        return status_explain(STORE_NEWER, reason,
                              "%.200s: written with schema %u by a newer program; this one knows schema %u at most: "
                              "install the newer program",
                              file, (unsigned)header->schema, (unsigned)config->schema);
    for (unsigned i = 0; i < header->table_count; i++)
        if (find_named(config, header->tables[i].name, &table) != STORE_OK)
            return status_explain(STORE_NEWER, reason, "%.200s: has a table %s, which this program does not know", file,
                                  header->tables[i].name);
    return STORE_OK;
}

static enum store_status import_from(const struct store_config *config, const char *file, FILE *in,
                                     struct transfer_result *result, char reason[static STORE_REASON_SIZE])
{
    struct store_config there = *config;
    struct dump_header header;
    char why[STORE_REASON_SIZE];
    struct batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return status_explain(STORE_SHORT, reason, "%.200s: out of memory", file);
    struct dump_reader *reader = dump_read(in, &header, why);
    enum store_status status = reader != NULL ? check_header(config, &header, file, reason)
                                              : status_explain(STORE_INVALID, reason, "%.200s: %s", file, why);
    there.half_too = true;
    if (status == STORE_OK)
        status = store_open(&there, &b->store, reason);
    if (status == STORE_OK) {
        hex_write(header.identity, DUMP_IDENTITY_LEN, result->identity);
        status = import_open(config, b, file, &header, reader, why, result, reason);
        store_close(b->store);
    }
    dump_read_end(reader);
    free(b->octets);
    free(b);
    return status;
}

enum store_status transfer_import(const struct store_config *config, const char *file, struct transfer_result *result,
                                  char reason[static STORE_REASON_SIZE])
{
    *result = (struct transfer_result){0};
    FILE *in = fopen(file, "re");
    if (in == NULL)
        return status_explain(STORE_IO, reason, "%.300s: cannot be read: %s", file, strerror(errno));
    enum store_status status = import_from(config, file, in, result, reason);
    fclose(in);
    return status;
}

enum store_status transfer_identity(const char *file, char identity[static STORE_IDENTITY_SIZE],
                                    char reason[static STORE_REASON_SIZE])
{
    struct dump_header header;
    char why[STORE_REASON_SIZE];
    FILE *in = fopen(file, "re");
    if (in == NULL)
        return status_explain(STORE_IO, reason, "%.300s: cannot be read: %s", file, strerror(errno));
    struct dump_reader *reader = dump_read(in, &header, why);
    bool good = reader != NULL;
    if (good)
        hex_write(header.identity, DUMP_IDENTITY_LEN, identity);
    dump_read_end(reader);
    fclose(in);
    return good ? STORE_OK : status_explain(STORE_INVALID, reason, "%.200s: %s", file, why);
}
