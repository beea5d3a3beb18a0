/* covers: gateway/key_lists.c
 *
 * The files of keys that are refused: whatever they hold, either a line is named, or each digest that stands there is
 * found.
 *
 * The first octet chooses: a blocked file, a weak one, or a folder of these. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/key_lists.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fuzz-key-lists-XXXXXX", path[sizeof folder + 8];

static void remove_files(void)
{
    unlink(path);
    rmdir(folder);
}

static bool write_file(const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "we");
    bool good = file && fwrite(data, 1, size, file) == size;
    return file && fclose(file) == 0 && good;
}

/* Every digest of the list is found by the hook. */
static void check_found(struct key_lists *lists)
{
    const uint8_t none[DIGEST_LEN] = {0};
    for (size_t i = 0; i < lists->blocked.count; i++) {
        if (!key_lists_find(lists, lists->blocked.list[i], NULL))
            abort();
    }
    for (size_t i = 0; i < lists->weak.count; i++) {
        uint8_t sha1[20] = {0};
        memcpy(sha1 + sizeof sha1 - WEAK_LEN, lists->weak.list[i], WEAK_LEN);
        if (!key_lists_find(lists, none, sha1))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char reason[KEY_LISTS_REASON_MAX] = "";
    if (!path[0]) {
        if (!mkdtemp(folder))
            abort();
        snprintf(path, sizeof path, "%s/list", folder);
        atexit(remove_files);
    }
    if (size == 0 || !write_file(data + 1, size - 1))
        return 0;
    bool blocked = data[0] % 4 == 0, absent = data[0] % 4 == 3;
    const char *weak = data[0] % 4 == 1 ? path : folder;
    struct key_lists *lists = key_lists_load(blocked ? path : NULL, absent ? "/nonexistent" : blocked ? NULL : weak, reason);
    if (!lists && !reason[0])
        abort();
    if (lists)
        check_found(lists);
    key_lists_free(lists);
    return 0;
}
