/* housekeeping: what may go and what stays, whatever else is true of it; the pass over the tables, where it stops, and
 * what is left behind. */
#include "tests/unit/gateway/housekeeping_world.h"

#include "store/record.h"

/* ---- what goes ---- */

static void test_all_of_it_goes_but_what_money_needs(void **state)
{
    static const unsigned gone[] = {ACME_ORDERS,    ACME_ACCOUNT_ORDERS, ACME_AUTHZS,     ACME_VALID_AUTHZS,
                                    ACME_UNFETCHED, ACME_CERTIFICATES,   ISSUE_ISSUANCES, ISSUE_BY_ORDER,
                                    ACME_SERIALS};
    static const unsigned kept[] = {ACME_ACCOUNTS, ACME_ACCOUNT_KEYS,     ACME_SPENT,
                                    ISSUE_NUMBERS, ISSUE_BY_ORDER_NUMBER, ISSUE_SUBSCRIPTIONS};
    struct bench *b = *state;
    int64_t counts[ISSUANCE_STATES];
    struct store_txn *txn;
    struct acme_account account;
    make_world(b, &LONG_AGO);
    pass(b);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        assert_int_equal(count(b, gone[i]), 0);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        assert_int_equal(count(b, kept[i]), 1);
    assert_int_equal(store_read(b->temp.store, &txn), STORE_OK);
    assert_int_equal(issuance_counts(txn, counts), STORE_OK);
    assert_int_equal(counts[ISSUANCE_COLLECTED], 0);
    assert_int_equal(acme_account_load(txn, &b->account, &account), STORE_OK);
    assert_true(account.used);
    acme_account_clear(&account);
    store_read_end(txn);
    struct housekeeping_diary diary = diary_of(b);
    static const uint64_t removed[REMOVED_KINDS] = {1, 1, 1, 1, 0, 0, 0};
    assert_memory_equal(diary.removed, removed, sizeof removed);
    assert_int_equal(diary.began_ms, 0);
}

/* The account is as old as one that nobody used, and its orders are gone: it stays, and goes where it never had any. */
static void test_an_account_that_was_used_stays(void **state)
{
    struct bench *b = *state;
    make_world(b, &LONG_AGO);
    pass(b);
    struct acme_id used = b->account;
    id_of(&b->account, ago_ms(b, 399));
    assert_int_equal(store_call(b->temp.store, make_account, b), STORE_OK);
    b->sweep.diary.ended_ms = 0; /* a day later */
    pass(b);
    assert_true(is_there(b, ACME_ACCOUNTS, used.octets, ACME_ID_LEN));
    assert_false(is_there(b, ACME_ACCOUNTS, b->account.octets, ACME_ID_LEN));
    assert_int_equal(count(b, ACME_ACCOUNT_KEYS), 1);
}

static void test_what_else_goes(void **state)
{
    struct made cases[8];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cases[i] = LONG_AGO;
    cases[0].order = ACME_ORDER_PENDING; /* which has expired */
    cases[0].issuance = 0;
    cases[1].order = ACME_ORDER_INVALID;
    cases[1].issuance = ISSUANCE_REFUSED;
    cases[1].numberless = cases[1].no_certificate = true;
    cases[2].kind = ISSUANCE_REPLACEMENT; /* of a live one, which has had a newer since */
    cases[2].subscription = SUBSCRIPTION_LIVE;
    cases[2].replaced_since = true;
    cases[3].subscription = 0; /* whose purchase never was */
    cases[4].ended = cases[4].certificate_ended = 30;
    cases[4].keep_days = 20;
    cases[5].others_ended = 200;
    cases[6].subscription = SUBSCRIPTION_LIVE; /* whose term is over */
    cases[6].bought = 366;
    cases[7].kind = ISSUANCE_REPLACEMENT; /* nobody knows whether it was placed; its family is known */
    cases[7].order = ACME_ORDER_INVALID;
    cases[7].issuance = ISSUANCE_DEAD;
    cases[7].numberless = cases[7].no_certificate = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_up(state);
        struct bench *b = *state;
        make_world(b, &cases[i]);
        pass(b);
        if (has_order(b) || count(b, ISSUE_ISSUANCES) || count(b, ACME_CERTIFICATES) || count(b, ACME_ORDERS))
            fail_msg("case %zu stays", i);
        tear_down(state);
    }
    set_up(state);
}

/* ---- subscriptions ---- */

static const struct made OVER_FOR_YEARS = {.order = ACME_ORDER_VALID,
                                           .kind = ISSUANCE_PURCHASE,
                                           .issuance = ISSUANCE_COLLECTED,
                                           .subscription = SUBSCRIPTION_LIVE,
                                           .ended = 500,
                                           .certificate_ended = 500,
                                           .bought = 365 + 90 + 400 + 1};

static void test_a_subscription_goes_years_after_its_term(void **state)
{
    static const unsigned gone[] = {ISSUE_SUBSCRIPTIONS, ISSUE_SUBSCRIPTION_INDEX, ISSUE_NUMBERS,
                                    ISSUE_BY_ORDER_NUMBER};
    static const enum subscription_state states[] = {SUBSCRIPTION_LIVE, SUBSCRIPTION_EXHAUSTED, SUBSCRIPTION_ENDED};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        set_up(state);
        struct bench *b = *state;
        struct made made = OVER_FOR_YEARS;
        made.subscription = states[i];
        make_world(b, &made);
        pass(b);
        for (size_t t = 0; t < sizeof gone / sizeof *gone; t++)
            assert_int_equal(count(b, gone[t]), 0);
        assert_int_equal(diary_of(b).removed[REMOVED_SUBSCRIPTIONS], 1);
        assert_int_equal(count(b, ACME_SPENT), 2); /* the serial number, and the order's */
        tear_down(state);
    }
    set_up(state);
}

static void test_a_subscription_that_is_needed_stays(void **state)
{
    struct made cases[8];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cases[i] = OVER_FOR_YEARS;
    cases[0].bought -= 2; /* not long enough */
    cases[1].subscription = SUBSCRIPTION_DEAD;
    cases[2].subscription = SUBSCRIPTION_BUYING;
    cases[3].under_way = OTHER;
    cases[4].queued = OTHER;
    cases[5].certificate_ended = 10; /* its certificate and issuance stay */
    cases[6].keep_days = 600;
    cases[7].unnumbered = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_up(state);
        struct bench *b = *state;
        make_world(b, &cases[i]);
        pass(b);
        if (count(b, ISSUE_SUBSCRIPTIONS) != 1 || count(b, ISSUE_SUBSCRIPTION_INDEX) != 1)
            fail_msg("case %zu goes", i);
        tear_down(state);
    }
    set_up(state);
}

/* ---- what stays ---- */

static void test_what_stays(void **state)
{
    struct made cases[14];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cases[i] = LONG_AGO;
    cases[0].order = ACME_ORDER_PROCESSING;
    cases[0].issuance = ISSUANCE_SUBMITTED;
    cases[1].ended = 89;
    cases[1].certificate_ended = 0;
    cases[2].certificate_ended = 89;
    cases[3].revocation = ACME_REVOCATION_ASKED;
    cases[4].subscription = SUBSCRIPTION_LIVE;
    cases[5].subscription = SUBSCRIPTION_DEAD;
    cases[6].subscription = SUBSCRIPTION_BUYING;
    cases[7].under_way = ISSUANCE;
    cases[8].queued = ISSUANCE;
    cases[9].order = ACME_ORDER_INVALID; /* perhaps placed, and known by its own number alone */
    cases[9].issuance = ISSUANCE_DEAD;
    cases[9].numberless = cases[9].no_certificate = true;
    cases[10].others_ended = 10;
    cases[11].kind = ISSUANCE_REPLACEMENT; /* whose certificate is that of a live subscription */
    cases[11].subscription = SUBSCRIPTION_LIVE;
    cases[12].keep_days = 1000;
    cases[13].under_way = OTHER; /* the purchase of one that something is under way on */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_up(state);
        struct bench *b = *state;
        make_world(b, &cases[i]);
        pass(b);
        if (!has_order(b) || count(b, ISSUE_ISSUANCES) != 1 || count(b, ACME_AUTHZS) != 1 ||
            count(b, ACME_CERTIFICATES) != (cases[i].no_certificate ? 0 : 1))
            fail_msg("case %zu goes", i);
        tear_down(state);
    }
    set_up(state);
}

struct job {
    enum job_kind kind;
    const char *front; /* before the subject */
    const uint8_t *subject;
    size_t len;
    bool set;
};

static enum store_status switch_job(struct store_txn *txn, void *arg)
{
    const struct job *job = arg;
    uint8_t subject[STORE_SUBJECT_MAX];
    size_t front = strlen(job->front);
    memcpy(subject, job->front, front);
    memcpy(subject + front, job->subject, job->len);
    return job->set ? store_job_set(txn, job->kind, subject, front + job->len, 1)
                    : store_job_clear(txn, job->kind, subject, front + job->len);
}

static void test_what_a_job_is_about_stays(void **state)
{
    struct bench *b = *state;
    const uint8_t *issuance = (const uint8_t *)ISSUANCE;
    make_world(b, &LONG_AGO);
    struct job jobs[] = {
        {JOB_ISSUANCE, "", issuance, strlen(ISSUANCE), true},
        {JOB_DCV_RECORDS, "", issuance, strlen(ISSUANCE), true},
        {JOB_AUTHORIZE, "", issuance, strlen(ISSUANCE), true},
        {JOB_NOTICE, "r", issuance, strlen(ISSUANCE), true},
        {JOB_NOTICE, "w", issuance, strlen(ISSUANCE), true},
        {JOB_REVOKE, "", b->certificate.octets, ACME_ID_LEN, true},
        {JOB_REFUND, "", b->subscription.octets, ACME_ID_LEN, true},
    };
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        assert_int_equal(store_call(b->temp.store, switch_job, &jobs[i]), STORE_OK);
        b->sweep.diary.ended_ms = 0;
        pass(b);
        if (!has_order(b))
            fail_msg("job %zu does not keep it", i);
        jobs[i].set = false;
        assert_int_equal(store_call(b->temp.store, switch_job, &jobs[i]), STORE_OK);
    }
    b->sweep.diary.ended_ms = 0;
    pass(b);
    assert_false(has_order(b));
}

struct row {
    unsigned table;
    bool put;
};

static enum store_status switch_row(struct store_txn *txn, void *arg)
{
    const struct row *row = arg;
    return row->put ? store_put(txn, row->table, ISSUANCE, strlen(ISSUANCE), "x", 1)
                    : store_delete(txn, row->table, ISSUANCE, strlen(ISSUANCE));
}

static void test_what_is_still_to_be_counted_or_taken_down_stays(void **state)
{
    static const unsigned tables[] = {ISSUE_DCV_RECORDS, ISSUE_RESERVATIONS, ISSUE_PAYMENTS};
    struct bench *b = *state;
    make_world(b, &LONG_AGO);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct row row = {tables[i], true};
        assert_int_equal(store_call(b->temp.store, switch_row, &row), STORE_OK);
        b->sweep.diary.ended_ms = 0;
        pass(b);
        assert_true(has_order(b));
        row.put = false;
        assert_int_equal(store_call(b->temp.store, switch_row, &row), STORE_OK);
    }
}

/* An issuance under way is older than the end of what it was finalized with. */
static void test_authorizations_of_what_is_under_way_stay(void **state)
{
    struct bench *b = *state;
    struct made under_way = LONG_AGO;
    under_way.order = ACME_ORDER_PROCESSING;
    under_way.issuance = ISSUANCE_SUBMITTED;
    make_world(b, &under_way);
    struct job job = {JOB_ISSUANCE, "", (const uint8_t *)ISSUANCE, strlen(ISSUANCE), true};
    assert_int_equal(store_call(b->temp.store, switch_job, &job), STORE_OK);
    struct acme_id order = b->order;
    id_of(&b->order, ago_ms(b, 299)); /* the authorization is of an order that is gone, and served this one */
    id_of(&b->authz, ago_ms(b, 299));
    assert_int_equal(store_call(b->temp.store, make_authz, b), STORE_OK);
    pass(b);
    assert_true(is_there(b, ACME_AUTHZS, b->authz.octets, ACME_ID_LEN));
    assert_true(is_there(b, ACME_ORDERS, order.octets, ACME_ID_LEN));
}

/* ---- when nothing is removed at all ---- */

static void test_a_clock_in_doubt_removes_nothing(void **state)
{
    struct bench *b = *state;
    assert_true(clock_in_doubt());
    make_world(b, &LONG_AGO);
    for (int i = 0; i < 5; i++)
        assert_true(sweep_turn(&b->sweep) >= 1000);
    assert_true(has_order(b));
    clock_trust();
    pass(b);
    assert_false(has_order(b));
}

static void set_diary(struct bench *b, const struct housekeeping_diary *diary)
{
    b->sweep.diary = *diary;
    b->sweep.loaded = true;
}

/* Whatever the clock says now, a year was skipped, or had been: a day is left to notice. */
static void test_a_jump_of_the_clock_removes_nothing_for_a_day(void **state)
{
    struct bench *b = *state;
    const uint64_t looked[] = {ago_ms(b, 40), b->now_ms + 300 * (uint64_t)DAY_MS};
    make_world(b, &LONG_AGO);
    for (size_t i = 0; i < sizeof looked / sizeof *looked; i++) {
        set_diary(b, &(struct housekeeping_diary){.looked_ms = looked[i]});
        pass(b);
        pass(b);
        assert_true(has_order(b));
        assert_in_range(diary_of(b).hold_ms, b->now_ms, b->now_ms + 60000);
    }
    struct housekeeping_diary diary = diary_of(b);
    diary.hold_ms = diary.looked_ms = b->now_ms - (uint64_t)DAY_MS - 1000;
    set_diary(b, &diary);
    pass(b);
    assert_false(has_order(b));
}

static enum store_status save_ledger(struct store_txn *txn, void *arg)
{
    return ledger_save(txn, login_name, arg);
}

static void test_a_copy_that_is_not_reconciled_loses_nothing(void **state)
{
    static const struct ledger waiting[] = {{.restored_ms = 1}, {.recall_ms = 1}, {.reconcile_from_ms = 1}};
    struct bench *b = *state;
    struct ledger known = {.restored_ms = 0};
    make_world(b, &LONG_AGO);
    for (size_t i = 0; i < sizeof waiting / sizeof *waiting; i++) {
        struct ledger ledger = waiting[i];
        assert_int_equal(store_call(b->temp.store, save_ledger, &ledger), STORE_OK);
        pass(b);
        assert_true(has_order(b));
    }
    assert_int_equal(store_call(b->temp.store, save_ledger, &known), STORE_OK);
    pass(b);
    assert_false(has_order(b));
}

static void test_never_is_never(void **state)
{
    struct bench *b = *state;
    b->config.housekeeping.ended_orders_s = b->config.housekeeping.unused_accounts_s = 0;
    make_world(b, &LONG_AGO);
    id_of(&b->account, ago_ms(b, 399));
    assert_int_equal(store_call(b->temp.store, make_account, b), STORE_OK);
    pass(b);
    assert_true(has_order(b));
    assert_int_equal(count(b, ACME_ACCOUNTS), 2);
}

/* ---- the diary of before ---- */

static enum store_status save_first_version(struct store_txn *txn, void *arg)
{
    struct record_writer w;
    (void)arg;
    record_begin(&w, 1, 4096);
    record_put_u64(&w, 5);
    record_put_u64(&w, 6);
    record_put_u64(&w, 7);
    record_put_u8(&w, 1);
    record_put_bytes(&w, "key", 3);
    for (uint64_t i = 10; i < 16; i++)
        record_put_u64(&w, i);
    record_put_u64(&w, 8);
    for (uint64_t i = 20; i < 26; i++)
        record_put_u64(&w, i);
    record_put_string(&w, "audit-2026-11.jsonl");
    record_put_u64(&w, 9);
    enum store_status status = store_put(txn, ISSUE_KEEPING, "housekeeping", 12, w.data, w.len);
    record_free(&w);
    return status;
}

static void test_a_diary_without_subscriptions_is_read(void **state)
{
    struct bench *b = *state;
    assert_int_equal(store_call(b->temp.store, save_first_version, NULL), STORE_OK);
    struct housekeeping_diary diary = diary_of(b);
    assert_int_equal(diary.hold_ms, 6);
    assert_int_equal(diary.removing[REMOVED_AUDIT_LINES], 15);
    assert_int_equal(diary.removing[REMOVED_SUBSCRIPTIONS], 0);
    assert_int_equal(diary.ended_ms, 8);
    assert_int_equal(diary.removed[REMOVED_ORDERS], 20);
    assert_string_equal(diary.exported, "audit-2026-11.jsonl");
    assert_int_equal(diary.exported_octets, 9);
}

/* ---- in small steps ---- */

static enum store_status make_many(struct store_txn *txn, void *arg)
{
    struct bench *b = arg;
    enum store_status status = STORE_OK;
    for (unsigned i = 0; status == STORE_OK && i < 1000; i++) {
        struct acme_id id;
        id_of(&id, ago_ms(b, 300));
        status = make_order(txn, b, &id, 300);
    }
    return status;
}

static void test_it_goes_on_where_it_was(void **state)
{
    struct bench *b = *state;
    b->made = LONG_AGO;
    b->made.issuance = 0;
    b->made.order = ACME_ORDER_INVALID;
    assert_int_equal(store_call(b->temp.store, make_many, b), STORE_OK);
    sweep_turn(&b->sweep);
    sweep_turn(&b->sweep);
    assert_int_equal(count(b, ACME_ORDERS), 900); /* fifty at once */
    struct housekeeping_diary before = diary_of(b);
    assert_int_equal(before.removing[REMOVED_ORDERS], 100);
    struct keeper_config at = b->sweep.at;
    sweep_begin(&b->sweep, &at); /* a kill -9 */
    sweep_turn(&b->sweep);
    struct housekeeping_diary after = diary_of(b);
    assert_int_equal(after.removing[REMOVED_ORDERS], 150);
    assert_int_equal(after.began_ms, before.began_ms);
    assert_true(memcmp(after.cursor, before.cursor, ACME_ID_LEN) > 0);
    pass(b);
    assert_int_equal(count(b, ACME_ORDERS), 0);
    assert_int_equal(diary_of(b).removed[REMOVED_ORDERS], 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_clock_in_doubt_removes_nothing, set_up_in_doubt, tear_down),
        cmocka_unit_test_setup_teardown(test_all_of_it_goes_but_what_money_needs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_account_that_was_used_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_else_goes, NULL, tear_down),
        cmocka_unit_test_setup_teardown(test_a_subscription_goes_years_after_its_term, NULL, tear_down),
        cmocka_unit_test_setup_teardown(test_a_subscription_that_is_needed_stays, NULL, tear_down),
        cmocka_unit_test_setup_teardown(test_a_diary_without_subscriptions_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_stays, NULL, tear_down),
        cmocka_unit_test_setup_teardown(test_what_a_job_is_about_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_still_to_be_counted_or_taken_down_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_authorizations_of_what_is_under_way_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_jump_of_the_clock_removes_nothing_for_a_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_copy_that_is_not_reconciled_loses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_never_is_never, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_goes_on_where_it_was, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
