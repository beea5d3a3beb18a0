/* schema: the number that says how the records of a store are to be read. */
#include "store/engine.h"

#include <string.h>

enum { META_RECORD = 1 };

const char schema_key[] = "schema";

/* STORE_NOT_FOUND: a new store. */
static enum store_status schema_read(struct store_txn *txn, uint32_t *schema)
{
    struct store_slice value;
    enum store_status status =
        store_get(txn, table_own(txn->store, TABLE_META), schema_key, sizeof schema_key - 1, &value);
    if (status != STORE_OK)
        return status;
    struct record_reader reader;
    uint8_t version = record_open(&reader, value);
    *schema = record_get_u32(&reader);
    return version == META_RECORD && record_complete(&reader) && *schema > 0 ? STORE_OK : STORE_INVALID;
}

bool schema_record(uint32_t schema, uint8_t out[static SCHEMA_RECORD_LEN])
{
    struct record_writer writer;
    record_begin(&writer, META_RECORD, SCHEMA_RECORD_LEN);
    record_put_u32(&writer, schema);
    bool good = !writer.failed && writer.len == SCHEMA_RECORD_LEN;
    if (good)
        memcpy(out, writer.data, SCHEMA_RECORD_LEN);
    record_free(&writer);
    return good;
}

enum store_status schema_write(struct store_txn *txn, uint32_t schema)
{
    uint8_t record[SCHEMA_RECORD_LEN];
    return schema_record(schema, record) ? store_put(txn, table_own(txn->store, TABLE_META), schema_key,
                                                     sizeof schema_key - 1, record, sizeof record)
                                         : STORE_IO;
}

struct step {
    store_migrate_fn *migrate; /* NULL: none to run */
    uint32_t to;
    char *reason;
};

static enum store_status run_step(struct store_txn *txn, void *arg)
{
    const struct step *step = arg;
    step->reason[0] = '\0';
    enum store_status status = step->migrate != NULL ? step->migrate(txn, step->reason) : STORE_OK;
    return status == STORE_OK ? schema_write(txn, step->to) : status;
}

static enum store_status step(struct store *store, store_migrate_fn *migrate, uint32_t to,
                              char reason[static STORE_REASON_SIZE])
{
    struct step step = {migrate, to, reason};
    enum store_status status = store_call(store, run_step, &step);
    if (status != STORE_OK && reason[0] == '\0')
        status_explain(status, reason, "%s: cannot go on to schema %u: %s", store->path, (unsigned)to,
                       store_status_text(status));
    return status;
}

static enum store_status load_schema(struct store *store, uint32_t *schema)
{
    struct store_txn *txn;
    enum store_status status = store_read(store, &txn);
    if (status != STORE_OK)
        return status;
    status = schema_read(txn, schema);
    store_read_end(txn);
    return status;
}

/* STORE_OK, STORE_NEWER, or why the number cannot be read. */
static enum store_status judge_number(const struct store *store, const struct store_config *config,
                                      enum store_status status, uint32_t schema, char reason[static STORE_REASON_SIZE])
{
    if (status != STORE_OK)
        return status_explain(status, reason, "%s: the schema number cannot be read: %s", store->path,
                              store_status_text(status));
    if (schema > config->schema)
        return status_explain(STORE_NEWER, reason,
                              "%s: written with schema %u by a newer program; this one knows schema %u at most: "
                              "install the newer program or restore an older backup",
                              store->path, (unsigned)schema, (unsigned)config->schema);
    return STORE_OK;
}

enum store_status schema_check(struct store *store, const struct store_config *config,
                               char reason[static STORE_REASON_SIZE])
{
    uint32_t schema = 0;
    enum store_status status = load_schema(store, &schema);
    status = judge_number(store, config, status, schema, reason);
    if (status == STORE_OK && schema < config->schema)
        return status_explain(STORE_INVALID, reason,
                              "%s: written by an older program; the next start brings it up to date", store->path);
    return status;
}

enum store_status schema_settle(struct store *store, const struct store_config *config,
                                char reason[static STORE_REASON_SIZE])
{
    uint32_t schema = 0;
    enum store_status status = load_schema(store, &schema);
    if (status == STORE_NOT_FOUND)
        return step(store, NULL, config->schema, reason);
    status = judge_number(store, config, status, schema, reason);
    for (; status == STORE_OK && schema < config->schema; schema++)
        status = step(store, config->migrations[schema - 1], schema + 1, reason);
    return status;
}
