/* adopt: orders that were bought by hand at Sectigo come under a policy, so that the next order of their names is a
 * free replacement and no purchase. They are stored as imported ones are (imported.h), and only Sectigo's report says
 * what they are; the operator says whose they become.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "acme/limits.h"
#include "acme/policy.h"
#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/order/imported.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/log.h"
#include "gateway/operate/ask.h"
#include "gateway/operate/filter.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"
#include "gateway/scheduler.h"

enum {
    NUMBERS_MAX = 1000, /* of one request */
    AT_ONCE = 100,      /* orders that one call asks for */
    ANSWER_MAX = 5000,  /* orders of one answer, and of one transaction: Sectigo may say more than it was asked for */
    ROWS_MAX = 20000,   /* of one answer */
};
/* How far back is looked where only names are said: the longest term that is sold. */
static const uint64_t SPAN_MS = 1826 * DAY_MS;

struct adoption {
    struct request *request;
    const struct config_login *config;
    struct upstream_login *login;
    const char *name; /* borrowed of the body: pattern, NULL: numbers are said */
    json_t *numbers;  /* borrowed of the body; NULL: a pattern is said */
    uint64_t since_ms, now_ms;
    uint64_t stored_ms; /* when the rows are: a long report is asked for page by page */
    bool preview;
    struct imported_adoption says;
    struct report_row *rows; /* of one transaction, row_count of them */
    size_t row_count;
    struct acme_names
        unsettled; /* in a transaction: names of purchases that Sectigo may have and the store does not know */
    json_t *batch; /* owned: what became of them */
    json_t *items; /* owned: of all */
    size_t in_batch, adopted;
};

/* ---- one order ---- */

/* Whose it is, where a gateway made its foreignOrderNumber; NULL: none did. */
static const char *owner_of(const struct adoption *a, const char *issuance)
{
    bool test = false;
    if (issuance_id_is(issuance, a->request->config->instance, false))
        return "this gateway's own: acmegatectl upstream reconcile imports it";
    if (!issuance_id_is_any(issuance, &test))
        return NULL;
    return test ? "bought with a test login: no test order is taken for one that is paid"
                : "another gateway's, by its foreignOrderNumber: that one replaces it";
}

static bool is_over(const struct adoption *a, const struct report_row *row)
{
    uint64_t days = imported_term(a->request->config, a->config, row, &a->says);
    return row->ordered_s > 0 && (uint64_t)row->ordered_s * 1000 + days * DAY_MS <= a->now_ms;
}

static bool any_contained(const struct acme_names *names, const struct acme_names *of)
{
    bool found = false;
    for (size_t i = 0; !found && i < of->count; i++)
        found = names_contain(names, &of->list[i]);
    return found;
}

/* Why it is not adopted; NULL: it is, or would be. */
static const char *unfit(const struct adoption *a, const struct report_row *row, const struct acme_names *names,
                         const struct acme_policy *policy)
{
    struct acme_problem problem = {0};
    if (row->over)
        return "rejected, cancelled or refunded";
    if (row->revoked)
        return "revoked: Sectigo replaces it no more";
    if (row->issuance[0])
        return owner_of(a, row->issuance);
    if (!row->issued)
        return "no certificate has been issued for it yet";
    if (names->count == 0)
        return "Sectigo's report has no names of it";
    if (names->count > ACME_IDENTIFIERS_MAX)
        return "it has more names than an order over ACME may have";
    if (is_over(a, row))
        return "its term is over, so its names' next order is a purchase; say --days where a longer one was bought";
    if (any_contained(&a->unsettled, names))
        return "a purchase of its names is under way, and may be this order: adopt it when that has ended";
    if (!acme_policy_allows_all(policy, names, &problem)) {
        acme_problem_clear(&problem);
        return "the policy does not allow its names, so it would never be used";
    }
    return NULL;
}

static const char *outcome_text(const struct adoption *a, enum store_status status, bool replacement)
{
    if (replacement && (status == STORE_NOT_FOUND || status == STORE_OK))
        return status == STORE_OK ? "a replacement; it joins its family"
                                  : "a replacement: adopt the order that it replaces";
    return status == STORE_OK       ? (a->preview ? "would be adopted" : "adopted")
           : status == STORE_EXISTS ? "its number or certificate is of a subscription that is known"
                                    : "Sectigo's report has no names of it";
}

static enum store_status note_adoption(struct store_txn *txn, const struct adoption *a, const struct report_row *row)
{
    json_t *members = json_pack("{s:s, s:s}", "policy", a->says.policy, "login", a->config->name);
    enum store_status status =
        members ? audit_note(txn, "order adopted", row->order_number, members, &a->request->by, a->stored_ms)
                : STORE_IO;
    json_decref(members);
    return status;
}

/* What is under way on it may be this very replacement, which is settled as one that the family did not have. */
static bool family_is_busy(struct store_txn *txn, const struct adoption *a, const char *base)
{
    struct subscription sub = {0};
    struct acme_id id;
    enum store_status status = numbers_owner(txn, NUMBER_ORDER, a->config->url, base, &id);
    if (status == STORE_OK)
        status = subscription_load(txn, &id, &sub);
    bool busy = status == STORE_OK ? sub.under_way[0] != '\0' : status != STORE_NOT_FOUND;
    subscription_clear(&sub);
    return busy;
}

/* A replacement joins its family; what was bought becomes a subscription. */
static enum store_status take(struct store_txn *txn, const struct adoption *a, const struct report_row *row)
{
    char base[SECTIGO_ORDER_NUMBER_MAX + 1];
    if (report_base_number(row->order_number, base))
        return imported_join(txn, a->config->url, row, base);
    enum store_status status = imported_insert(txn, a->request->config, a->config, row, &a->says, a->stored_ms);
    return status == STORE_OK ? note_adoption(txn, a, row) : status;
}

static json_t *item_json(const struct adoption *a, const struct report_row *row, const struct acme_names *names,
                         const char *outcome, bool adopted)
{
    struct object o;
    object_begin(&o);
    object_text(&o, "order_number", row->order_number);
    object_put(&o, "adopted", json_boolean(adopted));
    object_text(&o, "outcome", outcome);
    object_text(&o, "policy", a->says.policy);
    object_text(&o, "login", a->config->name);
    object_time(&o, "bought_ms", row->ordered_s > 0 ? (uint64_t)row->ordered_s * 1000 : 0);
    object_number(&o, "product", row->product);
    object_names(&o, "names", names);
    return object_end(&o);
}

static enum store_status adopt_row(struct store_txn *txn, struct adoption *a, const struct acme_policy *policy,
                                   const struct report_row *row)
{
    struct acme_names names = {0};
    char base[SECTIGO_ORDER_NUMBER_MAX + 1];
    bool replacement = report_base_number(row->order_number, base), adopted = false;
    if (row->names && !report_names(row->names, &names))
        names_clear(&names);
    const char *outcome = unfit(a, row, &names, policy);
    if (!outcome && replacement && family_is_busy(txn, a, base))
        outcome = "a replacement, and an order of its family is under way: adopt it when that has ended";
    enum store_status status = STORE_OK;
    if (!outcome) {
        status = take(txn, a, row);
        adopted = status == STORE_OK && !replacement;
        outcome = outcome_text(a, status, replacement);
        if (status == STORE_NOT_FOUND || status == STORE_EXISTS || status == STORE_REFUSED)
            status = STORE_OK;
    }
    a->in_batch += adopted;
    if (status == STORE_OK &&
        json_array_append_new(a->batch, item_json(a, row, &names, outcome, adopted && !a->preview)) != 0)
        status = STORE_IO;
    names_clear(&names);
    return status;
}

/* ---- what may be among them ---- */

struct unsettled {
    struct store_txn *txn;
    const char *endpoint;
    struct acme_names *names;
    enum store_status status;
};

/* One whose order number no answer has said. */
static bool note_unsettled(struct unsettled *u, const struct issuance *is)
{
    struct subscription sub = {0};
    if (is->kind != ISSUANCE_PURCHASE || is->sends == 0 || is->order_number[0])
        return true;
    u->status = subscription_load(u->txn, &is->subscription, &sub);
    if (u->status == STORE_NOT_FOUND)
        u->status = STORE_INVALID;
    if (u->status == STORE_OK && strcmp(sub.endpoint, u->endpoint) == 0) {
        for (size_t i = 0; u->status == STORE_OK && i < sub.names.count; i++)
            u->status = names_add(u->names, &sub.names.list[i]) ? STORE_OK : STORE_IO;
    }
    subscription_clear(&sub);
    return u->status == STORE_OK;
}

static bool look_at_job(void *ctx, const struct store_job *job)
{
    struct unsettled *u = ctx;
    struct issuance is;
    char id[STORE_SUBJECT_MAX + 1];
    if (job->kind != JOB_ISSUANCE)
        return true;
    memcpy(id, job->subject, job->subject_len);
    id[job->subject_len] = '\0';
    u->status = issuance_load(u->txn, id, &is);
    if (u->status == STORE_NOT_FOUND)
        u->status = STORE_INVALID; /* of the policy alone it is said that there is none */
    bool goes_on = u->status == STORE_OK && note_unsettled(u, &is);
    issuance_clear(&is);
    return goes_on;
}

/* The report of an account may say no foreignOrderNumbers: then it does not tell what is ours. */
static enum store_status find_unsettled(struct store_txn *txn, struct adoption *a)
{
    struct unsettled u = {txn, a->config->url, &a->unsettled, STORE_OK};
    names_clear(&a->unsettled);
    enum store_status status = store_jobs(txn, look_at_job, &u);
    return status == STORE_OK ? u.status : status;
}

/* ---- all of one answer ---- */

/* A preview does all of it, and lets nothing of it be stored. */
static enum store_status adopt_batch(struct store_txn *txn, void *arg)
{
    struct adoption *a = arg;
    struct acme_policy policy;
    a->in_batch = 0;
    json_decref(a->batch);
    a->batch = json_array();
    enum store_status status = a->batch ? acme_policy_load(txn, a->says.policy, &policy) : STORE_IO;
    if (status == STORE_OK)
        status = find_unsettled(txn, a);
    for (size_t i = 0; status == STORE_OK && i < a->row_count; i++)
        status = adopt_row(txn, a, &policy, &a->rows[i]);
    if (a->batch)
        acme_policy_clear(&policy);
    return status == STORE_OK && a->preview ? STORE_REFUSED : status;
}

static bool store_rows(struct adoption *a)
{
    a->stored_ms = clock_ms();
    enum store_status status = a->row_count > 0 ? store_call(a->request->admin->store, adopt_batch, a) : STORE_OK;
    for (size_t i = 0; i < a->row_count; i++)
        report_row_clear(&a->rows[i]);
    if (status != STORE_OK && !(status == STORE_REFUSED && a->preview)) {
        answer_store(a->request->answer, status, status == STORE_NOT_FOUND ? "policy" : "subscriptions");
        return false;
    }
    bool kept = a->row_count == 0 || json_array_extend(a->items, a->batch) == 0;
    a->adopted += a->row_count > 0 ? a->in_batch : 0;
    a->row_count = 0;
    if (!kept)
        answer_error(a->request->answer, 503, "out of memory");
    return kept;
}

/* ---- what Sectigo has ---- */

static bool has_number(const struct adoption *a, const char *order_number)
{
    char base[SECTIGO_ORDER_NUMBER_MAX + 1];
    json_t *number;
    size_t i;
    report_base_number(order_number, base);
    json_array_foreach(a->numbers, i, number)
    {
        const char *text = json_string_value(number);
        if (strcmp(text, order_number) == 0 || strcmp(text, base) == 0)
            return true;
    }
    return false;
}

static bool is_asked_for(const struct adoption *a, const struct report_row *row)
{
    struct acme_names names = {0};
    bool wanted = a->numbers ? has_number(a, row->order_number)
                             : row->names && report_names(row->names, &names) && filter_any_name(a->name, &names);
    names_clear(&names);
    return wanted;
}

static bool keep_rows(struct adoption *a, const struct sectigo_report_answer *answer)
{
    for (size_t i = 0; i < answer->order_count && a->row_count < ANSWER_MAX; i++) {
        struct report_row *row = &a->rows[a->row_count];
        const struct sectigo_report_order *order = &answer->orders[i];
        bool made = owner_of(a, order->foreign_order_number) != NULL;
        *row = (struct report_row){.ordered_s = 0};
        bool good = report_row_fill(row, order, made);
        if (good && is_asked_for(a, row))
            a->row_count++;
        else
            report_row_clear(row);
        if (!good)
            return false;
    }
    return true;
}

/* One call of the report, into rows. False: answered. *total: orders that it counts, *rows: of this page. */
static bool ask_report(struct adoption *a, struct sectigo_form *form, uint64_t *total, size_t *rows)
{
    struct sectigo_report_answer report = {0};
    struct ask_answer answer = {0};
    struct http_answer *to = a->request->answer;
    bool good = false;
    if (!ask(a->request->admin->egress, a->login, SECTIGO_WEB_HOST_REPORT, form, &answer))
        answer_error(to, answer.status, "%s: %s", a->config->name, answer.reason);
    else if (!sectigo_parse_report(SECTIGO_WEB_HOST_REPORT, answer.body, answer.body_len, &report))
        answer_error(to, 502, "%s: the reply is no answer of this API", a->config->name);
    else if (report.code != 0)
        answer_error(to, 502, "%s: Sectigo refuses the report: %.300s (%d)", a->config->name, report.message,
                     report.code);
    else if (!(good = keep_rows(a, &report)))
        answer_error(to, 503, "out of memory");
    *total = report.result_count;
    *rows = report.order_count;
    sectigo_report_clear(&report);
    free(answer.body);
    return good;
}

static bool has_item(const struct adoption *a, const char *number)
{
    json_t *item;
    size_t i;
    json_array_foreach(a->items, i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "order_number")), number) == 0)
            return true;
    }
    return false;
}

/* What Sectigo said nothing of is told, too. */
static bool add_missing(struct adoption *a)
{
    json_t *number;
    size_t i;
    json_array_foreach(a->numbers, i, number)
    {
        struct report_row row = {.ordered_s = 0};
        const struct acme_names none = {0};
        const char *text = json_string_value(number);
        if (has_item(a, text))
            continue;
        snprintf(row.order_number, sizeof row.order_number, "%s", text);
        if (json_array_append_new(a->items, item_json(a, &row, &none, "Sectigo's report has no such order", false)) !=
            0) {
            answer_error(a->request->answer, 503, "out of memory");
            return false;
        }
    }
    return true;
}

static bool adopt_numbers(struct adoption *a)
{
    size_t count = json_array_size(a->numbers);
    for (size_t from = 0; from < count; from += AT_ONCE) {
        struct sectigo_form form = {0};
        char list[AT_ONCE * (SECTIGO_ORDER_NUMBER_MAX + 1) + 1] = "";
        uint64_t total;
        size_t rows, len = 0;
        for (size_t i = from; i < count && i < from + AT_ONCE; i++)
            len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len ? "," : "",
                                    json_string_value(json_array_get(a->numbers, i)));
        sectigo_form_add(&form, "orderNumber", list);
        if (!ask_report(a, &form, &total, &rows) || !store_rows(a))
            return false;
    }
    return add_missing(a);
}

static bool adopt_names(struct adoption *a)
{
    uint64_t first = 1, total;
    size_t rows;
    do {
        struct sectigo_form form = {0};
        sectigo_form_addf(&form, "notBefore", "%llu", (unsigned long long)(a->since_ms / 1000));
        sectigo_form_addf(&form, "notAfter", "%llu", (unsigned long long)(a->now_ms / 1000));
        sectigo_form_addf(&form, "firstResultNo", "%llu", (unsigned long long)first);
        sectigo_form_addf(&form, "lastResultNo", "%llu", (unsigned long long)(first + AT_ONCE - 1));
        if (!ask_report(a, &form, &total, &rows) || !store_rows(a))
            return false;
        if (json_array_size(a->items) > ROWS_MAX) {
            answer_error(a->request->answer, 409, "more than %d orders; narrow them by --since or a longer name",
                         ROWS_MAX);
            return false;
        }
        first += rows;
    } while (rows > 0 && first <= total);
    return true;
}

/* ---- the request ---- */

static bool numbers_good(const json_t *numbers)
{
    json_t *number;
    size_t i;
    json_array_foreach(numbers, i, number)
    {
        const char *text = json_string_value(number);
        if (!text || !*text || strlen(text) > SECTIGO_ORDER_NUMBER_MAX ||
            strspn(text, "0123456789repl#") != strlen(text))
            return false;
    }
    return json_is_array(numbers) && i > 0 && i <= NUMBERS_MAX;
}

/* The login that is named, or the only one. NULL: answered. */
static const struct config_login *find_login(struct request *request, const char *name)
{
    const struct config *config = request->config;
    const struct config_login *login = name ? config_login_named(config, name) : &config->logins[0];
    if (!name && config->login_count > 1)
        answer_error(request->answer, 400, "there are several logins: say which, with --login");
    else if (!login)
        answer_error(request->answer, 404, "no login of the configuration is called %s", name ? name : "");
    else if (login->test)
        answer_error(request->answer, 409,
                     "%s is a test login: Sectigo's report does not tell its orders from those that are paid",
                     login->name);
    else
        return login;
    return NULL;
}

static const char *member_text(const json_t *body, const char *key)
{
    const char *text = json_string_value(json_object_get(body, key));
    return text && *text ? text : NULL;
}

/* False: answered. */
static bool read_adoption(struct adoption *a, const json_t *body)
{
    struct http_answer *answer = a->request->answer;
    const char *name = member_text(body, "name");
    json_int_t days = json_integer_value(json_object_get(body, "days"));
    a->numbers = json_object_get(body, "numbers");
    a->says.policy = member_text(body, "policy");
    a->preview = json_is_true(json_object_get(body, "preview"));
    a->since_ms = (uint64_t)json_integer_value(json_object_get(body, "since_ms"));
    if (a->since_ms == 0)
        a->since_ms = a->now_ms > SPAN_MS ? a->now_ms - SPAN_MS : 0;
    if (!a->says.policy || !acme_policy_name_good(a->says.policy)) {
        answer_error(answer, 400, "say under which policy, with --policy");
    } else if ((name != NULL) == (a->numbers != NULL)) {
        answer_error(answer, 400, "say which orders: by their numbers, or by a name, and not by both");
    } else if (a->numbers && !numbers_good(a->numbers)) {
        answer_error(answer, 400, "order numbers are digits, 1 to %d of them", NUMBERS_MAX);
    } else if (name && strlen(name) > FILTER_MAX) {
        answer_error(answer, 400, "a name has at most %d characters", FILTER_MAX);
    } else if (days < 0 || days > 1826) {
        answer_error(answer, 400, "a term has at most 1826 days");
    } else {
        a->says.days = (uint32_t)days;
        a->name = name;
        a->config = find_login(a->request, member_text(body, "login"));
        a->login = upstream_login(a->request->admin->upstream, a->config);
        return a->login != NULL;
    }
    return false;
}

void subscriptions_adopt(struct request *request)
{
    const struct http_call *call = request->call;
    json_t *body = json_loadb(call->body, call->body_len, JSON_REJECT_DUPLICATES, NULL);
    struct adoption a = {
        .request = request, .now_ms = clock_ms(), .items = json_array(), .rows = calloc(ANSWER_MAX, sizeof *a.rows)};
    if (!a.items || !a.rows) {
        answer_error(request->answer, 503, "out of memory");
    } else if (read_adoption(&a, body) && (a.numbers ? adopt_numbers(&a) : adopt_names(&a))) {
        if (!a.preview && a.adopted > 0)
            log_info("the operator adopts orders that were bought by hand", "policy", a.says.policy, "login",
                     a.config->name);
        answer_money(request, json_pack("{s:O, s:I, s:b}", "items", a.items, "count", (json_int_t)a.adopted, "preview",
                                        a.preview));
    }
    json_decref(a.items);
    json_decref(a.batch);
    json_decref(body);
    names_clear(&a.unsettled);
    free(a.rows);
}
