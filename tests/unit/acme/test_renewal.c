/* RFC 9773: renewalInfo, and orders that replace a certificate. */
#include "client.h"

#include <openssl/pem.h>

static const char *const one_name[] = {"www.example.com", NULL};
enum { LIFE_S = 90 * 86400 };

/* "authority" and {0x87, 1}: base64url of the key identifier, a dot, base64url of 00 87 01. */
static const char our_name[] = "YXV0aG9yaXR5.AIcB";

static char *leaf_pem(void)
{
    static const char authority[] = "authority";
    X509 *leaf = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
    id->keyid = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(id->keyid, (const uint8_t *)authority, (int)strlen(authority));
    X509_EXTENSION *san =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:www.example.com,DNS:*.example.net");
    assert_int_equal(X509_set_version(leaf, X509_VERSION_3), 1);
    assert_int_equal(X509_add1_ext_i2d(leaf, NID_authority_key_identifier, id, 0, 0), 1);
    assert_int_equal(X509_add_ext(leaf, san, -1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(leaf), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(leaf), LIFE_S));
    assert_int_equal(X509_set_pubkey(leaf, key), 1);
    assert_true(X509_sign(leaf, key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    assert_int_equal(PEM_write_bio_X509(bio, leaf), 1);
    long len = BIO_get_mem_data(bio, &text);
    char *pem = strndup(text, (size_t)len);
    BIO_free(bio);
    X509_EXTENSION_free(san);
    AUTHORITY_KEYID_free(id);
    EVP_PKEY_free(key);
    X509_free(leaf);
    return pem;
}

/* What the account got, at START_S. */
static void store_serial(struct world *w, const struct client *c, uint8_t first, struct acme_certificate *certificate)
{
    static char none[] = "";
    *certificate = (struct acme_certificate){.account = url_id(c->kid),
                                             .serial = {first, 1},
                                             .serial_len = 2,
                                             .not_before_s = START_S,
                                             .not_after_s = START_S + LIFE_S,
                                             .chain = leaf_pem(),
                                             .certificate_id = none,
                                             .issuance = none};
    assert_true(acme_id_make(&certificate->id, START_S * 1000ULL));
    assert_int_equal(store_call(w->store, save_certificate, certificate), STORE_OK);
}

static void store_certificate(struct world *w, const struct client *c, struct acme_certificate *certificate)
{
    store_serial(w, c, 0x87, certificate);
}

static struct acme_certificate load_certificate(struct world *w, const struct acme_id *id)
{
    struct store_txn *txn;
    struct acme_certificate certificate;
    assert_int_equal(store_read(w->store, &txn), STORE_OK);
    assert_int_equal(acme_certificate_load(txn, id, &certificate), STORE_OK);
    store_read_end(txn);
    return certificate;
}

static struct reply renewal_info(struct world *w, const char *name)
{
    char path[ACME_PATH_MAX];
    snprintf(path, sizeof path, "/acme/renewal-info/%s", name);
    return get(w, ACME_GET, path);
}

/* Seconds behind START_S. */
static int64_t edge(const struct reply *r, const char *which)
{
    struct tm tm = {0};
    const json_t *window = json_object_get(r->json, "suggestedWindow");
    const char *text = json_string_value(json_object_get(window, which));
    assert_non_null(text);
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    assert_true(end && !*end);
    return (int64_t)timegm(&tm) - START_S;
}

static void the_window_is_in_the_last_third(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    struct acme_certificate certificate;
    int64_t start[2];
    world_open(&w);
    register_client(&w, &c);
    store_certificate(&w, &c, &certificate);
    for (unsigned i = 0; i < 2; i++) {
        struct reply r = renewal_info(&w, our_name);
        assert_status(&r, 200);
        assert_int_equal(r.it->retry_after_s, 6 * 3600);
        assert_int_equal(json_object_size(r.json), 1); /* section 4.2: explanationURL is for what is out of the order */
        assert_int_equal(json_object_size(json_object_get(r.json, "suggestedWindow")), 2);
        start[i] = edge(&r, "start");
        assert_true(start[i] >= LIFE_S / 3 * 2 && edge(&r, "end") > start[i] && edge(&r, "end") < LIFE_S);
        reply_free(&r);
        w.now_ms += 1000;
    }
    assert_int_equal(start[0], start[1]); /* the same for ever */
    certificate.serial[1] = 2;            /* another certificate, another time */
    assert_int_equal(store_call(w.store, save_certificate, &certificate), STORE_OK);
    struct reply r = renewal_info(&w, "YXV0aG9yaXR5.AIcC");
    assert_status(&r, 200);
    assert_int_not_equal(edge(&r, "start"), start[0]);
    reply_free(&r);
    free(certificate.chain);
    client_free(&c);
    world_close(&w);
}

static void a_revoked_certificate_is_to_be_renewed_now(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    struct acme_certificate certificate;
    world_open(&w);
    register_client(&w, &c);
    store_certificate(&w, &c, &certificate);
    certificate.revocation = ACME_REVOCATION_ASKED;
    certificate.revocation_asked_ms = (START_S + 60) * 1000ULL;
    assert_int_equal(store_call(w.store, save_certificate, &certificate), STORE_OK);
    struct reply r = renewal_info(&w, our_name);
    assert_status(&r, 200);
    assert_true(edge(&r, "start") < edge(&r, "end"));
    assert_int_equal(edge(&r, "end"), 60);
    reply_free(&r);
    free(certificate.chain);
    client_free(&c);
    world_close(&w);
}

static void only_names_of_our_certificates_are_answered(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int status;
    } cases[] = {{"YXV0aG9yaXR5", 400},       {"YXV0aG9yaXR5.", 400},     {".AIcB", 400},
                 {"YXV0aG9yaXR5.AIcB.", 400}, {"YXV0aG9yaXR5.hwE", 400},  {"YXV0aG9yaXR5.AAAB", 400},
                 {"YXV0aG9yaXR5.AIcB=", 400}, {"YXV0aG9yaXR5.AIcD", 404}, {"YXV0aG9yaXR4.AIcB", 404},
                 {"YXV0aG9yaXR5YQ.AIcB", 404}};
    struct world w;
    struct client c;
    struct acme_certificate certificate;
    world_open(&w);
    register_client(&w, &c);
    store_certificate(&w, &c, &certificate);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reply r = renewal_info(&w, cases[i].name);
        assert_problem(&r, cases[i].status, ACME_MALFORMED, NULL);
    }
    struct reply r = post(&w, &c, "/acme/renewal-info/YXV0aG9yaXR5.AIcB", NULL);
    assert_string_equal(r.it->allow, "GET, HEAD");
    assert_problem(&r, 405, ACME_MALFORMED, "GET, HEAD");
    free(certificate.chain);
    client_free(&c);
    world_close(&w);
}

static struct reply replacing_order(struct world *w, const struct client *c, const char *name, const char *replaces)
{
    char payload[512];
    snprintf(payload, sizeof payload, "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}],\"replaces\":\"%s\"}",
             name, replaces);
    return post(w, c, "/acme/new-order", payload);
}

static void only_own_certificates_with_a_common_name_are_replaced(void **state)
{
    (void)state;
    struct world w;
    struct client c, other;
    struct acme_certificate certificate;
    world_open(&w);
    register_client(&w, &c);
    register_client(&w, &other);
    store_certificate(&w, &c, &certificate);
    struct reply r = post(&w, &c, "/acme/new-order",
                          "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],\"replaces\":7}");
    assert_problem(&r, 400, ACME_MALFORMED, "\"replaces\"");
    r = replacing_order(&w, &c, "www.example.com", "x.y");
    assert_problem(&r, 400, ACME_MALFORMED, "\"replaces\"");
    r = replacing_order(&w, &other, "www.example.com", our_name);
    assert_problem(&r, 404, ACME_MALFORMED, "no certificate");
    r = replacing_order(&w, &c, "a.example.net", our_name); /* *.example.net is another name */
    assert_problem(&r, 400, ACME_MALFORMED, "none of the names");
    r = replacing_order(&w, &c, "*.example.net", our_name);
    assert_status(&r, 201);
    assert_string_equal(member(&r, "replaces"), our_name);
    reply_free(&r);
    r = replacing_order(&w, &c, "www.example.com", our_name); /* nothing came of the one before */
    assert_status(&r, 201);
    reply_free(&r);
    free(certificate.chain);
    client_free(&other);
    client_free(&c);
    world_close(&w);
}

/* A fleet that comes from another CA names that CA's certificates at first. */
static void what_was_not_issued_here_is_passed_over(void **state)
{
    (void)state;
    static const char *const names[] = {"YXV0aG9yaXR5.AIcD", /* our authority, an unknown number */
                                        "YXV0aG9yaXR4.AIcB", /* another authority, a number of ours */
                                        "YXV0aG9yaXR5YQ.AQ"};
    struct world w;
    struct client c;
    struct acme_certificate certificate;
    world_open(&w);
    register_client(&w, &c);
    store_certificate(&w, &c, &certificate);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct reply r = replacing_order(&w, &c, "www.example.com", names[i]);
        assert_status(&r, 201);
        assert_string_equal(member(&r, "replaces"), names[i]); /* RFC 9773 section 5: an accepted one is reflected */
        reply_free(&r);
        struct acme_certificate stored = load_certificate(&w, &certificate.id);
        assert_false(stored.has_replacement);
        acme_certificate_clear(&stored);
    }
    free(certificate.chain);
    client_free(&c);
    world_close(&w);
}

static void it_is_replaced_once_the_new_one_is_downloaded(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    struct acme_certificate old, certificate;
    char order_url[ACME_URL_MAX], text[ACME_ID_TEXT + 1], url[ACME_URL_MAX];
    world_open(&w);
    register_client(&w, &c);
    store_certificate(&w, &c, &old);
    struct reply r = replacing_order(&w, &c, one_name[0], our_name);
    assert_status(&r, 201);
    strcpy(order_url, r.it->location);
    reply_free(&r);
    struct acme_order order;
    order_read(&w, order_url, &order);
    assert_string_equal(order.replaces, our_name);
    prove(&w, &c, &order.authzs[0], ACME_HTTP_01);
    acme_order_clear(&order);
    char *payload = csr_payload(one_name), finalize[ACME_URL_MAX + 16];
    snprintf(finalize, sizeof finalize, "%s/finalize", order_url);
    r = post(&w, &c, finalize, payload);
    assert_status(&r, 200);
    reply_free(&r);
    free(payload);

    store_serial(&w, &c, 3, &certificate);
    struct ending e = {.order = url_id(order_url), .certificate = certificate.id, .now_ms = w.now_ms};
    assert_int_equal(store_call(w.store, ending_complete, &e), STORE_OK);

    r = replacing_order(&w, &c, "*.example.net", "YXV0aG9yaXR5.AwE"); /* of the new one; the old one is not touched */
    assert_status(&r, 201);
    reply_free(&r);
    acme_id_text(&certificate.id, text);
    snprintf(url, sizeof url, BASE "/acme/certificate/%s", text);
    r = post(&w, &c, url, NULL);
    assert_status(&r, 200);
    reply_free(&r);
    r = replacing_order(&w, &c, one_name[0], our_name);
    assert_problem(&r, 409, ACME_ALREADY_REPLACED, "replaced by another order");
    free(certificate.chain);
    free(old.chain);
    client_free(&c);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_window_is_in_the_last_third),
        cmocka_unit_test(a_revoked_certificate_is_to_be_renewed_now),
        cmocka_unit_test(only_names_of_our_certificates_are_answered),
        cmocka_unit_test(only_own_certificates_with_a_common_name_are_replaced),
        cmocka_unit_test(what_was_not_issued_here_is_passed_over),
        cmocka_unit_test(it_is_replaced_once_the_new_one_is_downloaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
