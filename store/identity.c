/* identity: a store has a random name from its making on, which its copies share, so that another one in its place is
 * noticed. */
#include "store/engine.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "store/hex.h"

const char identity_key[] = "identity";

static enum store_status put_identity(struct store_txn *txn, void *arg)
{
    enum store_status status =
        store_insert(txn, table_own(txn->store, TABLE_META), identity_key, strlen(identity_key), arg, IDENTITY_LEN);
    return status == STORE_EXISTS ? STORE_REFUSED : status;
}

enum store_status identity_write(struct store_txn *txn, const uint8_t identity[static IDENTITY_LEN])
{
    return store_put(txn, table_own(txn->store, TABLE_META), identity_key, strlen(identity_key), identity, IDENTITY_LEN);
}

enum store_status identity_settle(struct store *store)
{
    uint8_t name[IDENTITY_LEN];
    if (getrandom(name, sizeof name, 0) != sizeof name)
        return STORE_IO;
    enum store_status status = store_call(store, put_identity, name);
    return status == STORE_REFUSED ? STORE_OK : status; /* it has one */
}

enum store_status store_identity(struct store *store, char text[static STORE_IDENTITY_SIZE])
{
    struct store_txn *txn;
    struct store_slice value;
    enum store_status status = store_read(store, &txn);
    if (status != STORE_OK)
        return status;
    status = store_get(txn, table_own(store, TABLE_META), identity_key, strlen(identity_key), &value);
    if (status == STORE_OK && value.len != IDENTITY_LEN)
        status = STORE_INVALID;
    if (status == STORE_OK)
        hex_write(value.data, IDENTITY_LEN, text);
    store_read_end(txn);
    return status;
}
