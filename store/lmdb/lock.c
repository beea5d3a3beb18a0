/* lock: one process owns a store.
 *
 * LMDB itself lets several processes write in turn; but two daemons on one store would both run its jobs. flock
 * belongs to the open file, so the kernel releases it when the process ends, however it ends. */
#include "store/lmdb/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The process id that the owner left in the file, for the message only. */
static long owner_of(int fd)
{
    char text[24] = "";
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    return got > 0 ? strtol(text, NULL, 10) : 0;
}

static void write_owner(int fd)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    /* A hint for messages: when it cannot be written, the lock holds all the same. */
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return;
}

static enum store_status refuse_folder(int fd, const char *folder, char reason[static STORE_REASON_SIZE])
{
    if (errno != EWOULDBLOCK)
        return status_explain(status_of(errno), reason, "%s: cannot lock the store: %s", folder, strerror(errno));
    long owner = owner_of(fd);
    if (owner > 0)
        return status_explain(STORE_LOCKED, reason, "%s: process %ld owns this store; stop it first", folder, owner);
    return status_explain(STORE_LOCKED, reason, "%s: another process owns this store; stop it first", folder);
}

enum store_status lock_take(const char *folder, int *fd, char reason[static STORE_REASON_SIZE])
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/owner.lock", folder) >= (int)sizeof path)
        return status_explain(STORE_INVALID, reason, "%s: this path is too long", folder);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return status_explain(status_of(errno), reason, "%s: cannot be opened: %s", path, strerror(errno));
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        enum store_status status = refuse_folder(file, folder, reason);
        close(file);
        return status;
    }
    write_owner(file);
    *fd = file;
    return STORE_OK;
}

/* The lock is tried only where the process that the file names is alive: a shared lock held for a moment could be in
 * the way of one that starts, whose name is not yet there. */
long store_owner(const char *folder)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/owner.lock", folder) >= (int)sizeof path)
        return 0;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return 0;
    long owner = owner_of(file);
    bool alive = owner > 0 && (kill((pid_t)owner, 0) == 0 || errno == EPERM);
    bool held = alive && flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(file);
    return held ? owner : 0;
}
