/* What a good configuration becomes, and the example. */
#include "config_fixture.h"

/* ---- what is good ---- */

static void test_given(void **state)
{
    struct fixture *f = *state;
    struct config *c = load_base(f, "", "");
    char path[128];
    snprintf(path, sizeof path, "%s/store", f->folder);
    assert_string_equal(c->instance, "gw1");
    assert_true(c->debug);
    assert_string_equal(c->store.path, path);
    assert_int_equal(c->store.map_size, 512ull << 20);
    assert_int_equal(c->acme.listen.count, 2);
    assert_string_equal(c->acme.listen.list[1], "[::1]:14000");
    assert_null(c->acme.listen.list[2]);
    assert_string_equal(c->acme.url, "https://acme.example:14000");
    assert_int_equal(c->acme.order_lifetime_s, 90 * 60);
    assert_int_equal(c->acme.hold_finalize_ms, 1500);
    assert_int_equal(c->acme.limits.account, 5);
    assert_string_equal(c->public.push.password, "battery-staple");
    assert_int_equal(c->public.push.allow.count, 2);
    assert_true(c->validation.http_01);
    assert_true(c->validation.dns_01);
    assert_false(c->validation.tls_alpn_01);
    assert_int_equal(c->validation.http_port, 5002);
    assert_int_equal(c->login_count, 2);
    assert_string_equal(c->logins[0].password, "correct horse");
    assert_true(c->logins[1].test);
    assert_false(c->logins[1].replace_foreign_order_number);
    assert_true(c->logins[1].authorize);
    assert_false(c->logins[0].authorize);
    assert_null(c->logins[1].password);
    assert_int_equal(c->profile_count, 2);
    assert_int_equal(c->profiles[0].product_multi, 492);
    assert_int_equal(c->profiles[1].days, 730);
    assert_int_equal(c->profiles[1].product_wildcard, 0);
    assert_false(c->profiles[1].accept_base_of_wildcard);
    assert_string_equal(c->default_profile, "dv");
    config_free(c);
}

/* People act before OV is issued; a deadline that is given stands. */
static void test_deadline_of_ov(void **state)
{
    struct config *c = load_base(*state, "{single: 287}", "{single: 316}");
    assert_int_equal(c->profiles[0].deadline_s, 7 * 86400);
    assert_int_equal(c->profiles[1].deadline_s, 30 * 86400);
    config_free(c);
    c = load_base(*state, "{single: 287}\n", "{single: 316}\n    deadline: 3d\n");
    assert_int_equal(c->profiles[1].deadline_s, 3 * 86400);
    config_free(c);
}

static void test_money(void **state)
{
    struct config *c = load_base(*state, "    contact_email: pki@example.org\n",
                                 "    contact_email: pki@example.org\n"
                                 "    prices: {single: 35, wildcard: 105.50, multi: 0.01, extra_name: 10}\n"
                                 "    renew_before_term_end: 30d\n");
    assert_int_equal(c->profiles[0].prices.single_cents, 3500);
    assert_int_equal(c->profiles[0].prices.wildcard_cents, 10550);
    assert_int_equal(c->profiles[0].prices.multi_cents, 1);
    assert_int_equal(c->profiles[0].prices.extra_name_cents, 1000);
    assert_int_equal(c->profiles[0].renew_before_term_end_s, 30 * 86400);
    config_free(c);
    c = load_base(*state, "logins:\n",
                  "spending: {currency: CHF, purchases_per_day: 5, purchases_per_month: 50}\nlogins:\n");
    assert_string_equal(c->spending.currency, "CHF");
    assert_int_equal(c->spending.purchases_per_day, 5);
    assert_int_equal(c->spending.purchases_per_month, 50);
    config_free(c);
}

/* The base with every optional key taken out. */
static const char least[] = "store: {path: @/store}\n"
                            "acme:\n"
                            "  listen: [\"127.0.0.1:0\"]\n"
                            "  url: https://[::1]:14000/acme\n"
                            "  tls: {certificate: @/file, key: @/file}\n"
                            "public: {listen: [\"127.0.0.1:0\"]}\n"
                            "logins: [{name: m, login: l, password_file: @/login-password, trust_anchors: @/file}]\n"
                            "profiles: [{name: p, login: m, products: {multi: 492}, contact_email: a@b.example}]\n";

static struct config *load_least(struct fixture *f)
{
    char *text = edit(f, least, "", "");
    struct config *c = load(f, text);
    if (c == NULL)
        print_error("%s\n", f->reason);
    assert_non_null(c);
    free(text);
    return c;
}

static void test_standards_of_the_gateway(void **state)
{
    struct config *c = load_least(*state);
    assert_string_equal(c->instance, "a");
    assert_false(c->debug);
    assert_int_equal(c->store.map_size, 16ull << 30);
    assert_int_equal(c->acme.threads, 0);
    assert_int_equal(c->acme.connections, 10000);
    assert_int_equal(c->acme.connections_per_address, 2500);
    assert_int_equal(c->public.connections, 2000);
    assert_int_equal(c->public.connections_per_address, 0);
    assert_null(c->acme.terms_of_service);
    assert_int_equal(c->acme.caa_identities.count, 0);
    assert_non_null(c->acme.caa_identities.list); /* NULL-terminated all the same */
    assert_int_equal(c->acme.identifiers_max, 100);
    assert_int_equal(c->acme.order_lifetime_s, 7 * 86400);
    assert_int_equal(c->acme.authorization_lifetime_s, 30 * 86400);
    assert_int_equal(c->acme.hold_finalize_ms, 20000);
    assert_int_equal(c->acme.limits.address, 3000);
    assert_int_equal(c->acme.limits.account, 1000);
    assert_int_equal(c->acme.limits.external_key, 3000);
    assert_int_equal(c->acme.hold_challenge_ms, 2000);
    assert_null(c->public.tls.certificate);
    assert_string_equal(c->public.push.path, "/push/sectigo");
    assert_null(c->public.push.user);
    assert_int_equal(c->public.push.allow.count, 1);
    assert_string_equal(c->public.push.allow.list[0], "91.199.212.132");
    assert_null(c->admin.socket);
    assert_true(c->validation.http_01 && c->validation.dns_01 && c->validation.tls_alpn_01);
    assert_false(c->validation.dns_account_01);
    assert_int_equal(c->validation.resolvers.count, 0);
    assert_int_equal(c->validation.http_port, 80);
    assert_int_equal(c->validation.tls_port, 443);
    assert_int_equal(c->validation.timeout_ms, 20000);
    assert_int_equal(c->dcv.http_port, 80);
    assert_int_equal(c->dcv.methods.count, 1);
    assert_string_equal(c->dcv.methods.list[0], "http");
    assert_int_equal(c->dcv.zone_count, 0);
    assert_null(c->dcv.hook.program);
    assert_int_equal(c->dcv.hook.timeout_ms, 60000);
    assert_int_equal(c->dcv.preflight, CONFIG_PREFLIGHT_ENFORCE);
    assert_int_equal(c->dcv.preflight_retry_ms, 30000);
    assert_int_equal(c->dcv.nudge_after_ms, 10000);
    assert_int_equal(c->dcv.ip_method, CONFIG_IP_HTTP);
    assert_int_equal(c->dcv.resolvers.count + c->dcv.insecure_zones.count + c->dcv.global.count, 0);
    assert_int_equal(c->dcv.caa_identities.count, 0);
    assert_null(c->dcv.trust_anchor);
    assert_null(c->dcv.http_proxy);
    config_free(c);
}

static void test_standards_of_the_issuer(void **state)
{
    struct config *c = load_least(*state);
    assert_int_equal(c->issuance.settle_again_ms, 5 * 60 * 1000);
    assert_int_equal(c->issuance.resend_ms, 15 * 60 * 1000);
    assert_int_equal(c->issuance.settle_give_up_ms, 86400 * 1000);
    assert_int_equal(c->issuance.later_ms, 60 * 1000);
    assert_int_equal(c->issuance.queue, 64);
    assert_int_equal(c->issuance.superseded_after_ms, 3600 * 1000);
    assert_int_equal(c->issuance.check_interval_ms, 86400 * 1000);
    assert_int_equal(c->logins[0].low_credit_cents, 0);
    assert_string_equal(c->spending.currency, "EUR");
    assert_int_equal(c->spending.purchases_per_day, 0);
    assert_int_equal(c->spending.purchases_per_month, 0);
    assert_int_equal(c->spending.amount_per_day_cents, 0);
    assert_int_equal(c->spending.amount_per_month_cents, 0);
    assert_true(c->profiles[0].wildcards_in_multi);
    assert_int_equal(c->profiles[0].prices.multi_cents, 0);
    assert_int_equal(c->profiles[0].renew_before_term_end_s, 60 * 86400);
    assert_string_equal(c->logins[0].url, "https://secure.trust-provider.com");
    assert_false(c->logins[0].test);
    assert_int_equal(c->logins[0].calls_per_minute, 1200);
    assert_true(c->logins[0].replace_foreign_order_number);
    assert_int_equal(c->logins[0].connect_timeout_ms, 30000);
    assert_int_equal(c->logins[0].timeout_ms, 120000);
    assert_int_equal(c->profiles[0].days, 365);
    assert_null(c->profiles[0].description);
    assert_int_equal(c->profiles[0].csr_without_cn, CONFIG_CN_AS_IS);
    assert_true(c->profiles[0].accept_base_of_wildcard);
    assert_int_equal(c->profiles[0].first_poll_ms, 60000);
    assert_int_equal(c->profiles[0].poll_interval_ms, 3 * 3600 * 1000);
    assert_int_equal(c->profiles[0].deadline_s, 7 * 86400);
    assert_string_equal(c->default_profile, "p");
    config_free(c);
}

static void test_words(void **state)
{
    struct fixture *f = *state;
    struct config *c = load_base(f, "logins:\n", "dcv: {preflight: warn}\nlogins:\n");
    assert_int_equal(c->dcv.preflight, CONFIG_PREFLIGHT_WARN);
    config_free(c);
    c = load_base(f, "logins:\n",
                  "dcv: {methods: [cname, http], hook: {program: /bin/true, timeout: 5s}, zones: [{zone: a.example}, "
                  "{zone: b.example, server: 192.0.2.53@5353, tsig_name: k, tsig_algorithm: hmac-sha512, "
                  "tsig_secret_file: @/tsig-key}]}\nlogins:\n");
    assert_string_equal(c->dcv.methods.list[0], "cname");
    assert_int_equal(c->dcv.methods.count, 2);
    assert_int_equal(c->dcv.hook.timeout_ms, 5000);
    assert_null(c->dcv.zones[0].server);
    assert_string_equal(c->dcv.zones[1].server, "192.0.2.53@5353");
    assert_int_equal(c->dcv.zones[1].tsig_algorithm, CONFIG_TSIG_SHA512);
    config_free(c);
    c = load_base(f, "logins:\n",
                  "dcv: {resolvers: [9.9.9.9], trust_anchor: @/file, insecure_zones: [corp.example], "
                  "http_proxy: 'http://p.example:3128', global: [10.20.0.0/16], ip_method: ip_address_pre, "
                  "caa_identities: [ca.example]}\n"
                  "logins:\n");
    assert_string_equal(c->dcv.resolvers.list[0], "9.9.9.9");
    assert_non_null(c->dcv.trust_anchor);
    assert_string_equal(c->dcv.insecure_zones.list[0], "corp.example");
    assert_int_equal(c->dcv.ip_method, CONFIG_IP_ADDRESS_PRE);
    assert_string_equal(c->dcv.http_proxy, "http://p.example:3128");
    assert_string_equal(c->dcv.global.list[0], "10.20.0.0/16");
    assert_string_equal(c->dcv.caa_identities.list[0], "ca.example");
    config_free(c);
    c = load_base(f, "    days: 730\n", "    csr_without_cn: refuse\n");
    assert_int_equal(c->profiles[1].csr_without_cn, CONFIG_CN_REFUSE);
    config_free(c);
    c = load_base(f, "    days: 730\n", "    csr_extensions: [tls_feature, extended_key_usage]\n");
    assert_true(c->profiles[1].csr_extensions[ACME_CSR_TLS_FEATURE]);
    assert_true(c->profiles[1].csr_extensions[ACME_CSR_EXTENDED_KEY_USAGE]);
    assert_false(c->profiles[1].csr_extensions[ACME_CSR_CA]);
    assert_false(c->profiles[0].csr_extensions[ACME_CSR_TLS_FEATURE]);
    config_free(c);
    c = load_base(f, "", "default_profile: short\nadmin: {socket: /run/x.sock}\n");
    assert_string_equal(c->default_profile, "short");
    assert_string_equal(c->admin.socket, "/run/x.sock");
    config_free(c);
}

static void test_secret_is_the_first_line(void **state)
{
    struct fixture *f = *state;
    struct config *c = load_base(f, "@/login-password", "@/crlf");
    assert_string_equal(c->logins[0].password, "two words");
    config_free(c);
}

static void test_free_nothing(void **state)
{
    (void)state;
    config_free(NULL);
}

/* ---- single values ---- */

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
        const char *again;
    } cases[] = {{"0s", 0, "0s"},         {"500ms", 500, "500ms"},  {"1000ms", 1000, "1s"},
                 {"90s", 90000, "90s"},   {"60s", 60000, "1m"},     {"3h", 10800000, "3h"},
                 {"7d", 604800000, "7d"}, {"48h", 172800000, "2d"}, {"1500ms", 1500, "1500ms"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t ms = 1;
        char again[32];
        assert_true(config_duration(cases[i].text, &ms));
        assert_int_equal(ms, cases[i].ms);
        config_duration_text(ms, again);
        assert_string_equal(again, cases[i].again);
    }
}

/* ---- the example ---- */

/* The example names files of /etc; they become files of the test, by their last word. */
static char *with_our_files(const struct fixture *f, const char *text)
{
    static const struct {
        const char *theirs, *ours;
    } named[] = {{"/etc/acmegate/tls/fullchain.pem", "file"},
                 {"/etc/acmegate/tls/privkey.pem", "file"},
                 {"/etc/acmegate/secrets/push-password", "push-password"},
                 {"/etc/acmegate/secrets/sectigo-password", "login-password"},
                 {"/etc/acmegate/secrets/sectigo.pem", "file"},
                 {"/etc/acmegate/secrets/sectigo-key.pem", "file"},
                 {"/etc/acmegate/sectigo-ca.pem", "file"},
                 {"/etc/acmegate/sectigo-roots.pem", "file"},
                 {"/usr/share/dns/root.key", "file"}};
    char *result = strdup(text);
    for (size_t i = 0; result != NULL && i < sizeof named / sizeof *named; i++) {
        char ours[128];
        snprintf(ours, sizeof ours, "%s/%s", f->folder, named[i].ours);
        while (strstr(result, named[i].theirs) != NULL) {
            char *next = edit(f, result, named[i].theirs, ours);
            free(result);
            result = next;
        }
    }
    assert_non_null(result);
    return result;
}

static char *example(const struct fixture *f)
{
    static const char here[] = TEST_DATA;
    static char text[1 << 16];
    char path[512];
    const char *tests = strstr(here, "/tests/unit/");
    assert_non_null(tests);
    snprintf(path, sizeof path, "%.*s/deploy/acmegate.yaml", (int)(tests - here), here);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    return with_our_files(f, text);
}

static void test_example(void **state)
{
    struct fixture *f = *state;
    char *text = example(f);
    struct config *c = load(f, text);
    if (c == NULL)
        print_error("%s\n", f->reason);
    assert_non_null(c);
    assert_string_equal(c->acme.url, "https://acme.example.org");
    assert_string_equal(c->profiles[0].name, "dv");
    config_free(c);
    free(text);
}

/* Every key of the tables is explained there. */
static void assert_explained(const char *text, const struct config_table *table)
{
    for (unsigned i = 0; i < table->count; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s:", table->keys[i].name);
        if (strstr(text, key) == NULL)
            fail_msg("deploy/acmegate.yaml does not explain %s", key);
        if (table->keys[i].table != NULL)
            assert_explained(text, table->keys[i].table);
    }
}

static void test_example_explains_every_key(void **state)
{
    char *text = example(*state);
    assert_explained(text, &config_root);
    free(text);
}

/* It shows each default as "key: value" (or "key: [value]"), mostly commented out. */
static void assert_defaults_shown(const char *text, const struct config_table *table)
{
    for (unsigned i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        char plain[128], list[128];
        snprintf(plain, sizeof plain, "%s: %s\n", key->name, key->standard != NULL ? key->standard : "");
        snprintf(list, sizeof list, "%s: [%s]\n", key->name, key->standard != NULL ? key->standard : "");
        if (key->standard != NULL && strstr(text, plain) == NULL && strstr(text, list) == NULL)
            fail_msg("deploy/acmegate.yaml does not show the default, %s", plain);
        if (key->table != NULL && strcmp(key->name, "products") != 0) /* what is left out there is not offered */
            assert_defaults_shown(text, key->table);
    }
}

static void test_example_shows_the_defaults(void **state)
{
    char *text = example(*state);
    assert_defaults_shown(text, &config_root);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_files(test_given),
        with_files(test_money),
        with_files(test_deadline_of_ov),
        with_files(test_standards_of_the_gateway),
        with_files(test_standards_of_the_issuer),
        with_files(test_words),
        with_files(test_secret_is_the_first_line),
        cmocka_unit_test(test_free_nothing),
        cmocka_unit_test(test_durations),
        with_files(test_example),
        with_files(test_example_explains_every_key),
        with_files(test_example_shows_the_defaults),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
