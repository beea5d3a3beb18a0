#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/config_internal.h"

/* '@' is the folder of the test. */
static const char base[] = "instance: gw1\n"
                           "log: debug\n"
                           "store:\n"
                           "  path: @/store\n"
                           "  map_size: 512MiB\n"
                           "acme:\n"
                           "  listen: [\"127.0.0.1:14000\", \"[::1]:14000\"]\n"
                           "  url: https://acme.example:14000\n"
                           "  tls:\n"
                           "    certificate: @/file\n"
                           "    key: @/file\n"
                           "  order_lifetime: 90m\n"
                           "  hold_finalize: 1500ms\n"
                           "public:\n"
                           "  listen:\n"
                           "    - 0.0.0.0:80\n"
                           "  push:\n"
                           "    user: sectigo\n"
                           "    password_file: @/push-password\n"
                           "    allow: [127.0.0.1, 10.0.0.0/8]\n"
                           "validation:\n"
                           "  challenges: [http-01, dns-01]\n"
                           "  http_port: 5002\n"
                           "logins:\n"
                           "  - name: main\n"
                           "    login: partner\n"
                           "    password_file: @/login-password\n"
                           "    trust_anchors: @/file\n"
                           "  - name: second\n"
                           "    client_certificate: @/file\n"
                           "    client_key: @/file\n"
                           "    trust_anchors: @/file\n"
                           "    test: true\n"
                           "profiles:\n"
                           "  - name: dv\n"
                           "    login: main\n"
                           "    products: {single: 488, wildcard: 489, multi: 492}\n"
                           "    contact_email: pki@example.org\n"
                           "  - name: short\n"
                           "    login: second\n"
                           "    days: 730\n"
                           "    products: {single: 287}\n"
                           "    contact_email: pki@example.org\n"
                           "    accept_base_of_wildcard: false\n";

struct fixture {
    char folder[64], file[128];
    char reason[CONFIG_REASON_MAX];
};

static void write_file(const struct fixture *f, const char *name, const char *text, size_t len)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const struct fixture *f, const char *name, const char *text)
{
    write_file(f, name, text, strlen(text));
}

static const char *const files[] = {"file", "push-password", "login-password",   "empty",     "long",
                                    "crlf", "acmegate.yaml", "sectigo-password", "unreadable"};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char longer[5000];
    assert_non_null(f);
    snprintf(f->folder, sizeof f->folder, "/tmp/acmegate-config-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->file, sizeof f->file, "%s/acmegate.yaml", f->folder);
    memset(longer, 'x', sizeof longer);
    write_text(f, "file", "anything\n");
    write_text(f, "push-password", "battery-staple\n");
    write_text(f, "login-password", "correct horse");
    write_text(f, "crlf", "two words \r\nsecond line\n");
    write_text(f, "empty", "\nsecond line\n");
    write_file(f, "long", longer, sizeof longer);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char path[128];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", f->folder, files[i]);
        unlink(path);
    }
    rmdir(f->folder);
    free(f);
    return 0;
}

/* text with '@' replaced by the folder, and the first `old` by `new`; malloc'd. */
static char *edit(const struct fixture *f, const char *text, const char *old, const char *new)
{
    char *edited = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&edited, &size);
    assert_non_null(out);
    const char *found = old[0] != '\0' ? strstr(text, old) : text + strlen(text);
    assert_non_null(found);
    for (const char *c = text;; c++) {
        if (c == found) {
            for (const char *n = new; *n != '\0'; n++)
                *n == '@' && n[1] == '/' ? fputs(f->folder, out) : fputc(*n, out);
            c += strlen(old);
        }
        if (*c == '\0')
            break;
        *c == '@' && c[1] == '/' ? fputs(f->folder, out) : fputc(*c, out);
    }
    assert_int_equal(fclose(out), 0);
    return edited;
}

static struct config *load(struct fixture *f, const char *text)
{
    write_text(f, "acmegate.yaml", text);
    struct config *config = config_load(f->file, f->reason);
    if (config == NULL) {
        assert_int_not_equal(f->reason[0], '\0');
        assert_null(strchr(f->reason, '\n'));
    }
    return config;
}

static struct config *load_base(struct fixture *f, const char *old, const char *new)
{
    char *text = edit(f, base, old, new);
    struct config *config = load(f, text);
    if (config == NULL)
        print_error("%s\n", f->reason);
    assert_non_null(config);
    free(text);
    return config;
}

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
    assert_string_equal(c->public.push.password, "battery-staple");
    assert_int_equal(c->public.push.allow.count, 2);
    assert_true(c->validation.http_01);
    assert_true(c->validation.dns_01);
    assert_false(c->validation.tls_alpn_01);
    assert_int_equal(c->validation.http_port, 5002);
    assert_int_equal(c->login_count, 2);
    assert_string_equal(c->logins[0].password, "correct horse");
    assert_true(c->logins[1].test);
    assert_null(c->logins[1].password);
    assert_int_equal(c->profile_count, 2);
    assert_int_equal(c->profiles[0].product_multi, 492);
    assert_int_equal(c->profiles[1].days, 730);
    assert_int_equal(c->profiles[1].product_wildcard, 0);
    assert_false(c->profiles[1].accept_base_of_wildcard);
    assert_string_equal(c->default_profile, "dv");
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
    assert_null(c->acme.terms_of_service);
    assert_int_equal(c->acme.caa_identities.count, 0);
    assert_non_null(c->acme.caa_identities.list); /* NULL-terminated all the same */
    assert_int_equal(c->acme.identifiers_max, 100);
    assert_int_equal(c->acme.order_lifetime_s, 7 * 86400);
    assert_int_equal(c->acme.authorization_lifetime_s, 30 * 86400);
    assert_int_equal(c->acme.hold_finalize_ms, 20000);
    assert_int_equal(c->acme.hold_challenge_ms, 2000);
    assert_null(c->public.tls.certificate);
    assert_string_equal(c->public.push.path, "/push/sectigo");
    assert_null(c->public.push.user);
    assert_int_equal(c->public.push.allow.count, 1);
    assert_string_equal(c->public.push.allow.list[0], "91.199.212.132");
    assert_null(c->admin_socket);
    assert_true(c->validation.http_01 && c->validation.dns_01 && c->validation.tls_alpn_01);
    assert_int_equal(c->validation.resolvers.count, 0);
    assert_int_equal(c->validation.http_port, 80);
    assert_int_equal(c->validation.tls_port, 443);
    assert_int_equal(c->validation.timeout_ms, 20000);
    assert_int_equal(c->dcv.http_port, 80);
    assert_int_equal(c->dcv.preflight, CONFIG_PREFLIGHT_ENFORCE);
    assert_int_equal(c->dcv.preflight_retry_ms, 30000);
    config_free(c);
}

static void test_standards_of_the_issuer(void **state)
{
    struct config *c = load_least(*state);
    assert_int_equal(c->issuance.settle_again_ms, 5 * 60 * 1000);
    assert_int_equal(c->issuance.resend_ms, 15 * 60 * 1000);
    assert_int_equal(c->issuance.settle_give_up_ms, 86400 * 1000);
    assert_int_equal(c->issuance.later_ms, 60 * 1000);
    assert_string_equal(c->logins[0].url, "https://secure.trust-provider.com");
    assert_false(c->logins[0].test);
    assert_int_equal(c->logins[0].connect_timeout_ms, 30000);
    assert_int_equal(c->logins[0].timeout_ms, 120000);
    assert_int_equal(c->profiles[0].days, 365);
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
    c = load_base(f, "    days: 730\n", "    csr_without_cn: refuse\n");
    assert_int_equal(c->profiles[1].csr_without_cn, CONFIG_CN_REFUSE);
    config_free(c);
    c = load_base(f, "", "default_profile: short\nadmin: {socket: /run/x.sock}\n");
    assert_string_equal(c->default_profile, "short");
    assert_string_equal(c->admin_socket, "/run/x.sock");
    config_free(c);
}

static void test_secret_is_the_first_line(void **state)
{
    struct fixture *f = *state;
    struct config *c = load_base(f, "@/login-password", "@/crlf");
    assert_string_equal(c->logins[0].password, "two words ");
    config_free(c);
}

static void test_free_nothing(void **state)
{
    (void)state;
    config_free(NULL);
}

/* ---- what is bad ---- */

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
        {"log: debug", "logs: debug", "logs:", "logs", "unknown key; known here are instance, log, store"},
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
        {"1500ms", "26s", "hold_finalize", "acme.hold_finalize", "\"26s\" is not a time from 0s to 25s; write it as"},
        {"5002", "0", "http_port", "validation.http_port", "\"0\" is not a port from 1 to 65535"},
        {"5002", "65536", "http_port", "validation.http_port", "is not a port"},
        {"5002", "0x50", "http_port", "validation.http_port", "is not a port"},
        {"5002", "080", "http_port", "validation.http_port", "is not a port"},
        {"5002", "80a", "http_port", "validation.http_port", "is not a port"},
        {"  order_lifetime", "  identifiers_max: 101\n  order_lifetime", "identifiers_max", "acme.identifiers_max",
         "\"101\" is not a whole number from 1 to 100"},
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
        {"dns-01]", "dns-02]", "challenges", "validation.challenges[2]", "is not one of http-01, dns-01, tls-alpn-01"},
        {"logins:\n", "dcv: {preflight: 0}\nlogins:\n", "dcv:", "dcv.preflight", "one of enforce, warn, off"},
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
        {"@/store", "\"\"", "path:", "store.path", "\"\" is not a folder"},
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
        {"{single: 287}", "{single: 556}", "single: 556}", "profiles[2].products.single", "556 is PositiveSSL EV"},
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

#define with_files(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_files(test_given),
        with_files(test_standards_of_the_gateway),
        with_files(test_standards_of_the_issuer),
        with_files(test_words),
        with_files(test_secret_is_the_first_line),
        cmocka_unit_test(test_free_nothing),
        with_files(test_bad_structure),
        with_files(test_bad_numbers),
        with_files(test_bad_words),
        with_files(test_bad_texts),
        with_files(test_bad_files),
        with_files(test_keys_that_disagree),
        with_files(test_not_even_yaml),
        with_files(test_no_file),
        cmocka_unit_test(test_durations),
        with_files(test_example),
        with_files(test_example_explains_every_key),
        with_files(test_example_shows_the_defaults),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
