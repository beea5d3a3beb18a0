/* config_fixture: a folder with the files that a configuration names, a good configuration, and edits of it. */
#ifndef TESTS_UNIT_GATEWAY_CONFIG_FIXTURE_H
#define TESTS_UNIT_GATEWAY_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/config/internal.h"

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
                           "  limits: {account: 5}\n"
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
                           "    replace_foreign_order_number: false\n"
                           "    authorize: auto\n"
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

static inline void write_file(const struct fixture *f, const char *name, const char *text, size_t len)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static inline void write_text(const struct fixture *f, const char *name, const char *text)
{
    write_file(f, name, text, strlen(text));
}

static const char *const files[] = {"file",       "push-password", "login-password", "empty",
                                    "long",       "crlf",          "acmegate.yaml",  "sectigo-password",
                                    "unreadable", "tsig-key",      "marked",         "blank"};

static inline int setup(void **state)
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
    write_text(f, "crlf", "two words\r\nsecond line\n");
    write_text(f, "tsig-key", "c2VjcmV0IG9mIHRoZSB6b25l\n");
    write_text(f, "marked", "\xef\xbb\xbfsecret\n");
    write_text(f, "blank", "secret\t\n");
    write_text(f, "empty", "\nsecond line\n");
    write_file(f, "long", longer, sizeof longer);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
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

enum { EDITED_MAX = 1 << 17 };

/* Appends len octets of text to out, "@/" as the folder. */
static inline void append(const struct fixture *f, char *out, const char *text, size_t len)
{
    size_t at = strlen(out);
    for (const char *c = text; c < text + len; c++) {
        assert_true(at + sizeof f->folder < EDITED_MAX);
        at += (size_t)(c[0] == '@' && c[1] == '/' ? sprintf(out + at, "%s", f->folder) : sprintf(out + at, "%c", *c));
    }
}

/* text with '@' replaced by the folder, and the first `old` by `new`; malloc'd. */
static inline char *edit(const struct fixture *f, const char *text, const char *old, const char *new)
{
    const char *found = old[0] != '\0' ? strstr(text, old) : text + strlen(text);
    char *out = calloc(1, EDITED_MAX);
    assert_non_null(found);
    assert_non_null(out);
    append(f, out, text, (size_t)(found - text));
    append(f, out, new, strlen(new));
    append(f, out, found + strlen(old), strlen(found + strlen(old)));
    return out;
}

static inline struct config *load(struct fixture *f, const char *text)
{
    write_text(f, "acmegate.yaml", text);
    struct config *config = config_load(f->file, f->reason);
    if (config == NULL) {
        assert_int_not_equal(f->reason[0], '\0');
        assert_null(strchr(f->reason, '\n'));
    }
    return config;
}

static inline struct config *load_base(struct fixture *f, const char *old, const char *new)
{
    char *text = edit(f, base, old, new);
    struct config *config = load(f, text);
    if (config == NULL)
        print_error("%s\n", f->reason);
    assert_non_null(config);
    free(text);
    return config;
}

#define with_files(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
