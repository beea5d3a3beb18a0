/* covers: gateway/issue/life/life.c gateway/issue/life/outcome.c gateway/issue/life/reading.c
 *
 * Random answers, crashes, pushes, operators and clocks, fed to the decisions of one issuance
 * (gateway/issue/life/life.h) and to what becomes of its record. Beside it stands a Sectigo that knows what it has
 * really placed. It aborts where
 *   - a request leaves while an earlier one may have been accepted, and no report has settled that;
 *   - Sectigo has placed two purchases;
 *   - what Sectigo has placed ends as refused, or is not counted any more;
 *   - a state that is not final has no decision, no job within hours, or a move that the table does not know;
 *   - the order of a replacement, which serves others too, is cancelled or refunded;
 *   - it never ends, though Sectigo is silent for ever, or only ever says what is of no use. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/gateway/life_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The longest that anything here waits: a poll with its spread. */
#define LONGEST_MS (4 * LIFE_HOUR_MS)
/* The longest that an answer takes: a minute until its turn, two until the time-out. */
#define CALL_MS (3 * LIFE_MINUTE_MS)
/* After its commit into submitting. */
#define LEAVE_WITHIN_MS (30 * 1000)
#define CERTIFICATE "certificate=-----BEGIN%20CERTIFICATE-----%0AMAA=%0A-----END%20CERTIFICATE-----"
enum { STEPS_TO_THE_END = 5000, ASKS_IN_A_STEP = 4 };

struct world {
    const uint8_t *data;
    size_t size;
    struct life life;
    uint64_t now_ms, due_ms;
    enum { LIVELY, SILENT, USELESS } mood; /* of Sectigo */
    /* What Sectigo has. */
    unsigned paid;       /* purchases that it has placed */
    bool placed;         /* the request of the present kind */
    uint64_t visible_ms; /* when its report knows that */
    /* What is to be held against the decisions. */
    bool uncertain;     /* a request left, and Sectigo did not clearly say no */
    uint64_t left_ms;   /* when */
    unsigned missed;    /* reports since, which did not know it */
    uint64_t missed_ms; /* the last of them */
    bool told;          /* a report has told of it */
    bool counted;       /* the purchase is reserved, or settled */
};

static uint8_t next(struct world *w)
{
    if (w->size == 0)
        return 0;
    w->size--;
    return *w->data++;
}

/* Not by assert, which a release build leaves out. */
#define demand(holds) demand_at(holds, #holds)
static void demand_at(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

/* ---- Sectigo ---- */

/* within_ms: its report knows it by then. */
static void place(struct world *w, uint64_t within_ms)
{
    w->paid += w->life.is.kind == ISSUANCE_PURCHASE;
    w->placed = true;
    w->visible_ms = w->now_ms + within_ms * next(w) / 256;
}

/* Its report knows of it. */
static bool knows(const struct world *w)
{
    return w->placed && w->now_ms >= w->visible_ms;
}

static const struct order_answer {
    const char *body;
    bool places, certain;
} ORDER_ANSWERS[] = {
    {NULL, true, false},
    {NULL, false, false},
    {"errorCode=0&orderNumber=1000001&certificateID=4712", true, true},
    {"errorCode=1&orderNumber=1000001", true, true},
    {"<html>", true, false},
    {"", false, false},
    {"-", false, true},
    {"errorCode=-14&errorMessage=x", true, false},
    {"errorCode=-999&errorMessage=x", true, false},
    {"errorCode=-55&errorMessage=x", false, false},
    {"errorCode=-4&errorMessage=foreignOrderNumber", false, false},
    {"errorCode=-26&errorMessage=x", false, true},
    {"errorCode=-9&errorMessage=x", false, true},
    {"errorCode=-2&errorMessage=x", false, true},
    {"errorCode=-15&errorMessage=x", false, true},
    {"errorCode=-16&errorMessage=x", false, true},
    {"errorCode=-20&errorMessage=x", false, true},
};

/* What it has placed already it does not place again, whatever it says. */
static const struct order_answer SECOND_ANSWERS[] = {
    {"errorCode=-55&errorMessage=x", false, false},
    {"errorCode=-4&errorMessage=uniqueValue", false, false},
    {"errorCode=-9&errorMessage=x", false, false},
    {"errorCode=-2&errorMessage=x", false, false},
    {"errorCode=-20&errorMessage=x", false, false},
    {"errorCode=-26&errorMessage=x", false, true},
    {"errorCode=-16&errorMessage=x", false, true},
    {"errorCode=-14&errorMessage=x", false, false},
    {NULL, false, false},
    {"-", false, true},
};

/* A request is on the wire. It is not to be where a report has told of an earlier one, or where none was asked. */
static const char *answer_order(struct world *w)
{
    const struct order_answer *answer = &ORDER_ANSWERS[next(w) % (sizeof ORDER_ANSWERS / sizeof *ORDER_ANSWERS)];
    uint64_t resend_ms = w->life.times.resend_ms, settle_again_ms = w->life.times.settle_again_ms;
    if (w->mood != LIVELY)
        answer = &ORDER_ANSWERS[1];
    else if (w->placed)
        answer = &SECOND_ANSWERS[next(w) % (sizeof SECOND_ANSWERS / sizeof *SECOND_ANSWERS)];
    bool late = w->now_ms > w->life.is.resent_ms + LEAVE_WITHIN_MS;
    if (late || (answer->body && strcmp(answer->body, "-") == 0))
        return "-"; /* it never left */
    demand(!w->uncertain || (w->missed >= 2 && w->now_ms >= w->left_ms + resend_ms));
    demand(!w->told);
    if (answer->places)
        place(w, answer->body ? settle_again_ms : resend_ms + settle_again_ms * 3 / 4);
    demand(w->paid <= 1);
    if (!answer->certain || answer->places) {
        w->uncertain = true;
        w->left_ms = w->now_ms;
        w->missed = 0;
    }
    return answer->body;
}

static void miss(struct world *w)
{
    w->missed++;
    w->missed_ms = w->now_ms;
}

static const char *answer_report(struct world *w, enum question question)
{
    static const char *const none[] = {"errorCode=0&noOfResults=0",
                                       "errorCode=0&1_orderNumber=1000001&1_1_certificateID=4711"};
    static const char *const found[] = {"errorCode=0&noOfResults=1&1_orderNumber=1000001&1_1_certificateID=4712",
                                        "errorCode=0&1_orderNumber=1000001repl%231&1_1_certificateID=4712"};
    static const char *const bad[] = {
        NULL, "-", "<html>", "errorCode=-16&errorMessage=x", "errorCode=-14", "errorCode=-4&errorMessage=x"};
    uint8_t choice = next(w);
    if (w->mood == SILENT)
        return NULL;
    if (w->mood == LIVELY && choice < 40)
        return bad[choice % (sizeof bad / sizeof *bad)];
    w->told = w->told || knows(w);
    if (knows(w))
        return found[question == ASK_FAMILY];
    miss(w);
    return none[question == ASK_FAMILY];
}

/* CollectSSL of the newest order of a family: that of the request, once the report knows it; else one of before. */
static const char *answer_newest(struct world *w)
{
    static const char *const bad[] = {NULL, "-", "<html>", "errorCode=-16&errorMessage=x",
                                      "errorCode=-4&errorMessage=x"};
    uint8_t choice = next(w);
    if (w->mood == SILENT)
        return NULL;
    if (w->mood == LIVELY && choice < 40)
        return bad[choice % (sizeof bad / sizeof *bad)];
    if (w->mood == LIVELY && choice < 80)
        return "errorCode=0&orderNumber=1000001";
    if (!knows(w))
        miss(w);
    return "errorCode=1&orderNumber=1000001&" CERTIFICATE;
}

static const char *answer_others(struct world *w, enum question question)
{
    static const char *const collect[] = {"errorCode=0&orderNumber=1000001",
                                          "errorCode=1&orderNumber=1000001&" CERTIFICATE,
                                          "errorCode=-22&errorMessage=x",
                                          "errorCode=-20&errorMessage=x",
                                          "errorCode=-21&errorMessage=x",
                                          "errorCode=-26&errorMessage=x",
                                          "errorCode=-16&errorMessage=x",
                                          "errorCode=-999&errorMessage=x",
                                          "<html>",
                                          NULL};
    static const char *const status[] = {"errorCode=0&1_orderNumber=1&1_orderStatus=Rejected",
                                         "errorCode=0&1_orderNumber=1&1_orderStatus=Failed&1_statusReason=CAA",
                                         "errorCode=0&1_orderNumber=1&1_orderStatus=Processed", "errorCode=-4", NULL};
    static const char *const result[] = {"errorCode=0",
                                         "errorCode=-26&errorMessage=x",
                                         "errorCode=-21&errorMessage=x",
                                         "errorCode=-16&errorMessage=x",
                                         "-",
                                         NULL};
    uint8_t choice = next(w);
    if (w->mood != LIVELY)
        return w->mood == SILENT ? NULL : question == ASK_COLLECT ? collect[1] : result[2];
    if (question == ASK_COLLECT)
        return collect[choice % (sizeof collect / sizeof *collect)];
    if (question == ASK_STATUS)
        return status[choice % (sizeof status / sizeof *status)];
    return result[choice % (sizeof result / sizeof *result)];
}

static const char *answer_call(struct world *w, enum question question)
{
    if (question == ASK_ORDER)
        return answer_order(w);
    if (question == ASK_REPORT || question == ASK_FAMILY)
        return answer_report(w, question);
    if (question == ASK_NEWEST)
        return answer_newest(w);
    return answer_others(w, question);
}

/* ---- a step ---- */

static void read_answer(struct world *w, const struct ask *ask, struct reading *r)
{
    uint8_t choice = 0;
    if (ask_call(&w->life.is, ask->question) != SECTIGO_CALLS) {
        life_reply(&w->life, ask, answer_call(w, ask->question), r);
        choice = next(w);
        /* What the operator gives up then is none of ours. */
        r->foreign = choice > 240 && !facts_is_given_up(&w->life.facts);
        r->ours = knows(w);
        r->verdict = w->mood == LIVELY ? (enum accept_verdict)(next(w) % (ACCEPT_SHORTAGE + 1)) : ACCEPT_UNTRUSTED;
        bool looks_up = ask->question == ASK_REPORT || ask->question == ASK_NEWEST;
        if (looks_up && w->mood == LIVELY && choice > 200 && choice <= 240)
            reading_unread(r);
        return;
    }
    choice = next(w);
    reading_of_look(r, ask, choice % 8 != 7, w->mood != LIVELY || choice % 4 == 1 ? "in the way" : "");
    r->stored_first = choice % 16 == 2;
    r->unseen = choice & 32;
    r->turned = choice % 64 == 3;
    r->read_ms = w->now_ms - (w->mood != LIVELY ? LIFE_DAY_MS : choice * LIFE_MINUTE_MS);
}

/* What the transaction finds about a request that is about to leave (check.c). */
static void check_send(struct world *w, uint8_t choice, struct outcome *out)
{
    struct issuance *is = &w->life.is;
    bool first = is->sends == 0;
    if (choice > 240 && first)
        *out = (struct outcome){.kind = OUTCOME_REFUSED};
    else if (choice > 220)
        *out = (struct outcome){.kind = OUTCOME_HELD, .due_ms = w->now_ms + LIFE_HOUR_MS};
    else if (choice > 200)
        *out = (struct outcome){.kind = OUTCOME_STAY, .due_ms = w->now_ms + LIFE_MINUTE_MS};
    else if (choice > 180 && first)
        is->kind = ISSUANCE_PURCHASE; /* the term has run out */
    w->counted = w->counted || (out->kind == OUTCOME_SEND && is->kind == ISSUANCE_PURCHASE);
}

/* The same about an answer: its numbers are another's. */
static void check_placed(struct world *w, uint8_t choice, struct outcome *out)
{
    bool again = w->life.is.state == ISSUANCE_UNKNOWN;
    if (choice > 240)
        *out = (struct outcome){.kind = again ? OUTCOME_HELD : OUTCOME_UNKNOWN,
                                .due_ms = again ? w->now_ms + LIFE_HOUR_MS : 0};
}

static void check(struct world *w, struct outcome *out)
{
    uint8_t choice = w->mood != LIVELY ? 0 : next(w);
    if (out->kind == OUTCOME_SEND)
        check_send(w, choice, out);
    else if (out->kind == OUTCOME_PLACED)
        check_placed(w, choice, out);
}

static void enter(struct world *w, const struct outcome *out, enum issuance_state from)
{
    const struct issuance *is = &w->life.is;
    bool refunds = out->kind == OUTCOME_DEAD && (out->end.how == DEAD_CANCELLED || out->end.how == DEAD_REFUNDED);
    demand(!refunds || is->kind == ISSUANCE_PURCHASE);
    if (out->kind == OUTCOME_OVER) { /* another call, which has bought nothing yet */
        demand(!w->placed);
        w->uncertain = w->counted = false;
    }
    if (is->state == ISSUANCE_SUBMITTED && from != ISSUANCE_SUBMITTED)
        w->life.sub.state = SUBSCRIPTION_LIVE;
    /* What no report knows when it might be sent again may end at its deadline, or be given up. */
    bool late = is->state == ISSUANCE_REFUSED && facts_is_due(&w->life.facts, w->now_ms) && !w->told &&
                w->missed >= 2 && w->missed_ms + CALL_MS >= w->left_ms + w->life.times.resend_ms;
    demand(w->paid == 0 || late || (w->counted && is->state != ISSUANCE_REFUSED));
}

/* As commit.c does, on the record in memory. */
static void apply(struct world *w, struct outcome *out, uint64_t began_ms)
{
    struct issuance *is = &w->life.is;
    enum issuance_state from = is->state;
    enum outcome_kind learned = out->kind;
    bool nothing = outcome_bought_nothing(out), hastens = out->kind == OUTCOME_HASTEN;
    demand(out->kind != OUTCOME_NONE && outcome_learn_record(out, began_ms, w->now_ms, is));
    uint64_t due_ms = outcome_due_ms(out, began_ms, w->now_ms, is);
    if (nothing && is->sends == 0)
        w->counted = false;
    if (nothing && out->kind != OUTCOME_OVER && is->sends == 0)
        w->uncertain = false;
    check(w, out);
    if (out->due_ms && out->kind != learned) /* the transaction's */
        due_ms = out->due_ms;
    demand(outcome_move_record(out, &w->life.sub, w->now_ms, is));
    enter(w, out, from);
    if (!hastens || due_ms < w->due_ms)
        w->due_ms = due_ms;
    demand(issuance_ended(is->state) || w->due_ms <= w->now_ms + LONGEST_MS);
    w->life.facts.sending = out->kind == OUTCOME_SEND;
    w->life.facts.asking_caa = out->kind == OUTCOME_STAY && out->learned == LEARNED_CAA_ASKED;
}

/* A crash forgets everything but the record and its job. */
static bool crashes(struct world *w)
{
    if (w->mood != LIVELY || next(w) < 250)
        return false;
    w->life.facts.sending = w->life.facts.asking_caa = false;
    return true;
}

static void step(struct world *w)
{
    struct life *life = &w->life;
    struct outcome out;
    uint64_t began_ms = w->now_ms;
    life->facts.random = next(w) * 0x01010101u;
    life_first(&life->facts, w->now_ms, &out);
    for (int i = 0; out.kind == OUTCOME_ASK; i++) {
        struct ask ask = out.ask;
        struct reading reading;
        demand(i < ASKS_IN_A_STEP);
        life->facts.sending = life->facts.asking_caa = false;
        read_answer(w, &ask, &reading);
        uint8_t pause = next(w);
        w->now_ms += pause > 250 ? CALL_MS : pause * 100ull;
        life_decide(&life->facts, &reading, w->now_ms, &out);
        reading_clear(&reading);
        if (crashes(w))
            return;
    }
    if (crashes(w)) /* before it was stored, or after */
        return;
    apply(w, &out, began_ms);
    crashes(w);
}

/* ---- what comes from elsewhere ---- */

static void push(struct world *w)
{
    enum issuance_state state = w->life.is.state;
    struct outcome out = {0};
    uint8_t choice = next(w);
    if (state != ISSUANCE_SUBMITTED && state != ISSUANCE_BLOCKED && state != ISSUANCE_CANCELLING)
        return;
    if (choice % 4 != 0 || !submitted_judged((enum accept_verdict)(choice / 4 % (ACCEPT_SHORTAGE + 1)), "x", &out))
        submitted_pushed(&w->life.facts, (enum sectigo_push_status)(choice % 10), w->now_ms, &out);
    apply(w, &out, w->now_ms);
}

/* acmegatectl order retry, order drop. */
static void command(struct world *w)
{
    uint8_t choice = next(w);
    if (choice < 100)
        w->life.is.refusal = choice % 2 ? ISSUANCE_GIVEN_UP : ISSUANCE_ABANDONED;
    w->due_ms = w->now_ms;
}

static void happen(struct world *w)
{
    uint8_t choice = next(w);
    if (choice < 16)
        push(w);
    else if (choice < 28)
        command(w);
    else if (choice < 32)
        w->life.facts.in_doubt = !w->life.facts.in_doubt;
    else if (choice < 40)
        w->now_ms += choice * LIFE_HOUR_MS;
    if (issuance_ended(w->life.is.state))
        return;
    if (w->now_ms < w->due_ms)
        w->now_ms = w->due_ms;
    step(w);
}

static void begin(struct world *w)
{
    static const enum issuance_state states[] = {ISSUANCE_PREPARED, ISSUANCE_PUBLISHED, ISSUANCE_QUEUED};
    uint8_t choice = next(w);
    enum issuance_kind kind = choice & 1 ? ISSUANCE_REPLACEMENT : ISSUANCE_PURCHASE;
    life_make(&w->life, states[choice / 2 % 3], kind);
    w->now_ms = w->due_ms = LIFE_NOW_MS;
    if (choice & 16)
        w->life.sub.product = LIFE_MULTI;
    w->life.facts.settles_by_family = choice & 32;
    w->life.facts.owns_number = !(choice & 64);
    w->life.dcv.preflight_retry_ms = 10 * LIFE_MINUTE_MS;
    w->life.dcv.preflight = choice & 128 ? CONFIG_PREFLIGHT_WARN : CONFIG_PREFLIGHT_ENFORCE;
    demand(subscription_add_certificate_id(&w->life.sub, "4711"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.data = data, .size = size};
    begin(&w);
    while (w.size > 0 && !issuance_ended(w.life.is.state))
        happen(&w);
    w.mood = size % 2 ? SILENT : USELESS;
    w.life.facts.in_doubt = false;
    for (int i = 0; !issuance_ended(w.life.is.state); i++) {
        demand(i < STEPS_TO_THE_END);
        if (w.now_ms < w.due_ms)
            w.now_ms = w.due_ms;
        step(&w);
    }
    free(w.life.sub.certificate_ids);
    life_clear(&w.life);
    return 0;
}
