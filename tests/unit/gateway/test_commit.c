/* commit: what a step found out, stored in one transaction; and the check in it, which has the last word on what
 * leaves and on what is bought. Each row is a rule of issuance.md, sections 2 to 4, 8 and 11. */
#include "tests/unit/gateway/static_config.h"
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/life/step.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/upstream/upstream.h"

#define TEXT(text) ((char *)(uintptr_t)(text))
#define DAY (86400ull * 1000)

static struct config_login logins[] = {{.name = TEXT("main"),
                                        .url = TEXT("https://ca.example"),
                                        .login = TEXT("partner"),
                                        .password = TEXT("secret"),
                                        .trust_anchors = TEXT("/usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt"),
                                        .timeout_ms = 120000}};
static struct config_profile profile = {.name = TEXT("dv"),
                                        .login = TEXT("main"),
                                        .days = 365,
                                        .product_single = 488,
                                        .deadline_s = 7 * 86400,
                                        .renew_before_term_end_s = 60 * 86400};
static struct config config = {.logins = logins,
                               .login_count = 1,
                               .profiles = &profile,
                               .profile_count = 1,
                               .issuance = {.settle_again_ms = 300000, .later_ms = 60000}};

struct world {
    struct temp_store temp;
    struct upstream *upstream;
    struct issuer issuer;
    struct step step;
    struct acme_names names;
    uint64_t now_ms;
};

/* ---- an issuance and what it is of ---- */

static void name_it(struct acme_names *names)
{
    struct acme_identifier name = {.type = ACME_DNS_NAME};
    snprintf(name.value, sizeof name.value, "www.example.org");
    assert_true(names_add(names, &name));
}

static void make_subscription(struct world *w, enum subscription_state state, struct subscription *sub)
{
    *sub = (struct subscription){.state = state, .product = 488, .days = 365};
    assert_true(acme_id_make(&sub->id, w->now_ms));
    snprintf(sub->policy, sizeof sub->policy, "default");
    snprintf(sub->profile, sizeof sub->profile, "dv");
    snprintf(sub->login, sizeof sub->login, "main");
    sub->endpoint = strdup("https://ca.example");
    assert_non_null(sub->endpoint);
    name_it(&sub->names);
    if (state == SUBSCRIPTION_LIVE) {
        sub->bought_ms = w->now_ms - DAY;
        snprintf(sub->order_number, sizeof sub->order_number, "500");
    }
}

struct setting {
    struct world *w;
    enum issuance_state state;
    enum issuance_kind kind;
    struct subscription sub;   /* of the issuance */
    struct subscription other; /* beside it; state 0: none */
    uint64_t paused_ms, age_ms; /* age_ms 0: a minute */
    struct ledger ledger;
    bool foreign; /* the number 77 is another subscription's */
};

static enum store_status store_issuance(struct store_txn *txn, const struct setting *setting)
{
    struct world *w = setting->w;
    struct issuance is = {.state = setting->state,
                          .kind = setting->kind,
                          .subscription = setting->sub.id,
                          .created_ms = w->now_ms - (setting->age_ms ? setting->age_ms : 60000),
                          .changed_ms = w->now_ms - 60000};
    bool sent = setting->state == ISSUANCE_SUBMITTING || setting->state == ISSUANCE_UNKNOWN;
    snprintf(is.id, sizeof is.id, "a1");
    snprintf(is.profile, sizeof is.profile, "dv");
    is.csr = (uint8_t *)TEXT("csr");
    is.csr_len = 3;
    is.note = TEXT("");
    is.sends = sent ? 1 : 0;
    is.sent_ms = is.resent_ms = sent ? w->now_ms - 30000 : 0;
    return issuance_save(txn, &is);
}

static enum store_status put(struct store_txn *txn, void *arg)
{
    struct setting *setting = arg;
    struct subscription stranger = {.endpoint = TEXT("https://ca.example"), .id = {{1}}};
    enum store_status status = store_issuance(txn, setting);
    snprintf(setting->sub.under_way, sizeof setting->sub.under_way, "a1");
    if (status == STORE_OK && setting->other.state)
        status = subscription_insert(txn, &setting->other);
    if (status == STORE_OK)
        status = subscription_insert(txn, &setting->sub);
    if (status == STORE_OK)
        status = login_set_paused(txn, "main", setting->paused_ms);
    if (status == STORE_OK)
        status = ledger_save(txn, "main", &setting->ledger);
    if (status == STORE_OK && setting->foreign)
        status = numbers_claim(txn, NUMBER_ORDER, "77", &stranger);
    return status;
}

static enum store_status load(struct store_txn *txn, void *arg)
{
    struct world *w = arg;
    issuance_clear(&w->step.is);
    subscription_clear(&w->step.sub);
    enum store_status status = issuance_load(txn, "a1", &w->step.is);
    return status == STORE_OK ? subscription_load(txn, &w->step.is.subscription, &w->step.sub) : status;
}

static enum store_status commit(struct store_txn *txn, void *arg)
{
    struct world *w = arg;
    return commit_result(txn, &w->step, w->now_ms);
}

static enum store_status find_job(struct store_txn *txn, void *arg)
{
    return store_job_get(txn, JOB_ISSUANCE, "a1", 2, arg);
}

static int set_up(void **state)
{
    char reason[UPSTREAM_REASON_MAX];
    struct world *w = calloc(1, sizeof *w);
    assert_true(clock_open());
    clock_trust();
    w->now_ms = clock_ms();
    temp_store_open(&w->temp);
    w->upstream = upstream_make(&config, NULL, reason);
    if (!w->upstream)
        fail_msg("%s", reason);
    w->issuer.at =
        (struct issuer_config){.configs = static_config(&config), .store = w->temp.store, .upstream = w->upstream};
    w->step.issuer = &w->issuer;
    w->step.work.kind = &issuance_work;
    w->step.work.owner = &w->issuer;
    w->step.work.subject_len = 2;
    memcpy(w->step.work.subject, "a1", 3);
    w->step.profile = &profile;
    w->step.work.config = &config;
    w->step.account = &config.logins[0];
    w->step.login = upstream_login(w->upstream, w->step.account);
    w->step.began_ms = w->now_ms;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    issuance_clear(&w->step.is);
    issuance_clear(&w->step.next_is);
    subscription_clear(&w->step.sub);
    subscription_clear(&w->step.next_sub);
    upstream_free(w->upstream);
    config_current_free(w->issuer.at.configs);
    temp_store_close(&w->temp);
    free(w);
    return 0;
}

/* Its state after the commit. */
static enum issuance_state commits(struct world *w, struct setting *setting, const struct outcome *outcome)
{
    setting->w = w;
    if (!setting->sub.state)
        make_subscription(w, setting->kind == ISSUANCE_PURCHASE ? SUBSCRIPTION_BUYING : SUBSCRIPTION_LIVE,
                          &setting->sub);
    assert_int_equal(store_call(w->temp.store, put, setting), STORE_OK);
    assert_int_equal(store_call(w->temp.store, load, w), STORE_OK);
    w->step.outcome = *outcome;
    assert_int_equal(store_call(w->temp.store, commit, w), STORE_OK);
    assert_int_equal(store_call(w->temp.store, load, w), STORE_OK);
    subscription_clear(&setting->sub);
    subscription_clear(&setting->other);
    return w->step.is.state;
}

static uint64_t job_due_ms(struct world *w)
{
    uint64_t due_ms = 0;
    assert_int_equal(store_call(w->temp.store, find_job, &due_ms), STORE_OK);
    return due_ms;
}

static const struct outcome SEND = {.kind = OUTCOME_SEND};

/* ---- what may leave ---- */

static void test_a_purchase_leaves(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_PURCHASE};
    assert_int_equal(commits(w, &setting, &SEND), ISSUANCE_SUBMITTING);
    assert_int_equal(w->step.is.sends, 1);
    assert_int_equal(w->step.is.kind, ISSUANCE_PURCHASE);
    assert_true(job_due_ms(w) > w->now_ms + 120000); /* after whatever the answer may take */
}

static void test_a_login_that_may_not_buy_holds_it(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_PURCHASE, .paused_ms = w->now_ms};
    assert_int_equal(commits(w, &setting, &SEND), ISSUANCE_HELD);
    assert_int_equal(w->step.is.sends, 0);
    assert_non_null(strstr(w->step.is.note, "the operator has paused"));
    assert_true(job_due_ms(w) > w->now_ms);
}

/* Found by the simulation: it ran out while its file was looked at, and waited for the month to be over. */
static void test_one_whose_time_is_over_is_not_held_for_long(void **state)
{
    struct world *w = *state;
    struct setting setting = {
        .state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_PURCHASE, .paused_ms = w->now_ms, .age_ms = 7 * DAY + 1};
    assert_int_equal(commits(w, &setting, &SEND), ISSUANCE_HELD);
    assert_true(job_due_ms(w) <= w->now_ms);
}

static void test_what_is_free_leaves_all_the_same(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_REPLACEMENT, .paused_ms = w->now_ms};
    assert_int_equal(commits(w, &setting, &SEND), ISSUANCE_SUBMITTING);
    assert_int_equal(w->step.is.kind, ISSUANCE_REPLACEMENT);
}

static void test_nothing_is_bought_before_the_report_was_asked(void **state)
{
    struct world *w = *state;
    struct setting setting = {
        .state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_PURCHASE, .ledger = {.recall_ms = w->now_ms - 1000}};
    assert_int_equal(commits(w, &setting, &SEND), ISSUANCE_PUBLISHED);
    assert_int_equal(w->step.is.sends, 0);
    assert_non_null(strstr(w->step.is.note, "Sectigo's report"));
    assert_true(job_due_ms(w) > w->now_ms && job_due_ms(w) <= w->now_ms + 60000);
}

static void test_a_purchase_beside_a_live_subscription_replaces(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_PURCHASE};
    make_subscription(w, SUBSCRIPTION_LIVE, &setting.other);
    struct acme_id live = setting.other.id;
    assert_int_equal(commits(w, &setting, &SEND), ISSUANCE_SUBMITTING);
    assert_int_equal(w->step.is.kind, ISSUANCE_REPLACEMENT);
    assert_memory_equal(w->step.is.subscription.octets, live.octets, ACME_ID_LEN);
    assert_string_equal(w->step.sub.under_way, "a1");
}

static void test_and_waits_for_what_is_under_way_there(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_PURCHASE};
    make_subscription(w, SUBSCRIPTION_LIVE, &setting.other);
    snprintf(setting.other.under_way, sizeof setting.other.under_way, "b2");
    assert_int_equal(commits(w, &setting, &SEND), ISSUANCE_PUBLISHED);
    assert_int_equal(w->step.is.sends, 0);
    assert_non_null(strstr(w->step.is.note, "waits for Sectigo"));
}

static void test_a_replacement_of_a_term_that_is_over_is_bought(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_REPLACEMENT};
    make_subscription(w, SUBSCRIPTION_LIVE, &setting.sub);
    setting.sub.bought_ms = w->now_ms - 360 * DAY;
    assert_int_equal(commits(w, &setting, &SEND), ISSUANCE_SUBMITTING);
    assert_int_equal(w->step.is.kind, ISSUANCE_PURCHASE);
    assert_int_equal(w->step.sub.state, SUBSCRIPTION_BUYING);
}

/* And is so under the guard. */
static void test_and_held_like_any_purchase(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_REPLACEMENT, .paused_ms = w->now_ms};
    make_subscription(w, SUBSCRIPTION_LIVE, &setting.sub);
    setting.sub.bought_ms = w->now_ms - 360 * DAY;
    assert_int_equal(commits(w, &setting, &SEND), ISSUANCE_HELD);
    assert_int_equal(w->step.is.sends, 0);
}

/* ---- when it left ---- */

static int64_t system_ms; /* what the machine says */

static int64_t read_clock(clockid_t id)
{
    return id == CLOCK_BOOTTIME ? 1000000 : system_ms;
}

/* Found by the simulation: a request of a start with a clock two hours slow was sent again eleven minutes later, since
 * its record said that it was two hours old. */
static void test_how_long_ago_is_not_known_of_what_left_unconfirmed(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_REPLACEMENT};
    uint64_t true_ms = w->now_ms;
    w->now_ms -= 2 * HOUR_MS;
    system_ms = (int64_t)w->now_ms;
    clock_simulate(read_clock);
    assert_int_equal(commits(w, &setting, &SEND), ISSUANCE_SUBMITTING);
    assert_true(w->step.is.sent_unconfirmed);
    assert_int_equal(w->step.is.resent_ms, w->now_ms);

    clock_heard(true_ms, 1000000); /* and the system clock stays wrong */
    w->now_ms = true_ms;
    assert_int_equal(store_call(w->temp.store, load, w), STORE_OK);
    assert_int_equal(w->step.is.resent_ms, true_ms);
    w->step.outcome = (struct outcome){.kind = OUTCOME_UNKNOWN};
    assert_int_equal(store_call(w->temp.store, commit, w), STORE_OK);
    assert_int_equal(store_call(w->temp.store, load, w), STORE_OK);
    assert_int_equal(w->step.is.state, ISSUANCE_UNKNOWN);
    assert_int_equal(w->step.is.resent_ms, true_ms);
    assert_false(w->step.is.sent_unconfirmed); /* and it stays at that */
}

/* Found by the simulation: a second look two minutes after the first, which a slow clock took for two hours. */
static void test_nor_of_a_look(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_UNKNOWN, .kind = ISSUANCE_PURCHASE};
    struct outcome missed = {.kind = OUTCOME_STAY, .looked = true, .missed = true};
    uint64_t true_ms = w->now_ms;
    w->now_ms -= 2 * HOUR_MS;
    system_ms = (int64_t)w->now_ms;
    clock_simulate(read_clock);
    w->step.began_ms = w->now_ms;
    commits(w, &setting, &missed);
    assert_true(w->step.is.looked_unconfirmed);

    clock_heard(true_ms, 1000000);
    w->now_ms = true_ms;
    assert_int_equal(store_call(w->temp.store, load, w), STORE_OK);
    assert_int_equal(w->step.is.looked_ms, true_ms);
    w->step.began_ms -= HOUR_MS; /* one that was asked before the clock jumped, and is read after it */
    w->step.outcome = missed;
    assert_int_equal(store_call(w->temp.store, commit, w), STORE_OK);
    assert_int_equal(store_call(w->temp.store, load, w), STORE_OK);
    assert_int_equal(w->step.is.looked_ms, true_ms);
    assert_int_equal(w->step.is.looks, 2);
}

static void test_and_is_known_of_what_left_with_a_good_clock(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_REPLACEMENT};
    assert_int_equal(commits(w, &setting, &SEND), ISSUANCE_SUBMITTING);
    assert_false(w->step.is.sent_unconfirmed);
}

/* ---- what came back ---- */

static struct outcome placed(const char *number)
{
    struct outcome outcome = {.kind = OUTCOME_PLACED};
    snprintf(outcome.placed.answer.order_number, sizeof outcome.placed.answer.order_number, "%s", number);
    return outcome;
}

static void test_a_number_of_ours_is_kept(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_SUBMITTING, .kind = ISSUANCE_PURCHASE};
    struct outcome outcome = placed("78");
    assert_int_equal(commits(w, &setting, &outcome), ISSUANCE_SUBMITTED);
    assert_string_equal(w->step.is.order_number, "78");
    assert_string_equal(w->step.sub.order_number, "78");
    assert_int_equal(w->step.sub.state, SUBSCRIPTION_LIVE);
}

static void test_a_number_of_anothers_is_settled(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_SUBMITTING, .kind = ISSUANCE_PURCHASE, .foreign = true};
    struct outcome outcome = placed("77");
    assert_int_equal(commits(w, &setting, &outcome), ISSUANCE_UNKNOWN);
    assert_string_equal(w->step.is.order_number, "");
}

static void test_and_held_where_the_report_says_the_same(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_UNKNOWN, .kind = ISSUANCE_PURCHASE, .foreign = true};
    struct outcome outcome = placed("77");
    assert_int_equal(commits(w, &setting, &outcome), ISSUANCE_HELD);
    assert_true(job_due_ms(w) >= w->now_ms + 3600 * 1000);
}

struct found {
    struct acme_id id;
    enum subscription_state state;
};

static enum store_status find_state(struct store_txn *txn, void *arg)
{
    struct found *found = arg;
    struct subscription sub;
    enum store_status status = subscription_load(txn, &found->id, &sub);
    if (status == STORE_OK)
        found->state = sub.state;
    subscription_clear(&sub);
    return status;
}

static void test_a_number_of_the_family_is_a_replacement(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_UNKNOWN, .kind = ISSUANCE_REPLACEMENT};
    struct outcome outcome = placed("500repl#3");
    assert_int_equal(commits(w, &setting, &outcome), ISSUANCE_SUBMITTED);
    assert_int_equal(w->step.is.kind, ISSUANCE_REPLACEMENT);
    assert_string_equal(w->step.sub.order_number, "500");
}

/* It was bought when the subscription was over, which an older copy of the store does not know. */
static void test_a_number_of_no_family_was_bought(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_UNKNOWN, .kind = ISSUANCE_REPLACEMENT};
    struct outcome outcome = placed("900");
    make_subscription(w, SUBSCRIPTION_LIVE, &setting.sub);
    struct found before = {.id = setting.sub.id};
    assert_int_equal(commits(w, &setting, &outcome), ISSUANCE_SUBMITTED);
    assert_int_equal(w->step.is.kind, ISSUANCE_PURCHASE);
    assert_memory_not_equal(&w->step.sub.id, &before.id, sizeof before.id);
    assert_string_equal(w->step.sub.order_number, "900");
    assert_int_equal(w->step.sub.state, SUBSCRIPTION_LIVE);
    assert_int_equal(w->step.sub.bought_ms, w->now_ms);
    assert_int_equal(store_call(w->temp.store, find_state, &before), STORE_OK);
    assert_int_equal(before.state, SUBSCRIPTION_EXHAUSTED);
}

/* ---- the transaction ---- */

static enum store_status touch(struct store_txn *txn, void *arg)
{
    struct issuance is;
    enum store_status status = issuance_load(txn, "a1", &is);
    (void)arg;
    is.revision++;
    if (status == STORE_OK)
        status = issuance_save(txn, &is);
    issuance_clear(&is);
    return status;
}

static void test_a_step_that_somebody_overtook_changes_nothing(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_PURCHASE};
    struct outcome stay = {.kind = OUTCOME_STAY, .due_ms = w->now_ms + 1000};
    assert_int_equal(commits(w, &setting, &stay), ISSUANCE_PUBLISHED);
    assert_int_equal(job_due_ms(w), w->now_ms + 1000);
    assert_int_equal(store_call(w->temp.store, touch, NULL), STORE_OK);
    w->step.outcome = SEND;
    assert_int_equal(store_call(w->temp.store, commit, w), STORE_REFUSED);
    assert_true(w->step.stale);
    assert_int_equal(store_call(w->temp.store, load, w), STORE_OK);
    assert_int_equal(w->step.is.state, ISSUANCE_PUBLISHED);
    assert_int_equal(w->step.is.sends, 0);
    assert_int_equal(job_due_ms(w), w->now_ms + 1000);
}

/* Nothing that the table does not allow is stored, whoever asks for it. */
static void test_a_move_that_is_none_is_refused(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_PURCHASE};
    struct outcome stay = {.kind = OUTCOME_STAY}, leap = {.kind = OUTCOME_GO, .to = ISSUANCE_COLLECTED};
    assert_int_equal(commits(w, &setting, &stay), ISSUANCE_PUBLISHED);
    w->step.outcome = leap;
    assert_int_equal(store_call(w->temp.store, commit, w), STORE_INVALID);
    assert_int_equal(store_call(w->temp.store, load, w), STORE_OK);
    assert_int_equal(w->step.is.state, ISSUANCE_PUBLISHED);
}

static void test_what_has_ended_has_no_job(void **state)
{
    struct world *w = *state;
    struct setting setting = {.state = ISSUANCE_PUBLISHED, .kind = ISSUANCE_PURCHASE};
    struct outcome refused = {.kind = OUTCOME_REFUSED};
    uint64_t due_ms;
    acme_problem_set(&refused.end.problem, ACME_SERVER_INTERNAL, "no");
    setting.w = w;
    make_subscription(w, SUBSCRIPTION_BUYING, &setting.sub);
    assert_int_equal(store_call(w->temp.store, put, &setting), STORE_OK);
    assert_int_equal(store_call(w->temp.store, load, w), STORE_OK);
    w->step.outcome = refused;
    assert_int_equal(store_call(w->temp.store, commit, w), STORE_OK);
    assert_int_equal(w->step.next_is.state, ISSUANCE_REFUSED);
    assert_int_equal(store_call(w->temp.store, find_job, &due_ms), STORE_NOT_FOUND);
    subscription_clear(&setting.sub);
    acme_problem_clear(&w->step.outcome.end.problem);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(test_a_purchase_leaves),
        IN_A_WORLD(test_a_login_that_may_not_buy_holds_it),
        IN_A_WORLD(test_one_whose_time_is_over_is_not_held_for_long),
        IN_A_WORLD(test_what_is_free_leaves_all_the_same),
        IN_A_WORLD(test_nothing_is_bought_before_the_report_was_asked),
        IN_A_WORLD(test_a_purchase_beside_a_live_subscription_replaces),
        IN_A_WORLD(test_and_waits_for_what_is_under_way_there),
        IN_A_WORLD(test_a_replacement_of_a_term_that_is_over_is_bought),
        IN_A_WORLD(test_and_held_like_any_purchase),
        IN_A_WORLD(test_how_long_ago_is_not_known_of_what_left_unconfirmed),
        IN_A_WORLD(test_nor_of_a_look),
        IN_A_WORLD(test_and_is_known_of_what_left_with_a_good_clock),
        IN_A_WORLD(test_a_number_of_ours_is_kept),
        IN_A_WORLD(test_a_number_of_anothers_is_settled),
        IN_A_WORLD(test_and_held_where_the_report_says_the_same),
        IN_A_WORLD(test_a_number_of_the_family_is_a_replacement),
        IN_A_WORLD(test_a_number_of_no_family_was_bought),
        IN_A_WORLD(test_a_step_that_somebody_overtook_changes_nothing),
        IN_A_WORLD(test_a_move_that_is_none_is_refused),
        IN_A_WORLD(test_what_has_ended_has_no_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
