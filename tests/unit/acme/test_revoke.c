/* revokeCert, RFC 8555 section 7.6: who may, what is refused, when the reply is held, and the record of it. */
#include "client.h"

#include <openssl/pem.h>

#include "acme/records.h"

static const char *const ONE[] = {"one.example.com", NULL};
static const char *const TWO[] = {"one.example.com", "two.example.com", NULL};
static char number[] = "4711", issuance[] = "t0001";
enum { SERIAL = 0x1234 };

/* A certificate as it is stored, and what a client sends of it. */
struct issued {
    struct acme_certificate stored;
    char *der; /* base64url */
    char pem[8192];
};

static X509 *make_leaf(EVP_PKEY *key, const char *san)
{
    X509 *leaf = X509_new();
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
    assert_int_equal(X509_set_version(leaf, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(leaf), SERIAL), 1);
    assert_non_null(X509_time_adj_ex(X509_getm_notBefore(leaf), 0, 0, NULL));
    assert_non_null(X509_time_adj_ex(X509_getm_notAfter(leaf), 90, 0, NULL));
    assert_int_equal(X509_set_pubkey(leaf, key), 1);
    assert_int_equal(X509_add_ext(leaf, names, -1), 1);
    assert_true(X509_sign(leaf, key, EVP_sha256()) > 0);
    X509_EXTENSION_free(names);
    return leaf;
}

static void issue(struct world *w, const struct client *owner, EVP_PKEY *key, const char *san, struct issued *issued)
{
    X509 *leaf = make_leaf(key, san);
    uint8_t *der = NULL;
    int len = i2d_X509(leaf, &der);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_true(len > 0);
    assert_int_equal(PEM_write_bio_X509(bio, leaf), 1);
    int pem_len = BIO_read(bio, issued->pem, sizeof issued->pem - 1);
    assert_true(pem_len > 0);
    issued->pem[pem_len] = '\0';
    issued->der = malloc(BASE64URL_SIZE((size_t)len));
    base64url_encode(der, (size_t)len, issued->der);
    issued->stored = (struct acme_certificate){.account = url_id(owner->kid),
                                               .order = {{9}},
                                               .policy = "house",
                                               .profile = "standard",
                                               .serial = {SERIAL >> 8, SERIAL & 0xff},
                                               .serial_len = 2,
                                               .not_after_s = START_S + 1000,
                                               .issued_ms = 7,
                                               .chain = issued->pem,
                                               .certificate_id = number,
                                               .issuance = issuance};
    assert_true(acme_id_make(&issued->stored.id, w->now_ms));
    assert_int_equal(EVP_Digest(der, (size_t)len, issued->stored.der_sha256, NULL, EVP_sha256(), NULL), 1);
    assert_int_equal(store_call(w->store, save_certificate, &issued->stored), STORE_OK);
    BIO_free(bio);
    OPENSSL_free(der);
    X509_free(leaf);
}

static struct reply revoke_with(struct world *w, const struct client *c, const struct issued *issued,
                                const char *reason, bool jwk)
{
    char payload[8192];
    snprintf(payload, sizeof payload, "{\"certificate\":\"%s\"%s%s}", issued->der, reason ? ",\"reason\":" : "",
             reason ? reason : "");
    return send_message(w, c, (struct message){.path = "/acme/revoke-cert", .payload = payload, .jwk = jwk});
}

static struct reply revoke(struct world *w, const struct client *c, const struct issued *issued, const char *reason)
{
    return revoke_with(w, c, issued, reason, false);
}

static struct acme_certificate read_back(struct world *w, const struct issued *issued)
{
    struct store_txn *txn;
    struct acme_certificate certificate;
    assert_int_equal(store_read(w->store, &txn), STORE_OK);
    assert_int_equal(acme_certificate_load(txn, &issued->stored.id, &certificate), STORE_OK);
    store_read_end(txn);
    return certificate;
}

static enum acme_revocation revocation(struct world *w, const struct issued *issued)
{
    struct acme_certificate certificate = read_back(w, issued);
    enum acme_revocation is = certificate.revocation;
    acme_certificate_clear(&certificate);
    return is;
}

/* What the gateway stores once it is confirmed. */
static void confirm(struct world *w, const struct issued *issued)
{
    struct acme_certificate certificate = read_back(w, issued);
    assert_true(acme_certificate_set_revocation(&certificate, ACME_REVOCATION_DONE));
    certificate.revoked_ms = w->now_ms;
    assert_int_equal(store_call(w->store, save_certificate, &certificate), STORE_OK);
    acme_certificate_clear(&certificate);
}

struct scene {
    struct world w;
    struct client owner, other, key; /* key: the certificate's own, without an account */
    struct issued issued;
};

static void scene_open(struct scene *s, const char *san)
{
    world_open(&s->w);
    register_client(&s->w, &s->owner);
    register_client(&s->w, &s->other);
    client_make(&s->key);
    issue(&s->w, &s->owner, s->key.key, san, &s->issued);
}

static void scene_close(struct scene *s)
{
    free(s->issued.der);
    client_free(&s->key);
    client_free(&s->other);
    client_free(&s->owner);
    world_close(&s->w);
}

static void the_reply_waits_until_it_is_confirmed(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, "DNS:one.example.com");
    s.w.config.hold_finalize_ms = 5000;
    world_restart(&s.w);
    struct reply r = revoke(&s.w, &s.owner, &s.issued, "1");
    assert_int_equal(r.step, ACME_HOLD);
    assert_memory_equal(acme_hold_topic(r.task), &s.issued.stored.id, sizeof s.issued.stored.id);
    assert_int_equal(acme_hold_ms(r.task), 5000);
    assert_int_equal(acme_resume(r.task, s.w.thread, false, s.w.now_ms), ACME_HOLD);
    assert_int_equal(s.w.revocations, 1);
    assert_true(s.w.revoked_by_account);
    struct acme_certificate certificate = read_back(&s.w, &s.issued);
    assert_int_equal(certificate.revocation, ACME_REVOCATION_ASKED);
    assert_int_equal(certificate.revocation_reason, 1);
    assert_int_equal(certificate.revocation_asked_ms, s.w.now_ms);
    acme_certificate_clear(&certificate);

    struct reply again = revoke(&s.w, &s.owner, &s.issued, "4"); /* before it is confirmed: the same answer */
    assert_int_equal(again.step, ACME_HOLD);
    again.step = acme_resume(again.task, s.w.thread, true, s.w.now_ms);
    assert_status(&again, 200); /* durable, which is enough when the time is over */
    assert_int_equal(s.w.revocations, 1);
    reply_free(&again);

    confirm(&s.w, &s.issued);
    r.step = acme_resume(r.task, s.w.thread, false, s.w.now_ms);
    assert_status(&r, 200);
    assert_null(r.it->body);
    reply_free(&r);
    r = revoke(&s.w, &s.owner, &s.issued, NULL);
    assert_problem(&r, 400, ACME_ALREADY_REVOKED, NULL);
    scene_close(&s);
}

static void the_certificates_key_may(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, "DNS:one.example.com");
    struct reply r = revoke_with(&s.w, &s.owner, &s.issued, NULL, true);
    assert_problem(&r, 403, ACME_UNAUTHORIZED, "key of the certificate");
    assert_int_equal(revocation(&s.w, &s.issued), ACME_REVOCATION_NONE);
    r = revoke(&s.w, &s.key, &s.issued, NULL);
    assert_status(&r, 200);
    reply_free(&r);
    assert_int_equal(s.w.revocations, 1);
    assert_false(s.w.revoked_by_account);
    scene_close(&s);
}

static void an_account_that_proved_every_name_may(void **state)
{
    (void)state;
    struct scene s;
    char url[ACME_URL_MAX];
    scene_open(&s, "DNS:one.example.com,DNS:two.example.com");
    struct reply r = revoke(&s.w, &s.other, &s.issued, NULL);
    assert_problem(&r, 403, ACME_UNAUTHORIZED, "all its names");
    ready_order(&s.w, &s.other, ONE, url);
    r = revoke(&s.w, &s.other, &s.issued, NULL);
    assert_problem(&r, 403, ACME_UNAUTHORIZED, "all its names");
    ready_order(&s.w, &s.other, TWO, url);
    s.w.now_ms += 31 * 86400 * 1000ULL; /* too late: they have expired */
    s.issued.stored.not_after_s = (int64_t)(s.w.now_ms / 1000) + 86400;
    assert_int_equal(store_call(s.w.store, save_certificate, &s.issued.stored), STORE_OK);
    r = revoke(&s.w, &s.other, &s.issued, NULL);
    assert_problem(&r, 403, ACME_UNAUTHORIZED, "all its names");
    ready_order(&s.w, &s.other, TWO, url);
    r = revoke(&s.w, &s.other, &s.issued, NULL);
    assert_status(&r, 200);
    reply_free(&r);
    assert_int_equal(revocation(&s.w, &s.issued), ACME_REVOCATION_ASKED);
    scene_close(&s);
}

static enum store_status forget_validation(struct store_txn *txn, void *arg)
{
    struct acme_authz authz;
    enum store_status status = acme_authz_load(txn, arg, &authz);
    for (unsigned i = 0; i < authz.challenge_count; i++)
        authz.challenges[i].validated_s = 0;
    if (status == STORE_OK)
        status = acme_authz_save(txn, &authz);
    acme_authz_clear(&authz);
    return status;
}

/* What a policy gives without a check is valid too, and proves nothing to others. */
static void an_authorization_without_a_check_entitles_to_nothing(void **state)
{
    (void)state;
    struct scene s;
    char url[ACME_URL_MAX];
    struct acme_order order;
    scene_open(&s, "DNS:one.example.com");
    ready_order(&s.w, &s.other, ONE, url);
    order_read(&s.w, url, &order);
    assert_int_equal(store_call(s.w.store, forget_validation, &order.authzs[0]), STORE_OK);
    struct reply r = revoke(&s.w, &s.other, &s.issued, NULL);
    assert_problem(&r, 403, ACME_UNAUTHORIZED, "all its names");
    acme_order_clear(&order);
    scene_close(&s);
}

static void names_that_nobody_can_prove_entitle_nobody(void **state)
{
    (void)state;
    struct scene s;
    char url[ACME_URL_MAX];
    scene_open(&s, "DNS:one.example.com,email:someone@example.com");
    ready_order(&s.w, &s.other, ONE, url);
    struct reply r = revoke(&s.w, &s.other, &s.issued, NULL);
    assert_problem(&r, 403, ACME_UNAUTHORIZED, "all its names");
    r = revoke(&s.w, &s.owner, &s.issued, NULL);
    assert_status(&r, 200);
    reply_free(&r);
    scene_close(&s);
}

static void bad_payloads_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        enum acme_problem_type type;
        int status;
    } bad[] = {
        {"{}", ACME_MALFORMED, 400},
        {"[]", ACME_MALFORMED, 400},
        {"{\"certificate\":7}", ACME_MALFORMED, 400},
        {"{\"certificate\":\"\"}", ACME_MALFORMED, 400},
        {"{\"certificate\":\"MAA\"}", ACME_MALFORMED, 400},
        {"{\"certificate\":\"MAA=\"}", ACME_MALFORMED, 400},
        {"{\"certificate\":\"MAA\",\"reason\":\"1\"}", ACME_MALFORMED, 400},
        {"{\"certificate\":\"MAA\",\"reason\":1.5}", ACME_MALFORMED, 400},
        {"{\"certificate\":\"MAA\",\"reason\":2}", ACME_BAD_REVOCATION_REASON, 400},
        {"{\"certificate\":\"MAA\",\"reason\":6}", ACME_BAD_REVOCATION_REASON, 400},
        {"{\"certificate\":\"MAA\",\"reason\":-1}", ACME_BAD_REVOCATION_REASON, 400},
        {"{\"certificate\":\"MAA\",\"reason\":257}", ACME_BAD_REVOCATION_REASON, 400},
        {"{\"certificate\":\"MAA\",\"reason\":9223372036854775807}", ACME_BAD_REVOCATION_REASON, 400},
    };
    struct scene s;
    scene_open(&s, "DNS:one.example.com");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reply r = post(&s.w, &s.owner, "/acme/revoke-cert", bad[i].payload);
        assert_problem(&r, bad[i].status, bad[i].type, NULL);
    }
    struct reply r = get(&s.w, ACME_GET, "/acme/revoke-cert");
    assert_problem(&r, 405, ACME_MALFORMED, NULL);
    assert_int_equal(s.w.revocations, 0);
    scene_close(&s);
}

/* Another certificate with the same serial number, one that was never issued, one that has expired. */
static void only_what_was_issued_and_lasts_can_be_revoked(void **state)
{
    (void)state;
    struct scene s;
    struct issued changed;
    scene_open(&s, "DNS:one.example.com");
    changed = s.issued;
    char *octet = s.issued.pem + strlen("-----BEGIN CERTIFICATE-----\n"), was = *octet;
    *octet = 'A';
    assert_int_equal(store_call(s.w.store, save_certificate, &s.issued.stored), STORE_OK);
    struct reply r = revoke(&s.w, &s.owner, &changed, NULL);
    assert_problem(&r, 404, ACME_MALFORMED, "not issued here");
    *octet = was;
    assert_int_equal(store_call(s.w.store, save_certificate, &s.issued.stored), STORE_OK);
    s.w.now_ms += 1000 * 1000;
    r = revoke(&s.w, &s.owner, &s.issued, NULL);
    assert_problem(&r, 400, ACME_MALFORMED, "expired");
    assert_int_equal(s.w.revocations, 0);
    s.w.doubtful = true; /* perhaps it only looks so */
    r = revoke(&s.w, &s.owner, &s.issued, NULL);
    assert_status(&r, 200);
    reply_free(&r);
    assert_int_equal(s.w.revocations, 1);
    scene_close(&s);
}

/* What the handler saw may be gone when the change runs. */
static void the_change_looks_again(void **state)
{
    (void)state;
    struct scene s;
    char payload[8192];
    scene_open(&s, "DNS:one.example.com");
    snprintf(payload, sizeof payload, "{\"certificate\":\"%s\"}", s.issued.der);
    struct message m = {.path = "/acme/revoke-cert", .payload = payload, .begin = true};
    struct reply r = send_message(&s.w, &s.owner, m);
    assert_int_equal(r.step, ACME_COMMIT);
    struct reply gone = post(&s.w, &s.owner, s.owner.kid, "{\"status\":\"deactivated\"}");
    assert_status(&gone, 200);
    reply_free(&gone);
    reply_commit(&s.w, &r);
    assert_problem(&r, 401, ACME_UNAUTHORIZED, "deactivated");
    assert_int_equal(revocation(&s.w, &s.issued), ACME_REVOCATION_NONE);
    scene_close(&s);
}

/* Version 2 of the record is written only where there is a revocation, and no other octets stand for it. */
static void the_record_keeps_the_revocation(void **state)
{
    (void)state;
    struct record_writer record;
    struct acme_certificate copy = {0}, certificate = {.serial = {1},
                                                       .serial_len = 1,
                                                       .chain = number,
                                                       .certificate_id = number,
                                                       .issuance = issuance,
                                                       .revocation_reason = 4,
                                                       .revocation_asked_ms = 5,
                                                       .revoked_ms = 6};
    assert_true(certificate_encode(&certificate, &record));
    assert_int_equal(record.data[0], 1);
    record_free(&record);
    assert_true(acme_certificate_set_revocation(&certificate, ACME_REVOCATION_ASKED));
    assert_false(acme_certificate_set_revocation(&certificate, ACME_REVOCATION_NONE));
    assert_true(certificate_encode(&certificate, &record));
    assert_int_equal(record.data[0], 2);
    struct store_slice value = {record.data, record.len};
    assert_true(certificate_decode(value, &copy));
    assert_int_equal(copy.revocation, ACME_REVOCATION_ASKED);
    assert_int_equal(copy.revocation_reason, 4);
    assert_int_equal(copy.revocation_asked_ms, 5);
    assert_int_equal(copy.revoked_ms, 6);
    acme_certificate_clear(&copy);
    for (value.len = 0; value.len < record.len; value.len++) {
        assert_false(certificate_decode(value, &copy));
        acme_certificate_clear(&copy);
    }
    record_free(&record);
    assert_true(acme_certificate_set_revocation(&certificate, ACME_REVOCATION_DONE));
    assert_false(acme_certificate_set_revocation(&certificate, ACME_REVOCATION_LAPSED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reply_waits_until_it_is_confirmed),
        cmocka_unit_test(the_certificates_key_may),
        cmocka_unit_test(an_account_that_proved_every_name_may),
        cmocka_unit_test(an_authorization_without_a_check_entitles_to_nothing),
        cmocka_unit_test(names_that_nobody_can_prove_entitle_nobody),
        cmocka_unit_test(bad_payloads_are_refused),
        cmocka_unit_test(only_what_was_issued_and_lasts_can_be_revoked),
        cmocka_unit_test(the_change_looks_again),
        cmocka_unit_test(the_record_keeps_the_revocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
