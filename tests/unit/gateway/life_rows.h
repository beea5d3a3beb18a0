/* life_rows: decisions as rows of a table: what differs from an ordinary issuance, what it is answered, where it leads.
 */
#ifndef TESTS_UNIT_GATEWAY_LIFE_ROWS_H
#define TESTS_UNIT_GATEWAY_LIFE_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "life_fixture.h"

#define P ISSUANCE_PURCHASE
#define R ISSUANCE_REPLACEMENT
#define MINUTES LIFE_MINUTE_MS
#define HOURS LIFE_HOUR_MS
/* Without chance: a quarter off the first back-off, a tenth off the poll interval. */
#define BACK_OFF (45 * 1000ull)
#define POLL (162 * MINUTES)

/* What differs from life_make. */
enum {
    DUE = 1 << 0,       /* its deadline has come */
    OVERDUE = 1 << 1,   /* a day ago */
    DOUBTED = 1 << 2,   /* the clock is in doubt */
    LOOKED = 1 << 3,    /* one report did not know it, long ago */
    JUST = 1 << 4,      /* the request left a minute ago */
    DAY_OLD = 1 << 5,   /* more than a day ago */
    REPEAT = 1 << 6,    /* it was the second one */
    MULTI = 1 << 7,     /* a product that AutoRefund does not serve */
    BY_FAMILY = 1 << 8, /* the login takes no foreignOrderNumber on AutoReplaceSSL */
    FOREIGN = 1 << 9,   /* the report's numbers, or the subscription's, are another's */
    OURS = 1 << 10,     /* the family's certificate is ours */
    SUSPECT = 1 << 11,  /* a push said failed */
    BARE = 1 << 12,     /* nothing was sent; AutoUpdateDCV was not asked */
    SENDING = 1 << 13,
    CAA = 1 << 14, /* Sectigo says that CAA forbids it; CollectSSL was asked just now */
    WITHOUT_ID = 1 << 15,
    CANDIDATE = 1 << 16,
    LOOKED_NOW = 1 << 17, /* a report did not know it, a minute ago */
    CAA_NOW = 1 << 18,    /* RetryCAACheck left a minute ago */
    ASKING_CAA = 1 << 19,
    UNREAD = 1 << 20, /* whose the subscription's number is cannot be read */
};

static inline void apply(struct life *life, unsigned flags, int refusal)
{
    if (flags & (DUE | OVERDUE))
        life->is.created_ms = LIFE_NOW_MS - (flags & OVERDUE ? 8 : 7) * LIFE_DAY_MS;
    if (flags & (LOOKED | LOOKED_NOW)) {
        life->is.looks = 1;
        life->is.looked_ms = LIFE_NOW_MS - (flags & LOOKED ? 10 : 1) * MINUTES;
    }
    if (flags & JUST)
        life->is.resent_ms = LIFE_NOW_MS - MINUTES;
    if (flags & DAY_OLD)
        life->is.sent_ms = LIFE_NOW_MS - 25 * HOURS;
    if (flags & REPEAT)
        life->is.sends = 2;
    if (flags & MULTI)
        life->sub.product = LIFE_MULTI;
    if (flags & BARE) {
        life->is.sends = 0;
        life->is.nudged = false;
    }
    if (flags & (CAA | ASKING_CAA)) {
        life->is.caa = true;
        life->is.looked_ms = LIFE_NOW_MS - MINUTES;
    }
    if (flags & CAA_NOW)
        life->is.caa_retried_ms = LIFE_NOW_MS - MINUTES;
    if (!(flags & WITHOUT_ID))
        snprintf(life->is.certificate_id, sizeof life->is.certificate_id, "4711");
    life->is.doubt = flags & SUSPECT;
    life->is.refusal = refusal;
    life->facts.in_doubt = flags & DOUBTED;
    life->facts.settles_by_family = flags & BY_FAMILY;
    life->facts.owns_number = !(flags & (FOREIGN | UNREAD));
    life->facts.unread = flags & UNREAD;
    life->facts.sending = flags & SENDING;
    life->facts.asking_caa = flags & ASKING_CAA;
    assert_true(issuance_set_note(&life->is, "of before"));
}

/* Where it leads. detail: the question, the refusal, enum outcome_learned, outcome_held or outcome_death, the problem
 * of what is refused, whether CAA forbids it. */
struct expected {
    enum outcome_kind kind;
    enum issuance_state to;
    uint64_t wait_ms; /* 0: at once */
    int detail;
};

static inline int detail_of(const struct outcome *out)
{
    switch (out->kind) {
    case OUTCOME_ASK:
        return (int)out->ask.question;
    case OUTCOME_STAY:
        return (int)out->learned;
    case OUTCOME_NOT_SENT:
        return out->not_sent.failed;
    case OUTCOME_UNKNOWN:
        return out->refusal;
    case OUTCOME_HELD:
        return (int)out->held;
    case OUTCOME_REFUSED:
        return (int)out->end.problem.type;
    case OUTCOME_DEAD:
        return (int)out->end.how;
    case OUTCOME_BLOCKED:
        return out->caa;
    case OUTCOME_HASTEN:
        return out->doubt;
    default:
        return 0;
    }
}

static inline void compare(const struct outcome *out, enum issuance_state from, const struct expected *want)
{
    assert_int_equal(out->kind, want->kind);
    assert_int_equal(outcome_state(out, from), want->to ? want->to : from);
    assert_int_equal(out->due_ms, want->wait_ms ? LIFE_NOW_MS + want->wait_ms : 0);
    assert_int_equal(detail_of(out), want->detail);
}

struct row {
    const char *what;
    enum issuance_state state;
    enum issuance_kind kind;
    unsigned flags;
    int refusal;
    enum question asked;
    const char *body;
    struct expected want;
};

static inline void decide_row(const struct row *row, struct outcome *out)
{
    struct life life;
    struct reading reading;
    struct ask ask = {.question = row->asked};
    life_make(&life, row->state, row->kind);
    apply(&life, row->flags, row->refusal);
    assert_true(subscription_add_certificate_id(&life.sub, "4711"));
    if (row->flags & CANDIDATE)
        snprintf(ask.candidate, sizeof ask.candidate, "4712");
    life_reply(&life, &ask, row->body, &reading);
    reading.foreign = row->flags & FOREIGN;
    reading.ours = row->flags & OURS;
    life_decide(&life.facts, &reading, LIFE_NOW_MS, out);
    free(life.sub.certificate_ids);
    reading_clear(&reading);
    life_clear(&life);
}

/* Each question of a report or a collection counts as a look; what is sent again was missed by one. */
static inline void decide_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct outcome out;
        enum question asked = rows[i].asked;
        bool looks = asked == ASK_REPORT || asked == ASK_FAMILY || asked == ASK_NEWEST || asked == ASK_COLLECT ||
                     asked == ASK_STATUS;
        print_message("%s\n", rows[i].what);
        decide_row(&rows[i], &out);
        compare(&out, rows[i].state, &rows[i].want);
        assert_int_equal(out.looked, looks);
        if (out.kind == OUTCOME_SEND)
            assert_true(out.missed);
    }
}

#endif
