#include "gateway/dcv/record.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/tables.h"
#include "sectigo/sectigo.h"
#include "store/record.h"
#include "store/shortage.h"

/* Version 2 has flags, and is written only where one is set. */
enum { RECORD_VERSION = 2, RECORDS_MAX = 256, RECORD_MAX = RECORDS_MAX * 800 };
enum { FLAG_SKIP_PREFLIGHT = 1, FLAG_CNAME_FIRST = 2 };

void dcv_records_clear(struct dcv_records *records)
{
    free(records->list);
    *records = (struct dcv_records){0};
}

static bool has(const struct dcv_records *records, const struct dcv_record *record)
{
    for (size_t i = 0; i < records->count; i++) {
        if (strcasecmp(records->list[i].owner, record->owner) == 0 &&
            strcasecmp(records->list[i].target, record->target) == 0)
            return true;
    }
    return false;
}

static bool add_record(struct dcv_records *records, const struct dcv_record *record)
{
    if (records->count >= RECORDS_MAX)
        return false;
    struct dcv_record *list = shortage_realloc(records->list, (records->count + 1) * sizeof *list);
    if (!list)
        return false;
    records->list = list;
    list[records->count++] = *record;
    return true;
}

bool dcv_records_make(const struct config_dcv *dcv, const struct acme_names *names, const struct dcv_answer *answer,
                      struct dcv_records *records)
{
    struct acme_problem problem = {0};
    bool good = answer->made;
    *records = (struct dcv_records){0};
    for (size_t i = 0; good && i < names->count; i++) {
        struct dcv_choice choice;
        struct dcv_record record = {0};
        if (!dcv_choose(dcv, &names->list[i], &choice, &problem) || choice.method != SECTIGO_DCV_CNAME)
            continue; /* a name that nothing serves any more is told of by who sends the order */
        good = strlen(choice.zone->zone) < sizeof record.zone &&
               sectigo_token_cname(&answer->token, choice.zone->zone, record.owner, record.target);
        if (good) {
            memcpy(record.zone, choice.zone->zone, strlen(choice.zone->zone) + 1);
            good = has(records, &record) || add_record(records, &record);
        }
    }
    acme_problem_clear(&problem);
    return good;
}

bool dcv_records_join(struct dcv_records *records, const struct dcv_records *more, size_t *added)
{
    *added = 0;
    for (size_t i = 0; i < more->count; i++) {
        if (has(records, &more->list[i]))
            continue;
        if (!add_record(records, &more->list[i]))
            return false;
        ++*added;
    }
    return true;
}

bool dcv_records_have(const struct dcv_records *records, const struct dcv_records *wanted)
{
    for (size_t i = 0; i < wanted->count; i++) {
        if (!has(records, &wanted->list[i]))
            return false;
    }
    return true;
}

bool dcv_records_cover(const struct dcv_records *records, const char *name)
{
    for (size_t i = 0; i < records->count; i++) {
        if (sectigo_adn_covers(records->list[i].zone, name))
            return true;
    }
    return false;
}

enum store_status dcv_records_load(struct store_txn *txn, const char *issuance, struct dcv_records *records)
{
    struct store_slice value;
    struct record_reader r;
    *records = (struct dcv_records){0};
    enum store_status status = store_get(txn, ISSUE_DCV_RECORDS, issuance, strlen(issuance), &value);
    if (status != STORE_OK)
        return status;
    unsigned version = record_open(&r, value);
    if (version == 0 || version > RECORD_VERSION)
        return STORE_INVALID;
    uint32_t count = record_get_u32(&r);
    for (uint32_t i = 0; !r.failed && i < count; i++) {
        struct dcv_record record = {0};
        record_get_string(&r, record.zone, sizeof record.zone);
        record_get_string(&r, record.owner, sizeof record.owner);
        record_get_string(&r, record.target, sizeof record.target);
        if (r.failed || !add_record(records, &record))
            return STORE_INVALID;
    }
    uint8_t flags = version >= 2 ? record_get_u8(&r) : 0;
    records->skip_preflight = flags & FLAG_SKIP_PREFLIGHT;
    records->cname_first = flags & FLAG_CNAME_FIRST;
    return record_complete(&r) ? STORE_OK : STORE_INVALID;
}

enum store_status dcv_records_save(struct store_txn *txn, const char *issuance, const struct dcv_records *records)
{
    struct record_writer w;
    enum store_status status = STORE_INVALID;
    uint8_t flags =
        (uint8_t)((records->skip_preflight ? FLAG_SKIP_PREFLIGHT : 0) | (records->cname_first ? FLAG_CNAME_FIRST : 0));
    record_begin(&w, flags ? RECORD_VERSION : 1, RECORD_MAX);
    record_put_u32(&w, (uint32_t)records->count);
    for (size_t i = 0; i < records->count; i++) {
        record_put_string(&w, records->list[i].zone);
        record_put_string(&w, records->list[i].owner);
        record_put_string(&w, records->list[i].target);
    }
    if (flags)
        record_put_u8(&w, flags);
    if (!w.failed)
        status = store_put(txn, ISSUE_DCV_RECORDS, issuance, strlen(issuance), w.data, w.len);
    record_free(&w);
    return status;
}

enum store_status dcv_records_forget(struct store_txn *txn, const char *issuance)
{
    enum store_status status = store_delete(txn, ISSUE_DCV_RECORDS, issuance, strlen(issuance));
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status dcv_records_retarget(struct store_txn *txn, const struct dcv_answer *answer)
{
    struct dcv_records records;
    enum store_status status = dcv_records_load(txn, answer->issuance, &records);
    if (status == STORE_OK && !answer->made)
        status = STORE_INVALID;
    for (size_t i = 0; status == STORE_OK && i < records.count; i++) {
        struct dcv_record *record = &records.list[i];
        if (!sectigo_token_cname(&answer->token, record->zone, record->owner, record->target))
            status = STORE_INVALID;
    }
    if (status == STORE_OK)
        status = dcv_records_save(txn, answer->issuance, &records);
    dcv_records_clear(&records);
    return status;
}
