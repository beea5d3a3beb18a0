/* life: what each state does first, and submitting, unknown and queued by class of answer. Each row is a rule of
 * issuance.md, sections 2 to 5. */
#include "life_rows.h"

#include "sectigo/code.h"

/* ---- what a state does first ---- */

static const struct {
    const char *what;
    enum issuance_state state;
    enum issuance_kind kind;
    unsigned flags;
    int refusal;
    struct expected want;
} FIRSTS[] = {
    {"queued", ISSUANCE_QUEUED, R, 0, 0, {OUTCOME_ASK, 0, 0, ASK_READERS}},
    {"queued too long", ISSUANCE_QUEUED, R, DUE, 0, {OUTCOME_REFUSED, ISSUANCE_REFUSED, 0, ACME_SERVER_INTERNAL}},
    {"queued, given up",
     ISSUANCE_QUEUED,
     R,
     0,
     ISSUANCE_GIVEN_UP,
     {OUTCOME_REFUSED, ISSUANCE_REFUSED, 0, ACME_SERVER_INTERNAL}},
    {"queued, by a clock in doubt", ISSUANCE_QUEUED, R, DUE | DOUBTED, 0, {OUTCOME_STAY, 0, HOURS, 0}},

    {"submitting", ISSUANCE_SUBMITTING, P, SENDING, 0, {OUTCOME_ASK, 0, 0, ASK_ORDER}},
    {"submitting after a kill", ISSUANCE_SUBMITTING, P, 0, 0, {OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, 0}},
    {"submitting after a kill, a replacement", ISSUANCE_SUBMITTING, R, 0, 0, {OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, 0}},

    {"unknown", ISSUANCE_UNKNOWN, P, 0, 0, {OUTCOME_ASK, 0, 0, ASK_REPORT}},
    {"unknown, a second time", ISSUANCE_UNKNOWN, P, LOOKED, 0, {OUTCOME_ASK, 0, 0, ASK_REPORT}},
    {"unknown, a second time too early", ISSUANCE_UNKNOWN, P, LOOKED_NOW, 0, {OUTCOME_STAY, 0, 4 * MINUTES, 0}},
    {"unknown, given up: settled first", ISSUANCE_UNKNOWN, P, 0, ISSUANCE_GIVEN_UP, {OUTCOME_ASK, 0, 0, ASK_REPORT}},
    {"unknown, due: settled first", ISSUANCE_UNKNOWN, P, DUE, 0, {OUTCOME_ASK, 0, 0, ASK_REPORT}},
    {"unknown replacement", ISSUANCE_UNKNOWN, R, 0, 0, {OUTCOME_ASK, 0, 0, ASK_REPORT}},
    {"unknown replacement by its family", ISSUANCE_UNKNOWN, R, BY_FAMILY, 0, {OUTCOME_ASK, 0, 0, ASK_FAMILY}},
    {"unknown purchase of that login", ISSUANCE_UNKNOWN, P, BY_FAMILY, 0, {OUTCOME_ASK, 0, 0, ASK_REPORT}},
    {"unknown replacement, due",
     ISSUANCE_UNKNOWN,
     R,
     DUE,
     0,
     {OUTCOME_REFUSED, ISSUANCE_REFUSED, 0, ACME_SERVER_INTERNAL}},
    {"unknown replacement, due by a clock in doubt",
     ISSUANCE_UNKNOWN,
     R,
     DUE | DOUBTED,
     0,
     {OUTCOME_ASK, 0, 0, ASK_REPORT}},

    {"submitted, not nudged", ISSUANCE_SUBMITTED, P, BARE, 0, {OUTCOME_ASK, 0, 0, ASK_NUDGE}},
    {"submitted", ISSUANCE_SUBMITTED, P, 0, 0, {OUTCOME_ASK, 0, 0, ASK_COLLECT}},
    {"submitted, due: collected once more", ISSUANCE_SUBMITTED, P, DUE | BARE, 0, {OUTCOME_ASK, 0, 0, ASK_COLLECT}},
    {"submitted replacement, due", ISSUANCE_SUBMITTED, R, DUE, 0, {OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_AT_SECTIGO}},

    {"blocked", ISSUANCE_BLOCKED, P, 0, 0, {OUTCOME_ASK, 0, 0, ASK_COLLECT}},
    {"blocked by CAA", ISSUANCE_BLOCKED, P, CAA, 0, {OUTCOME_ASK, 0, 0, ASK_CAA}},
    {"blocked by CAA, about to ask", ISSUANCE_BLOCKED, P, ASKING_CAA, 0, {OUTCOME_ASK, 0, 0, ASK_CAA_RETRY}},
    {"blocked by CAA, due", ISSUANCE_BLOCKED, P, CAA | DUE, 0, {OUTCOME_ASK, 0, 0, ASK_COLLECT}},

    {"held, never sent", ISSUANCE_HELD, P, BARE, 0, {OUTCOME_GO, ISSUANCE_PUBLISHED, 0, 0}},
    {"held, sent", ISSUANCE_HELD, P, 0, 0, {OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, 0}},
    {"held, sent and given up",
     ISSUANCE_HELD,
     P,
     0,
     ISSUANCE_GIVEN_UP,
     {OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, ISSUANCE_GIVEN_UP}},
    {"held, never sent and given up",
     ISSUANCE_HELD,
     P,
     BARE,
     ISSUANCE_GIVEN_UP,
     {OUTCOME_REFUSED, ISSUANCE_REFUSED, 0, ACME_SERVER_INTERNAL}},

    {"cancelling", ISSUANCE_CANCELLING, P, DUE, 0, {OUTCOME_ASK, 0, 0, ASK_REJECT}},
    {"cancelling another's",
     ISSUANCE_CANCELLING,
     P,
     DUE | FOREIGN,
     0,
     {OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_AT_SECTIGO}},
    {"cancelling, and the store cannot be read",
     ISSUANCE_CANCELLING,
     P,
     DUE | UNREAD,
     0,
     {OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE}},
    {"cancelling, abandoned",
     ISSUANCE_CANCELLING,
     P,
     DUE,
     ISSUANCE_ABANDONED,
     {OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_REFUNDED}},

    {"collected", ISSUANCE_COLLECTED, P, 0, 0, {OUTCOME_NONE, 0, 0, 0}},
    {"refused", ISSUANCE_REFUSED, P, 0, 0, {OUTCOME_NONE, 0, 0, 0}},
    {"dead", ISSUANCE_DEAD, P, 0, 0, {OUTCOME_NONE, 0, 0, 0}},
};

static void test_what_a_state_does_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof FIRSTS / sizeof *FIRSTS; i++) {
        struct life life;
        struct outcome out;
        print_message("%s\n", FIRSTS[i].what);
        life_make(&life, FIRSTS[i].state, FIRSTS[i].kind);
        apply(&life, FIRSTS[i].flags, FIRSTS[i].refusal);
        life_first(&life.facts, LIFE_NOW_MS, &out);
        compare(&out, FIRSTS[i].state, &FIRSTS[i].want);
        life_clear(&life);
    }
}

/* ---- what an answer means ---- */

#define CERTIFICATE "certificate=-----BEGIN%20CERTIFICATE-----%0AMAA=%0A-----END%20CERTIFICATE-----"
#define NONE_FOUND "errorCode=0&noOfResults=0"
#define FOUND "errorCode=0&noOfResults=1&1_orderNumber=1000001&1_orderStatus=Processed"
#define FOUND_UNPAID "errorCode=0&noOfResults=1&1_orderNumber=1000001&1_orderStatus=Awaiting+Payment"
#define OTHER_TERM FOUND "&1_1_certificateID=4712&1_1_orderDate=1&1_foreignOrderNumber=gw1other"
#define TWO FOUND "&2_orderNumber=1000002"
#define NEW_ID "errorCode=0&1_orderNumber=1000001repl%231&1_1_certificateID=4712"
#define NO_NEW_ID "errorCode=0&1_orderNumber=1000001&1_1_certificateID=4711"
#define NUDGE_AFTER 10000
#define PLACED_ANSWER "errorCode=0&orderNumber=1000001&certificateID=4712&uniqueValue=abc"

static const struct row ANSWERS[] = {
#define SUBMITTING(what, kind, flags, body, ...)                                                                       \
    {                                                                                                                  \
        "submitting: " what, ISSUANCE_SUBMITTING, kind, SENDING | (flags), 0, ASK_ORDER, body,                         \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
    SUBMITTING("placed", P, 0, PLACED_ANSWER, OUTCOME_PLACED, ISSUANCE_SUBMITTED, NUDGE_AFTER, 0),
    SUBMITTING("awaiting payment", P, 0, "errorCode=1&orderNumber=1000001", OUTCOME_PLACED, ISSUANCE_SUBMITTED,
               NUDGE_AFTER, 0),
    SUBMITTING("a replacement placed", R, 0, "errorCode=0&certificateID=4712", OUTCOME_PLACED, ISSUANCE_SUBMITTED,
               NUDGE_AFTER, 0),
    SUBMITTING("success without order number", P, 0, "errorCode=0", OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, 0),
    SUBMITTING("lost", P, 0, NULL, OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, 0),
    SUBMITTING("HTML", P, 0, "<html>502</html>", OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, 0),
    SUBMITTING("no errorCode", P, 0, "orderNumber=1000001", OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, 0),
    SUBMITTING("empty", P, 0, "", OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, 0),
    SUBMITTING("lost, a replacement", R, 0, NULL, OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, 0),
    SUBMITTING("never left", P, 0, "-", OUTCOME_NOT_SENT, ISSUANCE_PUBLISHED, 20 * 1000, false),
    SUBMITTING("a repeat that never left", P, REPEAT, "-", OUTCOME_NOT_SENT, ISSUANCE_UNKNOWN, 20 * 1000, false),
    SUBMITTING("later", P, 0, "errorCode=-26&errorMessage=Busy", OUTCOME_NOT_SENT, ISSUANCE_PUBLISHED, BACK_OFF, true),
    SUBMITTING("later, a repeat", P, REPEAT, "errorCode=-42&errorMessage=Busy", OUTCOME_NOT_SENT, ISSUANCE_UNKNOWN,
               BACK_OFF, true),
    SUBMITTING("an unknown error", P, 0, "errorCode=-14&errorMessage=Unknown", OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, 0),
    SUBMITTING("a code nobody documented", P, 0, "errorCode=-999&errorMessage=New", OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN,
               0, -999),
    SUBMITTING("not unique", P, 0, "errorCode=-55&errorMessage=Token", OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, -55),
    SUBMITTING("not unique, a repeat", P, REPEAT, "errorCode=-55&errorMessage=Token", OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN,
               0, SECTIGO_NOT_UNIQUE),
    SUBMITTING("refused by number, a repeat", P, REPEAT, "errorCode=-4&errorMessage=foreignOrderNumber+is+known",
               OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN, 0, SECTIGO_NOT_UNIQUE),
    SUBMITTING("refused by uniqueValue", P, 0, "errorCode=-4&errorMessage=uniqueValue+is+known", OUTCOME_UNKNOWN,
               ISSUANCE_UNKNOWN, 0, -4),
    SUBMITTING("the CSR refused", P, 0, "errorCode=-9&errorMessage=CSR", OUTCOME_REFUSED, ISSUANCE_REFUSED, 0,
               ACME_BAD_CSR),
    SUBMITTING("a name refused", P, 0, "errorCode=-19&errorMessage=CN", OUTCOME_REFUSED, ISSUANCE_REFUSED, 0,
               ACME_REJECTED_IDENTIFIER),
    SUBMITTING("the CSR refused, a repeat", P, REPEAT, "errorCode=-9&errorMessage=CSR", OUTCOME_UNKNOWN,
               ISSUANCE_UNKNOWN, 0, -9),
    SUBMITTING("configuration", P, 0, "errorCode=-2&errorMessage=x", OUTCOME_REFUSED, ISSUANCE_REFUSED, 0,
               ACME_SERVER_INTERNAL),
    SUBMITTING("configuration, a repeat", P, REPEAT, "errorCode=-2&errorMessage=x", OUTCOME_UNKNOWN, ISSUANCE_UNKNOWN,
               0, -2),
    SUBMITTING("no credit", P, 0, "errorCode=-15&errorMessage=x", OUTCOME_HELD, ISSUANCE_HELD, HOURS, HELD_NO_CREDIT),
    SUBMITTING("the login refused", P, 0, "errorCode=-16&errorMessage=x", OUTCOME_HELD, ISSUANCE_HELD, 5 * MINUTES,
               HELD_NOT_SENT),
    SUBMITTING("the subscription over", R, 0, "errorCode=-20&errorMessage=x", OUTCOME_OVER, ISSUANCE_PREPARED, 0, 0),
    SUBMITTING("the subscription over, a repeat", R, REPEAT, "errorCode=-21&errorMessage=x", OUTCOME_UNKNOWN,
               ISSUANCE_UNKNOWN, 0, -21),

#define REPORT(what, kind, flags, refusal, body, ...)                                                                  \
    {                                                                                                                  \
        "unknown: " what, ISSUANCE_UNKNOWN, kind, flags, refusal, ASK_REPORT, body,                                    \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
    REPORT("found", P, 0, 0, FOUND, OUTCOME_PLACED, ISSUANCE_SUBMITTED, 0, 0),
    REPORT("found after the deadline", P, DUE, 0, FOUND, OUTCOME_PLACED, ISSUANCE_SUBMITTED, 0, 0),
    REPORT("found and given up", P, 0, ISSUANCE_GIVEN_UP, FOUND, OUTCOME_PLACED, ISSUANCE_SUBMITTED, 0, 0),
    REPORT("found under another number", P, 0, 0, OTHER_TERM, OUTCOME_HELD, ISSUANCE_HELD, HOURS, HELD_AS_IT_IS),
    REPORT("found twice", P, 0, 0, TWO, OUTCOME_HELD, ISSUANCE_HELD, HOURS, HELD_AS_IT_IS),
    REPORT("found twice, due", P, DUE, 0, TWO, OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_AT_SECTIGO),
    REPORT("found, another's", P, FOREIGN, 0, FOUND, OUTCOME_HELD, ISSUANCE_HELD, HOURS, HELD_AS_IT_IS),
    REPORT("found, another's, due", P, FOREIGN | DUE, 0, FOUND, OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_AT_SECTIGO),
    REPORT("found, another's, given up", P, FOREIGN | LOOKED, ISSUANCE_GIVEN_UP, FOUND, OUTCOME_REFUSED,
           ISSUANCE_REFUSED, 0, ACME_SERVER_INTERNAL),
    REPORT("not found, the first time", P, 0, 0, NONE_FOUND, OUTCOME_STAY, 0, 5 * MINUTES, 0),
    REPORT("not found, the first time, refused", P, REPEAT, -9, NONE_FOUND, OUTCOME_STAY, 0, 5 * MINUTES, 0),
    REPORT("not found again: sent again", P, LOOKED, 0, NONE_FOUND, OUTCOME_SEND, ISSUANCE_SUBMITTING, 0, 0),
    /* It was asked by a clock that has been set right since: found by the simulation. */
    REPORT("not found again, a minute after the first time", P, LOOKED_NOW, 0, NONE_FOUND, OUTCOME_STAY, 0, 5 * MINUTES,
           0),
    REPORT("not found again, too soon", P, LOOKED | JUST, 0, NONE_FOUND, OUTCOME_STAY, 0, 14 * MINUTES, 0),
    REPORT("not found again, refused", P, LOOKED | REPEAT, -9, NONE_FOUND, OUTCOME_REFUSED, ISSUANCE_REFUSED, 0,
           ACME_BAD_CSR),
    REPORT("not found again, refused by number", P, LOOKED | REPEAT, SECTIGO_NOT_UNIQUE, NONE_FOUND, OUTCOME_STAY, 0,
           5 * MINUTES, 0),
    REPORT("the same for a day", P, LOOKED | REPEAT | DAY_OLD, SECTIGO_NOT_UNIQUE, NONE_FOUND, OUTCOME_HELD,
           ISSUANCE_HELD, HOURS, HELD_AS_IT_IS),
    REPORT("the same, due", P, LOOKED | REPEAT | DUE, SECTIGO_NOT_UNIQUE, NONE_FOUND, OUTCOME_DEAD, ISSUANCE_DEAD, 0,
           DEAD_AT_SECTIGO),
    /* Or its names would be bought a second time: found by the simulation. */
    REPORT("the same, given up", P, LOOKED | REPEAT, ISSUANCE_GIVEN_UP_AS_PLACED, NONE_FOUND, OUTCOME_DEAD,
           ISSUANCE_DEAD, 0, DEAD_AT_SECTIGO),
    REPORT("not found for a day", P, LOOKED | DAY_OLD, 0, NONE_FOUND, OUTCOME_HELD, ISSUANCE_HELD, HOURS,
           HELD_AS_IT_IS),
    REPORT("not found, due", P, LOOKED | DUE, 0, NONE_FOUND, OUTCOME_REFUSED, ISSUANCE_REFUSED, 0,
           ACME_SERVER_INTERNAL),
    REPORT("not found, due, may still be at work", P, LOOKED | DUE | JUST, 0, NONE_FOUND, OUTCOME_STAY, 0, 14 * MINUTES,
           0),
    REPORT("not found, given up", P, LOOKED, ISSUANCE_GIVEN_UP, NONE_FOUND, OUTCOME_REFUSED, ISSUANCE_REFUSED, 0,
           ACME_SERVER_INTERNAL),
    REPORT("not found, over", R, LOOKED | REPEAT, -20, NONE_FOUND, OUTCOME_OVER, ISSUANCE_PREPARED, 0, 0),
    REPORT("lost", P, 0, 0, NULL, OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    REPORT("never left", P, 0, 0, "-", OUTCOME_STAY, 0, 20 * 1000, 0),
    REPORT("HTML", P, 0, 0, "<html>", OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    REPORT("refused", P, DUE, 0, "errorCode=-4&errorMessage=x", OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    REPORT("refused for a day after the deadline", P, OVERDUE, 0, "errorCode=-4&errorMessage=x", OUTCOME_DEAD,
           ISSUANCE_DEAD, 0, DEAD_AT_SECTIGO),
    REPORT("lost for a day after the deadline", P, OVERDUE, 0, NULL, OUTCOME_DEAD, ISSUANCE_DEAD, 0, DEAD_AT_SECTIGO),
    REPORT("lost, by a clock in doubt", P, OVERDUE | DOUBTED, 0, NULL, OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),

#define FAMILY(what, flags, asked, body, ...)                                                                          \
    {                                                                                                                  \
        "family: " what, ISSUANCE_UNKNOWN, R, BY_FAMILY | (flags), 0, asked, body,                                     \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
    FAMILY("a new certificate ID", 0, ASK_FAMILY, NEW_ID, OUTCOME_ASK, 0, 0, ASK_NEWEST),
    FAMILY("none", 0, ASK_FAMILY, NO_NEW_ID, OUTCOME_STAY, 0, 5 * MINUTES, 0),
    FAMILY("none again", LOOKED, ASK_FAMILY, NO_NEW_ID, OUTCOME_SEND, ISSUANCE_SUBMITTING, 0, 0),
    FAMILY("not allowed", 0, ASK_FAMILY, "errorCode=-17&errorMessage=x", OUTCOME_ASK, 0, 0, ASK_NEWEST),
    FAMILY("later", 0, ASK_FAMILY, "errorCode=-26&errorMessage=x", OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    FAMILY("the login refused", 0, ASK_FAMILY, "errorCode=-16&errorMessage=x", OUTCOME_STAY, 0, BACK_OFF,
           LEARNED_FAILURE),
    FAMILY("lost", 0, ASK_FAMILY, NULL, OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    FAMILY("ours", OURS | CANDIDATE, ASK_NEWEST, "errorCode=1&orderNumber=1000001&" CERTIFICATE, OUTCOME_PLACED,
           ISSUANCE_SUBMITTED, 0, 0),
    FAMILY("somebody else's", LOOKED | CANDIDATE, ASK_NEWEST, "errorCode=1&orderNumber=1000001&" CERTIFICATE,
           OUTCOME_SEND, ISSUANCE_SUBMITTING, 0, 0),
    FAMILY("not issued yet", CANDIDATE, ASK_NEWEST, "errorCode=0&orderNumber=1000001", OUTCOME_PLACED,
           ISSUANCE_SUBMITTED, 0, 0),
    FAMILY("not issued yet, whose?", 0, ASK_NEWEST, "errorCode=0&orderNumber=1000001", OUTCOME_STAY, 0, BACK_OFF,
           LEARNED_FAILURE),
    FAMILY("rejected", LOOKED | CANDIDATE, ASK_NEWEST, "errorCode=-20&errorMessage=x", OUTCOME_SEND,
           ISSUANCE_SUBMITTING, 0, 0),
    FAMILY("refused", CANDIDATE, ASK_NEWEST, "errorCode=-4&errorMessage=x", OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
    FAMILY("HTML", CANDIDATE, ASK_NEWEST, "<html>", OUTCOME_STAY, 0, BACK_OFF, LEARNED_FAILURE),
};

static void test_what_an_answer_means(void **state)
{
    (void)state;
    decide_rows(ANSWERS, sizeof ANSWERS / sizeof *ANSWERS);
}

/* ---- waiting ---- */

static void test_waiting(void **state)
{
    static const struct {
        bool read;
        uint64_t ago_ms;
        struct expected want;
    } waits[] = {
        {true, LIFE_HOUR_MS - 1, {OUTCOME_STAY, 0, 1, 0}},
        {true, LIFE_HOUR_MS, {OUTCOME_REFUSED, ISSUANCE_REFUSED, 0, ACME_SERVER_INTERNAL}},
        {false, LIFE_DAY_MS, {OUTCOME_STAY, 0, 10 * 1000, 0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        struct life life;
        struct reading reading;
        struct outcome out;
        life_make(&life, ISSUANCE_QUEUED, R);
        reading_of_look(&reading, &(struct ask){.question = ASK_READERS}, waits[i].read, "");
        reading.read_ms = LIFE_NOW_MS - waits[i].ago_ms;
        life_decide(&life.facts, &reading, LIFE_NOW_MS, &out);
        compare(&out, ISSUANCE_QUEUED, &waits[i].want);
        life_clear(&life);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_a_state_does_first),
                                       cmocka_unit_test(test_what_an_answer_means), cmocka_unit_test(test_waiting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
