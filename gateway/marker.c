#include "gateway/marker.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/durable.h"

/* False: the path is too long. */
static bool marker_path(const struct config *config, char path[static PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s.store", config->store.key_file) < PATH_MAX;
}

bool marker_find(const struct config *config, char sign[static GATEWAY_REASON_MAX])
{
    char path[PATH_MAX];
    sign[0] = '\0';
    if (marker_path(config, path) && access(path, F_OK) == 0)
        snprintf(sign, GATEWAY_REASON_MAX, "%.400s", path);
    else if (access(config->store.key_file, F_OK) == 0)
        snprintf(sign, GATEWAY_REASON_MAX, "%.400s", config->store.key_file);
    return sign[0] != '\0';
}

void marker_explain(const char *why, const char *sign, char reason[static GATEWAY_REASON_MAX])
{
    snprintf(reason, GATEWAY_REASON_MAX,
             "%.400s, but %.200s says that there was one, and a new one would buy again everything that is paid for: "
             "mount its volume, mend the path, or restore a backup; where a new store is really meant, make it by "
             "acmegate --init",
             why, sign);
}

/* The identity that the marker names; "" where it names none. False: it is there and cannot be read. */
static bool read_marker(const char *path, char identity[static STORE_IDENTITY_SIZE])
{
    FILE *file = fopen(path, "re");
    identity[0] = '\0';
    if (!file)
        return errno == ENOENT;
    size_t len = fread(identity, 1, STORE_IDENTITY_SIZE - 1, file);
    bool read = !ferror(file);
    fclose(file);
    identity[len] = '\0';
    return read;
}

static bool identify(struct store *store, char identity[static STORE_IDENTITY_SIZE],
                     char reason[static GATEWAY_REASON_MAX])
{
    enum store_status status = store_identity(store, identity);
    if (status == STORE_OK)
        return true;
    snprintf(reason, GATEWAY_REASON_MAX, "the store's identity cannot be read: %s", store_status_text(status));
    return false;
}

/* Into named, "" where there is none. */
static bool find_named(const struct config *config, char path[static PATH_MAX], char named[static STORE_IDENTITY_SIZE],
                       char reason[static GATEWAY_REASON_MAX])
{
    if (marker_path(config, path) && read_marker(path, named))
        return true;
    snprintf(reason, GATEWAY_REASON_MAX, "the marker %.400s.store cannot be read: %s", config->store.key_file,
             strerror(errno));
    return false;
}

bool marker_names(const struct config *config, const char *identity, const char *file,
                  char reason[static GATEWAY_REASON_MAX])
{
    char path[PATH_MAX], named[STORE_IDENTITY_SIZE];
    if (!find_named(config, path, named, reason))
        return false;
    if (!named[0] || strcmp(named, identity) == 0)
        return true;
    snprintf(reason, GATEWAY_REASON_MAX,
             "%.300s is another store than the one that %.300s names, and would buy again what that one has paid for: "
             "take the right file, or the key file of this store; where this store is really meant, remove the marker",
             file, path);
    return false;
}

bool marker_check(const struct config *config, struct store *store, char reason[static GATEWAY_REASON_MAX])
{
    char path[PATH_MAX], named[STORE_IDENTITY_SIZE], identity[STORE_IDENTITY_SIZE];
    if (!find_named(config, path, named, reason))
        return false;
    if (!named[0])
        return true;
    if (!identify(store, identity, reason))
        return false;
    if (strcmp(named, identity) == 0)
        return true;
    snprintf(reason, GATEWAY_REASON_MAX,
             "%.300s is another store than the one that %.300s names, and would buy again what that one has paid for: "
             "mount the right volume, mend the path, or restore a backup; where this store is really meant, say so by "
             "acmegate --init",
             config->store.path, path);
    return false;
}

bool marker_write(const struct config *config, struct store *store, char reason[static GATEWAY_REASON_MAX])
{
    char path[PATH_MAX], named[STORE_IDENTITY_SIZE], identity[STORE_IDENTITY_SIZE];
    if (!identify(store, identity, reason))
        return false;
    if (marker_path(config, path) && read_marker(path, named) && strcmp(named, identity) == 0)
        return true;
    if (durable_write_file(path, identity, strlen(identity)))
        return true;
    snprintf(reason, GATEWAY_REASON_MAX, "the marker %.400s cannot be written: %s", path, strerror(errno));
    return false;
}
