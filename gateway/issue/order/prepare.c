#include "gateway/issue/order/prepare.h"

#include <string.h>

#include "gateway/dcv/choice.h"
#include "gateway/scheduler.h"
#include "sectigo/dcv.h"

struct dcv_answer prepare_answer(const struct issuance *is)
{
    return dcv_answer_make(is->csr, is->csr_len, is->unique_value, is->id);
}

enum issuance_state prepare_state(const struct config_dcv *dcv, const struct acme_names *names)
{
    struct acme_problem problem = {0};
    struct dcv_choice choice = {.method = SECTIGO_DCV_HTTP};
    bool files = true;
    for (size_t i = 0; files && i < names->count; i++) /* what cannot be proved is said where records are made */
        files = dcv_choose(dcv, &names->list[i], &choice, &problem) && choice.method != SECTIGO_DCV_CNAME;
    acme_problem_clear(&problem);
    return files ? ISSUANCE_PUBLISHED : ISSUANCE_PREPARED;
}

enum store_status prepare_issuance(struct store_txn *txn, struct issuance *is, uint64_t now_ms)
{
    if (!is->unique_value[0] && !sectigo_unique_value_make(is->unique_value))
        return STORE_IO;
    struct dcv_answer answer = prepare_answer(is);
    enum store_status status = dcv_file_put(txn, &answer, now_ms);
    if (status == STORE_OK)
        status = store_job_set(txn, JOB_ISSUANCE, is->id, strlen(is->id), now_ms);
    return status;
}
