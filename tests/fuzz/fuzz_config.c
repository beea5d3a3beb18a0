/* covers: gateway/config/scan.c gateway/config/tree.c gateway/config/fill.c gateway/config/config.c
 *
 * The configuration is the operator's, but a slip of the hand must end in a sentence, never in a crash. */
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* config_load takes the name of a file: this one lives in memory. */
static void load(int file, const uint8_t *data, size_t size)
{
    char path[32], reason[CONFIG_REASON_MAX];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    check(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
    struct config *config = config_load(path, reason);
    if (config == NULL) {
        check(memchr(reason, '\0', sizeof reason) != NULL);
        check(strncmp(reason, path, strlen(path)) == 0 && strpbrk(reason, "\r\n") == NULL);
    } else {
        check(config->login_count > 0 && config->profile_count > 0 && config->default_profile != NULL);
    }
    config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    if (file < 0)
        file = memfd_create("config", MFD_CLOEXEC);
    check(file >= 0);
    load(file, data, size);
    return 0;
}
