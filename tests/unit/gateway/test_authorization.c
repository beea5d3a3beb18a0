/* authorization: what is done about a payment that an order waits for, and what each class of answer leads to. What may
 * have been accepted is never sent again before it was looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acme/durations.h"
#include "gateway/issue/money/authorization.h"

#include "reply.h"

enum { TIMEOUT_MS = 90 * SECOND_MS };
static const uint64_t NOW_MS = 1796040000000;
static const struct config_issuance TIMES = {
    .later_ms = MINUTE_MS, .settle_again_ms = 5 * MINUTE_MS, .resend_ms = 15 * MINUTE_MS};

static struct authorization_facts facts_of(const struct payment *payment)
{
    return (struct authorization_facts){.payment = payment,
                                        .times = &TIMES,
                                        .order = "o1",
                                        .started_ms = NOW_MS - 5 * MINUTE_MS,
                                        .timeout_ms = TIMEOUT_MS,
                                        .automatic = true,
                                        .lives = true};
}

/* ---- what comes next ---- */

static const struct {
    const char *what;
    enum payment_state state;
    unsigned seen_ago_ms;
    uint32_t looks;
    bool automatic, asked, lives, sending;
    enum authorization_way way;
    enum payment_state to;
    uint64_t due_in_ms; /* of AUTHORIZATION_STORE */
} NEXT[] = {
    {"told a moment ago, paid by itself", PAYMENT_WAITING, 0, 0, true, false, true, false, AUTHORIZATION_STORE,
     PAYMENT_SENDING, TIMEOUT_MS + 30 * 1000},
    {"paid by the operator's word", PAYMENT_WAITING, 0, 0, false, true, true, false, AUTHORIZATION_STORE,
     PAYMENT_SENDING, TIMEOUT_MS + 30 * 1000},
    {"the operator has not spoken", PAYMENT_WAITING, 0, 0, false, false, true, false, AUTHORIZATION_STORE,
     PAYMENT_WAITING, HOUR_MS},
    {"told long ago", PAYMENT_WAITING, 10 * MINUTE_MS, 0, true, false, true, false, AUTHORIZATION_LOOK, PAYMENT_WAITING,
     0},
    {"told before this process began", PAYMENT_WAITING, 6 * MINUTE_MS, 0, true, false, true, false, AUTHORIZATION_LOOK,
     PAYMENT_WAITING, 0},
    {"it is being cancelled", PAYMENT_WAITING, 0, 0, true, true, false, false, AUTHORIZATION_STORE, PAYMENT_WAITING,
     MINUTE_MS},
    {"unknown: looked for at once", PAYMENT_UNKNOWN, MINUTE_MS, 0, true, false, true, false, AUTHORIZATION_LOOK,
     PAYMENT_UNKNOWN, 0},
    {"unknown: the second look has its time", PAYMENT_UNKNOWN, MINUTE_MS, 1, true, false, true, false,
     AUTHORIZATION_STORE, PAYMENT_UNKNOWN, 4 * MINUTE_MS},
    {"unknown: the second look", PAYMENT_UNKNOWN, 5 * MINUTE_MS, 1, true, false, true, false, AUTHORIZATION_LOOK,
     PAYMENT_UNKNOWN, 0},
    {"stored as sending by this process", PAYMENT_SENDING, 0, 0, true, false, true, true, AUTHORIZATION_SEND,
     PAYMENT_SENDING, 0},
    {"stored as sending by one that ended", PAYMENT_SENDING, 0, 0, true, true, true, false, AUTHORIZATION_STORE,
     PAYMENT_UNKNOWN, 0},
};

static void test_what_comes_next(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof NEXT / sizeof *NEXT; i++) {
        struct payment payment = {.state = NEXT[i].state,
                                  .seen_ms = NOW_MS - NEXT[i].seen_ago_ms,
                                  .looks = NEXT[i].looks,
                                  .sends = NEXT[i].state == PAYMENT_WAITING ? 0 : 1,
                                  .asked = NEXT[i].asked};
        struct authorization_facts facts = facts_of(&payment);
        facts.automatic = NEXT[i].automatic;
        facts.lives = NEXT[i].lives;
        facts.sending = NEXT[i].sending;
        struct authorization_outcome is = authorization_begin(&facts, NOW_MS);
        print_message("%s\n", NEXT[i].what);
        assert_int_equal(is.way, NEXT[i].way);
        assert_int_equal(is.next.state, NEXT[i].to);
        if (is.way == AUTHORIZATION_STORE)
            assert_int_equal(is.due_ms, NOW_MS + NEXT[i].due_in_ms);
        assert_int_equal(is.next.sends, payment.sends + (is.next.state == PAYMENT_SENDING && !facts.sending));
        if (is.next.state == PAYMENT_SENDING && !facts.sending)
            assert_int_equal(is.next.sent_ms, NOW_MS);
        assert_int_equal(is.next.asked, payment.asked);
    }
}

/* ---- AutoAuthorize ---- */

static const struct {
    const char *what, *body;
    enum payment_state to;
    int refusal;
    bool no_credit;
    uint64_t due_in_ms; /* where not done */
} ANSWERS[] = {
    {"accepted", "0\nOK", PAYMENT_DONE, 0, false, 0},
    {"never left", "-", PAYMENT_WAITING, 0, false, MINUTE_MS},
    {"lost", NULL, PAYMENT_UNKNOWN, 0, false, 0},
    {"HTML", "<html>Bad gateway</html>", PAYMENT_UNKNOWN, 0, false, 0},
    {"an unknown error", "-14\nAn unknown error occurred!", PAYMENT_UNKNOWN, 0, false, 0},
    {"no credit", "-15\nNot enough credit!", PAYMENT_WAITING, 0, true, HOUR_MS},
    {"the login is refused", "-16\nPermission denied!", PAYMENT_WAITING, 0, false, MINUTE_MS},
    {"later", "-42\nPlease try again later", PAYMENT_WAITING, 0, false, MINUTE_MS},
    {"refused", "-4\nThe value of the 'orderNumber' argument is invalid!", PAYMENT_UNKNOWN, -4, false, 0},
    {"a code that nobody knows", "-999\nMoon", PAYMENT_UNKNOWN, -999, false, 0},
};

static void test_answers(void **state)
{
    struct payment payment = {
        .state = PAYMENT_SENDING, .sends = 1, .sent_ms = NOW_MS, .seen_ms = NOW_MS, .looks = 3, .asked = true};
    struct authorization_facts facts = facts_of(&payment);
    (void)state;
    for (size_t i = 0; i < sizeof ANSWERS / sizeof *ANSWERS; i++) {
        struct upstream_reply reply = reply_of(ANSWERS[i].body);
        struct authorization_outcome is = authorization_answered(&facts, &reply, NOW_MS);
        print_message("%s\n", ANSWERS[i].what);
        assert_int_equal(is.way, AUTHORIZATION_STORE);
        assert_int_equal(is.next.state, ANSWERS[i].to);
        assert_int_equal(is.no_credit, ANSWERS[i].no_credit);
        assert_true(is.next.state == PAYMENT_DONE || is.due_ms == NOW_MS + ANSWERS[i].due_in_ms);
        assert_int_equal(is.next.refusal, ANSWERS[i].refusal);
        assert_int_equal(is.next.sends, is.next.state == PAYMENT_WAITING ? 0 : 1); /* what never left is no send */
        assert_true((is.next.note[0] == '\0') == (is.next.state == PAYMENT_DONE));
        assert_int_equal(is.next.looks, is.next.state == PAYMENT_UNKNOWN ? 0 : 3);
        assert_true(ANSWERS[i].body || strstr(is.next.note, "the reply was lost"));
    }
}

static void test_back_off(void **state)
{
    static const struct {
        uint32_t failures;
        uint64_t rest_ms;
    } waits[] = {{0, MINUTE_MS}, {1, 2 * MINUTE_MS}, {5, 32 * MINUTE_MS}, {6, HOUR_MS}, {4000000000u, HOUR_MS}};
    struct upstream_reply reply = reply_of("-");
    (void)state;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        struct payment payment = {.state = PAYMENT_SENDING, .sends = 1, .failures = waits[i].failures};
        struct authorization_facts facts = facts_of(&payment);
        struct authorization_outcome is = authorization_answered(&facts, &reply, NOW_MS);
        assert_int_equal(is.due_ms, NOW_MS + waits[i].rest_ms);
        assert_int_equal(is.next.failures, waits[i].failures + 1);
    }
}

/* ---- does it wait for its payment? ---- */

#define STATUS "errorCode=0&1_orderNumber=12345&1_orderStatus="

static const struct {
    const char *what, *body;
    enum authorization_way way;
    bool waits;  /* it was seen waiting */
    bool failed; /* nothing was seen */
} STATUSES[] = {
    {"it says so", STATUS "Awaiting+Payment", AUTHORIZATION_STORE, true, false},
    {"of its certificate", STATUS "x&1_1_certificateStatus=awaiting+payment", AUTHORIZATION_STORE, true, false},
    {"it says something else", STATUS "Processing", AUTHORIZATION_COLLECT, false, false},
    {"lost", NULL, AUTHORIZATION_STORE, false, true},
    {"refused", "errorCode=-16&errorMessage=Denied", AUTHORIZATION_STORE, false, true},
    {"no order", "errorCode=0", AUTHORIZATION_STORE, false, true},
    {"refused, with an order", "errorCode=-4&errorMessage=x&1_orderNumber=1&1_orderStatus=Awaiting+Payment",
     AUTHORIZATION_STORE, false, true},
};

static const struct {
    const char *what, *body;
    bool waits, failed;
} COLLECTED[] = {
    {"it waits", "errorCode=-22&errorMessage=The+certificate+request+is+still+awaiting+payment", true, false},
    {"it is being processed", "errorCode=0&errorMessage=Being+processed+by+Sectigo", false, false},
    {"it is being issued", "errorCode=-26&errorMessage=The+certificate+is+currently+being+issued", false, false},
    {"lost", NULL, false, true},
    {"the login is refused", "errorCode=-16&errorMessage=Permission+denied!", false, true},
    {"rejected", "errorCode=-20&errorMessage=The+certificate+request+has+been+rejected", false, true},
};

static void check_seen(const struct authorization_outcome *is, bool waits, bool failed)
{
    if (failed) {
        assert_int_equal(is->next.state, PAYMENT_UNKNOWN);
        assert_int_equal(is->next.failures, 2);
        assert_int_equal(is->next.looks, 0);
        assert_int_equal(is->due_ms, NOW_MS + 2 * MINUTE_MS);
    } else if (waits) { /* once is not enough */
        assert_int_equal(is->next.state, PAYMENT_UNKNOWN);
        assert_int_equal(is->next.looks, 1);
        assert_int_equal(is->next.seen_ms, NOW_MS);
        assert_int_equal(is->next.failures, 0);
        assert_int_equal(is->due_ms, NOW_MS + 5 * MINUTE_MS);
    } else {
        assert_int_equal(is->next.state, PAYMENT_DONE);
        assert_int_equal(is->next.refusal, 0);
    }
}

static void test_looks(void **state)
{
    struct payment payment = {
        .state = PAYMENT_UNKNOWN, .sends = 2, .sent_ms = NOW_MS - MINUTE_MS, .failures = 1, .refusal = -4};
    struct authorization_facts facts = facts_of(&payment);
    (void)state;
    for (size_t i = 0; i < sizeof STATUSES / sizeof *STATUSES; i++) {
        struct upstream_reply reply = reply_of(STATUSES[i].body);
        struct authorization_outcome is = authorization_looked(&facts, &reply, NOW_MS);
        print_message("status: %s\n", STATUSES[i].what);
        assert_int_equal(is.way, STATUSES[i].way);
        if (is.way == AUTHORIZATION_STORE)
            check_seen(&is, STATUSES[i].waits, STATUSES[i].failed);
    }
    for (size_t i = 0; i < sizeof COLLECTED / sizeof *COLLECTED; i++) {
        struct upstream_reply reply = reply_of(COLLECTED[i].body);
        struct authorization_outcome is = authorization_collected(&facts, &reply, NOW_MS);
        print_message("collect: %s\n", COLLECTED[i].what);
        assert_int_equal(is.way, AUTHORIZATION_STORE);
        check_seen(&is, COLLECTED[i].waits, COLLECTED[i].failed);
    }
}

/* ---- any sequence ---- */

/* A payment, and what the world may think of it. */
struct walk {
    struct payment payment;
    uint64_t now_ms, maybe_ms; /* when it was sent last and may have arrived; 0: never */
    unsigned looks;            /* since then, that saw it waiting */
    bool refused;              /* the first one, with a code */
    bool sending;
    unsigned seed, sent;
};

static void may_have_arrived(struct walk *w, bool refused)
{
    w->maybe_ms = w->now_ms;
    w->looks = 0;
    w->refused = refused;
}

static struct authorization_outcome walk_send(struct walk *w, const struct authorization_facts *facts)
{
    static const char *const bodies[] = {"0\nOK",  "-",      NULL,     "<html>", "-14\nx",
                                         "-15\nx", "-16\nx", "-42\nx", "-4\nx",  "-999\nx"};
    bool settled = w->refused ? w->looks >= 1 : w->looks >= 2 && w->now_ms >= w->maybe_ms + TIMES.resend_ms;
    if (w->maybe_ms && !settled)
        fail_msg("sent again after %u looks and %llu ms", w->looks, (unsigned long long)(w->now_ms - w->maybe_ms));
    struct upstream_reply reply = reply_of(bodies[(unsigned)rand_r(&w->seed) % (sizeof bodies / sizeof *bodies)]);
    struct authorization_outcome o = authorization_answered(facts, &reply, w->now_ms);
    if (o.next.state != PAYMENT_WAITING)
        may_have_arrived(w, o.next.refusal && o.next.sends == 1);
    w->sent++;
    return o;
}

static struct authorization_outcome walk_look(struct walk *w, const struct authorization_facts *facts)
{
    static const char *const status[] = {STATUS "Awaiting+Payment", STATUS "Processing", NULL, "errorCode=0"};
    static const char *const collect[] = {"errorCode=-22&errorMessage=x", "errorCode=0&errorMessage=x", NULL,
                                          "errorCode=-16&errorMessage=x"};
    struct upstream_reply reply = reply_of(status[rand_r(&w->seed) % 4]);
    struct authorization_outcome o = authorization_looked(facts, &reply, w->now_ms);
    if (o.way == AUTHORIZATION_COLLECT) {
        reply = reply_of(collect[rand_r(&w->seed) % 4]);
        o = authorization_collected(facts, &reply, w->now_ms);
    }
    w->looks += o.next.seen_ms == w->now_ms && w->payment.state == PAYMENT_UNKNOWN;
    return o;
}

static void walk_step(struct walk *w)
{
    struct authorization_facts facts = facts_of(&w->payment);
    facts.started_ms = NOW_MS;
    facts.sending = w->sending && rand_r(&w->seed) % 8 != 0; /* else the process was killed */
    facts.automatic = rand_r(&w->seed) % 4 != 0;
    facts.lives = rand_r(&w->seed) % 16 != 0;
    struct authorization_outcome o = authorization_begin(&facts, w->now_ms);
    if (o.way == AUTHORIZATION_SEND) {
        o = walk_send(w, &facts);
    } else if (w->sending) {
        assert_int_equal(o.next.state, PAYMENT_UNKNOWN);
        may_have_arrived(w, false);
    } else if (o.way == AUTHORIZATION_LOOK) {
        o = walk_look(w, &facts);
    }
    assert_int_equal(o.way, AUTHORIZATION_STORE);
    assert_true(o.next.state == PAYMENT_DONE || (o.due_ms >= w->now_ms && o.due_ms <= w->now_ms + HOUR_MS));
    w->sending = o.next.state == PAYMENT_SENDING;
    w->payment = o.next;
    if (!w->sending) /* its time, or the operator's retry */
        w->now_ms = rand_r(&w->seed) % 4 ? o.due_ms : w->now_ms + 1000;
}

/* Whatever is answered, in whatever order: before it is sent once more after a send that may have arrived, two looks
 * have seen the order waiting, and issuance.resend is over; after the first was refused with a code, one look. What is
 * not done always has a time at which its job is due. */
static void test_no_sequence_pays_twice(void **state)
{
    struct walk w = {.seed = 20261126};
    (void)state;
    for (unsigned round = 0; round < 10000; round++) {
        w = (struct walk){
            .payment = {.state = PAYMENT_WAITING, .seen_ms = NOW_MS}, .now_ms = NOW_MS, .seed = w.seed, .sent = w.sent};
        for (unsigned step = 0; step < 60 && w.payment.state != PAYMENT_DONE; step++)
            walk_step(&w);
    }
    assert_true(w.sent > 10000); /* it was no idle walk */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_comes_next), cmocka_unit_test(test_answers),
                                       cmocka_unit_test(test_back_off), cmocka_unit_test(test_looks),
                                       cmocka_unit_test(test_no_sequence_pays_twice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
