#include "gateway/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "acme/tables.h"
#include "gateway/durable.h"

static bool complain_file(char reason[static GATEWAY_REASON_MAX], const char *file, const char *what)
{
    snprintf(reason, GATEWAY_REASON_MAX, "\"%.300s\" %s", file, what);
    return false;
}

static bool keep_first(void *ctx, struct store_slice key, struct store_slice value)
{
    return external_key_decode(key, value, ctx) && false;
}

/* STORE_OK and one that is sealed; STORE_NOT_FOUND: the store holds none. */
static enum store_status any_sealed(struct store *store, struct external_key *key)
{
    struct store_txn *txn;
    memset(key, 0, sizeof *key);
    enum store_status status = store_read(store, &txn);
    if (status != STORE_OK)
        return status;
    status = store_visit(txn, ACME_EXTERNAL_KEYS, NULL, 0, keep_first, key);
    store_read_end(txn);
    return status == STORE_OK && !key->id[0] ? STORE_NOT_FOUND : status;
}

static bool read_key(int fd, const char *file, uint8_t seal[static EXTERNAL_KEY_SEAL_LEN],
                     char reason[static GATEWAY_REASON_MAX])
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return complain_file(reason, file, strerror(errno));
    if (!S_ISREG(about.st_mode) || about.st_size != EXTERNAL_KEY_SEAL_LEN)
        return complain_file(reason, file, "is not a key file of this program (32 octets); restore the right one");
    /* Another's, such as a Secret of Kubernetes, may be there for our group to read. */
    if (about.st_mode & (about.st_uid == geteuid() ? S_IRWXG | S_IRWXO : S_IWGRP | S_IXGRP | S_IRWXO))
        return complain_file(reason, file, "can be read by others: chmod 600");
    return read(fd, seal, EXTERNAL_KEY_SEAL_LEN) == EXTERNAL_KEY_SEAL_LEN ||
           complain_file(reason, file, "cannot be read");
}

/* A key that is sealed under it is stored later, so that none ever waits for a key file that a power failure took away.
 */
static bool write_key(const char *file, uint8_t seal[static EXTERNAL_KEY_SEAL_LEN],
                      char reason[static GATEWAY_REASON_MAX])
{
    if (RAND_bytes(seal, EXTERNAL_KEY_SEAL_LEN) != 1)
        return complain_file(reason, file, "no random numbers for a new key");
    return durable_write_file(file, seal, EXTERNAL_KEY_SEAL_LEN) || complain_file(reason, file, strerror(errno));
}

bool seal_load(const char *file, struct store *store, uint8_t seal[static EXTERNAL_KEY_SEAL_LEN],
               char reason[static GATEWAY_REASON_MAX])
{
    struct external_key key;
    uint8_t mac[EXTERNAL_KEY_MAC_LEN];
    enum store_status status = any_sealed(store, &key);
    if (status != STORE_OK && status != STORE_NOT_FOUND)
        return complain_file(reason, file, store_status_text(status));
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && status == STORE_NOT_FOUND)
        return write_key(file, seal, reason);
    if (fd < 0)
        return complain_file(reason, file,
                             errno == ENOENT
                                 ? "is not there, but the store holds external account keys that were sealed "
                                   "with it; restore it"
                                 : strerror(errno));
    bool good = read_key(fd, file, seal, reason);
    close(fd);
    if (!good || status == STORE_NOT_FOUND)
        return good;
    good =
        external_key_open(&key, seal, mac) ||
        complain_file(reason, file, "does not fit this store: its external account keys were sealed with another file");
    OPENSSL_cleanse(mac, sizeof mac);
    return good;
}

bool seal_check(const char *file, struct store *store, char reason[static GATEWAY_REASON_MAX])
{
    struct external_key key;
    uint8_t seal[EXTERNAL_KEY_SEAL_LEN];
    if (access(file, F_OK) != 0 && errno == ENOENT && any_sealed(store, &key) == STORE_NOT_FOUND)
        return true;
    bool good = seal_load(file, store, seal, reason);
    OPENSSL_cleanse(seal, sizeof seal);
    return good;
}
