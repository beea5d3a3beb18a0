/* covers: gateway/issue/money/ledger.c store/record.c
 *
 * What the issuer stores may be damaged: whatever the octets, decoding must stay inside them, and what it takes can be
 * written, is taken again then, and is the same.
 *
 * The first octet chooses the kind of record, the rest is the record. The store is in the target's hand: the record is
 * what its table has, under any key, and nothing else is stored (CMakeLists.txt: --wrap). */
#include <stdlib.h>
#include <string.h>

#include "gateway/issue/money/ledger.h"
#include "gateway/issue/money/payment.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/record/story.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
enum store_status __wrap_store_get(struct store_txn *txn, unsigned table, const void *key, size_t key_len,
                                   struct store_slice *value);
enum store_status __wrap_store_put(struct store_txn *txn, unsigned table, const void *key, size_t key_len,
                                   const void *value, size_t value_len);

enum { RECORD_MAX = 16 * 1024 }; /* less than any may have, so that all that is taken can be written again */

static unsigned at;                /* the table of the record */
static struct store_slice present; /* the record */
static uint8_t written[2 * RECORD_MAX];
static size_t written_len;
static char id[] = "a0123456789abcdef0123456789abcdef";

enum store_status __wrap_store_get(struct store_txn *txn, unsigned table, const void *key, size_t key_len,
                                   struct store_slice *value)
{
    (void)txn, (void)key, (void)key_len;
    if (table != at)
        return STORE_NOT_FOUND;
    *value = present;
    return STORE_OK;
}

enum store_status __wrap_store_put(struct store_txn *txn, unsigned table, const void *key, size_t key_len,
                                   const void *value, size_t value_len)
{
    (void)txn, (void)key, (void)key_len;
    if (table != at)
        return STORE_OK;
    if (value_len > sizeof written)
        abort();
    memcpy(written, value, value_len);
    written_len = value_len;
    return STORE_OK;
}

/* Reads the record, and writes what it says. False where it is none. */
typedef bool pass_fn(void);

static bool pass_issuance(void)
{
    struct issuance is;
    bool good = issuance_load(NULL, id, &is) == STORE_OK;
    if (good && (issuance_state_of(present) != is.state || issuance_save(NULL, &is) != STORE_OK))
        abort();
    issuance_clear(&is);
    return good;
}

static bool pass_subscription(void)
{
    struct acme_id sub_id = {{0}};
    struct subscription sub;
    bool good = subscription_load(NULL, &sub_id, &sub) == STORE_OK;
    if (good && subscription_save(NULL, &sub) != STORE_OK)
        abort();
    subscription_clear(&sub);
    return good;
}

static bool pass_login(void)
{
    struct login_record login;
    if (login_load(NULL, "main", &login) != STORE_OK)
        return false;
    if (login_set_paused(NULL, "main", login.paused_ms ? login.paused_ms : 1) != STORE_OK)
        abort();
    return true;
}

static bool pass_ledger(void)
{
    struct ledger ledger;
    if (ledger_load(NULL, "main", &ledger) != STORE_OK)
        return false;
    if (ledger_save(NULL, "main", &ledger) != STORE_OK)
        abort();
    return true;
}

static bool pass_payment(void)
{
    struct payment payment;
    if (payment_load(NULL, id, &payment) != STORE_OK)
        return false;
    if (payment_save(NULL, id, &payment) != STORE_OK)
        abort();
    return true;
}

/* A line is added, the same each time. */
static bool pass_story(void)
{
    static struct story story;
    struct issuance is = {.state = ISSUANCE_QUEUED};
    if (story_load(NULL, id, &story) != STORE_OK)
        return false;
    if (story.count > STORY_LINES_MAX || story_add(NULL, &is, "what", "words", 1) != STORE_OK)
        abort();
    return true;
}

static const struct kind {
    unsigned table;
    pass_fn *pass;
    bool same; /* what was written is written again to the octet */
} kinds[] = {
    {ISSUE_ISSUANCES, pass_issuance, true}, {ISSUE_SUBSCRIPTIONS, pass_subscription, true},
    {ISSUE_LOGINS, pass_login, true},       {ISSUE_LEDGERS, pass_ledger, true},
    {ISSUE_PAYMENTS, pass_payment, true},   {ISSUE_STORIES, pass_story, false},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t first[sizeof written];
    if (size == 0 || size > RECORD_MAX)
        return 0;
    const struct kind *kind = &kinds[data[0] % (sizeof kinds / sizeof *kinds)];
    at = kind->table;
    present = (struct store_slice){data + 1, size - 1};
    if (!kind->pass())
        return 0;
    size_t len = written_len;
    memcpy(first, written, len);
    present = (struct store_slice){first, len};
    if (!kind->pass() || (kind->same && (written_len != len || memcmp(first, written, len) != 0)))
        abort();
    return 0;
}
