/* submitted, blocked and cancelling, by class of answer; certificates, pushes and CAA. Each row is a rule of
 * issuance.md, sections 5 to 7 and 9. */
#include "life_rows.h"

#define CERTIFICATE "certificate=-----BEGIN%20CERTIFICATE-----%0AMAA=%0A-----END%20CERTIFICATE-----"

static const struct row ANSWERS[] = {
#define COLLECT(what, kind, flags, body, ...)                                                                          \
    {                                                                                                                  \
        "submitted: " what, ISSUANCE_SUBMITTED, kind, flags, 0, ASK_COLLECT, body,                                     \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
    COLLECT("pending", P, 0, "errorCode=0&orderNumber=1000001", OUTCOME_STAY, 0, POLL, 0),
    COLLECT("unpaid", P, 0, "errorCode=-22&errorMessage=x", OUTCOME_STAY, 0, POLL, 0),
    COLLECT("pending, a push said failed", P, SUSPECT, "errorCode=0&orderNumber=1000001", OUTCOME_ASK, 0, 0,
            ASK_STATUS),
    COLLECT("pending, due", P, DUE, "errorCode=0&orderNumber=1000001", OUTCOME_GO, ISSUANCE_CANCELLING, 0, 0),
    COLLECT("pending, due, not refundable", P, DUE | MULTI, "errorCode=0&orderNumber=1000001", OUTCOME_DEAD,
            ISSUANCE_DEAD, 0, DEAD_KEPT),
    COLLECT("pending, due, by a clock in doubt", P, DUE | DOUBTED, "errorCode=0&orderNumber=1000001", OUTCOME_STAY, 0,
            POLL, 0),
    COLLECT("rejected", P, 0, "errorCode=-20&errorMessage=x", OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_AT_SECTIGO),
    COLLECT("revoked", P, 0, "errorCode=-21&errorMessage=x", OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_AT_SECTIGO),
    COLLECT("revoked, an older one of the family", R, WITHOUT_ID, "errorCode=-21&errorMessage=x", OUTCOME_STAY, 0, POLL,
            0),
    COLLECT("an unknown error", P, DUE, "errorCode=-14&errorMessage=x", OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    COLLECT("the login refused", P, DUE, "errorCode=-16&errorMessage=x", OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    COLLECT("the same, overdue", P, OVERDUE, "errorCode=-16&errorMessage=x", OUTCOME_GO, ISSUANCE_CANCELLING, 0, 0),
    COLLECT("refused", P, 0, "errorCode=-999&errorMessage=x", OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    COLLECT("refused, due", P, DUE, "errorCode=-999&errorMessage=x", OUTCOME_GO, ISSUANCE_CANCELLING, 0, 0),
    COLLECT("lost", P, DUE, NULL, OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    COLLECT("HTML", P, DUE, "<html>", OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    COLLECT("lost, overdue", P, OVERDUE, NULL, OUTCOME_GO, ISSUANCE_CANCELLING, 0, 0),

#define STATUS(what, body, ...)                                                                                        \
    {                                                                                                                  \
        "status: " what, ISSUANCE_SUBMITTED, P, SUSPECT, 0, ASK_STATUS, body,                                          \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
    STATUS("rejected", "errorCode=0&1_orderNumber=1&1_orderStatus=Rejected", OUTCOME_DEAD, ISSUANCE_DEAD, 0,
           DEAD_AT_SECTIGO),
    STATUS("failed", "errorCode=0&1_orderNumber=1&1_orderStatus=Validation+failed", OUTCOME_BLOCKED, ISSUANCE_BLOCKED,
           POLL, false),
    STATUS("goes on", "errorCode=0&1_orderNumber=1&1_orderStatus=Processed", OUTCOME_STAY, 0, POLL, LEARNED_NO_DOUBT),
    STATUS("refused", "errorCode=-4&errorMessage=x", OUTCOME_STAY, 0, POLL, 0),
    STATUS("lost", NULL, OUTCOME_STAY, 0, POLL, 0),
    STATUS("HTML", "<html>", OUTCOME_STAY, 0, POLL, 0),

#define REJECT(what, flags, body, ...)                                                                                 \
    {                                                                                                                  \
        "cancelling: " what, ISSUANCE_CANCELLING, P, flags, 0, ASK_REJECT, body,                                       \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
    REJECT("done", DUE, "errorCode=0", OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_CANCELLED),
    REJECT("done before", DUE, "errorCode=-20&errorMessage=x", OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_CANCELLED),
    REJECT("being issued", DUE, "errorCode=-26&errorMessage=x", OUTCOME_GO, ISSUANCE_SUBMITTED, MINUTES, 0),
    REJECT("refused", DUE, "errorCode=-21&errorMessage=x", OUTCOME_GO, ISSUANCE_SUBMITTED, POLL, 0),
    REJECT("refused, overdue", OVERDUE, "errorCode=-21&errorMessage=x", OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_KEPT),
    REJECT("the login refused", DUE, "errorCode=-16&errorMessage=x", OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    REJECT("an unknown error", DUE, "errorCode=-14&errorMessage=x", OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    REJECT("lost", DUE, NULL, OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    REJECT("lost, overdue", OVERDUE, NULL, OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_REFUNDED),

    {"nudge: taken",
     ISSUANCE_SUBMITTED,
     P,
     0,
     0,
     ASK_NUDGE,
     "errorCode=0",
     {OUTCOME_STAY, 0, -MINUTES, LEARNED_NUDGED}},
    {"nudge: lost", ISSUANCE_SUBMITTED, P, 0, 0, ASK_NUDGE, NULL, {OUTCOME_STAY, 0, -MINUTES, LEARNED_NUDGED}},
    {"CAA retry: taken",
     ISSUANCE_BLOCKED,
     P,
     CAA,
     0,
     ASK_CAA_RETRY,
     "errorCode=0",
     {OUTCOME_STAY, 0, MINUTES, LEARNED_CAA_PASSES}},
    {"CAA retry: refused",
     ISSUANCE_BLOCKED,
     P,
     CAA,
     0,
     ASK_CAA_RETRY,
     "errorCode=-4&errorMessage=x",
     {OUTCOME_STAY, 0, 10 * MINUTES, LEARNED_NOTHING}},
    {"CAA retry: never left",
     ISSUANCE_BLOCKED,
     P,
     CAA,
     0,
     ASK_CAA_RETRY,
     "-",
     {OUTCOME_STAY, 0, 10 * MINUTES, LEARNED_CAA_KEPT}},
    {"CAA retry: lost",
     ISSUANCE_BLOCKED,
     P,
     CAA,
     0,
     ASK_CAA_RETRY,
     NULL,
     {OUTCOME_STAY, 0, 10 * MINUTES, LEARNED_NOTHING}},
};

static void test_what_an_answer_means(void **state)
{
    (void)state;
    decide_rows(ANSWERS, sizeof ANSWERS / sizeof *ANSWERS);
}

/* ---- certificates ---- */

static const struct {
    const char *what;
    enum issuance_kind kind;
    unsigned flags;
    enum accept_verdict verdict;
    struct expected want;
} CERTIFICATES[] = {
    {"good", P, 0, ACCEPT_GOOD, {OUTCOME_COLLECTED, ISSUANCE_COLLECTED, 0, 0}},
    {"good, overdue", P, OVERDUE, ACCEPT_GOOD, {OUTCOME_COLLECTED, ISSUANCE_COLLECTED, 0, 0}},
    {"names missing", P, 0, ACCEPT_NAMES_MISSING, {OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_NAMES_MISSING}},
    {"of another key", P, 0, ACCEPT_OTHER_KEY, {OUTCOME_STAY, 0, POLL, 0}},
    {"untrusted", P, 0, ACCEPT_UNTRUSTED, {OUTCOME_STAY, 0, POLL, 0}},
    {"untrusted, due", P, DUE, ACCEPT_UNTRUSTED, {OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_REFUNDED}},
    {"untrusted, due, number of another",
     P,
     DUE | FOREIGN,
     ACCEPT_UNTRUSTED,
     {OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_AT_SECTIGO}},
    {"untrusted, due, and the store cannot be read",
     P,
     DUE | UNREAD,
     ACCEPT_UNTRUSTED,
     {OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE}},
    {"untrusted, due, not refundable", P, DUE | MULTI, ACCEPT_UNTRUSTED, {OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_KEPT}},
    {"untrusted replacement, due: never refunded",
     R,
     DUE,
     ACCEPT_UNTRUSTED,
     {OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_KEPT}},
    {"memory was short", P, DUE, ACCEPT_SHORTAGE, {OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE}},
};

static void test_certificates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CERTIFICATES / sizeof *CERTIFICATES; i++) {
        struct life life;
        struct reading reading;
        struct outcome out;
        print_message("%s\n", CERTIFICATES[i].what);
        life_make(&life, ISSUANCE_SUBMITTED, CERTIFICATES[i].kind);
        apply(&life, CERTIFICATES[i].flags, 0);
        life_reply(&life, &(struct ask){.question = ASK_COLLECT}, "errorCode=1&orderNumber=1000001&" CERTIFICATE,
                   &reading);
        assert_true(reading.parsed);
        reading.verdict = CERTIFICATES[i].verdict;
        snprintf(reading.reason, sizeof reading.reason, "why");
        life_decide(&life.facts, &reading, LIFE_NOW_MS, &out);
        compare(&out, ISSUANCE_SUBMITTED, &CERTIFICATES[i].want);
        bool kept = CERTIFICATES[i].verdict != ACCEPT_GOOD && CERTIFICATES[i].verdict != ACCEPT_SHORTAGE;
        assert_int_equal(out.withheld, kept ? CERTIFICATES[i].verdict : ACCEPT_GOOD);
        reading_clear(&reading);
        life_clear(&life);
    }
}

static void test_a_certificate_that_is_known(void **state)
{
    struct life life;
    struct outcome out = {0};
    (void)state;
    life_make(&life, ISSUANCE_SUBMITTED, P);
    submitted_known(&life.facts, LIFE_NOW_MS, &out);
    compare(&out, ISSUANCE_SUBMITTED, &(struct expected){OUTCOME_STAY, 0, 3 * HOURS, 0});
    apply(&life, DUE, 0);
    out = (struct outcome){0};
    submitted_known(&life.facts, LIFE_NOW_MS, &out);
    compare(&out, ISSUANCE_SUBMITTED, &(struct expected){OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_REFUNDED});
    life_clear(&life);
}

/* ---- pushes, CAA, waiting ---- */

static void test_pushes_change_no_state(void **state)
{
    (void)state;
    for (int kind = SECTIGO_PUSH_OTHER; kind <= SECTIGO_PUSH_CLICK_THROUGH; kind++) {
        bool doubt = kind == SECTIGO_PUSH_FAILED || kind == SECTIGO_PUSH_REJECTED;
        struct life life;
        struct outcome out = {0};
        life_make(&life, ISSUANCE_SUBMITTED, P);
        submitted_pushed(&life.facts, (enum sectigo_push_status)kind, LIFE_NOW_MS, &out);
        assert_int_equal(outcome_state(&out, ISSUANCE_SUBMITTED), ISSUANCE_SUBMITTED);
        assert_int_equal(out.kind, OUTCOME_HASTEN);
        assert_int_equal(out.doubt, doubt);
        assert_int_equal(out.due_ms, LIFE_NOW_MS);
        life.is.looked_ms = LIFE_NOW_MS - 20 * 1000; /* at most one look a minute */
        submitted_pushed(&life.facts, (enum sectigo_push_status)kind, LIFE_NOW_MS, &out);
        assert_int_equal(out.due_ms, LIFE_NOW_MS + 40 * 1000);
        life_clear(&life);
    }
}

static void test_looks_at_caa(void **state)
{
    static const struct {
        const char *why;
        unsigned flags;
        struct expected want;
    } looks[] = {
        {"forbidden", CAA, {OUTCOME_STAY, 0, 30 * 1000, LEARNED_NOTHING}},
        {"", CAA, {OUTCOME_STAY, 0, 0, LEARNED_CAA_ASKED}},
        {"", CAA | CAA_NOW, {OUTCOME_STAY, 0, 9 * MINUTES, LEARNED_NOTHING}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        struct life life;
        struct reading reading;
        struct outcome out;
        life_make(&life, ISSUANCE_BLOCKED, P);
        apply(&life, looks[i].flags, 0);
        reading_of_look(&reading, &(struct ask){.question = ASK_CAA}, true, looks[i].why);
        life_decide(&life.facts, &reading, LIFE_NOW_MS, &out);
        compare(&out, ISSUANCE_BLOCKED, &looks[i].want);
        life_clear(&life);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_an_answer_means),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_a_certificate_that_is_known),
        cmocka_unit_test(test_pushes_change_no_state),
        cmocka_unit_test(test_looks_at_caa),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
