/* key_lists: the files of keys that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/key_lists.h"

#define SPKI "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

struct files {
    char folder[64], blocked[96], weak_folder[96], weak[128];
};

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    struct files *f = calloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/acmegate-keys-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->blocked, sizeof f->blocked, "%s/blocked", f->folder);
    snprintf(f->weak_folder, sizeof f->weak_folder, "%s/weak", f->folder);
    snprintf(f->weak, sizeof f->weak, "%s/blacklist.RSA-2048", f->weak_folder);
    assert_int_equal(mkdir(f->weak_folder, 0700), 0);
    write_text(f->blocked,
               "# ours\n\n" SPKI " lost in March\nFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF\n");
    write_text(f->weak, "# RSA-2048\n0a0b0c0d0e0f10111213\n00000000000000000000\n");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct files *f = *state;
    unlink(f->weak);
    rmdir(f->weak_folder);
    unlink(f->blocked);
    rmdir(f->folder);
    free(f);
    return 0;
}

static void count_up(uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len; i++)
        octets[i] = (uint8_t)i;
}

static void finds_what_is_listed(void **state)
{
    const struct files *f = *state;
    char reason[KEY_LISTS_REASON_MAX];
    uint8_t spki[32], sha1[20], other[32] = {0};
    count_up(spki, sizeof spki);
    count_up(sha1, sizeof sha1);
    const char *const weak[] = {f->weak, f->weak_folder};
    for (size_t i = 0; i < 2; i++) {
        struct key_lists *lists = key_lists_load(f->blocked, weak[i], reason);
        assert_non_null(lists);
        assert_string_equal(key_lists_find(lists, spki, NULL), "the operator of this server has blocked it");
        assert_non_null(strstr(key_lists_find(lists, other, sha1), "CVE-2008-0166"));
        assert_null(key_lists_find(lists, other, NULL));
        assert_null(key_lists_find(lists, other, spki + 1)); /* the last octets count */
        memset(other, 0xff, sizeof other);
        assert_non_null(key_lists_find(lists, other, NULL));
        memset(other, 0, sizeof other);
        key_lists_free(lists);
    }
    struct key_lists *none = key_lists_load(NULL, NULL, reason);
    assert_non_null(none);
    assert_null(key_lists_find(none, spki, sha1));
    key_lists_free(none);
}

static void refuses_what_it_cannot_read(void **state)
{
    const struct files *f = *state;
    static const char *const bad[] = {"0a0b0c0d0e0f1011121\n", "0a0b0c0d0e0f1011121g\n", SPKI "\n"};
    char reason[KEY_LISTS_REASON_MAX];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(f->weak, bad[i]);
        assert_null(key_lists_load(NULL, f->weak_folder, reason));
        assert_non_null(strstr(reason, "blacklist.RSA-2048:1: it is not a digest of 20 hexadecimal digits"));
    }
    write_text(f->blocked, "# no digest follows\n" SPKI "00\n");
    assert_null(key_lists_load(f->blocked, NULL, reason));
    assert_non_null(strstr(reason, "/blocked:2: it is not a digest of 64 hexadecimal digits"));
    assert_null(key_lists_load("/nonexistent/list", NULL, reason));
    assert_string_equal(reason, "/nonexistent/list: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_what_is_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_it_cannot_read, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
