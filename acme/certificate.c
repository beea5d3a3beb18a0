#include "acme/certificate.h"

#include <stdlib.h>
#include <string.h>

#include "acme/records.h"
#include "acme/tables.h"

enum { RECORD_MAX = ACME_CHAIN_MAX + 4096 };

bool certificate_decode(struct store_slice value, struct acme_certificate *certificate)
{
    struct record_reader r;
    record_open_v1(&r, value);
    record_get_id(&r, &certificate->account);
    record_get_id(&r, &certificate->order);
    record_get_string(&r, certificate->policy, sizeof certificate->policy);
    record_get_string(&r, certificate->profile, sizeof certificate->profile);
    struct store_slice serial = record_get_bytes(&r);
    if (serial.len > sizeof certificate->serial)
        return false;
    if (serial.len > 0)
        memcpy(certificate->serial, serial.data, serial.len);
    certificate->serial_len = serial.len;
    record_get_fixed(&r, certificate->spki_sha256, sizeof certificate->spki_sha256);
    record_get_fixed(&r, certificate->der_sha256, sizeof certificate->der_sha256);
    certificate->not_before_s = (int64_t)record_get_u64(&r);
    certificate->not_after_s = (int64_t)record_get_u64(&r);
    certificate->issued_ms = record_get_u64(&r);
    certificate->downloaded_s = record_get_u64(&r);
    certificate->chain = record_dup_string(&r);
    certificate->certificate_id = record_dup_string(&r);
    certificate->issuance = record_dup_string(&r);
    return record_complete(&r);
}

bool certificate_encode(const struct acme_certificate *certificate, struct record_writer *w)
{
    record_begin(w, 1, RECORD_MAX);
    record_put_id(w, &certificate->account);
    record_put_id(w, &certificate->order);
    record_put_string(w, certificate->policy);
    record_put_string(w, certificate->profile);
    record_put_bytes(w, certificate->serial, certificate->serial_len);
    record_put_fixed(w, certificate->spki_sha256, sizeof certificate->spki_sha256);
    record_put_fixed(w, certificate->der_sha256, sizeof certificate->der_sha256);
    record_put_u64(w, (uint64_t)certificate->not_before_s);
    record_put_u64(w, (uint64_t)certificate->not_after_s);
    record_put_u64(w, certificate->issued_ms);
    record_put_u64(w, certificate->downloaded_s);
    record_put_string(w, certificate->chain);
    record_put_string(w, certificate->certificate_id);
    record_put_string(w, certificate->issuance);
    return record_finish(w);
}

enum store_status acme_certificate_load(struct store_txn *txn, const struct acme_id *id,
                                        struct acme_certificate *certificate)
{
    struct store_slice value;
    memset(certificate, 0, sizeof *certificate);
    certificate->id = *id;
    enum store_status status = store_get(txn, ACME_CERTIFICATES, id->octets, ACME_ID_LEN, &value);
    if (status == STORE_OK && !certificate_decode(value, certificate))
        status = STORE_INVALID;
    return status;
}

enum store_status acme_certificate_save(struct store_txn *txn, const struct acme_certificate *certificate)
{
    struct record_writer w;
    if (certificate->serial_len == 0 || certificate->serial_len > sizeof certificate->serial)
        return STORE_INVALID;
    enum store_status status =
        record_store(txn, ACME_CERTIFICATES, &certificate->id, certificate_encode(certificate, &w), &w);
    if (status == STORE_OK)
        status = store_put(txn, ACME_SERIALS, certificate->serial, certificate->serial_len, certificate->id.octets,
                           ACME_ID_LEN);
    return status;
}

enum store_status acme_certificate_by_serial(struct store_txn *txn, const uint8_t *serial, size_t len,
                                             struct acme_id *id)
{
    struct store_slice value;
    enum store_status status = store_get(txn, ACME_SERIALS, serial, len, &value);
    if (status != STORE_OK)
        return status;
    if (value.len != ACME_ID_LEN)
        return STORE_INVALID;
    memcpy(id->octets, value.data, ACME_ID_LEN);
    return STORE_OK;
}

void acme_certificate_clear(struct acme_certificate *certificate)
{
    free(certificate->chain);
    free(certificate->certificate_id);
    free(certificate->issuance);
    memset(certificate, 0, sizeof *certificate);
}
