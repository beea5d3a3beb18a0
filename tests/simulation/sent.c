/* sent: whatever costs money is asserted on what we sent: no second request before the first is settled, and then the
 * same again. issuance.md section 4. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/issue/record/issuance.h"
#include "tests/simulation/sim.h"

enum { SENDINGS = 1 << 12, DAYS = 400, MONTHS = 12, OF_ANOTHER_DAY = 3 };

/* Five minutes are from asking to asking, and are seen here from answer to answer. */
static const uint64_t ON_THE_WAY_MS = 15 * SECOND_MS;

/* Fifteen minutes are from the commit into submitting, after which the request leaves within half a minute; and a system
 * clock that is set by less than a minute is followed. */
static const uint64_t BEFORE_IT_LEFT_MS = 90 * SECOND_MS;

/* By so much the gateway's time may be wrong where it buys: two clocks that differ by less than a minute agree, and a Date
 * is said somewhere between request and reply. */
static const uint64_t AGREES_MS = 2 * MINUTE_MS;

/* A request leaves within so long of its commit. */
static const uint64_t LEAVES_WITHIN_MS = 31 * SECOND_MS;

struct sending {
    char foreign[SECTIGO_FON_MAX + 1], unique[SECTIGO_UNIQUE_VALUE_MAX + 1];
    const struct csr *csr;
    uint64_t sent_ms, reserved_ms; /* reserved_ms: of the first that may have been placed */
    bool perhaps;   /* for all that the gateway can know, the last one may have been placed */
    unsigned looks; /* reports since then that did not know it */
    uint64_t looked_ms;
};

static struct sending *sendings;
static unsigned bought[DAYS], bought_by_month[MONTHS]; /* by when its money was reserved */

static bool costs(enum sectigo_call_kind kind)
{
    return kind == SECTIGO_AUTO_APPLY_ORDER || kind == SECTIGO_AUTO_REPLACE_SSL;
}

static struct sending *find(const char *foreign)
{
    uint32_t hash = 2166136261u;
    for (const char *c = foreign; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    for (uint32_t i = hash % SENDINGS;; i = (i + 1) % SENDINGS)
        if (!sendings[i].foreign[0] || strcmp(sendings[i].foreign, foreign) == 0)
            return &sendings[i];
}

void sent_begin(void)
{
    sendings = calloc(SENDINGS, sizeof *sendings);
    memset(bought, 0, sizeof bought);
    memset(bought_by_month, 0, sizeof bought_by_month);
    if (!sendings)
        abort();
}

void sent_end(void)
{
    free(sendings);
}

void sent_restored(void)
{
    for (unsigned i = 0; i < SENDINGS; i++) {
        sendings[i].perhaps = false;
        sendings[i].unique[0] = '\0'; /* it draws another where it had none yet */
    }
}

/* Nothing is bought by a gateway that does not know what time it is, and what it has bought. */
static void check_knows(const char *foreign, unsigned login, const struct heard *heard)
{
    uint64_t now_ms = clock_ms(), true_ms = world_true_ms();
    uint64_t off_ms = now_ms > true_ms ? now_ms - true_ms : true_ms - now_ms;
    if (!heard->time)
        wrong("%s is bought before Sectigo has said what time it is", foreign);
    if (off_ms > AGREES_MS)
        wrong("%s is bought while the gateway's time is wrong by %llu s", foreign, (unsigned long long)(off_ms / 1000));
    if (!heard->reports[login])
        wrong("%s is bought before the report was read, once after the start", foreign);
}

/* As the store has it: on its way, and since a moment ago. */
static void check_in_time(const char *foreign)
{
    struct store_txn *txn;
    struct issuance is;
    if (store_read(process.store, &txn) != STORE_OK)
        return;
    bool read = issuance_load(txn, foreign, &is) == STORE_OK;
    if (read && is.state == ISSUANCE_SUBMITTING && clock_since(is.resent_ms, clock_ms()) > LEAVES_WITHIN_MS)
        wrong("%s leaves later than half a minute after it was stored as on its way", foreign);
    issuance_clear(&is);
    store_read_end(txn);
}

/* What leaves for the first time has been seen from outside as Sectigo would. */
static void check_seen(const char *foreign, const struct csr *csr, const char *unique)
{
    if (strcmp(names_preflight(), "enforce") == 0 && !names_were_seen(csr->set, unique))
        wrong("%s leaves, and its files and CAA have not been seen from outside", foreign);
}

void sent_request(enum sectigo_call_kind kind, const struct sectigo_form *form, unsigned login, const struct heard *heard)
{
    const char *foreign = sectigo_form_get(form, "foreignOrderNumber"), *unique = sectigo_form_get(form, "uniqueValue");
    if (!costs(kind))
        return;
    struct sending *sending = find(foreign);
    const struct csr *csr = authority_find(sectigo_form_get(form, "csr"));
    if (kind == SECTIGO_AUTO_APPLY_ORDER && heard) {
        check_knows(foreign, login, heard);
        check_in_time(foreign);
    }
    if (!sending->foreign[0])
        check_seen(foreign, csr, unique);
    if (sending->unique[0] && (sending->csr != csr || strcmp(sending->unique, unique) != 0))
        wrong("%s is sent again with another CSR or uniqueValue", foreign);
    if (sending->perhaps && sending->looks < 2)
        wrong("%s is sent again, and nobody has asked twice whether it was placed", foreign);
    if (sending->perhaps && world_ms() - sending->sent_ms < 15 * MINUTE_MS - BEFORE_IT_LEFT_MS)
        wrong("%s is sent again within 15 minutes", foreign);
    snprintf(sending->foreign, sizeof sending->foreign, "%s", foreign);
    snprintf(sending->unique, sizeof sending->unique, "%s", unique);
    sending->csr = csr;
    if (!sending->perhaps)
        sending->reserved_ms = world_true_ms();
    sending->sent_ms = world_ms();
    sending->perhaps = true;
    sending->looks = 0;
}

static unsigned month_of(uint64_t true_ms)
{
    time_t seconds = (time_t)(true_ms / 1000);
    struct tm parts;
    return gmtime_r(&seconds, &parts) ? (unsigned)parts.tm_mon : 0;
}

/* Some more than the limit: a request leaves up to half a minute after the commit, and that may be midnight; and a
 * refusal that was heard, and not stored before a kill, leaves its money reserved on the day of the request that was
 * refused. An older copy knows of one login again before it knows of the other, and the limit is that of both. */
void sent_placed(const char *foreign)
{
    unsigned day = (unsigned)(find(foreign)->reserved_ms / DAY_MS % DAYS);
    unsigned month = month_of(find(foreign)->reserved_ms);
    if (++bought[day] > PURCHASES_PER_DAY + OF_ANOTHER_DAY && !trouble_restored())
        wrong("%u purchases in a day, of %d", bought[day], PURCHASES_PER_DAY);
    if (++bought_by_month[month] > PURCHASES_PER_MONTH + OF_ANOTHER_DAY && process_is_frugal() && !trouble_restored())
        wrong("%u purchases in a month, of %d", bought_by_month[month], PURCHASES_PER_MONTH);
}

/* An answer that says no, and can mean nothing else. */
static bool is_refusal(const struct sectigo_form *form)
{
    const char *code = sectigo_form_get(form, "errorCode");
    int number = code ? atoi(code) : 0;
    return number < 0 && number != -14 && number != -55 && number > -1000 &&
           !strstr(sectigo_form_get(form, "errorMessage") ? sectigo_form_get(form, "errorMessage") : "", "foreign");
}

void sent_answer(enum sectigo_call_kind kind, const struct sectigo_form *form, enum seen_as as, const char *body)
{
    const char *foreign = sectigo_form_get(form, "foreignOrderNumber");
    struct sectigo_form answer = {0};
    if (as != SEEN_ANSWERED || !foreign || !sectigo_form_parse(body, strlen(body), NULL, &answer))
        return;
    struct sending *sending = find(foreign);
    if (costs(kind) && is_refusal(&answer))
        sending->perhaps = false;
    bool looked = kind == SECTIGO_WEB_HOST_REPORT && sectigo_form_get(&answer, "noOfResults");
    if (looked && (sending->looks == 0 || world_ms() - sending->looked_ms >= 5 * MINUTE_MS - ON_THE_WAY_MS)) {
        sending->looks++;
        sending->looked_ms = world_ms();
    }
    sectigo_form_clear(&answer);
}
