/* sent: whatever costs money is asserted on what we sent: no second request before the first is settled, and then the
 * same again. issuance.md section 4. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "tests/simulation/sim.h"

enum { SENDINGS = 1 << 16, DAYS = 400, OF_ANOTHER_DAY = 3 };

/* Five minutes are from asking to asking, and are seen here from answer to answer. */
static const uint64_t ON_THE_WAY_MS = 15 * SECOND_MS;

/* Fifteen minutes are from the commit into submitting, after which the request leaves within half a minute; and a system
 * clock that is set by less than a minute is followed. */
static const uint64_t BEFORE_IT_LEFT_MS = 90 * SECOND_MS;

struct sending {
    char foreign[SECTIGO_FON_MAX + 1], unique[SECTIGO_UNIQUE_VALUE_MAX + 1];
    const struct csr *csr;
    uint64_t sent_ms, reserved_ms; /* reserved_ms: of the first that may have been placed */
    bool perhaps;   /* for all that the gateway can know, the last one may have been placed */
    unsigned looks; /* reports since then that did not know it */
    uint64_t looked_ms;
};

static struct sending *sendings;
static unsigned bought[DAYS]; /* by the day on which its money was reserved */

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

void sent_request(enum sectigo_call_kind kind, const struct sectigo_form *form)
{
    const char *foreign = sectigo_form_get(form, "foreignOrderNumber"), *unique = sectigo_form_get(form, "uniqueValue");
    if (!costs(kind))
        return;
    struct sending *sending = find(foreign);
    const struct csr *csr = authority_find(sectigo_form_get(form, "csr"));
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

/* Some more than the limit: a request leaves up to half a minute after the commit, and that may be midnight; and a
 * refusal that was heard, and not stored before a kill, leaves its money reserved on the day of the request that was
 * refused. An older copy knows of one login again before it knows of the other, and the limit is that of both. */
void sent_placed(const char *foreign)
{
    unsigned day = (unsigned)(find(foreign)->reserved_ms / DAY_MS % DAYS);
    if (++bought[day] > PURCHASES_PER_DAY + OF_ANOTHER_DAY && !trouble_restored())
        wrong("%u purchases in a day, of %d", bought[day], PURCHASES_PER_DAY);
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
