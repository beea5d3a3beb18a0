/* records: what is removed of an issuance that has ended, and what is left because another one's CSR has the label. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/issue/context.h"
#include "gateway/issue/life/records.h"
#include "gateway/dcv/record.h"

static const uint8_t csr[] = "a CSR", other_csr[] = "another";

struct made {
    const char *id;
    enum issuance_state state;
    const uint8_t *csr;
    size_t csr_len;
};

/* With its file while it lives, and with its record. */
static enum store_status make(struct store_txn *txn, void *arg)
{
    const struct made *made = arg;
    struct issuance is = {.kind = ISSUANCE_PURCHASE, .state = made->state, .note = (char[]){""}};
    struct dcv_answer answer = dcv_answer_make(made->csr, made->csr_len, "uv", made->id);
    struct dcv_record record = {.zone = "a.example"};
    struct dcv_records records = {.list = &record, .count = 1};
    snprintf(is.id, sizeof is.id, "%s", made->id);
    is.csr = memcpy(malloc(made->csr_len), made->csr, made->csr_len);
    is.csr_len = made->csr_len;
    enum store_status status = issuance_save(txn, &is);
    free(is.csr);
    if (status == STORE_OK && !issuance_ended(made->state))
        status = dcv_file_put(txn, &answer, 5);
    assert_true(sectigo_token_cname(&answer.token, record.zone, record.owner, record.target));
    return status == STORE_OK ? dcv_records_save(txn, made->id, &records) : status;
}

/* What the job of its records has to do. */
static enum store_status look(struct temp_store *temp, const char *id)
{
    const struct config config = {.issuance = {.later_ms = 60000}};
    struct store_txn *txn;
    struct work *work = calloc(1, records_work.size);
    assert_non_null(work);
    work->config = &config;
    work->subject_len = strlen(id);
    memcpy(work->subject, id, work->subject_len);
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    enum store_status status = records_work.load(txn, work);
    store_read_end(txn);
    records_work.clear(work);
    free(work);
    return status;
}

static void test_shared_label(void **state)
{
    struct temp_store temp;
    struct made ended = {"a1", ISSUANCE_COLLECTED, csr, sizeof csr},
                other = {"a2", ISSUANCE_SUBMITTED, other_csr, sizeof other_csr},
                same = {"a3", ISSUANCE_SUBMITTED, csr, sizeof csr};
    (void)state;
    temp_store_open(&temp);
    assert_int_equal(store_call(temp.store, make, &ended), STORE_OK);
    assert_int_equal(store_call(temp.store, make, &other), STORE_OK);
    assert_int_equal(look(&temp, "a1"), STORE_OK); /* to be removed */
    assert_int_equal(look(&temp, "a2"), STORE_OK); /* to be published */
    assert_int_equal(store_call(temp.store, make, &same), STORE_OK);
    assert_int_equal(look(&temp, "a1"), STORE_REFUSED); /* later */
    assert_int_equal(look(&temp, "a3"), STORE_OK);
    temp_store_close(&temp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared_label)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
