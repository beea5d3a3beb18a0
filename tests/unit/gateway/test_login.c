/* login: when useless purchases are enough. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/issue/record/login.h"

/* What one commit notes. */
struct noted {
    const char *issuance; /* NULL: a certificate was accepted; "": the operator resumes */
    unsigned why;
    bool paused;
    struct login_record login; /* as it is then */
};

static enum store_status note(struct store_txn *txn, void *arg)
{
    struct noted *n = arg;
    enum store_status status = STORE_OK;
    if (!n->issuance)
        status = login_note_accepted(txn, "main");
    else if (!*n->issuance)
        status = login_set_paused(txn, "main", 0);
    else
        status = login_note_withheld(txn, "main", n->issuance, n->why, 1000, &n->paused);
    return status == STORE_OK ? login_load(txn, "main", &n->login) : status;
}

/* How many in a row there are then; *paused where it is the one that pauses. */
static unsigned noted(struct temp_store *temp, const char *issuance, unsigned why, bool *paused)
{
    struct noted n = {.issuance = issuance, .why = why};
    assert_int_equal(store_call(temp->store, note, &n), STORE_OK);
    if (paused)
        *paused = n.paused;
    return n.login.withheld;
}

static bool buys(struct temp_store *temp)
{
    struct login_record login;
    struct store_txn *txn;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    assert_int_equal(login_load(txn, "main", &login), STORE_OK);
    store_read_end(txn);
    return login.withheld_ms == 0;
}

static void test_three_in_a_row_for_one_reason(void **state)
{
    struct temp_store temp;
    bool paused;
    (void)state;
    temp_store_open(&temp);
    assert_int_equal(noted(&temp, "a", 5, &paused), 1);
    assert_int_equal(noted(&temp, "a", 5, &paused), 1); /* another certificate of the same purchase */
    assert_int_equal(noted(&temp, "b", 5, &paused), 2);
    assert_int_equal(noted(&temp, "c", 4, &paused), 1); /* another reason */
    assert_int_equal(noted(&temp, "d", 4, &paused), 2);
    assert_int_equal(noted(&temp, NULL, 0, NULL), 0); /* a good one */
    assert_int_equal(noted(&temp, "e", 4, &paused), 1);
    assert_int_equal(noted(&temp, "f", 4, &paused), 2);
    assert_true(!paused && buys(&temp));
    assert_int_equal(noted(&temp, "g", 4, &paused), 3);
    assert_true(paused && !buys(&temp));
    assert_int_equal(noted(&temp, "h", 4, &paused), 4);
    assert_false(paused); /* it is told once */
    assert_int_equal(noted(&temp, NULL, 0, NULL), 0);
    assert_false(buys(&temp)); /* the operator resumes */
    assert_int_equal(noted(&temp, "", 0, NULL), 0);
    assert_true(buys(&temp));
    temp_store_close(&temp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_three_in_a_row_for_one_reason)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
