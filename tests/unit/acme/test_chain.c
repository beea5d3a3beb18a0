/* Chains as they are stored: the leaf in its certificate's record, what is above it once; records of before. */
#include "client.h"

#include "acme/records.h"

#define PEM(text) "-----BEGIN CERTIFICATE-----\n" text "\n-----END CERTIFICATE-----\n"
#define LEAF PEM("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8w\nMTIz")
#define OTHER PEM("BBBB")
#define ISSUER PEM("CCCC")
#define CROSS PEM("DDDD")

static char number[] = "4711", issuance[] = "t0001";
static char plain[] = LEAF ISSUER, crossed[] = LEAF CROSS ISSUER, other[] = OTHER ISSUER, alone[] = LEAF;
static char other_crossed[] = OTHER CROSS,
            windows[] = "-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----\r\n";

static struct acme_certificate sample(uint8_t serial, char *chain, char *alternate)
{
    struct acme_certificate certificate = {.id = {{serial}},
                                           .policy = "house",
                                           .profile = "standard",
                                           .serial = {serial},
                                           .serial_len = 1,
                                           .not_before_s = -5,
                                           .issued_ms = 7,
                                           .chain = chain,
                                           .alternates = {alternate},
                                           .alternate_count = alternate ? 1 : 0,
                                           .certificate_id = number,
                                           .issuance = issuance};
    return certificate;
}

static void save(struct world *w, struct acme_certificate *certificate)
{
    assert_int_equal(store_call(w->store, save_certificate, certificate), STORE_OK);
}

/* What is stored: the version of the record, and each chain. */
static uint8_t expect_chains(struct world *w, uint8_t serial, const char *const chains[], unsigned count)
{
    struct store_txn *txn;
    struct store_slice value;
    struct acme_certificate certificate;
    const struct acme_id id = {{serial}};
    char *pem;
    assert_int_equal(store_read(w->store, &txn), STORE_OK);
    assert_int_equal(store_get(txn, ACME_CERTIFICATES, id.octets, ACME_ID_LEN, &value), STORE_OK);
    uint8_t version = value.data[0];
    assert_int_equal(acme_certificate_load(txn, &id, &certificate), STORE_OK);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(acme_certificate_chain(txn, &certificate, i, &pem), STORE_OK);
        assert_string_equal(pem, chains[i]);
        free(pem);
    }
    assert_int_equal(acme_certificate_chain(txn, &certificate, count, &pem), STORE_NOT_FOUND);
    assert_null(pem);
    acme_certificate_clear(&certificate);
    store_read_end(txn);
    return version;
}

static uint64_t issuers(struct world *w)
{
    struct store_txn *txn;
    assert_int_equal(store_read(w->store, &txn), STORE_OK);
    uint64_t count = store_count(txn, ACME_ISSUERS);
    store_read_end(txn);
    return count;
}

static void what_is_above_is_stored_once(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    struct acme_certificate one = sample(1, plain, crossed), two = sample(2, other, NULL),
                            three = sample(3, alone, NULL);
    save(&w, &one);
    assert_int_equal(issuers(&w), 2);
    save(&w, &two);
    assert_int_equal(issuers(&w), 2); /* the first one's */
    save(&w, &three);
    assert_int_equal(issuers(&w), 3); /* nothing is above it */
    assert_int_equal(expect_chains(&w, 1, (const char *const[]){plain, crossed}, 2), 5);
    assert_int_equal(expect_chains(&w, 2, (const char *const[]){other}, 1), 5);
    assert_int_equal(expect_chains(&w, 3, (const char *const[]){alone}, 1), 5);
    world_close(&w);
}

/* Nothing else would come out of it as it went in. */
static void other_texts_stay_texts(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    struct acme_certificate odd = sample(1, windows, NULL), mixed = sample(2, plain, other_crossed);
    save(&w, &odd);
    save(&w, &mixed);
    assert_int_equal(expect_chains(&w, 1, (const char *const[]){windows}, 1), 1);
    assert_int_equal(expect_chains(&w, 2, (const char *const[]){plain, other_crossed}, 2), 3);
    assert_int_equal(issuers(&w), 0);
    world_close(&w);
}

static enum store_status put_record(struct store_txn *txn, void *arg)
{
    const struct acme_certificate *certificate = arg;
    struct record_writer w;
    return record_store(txn, ACME_CERTIFICATES, &certificate->id, certificate_encode(certificate, &w), &w);
}

static enum store_status revoke_stored(struct store_txn *txn, void *arg)
{
    struct acme_certificate certificate;
    enum store_status status = acme_certificate_load(txn, arg, &certificate);
    certificate.renew_from_ms = 5;
    acme_certificate_set_revocation(&certificate, ACME_REVOCATION_ASKED);
    if (status == STORE_OK)
        status = acme_certificate_save(txn, &certificate);
    acme_certificate_clear(&certificate);
    return status;
}

/* As older programs wrote it; what is changed is written anew, with the same chains. */
static void a_record_of_texts_is_read_and_parted_when_it_is_saved(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    struct acme_certificate old = sample(1, plain, crossed);
    struct acme_id id = old.id;
    assert_int_equal(store_call(w.store, put_record, &old), STORE_OK);
    const char *const chains[] = {plain, crossed};
    assert_int_equal(expect_chains(&w, 1, chains, 2), 3);
    for (unsigned i = 0; i < 2; i++) { /* and again, from parts */
        assert_int_equal(store_call(w.store, revoke_stored, &id), STORE_OK);
        assert_int_equal(expect_chains(&w, 1, chains, 2), 5);
    }
    world_close(&w);
}

static enum store_status lose_issuers(struct store_txn *txn, void *arg)
{
    struct chain chain;
    uint8_t digest[CHAIN_DIGEST_LEN];
    assert_true(chain_split(arg, &chain));
    enum store_status status = chain_keep_above(txn, chain.above, digest);
    free(chain.leaf);
    return status == STORE_OK ? store_delete(txn, ACME_ISSUERS, digest, sizeof digest) : status;
}

static void a_missing_part_is_told(void **state)
{
    (void)state;
    struct world w;
    struct store_txn *txn;
    struct acme_certificate certificate = sample(1, plain, NULL), stored;
    char *pem;
    world_open(&w);
    save(&w, &certificate);
    assert_int_equal(store_call(w.store, lose_issuers, plain), STORE_OK);
    assert_int_equal(store_read(w.store, &txn), STORE_OK);
    assert_int_equal(acme_certificate_load(txn, &certificate.id, &stored), STORE_OK);
    assert_int_equal(acme_certificate_chain(txn, &stored, 0, &pem), STORE_INVALID);
    assert_null(pem);
    acme_certificate_clear(&stored);
    store_read_end(txn);
    world_close(&w);
}

static void expect_no_cut(struct record_writer *record)
{
    struct acme_certificate copy = {0};
    struct store_slice value = {record->data, record->len};
    for (value.len = 0; value.len < record->len; value.len++) {
        assert_false(certificate_decode(value, &copy));
        acme_certificate_clear(&copy);
    }
}

/* Each of the parts that may be there, and not; the digest of the leaf is found out. */
static void a_record_in_parts_has_one_form(void **state)
{
    (void)state;
    static uint8_t leaf[] = {1, 2, 3};
    for (unsigned with = 0; with < 8; with++) {
        struct acme_certificate certificate = sample(1, NULL, NULL), copy = {0};
        struct record_writer record, again;
        uint8_t digest[CHAIN_DIGEST_LEN];
        certificate.leaf = leaf;
        certificate.leaf_len = sizeof leaf;
        certificate.alternate_count = with % 4;
        certificate.above[certificate.alternate_count][31] = 9;
        if (with & 1)
            certificate.revocation = ACME_REVOCATION_ASKED;
        certificate.has_replacement = with & 2;
        certificate.renew_from_ms = with & 4;
        assert_true(certificate_encode(&certificate, &record));
        assert_int_equal(record.data[0], 5);
        assert_true(certificate_decode((struct store_slice){record.data, record.len}, &copy));
        assert_int_equal(copy.alternate_count, with % 4);
        assert_int_equal(copy.above[with % 4][31], 9);
        assert_int_equal(copy.renew_from_ms, with & 4);
        assert_int_equal(EVP_Digest(leaf, sizeof leaf, digest, NULL, EVP_sha256(), NULL), 1);
        assert_memory_equal(copy.der_sha256, digest, sizeof digest);
        assert_true(certificate_encode(&copy, &again));
        assert_int_equal(again.len, record.len);
        assert_memory_equal(again.data, record.data, record.len);
        acme_certificate_clear(&copy);
        record_free(&again);
        expect_no_cut(&record);
        record_free(&record);
    }
}

/* Flags that nobody writes, and a revocation that is none. */
static void other_forms_are_refused(void **state)
{
    (void)state;
    static uint8_t leaf[] = {1};
    struct acme_certificate certificate = sample(1, NULL, NULL), copy = {0};
    struct record_writer record;
    certificate.leaf = leaf;
    certificate.leaf_len = sizeof leaf;
    assert_true(certificate_encode(&certificate, &record));
    record.data[record.len - 1] = 8;
    assert_false(certificate_decode((struct store_slice){record.data, record.len}, &copy));
    acme_certificate_clear(&copy);
    record.data[record.len - 1] = 1; /* a revocation follows: */
    record_put_u8(&record, ACME_REVOCATION_NONE);
    record_put_u8(&record, 0);
    record_put_u64(&record, 0);
    record_put_u64(&record, 0);
    assert_false(certificate_decode((struct store_slice){record.data, record.len}, &copy));
    acme_certificate_clear(&copy);
    record_free(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_above_is_stored_once),
        cmocka_unit_test(other_texts_stay_texts),
        cmocka_unit_test(a_record_of_texts_is_read_and_parted_when_it_is_saved),
        cmocka_unit_test(a_missing_part_is_told),
        cmocka_unit_test(a_record_in_parts_has_one_form),
        cmocka_unit_test(other_forms_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
