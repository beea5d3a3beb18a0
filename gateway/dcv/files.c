#include "gateway/dcv/files.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/tables.h"
#include "store/record.h"

enum { RECORD_VERSION = 1, BODY_MAX = 160, KEY_MAX = DCV_MD5_TEXT + DCV_ISSUANCE_MAX };

struct dcv_answer dcv_answer_make(const uint8_t *csr, size_t csr_len, const char *unique_value, const char *issuance)
{
    struct dcv_answer answer = {.issuance = issuance};
    answer.made = sectigo_token_make(csr, csr_len, unique_value, &answer.token);
    return answer;
}

/* Upper-case MD5, then the issuance. Returns the key's length, 0 on failure. */
static size_t make_key(const struct dcv_answer *answer, uint8_t key[static KEY_MAX])
{
    size_t id_len = strlen(answer->issuance);
    if (DCV_MD5_TEXT + id_len > KEY_MAX || !answer->made)
        return 0;
    memcpy(key, answer->token.md5_upper, DCV_MD5_TEXT);
    memcpy(key + DCV_MD5_TEXT, answer->issuance, id_len);
    return DCV_MD5_TEXT + id_len;
}

struct newest {
    const char *except; /* an issuance to pass over; NULL: none */
    uint64_t put_ms;
    char *body;
    char issuance[DCV_ISSUANCE_MAX + 1];
};

static bool keep_newest(void *ctx, struct store_slice key, struct store_slice value)
{
    struct newest *newest = ctx;
    struct record_reader r;
    char issuance[DCV_ISSUANCE_MAX + 1] = "";
    memcpy(issuance, key.data + DCV_MD5_TEXT, key.len - DCV_MD5_TEXT);
    if ((newest->except && strcmp(issuance, newest->except) == 0) || record_open(&r, value) != RECORD_VERSION)
        return true;
    uint64_t put_ms = record_get_u64(&r);
    struct store_slice body = record_get_bytes(&r);
    if (r.failed || (newest->body && put_ms < newest->put_ms))
        return true;
    free(newest->body);
    newest->put_ms = put_ms;
    memcpy(newest->issuance, issuance, sizeof newest->issuance);
    newest->body = strndup((const char *)body.data, body.len);
    return true;
}

/* md5 in either case. */
static enum store_status visit_files(struct store_txn *txn, const char *md5, struct newest *newest)
{
    char upper[DCV_MD5_TEXT];
    for (size_t i = 0; i < DCV_MD5_TEXT; i++)
        upper[i] = (char)(md5[i] >= 'a' && md5[i] <= 'f' ? md5[i] - 32 : md5[i]);
    return store_visit_prefix(txn, ISSUE_DCV_FILES, upper, DCV_MD5_TEXT, keep_newest, newest);
}

/* The newest is served, also where an older one was put by a clock that was ahead. */
static uint64_t put_after_others(struct store_txn *txn, const struct dcv_answer *answer, uint64_t now_ms)
{
    struct newest others = {.except = answer->issuance};
    visit_files(txn, answer->token.md5_upper, &others);
    free(others.body);
    return others.put_ms < now_ms ? now_ms : others.put_ms + 1;
}

enum store_status dcv_file_put(struct store_txn *txn, const struct dcv_answer *answer, uint64_t now_ms)
{
    struct record_writer w;
    uint8_t key[KEY_MAX];
    char body[BODY_MAX];
    enum store_status status = STORE_INVALID;
    size_t key_len = make_key(answer, key);
    size_t body_len = key_len ? sectigo_token_file(&answer->token, body, sizeof body) : 0;
    if (body_len == 0)
        return STORE_INVALID;
    record_begin(&w, RECORD_VERSION, BODY_MAX + 32);
    record_put_u64(&w, put_after_others(txn, answer, now_ms));
    record_put_bytes(&w, body, body_len);
    if (!w.failed)
        status = store_put(txn, ISSUE_DCV_FILES, key, key_len, w.data, w.len);
    record_free(&w);
    return status;
}

enum store_status dcv_file_remove(struct store_txn *txn, const struct dcv_answer *answer)
{
    uint8_t key[KEY_MAX];
    size_t key_len = make_key(answer, key);
    if (key_len == 0)
        return STORE_INVALID;
    enum store_status status = store_delete(txn, ISSUE_DCV_FILES, key, key_len);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status dcv_file_find(struct store_txn *txn, const char *md5, size_t len, char **body)
{
    struct newest newest = {0};
    *body = NULL;
    if (len != DCV_MD5_TEXT)
        return STORE_NOT_FOUND;
    enum store_status status = visit_files(txn, md5, &newest);
    *body = newest.body;
    if (newest.body || status != STORE_OK)
        return newest.body ? STORE_OK : status;
    return newest.issuance[0] ? STORE_SHORT : STORE_NOT_FOUND;
}

enum store_status dcv_file_other(struct store_txn *txn, const char *md5, const char *except,
                                 char issuance[static DCV_ISSUANCE_MAX + 1])
{
    struct newest newest = {.except = except};
    enum store_status status = visit_files(txn, md5, &newest);
    memcpy(issuance, newest.issuance, sizeof newest.issuance);
    free(newest.body);
    return status == STORE_OK && !issuance[0] ? STORE_NOT_FOUND : status;
}
