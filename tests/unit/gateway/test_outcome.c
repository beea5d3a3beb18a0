/* outcome: waits, and what becomes of an issuance's record: counted sends, looks and failures, the moves, the job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "life_fixture.h"

static const uint64_t BEGAN_MS = LIFE_NOW_MS - 1000;

static struct outcome outcome_of(enum outcome_kind kind)
{
    return (struct outcome){.kind = kind};
}

static void learn(struct life *life, const struct outcome *out)
{
    assert_true(outcome_learn_record(out, BEGAN_MS, LIFE_NOW_MS, &life->is));
}

static void test_failures_in_a_row(void **state)
{
    struct life life;
    struct outcome out = outcome_of(OUTCOME_STAY);
    (void)state;
    life_make(&life, ISSUANCE_UNKNOWN, ISSUANCE_PURCHASE);
    out.learned = LEARNED_FAILURE;
    learn(&life, &out);
    learn(&life, &out);
    assert_int_equal(life.is.failures, 2);
    out = outcome_of(OUTCOME_HASTEN); /* a push is no step */
    learn(&life, &out);
    assert_int_equal(life.is.failures, 2);
    out = outcome_of(OUTCOME_SEND); /* to send again is no success yet */
    learn(&life, &out);
    assert_int_equal(life.is.failures, 2);
    out = outcome_of(OUTCOME_NOT_SENT);
    out.not_sent.failed = true;
    learn(&life, &out);
    assert_int_equal(life.is.failures, 3);
    out = outcome_of(OUTCOME_STAY);
    learn(&life, &out);
    assert_int_equal(life.is.failures, 0);
    life_clear(&life);
}

/* From issuance.later, doubling to an hour, a quarter off either way. */
static void test_back_off(void **state)
{
    static const uint64_t waits_ms[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct life life;
    struct outcome out;
    (void)state;
    life_make(&life, ISSUANCE_SUBMITTED, ISSUANCE_PURCHASE);
    for (uint32_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
        uint64_t wait_ms = waits_ms[i] * LIFE_MINUTE_MS;
        life.is.failures = i;
        life.facts.random = 0;
        outcome_again_later(&life.facts, LIFE_NOW_MS, &out);
        assert_int_equal(out.due_ms, LIFE_NOW_MS + wait_ms * 3 / 4);
        life.facts.random = (uint32_t)(wait_ms / 2);
        outcome_again_later(&life.facts, LIFE_NOW_MS, &out);
        assert_int_equal(out.due_ms, LIFE_NOW_MS + wait_ms * 5 / 4);
    }
    life_clear(&life);
}

static void test_polls_spread_until_the_deadline(void **state)
{
    struct life life;
    (void)state;
    life_make(&life, ISSUANCE_SUBMITTED, ISSUANCE_PURCHASE);
    uint64_t interval_ms = life.profile.poll_interval_ms;
    assert_int_equal(outcome_look_ms(&life.facts, LIFE_NOW_MS), LIFE_NOW_MS + interval_ms * 9 / 10);
    life.facts.random = (uint32_t)(interval_ms / 5 - 1);
    assert_int_equal(outcome_look_ms(&life.facts, LIFE_NOW_MS), LIFE_NOW_MS + interval_ms * 11 / 10 - 1);
    life.is.created_ms = LIFE_NOW_MS + LIFE_HOUR_MS - 7 * LIFE_DAY_MS;
    assert_int_equal(outcome_look_ms(&life.facts, LIFE_NOW_MS), LIFE_NOW_MS + LIFE_HOUR_MS);
    life.is.created_ms = LIFE_NOW_MS - 7 * LIFE_DAY_MS; /* it has come already */
    assert_int_equal(outcome_look_ms(&life.facts, LIFE_NOW_MS), LIFE_NOW_MS + interval_ms * 11 / 10 - 1);
    life_clear(&life);
}

static void test_a_deadline_to_the_millisecond(void **state)
{
    struct life life;
    (void)state;
    life_make(&life, ISSUANCE_SUBMITTED, ISSUANCE_PURCHASE);
    uint64_t deadline_ms = life.is.created_ms + 7 * LIFE_DAY_MS;
    assert_false(facts_is_due(&life.facts, deadline_ms - 1));
    assert_true(facts_is_due(&life.facts, deadline_ms));
    assert_false(facts_is_overdue(&life.facts, deadline_ms + LIFE_DAY_MS - 1));
    assert_true(facts_is_overdue(&life.facts, deadline_ms + LIFE_DAY_MS));
    life.facts.in_doubt = true;
    assert_false(facts_is_due(&life.facts, deadline_ms + LIFE_DAY_MS));
    assert_false(facts_is_overdue(&life.facts, deadline_ms + LIFE_DAY_MS));
    life.is.refusal = ISSUANCE_GIVEN_UP;
    assert_true(facts_is_due(&life.facts, 0));
    life_clear(&life);
}

/* A request counts from the commit into submitting until it is certain that it bought nothing. */
static void test_sends_are_counted(void **state)
{
    static const struct {
        enum outcome_kind kind;
        enum outcome_held held;
        uint32_t left;
    } outcomes[] = {
        {OUTCOME_NOT_SENT, 0, 1},
        {OUTCOME_OVER, 0, 1},
        {OUTCOME_HELD, HELD_NOT_SENT, 1},
        {OUTCOME_HELD, HELD_NO_CREDIT, 1},
        {OUTCOME_HELD, HELD_AS_IT_IS, 2},
        {OUTCOME_UNKNOWN, 0, 2},
        {OUTCOME_PLACED, 0, 2},
        {OUTCOME_REFUSED, 0, 2},
        {OUTCOME_DEAD, 0, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        struct life life;
        struct outcome out = outcome_of(outcomes[i].kind);
        if (out.kind == OUTCOME_HELD)
            out.held = outcomes[i].held;
        life_make(&life, ISSUANCE_SUBMITTING, ISSUANCE_PURCHASE);
        life.is.sends = 2;
        learn(&life, &out);
        assert_int_equal(life.is.sends, outcomes[i].left);
        assert_int_equal(outcome_bought_nothing(&out), outcomes[i].left == 1);
        life_clear(&life);
    }
}

static void test_entering_submitting(void **state)
{
    struct life life;
    struct outcome out = outcome_of(OUTCOME_SEND);
    (void)state;
    life_make(&life, ISSUANCE_PUBLISHED, ISSUANCE_PURCHASE);
    life.is.looks = 3;
    life.is.refusal = -9;
    assert_true(outcome_move_record(&out, &life.sub, LIFE_NOW_MS, &life.is));
    assert_int_equal(life.is.state, ISSUANCE_SUBMITTING);
    assert_int_equal(life.is.sends, 1);
    assert_int_equal(life.is.sent_ms, LIFE_NOW_MS);
    assert_int_equal(life.is.resent_ms, LIFE_NOW_MS);
    assert_int_equal(life.is.looks, 0);
    assert_int_equal(life.is.refusal, 0);
    life.is.state = ISSUANCE_UNKNOWN;
    assert_true(outcome_move_record(&out, &life.sub, LIFE_NOW_MS + 1, &life.is));
    assert_int_equal(life.is.sends, 2);
    assert_int_equal(life.is.sent_ms, LIFE_NOW_MS); /* the first one */
    assert_int_equal(life.is.resent_ms, LIFE_NOW_MS + 1);
    life_clear(&life);
}

static void test_entering_unknown(void **state)
{
    struct life life;
    struct outcome out = outcome_of(OUTCOME_UNKNOWN);
    (void)state;
    life_make(&life, ISSUANCE_SUBMITTING, ISSUANCE_PURCHASE);
    life.is.looks = 3;
    out.refusal = -55;
    assert_true(outcome_move_record(&out, &life.sub, LIFE_NOW_MS, &life.is));
    assert_int_equal(life.is.looks, 0);
    assert_int_equal(life.is.refusal, -55);
    life.is.state = ISSUANCE_SUBMITTING;
    out = outcome_of(OUTCOME_NOT_SENT); /* a repeat that did not leave refuses nothing */
    out.not_sent.to = ISSUANCE_UNKNOWN;
    assert_true(outcome_move_record(&out, &life.sub, LIFE_NOW_MS, &life.is));
    assert_int_equal(life.is.refusal, 0);
    life_clear(&life);
}

static void test_entering_submitted(void **state)
{
    struct life life;
    struct outcome out = outcome_of(OUTCOME_PLACED);
    (void)state;
    life_make(&life, ISSUANCE_SUBMITTING, ISSUANCE_REPLACEMENT);
    life.is.nudged = life.is.caa = true;
    life.is.caa_retried_ms = 1;
    snprintf(out.placed.answer.certificate_id, sizeof out.placed.answer.certificate_id, "4712");
    out.placed.said_ms = 99;
    assert_true(outcome_move_record(&out, &life.sub, LIFE_NOW_MS, &life.is));
    assert_string_equal(life.is.order_number, "1000001"); /* AutoReplaceSSL need not say it: the subscription's */
    assert_string_equal(life.is.certificate_id, "4712");
    assert_int_equal(life.is.placed_ms, 99);
    assert_false(life.is.nudged || life.is.caa || life.is.caa_retried_ms);
    life.is.state = ISSUANCE_CANCELLING; /* being issued after all: its numbers stay */
    life.is.nudged = true;
    out = outcome_of(OUTCOME_GO);
    out.to = ISSUANCE_SUBMITTED;
    assert_true(outcome_move_record(&out, &life.sub, LIFE_NOW_MS, &life.is));
    assert_string_equal(life.is.certificate_id, "4712");
    assert_true(life.is.nudged);
    life_clear(&life);
}

static void test_over_buys_anew(void **state)
{
    struct life life;
    struct outcome out = outcome_of(OUTCOME_OVER);
    (void)state;
    life_make(&life, ISSUANCE_UNKNOWN, ISSUANCE_REPLACEMENT);
    life.is.sends = 3;
    life.is.refusal = -20;
    learn(&life, &out);
    assert_true(outcome_move_record(&out, &life.sub, LIFE_NOW_MS, &life.is));
    assert_int_equal(life.is.state, ISSUANCE_PREPARED);
    assert_int_equal(life.is.kind, ISSUANCE_PURCHASE);
    assert_int_equal(life.is.sends, 0);
    assert_int_equal(life.is.refusal, 0);
    life_clear(&life);
}

/* A move that the table does not know is none; nothing is entered where it stays. */
static void test_moves(void **state)
{
    struct life life;
    struct outcome out = outcome_of(OUTCOME_SEND);
    (void)state;
    life_make(&life, ISSUANCE_SUBMITTED, ISSUANCE_PURCHASE);
    assert_false(outcome_move_record(&out, &life.sub, LIFE_NOW_MS, &life.is));
    assert_int_equal(life.is.state, ISSUANCE_SUBMITTED);
    assert_int_equal(life.is.sends, 1);
    out = outcome_of(OUTCOME_STAY);
    assert_true(outcome_move_record(&out, &life.sub, LIFE_NOW_MS, &life.is));
    out = outcome_of(OUTCOME_HASTEN);
    assert_true(outcome_move_record(&out, &life.sub, LIFE_NOW_MS, &life.is));
    assert_int_equal(life.is.state, ISSUANCE_SUBMITTED);
    life_clear(&life);
}

static void test_what_is_learned_of_it(void **state)
{
    struct life life;
    struct outcome out = outcome_of(OUTCOME_HASTEN);
    (void)state;
    life_make(&life, ISSUANCE_SUBMITTED, ISSUANCE_PURCHASE);
    assert_true(issuance_set_note(&life.is, "of before"));
    out.doubt = true;
    learn(&life, &out);
    assert_true(life.is.doubt);
    assert_int_equal(life.is.pushed_ms, LIFE_NOW_MS);
    assert_string_equal(life.is.note, "of before"); /* a push says nothing to people */
    out.doubt = false;
    learn(&life, &out);
    assert_true(life.is.doubt);

    out = outcome_of(OUTCOME_BLOCKED);
    out.caa = out.looked = true;
    outcome_note(&out, "CAA");
    learn(&life, &out);
    assert_true(life.is.caa);
    assert_int_equal(life.is.looked_ms, BEGAN_MS);
    assert_string_equal(life.is.note, "CAA");

    out = outcome_of(OUTCOME_STAY);
    out.learned = LEARNED_CAA_ASKED;
    learn(&life, &out);
    assert_int_equal(life.is.caa_retried_ms, LIFE_NOW_MS);
    out.learned = LEARNED_CAA_KEPT;
    learn(&life, &out);
    assert_int_equal(life.is.caa_retried_ms, 0);
    assert_true(life.is.caa);
    out.learned = LEARNED_CAA_PASSES;
    learn(&life, &out);
    assert_false(life.is.caa);
    out.learned = LEARNED_NO_DOUBT;
    learn(&life, &out);
    assert_false(life.is.doubt);
    life.is.nudged = false;
    out.learned = LEARNED_NUDGED;
    learn(&life, &out);
    assert_true(life.is.nudged);
    out = outcome_of(OUTCOME_STAY);
    out.missed = true;
    learn(&life, &out);
    assert_int_equal(life.is.looks, 1);
    life_clear(&life);
}

/* A push that came while Sectigo was asked makes the next look due within a minute of that one. */
static void test_when_the_job_is_due(void **state)
{
    struct life life;
    struct outcome out = outcome_of(OUTCOME_STAY);
    (void)state;
    life_make(&life, ISSUANCE_SUBMITTED, ISSUANCE_PURCHASE);
    assert_int_equal(outcome_due_ms(&out, BEGAN_MS, LIFE_NOW_MS, &life.is), LIFE_NOW_MS);
    out.due_ms = LIFE_NOW_MS + LIFE_HOUR_MS;
    out.looked = true;
    life.is.pushed_ms = BEGAN_MS - 1;
    assert_int_equal(outcome_due_ms(&out, BEGAN_MS, LIFE_NOW_MS, &life.is), LIFE_NOW_MS + LIFE_HOUR_MS);
    life.is.pushed_ms = BEGAN_MS;
    assert_int_equal(outcome_due_ms(&out, BEGAN_MS, LIFE_NOW_MS, &life.is), BEGAN_MS + LIFE_MINUTE_MS);
    out.looked = false;
    life.is.looked_ms = BEGAN_MS - 2000;
    assert_int_equal(outcome_due_ms(&out, BEGAN_MS, LIFE_NOW_MS, &life.is), LIFE_NOW_MS + LIFE_HOUR_MS);
    out.learned = LEARNED_NUDGED;
    assert_int_equal(outcome_due_ms(&out, BEGAN_MS, LIFE_NOW_MS, &life.is), BEGAN_MS - 2000 + LIFE_MINUTE_MS);
    life_clear(&life);
}

/* Whoever has not come by then is asked for; whoever was withheld was issued, so that nothing is to be asked. */
static void test_asked_to_look_at_once(void **state)
{
    struct life life;
    struct outcome out = outcome_of(OUTCOME_PLACED);
    (void)state;
    life_make(&life, ISSUANCE_SUBMITTED, ISSUANCE_PURCHASE);
    out.due_ms = LIFE_NOW_MS - 5000 + 10000;
    out.placed.wait_ms = 10000;
    assert_int_equal(outcome_due_ms(&out, BEGAN_MS, LIFE_NOW_MS, &life.is), LIFE_NOW_MS + 10000);
    life.is.nudged = false;
    life.is.changed_ms = LIFE_NOW_MS - 9999;
    memset(&out, 0, sizeof out);
    submitted_first(&life.facts, LIFE_NOW_MS, &out);
    assert_int_equal(out.ask.question, ASK_COLLECT);
    assert_int_equal(outcome_look_ms(&life.facts, LIFE_NOW_MS), LIFE_NOW_MS + 1);
    memset(&out, 0, sizeof out);
    submitted_first(&life.facts, LIFE_NOW_MS + 1, &out);
    assert_int_equal(out.ask.question, ASK_NUDGE);
    out = outcome_of(OUTCOME_STAY);
    out.withheld = ACCEPT_NAMES_MISSING;
    learn(&life, &out);
    assert_true(life.is.nudged);
    memset(&out, 0, sizeof out);
    submitted_first(&life.facts, LIFE_NOW_MS + 1, &out);
    assert_int_equal(out.ask.question, ASK_COLLECT);
    assert_in_range(outcome_look_ms(&life.facts, LIFE_NOW_MS), LIFE_NOW_MS + 2 * LIFE_HOUR_MS, UINT64_MAX);
    life_clear(&life);
}

static void test_taken_back_when_stopping(void **state)
{
    struct life life;
    struct outcome out = {0};
    (void)state;
    life_make(&life, ISSUANCE_SUBMITTING, ISSUANCE_PURCHASE);
    submitting_take_back(&life.facts, &out);
    assert_int_equal(outcome_state(&out, ISSUANCE_SUBMITTING), ISSUANCE_PUBLISHED);
    assert_int_equal(out.due_ms, 0);
    learn(&life, &out);
    assert_int_equal(life.is.sends, 0);
    assert_int_equal(life.is.failures, 0);
    life.is.sends = 2; /* the first may have been accepted */
    submitting_take_back(&life.facts, &out);
    assert_int_equal(outcome_state(&out, ISSUANCE_SUBMITTING), ISSUANCE_UNKNOWN);
    life_clear(&life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures_in_a_row),
        cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_polls_spread_until_the_deadline),
        cmocka_unit_test(test_a_deadline_to_the_millisecond),
        cmocka_unit_test(test_sends_are_counted),
        cmocka_unit_test(test_entering_submitting),
        cmocka_unit_test(test_entering_unknown),
        cmocka_unit_test(test_entering_submitted),
        cmocka_unit_test(test_over_buys_anew),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_what_is_learned_of_it),
        cmocka_unit_test(test_when_the_job_is_due),
        cmocka_unit_test(test_asked_to_look_at_once),
        cmocka_unit_test(test_taken_back_when_stopping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
