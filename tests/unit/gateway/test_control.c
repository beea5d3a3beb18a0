/* control: prepared and published, by what the DNS servers and preflight say (issuance.md section 9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "life_fixture.h"

enum { AGAIN_MS = 30 * 1000 };

static const struct row {
    const char *what;
    enum issuance_state state;
    uint32_t sends;
    uint64_t age_ms;
    int refusal;
    bool in_doubt, skip;
    enum config_preflight preflight;
    enum outcome_kind want;
    int detail;
} FIRSTS[] = {
    {"prepared", ISSUANCE_PREPARED, 0, 0, 0, false, false, CONFIG_PREFLIGHT_ENFORCE, OUTCOME_ASK, ASK_PUBLISHERS},
    {"prepared, a moment before its deadline", ISSUANCE_PREPARED, 0, 7 * LIFE_DAY_MS - 1, 0, false, false,
     CONFIG_PREFLIGHT_ENFORCE, OUTCOME_ASK, ASK_PUBLISHERS},
    {"prepared, at its deadline", ISSUANCE_PREPARED, 0, 7 * LIFE_DAY_MS, 0, false, false, CONFIG_PREFLIGHT_ENFORCE,
     OUTCOME_REFUSED, ACME_SERVER_INTERNAL},
    {"prepared, at its deadline by a clock in doubt", ISSUANCE_PREPARED, 0, 7 * LIFE_DAY_MS, 0, true, false,
     CONFIG_PREFLIGHT_ENFORCE, OUTCOME_ASK, ASK_PUBLISHERS},
    {"prepared, at its deadline, sent before", ISSUANCE_PREPARED, 1, 7 * LIFE_DAY_MS, 0, false, false,
     CONFIG_PREFLIGHT_ENFORCE, OUTCOME_ASK, ASK_PUBLISHERS},
    {"prepared, given up", ISSUANCE_PREPARED, 0, 0, ISSUANCE_GIVEN_UP, true, false, CONFIG_PREFLIGHT_ENFORCE,
     OUTCOME_REFUSED, ACME_SERVER_INTERNAL},
    {"published", ISSUANCE_PUBLISHED, 0, 0, 0, false, false, CONFIG_PREFLIGHT_ENFORCE, OUTCOME_ASK, ASK_PREFLIGHT},
    {"published, warned only", ISSUANCE_PUBLISHED, 0, 0, 0, false, false, CONFIG_PREFLIGHT_WARN, OUTCOME_ASK,
     ASK_PREFLIGHT},
    {"published, preflight off", ISSUANCE_PUBLISHED, 0, 0, 0, false, false, CONFIG_PREFLIGHT_OFF, OUTCOME_SEND, 0},
    {"published, preflight skipped", ISSUANCE_PUBLISHED, 0, 0, 0, false, true, CONFIG_PREFLIGHT_ENFORCE, OUTCOME_SEND,
     0},
    {"published, at its deadline", ISSUANCE_PUBLISHED, 0, 7 * LIFE_DAY_MS, 0, false, true, CONFIG_PREFLIGHT_OFF,
     OUTCOME_REFUSED, ACME_SERVER_INTERNAL},
    {"published, given up", ISSUANCE_PUBLISHED, 0, 0, ISSUANCE_ABANDONED, false, true, CONFIG_PREFLIGHT_OFF,
     OUTCOME_REFUSED, ACME_SERVER_INTERNAL},
};

static void test_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof FIRSTS / sizeof *FIRSTS; i++) {
        const struct row *row = &FIRSTS[i];
        struct life life;
        struct outcome out;
        print_message("%s\n", row->what);
        life_make(&life, row->state, ISSUANCE_PURCHASE);
        life.is.sends = row->sends;
        life.is.created_ms = LIFE_NOW_MS - row->age_ms;
        life.is.refusal = row->refusal;
        life.dcv.preflight = row->preflight;
        life.facts.in_doubt = row->in_doubt;
        life.facts.skip_preflight = row->skip;
        assert_true(issuance_set_note(&life.is, "no record is seen"));
        life_first(&life.facts, LIFE_NOW_MS, &out);
        assert_int_equal(out.kind, row->want);
        if (out.kind == OUTCOME_ASK)
            assert_int_equal(out.ask.question, row->detail);
        else if (out.kind == OUTCOME_REFUSED)
            assert_non_null(strstr(out.end.problem.detail, "no record is seen"));
        life_clear(&life);
    }
}

/* The rules turned to CNAME while it waited: whatever preflight is, the record comes first. */
static void test_record_that_is_not_published(void **state)
{
    static const enum config_preflight settings[] = {CONFIG_PREFLIGHT_ENFORCE, CONFIG_PREFLIGHT_WARN,
                                                     CONFIG_PREFLIGHT_OFF};
    (void)state;
    for (unsigned i = 0; i < 2 * sizeof settings / sizeof *settings; i++) {
        struct life life;
        struct outcome out;
        life_make(&life, ISSUANCE_PUBLISHED, ISSUANCE_PURCHASE);
        life.facts.unpublished = true;
        life.dcv.preflight = settings[i / 2];
        life.facts.skip_preflight = i % 2 == 1;
        life_first(&life.facts, LIFE_NOW_MS, &out);
        assert_int_equal(out.kind, OUTCOME_GO);
        assert_int_equal(out.to, ISSUANCE_PREPARED);
        life.is.created_ms = LIFE_NOW_MS - 7 * LIFE_DAY_MS;
        life_first(&life.facts, LIFE_NOW_MS, &out);
        assert_int_equal(out.kind, OUTCOME_REFUSED);
        life_clear(&life);
    }
}

static void test_too_late_without_a_reason(void **state)
{
    struct life life;
    struct outcome out;
    (void)state;
    life_make(&life, ISSUANCE_PUBLISHED, ISSUANCE_PURCHASE);
    life.is.created_ms = LIFE_NOW_MS - 7 * LIFE_DAY_MS;
    life_first(&life.facts, LIFE_NOW_MS, &out);
    assert_string_equal(out.end.problem.detail, "the order could not be placed in time: Sectigo could not be reached");
    life_clear(&life);
}

static const struct look {
    const char *what;
    enum question question;
    uint32_t sends;
    enum config_preflight preflight;
    bool asked;
    const char *why;
    bool stored_first, unseen, turned;
    enum outcome_kind want;
    enum issuance_state to;
    uint64_t due_ms;
} LOOKS[] = {
    {"published", ASK_PUBLISHERS, 0, 0, true, "", false, false, false, OUTCOME_GO, ISSUANCE_PUBLISHED, 0},
    {"new records are stored first", ASK_PUBLISHERS, 0, 0, true, "", true, false, false, OUTCOME_STAY,
     ISSUANCE_PREPARED, 0},
    {"not published", ASK_PUBLISHERS, 0, 0, true, "REFUSED", false, false, false, OUTCOME_STAY, ISSUANCE_PREPARED,
     LIFE_NOW_MS + AGAIN_MS},
    {"no records made", ASK_PUBLISHERS, 0, 0, false, "memory", false, false, false, OUTCOME_STAY, ISSUANCE_PREPARED,
     LIFE_NOW_MS + AGAIN_MS},

    {"seen", ASK_PREFLIGHT, 0, CONFIG_PREFLIGHT_ENFORCE, true, "", false, false, false, OUTCOME_SEND,
     ISSUANCE_SUBMITTING, 0},
    {"CAA forbids", ASK_PREFLIGHT, 0, CONFIG_PREFLIGHT_ENFORCE, true, "CAA", false, false, false, OUTCOME_STAY,
     ISSUANCE_PUBLISHED, LIFE_NOW_MS + AGAIN_MS},
    {"CAA forbids, warned only", ASK_PREFLIGHT, 0, CONFIG_PREFLIGHT_WARN, true, "CAA", false, false, false,
     OUTCOME_SEND, ISSUANCE_SUBMITTING, 0},
    {"a record is not seen: published anew", ASK_PREFLIGHT, 0, CONFIG_PREFLIGHT_ENFORCE, true, "NXDOMAIN", false, true,
     false, OUTCOME_GO, ISSUANCE_PREPARED, LIFE_NOW_MS + AGAIN_MS},
    {"the same after it was sent", ASK_PREFLIGHT, 1, CONFIG_PREFLIGHT_ENFORCE, true, "NXDOMAIN", false, true, false,
     OUTCOME_STAY, ISSUANCE_PUBLISHED, LIFE_NOW_MS + AGAIN_MS},
    {"no global address: CNAME", ASK_PREFLIGHT, 0, CONFIG_PREFLIGHT_WARN, true, "10.0.0.1", false, false, true,
     OUTCOME_GO, ISSUANCE_PREPARED, 0},
    {"memory was short", ASK_PREFLIGHT, 0, CONFIG_PREFLIGHT_WARN, false, "memory", false, false, false, OUTCOME_STAY,
     ISSUANCE_PUBLISHED, LIFE_NOW_MS + AGAIN_MS},
};

static void test_looks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof LOOKS / sizeof *LOOKS; i++) {
        const struct look *look = &LOOKS[i];
        enum issuance_state from = look->question == ASK_PUBLISHERS ? ISSUANCE_PREPARED : ISSUANCE_PUBLISHED;
        struct life life;
        struct reading reading;
        struct outcome out;
        print_message("%s\n", look->what);
        life_make(&life, from, ISSUANCE_PURCHASE);
        life.is.sends = look->sends;
        life.dcv.preflight = look->preflight;
        reading_of_look(&reading, &(struct ask){.question = look->question}, look->asked, look->why);
        reading.stored_first = look->stored_first;
        reading.unseen = look->unseen;
        reading.turned = look->turned;
        life_decide(&life.facts, &reading, LIFE_NOW_MS, &out);
        assert_int_equal(out.kind, look->want);
        assert_int_equal(outcome_state(&out, from), look->to);
        assert_int_equal(out.due_ms, look->due_ms);
        assert_string_equal(out.note, look->why);
        life_clear(&life);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first),
                                       cmocka_unit_test(test_record_that_is_not_published),
                                       cmocka_unit_test(test_too_late_without_a_reason), cmocka_unit_test(test_looks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
