#include "store/lmdb/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int code = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return code;
}

int sync_parent(const char *path)
{
    char *copy = strdup(path); /* dirname writes into it */
    if (copy == NULL)
        return ENOMEM;
    int code = sync_path(dirname(copy));
    free(copy);
    return code;
}
