/* queued: until its turn comes, or nobody asks for it any more. */
#include "acme/durations.h"
#include "acme/order.h"
#include "gateway/clock.h"
#include "gateway/issue/life/asking.h"
#include "gateway/issue/life/life.h"

static const char SUPERSEDED[] = "superseded: nobody has asked for this order while it waited for others of the same "
                                 "names; order again";
static const char TOO_LATE[] =
    "the order's time is over, and others of the same names were always before it; order again";
/* After the store would not tell when they were read. */
static const uint64_t UNREAD_REST_MS = 10 * SECOND_MS;

/* ---- decisions ---- */

void queued_first(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    if (facts_is_given_up(f))
        outcome_refuse(out, ACME_SERVER_INTERNAL, facts_note(f));
    else if (facts_is_due(f, now_ms))
        outcome_refuse(out, ACME_SERVER_INTERNAL, TOO_LATE);
    else if (f->in_doubt)
        outcome_stay(out, now_ms + f->times->superseded_after_ms);
    else
        outcome_ask(out, ASK_READERS);
}

void queued_read(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    uint64_t over_ms = r->read_ms + f->times->superseded_after_ms;
    if (!r->parsed)
        outcome_stay(out, now_ms + UNREAD_REST_MS);
    else if (now_ms >= over_ms)
        outcome_refuse(out, ACME_SERVER_INTERNAL, SUPERSEDED);
    else
        outcome_stay(out, over_ms);
}

/* ---- asking ---- */

/* Not one of the future, which a clock that was wrong has written. */
static void take_later(uint64_t *last_ms, uint64_t time_ms, uint64_t now_ms)
{
    if (time_ms > *last_ms && time_ms <= now_ms)
        *last_ms = time_ms;
}

/* When a client last asked for one of its orders: noted coarsely, as reading is not to cost a commit each time. */
static bool last_read_ms(const struct step *s, uint64_t now_ms, uint64_t *last_ms)
{
    struct store_txn *txn;
    enum store_status status = store_read(s->issuer->at.store, &txn);
    if (status != STORE_OK)
        return false;
    *last_ms = s->is.created_ms;
    for (uint32_t i = 0; status == STORE_OK && i < s->is.order_count; i++) {
        struct acme_order order;
        status = acme_order_load(txn, &s->is.orders[i], &order);
        if (status == STORE_OK) {
            take_later(last_ms, order.read_s * 1000, now_ms);
            take_later(last_ms, order.finalized_ms, now_ms);
        }
        if (status == STORE_NOT_FOUND)
            status = STORE_OK;
        acme_order_clear(&order);
    }
    store_read_end(txn);
    return status == STORE_OK;
}

void queued_ask(struct step *s)
{
    struct reading reading;
    uint64_t read_ms = 0;
    bool read = last_read_ms(s, clock_ms(), &read_ms);
    reading_of_look(&reading, &s->ask, read, "");
    reading.read_ms = read_ms;
    asking_answer(s, &reading);
}
