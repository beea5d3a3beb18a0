/* patience: how many clients wait less than issuance takes, and drop their key each time (issuance.md section 10). */
#include <stdlib.h>
#include <string.h>

#include "acme/certificate.h"
#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/operate/object.h"
#include "gateway/operate/patience.h"
#include "gateway/operate/request.h"
#include "gateway/operate/scan.h"

/* A certificate that nobody has fetched for so long will not be fetched. */
static const uint64_t GIVEN_UP_MS = HOUR_MS;
/* What is older tells nothing about today's clients. */
static const uint64_t COUNTED_MS = 30 * DAY_MS;

bool patience_ended(const struct acme_certificate *certificate, uint64_t now_ms)
{
    return certificate->downloaded_s == 0 && certificate->issued_ms + GIVEN_UP_MS <= now_ms &&
           certificate->issued_ms + COUNTED_MS > now_ms;
}

struct count {
    uint64_t now_ms, certificates;
    struct acme_id *accounts; /* owned: of each such certificate */
    size_t capacity;
    bool failed;
};

static bool note_account(struct count *count, const struct acme_id *account)
{
    if (count->certificates == count->capacity) {
        size_t capacity = count->capacity ? 2 * count->capacity : 64;
        struct acme_id *accounts = realloc(count->accounts, capacity * sizeof *accounts);
        if (!accounts)
            return false;
        count->accounts = accounts;
        count->capacity = capacity;
    }
    count->accounts[count->certificates++] = *account;
    return true;
}

static bool look_at_certificate(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct count *count = ctx;
    struct acme_certificate certificate;
    struct acme_id id;
    (void)value;
    if (!acme_id_read(key, &id))
        return true;
    if (acme_certificate_load(txn, &id, &certificate) == STORE_OK && patience_ended(&certificate, count->now_ms))
        count->failed = !note_account(count, &certificate.account);
    acme_certificate_clear(&certificate);
    return !count->failed;
}

static int compare_accounts(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct acme_id));
}

json_t *patience_json(const struct admin *admin, uint64_t now_ms)
{
    struct count count = {.now_ms = now_ms};
    struct scan_from from = {.len = 0};
    struct object o;
    uint64_t accounts = 0;
    enum store_status status = scan(admin->store, ACME_CERTIFICATES, &from, look_at_certificate, &count);
    if (status != STORE_OK || count.failed) {
        free(count.accounts);
        return json_null();
    }
    if (count.certificates > 0)
        qsort(count.accounts, count.certificates, sizeof *count.accounts, compare_accounts);
    for (uint64_t i = 0; i < count.certificates; i++)
        accounts += i == 0 || compare_accounts(&count.accounts[i], &count.accounts[i - 1]) != 0;
    free(count.accounts);
    object_begin(&o);
    object_number(&o, "accounts", accounts);
    object_number(&o, "certificates", count.certificates);
    return object_end(&o);
}
