/* consult: what a step looks up beside an answer. A store that cannot be read just now decides nothing: the answer counts
 * as none, and is asked for again. */
#include "life_fixture.h"
#include "temp_store.h"

#include "gateway/issue/life/asking.h"

enum { SNAPSHOTS_MAX = 512 };

static const char FOUND[] = "errorCode=0&noOfResults=1&1_orderNumber=1000001&1_orderStatus=Processed";
static char endpoint[] = "https://ca.example";
static const char NONE[] = "errorCode=0&noOfResults=0";

struct world {
    struct temp_store temp;
    struct life life;
    struct config config;
    struct config_login account;
    struct issuer issuer;
    struct step step;
    struct store_txn *held[SNAPSHOTS_MAX];
    size_t held_count;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    temp_store_open(&w->temp);
    life_make(&w->life, ISSUANCE_UNKNOWN, ISSUANCE_PURCHASE);
    w->life.sub.endpoint = endpoint;
    w->issuer.at.store = w->temp.store;
    w->step = (struct step){.issuer = &w->issuer,
                            .is = w->life.is,
                            .sub = w->life.sub,
                            .profile = &w->life.profile,
                            .account = &w->account,
                            .work.config = &w->config};
    *state = w;
    return 0;
}

static void let_go(struct world *w)
{
    while (w->held_count > 0)
        store_read_end(w->held[--w->held_count]);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    let_go(w);
    temp_store_close(&w->temp);
    free(w);
    return 0;
}

/* All snapshots that there may be are in use. */
static void make_unreadable(struct world *w)
{
    while (w->held_count < SNAPSHOTS_MAX && store_read(w->temp.store, &w->held[w->held_count]) == STORE_OK)
        w->held_count++;
    assert_true(w->held_count < SNAPSHOTS_MAX);
}

static struct reading report(struct world *w, const char *body)
{
    struct reading reading;
    life_reply(&w->life, &(struct ask){.question = ASK_REPORT}, body, &reading);
    unknown_consult(&w->step, &reading);
    return reading;
}

static void test_a_number_that_is_known_to_nobody(void **state)
{
    struct reading reading = report(*state, FOUND);
    assert_true(reading.parsed);
    assert_false(reading.foreign);
    reading_clear(&reading);
}

/* As another's it would be given up with the operator's word, and its names bought again. */
static void test_a_number_while_the_store_cannot_be_read(void **state)
{
    make_unreadable(*state);
    struct reading reading = report(*state, FOUND);
    assert_false(reading.parsed);
    assert_int_equal(reading.ask.question, ASK_REPORT);
    assert_non_null(strstr(reading.why, "the store"));
    reading_clear(&reading);
}

static void test_no_number_needs_no_store(void **state)
{
    make_unreadable(*state);
    struct reading reading = report(*state, NONE);
    assert_true(reading.parsed);
    reading_clear(&reading);
}

static void test_whose_number_it_is(void **state)
{
    struct world *w = *state;
    struct facts facts;
    w->step.is.state = ISSUANCE_CANCELLING;
    asking_facts(&w->step, LIFE_NOW_MS, &facts);
    assert_false(facts.owns_number);
    assert_false(facts.unread);
    make_unreadable(w);
    asking_facts(&w->step, LIFE_NOW_MS, &facts);
    assert_false(facts.owns_number);
    assert_true(facts.unread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_number_that_is_known_to_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_number_while_the_store_cannot_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_number_needs_no_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whose_number_it_is, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("consult", tests, NULL, NULL);
}
