/* cost: what was spent (gateway/cost.h). */
#include "gateway/cost.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"

struct sums {
    json_t *list; /* owned */
    bool failed;  /* out of memory */
};

static bool add_sum(void *ctx, const struct cost_key *key, const int64_t numbers[static COST_NUMBERS])
{
    struct sums *sums = ctx;
    struct object o;
    object_begin(&o);
    object_put(&o, "month", text_json(key->month));
    object_put(&o, "policy", json_string(key->policy));
    object_put(&o, "profile", json_string(key->profile));
    object_put(&o, "login", json_string(key->login));
    object_put(&o, "purchases", json_integer(numbers[COST_PURCHASES]));
    object_put(&o, "replacements", json_integer(numbers[COST_REPLACEMENTS]));
    object_put(&o, "refunds", json_integer(numbers[COST_REFUNDS]));
    object_put(&o, "amount_cents", json_integer(numbers[COST_AMOUNT_CENTS]));
    sums->failed = json_array_append_new(sums->list, object_end(&o)) != 0;
    return !sums->failed;
}

void cost_get(struct request *request)
{
    struct store_txn *txn;
    struct sums sums = {.list = json_array()};
    enum store_status status = sums.list ? store_read(request->admin->store, &txn) : STORE_IO;
    if (status == STORE_OK) {
        status = cost_visit(txn, add_sum, &sums);
        store_read_end(txn);
    }
    if (status == STORE_OK && !sums.failed)
        answer_money(request, json_pack("{s:O}", "items", sums.list));
    else if (status == STORE_INVALID)
        answer_error(request->answer, 503, "a sum of the audit cannot be read, so there is none to trust");
    else
        answer_store(request->answer, status == STORE_OK ? STORE_IO : status, "audit");
    json_decref(sums.list);
}
