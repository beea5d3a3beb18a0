#include "gateway/issue/money/authorization.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "sectigo/code.h"
#include "sectigo/result.h"

/* How old Sectigo's word that an order waits may be when it is authorized. */
static const uint64_t FRESH_MS = 10 * MINUTE_MS;

/* ---- the ways on ---- */

static struct authorization_outcome store(const struct authorization_facts *f)
{
    return (struct authorization_outcome){.way = AUTHORIZATION_STORE, .next = *f->payment};
}

__attribute__((format(printf, 2, 3))) static void note(struct authorization_outcome *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(o->next.note, sizeof o->next.note, format, args);
    va_end(args);
}

static void say(struct authorization_outcome *o, enum log_level level, const char *msg, const char *reason)
{
    o->line.level = level;
    o->line.msg = msg;
    snprintf(o->line.reason, sizeof o->line.reason, "%s", reason);
}

static uint64_t back_off_ms(const struct authorization_facts *f, uint64_t now_ms)
{
    uint64_t wait_ms = f->times->later_ms;
    for (uint32_t i = 0; i < f->payment->failures && wait_ms < HOUR_MS; i++)
        wait_ms *= 2;
    return now_ms + (wait_ms < HOUR_MS ? wait_ms : HOUR_MS);
}

/* Where it is, and looked at again later. */
static void again_later(const struct authorization_facts *f, struct authorization_outcome *o, uint64_t now_ms)
{
    o->next.failures++;
    o->due_ms = back_off_ms(f, now_ms);
}

/* This request has changed nothing; those before it, if any, had been settled when it left. */
static void not_sent(const struct authorization_facts *f, struct authorization_outcome *o, uint64_t now_ms)
{
    o->next.state = PAYMENT_WAITING;
    o->next.sends--;
    again_later(f, o, now_ms);
}

static void unknown(struct authorization_outcome *o, int refusal, const char *why, uint64_t now_ms)
{
    o->next.state = PAYMENT_UNKNOWN;
    o->next.looks = 0;
    o->next.refusal = refusal;
    o->due_ms = now_ms;
    if (refusal)
        note(o, "AutoAuthorize answers %d: %.400s", refusal, why);
    else
        note(o, "the outcome of an authorization is unknown: %.400s", why);
    if (!o->line.msg)
        say(o, LOG_LEVEL_INFO, "Sectigo may have accepted an authorization; asking before anything is sent again", why);
}

/* ---- sending: the call that costs money ---- */

static void refused(const struct authorization_facts *f, const struct sectigo_result *result, enum sectigo_class class,
                    struct authorization_outcome *o, uint64_t now_ms)
{
    note(o, "AutoAuthorize answers %d: %s", result->code, result->message);
    say(o, LOG_LEVEL_ERROR, "Sectigo does not authorize an order; mend what it names, or ask Sectigo", o->next.note);
    o->no_credit = class == SECTIGO_NO_CREDIT;
    if (class == SECTIGO_NO_CREDIT || class == SECTIGO_LOGIN_REFUSED || class == SECTIGO_LATER)
        not_sent(f, o, now_ms);
    else /* of what was refused: it may say no more than that it was authorized before */
        unknown(o, class == SECTIGO_UNKNOWN ? 0 : result->code, result->message, now_ms);
    if (o->no_credit)
        o->due_ms = now_ms + HOUR_MS;
}

struct authorization_outcome authorization_answered(const struct authorization_facts *f,
                                                    const struct upstream_reply *reply, uint64_t now_ms)
{
    struct authorization_outcome o = store(f);
    struct sectigo_authorization answer;
    enum sectigo_class class;
    if (reply->outcome == UPSTREAM_NEVER_LEFT) {
        note(&o, "AutoAuthorize was not sent: %.400s", reply->reason);
        not_sent(f, &o, now_ms);
    } else if (reply->outcome == UPSTREAM_LOST) {
        unknown(&o, 0, reply->reason, now_ms);
    } else if (!sectigo_parse_authorization(reply->body, reply->body_len, &answer)) {
        unknown(&o, 0, "the reply is no answer of this API", now_ms);
    } else if ((class = sectigo_classify(SECTIGO_AUTO_AUTHORIZE, answer.result.code, answer.result.message)) ==
               SECTIGO_PLACED) {
        o.next.state = PAYMENT_DONE;
        o.next.note[0] = '\0';
    } else {
        refused(f, &answer.result, class, &o, now_ms);
    }
    return o;
}

/* ---- does it wait for its payment? ---- */

static struct authorization_outcome seen(const struct authorization_facts *f, bool waits, uint64_t now_ms)
{
    struct authorization_outcome o = store(f);
    struct payment_decision decision = payment_decide(f->payment, waits, f->times, now_ms);
    o.next.state = decision.to;
    o.next.failures = 0;
    o.next.looks = waits && decision.to == PAYMENT_UNKNOWN ? f->payment->looks + 1 : 0;
    if (waits)
        o.next.seen_ms = now_ms;
    if (decision.to != PAYMENT_UNKNOWN)
        o.next.refusal = 0;
    o.due_ms = decision.due_ms;
    return o;
}

static struct authorization_outcome not_seen(const struct authorization_facts *f, const char *why, uint64_t now_ms)
{
    struct authorization_outcome o = store(f);
    note(&o, "whether the order waits for its payment cannot be read: %.400s", why);
    again_later(f, &o, now_ms);
    return o;
}

struct authorization_outcome authorization_collected(const struct authorization_facts *f,
                                                     const struct upstream_reply *reply, uint64_t now_ms)
{
    struct sectigo_collect_answer answer = {0};
    bool parsed = reply->outcome == UPSTREAM_ANSWERED && sectigo_parse_collect(reply->body, reply->body_len, &answer);
    enum sectigo_class class =
        parsed ? sectigo_classify(SECTIGO_COLLECT_SSL, answer.code, answer.message) : SECTIGO_UNKNOWN;
    int code = answer.code;
    sectigo_collect_clear(&answer);
    if (class == SECTIGO_PENDING || class == SECTIGO_PLACED)
        return seen(f, code == SECTIGO_AWAITS_PAYMENT, now_ms);
    return not_seen(f, reply->reason ? reply->reason : "CollectSSL does not say it", now_ms);
}

static bool says_payment(const struct sectigo_report_order *order)
{
    bool says = order->status && strcasestr(order->status, "payment");
    for (size_t i = 0; i < order->certificate_count; i++)
        says = says || (order->certificates[i].status && strcasestr(order->certificates[i].status, "payment"));
    return says;
}

struct authorization_outcome authorization_looked(const struct authorization_facts *f,
                                                  const struct upstream_reply *reply, uint64_t now_ms)
{
    struct sectigo_report_answer answer = {0};
    bool parsed = reply->outcome == UPSTREAM_ANSWERED &&
                  sectigo_parse_report(SECTIGO_GET_DETAILED_ORDER_STATUS, reply->body, reply->body_len, &answer);
    bool known = parsed && answer.code == 0 && answer.order_count > 0, waits = known && says_payment(answer.orders);
    sectigo_report_clear(&answer);
    if (waits)
        return seen(f, true, now_ms);
    if (known)
        return (struct authorization_outcome){.way = AUTHORIZATION_COLLECT, .next = *f->payment};
    return not_seen(f, reply->reason ? reply->reason : "GetDetailedOrderStatus does not say it", now_ms);
}

static struct authorization_outcome look(const struct authorization_facts *f, uint64_t now_ms)
{
    struct authorization_outcome o = store(f);
    uint64_t rest_ms = f->times->settle_again_ms;
    if (f->payment->looks > 0 && !clock_is_over(f->payment->seen_ms, rest_ms, now_ms))
        o.due_ms = f->payment->seen_ms + rest_ms; /* asked for too early */
    else
        o.way = AUTHORIZATION_LOOK;
    return o;
}

/* ---- waiting ---- */

static bool is_fresh(const struct authorization_facts *f, uint64_t now_ms)
{
    return f->payment->seen_ms >= f->started_ms && !clock_is_over(f->payment->seen_ms, FRESH_MS, now_ms);
}

/* Sectigo does not go on by itself: the operator is told, and told again every hour. */
static struct authorization_outcome wait_for_operator(const struct authorization_facts *f, uint64_t now_ms)
{
    struct authorization_outcome o = store(f);
    note(&o, "Sectigo waits for the payment of the order: acmegatectl order authorize %s", f->order);
    say(&o, LOG_LEVEL_ERROR, "an order waits for its payment; see acmegatectl order authorize", o.next.note);
    o.due_ms = now_ms + HOUR_MS;
    return o;
}

static struct authorization_outcome waiting(const struct authorization_facts *f, uint64_t now_ms)
{
    struct authorization_outcome o = store(f);
    if (!f->lives) {
        again_later(f, &o, now_ms); /* it is being cancelled: nothing is paid for it */
        return o;
    }
    if (!is_fresh(f, now_ms))
        return look(f, now_ms);
    if (!f->automatic && !f->payment->asked)
        return wait_for_operator(f, now_ms);
    o.next.state = PAYMENT_SENDING;
    o.next.sent_ms = now_ms;
    o.next.sends++;
    o.next.looks = 0;
    o.due_ms = now_ms + f->timeout_ms + AUTHORIZATION_LEAVES_WITHIN_MS;
    return o;
}

struct authorization_outcome authorization_begin(const struct authorization_facts *f, uint64_t now_ms)
{
    struct authorization_outcome o = store(f);
    if (f->payment->state == PAYMENT_WAITING)
        return waiting(f, now_ms);
    if (f->payment->state == PAYMENT_UNKNOWN)
        return look(f, now_ms);
    if (f->sending)
        o.way = AUTHORIZATION_SEND;
    else
        unknown(&o, 0, "the gateway ended while the request was on its way", now_ms);
    return o;
}
