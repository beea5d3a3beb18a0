/* table: what may be done with a table inside a transaction, each a prepared statement with binary arguments. */
#include "store/postgres/internal.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OID_BYTEA = 17, OID_INT8 = 20, CHUNK_FIRST = 32, CHUNK_MAX = 512, BINARY = 1, ARGUMENTS_MAX = 3 };
enum {
    COUNT_MS = 60 * 1000, /* of a whole table */
    NAME_SIZE = 32,
    WRITES_MAX = 512, /* that wait to be sent */
};

struct arguments {
    int count;
    const char *values[ARGUMENTS_MAX];
    int lengths[ARGUMENTS_MAX], formats[ARGUMENTS_MAX];
};

static const struct {
    const char *text; /* %s: the table */
    Oid types[ARGUMENTS_MAX];
    int count;
} statements[STATEMENTS] = {
    [GET] = {"SELECT v FROM %s WHERE k = $1", {OID_BYTEA}, 1},
    [PUT] = {"INSERT INTO %s (k, v) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v",
             {OID_BYTEA, OID_BYTEA},
             2},
    [INSERT] = {"INSERT INTO %s (k, v) VALUES ($1, $2) ON CONFLICT (k) DO NOTHING", {OID_BYTEA, OID_BYTEA}, 2},
    [DELETE] = {"DELETE FROM %s WHERE k = $1", {OID_BYTEA}, 1},
    [VISIT] = {"SELECT k, v FROM %s WHERE k >= $1 ORDER BY k LIMIT $2", {OID_BYTEA, OID_INT8}, 2},
    [VISIT_RANGE] = {"SELECT k, v FROM %s WHERE k >= $1 AND k < $3 ORDER BY k LIMIT $2",
                     {OID_BYTEA, OID_INT8, OID_BYTEA},
                     3},
    [VISIT_BACK] = {"SELECT k, v FROM %s WHERE k < $1 ORDER BY k DESC LIMIT $2", {OID_BYTEA, OID_INT8}, 2},
    [VISIT_LAST] = {"SELECT k, v FROM %s WHERE k >= $1 ORDER BY k DESC LIMIT $2", {OID_BYTEA, OID_INT8}, 2},
    [COUNT] = {"SELECT count(*) FROM %s", {0}, 0},
};

static void argument_add(struct arguments *a, const void *data, size_t len)
{
    a->values[a->count] = data != NULL ? data : ""; /* NULL would be no value at all */
    a->lengths[a->count] = (int)len;
    a->formats[a->count++] = BINARY;
}

/* ---- asking ---- */

static PGresult *prepare_statement(struct store_txn *txn, unsigned table, enum statement which, const char *name)
{
    struct postgres *p = postgres_of(txn->store);
    struct link *link = txn->handle;
    char text[1024];
    snprintf(text, sizeof text, statements[which].text, p->names[table]);
    int sent = PQsendPrepare(link->pg, name, text, statements[which].count, statements[which].types);
    PGresult *result = link_answer(link->pg, sent, ANSWER_MS);
    if (PQresultStatus(result) == PGRES_COMMAND_OK)
        link->prepared[table * STATEMENTS + which] = true;
    return result;
}

/* NULL: the failure is noted in *status. */
static PGresult *await(struct store_txn *txn, int sent, unsigned wait_ms, const char *doing, enum store_status *status)
{
    const struct link *link = txn->handle;
    PGresult *result = link_answer(link->pg, sent, wait_ms);
    ExecStatusType kind = PQresultStatus(result);
    if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK) {
        *status = STORE_OK;
        return result;
    }
    *status = note_result(txn, doing, result);
    return NULL;
}

static void write_name(char name[static NAME_SIZE], unsigned table, enum statement which)
{
    snprintf(name, NAME_SIZE, "s%u_%u", (unsigned)which, table);
}

/* STORE_OK, or why nothing more can be done in it. */
static enum store_status usable(const struct store_txn *txn)
{
    if (txn->failed != STORE_OK)
        return txn->failed;
    return is_lost(txn) ? STORE_IO : STORE_OK;
}

/* Whether the statement is there; false: the failure is noted in *status. */
static bool is_prepared(struct store_txn *txn, unsigned table, enum statement which, const char *doing,
                        enum store_status *status)
{
    const struct link *link = txn->handle;
    char name[NAME_SIZE];
    *status = usable(txn);
    if (*status != STORE_OK)
        return false;
    if (link->prepared[table * STATEMENTS + which])
        return true;
    write_name(name, table, which);
    PGresult *result = prepare_statement(txn, table, which, name);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        *status = note_result(txn, doing, result);
        return false;
    }
    PQclear(result);
    return true;
}

/* What that returned, of one that is prepared. */
static int send_prepared(const struct link *link, unsigned table, enum statement which, const struct arguments *a)
{
    char name[NAME_SIZE];
    write_name(name, table, which);
    return PQsendQueryPrepared(link->pg, name, a->count, a->values, a->lengths, a->formats, BINARY);
}

static PGresult *ask_once(struct store_txn *txn, unsigned table, enum statement which, const struct arguments *a,
                          const char *doing, enum store_status *status, bool *repeat)
{
    struct link *link = txn->handle;
    struct message message;
    unsigned wait_ms = which == COUNT ? COUNT_MS : ANSWER_MS;
    bool writes = which >= VISIT; /* which does not look at what was written */
    if (!is_prepared(txn, table, which, doing, status))
        return NULL;
    if (!message_wanted(link, writes))
        return await(txn, send_prepared(link, table, which, a), wait_ms, doing, status);
    if ((*status = table_prepare(txn, writes)) != STORE_OK)
        return NULL;
    int sent = message_begin(&message, txn, writes);
    message.repeat = repeat;
    return message_end(&message, sent && send_prepared(link, table, which, a), wait_ms, doing, status);
}

/* NULL: the failure is noted in *status. A snapshot that has seen nothing yet begins once more, on a new connection, where
 * the server has ended this one meanwhile. */
static PGresult *ask(struct store_txn *txn, unsigned table, enum statement which, const struct arguments *a,
                     const char *doing, enum store_status *status)
{
    struct link *link = txn->handle;
    char reason[STORE_REASON_SIZE];
    bool repeat = false;
    PGresult *result = ask_once(txn, table, which, a, doing, status, &repeat);
    if (!repeat)
        return result;
    link->unbegun = true;
    if (link_ready(postgres_of(txn->store), link, reason))
        return ask_once(txn, table, which, a, doing, status, NULL);
    note_answer(postgres_of(txn->store), false);
    *status = txn_note(txn, doing, STORE_AWAY, reason);
    return NULL;
}

/* ---- what was written, and not sent yet ---- */

static enum statement write_of(const struct known *known)
{
    return known->there ? PUT : DELETE;
}

enum store_status table_prepare(struct store_txn *txn, bool writes)
{
    const struct link *link = txn->handle;
    enum store_status status = STORE_OK;
    for (const struct guess *guess = link->guesses; guess != NULL; guess = guess->next)
        if (!is_prepared(txn, guess->table, guess->which, "reading a record", &status))
            return status;
    for (const struct known *known = writes ? link->known : NULL; known != NULL; known = known->next)
        if (known->unsent && !is_prepared(txn, known->table, write_of(known), "writing a record", &status))
            return status;
    return status;
}

int table_send_guess(const struct link *link, const struct guess *guess)
{
    struct arguments a = {0};
    argument_add(&a, guess->key.data, guess->key.len);
    if (guess->which == INSERT)
        argument_add(&a, guess->value.data, guess->value.len);
    return send_prepared(link, guess->table, guess->which, &a);
}

static int send_write(const struct link *link, const struct known *known)
{
    struct arguments a = {0};
    argument_add(&a, known->key.data, known->key.len);
    if (known->there)
        argument_add(&a, known->value.data, known->value.len);
    return send_prepared(link, known->table, write_of(known), &a);
}

int table_send_writes(const struct link *link)
{
    int sent = 1;
    for (const struct known *known = link->known; sent && known != NULL; known = known->next)
        if (known->unsent)
            sent = send_write(link, known);
    return sent;
}

/* To be sent later. */
static enum store_status note_write(struct store_txn *txn, unsigned table, struct store_slice key,
                                    const struct store_slice *value)
{
    struct link *link = txn->handle;
    enum store_status status = usable(txn);
    if (status != STORE_OK)
        return status;
    if (!known_write(link, table, key, value))
        return txn_note(txn, "writing a record", STORE_IO, "out of memory");
    return link->unsent < WRITES_MAX ? STORE_OK : message_settle(txn, true);
}

/* Inserts a record of which nothing is known, or deletes it: value NULL. */
static enum store_status change(struct store_txn *txn, unsigned table, struct store_slice key,
                                const struct store_slice *value)
{
    enum store_status status = usable(txn), otherwise = value != NULL ? STORE_EXISTS : STORE_NOT_FOUND;
    struct arguments a = {0};
    if (status != STORE_OK || guess_change(txn, table, key, value, &status))
        return status;
    argument_add(&a, key.data, key.len);
    if (value != NULL)
        argument_add(&a, value->data, value->len);
    PGresult *result = ask(txn, table, value != NULL ? INSERT : DELETE, &a, "writing a record", &status);
    if (result != NULL && strcmp(PQcmdTuples(result), "0") == 0)
        status = otherwise;
    else if (result != NULL)
        known_wrote(txn->handle, table, key, value);
    PQclear(result);
    return status;
}

static struct store_slice field(const PGresult *result, int row, int column)
{
    return (struct store_slice){(const uint8_t *)PQgetvalue(result, row, column),
                                (size_t)PQgetlength(result, row, column)};
}

/* ---- one record ---- */

static void remember_read(struct store_txn *txn, unsigned table, struct store_slice key, const struct store_slice *value)
{
    struct link *link = txn->handle;
    known_read(link, table, key, value);
    if (txn->writable && link->trusting)
        remembered_missed(postgres_of(txn->store)->remembered, table, value == NULL);
    if (!link->blurred)
        remembered_read(postgres_of(txn->store)->remembered, table, key, value, link->commits);
}

/* Asks the server for a record of which nothing is known. */
static enum store_status ask_record(struct store_txn *txn, unsigned table, struct store_slice key,
                                    struct store_slice *value)
{
    struct arguments a = {0};
    enum store_status status;
    argument_add(&a, key.data, key.len);
    PGresult *result = ask(txn, table, GET, &a, "reading a record", &status);
    if (result == NULL)
        return status;
    if (PQntuples(result) == 0) {
        PQclear(result);
        remember_read(txn, table, key, NULL);
        return STORE_NOT_FOUND;
    }
    if (!link_keep(txn->handle, result))
        return txn_note(txn, "reading a record", STORE_IO, "out of memory");
    *value = field(result, 0, 0);
    remember_read(txn, table, key, value);
    return STORE_OK;
}

void table_learn(struct store_txn *txn, unsigned table, struct store_slice key)
{
    struct store_slice value;
    ask_record(txn, table, key, &value);
}

enum store_status postgres_get(struct store_txn *txn, unsigned table, struct store_slice key, struct store_slice *value)
{
    const struct known *known = known_find(txn->handle, table, key);
    enum store_status status = usable(txn);
    if (status == STORE_OK && known == NULL) {
        const struct guess *guess = guess_record(txn, table, key);
        if (guess == NULL)
            return ask_record(txn, table, key, value);
        *value = guess->value;
        return guess->there ? STORE_OK : STORE_NOT_FOUND;
    }
    if (status == STORE_OK && !known->there)
        return STORE_NOT_FOUND;
    if (status == STORE_OK)
        *value = known->value;
    return status;
}

/* Who writes over what was there, or knows what is, need not wait for the server. */
enum store_status postgres_put(struct store_txn *txn, unsigned table, struct store_slice key, struct store_slice value,
                               bool overwrite)
{
    const struct known *known = known_find(txn->handle, table, key);
    if (!overwrite && known != NULL && known->there)
        return STORE_EXISTS;
    if (overwrite || known != NULL)
        return note_write(txn, table, key, &value);
    return change(txn, table, key, &value);
}

enum store_status postgres_delete(struct store_txn *txn, unsigned table, struct store_slice key)
{
    const struct known *known = known_find(txn->handle, table, key);
    if (known != NULL)
        return known->there ? note_write(txn, table, key, NULL) : STORE_NOT_FOUND;
    return change(txn, table, key, NULL);
}

/* ---- many records into a table ---- */

/* Two arguments for each of ROWS_MAX. */
struct parameters {
    const char *values[2 * ROWS_MAX];
    int lengths[2 * ROWS_MAX], formats[2 * ROWS_MAX], count;
    Oid types[2 * ROWS_MAX];
    char text[512 + 16 * ROWS_MAX];
};

static void add_parameter(struct parameters *p, struct store_slice octets)
{
    p->values[p->count] = octets.len > 0 ? (const char *)octets.data : ""; /* NULL would be no value at all */
    p->lengths[p->count] = (int)octets.len;
    p->formats[p->count] = BINARY;
    p->types[p->count++] = OID_BYTEA;
}

static void fill_parameters(struct parameters *p, const char *name, const struct row *rows, unsigned count)
{
    int len = snprintf(p->text, sizeof p->text, "INSERT INTO %s (k, v) VALUES ", name);
    p->count = 0;
    for (unsigned i = 0; i < count; i++) {
        add_parameter(p, rows[i].key);
        add_parameter(p, rows[i].value);
        len += snprintf(p->text + len, sizeof p->text - (size_t)len, "%s($%u,$%u)", i > 0 ? "," : "", 2 * i + 1,
                        2 * i + 2);
    }
    snprintf(p->text + len, sizeof p->text - (size_t)len, " ON CONFLICT (k) DO NOTHING");
}

/* One statement for all of them, which is not prepared: how many there are differs, and so many rows outweigh it. */
enum store_status postgres_insert_all(struct store_txn *txn, unsigned table, const struct row *rows, unsigned count)
{
    struct link *link = txn->handle;
    struct parameters p;
    struct message message;
    enum store_status status = usable(txn);
    if (status != STORE_OK || (status = table_prepare(txn, true)) != STORE_OK)
        return status;
    fill_parameters(&p, postgres_of(txn->store)->names[table], rows, count);
    int sent = message_begin(&message, txn, true) &&
               PQsendQueryParams(link->pg, p.text, p.count, p.types, p.values, p.lengths, p.formats, BINARY);
    PGresult *result = message_end(&message, sent, ANSWER_MS, "writing records", &status);
    known_forget(link);
    if (result != NULL && strtoul(PQcmdTuples(result), NULL, 10) != count)
        status = STORE_EXISTS;
    PQclear(result);
    return status;
}

/* ---- visiting ---- */

/* Where a visit is, and how far it goes. A key more than any other may have: what follows it directly is looked for. */
struct walk {
    uint8_t at[STORE_KEY_MAX + 1], end[STORE_KEY_MAX];
    size_t at_len, end_len;
    uint64_t limit;
};

/* The first key that does not begin with prefix; false: there is none. */
static bool set_end(struct walk *walk, const struct range *range)
{
    size_t len = range->prefix_len;
    while (len > 0 && range->from.data[len - 1] == 0xff)
        len--;
    if (len == 0)
        return false;
    memcpy(walk->end, range->from.data, len);
    walk->end[len - 1]++;
    walk->end_len = len;
    return true;
}

static void go_to(struct walk *walk, struct store_slice key)
{
    if (key.len > 0)
        memcpy(walk->at, key.data, key.len);
    walk->at_len = key.len;
}

static PGresult *next_chunk(struct store_txn *txn, unsigned table, enum statement which, const struct walk *walk,
                            enum store_status *status)
{
    struct arguments a = {0};
    uint64_t limit = htobe64(walk->limit);
    argument_add(&a, walk->at, walk->at_len);
    argument_add(&a, &limit, sizeof limit);
    if (which == VISIT_RANGE)
        argument_add(&a, walk->end, walk->end_len);
    PGresult *result = ask(txn, table, which, &a, "visiting records", status);
    if (result != NULL && !link_keep(txn->handle, result)) {
        *status = txn_note(txn, "visiting records", STORE_IO, "out of memory");
        return NULL;
    }
    return result;
}

/* Chunk by chunk, each twice the last; which changes once a visit from the end has a key to go on from. */
static enum store_status walk_on(struct store_txn *txn, unsigned table, enum statement which, struct walk *walk,
                                 store_visit_fn *visit, void *ctx)
{
    bool back = which == VISIT_BACK || which == VISIT_LAST;
    enum store_status status;
    for (walk->limit = CHUNK_FIRST;; walk->limit = walk->limit < CHUNK_MAX ? 2 * walk->limit : CHUNK_MAX) {
        PGresult *result = next_chunk(txn, table, which, walk, &status);
        if (result == NULL)
            return status;
        int rows = PQntuples(result);
        for (int row = 0; row < rows; row++)
            if (!visit(ctx, field(result, row, 0), field(result, row, 1)))
                return STORE_OK;
        if ((uint64_t)rows < walk->limit)
            return STORE_OK;
        go_to(walk, field(result, rows - 1, 0));
        if (back)
            which = VISIT_BACK;
        else
            walk->at[walk->at_len++] = 0;
    }
}

enum store_status postgres_visit(struct store_txn *txn, unsigned table, const struct range *range,
                                 store_visit_fn *visit, void *ctx)
{
    struct walk walk;
    go_to(&walk, range->from);
    return walk_on(txn, table, set_end(&walk, range) ? VISIT_RANGE : VISIT, &walk, visit, ctx);
}

enum store_status postgres_visit_back(struct store_txn *txn, unsigned table, struct store_slice before,
                                      store_visit_fn *visit, void *ctx)
{
    struct walk walk;
    go_to(&walk, before);
    return walk_on(txn, table, before.len > 0 ? VISIT_BACK : VISIT_LAST, &walk, visit, ctx);
}

enum store_status postgres_count(struct store_txn *txn, unsigned table, uint64_t *count)
{
    struct arguments none = {0};
    enum store_status status;
    PGresult *result = ask(txn, table, COUNT, &none, "counting records", &status);
    *count = 0;
    if (result != NULL && PQntuples(result) == 1 && PQgetlength(result, 0, 0) == (int)sizeof *count) {
        memcpy(count, PQgetvalue(result, 0, 0), sizeof *count);
        *count = be64toh(*count);
    }
    PQclear(result);
    return status;
}
