/* Certificates: downloading them, finding them by serial number, their records. */
#include "client.h"

#include "acme/records.h"

static char chain[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
static char second_chain[] = "second", third_chain[] = "third";
static char number[] = "4711", issuance[] = "t0001";

static struct acme_certificate sample(const struct acme_id *account)
{
    struct acme_certificate certificate = {.order = {{9}},
                                           .policy = "house",
                                           .profile = "standard",
                                           .serial = {0, 1, 2},
                                           .serial_len = 3,
                                           .spki_sha256 = {3},
                                           .der_sha256 = {4},
                                           .not_before_s = -5,
                                           .not_after_s = 6,
                                           .issued_ms = 7,
                                           .chain = chain,
                                           .certificate_id = number,
                                           .issuance = issuance};
    certificate.account = *account;
    assert_true(acme_id_make(&certificate.id, START_S * 1000ULL));
    return certificate;
}

static uint64_t downloaded_s(struct world *w, const struct acme_id *id)
{
    struct store_txn *txn;
    struct acme_certificate certificate;
    assert_int_equal(store_read(w->store, &txn), STORE_OK);
    assert_int_equal(acme_certificate_load(txn, id, &certificate), STORE_OK);
    uint64_t seconds = certificate.downloaded_s;
    acme_certificate_clear(&certificate);
    store_read_end(txn);
    return seconds;
}

static void the_first_download_is_noted(void **state)
{
    (void)state;
    struct world w;
    struct client c, other;
    char text[ACME_ID_TEXT + 1], url[ACME_URL_MAX];
    world_open(&w);
    register_client(&w, &c);
    register_client(&w, &other);
    struct acme_id account = url_id(c.kid);
    struct acme_certificate certificate = sample(&account);
    assert_int_equal(store_call(w.store, save_certificate, &certificate), STORE_OK);
    acme_id_text(&certificate.id, text);
    snprintf(url, sizeof url, BASE "/acme/certificate/%s", text);

    struct reply r = post(&w, &other, url, NULL);
    assert_problem(&r, 404, ACME_MALFORMED, "no such certificate");
    r = post(&w, &c, url, "{}");
    assert_problem(&r, 400, ACME_MALFORMED, "POST-as-GET");
    r = post(&w, &c, BASE "/acme/certificate/AAAAAAAAAAAAAAAAAAAAAAAA", NULL);
    assert_problem(&r, 404, ACME_MALFORMED, "no such certificate");
    assert_int_equal(downloaded_s(&w, &certificate.id), 0);

    struct message m = {.path = url, .begin = true};
    r = send_message(&w, &c, m);
    assert_int_equal(r.step, ACME_NOTE); /* it is there, whatever becomes of the note */
    assert_int_equal(r.it->status, 200);
    assert_memory_equal(r.it->body, chain, strlen(chain));
    reply_free(&r);
    w.now_ms += 1000;
    r = post(&w, &c, url, NULL);
    assert_status(&r, 200);
    assert_string_equal(r.it->content_type, "application/pem-certificate-chain");
    reply_free(&r);
    assert_int_equal(downloaded_s(&w, &certificate.id), START_S + 1);
    w.now_ms += 1000;
    r = send_message(&w, &c, m);
    assert_status(&r, 200); /* needs no commit any more */
    reply_free(&r);
    assert_int_equal(downloaded_s(&w, &certificate.id), START_S + 1);
    client_free(&other);
    client_free(&c);
    world_close(&w);
}

static void certificates_are_found_by_serial_number(void **state)
{
    (void)state;
    struct world w;
    struct store_txn *txn;
    struct acme_id found, account = {{1}};
    world_open(&w);
    struct acme_certificate certificate = sample(&account);
    assert_int_equal(store_call(w.store, save_certificate, &certificate), STORE_OK);
    assert_int_equal(store_read(w.store, &txn), STORE_OK);
    assert_int_equal(acme_certificate_by_serial(txn, certificate.serial, 3, &found), STORE_OK);
    assert_memory_equal(&found, &certificate.id, sizeof found);
    assert_int_equal(acme_certificate_by_serial(txn, certificate.serial, 2, &found), STORE_NOT_FOUND);
    store_read_end(txn);
    struct acme_certificate second = certificate;
    second.id.octets[0]++;
    assert_int_equal(store_call(w.store, save_certificate, &second), STORE_EXISTS);  /* the number is the first one's */
    assert_int_equal(store_call(w.store, save_certificate, &certificate), STORE_OK); /* which may be saved again */
    certificate.serial_len = 0;
    assert_int_equal(store_call(w.store, save_certificate, &certificate), STORE_INVALID);
    certificate.serial_len = 21;
    assert_int_equal(store_call(w.store, save_certificate, &certificate), STORE_INVALID);
    world_close(&w);
}

static enum store_status remove_certificate(struct store_txn *txn, void *arg)
{
    return acme_certificate_remove(txn, arg);
}

static enum store_status migrate(struct store_txn *txn, void *arg)
{
    char reason[STORE_REASON_SIZE];
    (void)arg;
    return acme_serials_migrate(txn, reason);
}

static enum store_status delete_record_alone(struct store_txn *txn, void *arg)
{
    const struct acme_certificate *certificate = arg;
    return store_delete(txn, ACME_CERTIFICATES, certificate->id.octets, ACME_ID_LEN);
}

static enum store_status taken(struct store *store, const struct acme_certificate *certificate, uint64_t *indexed)
{
    struct store_txn *txn;
    assert_int_equal(store_read(store, &txn), STORE_OK);
    enum store_status status = acme_certificate_serial_taken(txn, certificate->serial, certificate->serial_len);
    *indexed = store_count(txn, ACME_SERIALS);
    store_read_end(txn);
    return status;
}

/* Removed as today, and as before there was anything else that remembered the number. */
static void a_removed_certificates_number_is_nobodys(void **state)
{
    (void)state;
    for (int before = 0; before < 2; before++) {
        struct world w;
        struct acme_id account = {{1}};
        uint64_t indexed;
        world_open(&w);
        struct acme_certificate certificate = sample(&account), other = certificate;
        assert_int_equal(taken(w.store, &certificate, &indexed), STORE_NOT_FOUND);
        assert_int_equal(store_call(w.store, save_certificate, &certificate), STORE_OK);
        other.id.octets[0]++;
        other.serial[0]++;
        assert_int_equal(store_call(w.store, save_certificate, &other), STORE_OK);
        assert_int_equal(store_call(w.store, before ? delete_record_alone : remove_certificate, &certificate), STORE_OK);
        assert_int_equal(store_call(w.store, migrate, NULL), STORE_OK);
        assert_int_equal(taken(w.store, &certificate, &indexed), STORE_OK);
        assert_int_equal(indexed, 1); /* the other's */
        other.serial[0]--;
        other.id.octets[0]++;
        assert_int_equal(store_call(w.store, save_certificate, &other), STORE_EXISTS);
        world_close(&w);
    }
}

static void a_record_survives_the_round_trip_and_no_cut(void **state)
{
    (void)state;
    struct acme_id account = {{1}};
    struct acme_certificate certificate = sample(&account), copy = {0};
    struct record_writer record, again;
    assert_true(certificate_encode(&certificate, &record));
    struct store_slice value = {record.data, record.len};
    assert_true(certificate_decode(value, &copy));
    assert_int_equal(copy.not_before_s, -5);
    assert_int_equal(copy.serial_len, 3);
    assert_memory_equal(copy.serial, certificate.serial, 3);
    assert_string_equal(copy.chain, chain);
    assert_string_equal(copy.issuance, issuance);
    assert_true(certificate_encode(&copy, &again));
    assert_int_equal(again.len, record.len);
    assert_memory_equal(again.data, record.data, record.len);
    record_free(&again);
    acme_certificate_clear(&copy);
    for (value.len = 0; value.len < record.len; value.len++) {
        assert_false(certificate_decode(value, &copy));
        acme_certificate_clear(&copy);
    }
    record_free(&record);
}

/* What version 1 wrote, octet for octet: stores of that time must stay readable. */
static void a_record_of_version_1_still_decodes(void **state)
{
    (void)state;
    static const uint8_t stored[] = "\1aaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbb"
                                    "\0\0\0\5house\0\0\0\2dv\0\0\0\2\x81\x02"
                                    "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkdddddddddddddddddddddddddddddddd"
                                    "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4"
                                    "\0\0\0\5chain\0\0\0\3"
                                    "471\0\0\0\4iss1";
    struct acme_certificate certificate = {0};
    struct record_writer record;
    struct store_slice value = {stored, sizeof stored - 1};
    assert_true(certificate_decode(value, &certificate));
    assert_string_equal(certificate.profile, "dv");
    assert_int_equal(certificate.downloaded_s, 4);
    assert_string_equal(certificate.chain, "chain");
    assert_string_equal(certificate.issuance, "iss1");
    assert_false(certificate.has_replacement);
    assert_int_equal(certificate.alternate_count, 0);
    assert_true(certificate_encode(&certificate, &record));
    assert_int_equal(record.len, value.len);
    assert_memory_equal(record.data, stored, record.len);
    record_free(&record);
    acme_certificate_clear(&certificate);
}

static void version_3_holds_replacement_and_alternates(void **state)
{
    (void)state;
    struct acme_id account = {{1}};
    struct acme_certificate certificate = sample(&account), copy = {0};
    struct record_writer record;
    certificate.has_replacement = true;
    certificate.replacement.octets[0] = 7;
    certificate.alternates[certificate.alternate_count++] = second_chain;
    assert_true(certificate_encode(&certificate, &record));
    struct store_slice value = {record.data, record.len};
    assert_int_equal(record.data[0], 3);
    assert_true(certificate_decode(value, &copy));
    assert_true(copy.has_replacement);
    assert_memory_equal(&copy.replacement, &certificate.replacement, sizeof copy.replacement);
    assert_int_equal(copy.alternate_count, 1);
    assert_string_equal(copy.alternates[0], second_chain);
    acme_certificate_clear(&copy);
    for (value.len = 0; value.len < record.len; value.len++) {
        assert_false(certificate_decode(value, &copy));
        acme_certificate_clear(&copy);
    }
    record.data[0] = 4;
    assert_false(certificate_decode((struct store_slice){record.data, record.len}, &copy));
    acme_certificate_clear(&copy);
    record_free(&record);
}

static void expect_chain(struct world *w, const struct client *c, const char *url, const char *body,
                         const char *const links[static 2])
{
    struct reply r = post(w, c, url, NULL);
    assert_status(&r, 200);
    assert_memory_equal(r.it->body, body, strlen(body));
    assert_int_equal(r.it->link_count, 3);
    for (unsigned i = 0; i < 2; i++) {
        char link[ACME_URL_MAX + 32];
        snprintf(link, sizeof link, "<%s>;rel=\"alternate\"", links[i]);
        assert_string_equal(r.it->links[i], link);
    }
    assert_non_null(strstr(r.it->links[2], "rel=\"index\""));
    reply_free(&r);
}

static void each_chain_names_the_others(void **state)
{
    (void)state;
    struct world w;
    struct client c, other;
    char text[ACME_ID_TEXT + 1], url[3][ACME_URL_MAX];
    world_open(&w);
    register_client(&w, &c);
    register_client(&w, &other);
    struct acme_id account = url_id(c.kid);
    struct acme_certificate certificate = sample(&account);
    certificate.alternates[certificate.alternate_count++] = second_chain;
    certificate.alternates[certificate.alternate_count++] = third_chain;
    assert_int_equal(store_call(w.store, save_certificate, &certificate), STORE_OK);
    acme_id_text(&certificate.id, text);
    snprintf(url[0], sizeof url[0], BASE "/acme/certificate/%s", text);
    snprintf(url[1], sizeof url[1], BASE "/acme/certificate/%s/1", text);
    snprintf(url[2], sizeof url[2], BASE "/acme/certificate/%s/2", text);
    expect_chain(&w, &c, url[0], chain, (const char *const[]){url[1], url[2]});
    expect_chain(&w, &c, url[1], second_chain, (const char *const[]){url[0], url[2]});
    expect_chain(&w, &c, url[2], third_chain, (const char *const[]){url[0], url[1]});
    static const char *const wrong[] = {"0", "3", "9", "01", "x", "1x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char path[ACME_URL_MAX];
        snprintf(path, sizeof path, BASE "/acme/certificate/%s/%s", text, wrong[i]);
        struct reply r = post(&w, &c, path, NULL);
        assert_problem(&r, 404, ACME_MALFORMED, "no such certificate");
    }
    struct reply r = post(&w, &other, url[1], NULL);
    assert_problem(&r, 404, ACME_MALFORMED, "no such certificate");
    client_free(&other);
    client_free(&c);
    world_close(&w);
}

static void a_chain_that_is_too_large_is_not_stored(void **state)
{
    (void)state;
    struct acme_id account = {{1}};
    struct acme_certificate certificate = sample(&account);
    struct record_writer record;
    certificate.chain = malloc(2 * ACME_CHAIN_MAX);
    assert_non_null(certificate.chain);
    memset(certificate.chain, 'A', 2 * ACME_CHAIN_MAX);
    certificate.chain[2 * ACME_CHAIN_MAX - 1] = '\0';
    assert_false(certificate_encode(&certificate, &record));
    free(certificate.chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_download_is_noted),
        cmocka_unit_test(a_removed_certificates_number_is_nobodys),
        cmocka_unit_test(certificates_are_found_by_serial_number),
        cmocka_unit_test(a_record_survives_the_round_trip_and_no_cut),
        cmocka_unit_test(a_record_of_version_1_still_decodes),
        cmocka_unit_test(version_3_holds_replacement_and_alternates),
        cmocka_unit_test(each_chain_names_the_others),
        cmocka_unit_test(a_chain_that_is_too_large_is_not_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
