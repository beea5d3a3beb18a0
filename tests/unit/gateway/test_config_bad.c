/* Every mistake is refused with the file, its line, the key, and what may stand there. */
#include "config_fixture.h"

struct bad {
    const char *old, *new; /* edit of the base */
    const char *at;        /* stands in the line that is to be named; NULL: line 1 */
    const char *key;       /* the path that is to be named */
    const char *what;      /* part of the message */
};

static unsigned line_of(const char *text, const char *at)
{
    unsigned line = 1;
    const char *found = at != NULL ? strstr(text, at) : text;
    assert_non_null(found);
    for (const char *c = text; c < found; c++)
        line += *c == '\n';
    return line;
}

static void assert_refused(struct fixture *f, const struct bad *bad)
{
    char *text = edit(f, base, bad->old, bad->new), *at = bad->at != NULL ? edit(f, bad->at, "", "") : NULL;
    char expected[512];
    struct config *config = load(f, text);
    if (config != NULL)
        fail_msg("accepted: %s", bad->new);
    snprintf(expected, sizeof expected, "%s:%u: %s: ", f->file, line_of(text, at), bad->key);
    if (strncmp(f->reason, expected, strlen(expected)) != 0 || strstr(f->reason, bad->what) == NULL)
        fail_msg("after \"%s\"\n  expected \"%s...%s\"\n  got      \"%s\"", bad->new, expected, bad->what, f->reason);
    free(text);
    free(at);
}

static void assert_all_refused(struct fixture *f, const struct bad *bad, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(f, &bad[i]);
}

#define refuse_all(f, bad) assert_all_refused(f, bad, sizeof(bad) / sizeof *(bad))

static void test_bad_structure(void **state)
{
    static const struct bad bad[] = {
        {"  path:", "  pat:", "pat:", "store.pat", "unknown key; known here are path, map_size"},
        {"log: debug", "logs: debug", "logs:", "logs", "unknown key; known here are instance, log, log_format"},
        {"    login: partner\n", "    login: partner\n    pasword: x\n", "pasword", "logins[1].pasword", "unknown key"},
        {"single: 287", "singel: 287", "singel", "profiles[2].products.singel",
         "known here are single, wildcard, multi"},
        {"log: debug\n", "log: debug\nlog: info\n", "log: info", "log", "stands here a second time"},
        {"  path: @/store\n", "  path: @/store\n  path: @/other\n", "other", "store.path", "second time"},
        {"  tls:\n    certificate: @/file\n    key: @/file\n", "  tls:\n", "  tls:", "acme.tls",
         "must have keys under it: certificate, key"},
        {"  tls:\n    certificate: @/file\n    key: @/file\n", "", "acme:", "acme.tls", "is missing"},
        {"    key: @/file\n", "", "  tls:", "acme.tls.key", "is missing; it must be a file that can be read"},
        {"[\"127.0.0.1:14000\", \"[::1]:14000\"]", "127.0.0.1:14000", "listen: 127", "acme.listen", "must be a list"},
        {"[http-01, dns-01]", "[[http-01]]", "challenges:", "validation.challenges[1]", "must be a single value"},
        {"[http-01, dns-01]", "[]", "challenges:", "validation.challenges", "empty list"},
        {"[127.0.0.1, 10.0.0.0/8]", "[]", "allow:", "public.push.allow", "empty list"},
        {"log: debug", "log: {a: b}", "log:", "log", "must be a single value"},
        {"  url: https://acme.example:14000\n", "", "acme:", "acme.url", "is missing; it must be a URL"},
        {"store:\n  path: @/store\n  map_size: 512MiB\n", "", NULL, "store", "is missing"},
        {"", "profiles: []\n", "profiles: []", "profiles", "stands here a second time"},
    };
    struct fixture *f = *state;
    refuse_all(f, bad);
}

#define ON_POSTGRESQL "store:\n  engine: postgresql\n"

static void test_bad_store(void **state)
{
    static const char lmdb[] = "store:\n  path: @/store\n";
    static const struct bad bad[] = {
        {lmdb, "store:\n  path: @/store\n  engine: mysql\n", "mysql", "store.engine", "lmdb, postgresql"},
        {"  path: @/store\n", "", "store:", "store.path", "is missing"},
        {lmdb, "store:\n  path: @/store\n  postgresql:\n    connection: service=a\n", "postgresql:", "store.postgresql",
         "of no use without store.engine: postgresql"},
        {lmdb, "store:\n  path: @/store\n  postgresql:\n    share: true\n", "postgresql:", "store.postgresql",
         "of no use without store.engine: postgresql"},
        {lmdb, ON_POSTGRESQL "  path: @/store\n", "path:", "store.path", "of the engine lmdb alone"},
        {lmdb, ON_POSTGRESQL "  key_file: @/k\n", "store:", "store.postgresql.connection", "service=acmegate"},
        {lmdb, ON_POSTGRESQL "  key_file: @/k\n  postgresql:\n    connection: host=db password=x\n", "host=db",
         "store.postgresql.connection", "may hold no password"},
        {lmdb, ON_POSTGRESQL "  key_file: @/k\n  postgresql:\n    connection: postgres://u:x@db/a\n",
         "postgres:", "store.postgresql.connection", "may hold no password"},
        {lmdb, ON_POSTGRESQL "  postgresql:\n    connection: service=a\n", "store:", "store.key_file", "is missing"},
        {lmdb, ON_POSTGRESQL "  key_file: @/k\n  postgresql:\n    connection: service=a\n    schema: A\n",
         "schema:", "store.postgresql.schema", "begins with a letter"},
        {lmdb, ON_POSTGRESQL "  key_file: @/k\n  postgresql:\n    connection: service=a\n    standby: 1\n", "standby:",
         "store.postgresql.standby", "is not one of true, false"},
        {lmdb,
         ON_POSTGRESQL "  key_file: @/k\n  postgresql:\n    connection: service=a\n    standby: true\n    share: true\n",
         "share:", "store.postgresql.share", "either serves or waits"},
        {lmdb,
         "issuance:\n  resend: 59s\n" ON_POSTGRESQL
         "  key_file: @/k\n  postgresql:\n    connection: service=a\n    share: true\n",
         "resend:", "issuance.resend", "is less than 60s"},
        {lmdb,
         "issuance:\n  resend: 59s\n" ON_POSTGRESQL
         "  key_file: @/k\n  postgresql:\n    connection: service=a\n    standby: true\n",
         "resend:", "issuance.resend", "is less than 60s"},
    };
    struct fixture *f = *state;
    refuse_all(f, bad);
}

static void test_bad_numbers(void **state)
{
    static const struct bad bad[] = {
        {"512MiB", "512", "map_size", "store.map_size", "\"512\" is not a size"},
        {"512MiB", "512 MiB", "map_size", "store.map_size", "is not a size"},
        {"512MiB", "512MB", "map_size", "store.map_size", "is not a size"},
        {"512MiB", "1KiB", "map_size", "store.map_size", "is not a size from 1MiB"},
        {"512MiB", "999999999999TiB", "map_size", "store.map_size", "is not a size"},
        {"90m", "90", "order_lifetime", "acme.order_lifetime", "is not a time from 1s to 90d in whole seconds"},
        {"90m", "1500ms", "order_lifetime", "acme.order_lifetime", "in whole seconds"},
        {"90m", "0s", "order_lifetime", "acme.order_lifetime", "is not a time"},
        {"90m", "-1s", "order_lifetime", "acme.order_lifetime", "is not a time"},
        {"90m", "", "order_lifetime", "acme.order_lifetime", "\"\" is not a time"},
        {"90m", "1.5h", "order_lifetime", "acme.order_lifetime", "is not a time"},
        {"account: 5", "account: 1000001", "account", "acme.limits.account", "is not a whole number from 0 to 1000000"},
        {"1500ms", "26s", "hold_finalize", "acme.hold_finalize", "\"26s\" is not a time from 0s to 25s; write it as"},
        {"5002", "0", "http_port", "validation.http_port", "\"0\" is not a port from 1 to 65535"},
        {"5002", "65536", "http_port", "validation.http_port", "is not a port"},
        {"5002", "0x50", "http_port", "validation.http_port", "is not a port"},
        {"5002", "080", "http_port", "validation.http_port", "is not a port"},
        {"5002", "80a", "http_port", "validation.http_port", "is not a port"},
        {"  order_lifetime", "  identifiers_max: 101\n  order_lifetime", "identifiers_max", "acme.identifiers_max",
         "\"101\" is not a whole number from 1 to 100"},
        {"logins:\n", "spending: {amount_per_day: 1.5}\nlogins:\n", "spending:", "spending.amount_per_day",
         "\"1.5\" is not an amount of money such as 35 or 35.00"},
        {"logins:\n", "spending: {amount_per_day: -1}\nlogins:\n", "spending:", "spending.amount_per_day", "is not"},
        {"logins:\n", "spending: {amount_per_day: 1.000}\nlogins:\n", "spending:", "spending.amount_per_day", "is not"},
        {"logins:\n", "spending: {amount_per_day: 2000000000}\nlogins:\n", "spending:", "spending.amount_per_day",
         "is not"},
        {"logins:\n", "housekeeping: {ended_orders: 6d}\nlogins:\n", "housekeeping:", "housekeeping.ended_orders",
         "7d at least, or 0s for never"},
        {"logins:\n", "housekeeping: {unused_accounts: 1d}\nlogins:\n", "housekeeping:", "housekeeping.unused_accounts",
         "7d at least"},
        {"logins:\n", "housekeeping: {audit: 61d}\nlogins:\n", "housekeeping:", "housekeeping.audit", "62d at least"},
        {"logins:\n", "housekeeping: {audit_export: here}\nlogins:\n", "housekeeping:", "housekeeping.audit_export",
         "from /"},
        {"logins:\n", "backup: {every: 1d}\nlogins:\n", "backup:", "backup.folder", "missing"},
        {"logins:\n", "backup: {folder: /b, keep: 0}\nlogins:\n", "backup:", "backup.keep", "is not"},
        {"logins:\n", "spending: {currency: Euro}\nlogins:\n", "spending:", "spending.currency",
         "\"Euro\" is not three capital letters"},
        {"logins:\n", "spending: {amount_per_day: 100.00}\nlogins:\n", "  - name: dv", "profiles[1].prices",
         "needs a price for single, because spending limits the amount"},
        {"  order_lifetime", "  threads: many\n  order_lifetime", "threads", "acme.threads", "from 0 to 256"},
    };
    struct fixture *f = *state;
    refuse_all(f, bad);
}

static void test_bad_words(void **state)
{
    static const struct bad bad[] = {
        {"test: true", "test: banana", "banana", "logins[2].test", "\"banana\" is not one of true, false"},
        {"test: true", "test: yes", "test: yes", "logins[2].test", "is not one of true, false"},
        {"test: true", "test:", "test:", "logins[2].test", "is not one of true, false"},
        {"log: debug", "log: trace", "log:", "log", "is not one of debug, info"},
        {"dns-01]", "dns-persist-01]", "challenges", "validation.challenges", "needs 1 to 10 acme.caa_identities"},
        {"dns-01]", "dns-02]", "challenges", "validation.challenges[2]",
         "is not one of http-01, dns-01, tls-alpn-01, dns-account-01"},
        {"logins:\n", "dcv: {preflight: 0}\nlogins:\n", "dcv:", "dcv.preflight", "one of enforce, warn, off"},
        {"logins:\n", "dcv: {methods: [dns]}\nlogins:\n", "dcv:", "dcv.methods[1]", "is not one of http, cname"},
        {"logins:\n", "dcv: {methods: []}\nlogins:\n", "dcv:", "dcv.methods", "empty list"},
        {"    days: 730\n", "    csr_without_cn: maybe\n", "maybe", "profiles[2].csr_without_cn",
         "one of as_is, domain_names, multi_domain, refuse"},
    };
    struct fixture *f = *state;
    refuse_all(f, bad);
}

static void test_bad_texts(void **state)
{
    static const struct bad bad[] = {
        {"gw1", "gw-1", "gw-1", "instance", "\"gw-1\" is not 1 to 8 letters or digits"},
        {"gw1", "123456789", "123456789", "instance", "is not 1 to 8"},
        {"gw1", "", "instance", "instance", "\"\" is not 1 to 8"},
        {"@/store", "\"\"", "path:", "store.path", "\"\" is not the whole path, from /"},
        {"@/store", "store", "path:", "store.path", "\"store\" is not the whole path, from /"},
        {"127.0.0.1:14000", "localhost:443", "localhost", "acme.listen[1]", "is not an address and port to listen on"},
        {"[::1]:14000", "::1:14000", "::1:", "acme.listen[2]", "is not an address and port"},
        {"[::1]:14000", "[127.0.0.1]:14000", "[127", "acme.listen[2]", "is not an address and port"},
        {"0.0.0.0:80", "0.0.0.0", "- 0.0.0.0", "public.listen[1]", "is not an address and port"},
        {"0.0.0.0:80", "0.0.0.0:70000", "70000", "public.listen[1]", "is not an address and port"},
        {"https://acme", "http://acme", "http://", "acme.url", "is not a URL that begins with https://"},
        {"example:14000", "example:14000/", "example:14000/", "acme.url", "no final slash"},
        {"example:14000", "example:14000?a", "?a", "acme.url", "is not a URL"},
        {"example:14000", "example:99999", "99999", "acme.url", "is not a URL"},
        {"acme.example", "me@acme.example", "me@", "acme.url", "is not a URL"},
        {"acme.example:14000", "", "url:", "acme.url", "is not a URL"},
        {"user: sectigo", "user: sec:tigo", "sec:tigo", "public.push.user", "is not a user name without a colon"},
        {"10.0.0.0/8", "10.0.0.0/33", "allow", "public.push.allow[2]", "is not an address or a prefix"},
        {"10.0.0.0/8", "10.0.0/8", "allow", "public.push.allow[2]", "is not an address or a prefix"},
        {"10.0.0.0/8", "sectigo.com", "allow", "public.push.allow[2]", "is not an address or a prefix"},
        {"  http_port", "  resolvers: [\"127.0.0.1:53\"]\n  http_port", "resolvers", "validation.resolvers[1]",
         "such as 10.0.0.53 or 127.0.0.1@5353"},
        {"  http_port", "  insecure_zones: [\"a..b\"]\n  http_port", "insecure", "validation.insecure_zones[1]",
         "is not a domain name"},
        {"  push:\n", "  push:\n    path: push\n", "path: push", "public.push.path", "is not the path of a URL"},
        {"pki@example.org", "pki", "contact_email: pki", "profiles[1].contact_email", "is not an e-mail address"},
        {"    login: partner\n", "    login: partner\n    proxy: socks4://x\n", "proxy:", "logins[1].proxy",
         "is not a URL that begins with https:// or http://"},
        {"name: main", "name: ma in", "ma in", "logins[1].name", "is not a name of up to 64"},
    };
    struct fixture *f = *state;
    refuse_all(f, bad);
}

static void test_bad_files(void **state)
{
    static const struct bad bad[] = {
        {"certificate: @/file", "certificate: @/absent", "absent", "acme.tls.certificate", "No such file"},
        {"certificate: @/file", "certificate: /tmp", "/tmp\n", "acme.tls.certificate", "it is not a regular file"},
        {"@/push-password", "@/absent", "absent", "public.push.password_file", "No such file"},
        {"@/push-password", "@/empty", "empty", "public.push.password_file", "does not begin with a line of 1 to"},
        {"@/push-password", "@/long", "long", "public.push.password_file", "does not begin with a line of 1 to"},
        {"@/push-password", "@/marked", "marked", "public.push.password_file", "byte order mark"},
        {"@/push-password", "@/blank", "blank", "public.push.password_file", "a blank before or behind"},
        {"@/login-password", "/dev/zero", "zero", "logins[1].password_file", "it is not a regular file"},
        {"trust_anchors: @/file\n    test", "trust_anchors: @/absent\n    test", "absent", "logins[2].trust_anchors",
         "No such file"},
        {"    trust_anchors: @/file\n    test", "    test", "- name: second", "logins[2].trust_anchors", "is missing"},
    };
    struct fixture *f = *state;
    refuse_all(f, bad);
}

static void test_keys_that_disagree(void **state)
{
    static const struct bad bad[] = {
        {"0.0.0.0:80", "127.0.0.1:14000", "127.0.0.1:14000\n  push", "public.listen[1]",
         "taken by acme.listen[1] already"},
        {"0.0.0.0:80", "0.0.0.0:14000", "0.0.0.0:14000", "public.listen[1]", "taken by acme.listen[1] already"},
        {"0.0.0.0:80", "\"[::]:14000\"", "[::]:14000", "public.listen[1]", "taken by acme.listen[2] already"},
        {"    user: sectigo\n", "", "  push:", "public.push", "needs both user and password_file"},
        {"    password_file: @/login-password\n", "", "- name: main", "logins[1]",
         "needs a password_file, or a client"},
        {"    login: partner\n", "", "- name: main", "logins[1]", "needs the login name"},
        {"    client_key: @/file\n", "", "- name: second", "logins[2]", "needs both client_certificate and client_key"},
        {"    test: true\n", "    password_file: @/login-password\n", "- name: second", "logins[2]",
         "one of them must go"},
        {"name: second", "name: main", "name: main\n    client", "logins[2].name", "is the name of an earlier login"},
        {"name: short", "name: dv", "name: dv\n    login: second", "profiles[2].name", "of an earlier profile"},
        {"login: second", "login: third", "third", "profiles[2].login", "\"third\" is not the name of a login"},
        {"", "default_profile: ev\n", "default_profile", "default_profile", "\"ev\" is not the name of a profile"},
        {"days: 730", "days: 731", "731", "profiles[2].days", "\"731\" is not one of 30, 90, 365, 730"},
        {"{single: 287}", "{}", "{}", "profiles[2].products", "at least one of single, wildcard and multi"},
        {"{single: 287}", "{single: 0}", "{single: 0}", "profiles[2].products", "at least one of"},
        {"{single: 287}", "{single: 1}", "single: 1}", "profiles[2].products.single", "1 is not a product code"},
        {"{single: 287}", "{single: 489}", "single: 489}", "profiles[2].products.single", "489 is SectigoSSL Wildcard"},
        {"{single: 287}", "{single: 287, wildcard: 322}", "322}", "profiles[2].products.wildcard",
         "322 is SectigoSSL OV Wildcard: OV; all products of a profile must be of one kind"},
        {"{single: 287}", "{single: 291}", "single: 291}", "profiles[2].products.single", "not sold for 730 days"},
        {"    days: 730\n", "    csr_without_cn: multi_domain\n", "{single: 287}", "profiles[2].products",
         "needs a code for multi"},
    };
    struct fixture *f = *state;
    refuse_all(f, bad);
}

static void assert_text_refused(struct fixture *f, const char *text, const char *where, const char *what)
{
    char expected[256];
    assert_null(load(f, text));
    snprintf(expected, sizeof expected, "%s%s", f->file, where);
    if (strncmp(f->reason, expected, strlen(expected)) != 0 || strstr(f->reason, what) == NULL)
        fail_msg("after \"%.60s\"\n  expected \"%s...%s\"\n  got      \"%s\"", text, expected, what, f->reason);
}

static void test_not_even_yaml(void **state)
{
    struct fixture *f = *state;
    char *text = NULL;
    static char large[(1 << 20) + 2];
    memset(large, '#', sizeof large - 1);
    assert_text_refused(f, "", ": ", "holds no keys");
    assert_text_refused(f, "# nothing\n", ": ", "holds no keys");
    assert_text_refused(f, "just a word\n", ": ", "holds no keys");
    assert_text_refused(f, "- a\n- b\n", ":1: ", "must have keys under it: instance, log");
    assert_text_refused(f, "log: info\nstore: {path: x\nacme: 1\n", ":3: ", "not YAML");
    assert_text_refused(f, "log: info\n\tstore: x\n", ":2: ", "not YAML");
    assert_text_refused(f, "log: &a info\ninstance: *a\n", ":2: instance: ", "aliases");
    assert_text_refused(f, "log: info\n---\nlog: debug\n", ":2: ", "second document");
    assert_text_refused(f, "log: info\n? [a]\n: b\n", ":2: ", "a key must be a single word");
    assert_text_refused(f, "log: \"a\\0b\"\n", ":1: log: ", "octet of zero");
    assert_text_refused(f, "\xff\xfe\n", ": ", "not YAML");
    assert_text_refused(f, "acme: {a: {b: {c: {d: {e: {f: {g: {h: 1}}}}}}}}\n", ":1: ", "too deep");
    assert_text_refused(f, "\"a\\nb\": 1\n", ":1: a: ", "unknown key");
    assert_text_refused(f, large, ": ", "larger than 1 MiB");
    text = edit(f, base, "", "");
    write_file(f, "acmegate.yaml", text, strlen(text) + 1);
    free(text);
    assert_null(config_load(f->file, f->reason));
    assert_non_null(strstr(f->reason, "octet of zero"));
}

static void test_no_file(void **state)
{
    struct fixture *f = *state;
    assert_null(config_load("/tmp/acmegate-no-such-file", f->reason));
    assert_string_equal(f->reason, "/tmp/acmegate-no-such-file: cannot be read: No such file or directory");
    assert_null(config_load(f->folder, f->reason));
    assert_non_null(strstr(f->reason, "cannot be read: Is a directory"));
}

#define ZONE(more) "dcv: {zones: [{zone: example.com" more "}]}\nlogins:\n"

static void test_bad_zones(void **state)
{
    static const struct bad bad[] = {
        {"logins:\n", ZONE(""), "dcv:", "dcv.zones[1]", "needs a server, or dcv.hook.program"},
        {"logins:\n", ZONE(", server: ns.example.com"), "dcv:", "dcv.zones[1].server", "192.0.2.53"},
        {"logins:\n", ZONE(", server: 192.0.2.53"), "dcv:", "dcv.zones[1]", "needs tsig_name and tsig_secret_file"},
        {"logins:\n", ZONE(", tsig_name: k"), "dcv:", "dcv.zones[1]", "needs the server that it is for"},
        {"logins:\n", ZONE(", server: 192.0.2.53, tsig_name: k, tsig_secret_file: @/push-password"),
         "dcv:", "dcv.zones[1].tsig_secret_file", "does not hold a key in base64"},
        {"logins:\n", ZONE(", tsig_algorithm: hmac-md5"), "dcv:", "dcv.zones[1].tsig_algorithm",
         "one of hmac-sha256, hmac-sha512"},
        {"logins:\n", "dcv: {insecure_zones: [corp.example]}\nlogins:\n", "dcv:", "dcv", "needs the resolvers"},
        {"logins:\n", "dcv: {http_proxy: p.example}\nlogins:\n", "dcv:", "dcv.http_proxy", "the URL of a proxy"},
        {"logins:\n", "dcv: {global: [everywhere]}\nlogins:\n", "dcv:", "dcv.global[1]", "a prefix"},
        {"logins:\n", "dcv: {hook: {program: @/file}}\nlogins:\n", "dcv:", "dcv.hook.program", "cannot be run"},
        {"logins:\n", "dcv: {hook: {program: /bin/true}, zones: [{zone: example.com}, {zone: Example.COM}]}\nlogins:\n",
         "dcv:", "dcv.zones[2]", "is an earlier zone"},
    };
    struct fixture *f = *state;
    refuse_all(f, bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_files(test_bad_structure), with_files(test_bad_store),          with_files(test_bad_numbers),
        with_files(test_bad_words),     with_files(test_bad_zones),          with_files(test_bad_texts),
        with_files(test_bad_files),     with_files(test_keys_that_disagree), with_files(test_not_even_yaml),
        with_files(test_no_file),
    };
    return cmocka_run_group_tests_name("config, mistakes", tests, NULL, NULL);
}
