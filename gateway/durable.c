#include "gateway/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <unistd.h>

bool durable_sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return synced;
}

static bool sync_folder_of(const char *file)
{
    char folder[512];
    snprintf(folder, sizeof folder, "%s", file);
    return durable_sync_folder(dirname(folder));
}

bool durable_write_file(const char *file, const void *octets, size_t len)
{
    char fresh[512];
    int fd = -1;
    if (snprintf(fresh, sizeof fresh, "%s.new", file) >= (int)sizeof fresh) {
        errno = ENAMETOOLONG;
        return false;
    }
    unlink(fresh); /* of a start that was killed */
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0 && write(fd, octets, len) == (ssize_t)len && fsync(fd) == 0;
    if (fd >= 0)
        written = close(fd) == 0 && written;
    if (written && rename(fresh, file) == 0 && sync_folder_of(file))
        return true;
    int error = errno;
    unlink(fresh);
    errno = error;
    return false;
}
