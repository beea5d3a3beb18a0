#include "store/dump.h"

#include <endian.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum { FORMAT = 1, DIGEST_LEN = 32, PIECE = 64 << 10 };

static const char magic[16] = "acmegate store\n";

/* The file, and what has passed of it. */
struct stream {
    FILE *file;
    EVP_MD_CTX *whole, *table;
    bool failed;
};

static bool stream_begin(struct stream *s, FILE *file)
{
    s->file = file;
    s->whole = EVP_MD_CTX_new();
    s->table = EVP_MD_CTX_new();
    return s->whole != NULL && s->table != NULL && EVP_DigestInit_ex(s->whole, EVP_sha256(), NULL) == 1;
}

static void stream_end(struct stream *s)
{
    EVP_MD_CTX_free(s->whole);
    EVP_MD_CTX_free(s->table);
}

static void begin_table(struct stream *s)
{
    s->failed = EVP_DigestInit_ex(s->table, EVP_sha256(), NULL) != 1 || s->failed;
}

/* Octets that have passed; in a table also those of the table. */
static void count_in(struct stream *s, bool in_table, const void *data, size_t len)
{
    if (EVP_DigestUpdate(s->whole, data, len) != 1 || (in_table && EVP_DigestUpdate(s->table, data, len) != 1))
        s->failed = true;
}

/* Of what has passed so far; the context goes on. */
static void digest_of(struct stream *s, EVP_MD_CTX *from, uint8_t digest[static DIGEST_LEN])
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    memset(digest, 0, DIGEST_LEN);
    if (copy == NULL || EVP_MD_CTX_copy_ex(copy, from) != 1 || EVP_DigestFinal_ex(copy, digest, NULL) != 1)
        s->failed = true;
    EVP_MD_CTX_free(copy);
}

/* ---- writing ---- */

struct dump_writer {
    struct stream stream;
    bool in_table;
    uint64_t records, all_records;
};

static void write_octets(struct dump_writer *w, const void *data, size_t len)
{
    if (len == 0)
        return;
    if (!w->stream.failed && fwrite(data, 1, len, w->stream.file) != len)
        w->stream.failed = true;
    count_in(&w->stream, w->in_table, data, len);
}

/* The lowest len octets of it. */
static void write_number(struct dump_writer *w, uint64_t number, size_t len)
{
    uint64_t wide = htobe64(number);
    write_octets(w, (const uint8_t *)&wide + sizeof wide - len, len);
}

static void write_digest(struct dump_writer *w, EVP_MD_CTX *from)
{
    uint8_t digest[DIGEST_LEN];
    digest_of(&w->stream, from, digest);
    w->in_table = false;
    write_octets(w, digest, sizeof digest);
}

static void write_header(struct dump_writer *w, const struct dump_header *header)
{
    write_octets(w, magic, sizeof magic);
    write_number(w, FORMAT, 4);
    write_number(w, header->schema, 4);
    write_octets(w, header->identity, sizeof header->identity);
    write_number(w, header->written_ms, 8);
    write_number(w, header->table_count, 4);
    for (unsigned i = 0; i < header->table_count; i++) {
        size_t len = strlen(header->tables[i].name);
        write_number(w, header->tables[i].number, 4);
        write_number(w, len, 1);
        write_octets(w, header->tables[i].name, len);
    }
    write_digest(w, w->stream.whole);
}

struct dump_writer *dump_write(FILE *file, const struct dump_header *header)
{
    struct dump_writer *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    if (!stream_begin(&w->stream, file)) {
        stream_end(&w->stream);
        free(w);
        return NULL;
    }
    write_header(w, header);
    return w;
}

void dump_table(struct dump_writer *w, uint32_t number)
{
    begin_table(&w->stream);
    w->in_table = true;
    w->records = 0;
    write_octets(w, "T", 1);
    write_number(w, number, 4);
}

void dump_record(struct dump_writer *w, struct store_slice key, struct store_slice value)
{
    if (key.len == 0 || key.len > STORE_KEY_MAX || value.len > DUMP_VALUE_MAX)
        w->stream.failed = true;
    write_octets(w, "R", 1);
    write_number(w, key.len, 2);
    write_number(w, value.len, 4);
    write_octets(w, key.data, key.len);
    write_octets(w, value.data, value.len);
    w->records++;
}

void dump_table_end(struct dump_writer *w)
{
    write_octets(w, "E", 1);
    write_number(w, w->records, 8);
    write_digest(w, w->stream.table);
    w->all_records += w->records;
}

void dump_end(struct dump_writer *w)
{
    write_octets(w, "Z", 1);
    write_number(w, w->all_records, 8);
    write_digest(w, w->stream.whole);
}

bool dump_finish(struct dump_writer *w)
{
    bool good = fflush(w->stream.file) == 0 && !w->stream.failed;
    stream_end(&w->stream);
    free(w);
    return good;
}

/* ---- reading ---- */

struct dump_reader {
    struct stream stream;
    struct dump_header *header;
    char *reason;
    bool in_table, ended;
    unsigned tables; /* begun so far */
    uint64_t records, all_records;
    uint8_t key[STORE_KEY_MAX];
    size_t key_len; /* 0: no record of this table was read */
    uint8_t *value; /* of value_room octets */
    size_t value_room;
};

/* The first reason stays. */
static bool bad(struct dump_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool bad(struct dump_reader *r, const char *format, ...)
{
    if (!r->stream.failed) {
        va_list args;
        va_start(args, format);
        vsnprintf(r->reason, STORE_REASON_SIZE, format, args);
        va_end(args);
    }
    r->stream.failed = true;
    return false;
}

static bool read_octets(struct dump_reader *r, void *out, size_t len)
{
    if (r->stream.failed)
        return false;
    if (len > 0 && fread(out, 1, len, r->stream.file) != len)
        return bad(r, ferror(r->stream.file) ? "it cannot be read" : "it was cut short");
    if (len > 0)
        count_in(&r->stream, r->in_table, out, len);
    return !r->stream.failed;
}

/* 0 on failure. */
static uint64_t read_number(struct dump_reader *r, size_t len)
{
    uint64_t wide = 0;
    if (!read_octets(r, (uint8_t *)&wide + sizeof wide - len, len))
        return 0;
    return be64toh(wide);
}

static bool read_digest(struct dump_reader *r, EVP_MD_CTX *from, const char *what)
{
    uint8_t expected[DIGEST_LEN], found[DIGEST_LEN];
    digest_of(&r->stream, from, expected);
    r->in_table = false;
    if (!read_octets(r, found, sizeof found))
        return false;
    return memcmp(expected, found, sizeof found) == 0 || bad(r, "%s is not what was written: it was changed", what);
}

static bool read_table_name(struct dump_reader *r, unsigned i)
{
    char *name = r->header->tables[i].name;
    r->header->tables[i].number = (uint32_t)read_number(r, 4);
    size_t len = read_number(r, 1);
    memset(name, 0, DUMP_NAME_SIZE);
    if (len == 0 || len >= DUMP_NAME_SIZE)
        return bad(r, "it names a table that cannot be");
    if (!read_octets(r, name, len))
        return false;
    for (unsigned j = 0; j < i; j++)
        if (strcmp(r->header->tables[j].name, name) == 0)
            return bad(r, "it names a table twice");
    return strlen(name) == len || bad(r, "it names a table that cannot be");
}

static bool read_header(struct dump_reader *r)
{
    char start[sizeof magic];
    struct dump_header *header = r->header;
    if (!read_octets(r, start, sizeof start) || memcmp(start, magic, sizeof magic) != 0)
        return bad(r, "this is no store that was exported");
    uint64_t format = read_number(r, 4);
    if (format != FORMAT)
        return bad(r, "it has format %u, and this program reads format %d: a newer program wrote it", (unsigned)format,
                   FORMAT);
    header->schema = (uint32_t)read_number(r, 4);
    read_octets(r, header->identity, sizeof header->identity);
    header->written_ms = read_number(r, 8);
    header->table_count = (unsigned)read_number(r, 4);
    if (header->table_count > DUMP_TABLES_MAX)
        return bad(r, "it has more tables than can be");
    for (unsigned i = 0; i < header->table_count; i++)
        if (!read_table_name(r, i))
            return false;
    return read_digest(r, r->stream.whole, "its beginning");
}

struct dump_reader *dump_read(FILE *file, struct dump_header *header, char reason[static STORE_REASON_SIZE])
{
    struct dump_reader *r = calloc(1, sizeof *r);
    snprintf(reason, STORE_REASON_SIZE, "out of memory");
    memset(header, 0, sizeof *header);
    if (r == NULL)
        return NULL;
    r->header = header;
    r->reason = reason;
    if (stream_begin(&r->stream, file) && read_header(r))
        return r;
    dump_read_end(r);
    return NULL;
}

/* Room grows with what is there, not with what a damaged length says. */
static bool read_value(struct dump_reader *r, size_t len)
{
    for (size_t have = 0; have < len;) {
        size_t piece = len - have < PIECE ? len - have : PIECE;
        if (r->value_room < have + piece) {
            size_t room = 2 * (have + piece);
            uint8_t *value = realloc(r->value, room);
            if (value == NULL)
                return bad(r, "out of memory");
            r->value = value;
            r->value_room = room;
        }
        if (!read_octets(r, r->value + have, piece))
            return false;
        have += piece;
    }
    return true;
}

static bool comes_after(const uint8_t *key, size_t len, const uint8_t *before, size_t before_len)
{
    int order = memcmp(key, before, len < before_len ? len : before_len);
    return order > 0 || (order == 0 && len > before_len);
}

static bool read_record(struct dump_reader *r, struct store_slice *key, struct store_slice *value)
{
    uint8_t next[STORE_KEY_MAX];
    size_t key_len = read_number(r, 2), value_len = read_number(r, 4);
    if (r->stream.failed)
        return false;
    if (key_len == 0 || key_len > STORE_KEY_MAX || value_len > DUMP_VALUE_MAX)
        return bad(r, "it has a record of a length that cannot be");
    if (!read_octets(r, next, key_len) || !read_value(r, value_len))
        return false;
    if (!comes_after(next, key_len, r->key, r->key_len))
        return bad(r, "its records are not in order");
    memcpy(r->key, next, key_len);
    r->key_len = key_len;
    r->records++;
    *key = (struct store_slice){r->key, key_len};
    *value = (struct store_slice){value_len > 0 ? r->value : (const uint8_t *)"", value_len};
    return true;
}

static bool read_table(struct dump_reader *r, unsigned *table)
{
    uint64_t number = read_number(r, 4);
    if (r->stream.failed)
        return false;
    if (r->tables == r->header->table_count || r->header->tables[r->tables].number != number)
        return bad(r, "its tables are not those that its beginning names");
    *table = r->tables++;
    r->records = 0;
    r->key_len = 0;
    return true;
}

static bool read_table_end(struct dump_reader *r)
{
    uint64_t records = r->records;
    if (read_number(r, 8) != records)
        return bad(r, "a table has not as many records as it should");
    r->all_records += records;
    return read_digest(r, r->stream.table, "a table");
}

static bool read_end(struct dump_reader *r)
{
    if (read_number(r, 8) != r->all_records || r->tables != r->header->table_count)
        return bad(r, "it has not as many records or tables as it should");
    if (!read_digest(r, r->stream.whole, "it"))
        return false;
    r->ended = true;
    return getc(r->stream.file) == EOF || bad(r, "something stands behind its end");
}

/* The rest of what begins with this octet. */
static enum dump_event read_item(struct dump_reader *r, char kind, unsigned *table, struct store_slice *key,
                                 struct store_slice *value)
{
    switch (kind) {
    case 'R':
        return read_record(r, key, value) ? DUMP_RECORD : DUMP_BAD;
    case 'E':
        return read_table_end(r) ? DUMP_TABLE_END : DUMP_BAD;
    case 'T':
        return read_table(r, table) ? DUMP_TABLE : DUMP_BAD;
    default:
        return read_end(r) ? DUMP_END : DUMP_BAD;
    }
}

enum dump_event dump_next(struct dump_reader *r, unsigned *table, struct store_slice *key, struct store_slice *value)
{
    char kind = 0;
    if (r->ended)
        return r->stream.failed ? DUMP_BAD : DUMP_END;
    bool inside = r->in_table;
    if (!inside) { /* what is no table ends with a digest of the whole, for which it makes no difference */
        begin_table(&r->stream);
        r->in_table = true;
    }
    if (!read_octets(r, &kind, 1))
        return DUMP_BAD;
    if (memchr(inside ? "RE" : "TZ", kind, 2) != NULL)
        return read_item(r, kind, table, key, value);
    bad(r, "it was changed: what stands there is neither a table nor a record");
    return DUMP_BAD;
}

void dump_read_end(struct dump_reader *r)
{
    if (r == NULL)
        return;
    stream_end(&r->stream);
    free(r->value);
    free(r);
}
