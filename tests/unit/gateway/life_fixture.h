/* life_fixture: an issuance with its subscription, profile and settings, all in memory, and the facts that point to
 * them. A profile of 7 days with polls every 3 hours; nothing is random. */
#ifndef TESTS_UNIT_GATEWAY_LIFE_FIXTURE_H
#define TESTS_UNIT_GATEWAY_LIFE_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "gateway/issue/life/life.h"

#include "reply.h"

enum { LIFE_SINGLE = 488, LIFE_MULTI = 492 }; /* AutoRefund serves the first alone */

#define LIFE_NOW_MS 1796040000000ull
#define LIFE_MINUTE_MS (60 * 1000ull)
#define LIFE_HOUR_MS (60 * LIFE_MINUTE_MS)
#define LIFE_DAY_MS (24 * LIFE_HOUR_MS)

struct life {
    struct issuance is;
    struct subscription sub;
    struct config_profile profile;
    struct config_issuance times;
    struct config_dcv dcv;
    struct facts facts;
};

/* Begun an hour ago, sent 20 minutes ago. */
static inline void life_make(struct life *life, enum issuance_state state, enum issuance_kind kind)
{
    memset(life, 0, sizeof *life);
    snprintf(life->is.id, sizeof life->is.id, "gw10123456789abcdef0123456789abcdef");
    life->is.state = state;
    life->is.kind = kind;
    life->is.created_ms = LIFE_NOW_MS - LIFE_HOUR_MS;
    life->is.changed_ms = LIFE_NOW_MS - 2 * LIFE_MINUTE_MS;
    bool before = state == ISSUANCE_QUEUED || state == ISSUANCE_PREPARED || state == ISSUANCE_PUBLISHED;
    if (!before) {
        life->is.sends = 1;
        life->is.sent_ms = life->is.resent_ms = LIFE_NOW_MS - 20 * LIFE_MINUTE_MS;
    }
    if (state == ISSUANCE_SUBMITTED || state == ISSUANCE_BLOCKED || state == ISSUANCE_CANCELLING) {
        snprintf(life->is.order_number, sizeof life->is.order_number, "1000001");
        life->is.nudged = true;
    }
    life->sub.state = kind == ISSUANCE_PURCHASE ? SUBSCRIPTION_BUYING : SUBSCRIPTION_LIVE;
    life->sub.product = LIFE_SINGLE;
    life->sub.days = 365;
    snprintf(life->sub.order_number, sizeof life->sub.order_number, "1000001");
    life->profile.deadline_s = 7 * 24 * 3600;
    life->profile.poll_interval_ms = 3 * LIFE_HOUR_MS;
    life->profile.first_poll_ms = LIFE_MINUTE_MS;
    life->profile.accept_base_of_wildcard = true;
    life->times = (struct config_issuance){.settle_again_ms = 5 * LIFE_MINUTE_MS,
                                           .resend_ms = 15 * LIFE_MINUTE_MS,
                                           .settle_give_up_ms = LIFE_DAY_MS,
                                           .later_ms = LIFE_MINUTE_MS,
                                           .queue = 64,
                                           .superseded_after_ms = LIFE_HOUR_MS};
    life->dcv.preflight = CONFIG_PREFLIGHT_ENFORCE;
    life->dcv.preflight_retry_ms = 30 * 1000;
    life->dcv.nudge_after_ms = 10 * 1000;
    life->facts = (struct facts){.is = &life->is,
                                 .sub = &life->sub,
                                 .profile = &life->profile,
                                 .times = &life->times,
                                 .dcv = &life->dcv,
                                 .owns_number = true};
}

static inline void life_clear(struct life *life)
{
    free(life->is.note);
    memset(life, 0, sizeof *life);
}

/* Decides by a reply: reply_of(body). */
static inline void life_reply(const struct life *life, const struct ask *ask, const char *body, struct reading *reading)
{
    struct upstream_reply reply = reply_of(body);
    reading_of_reply(reading, ask, &life->is, &reply);
}

#endif
