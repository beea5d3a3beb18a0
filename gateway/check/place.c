/* place: where the daemon keeps what it makes: the store, the key beside it, the admin socket. */
#include "gateway/check/internal.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "gateway/systemd.h"
#include "store/store.h"

/* The folder that path is, or is to be made, in. False where the path is too long. */
static bool folder_of(const char *path, char folder[static PATH_MAX])
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return false;
    snprintf(folder, PATH_MAX, "%s", dirname(copy));
    return true;
}

/* Below /run nothing outlives a boot: the service manager makes such a folder when the unit starts (RuntimeDirectory),
 * so alone nobody can tell whether it will be there. */
static bool is_made_at_start(const struct look *look, const char *folder)
{
    return look->occasion == CHECK_ALONE && strncmp(folder, "/run/", 5) == 0;
}

/* The folder is there, and this user may make files in it. */
static bool look_at_folder(const struct look *look, const char *key, const char *file)
{
    char folder[PATH_MAX];
    struct stat about;
    if (!folder_of(file, folder))
        return config_say(look->config, look->reason, key, "\"%.200s...\" is too long for a path", file);
    if (stat(folder, &about) != 0 && errno == ENOENT && is_made_at_start(look, folder))
        return look_warn(look, key, "the folder \"%.200s\" is not there; the unit's RuntimeDirectory= has to make it",
                         folder);
    if (stat(folder, &about) != 0)
        return config_say(look->config, look->reason, key, "the folder \"%.200s\": %s; make it, for the daemon's user",
                          folder, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return config_say(look->config, look->reason, key, "\"%.200s\" is no folder", folder);
    if (access(folder, W_OK | X_OK) != 0)
        return config_say(look->config, look->reason, key,
                          "in the folder \"%.200s\" the user with number %u may make nothing: %s; give it to the "
                          "daemon's user, and check as that user",
                          folder, (unsigned)geteuid(), strerror(errno));
    return true;
}

/* The process that serves a socket there; 0: nobody does. */
static long server_of(const char *path)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(where.sun_path, sizeof where.sun_path, "%s", path);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&where, sizeof where) == 0)
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
    if (fd >= 0)
        close(fd);
    return peer.pid;
}

/* ---- the store ---- */

const char *place_unfit(unsigned long type)
{
    static const struct {
        unsigned long type;
        const char *name;
    } unfit[] = {{NFS_SUPER_MAGIC, "NFS"},   {SMB_SUPER_MAGIC, "SMB"}, {CIFS_SUPER_MAGIC, "CIFS"},
                 {SMB2_SUPER_MAGIC, "SMB"},  {AFS_SUPER_MAGIC, "AFS"}, {AFS_FS_MAGIC, "AFS"},
                 {CODA_SUPER_MAGIC, "Coda"}, {NCP_SUPER_MAGIC, "NCP"}, {CEPH_SUPER_MAGIC, "Ceph"},
                 {0x7461636f, "OCFS2"},      {0x01161970, "GFS2"},     {0x0bd00bd0, "Lustre"}};
    for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++)
        if (unfit[i].type == type)
            return unfit[i].name;
    return NULL;
}

static bool look_at_disk(const struct look *look, const char *folder)
{
    struct statfs about;
    if (statfs(folder, &about) != 0)
        return config_say(look->config, look->reason, "store.path", "\"%.200s\": %s", folder, strerror(errno));
    unsigned long type = (unsigned long)about.f_type & 0xffffffff; /* which is signed, and narrower on some machines */
    const char *unfit = place_unfit(type);
    if (unfit != NULL)
        return config_say(look->config, look->reason, "store.path",
                          "\"%.200s\" is on %s, where a store is damaged sooner or later; it must be on a local disk",
                          folder, unfit);
    if (type == TMPFS_MAGIC || type == RAMFS_MAGIC)
        look_warn(
            look, "store.path",
            "\"%.200s\" is in memory (tmpfs): the next boot forgets every order, and what was paid is bought again",
            folder);
    return true;
}

static bool look_at_key_file(const struct look *look, const char *store)
{
    const char *file = look->config->store.key_file;
    size_t len = strlen(store);
    while (len > 1 && store[len - 1] == '/')
        len--;
    if (strncmp(file, store, len) == 0 && file[len] == '/')
        look_warn(look, "store.key_file",
                  "\"%.200s\" is inside store.path: whoever copies the store takes along the key that seals it", file);
    return (access(file, F_OK) == 0 || strncmp(file, store, len) == 0) || look_at_folder(look, "store.key_file", file);
}

/* A database does not say which process of this machine has it open; the admin socket does. */
static bool look_at_postgresql(struct look *look)
{
    const struct config *config = look->config;
    if (look->occasion == CHECK_ALONE && config->admin.socket != NULL)
        look->owner = server_of(config->admin.socket);
    return look_at_folder(look, "store.key_file", config->store.key_file);
}

bool look_at_store(struct look *look)
{
    if (look->occasion == CHECK_RELOAD) { /* it cannot be another, and is open */
        look->owner = getpid();
        return true;
    }
    if (look->config->store.engine == CONFIG_POSTGRESQL)
        return look_at_postgresql(look);
    const char *path = look->config->store.path;
    char folder[PATH_MAX];
    struct stat about;
    bool there = stat(path, &about) == 0;
    if (there && !S_ISDIR(about.st_mode))
        return config_say(look->config, look->reason, "store.path", "\"%.200s\" is no folder", path);
    if (there && access(path, R_OK | W_OK | X_OK) != 0)
        return config_say(look->config, look->reason, "store.path",
                          "\"%.200s\" cannot be used by the user with number %u: %s; give it to the daemon's user, and "
                          "check as that user",
                          path, (unsigned)geteuid(), strerror(errno));
    if (!there && !look_at_folder(look, "store.path", path))
        return false;
    if (!look_at_disk(look, there || !folder_of(path, folder) ? path : folder) || !look_at_key_file(look, path))
        return false;
    look->owner = store_owner(path);
    if (look->owner != 0 && look->occasion == CHECK_START)
        return config_say(look->config, look->reason, "store.path",
                          "%.200s: process %ld owns this store; stop it first", path, look->owner);
    return true;
}

/* ---- what is written beside the store ---- */

/* folder NULL: nothing is. */
static bool look_into(const struct look *look, const char *key, const char *folder)
{
    char file[PATH_MAX];
    snprintf(file, sizeof file, "%s/file", folder ? folder : "");
    return folder == NULL || look_at_folder(look, key, file);
}

bool look_at_folders(struct look *look)
{
    return look_into(look, "backup.folder", look->config->backup.folder) &&
           look_into(look, "housekeeping.audit_export", look->config->housekeeping.audit_export);
}

/* ---- the admin socket ---- */

/* The service manager answers on the one that it holds for us. */
static bool is_handed(const char *path)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    snprintf(where.sun_path, sizeof where.sun_path, "%s", path);
    return systemd_socket("admin", (const struct sockaddr *)&where) >= 0;
}

bool look_at_socket(struct look *look)
{
    static const char key[] = "admin.socket";
    const char *path = look->config->admin.socket;
    struct stat about;
    if (path == NULL)
        return true;
    if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return config_say(look->config, look->reason, key, "the path of a Unix socket can have 107 octets at most");
    if (!look_at_folder(look, key, path))
        return false;
    if (lstat(path, &about) != 0)
        return true;
    if (!S_ISSOCK(about.st_mode))
        return config_say(look->config, look->reason, key, "\"%s\" is there and is no socket", path);
    return look->owner != 0 || is_handed(path) || server_of(path) == 0 ||
           config_say(look->config, look->reason, key,
                      "another process serves \"%s\"; give this one a socket of its own", path);
}
