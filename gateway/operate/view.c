#include "gateway/operate/view.h"

#include <string.h>

#include "acme/authorization.h"
#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/issue/money/payment.h"
#include "gateway/operate/object.h"
#include "gateway/scheduler.h"
#include "gateway/tables.h"
#include "sectigo/product.h"

/* A stored problem document as JSON, null for none. */
static json_t *problem_json(const char *problem)
{
    json_t *json = problem ? json_loads(problem, JSON_REJECT_DUPLICATES, NULL) : NULL;
    return json ? json : text_json(problem);
}

/* Appends and takes; false (and the list is freed) when out of memory. */
static bool append(json_t **list, json_t *value)
{
    if (*list && json_array_append_new(*list, value) == 0)
        return true;
    json_decref(*list);
    *list = NULL;
    return false;
}

/* ---- certificates ---- */

void view_serial(const struct acme_certificate *certificate, char out[static VIEW_SERIAL_SIZE])
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    for (size_t i = 0; i < certificate->serial_len; i++) {
        out[len++] = digits[certificate->serial[i] >> 4];
        out[len++] = digits[certificate->serial[i] & 15];
    }
    out[len] = '\0';
}

/* id NULL: there is none. */
static void certificate_fields(struct object *o, struct store_txn *txn, const struct acme_id *id)
{
    struct acme_certificate certificate = {0};
    char serial[VIEW_SERIAL_SIZE] = "";
    bool there = id && acme_certificate_load(txn, id, &certificate) == STORE_OK;
    if (id)
        object_id(o, "certificate", id);
    else
        object_text(o, "certificate", NULL);
    if (there)
        view_serial(&certificate, serial);
    object_text(o, "serial_number", serial);
    object_time(o, "not_before_ms", there ? (uint64_t)certificate.not_before_s * 1000 : 0);
    object_time(o, "not_after_ms", there ? (uint64_t)certificate.not_after_s * 1000 : 0);
    if (id)
        acme_certificate_clear(&certificate);
}

/* ---- issuances ---- */

static const char *kind_text(enum issuance_kind kind)
{
    return kind == ISSUANCE_PURCHASE ? "purchase" : "replacement";
}

/* Of its subscription: an issuance keeps none. */
static void put_names(struct object *o, struct store_txn *txn, const struct acme_id *subscription)
{
    struct subscription sub;
    if (subscription_load(txn, subscription, &sub) == STORE_OK)
        object_names(o, "names", &sub.names);
    else
        object_text(o, "names", NULL);
    subscription_clear(&sub);
}

static void issuance_fields(struct object *o, struct store_txn *txn, const struct issuance *is)
{
    object_begin(o);
    object_text(o, "id", is->id);
    object_text(o, "state", issuance_state_text(is->state));
    object_text(o, "kind", kind_text(is->kind));
    put_names(o, txn, &is->subscription);
    object_text(o, "order_number", is->order_number);
    object_text(o, "note", is->note);
    object_time(o, "created_ms", is->created_ms);
    object_time(o, "changed_ms", is->changed_ms);
}

json_t *view_issuance_row(struct store_txn *txn, const struct issuance *is)
{
    struct object o;
    issuance_fields(&o, txn, is);
    return object_end(&o);
}

static json_t *order_ids(const struct issuance *is)
{
    json_t *list = json_array();
    char id[ACME_ID_TEXT + 1];
    for (uint32_t i = 0; i < is->order_count; i++) {
        acme_id_text(&is->orders[i], id);
        if (!append(&list, json_string(id)))
            break;
    }
    return list;
}

/* null where Sectigo was not heard to wait for it. */
static json_t *payment_json(struct store_txn *txn, const char *issuance)
{
    struct payment payment;
    struct object o;
    uint64_t due_ms = 0;
    if (payment_load(txn, issuance, &payment) != STORE_OK)
        return json_null();
    store_job_get(txn, JOB_AUTHORIZE, issuance, strlen(issuance), &due_ms); /* stays 0 where it is done */
    object_begin(&o);
    object_text(&o, "state", payment_state_text(payment.state));
    object_put(&o, "amount_cents", json_integer(payment.cents));
    object_time(&o, "since_ms", payment.since_ms);
    object_time(&o, "sent_ms", payment.sent_ms);
    object_time(&o, "due_ms", due_ms);
    object_text(&o, "note", payment.note);
    return object_end(&o);
}

json_t *view_issuance(struct store_txn *txn, const struct issuance *is)
{
    struct object o;
    uint64_t due_ms = 0;
    store_job_get(txn, JOB_ISSUANCE, is->id, strlen(is->id), &due_ms); /* stays 0 for one without a job */
    issuance_fields(&o, txn, is);
    object_time(&o, "due_ms", due_ms);
    object_id(&o, "subscription", &is->subscription);
    object_id(&o, "account", &is->account);
    object_put(&o, "orders", order_ids(is));
    object_text(&o, "profile", is->profile);
    object_text(&o, "certificate_id", is->certificate_id);
    object_text(&o, "unique_value", is->unique_value);
    object_put(&o, "payment", payment_json(txn, is->id));
    object_number(&o, "sends", is->sends);
    object_time(&o, "sent_ms", is->sent_ms);
    object_time(&o, "resent_ms", is->resent_ms);
    object_number(&o, "failures_in_a_row", is->failures);
    object_time(&o, "looked_ms", is->looked_ms);
    object_time(&o, "pushed_ms", is->pushed_ms);
    return object_end(&o);
}

enum store_status view_issuance_of(struct store_txn *txn, const struct acme_id *order, struct issuance *is)
{
    return issuance_find(txn, ISSUE_BY_ORDER, order->octets, ACME_ID_LEN, is);
}

/* ---- orders ---- */

static void order_fields(struct object *o, const struct acme_order *order)
{
    object_begin(o);
    object_id(o, "id", &order->id);
    object_text(o, "status", acme_order_status_text(order->status));
    object_names(o, "names", &order->names);
    object_text(o, "policy", order->policy);
    object_text(o, "profile", order->profile);
    object_time(o, "created_ms", order->created_s * 1000);
}

json_t *view_order_row(const struct acme_order *order)
{
    struct object o;
    order_fields(&o, order);
    return object_end(&o);
}

static json_t *challenge_json(const struct acme_challenge *challenge)
{
    struct object o;
    object_begin(&o);
    object_text(&o, "type", acme_challenge_type_text(challenge->type));
    object_text(&o, "status", acme_challenge_status_text(challenge->status));
    object_time(&o, "validated_ms", challenge->validated_s * 1000);
    object_put(&o, "error", problem_json(challenge->error));
    return object_end(&o);
}

static json_t *challenges_json(const struct acme_authz *authz)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < authz->challenge_count; i++) {
        if (!append(&list, challenge_json(&authz->challenges[i])))
            break;
    }
    return list;
}

static json_t *authz_json(struct store_txn *txn, const struct acme_id *id)
{
    struct object o;
    struct acme_authz authz;
    object_begin(&o);
    object_id(&o, "id", id);
    if (acme_authz_load(txn, id, &authz) == STORE_OK) {
        acme_authz_refresh(&authz, clock_ms() / 1000);
        object_text(&o, "name", authz.identifier.value);
        object_put(&o, "wildcard", json_boolean(authz.wildcard));
        object_text(&o, "status", acme_authz_status_text(authz.status));
        object_time(&o, "expires_ms", authz.expires_s * 1000);
        object_put(&o, "challenges", challenges_json(&authz));
    }
    acme_authz_clear(&authz);
    return object_end(&o);
}

static json_t *authzs_json(struct store_txn *txn, const struct acme_order *order)
{
    json_t *list = json_array();
    for (size_t i = 0; i < order->names.count; i++) {
        if (!append(&list, authz_json(txn, &order->authzs[i])))
            break;
    }
    return list;
}

static json_t *issuance_of_json(struct store_txn *txn, const struct acme_id *order)
{
    struct issuance is;
    enum store_status status = view_issuance_of(txn, order, &is);
    json_t *json = status == STORE_OK          ? view_issuance(txn, &is)
                   : status == STORE_NOT_FOUND ? json_null()
                                               : json_string("cannot be read from the store");
    issuance_clear(&is);
    return json;
}

json_t *view_order(struct store_txn *txn, const struct acme_order *order)
{
    struct object o;
    order_fields(&o, order);
    object_id(&o, "account", &order->account);
    object_time(&o, "expires_ms", order->expires_s * 1000);
    object_time(&o, "finalized_ms", order->finalized_ms);
    object_time(&o, "read_ms", order->read_s * 1000);
    object_text(&o, "user_agent", order->user_agent);
    object_put(&o, "error", problem_json(order->error));
    certificate_fields(&o, txn, order->has_certificate ? &order->certificate : NULL);
    object_put(&o, "authorizations", authzs_json(txn, order));
    object_put(&o, "issuance", issuance_of_json(txn, &order->id));
    return object_end(&o);
}

/* ---- subscriptions ---- */

const char *view_subscription_state(enum subscription_state state)
{
    static const char *const texts[SUBSCRIPTION_STATES] = {
        [SUBSCRIPTION_BUYING] = "buying", [SUBSCRIPTION_LIVE] = "live", [SUBSCRIPTION_EXHAUSTED] = "exhausted",
        [SUBSCRIPTION_ENDED] = "ended",   [SUBSCRIPTION_DEAD] = "dead",
    };
    return state > 0 && state < SUBSCRIPTION_STATES ? texts[state] : "unknown";
}

static void subscription_fields(struct object *o, const struct subscription *sub)
{
    const struct sectigo_product *product = sectigo_product_find((int)sub->product);
    object_begin(o);
    object_id(o, "id", &sub->id);
    object_text(o, "state", view_subscription_state(sub->state));
    object_names(o, "names", &sub->names);
    object_text(o, "policy", sub->policy);
    object_text(o, "login", sub->login);
    object_number(o, "product", sub->product);
    object_text(o, "product_name", product ? product->name : NULL);
    object_number(o, "days", sub->days);
    object_time(o, "bought_ms", sub->bought_ms);
    object_time(o, "term_end_ms", sub->bought_ms ? subscription_term_end_ms(sub) : 0);
    object_put(o, "paid_cents", json_integer(sub->paid_cents));
}

json_t *view_subscription_row(const struct subscription *sub)
{
    struct object o;
    subscription_fields(&o, sub);
    return object_end(&o);
}

static json_t *queue_json(const struct subscription *sub)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < sub->queue_count; i++) {
        if (!append(&list, json_string(sub->queue[i])))
            break;
    }
    return list;
}

static json_t *certificate_ids_json(const struct subscription *sub)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < sub->certificate_id_count; i++) {
        if (!append(&list, text_json(sub->certificate_ids[i])))
            break;
    }
    return list;
}

json_t *view_subscription(struct store_txn *txn, const struct subscription *sub)
{
    struct object o;
    subscription_fields(&o, sub);
    object_text(&o, "profile", sub->profile);
    object_text(&o, "endpoint", sub->endpoint);
    object_put(&o, "test", json_boolean(sub->test));
    object_text(&o, "order_number", sub->order_number);
    object_put(&o, "certificate_ids", certificate_ids_json(sub));
    certificate_fields(&o, txn, sub->has_certificate ? &sub->certificate : NULL);
    object_text(&o, "under_way", sub->under_way);
    object_put(&o, "queue", queue_json(sub));
    return object_end(&o);
}
