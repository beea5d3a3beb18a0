#include "gateway/key_lists.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DIGEST_LEN = 32, BLOCKED_LEN = 32, WEAK_LEN = 10, PATH_SIZE = 1024 };

/* Sorted once they are read; shorter digests are padded with zeros. */
struct digests {
    uint8_t (*list)[DIGEST_LEN];
    size_t count, capacity;
};

struct key_lists {
    struct digests blocked, weak;
};

static bool add_digest(struct digests *digests, const uint8_t digest[static DIGEST_LEN])
{
    if (digests->count == digests->capacity) {
        size_t capacity = digests->capacity ? 2 * digests->capacity : 1024;
        void *grown = realloc(digests->list, capacity * DIGEST_LEN);
        if (!grown)
            return false;
        digests->list = grown;
        digests->capacity = capacity;
    }
    memcpy(digests->list[digests->count++], digest, DIGEST_LEN);
    return true;
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, DIGEST_LEN);
}

static void sort(struct digests *digests)
{
    if (digests->count > 0)
        qsort(digests->list, digests->count, DIGEST_LEN, compare_digests);
}

static bool contains(const struct digests *digests, const uint8_t *octets, size_t len)
{
    uint8_t digest[DIGEST_LEN] = {0};
    memcpy(digest, octets, len);
    return digests->count > 0 && bsearch(digest, digests->list, digests->count, DIGEST_LEN, compare_digests) != NULL;
}

/* ---- reading ---- */

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Exactly len octets in hexadecimal. */
static bool read_digest(const char *text, size_t text_len, size_t len, uint8_t digest[static DIGEST_LEN])
{
    memset(digest, 0, DIGEST_LEN);
    if (text_len != 2 * len)
        return false;
    for (size_t i = 0; i < text_len; i++) {
        int value = digit(text[i]);
        if (value < 0)
            return false;
        digest[i / 2] = (uint8_t)(digest[i / 2] << 4 | value);
    }
    return true;
}

static bool fail_list(char reason[static KEY_LISTS_REASON_MAX], const char *path, const char *why)
{
    snprintf(reason, KEY_LISTS_REASON_MAX, "%.300s: %s", path, why);
    return false;
}

static bool read_lines(FILE *file, const char *path, size_t len, struct digests *digests,
                       char reason[static KEY_LISTS_REASON_MAX])
{
    uint8_t digest[DIGEST_LEN];
    char *line = NULL;
    size_t size = 0;
    unsigned number = 0;
    bool good = true;
    while (good && getline(&line, &size, file) >= 0) {
        size_t line_len = strcspn(line, " \t\r\n");
        number++;
        if (line_len == 0 || line[0] == '#')
            continue;
        if (!read_digest(line, line_len, len, digest)) {
            snprintf(reason, KEY_LISTS_REASON_MAX, "%.300s:%u: it is not a digest of %zu hexadecimal digits", path,
                     number, 2 * len);
            good = false;
        } else if (!add_digest(digests, digest)) {
            good = fail_list(reason, path, "out of memory");
        }
    }
    free(line);
    return good && (!ferror(file) || fail_list(reason, path, strerror(errno)));
}

static bool read_list(const char *path, size_t len, struct digests *digests, char reason[static KEY_LISTS_REASON_MAX])
{
    FILE *file = fopen(path, "re");
    if (!file)
        return fail_list(reason, path, strerror(errno));
    bool good = read_lines(file, path, len, digests, reason);
    fclose(file);
    return good;
}

static bool read_folder(const char *path, size_t len, struct digests *digests, char reason[static KEY_LISTS_REASON_MAX])
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    struct stat is;
    char file[PATH_SIZE];
    bool good = folder != NULL || fail_list(reason, path, strerror(errno));
    while (good && (entry = readdir(folder)) != NULL) {
        if (snprintf(file, sizeof file, "%s/%s", path, entry->d_name) >= (int)sizeof file)
            good = fail_list(reason, path, "its path is too long");
        else if (stat(file, &is) == 0 && S_ISREG(is.st_mode))
            good = read_list(file, len, digests, reason);
    }
    if (folder)
        closedir(folder);
    return good;
}

static bool read_path(const char *path, size_t len, struct digests *digests, char reason[static KEY_LISTS_REASON_MAX])
{
    struct stat is;
    if (!path)
        return true;
    bool good = stat(path, &is) == 0 && S_ISDIR(is.st_mode) ? read_folder(path, len, digests, reason)
                                                            : read_list(path, len, digests, reason);
    sort(digests);
    return good;
}

/* ---- the lists ---- */

struct key_lists *key_lists_load(const char *blocked, const char *weak, char reason[static KEY_LISTS_REASON_MAX])
{
    struct key_lists *lists = calloc(1, sizeof *lists);
    if (!lists) {
        snprintf(reason, KEY_LISTS_REASON_MAX, "out of memory");
        return NULL;
    }
    if (read_path(blocked, BLOCKED_LEN, &lists->blocked, reason) && read_path(weak, WEAK_LEN, &lists->weak, reason))
        return lists;
    key_lists_free(lists);
    return NULL;
}

void key_lists_free(struct key_lists *lists)
{
    if (!lists)
        return;
    free(lists->blocked.list);
    free(lists->weak.list);
    free(lists);
}

const char *key_lists_find(void *ctx, const uint8_t spki_sha256[static 32], const uint8_t *modulus_sha1)
{
    const struct key_lists *lists = ctx;
    bool blocked = contains(&lists->blocked, spki_sha256, BLOCKED_LEN);
    bool weak = !blocked && modulus_sha1 && contains(&lists->weak, modulus_sha1 + 20 - WEAK_LEN, WEAK_LEN);
    return blocked ? "the operator of this server has blocked it"
           : weak  ? "it is one of the few that Debian's OpenSSL made in 2008 (CVE-2008-0166)"
                   : NULL;
}
