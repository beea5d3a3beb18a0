#include "gateway/issue/life/kept.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "gateway/issue/record/login.h"
#include "gateway/log.h"
#include "gateway/tables.h"
#include "store/record.h"

enum { RECORD_VERSION = 1, RECORD_MAX = 128 * 1024, KEY_LEN = 32 };

enum store_status kept_add(struct store_txn *txn, const struct kept *kept)
{
    unsigned char key[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct store_slice known;
    struct record_writer w;
    if (EVP_Digest(kept->leaf, strlen(kept->leaf), key, &len, EVP_sha256(), NULL) != 1 || len != KEY_LEN)
        return STORE_IO;
    enum store_status status = store_get(txn, ISSUE_KEPT, key, KEY_LEN, &known);
    if (status != STORE_NOT_FOUND)
        return status == STORE_OK ? STORE_EXISTS : status;
    if (store_count(txn, ISSUE_KEPT) >= KEPT_MAX)
        return STORE_OK;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    record_put_u64(&w, kept->at_ms);
    record_put_string(&w, kept->issuance);
    record_put_string(&w, kept->reason);
    record_put_string(&w, kept->leaf);
    status = w.failed ? STORE_INVALID : store_put(txn, ISSUE_KEPT, key, KEY_LEN, w.data, w.len);
    record_free(&w);
    return status;
}

enum store_status kept_count(struct store_txn *txn, const struct kept *kept, const char *login, enum accept_verdict why,
                             uint64_t now_ms)
{
    bool paused;
    enum store_status status = login_note_withheld(txn, login, kept->issuance, why, now_ms, &paused);
    if (status == STORE_OK && paused)
        log_error(
            "three certificates in a row that were bought with a login are not accepted, all for the same reason; it "
            "buys nothing more. Mend it (trust_anchors of the login, most likely), then acmegatectl upstream resume",
            "login", login, "reason", kept->reason);
    return status;
}

enum store_status kept_decode(struct store_slice value, struct kept *kept)
{
    struct record_reader r;
    memset(kept, 0, sizeof *kept);
    if (record_open(&r, value) != RECORD_VERSION)
        return STORE_INVALID;
    kept->at_ms = record_get_u64(&r);
    record_get_string(&r, kept->issuance, sizeof kept->issuance);
    kept->reason = record_dup_string(&r);
    kept->leaf = record_dup_string(&r);
    return record_complete(&r) ? STORE_OK : STORE_INVALID;
}

void kept_clear(struct kept *kept)
{
    free(kept->reason);
    free(kept->leaf);
    memset(kept, 0, sizeof *kept);
}
