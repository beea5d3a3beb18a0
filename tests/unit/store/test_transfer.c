/* transfer: a store goes to another engine and back, and is what it was; what was cut or changed is found; who was moved
 * away goes on only when told to, as a copy. */
#include "fixture.h"

#include "store/dump.h"
#include "store/transfer.h"

enum { RECORDS = 2500, BIG = 3 << 20 };

struct places {
    struct fixture *f;
    char file[160], back[160], again[160];
    struct store_config memory, second;
};

static void places_of(struct fixture *f, struct places *p)
{
    static unsigned count;
    static char names[16][160];
    char *name = names[count++ % 16];
    p->f = f;
    snprintf(p->file, sizeof p->file, "%s/file", f->folder);
    snprintf(p->back, sizeof p->back, "%s/back", f->folder);
    snprintf(p->again, sizeof p->again, "%s/again", f->folder);
    p->memory = p->second = f->config;
    p->memory.engine = STORE_MEMORY;
    snprintf(name, 160, "%s/memory", f->folder);
    p->memory.path = name;
    name = names[count++ % 16];
    snprintf(name, 160, "%s/other", f->folder);
    p->second.path = name;
}

#define assert_status(call, expected, reason)                                                                          \
    do {                                                                                                               \
        enum store_status status_ = (call);                                                                            \
        if (status_ != (expected))                                                                                     \
            print_error("%s\n", reason);                                                                               \
        assert_int_equal(status_, expected);                                                                           \
    } while (0)

static enum store_status fill(struct store_txn *txn, void *arg)
{
    static uint8_t key[STORE_KEY_MAX], big[BIG];
    enum store_status status = STORE_OK;
    (void)arg;
    memset(key, 0xff, sizeof key);
    memset(big, 'b', sizeof big);
    for (unsigned i = 0; status == STORE_OK && i < RECORDS; i++) {
        char text[32];
        snprintf(text, sizeof text, "%06u", i);
        status = store_put(txn, FRUIT, text, strlen(text), text, i % 7);
    }
    if (status == STORE_OK)
        status = store_put(txn, FRUIT, key, sizeof key, "longest", 7);
    if (status == STORE_OK)
        status = store_put(txn, FRUIT, key, 1, "", 0);
    if (status == STORE_OK)
        status = store_put(txn, COLOURS, "big", 3, big, sizeof big);
    return status == STORE_OK ? store_job_set(txn, 7, "subject", 7, 1234) : status;
}

static bool add_up(void *ctx, struct store_slice key, struct store_slice value)
{
    uint64_t *sum = ctx;
    for (size_t i = 0; i < key.len; i++)
        *sum = *sum * 31 + key.data[i];
    for (size_t i = 0; i < value.len; i++)
        *sum = *sum * 37 + value.data[i];
    ++*sum;
    return true;
}

/* Of all that callers see. */
static uint64_t sum_of(const struct store_config *config, char identity[static STORE_IDENTITY_SIZE], uint64_t *copied)
{
    struct store *store;
    struct store_txn *txn;
    char reason[STORE_REASON_SIZE];
    uint64_t sum = 0, due_ms = 0;
    assert_status(store_open(config, &store, reason), STORE_OK, reason);
    assert_int_equal(store_identity(store, identity), STORE_OK);
    assert_int_equal(store_read(store, &txn), STORE_OK);
    assert_int_equal(store_visit(txn, FRUIT, NULL, 0, add_up, &sum), STORE_OK);
    assert_int_equal(store_visit(txn, COLOURS, NULL, 0, add_up, &sum), STORE_OK);
    assert_int_equal(store_job_get(txn, 7, "subject", 7, &due_ms), STORE_OK);
    *copied = store_copied_ms(txn);
    store_read_end(txn);
    store_close(store);
    return sum + due_ms;
}

static void move(const struct store_config *from, const char *file, const struct store_config *to)
{
    char reason[STORE_REASON_SIZE];
    struct transfer_result out, in;
    assert_status(transfer_export(from, file, &out, reason), STORE_OK, reason);
    assert_status(transfer_import(to, file, &in, reason), STORE_OK, reason);
    assert_int_equal(out.records, in.records);
    assert_string_equal(out.identity, in.identity);
    assert_false(in.copy);
}

static void test_there_and_back(void **state)
{
    struct places p;
    char before[STORE_IDENTITY_SIZE], after[STORE_IDENTITY_SIZE], reason[STORE_REASON_SIZE];
    uint64_t copied;
    struct transfer_result result;
    places_of(*state, &p);
    assert_int_equal(store_call(p.f->store, fill, NULL), STORE_OK);
    fixture_close(p.f);
    uint64_t sum = sum_of(&p.f->config, before, &copied);
    move(&p.f->config, p.file, &p.memory);
    assert_int_equal(sum_of(&p.memory, after, &copied), sum);
    assert_string_equal(before, after);
    move(&p.memory, p.back, &p.second);
    assert_int_equal(sum_of(&p.second, after, &copied), sum);
    assert_string_equal(before, after);
    assert_int_equal(copied, 0);
    assert_int_equal(transfer_export(&p.second, p.back, &result, reason), STORE_EXISTS);
    assert_status(transfer_export(&p.second, p.again, &result, reason), STORE_OK, reason);
    assert_int_equal(result.records, RECORDS + 2 + 1 + 2); /* a job has two records */
}

static enum store_status settle(struct store_txn *txn, void *arg)
{
    (void)arg;
    return store_moved_settle(txn);
}

static void test_who_was_moved(void **state)
{
    struct places p;
    struct transfer_result result;
    struct store *store;
    char reason[STORE_REASON_SIZE], identity[STORE_IDENTITY_SIZE];
    uint64_t copied;
    places_of(*state, &p);
    assert_int_equal(store_call(p.f->store, fill, NULL), STORE_OK);
    assert_status(transfer_export(&p.f->config, p.file, &result, reason), STORE_LOCKED, reason);
    fixture_close(p.f);
    assert_status(transfer_export(&p.f->config, p.file, &result, reason), STORE_OK, reason);
    assert_status(store_open(&p.f->config, &store, reason), STORE_REFUSED, reason);
    assert_non_null(strstr(reason, "was exported at 20"));
    assert_status(store_open_to_read(&p.f->config, &store, reason), STORE_REFUSED, reason);
    assert_status(transfer_export(&p.f->config, p.again, &result, reason), STORE_OK, reason);
    struct store_config told = p.f->config;
    told.moved_too = true;
    assert_status(store_open(&told, &store, reason), STORE_OK, reason);
    assert_int_equal(store_call(store, settle, NULL), STORE_OK);
    store_close(store);
    sum_of(&p.f->config, identity, &copied);
    assert_int_not_equal(copied, 0);
}

/* ---- what is refused ---- */

static void test_not_into_another(void **state)
{
    struct places p;
    struct transfer_result result;
    char reason[STORE_REASON_SIZE];
    places_of(*state, &p);
    assert_int_equal(store_call(p.f->store, fill, NULL), STORE_OK);
    fixture_close(p.f);
    move(&p.f->config, p.file, &p.memory);
    assert_status(transfer_import(&p.memory, p.file, &result, reason), STORE_EXISTS, reason);
    char identity[STORE_IDENTITY_SIZE];
    uint64_t copied;
    sum_of(&p.memory, identity, &copied); /* and serves as before */
    struct store_config absent = p.second;
    assert_status(transfer_export(&absent, p.back, &result, reason), STORE_NOT_FOUND, reason);
    assert_int_not_equal(access(p.back, F_OK), 0);
}

/* A file of one record. */
static void write_small(const char *path, uint32_t schema, uint64_t written_ms, const char *table)
{
    struct dump_header header = {.schema = schema, .identity = "0123456789abcde", .written_ms = written_ms,
                                 .table_count = 1, .tables = {{5, ""}}};
    snprintf(header.tables[0].name, DUMP_NAME_SIZE, "%s", table);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    struct dump_writer *w = dump_write(file, &header);
    assert_non_null(w);
    dump_table(w, 5);
    dump_record(w, (struct store_slice){(const uint8_t *)"key", 3}, (struct store_slice){(const uint8_t *)"value", 5});
    dump_table_end(w);
    dump_end(w);
    assert_true(dump_finish(w));
    assert_int_equal(fclose(file), 0);
}

static void test_newer_and_older(void **state)
{
    struct places p;
    struct transfer_result result;
    char reason[STORE_REASON_SIZE], identity[STORE_IDENTITY_SIZE];
    struct store_txn *txn;
    places_of(*state, &p);
    fixture_close(p.f);
    write_small(p.file, 2, 1, "fruit");
    assert_status(transfer_import(&p.second, p.file, &result, reason), STORE_NEWER, reason);
    write_small(p.file, 1, 1, "vegetables");
    assert_status(transfer_import(&p.second, p.file, &result, reason), STORE_NEWER, reason);
    write_small(p.file, 1, 1000, "fruit");
    assert_status(transfer_import(&p.second, p.file, &result, reason), STORE_OK, reason);
    assert_true(result.copy);
    p.f->config.path = p.second.path;
    fixture_open(p.f);
    assert_record(p.f, FRUIT, "key", "value");
    assert_int_equal(store_identity(p.f->store, identity), STORE_OK);
    assert_string_equal(identity, "30313233343536373839616263646500");
    assert_int_equal(store_read(p.f->store, &txn), STORE_OK);
    assert_in_range(store_copied_ms(txn), 1000, 1001);
    store_read_end(txn);
}

static long size_of(const char *path, uint8_t **octets)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long len = ftell(file);
    rewind(file);
    *octets = malloc((size_t)len);
    assert_int_equal(fread(*octets, 1, (size_t)len, file), len);
    fclose(file);
    return len;
}

/* Whether all of it can be read. */
static bool reads(const uint8_t *octets, size_t len)
{
    struct dump_header header;
    char reason[STORE_REASON_SIZE];
    struct store_slice key, value;
    unsigned table;
    enum dump_event event = DUMP_BAD;
    FILE *file = len > 0 ? fmemopen((void *)(uintptr_t)octets, len, "r") : fopen("/dev/null", "r");
    assert_non_null(file);
    struct dump_reader *reader = dump_read(file, &header, reason);
    while (reader != NULL && (event = dump_next(reader, &table, &key, &value)) != DUMP_BAD && event != DUMP_END)
        continue;
    dump_read_end(reader);
    fclose(file);
    return event == DUMP_END;
}

static void test_every_octet_counts(void **state)
{
    struct places p;
    uint8_t *octets;
    places_of(*state, &p);
    write_small(p.file, 1, 1, "fruit");
    size_t len = (size_t)size_of(p.file, &octets);
    assert_true(reads(octets, len));
    for (size_t i = 0; i < len; i++) {
        assert_false(reads(octets, i));
        octets[i] ^= 0x40;
        assert_false(reads(octets, len));
        octets[i] ^= 0x40;
    }
    octets = realloc(octets, len + 1);
    octets[len] = 'Z';
    assert_false(reads(octets, len + 1));
    free(octets);
}

/* What was begun with a damaged file is no store, until a whole one was imported. */
static void test_cut_in_the_midst(void **state)
{
    struct places p;
    struct transfer_result result;
    struct store *store;
    char reason[STORE_REASON_SIZE], identity[STORE_IDENTITY_SIZE];
    uint8_t *octets;
    uint64_t copied;
    places_of(*state, &p);
    assert_int_equal(store_call(p.f->store, fill, NULL), STORE_OK);
    fixture_close(p.f);
    uint64_t sum = sum_of(&p.f->config, identity, &copied);
    assert_status(transfer_export(&p.f->config, p.file, &result, reason), STORE_OK, reason);
    long len = size_of(p.file, &octets);
    FILE *cut = fopen(p.again, "w");
    assert_int_equal(fwrite(octets, 1, (size_t)len - 100, cut), len - 100);
    fclose(cut);
    free(octets);
    assert_status(transfer_import(&p.second, p.again, &result, reason), STORE_INVALID, reason);
    assert_non_null(strstr(reason, "cut short"));
    assert_status(store_open(&p.second, &store, reason), STORE_REFUSED, reason);
    assert_status(transfer_export(&p.second, p.back, &result, reason), STORE_REFUSED, reason);
    assert_status(transfer_import(&p.second, p.file, &result, reason), STORE_OK, reason);
    assert_int_equal(sum_of(&p.second, identity, &copied), sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_there_and_back, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_who_was_moved, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_not_into_another, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_newer_and_older, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_every_octet_counts, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cut_in_the_midst, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
