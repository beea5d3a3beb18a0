#include "gateway/operate/renewals.h"

#include "acme/durations.h"
#include "gateway/issue/record/subscription.h"

/* Clients look twice a day, so nothing is renewed more often. */
static const uint64_t LEAST_MS = 12 * HOUR_MS;

/* acme/renewal_info.c: the window begins in the first quarter of the last third, and is an eighth of it long. */
uint64_t renewals_due_ms(uint64_t not_before_ms, uint64_t not_after_ms)
{
    uint64_t third_ms = not_after_ms > not_before_ms ? (not_after_ms - not_before_ms) / 3 : 0;
    return not_after_ms - third_ms + third_ms * 3 / 16;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void renewals_walk(const struct renewals *set, uint32_t lifetime_days, uint64_t now_ms, uint64_t end_ms, renewal_fn *fn,
                   void *ctx)
{
    struct subscription sub = {.state = set->over ? SUBSCRIPTION_EXHAUSTED : SUBSCRIPTION_LIVE,
                               .bought_ms = set->bought_ms,
                               .days = set->days};
    uint64_t at_ms = set->renew_from_ms ? set->renew_from_ms : renewals_due_ms(set->not_before_ms, set->not_after_ms);
    at_ms = at_ms > now_ms ? at_ms : now_ms;
    while (at_ms < end_ms) {
        bool purchase = !subscription_replaceable(&sub, set->renew_before_ms, at_ms);
        if (purchase)
            sub = (struct subscription){.state = SUBSCRIPTION_LIVE, .bought_ms = at_ms, .days = set->next_days};
        fn(ctx, purchase, at_ms);
        uint64_t not_after_ms = least(at_ms + lifetime_days * DAY_MS, subscription_term_end_ms(&sub));
        if (subscription_used_up(&sub, set->renew_before_ms, not_after_ms, 0, at_ms))
            sub.state = SUBSCRIPTION_EXHAUSTED;
        uint64_t due_ms = renewals_due_ms(at_ms, not_after_ms);
        at_ms = due_ms > at_ms + LEAST_MS ? due_ms : at_ms + LEAST_MS;
    }
}
