/* patience: how many clients wait less than issuance takes, and drop their key each time (issuance.md section 10). */
#include <stdlib.h>
#include <string.h>

#include "acme/certificate.h"
#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/operate/object.h"
#include "gateway/operate/patience.h"
#include "gateway/operate/request.h"

/* A certificate that nobody has fetched for so long will not be fetched. */
static const uint64_t GIVEN_UP_MS = HOUR_MS;
/* What is older tells nothing about today's clients. */
static const uint64_t COUNTED_MS = 30 * DAY_MS;

struct waits {
    struct store_txn *txn;
    uint64_t until_ms; /* issued before */
    patience_fn *visit;
    void *ctx;
};

static bool visit_ended(void *ctx, const struct acme_id *id, uint64_t issued_ms)
{
    const struct waits *waits = ctx;
    struct acme_certificate certificate;
    if (issued_ms > waits->until_ms)
        return false;
    bool goes_on = acme_certificate_load(waits->txn, id, &certificate) != STORE_OK ||
                   waits->visit(waits->ctx, waits->txn, &certificate);
    acme_certificate_clear(&certificate);
    return goes_on;
}

enum store_status patience_visit(struct store_txn *txn, uint64_t now_ms, patience_fn *visit, void *ctx)
{
    struct waits waits = {txn, clock_since(GIVEN_UP_MS, now_ms), visit, ctx};
    return acme_unfetched(txn, clock_since(COUNTED_MS, now_ms) + 1, visit_ended, &waits);
}

struct count {
    uint64_t certificates;
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

static bool count_certificate(void *ctx, struct store_txn *txn, const struct acme_certificate *certificate)
{
    struct count *count = ctx;
    (void)txn;
    count->failed = !note_account(count, &certificate->account);
    return !count->failed;
}

static int compare_accounts(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct acme_id));
}

json_t *patience_json(struct store_txn *txn, uint64_t now_ms)
{
    struct count count = {.certificates = 0};
    struct object o;
    uint64_t accounts = 0;
    enum store_status status = patience_visit(txn, now_ms, count_certificate, &count);
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
