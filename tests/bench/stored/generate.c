/* generate: fills a store with orders as the gateway leaves them once their certificates were fetched: one name, one
 * authorization, one purchase each. All records are written by what writes them in the gateway, so that their form is
 * whatever it is there; tests/bench/test_stored.py compares them with those of real orders.
 *
 * The orders were placed one after another over more than a year, the last of them ten days ago, where nothing else is
 * said: what looks back over a week only (the daily comparison with Sectigo) finds none of them. Nothing verifies their
 * certificates, so all are one with another serial number and name. */
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "acme/account.h"
#include "acme/authorization.h"
#include "acme/base64url.h"
#include "acme/certificate.h"
#include "acme/durations.h"
#include "acme/order.h"
#include "gateway/audit.h"
#include "gateway/days.h"
#include "gateway/gateway.h"
#include "gateway/issue/money/spending.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/record/story.h"
#include "gateway/tables.h"

static const uint64_t LIFE_MS = 90 * DAY_MS;

enum { BATCH = 1000, ACCOUNTS_MAX = 100000, NAME_DIGITS = 9, SERIAL_LEN = 16, PRICE_CENTS = 3500, PRODUCT = 488 };

static const char usage[] = "usage: generate --store FOLDER --endpoint URL [--orders N] [--accounts N]\n"
                            "                [--first N] [--begin DAYS] [--span DAYS]\n"
                            "  --store FOLDER   of the LMDB engine; made where there is none\n"
                            "  --endpoint URL   of the login \"main\" in the gateway's configuration\n"
                            "  --orders N       (1000)\n"
                            "  --accounts N     that placed them in turn (20)\n"
                            "  --first N        number of the first, where the store has some already (0)\n"
                            "  --begin DAYS     when it was placed, from now (-410)\n"
                            "  --span DAYS      from then to the last (400)\n";

struct generator {
    const char *folder, *endpoint;
    unsigned long orders, accounts, first, span;
    long begin; /* days from now */
    struct store *store;
    unsigned long next; /* order */
    uint64_t begin_ms;
    struct acme_id *account_ids;
    uint8_t *leaf; /* DER; where in it the serial number and the name are: */
    size_t leaf_len, serial_at, name_at[2];
    char *issuer; /* PEM */
};

/* ---- the one certificate ---- */

static const char pattern_name[] = "r000000000.stored.acme.example";
static const uint8_t pattern_serial[SERIAL_LEN] = {0x5a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static bool add_extension(X509 *to, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, to, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = extension && X509_add_ext(to, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

/* As the stand-in's leaves have them, so that they are as long. */
static bool add_extensions(X509 *leaf, X509 *issuer, const char *name)
{
    char names[128];
    snprintf(names, sizeof names, "DNS:%s", name);
    const struct {
        int nid;
        const char *value;
    } all[] = {{NID_subject_key_identifier, "hash"},
               {NID_authority_key_identifier, "keyid"},
               {NID_basic_constraints, "critical,CA:FALSE"},
               {NID_key_usage, "critical,digitalSignature"},
               {NID_ext_key_usage, "serverAuth"},
               {NID_crl_distribution_points, "URI:http://crl.stored.example/issuer.crl"},
               {NID_info_access, "OCSP;URI:http://ocsp.stored.example"},
               {NID_subject_alt_name, names}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!add_extension(leaf, issuer, all[i].nid, all[i].value))
            return false;
    return true;
}

static bool set_name(X509 *certificate, const char *name)
{
    return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                      (const unsigned char *)name, -1, -1, 0) == 1;
}

static bool set_serial(X509 *certificate)
{
    BIGNUM *serial = BN_bin2bn(pattern_serial, sizeof pattern_serial, NULL);
    bool good = serial && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));
    BN_free(serial);
    return good;
}

static bool set_dates(X509 *certificate)
{
    return X509_gmtime_adj(X509_getm_notBefore(certificate), 0) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), (long)(LIFE_MS / 1000));
}

/* issuer NULL: signed by itself, to be one. */
static X509 *make_certificate(EVP_PKEY *key, EVP_PKEY *signer, X509 *issuer, const char *name)
{
    X509 *made = X509_new();
    if (made && X509_set_version(made, X509_VERSION_3) == 1 && set_serial(made) && set_dates(made) &&
        set_name(made, name) && X509_set_pubkey(made, key) == 1 &&
        X509_set_issuer_name(made, X509_get_subject_name(issuer ? issuer : made)) == 1 &&
        (issuer ? add_extensions(made, issuer, name) : add_extension(made, made, NID_subject_key_identifier, "hash")) &&
        X509_sign(made, signer, EVP_sha256()) > 0)
        return made;
    X509_free(made);
    return NULL;
}

static bool find_in(const uint8_t *in, size_t len, size_t from, const void *what, size_t what_len, size_t *at)
{
    const uint8_t *found = memmem(in + from, len - from, what, what_len);
    *at = found ? (size_t)(found - in) : 0;
    return found != NULL;
}

static bool make_leaf(struct generator *g)
{
    EVP_PKEY *authority = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *issuer = authority ? make_certificate(authority, authority, NULL,
                                                "Issuer of stored orders, not to be trusted by anybody")
                             : NULL;
    X509 *leaf = issuer && key ? make_certificate(key, authority, issuer, pattern_name) : NULL;
    int len = leaf ? i2d_X509(leaf, &g->leaf) : 0;
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    bool good = len > 0 && bio && PEM_write_bio_X509(bio, issuer) == 1;
    if (good) {
        long pem_len = BIO_get_mem_data(bio, &pem);
        g->issuer = strndup(pem, (size_t)pem_len);
        g->leaf_len = (size_t)len;
        good = g->issuer && find_in(g->leaf, g->leaf_len, 0, pattern_serial, SERIAL_LEN, &g->serial_at) &&
               find_in(g->leaf, g->leaf_len, 0, pattern_name, sizeof pattern_name - 1, &g->name_at[0]) &&
               find_in(g->leaf, g->leaf_len, g->name_at[0] + 1, pattern_name, sizeof pattern_name - 1, &g->name_at[1]);
    }
    BIO_free(bio);
    X509_free(leaf);
    X509_free(issuer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(authority);
    return good;
}

/* ---- accounts ---- */

static char *canonical_key(EVP_PKEY *key)
{
    uint8_t point[65];
    char x[BASE64URL_SIZE(32)], y[BASE64URL_SIZE(32)], text[256];
    size_t len = 0;
    if (EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof point, &len) != 1 || len != sizeof point)
        return NULL;
    base64url_encode(point + 1, 32, x);
    base64url_encode(point + 33, 32, y);
    snprintf(text, sizeof text, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
    return strdup(text);
}

static enum store_status make_account(struct store_txn *txn, struct generator *g, unsigned long number)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct acme_account account = {.status = ACME_ACCOUNT_VALID,
                                   .created_s = g->begin_ms / 1000,
                                   .policy = "default",
                                   .terms_agreed = true,
                                   .key = key ? canonical_key(key) : NULL};
    enum store_status status = STORE_IO;
    if (account.key && acme_id_make(&account.id, g->begin_ms) &&
        EVP_Digest(account.key, strlen(account.key), account.thumbprint, NULL, EVP_sha256(), NULL) == 1)
        status = acme_account_bind_key(txn, account.thumbprint, &account.id);
    if (status == STORE_OK)
        status = acme_account_save(txn, &account);
    g->account_ids[number] = account.id;
    acme_account_clear(&account);
    EVP_PKEY_free(key);
    return status;
}

static enum store_status make_accounts(struct store_txn *txn, void *arg)
{
    struct generator *g = arg;
    enum store_status status = STORE_OK;
    for (unsigned long i = 0; i < g->accounts && status == STORE_OK; i++)
        status = make_account(txn, g, i);
    return status;
}

/* ---- one order ---- */

struct made {
    struct acme_id account;
    struct acme_identifier name;
    struct acme_names names;
    struct acme_authz authz;
    struct acme_order order;
    struct subscription sub;
    struct issuance is;
    struct acme_certificate certificate;
    uint64_t at_ms;
};

static bool random_octets(void *out, size_t len)
{
    return RAND_bytes(out, (int)len) == 1;
}

static bool draw(struct made *m)
{
    uint8_t octets[32];
    bool good = acme_id_make(&m->order.id, m->at_ms) && acme_id_make(&m->authz.id, m->at_ms) &&
                acme_id_make(&m->sub.id, m->at_ms + 40) && acme_id_make(&m->certificate.id, m->at_ms + 100) &&
                issuance_id_make("a", false, m->is.id) && random_octets(m->order.csr_sha256, 32) &&
                random_octets(m->certificate.spki_sha256, 32) && random_octets(m->certificate.serial, SERIAL_LEN);
    m->certificate.serial[0] = 0x5a; /* as many octets as the pattern's, whatever is drawn */
    for (unsigned i = 0; good && i < m->authz.challenge_count; i++) {
        good = random_octets(octets, sizeof octets);
        base64url_encode(octets, sizeof octets, m->authz.challenges[i].token);
    }
    return good;
}

static void fill_acme(struct made *m)
{
    uint64_t now_s = m->at_ms / 1000;
    m->authz.account = m->order.account = m->account;
    m->authz.order = m->order.id;
    m->authz.status = ACME_AUTHZ_VALID;
    m->authz.created_s = now_s;
    m->authz.expires_s = now_s + 30 * DAY_S;
    m->authz.valid_for_s = 30 * DAY_S;
    m->authz.identifier = m->name;
    m->authz.challenges[0].validated_s = now_s;
    m->order.status = ACME_ORDER_VALID;
    m->order.created_s = now_s;
    m->order.expires_s = now_s + 7 * DAY_S;
    m->order.updated_s = now_s;
    m->order.names = m->names;
    m->order.authzs = &m->authz.id;
    m->order.has_csr = m->order.has_certificate = true;
    m->order.finalized_ms = m->at_ms + 40;
    m->order.certificate = m->certificate.id;
    snprintf(m->order.policy, sizeof m->order.policy, "default");
    snprintf(m->order.profile, sizeof m->order.profile, "dv");
}

static enum store_status save_acme(struct store_txn *txn, const struct made *m)
{
    uint8_t key[2 * ACME_ID_LEN];
    memcpy(key, m->account.octets, ACME_ID_LEN);
    memcpy(key + ACME_ID_LEN, m->order.id.octets, ACME_ID_LEN);
    enum store_status status = acme_authz_save(txn, &m->authz);
    if (status == STORE_OK)
        status = acme_valid_authz_put(txn, &m->authz);
    if (status == STORE_OK)
        status = acme_order_save(txn, &m->order);
    return status == STORE_OK ? store_put(txn, ACME_ACCOUNT_ORDERS, key, sizeof key, NULL, 0) : status;
}

static void fill_issue(struct made *m, unsigned long number)
{
    struct issuance *is = &m->is;
    struct subscription *sub = &m->sub;
    is->kind = ISSUANCE_PURCHASE;
    is->state = ISSUANCE_COLLECTED;
    is->revision = 3;
    is->sends = 1;
    is->subscription = sub->id;
    is->account = m->account;
    is->created_ms = m->at_ms + 40;
    is->sent_ms = is->resent_ms = is->looked_ms = m->at_ms + 60;
    is->changed_ms = is->pushed_ms = m->at_ms + 100;
    is->placed_ms = m->at_ms / 1000 * 1000;
    snprintf(is->profile, sizeof is->profile, "dv");
    snprintf(is->unique_value, sizeof is->unique_value, "u%019lu", number);
    snprintf(is->order_number, sizeof is->order_number, "%lu", 20000000 + number);
    snprintf(is->certificate_id, sizeof is->certificate_id, "%lu", 9000000000 + number);
    sub->state = SUBSCRIPTION_LIVE;
    sub->names = m->names;
    sub->product = PRODUCT;
    sub->days = 365;
    sub->bought_ms = m->at_ms + 80;
    sub->paid_cents = PRICE_CENTS;
    sub->has_certificate = true;
    sub->certificate = m->certificate.id;
    snprintf(sub->policy, sizeof sub->policy, "default");
    snprintf(sub->profile, sizeof sub->profile, "dv");
    snprintf(sub->login, sizeof sub->login, "main");
    snprintf(sub->order_number, sizeof sub->order_number, "%s", is->order_number);
}

static enum store_status index_issuance(struct store_txn *txn, const struct made *m)
{
    const struct issuance *is = &m->is;
    size_t id_len = strlen(is->id);
    enum store_status status = store_claim(txn, ISSUE_BY_ORDER, m->order.id.octets, ACME_ID_LEN, is->id, id_len);
    if (status == STORE_OK)
        status = store_claim(txn, ISSUE_BY_ORDER_NUMBER, is->order_number, strlen(is->order_number), is->id, id_len);
    if (status == STORE_OK)
        status =
            store_claim(txn, ISSUE_BY_CERTIFICATE_ID, is->certificate_id, strlen(is->certificate_id), is->id, id_len);
    if (status == STORE_OK)
        status = numbers_claim(txn, NUMBER_ORDER, is->order_number, &m->sub);
    return status == STORE_OK ? numbers_claim(txn, NUMBER_CERTIFICATE, is->certificate_id, &m->sub) : status;
}

static enum store_status tell_story(struct store_txn *txn, struct made *m)
{
    char placed[64];
    struct issuance at = m->is;
    snprintf(placed, sizeof placed, "Sectigo has it as order %s. ", m->is.order_number);
    at.state = ISSUANCE_SUBMITTING;
    enum store_status status = story_add(txn, &at, "preflight", "", m->at_ms + 60);
    at.state = ISSUANCE_SUBMITTED;
    if (status == STORE_OK)
        status = story_add(txn, &at, "AutoApplyOrder", placed, m->at_ms + 80);
    return status == STORE_OK ? story_add(txn, &m->is, STORY_PUSH, "", m->at_ms + 100) : status;
}

static enum store_status save_issue(struct store_txn *txn, struct made *m)
{
    const struct audit_line line = {.what = "purchase",
                                    .issuance = m->is.id,
                                    .policy = m->sub.policy,
                                    .profile = m->sub.profile,
                                    .login = m->sub.login,
                                    .order_number = m->is.order_number,
                                    .certificate_id = m->is.certificate_id,
                                    .account = &m->account,
                                    .names = &m->names,
                                    .product = PRODUCT,
                                    .amount_cents = PRICE_CENTS};
    enum store_status status = subscription_insert(txn, &m->sub);
    if (status == STORE_OK)
        status = issuance_save(txn, &m->is);
    if (status == STORE_OK)
        status = index_issuance(txn, m);
    if (status == STORE_OK)
        status = spending_count(txn, m->sub.policy, m->at_ms, PRICE_CENTS);
    if (status == STORE_OK)
        status = audit_add(txn, &line, m->at_ms + 80);
    return status == STORE_OK ? tell_story(txn, m) : status;
}

static enum store_status save_certificate(struct store_txn *txn, const struct generator *g, struct made *m)
{
    struct acme_certificate *certificate = &m->certificate;
    certificate->account = m->account;
    certificate->order = m->order.id;
    certificate->serial_len = SERIAL_LEN;
    certificate->not_before_s = (int64_t)(m->at_ms / 1000);
    certificate->not_after_s = (int64_t)((m->at_ms + LIFE_MS) / 1000);
    certificate->issued_ms = m->at_ms + 100;
    certificate->downloaded_s = m->at_ms / 1000;
    certificate->certificate_id = m->is.certificate_id;
    certificate->issuance = m->is.id;
    certificate->leaf = g->leaf;
    certificate->leaf_len = g->leaf_len;
    snprintf(certificate->policy, sizeof certificate->policy, "default");
    snprintf(certificate->profile, sizeof certificate->profile, "dv");
    memcpy(g->leaf + g->serial_at, certificate->serial, SERIAL_LEN);
    memcpy(g->leaf + g->name_at[0], m->name.value, sizeof pattern_name - 1);
    memcpy(g->leaf + g->name_at[1], m->name.value, sizeof pattern_name - 1);
    enum store_status status = chain_keep_above(txn, g->issuer, certificate->above[0]);
    if (status == STORE_OK)
        status = acme_certificate_save(txn, certificate);
    return status == STORE_OK ? days_add_certificate(txn, certificate->issued_ms) : status;
}

static enum store_status make_order(struct store_txn *txn, struct generator *g, unsigned long number)
{
    char ids[1][SECTIGO_CERTIFICATE_ID_MAX + 1];
    struct made m = {
        .account = g->account_ids[number % g->accounts],
        .name = {.type = ACME_DNS_NAME},
        .names = {&m.name, 1},
        .at_ms = g->begin_ms + g->span * (uint64_t)DAY_MS / g->orders * (number - g->first),
        .authz = {.challenge_count = 3,
                  .challenges = {{.type = ACME_HTTP_01, .status = ACME_CHALLENGE_VALID},
                                 {.type = ACME_DNS_01, .status = ACME_CHALLENGE_PENDING},
                                 {.type = ACME_TLS_ALPN_01, .status = ACME_CHALLENGE_PENDING}}},
        .order = {.user_agent = (char[]){"acmebench"}},
        .is = {.note = (char[]){""}, .orders = &m.order.id, .order_count = 1},
        .sub = {.endpoint = (char *)(uintptr_t)g->endpoint, .certificate_ids = ids, .certificate_id_count = 1}};
    snprintf(m.name.value, sizeof m.name.value, "r%09lu.stored.acme.example", number);
    if (!draw(&m))
        return STORE_IO;
    fill_acme(&m);
    fill_issue(&m, number);
    memcpy(ids[0], m.is.certificate_id, sizeof ids[0]);
    enum store_status status = save_acme(txn, &m);
    if (status == STORE_OK)
        status = save_issue(txn, &m);
    return status == STORE_OK ? save_certificate(txn, g, &m) : status;
}

static enum store_status make_batch(struct store_txn *txn, void *arg)
{
    struct generator *g = arg;
    enum store_status status = STORE_OK;
    for (unsigned long i = 0; i < BATCH && g->next + i < g->orders && status == STORE_OK; i++)
        status = make_order(txn, g, g->first + g->next + i);
    return status;
}

/* ---- all of them ---- */

static bool open_store(struct generator *g)
{
    static const char *const tables[] = {ACME_TABLE_NAMES, ISSUE_TABLE_NAMES};
    static store_migrate_fn *const none[64]; /* a store of another schema is not for us */
    char reason[STORE_REASON_SIZE];
    const struct store_config config = {.path = g->folder,
                                        .map_size = (uint64_t)16 << 30,
                                        .tables = tables,
                                        .table_count = ISSUE_TABLE_END,
                                        .schema = gateway_schema(),
                                        .migrations = none,
                                        .nosync = true};
    if (store_open(&config, &g->store, reason) == STORE_OK)
        return true;
    fprintf(stderr, "generate: %s\n", reason);
    return false;
}

static enum store_status fill_store(struct generator *g)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    g->begin_ms = (uint64_t)((int64_t)now.tv_sec * 1000 + g->begin * DAY_MS);
    enum store_status status = store_call(g->store, make_accounts, g);
    for (g->next = 0; g->next < g->orders && status == STORE_OK; g->next += BATCH)
        status = store_call(g->store, make_batch, g);
    return status;
}

static bool days(const char *text, long *out)
{
    char *end;
    *out = strtol(text, &end, 10);
    return end != text && *end == '\0' && *out > -10000 && *out < 10000;
}

static bool number(const char *text, unsigned long most, unsigned long *out)
{
    char *end;
    *out = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *out >= 1 && *out <= most;
}

static bool parse(int argc, char **argv, struct generator *g)
{
    static const struct option known[] = {
        {"store", required_argument, NULL, 's'},  {"endpoint", required_argument, NULL, 'e'},
        {"orders", required_argument, NULL, 'o'}, {"accounts", required_argument, NULL, 'a'},
        {"first", required_argument, NULL, 'f'},  {"begin", required_argument, NULL, 'b'},
        {"span", required_argument, NULL, 'd'},   {0}};
    bool good = true;
    for (int option; good && (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 's')
            g->folder = optarg;
        else if (option == 'e')
            g->endpoint = optarg;
        else if (option == 'o')
            good = number(optarg, 100000000, &g->orders);
        else if (option == 'f')
            good = number(optarg, 100000000, &g->first);
        else if (option == 'b')
            good = days(optarg, &g->begin);
        else if (option == 'd')
            good = number(optarg, 10000, &g->span);
        else
            good = option == 'a' && number(optarg, ACCOUNTS_MAX, &g->accounts);
    }
    return good && optind == argc && g->folder && g->endpoint;
}

int main(int argc, char **argv)
{
    struct generator g = {.orders = 1000, .accounts = 20, .begin = -410, .span = 400};
    enum store_status status = STORE_IO;
    if (!parse(argc, argv, &g)) {
        fputs(usage, stderr);
        return 2;
    }
    g.account_ids = calloc(g.accounts, sizeof *g.account_ids);
    if (g.account_ids && make_leaf(&g) && open_store(&g)) {
        status = fill_store(&g);
        if (status != STORE_OK)
            fprintf(stderr, "generate: %s\n", store_status_text(status));
        store_close(g.store);
    }
    free(g.account_ids);
    free(g.issuer);
    OPENSSL_free(g.leaf);
    return status == STORE_OK ? 0 : 1;
}
