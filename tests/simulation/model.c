/* model: Sectigo's side of the partner API, written from the reference: what it sells, looks at, issues and tells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/tables.h"
#include "sectigo/code.h"
#include "tests/simulation/sim.h"

enum { ORDERS_MAX = 20000, CERTIFICATES_MAX = 60000, FIRST_ORDER = 1000001, FIRST_CERTIFICATE = 5000001 };
enum { DAYS = 365, CERTIFICATE_DAYS = 199, CENTS = 4900 };

enum state { WAITING, CAA_FAILED, ISSUED, REVOKED, REJECTED };

struct certificate {
    struct event look; /* first */
    struct event push;
    unsigned order, member; /* of the family: 0 is the purchase */
    const struct csr *csr;
    char unique[SECTIGO_UNIQUE_VALUE_MAX + 1], foreign[SECTIGO_FON_MAX + 1];
    enum state state;
    uint64_t asked_ms, wait_ms, reported_ms; /* reported_ms: from when on reports know it */
    int64_t not_before_s, not_after_s;
    const char *pem, *serial;
    unsigned pushes; /* to come */
    bool with_certificate, looking;
};

struct order {
    char number[SECTIGO_ORDER_NUMBER_MAX + 1];
    unsigned first, newest, members; /* certificates */
    uint64_t placed_ms;
    unsigned login;
    bool rejected, refunded;
};

static struct order *orders;
static struct certificate **certificates;
static unsigned order_count, certificate_count;
static unsigned asking; /* the login that asks */
static uint64_t refused_until_ms[LOGINS];

void model_begin(void)
{
    orders = calloc(ORDERS_MAX, sizeof *orders);
    certificates = calloc(CERTIFICATES_MAX, sizeof *certificates);
    if (!orders || !certificates)
        abort();
    order_count = certificate_count = 0;
    memset(refused_until_ms, 0, sizeof refused_until_ms);
}

void model_end(void)
{
    for (unsigned i = 0; i < certificate_count; i++) {
        free(certificates[i]);
    }
    free(orders);
    free(certificates);
}

unsigned model_purchases(void)
{
    return order_count;
}

/* ---- answers ---- */

static char *answer(struct sectigo_form *form)
{
    char *text = sectigo_form_encode(form, false);
    sectigo_form_clear(form);
    if (!text)
        abort();
    return text;
}

static char *refuse(int code, const char *message)
{
    struct sectigo_form form = {0};
    sectigo_form_addf(&form, "errorCode", "%d", code);
    sectigo_form_add(&form, "errorMessage", message);
    return answer(&form);
}

static struct sectigo_form good(int code)
{
    struct sectigo_form form = {0};
    sectigo_form_addf(&form, "errorCode", "%d", code);
    return form;
}

/* ---- what was sold ---- */

static struct order *find_order(const char *number)
{
    long index = number ? strtol(number, NULL, 10) - FIRST_ORDER : -1;
    return index >= 0 && index < (long)order_count && orders[index].login == asking ? &orders[index] : NULL;
}

static struct certificate *find_certificate(const struct sectigo_form *form)
{
    const char *id = sectigo_form_get(form, "certificateID");
    const char *number = sectigo_form_get(form, "orderNumber");
    long index = id ? strtol(id, NULL, 10) - FIRST_CERTIFICATE : -1;
    if (id)
        return index >= 0 && index < (long)certificate_count && orders[certificates[index]->order].login == asking
                   ? certificates[index]
                   : NULL;
    struct order *order = find_order(number ? number : sectigo_form_get(form, "baseOrderNumber"));
    return order ? certificates[order->newest] : NULL;
}

static unsigned id_of(const struct certificate *certificate)
{
    for (unsigned i = orders[certificate->order].first; i < certificate_count; i++)
        if (certificates[i] == certificate)
            return FIRST_CERTIFICATE + i;
    abort();
}

static void number_of(const struct certificate *certificate, char number[static SECTIGO_ORDER_NUMBER_MAX + 1])
{
    const struct order *order = &orders[certificate->order];
    if (certificate->member == 0)
        memcpy(number, order->number, sizeof order->number);
    else
        snprintf(number, SECTIGO_ORDER_NUMBER_MAX + 1, "%.40srepl#%u", order->number, certificate->member);
}

/* ---- domain control, issuance, push ---- */

static bool shows_token(const struct certificate *certificate)
{
    char wanted[160], *body = NULL;
    bool shown = process.is_up &&
                 issuer_dcv_file(process.issuer, certificate->csr->md5, strlen(certificate->csr->md5), &body) == STORE_OK;
    snprintf(wanted, sizeof wanted, "%s\nsectigo.com\n%s", certificate->csr->sha256, certificate->unique);
    shown = shown && strcmp(body, wanted) == 0;
    free(body);
    return shown;
}

static void on_push(struct event *event)
{
    struct certificate *certificate =
        (struct certificate *)((char *)event - offsetof(struct certificate, push));
    struct sectigo_push push = {.kind = SECTIGO_PUSH_ISSUED, .status_code = 6};
    if (process.is_up && certificate->pem) {
        number_of(certificate, push.order_number);
        snprintf(push.certificate_id, sizeof push.certificate_id, "%u", id_of(certificate));
        push.certificate = certificate->with_certificate ? strdup(certificate->pem) : NULL;
        push.ca_certificate = certificate->with_certificate ? strdup(authority_cas()) : NULL;
        trace("push: %s is issued", push.order_number);
        issuer_push(process.issuer, &push);
        free(push.certificate);
        free(push.ca_certificate);
        certificate->pushes--;
    }
    if (certificate->pushes > 0)
        world_at(&certificate->push, chance_between(SECOND_MS, 10 * MINUTE_MS), on_push);
}

/* The certificate of any other, half of the time one for the same names: that is the one to be taken in by. */
static const char *pem_like(const struct certificate *about)
{
    unsigned first = chance_below(certificate_count);
    for (unsigned i = chance_below(2) ? certificate_count : 0; i < certificate_count; i++) {
        const struct certificate *other = certificates[(first + i) % certificate_count];
        if (other != about && other->pem && other->csr->set == about->csr->set)
            return other->pem;
    }
    return certificates[first]->pem;
}

/* Somebody else's word: a push about any order, with the certificate of any other. */
void model_forge(void)
{
    static const enum sectigo_push_status kinds[] = {SECTIGO_PUSH_ISSUED, SECTIGO_PUSH_FAILED, SECTIGO_PUSH_REJECTED,
                                                     SECTIGO_PUSH_REVOKED, SECTIGO_PUSH_REPLACED};
    struct sectigo_push push = {.kind = kinds[chance_below(sizeof kinds / sizeof *kinds)], .status_code = 6};
    if (!process.is_up || certificate_count == 0)
        return;
    const struct certificate *about = certificates[chance_below(certificate_count)];
    number_of(about, push.order_number);
    snprintf(push.certificate_id, sizeof push.certificate_id, "%u", id_of(about));
    const char *other = pem_like(about);
    push.certificate = other ? strdup(other) : NULL;
    push.ca_certificate = strdup(authority_cas());
    trace("a forged push about %s", push.order_number);
    issuer_push(process.issuer, &push);
    free(push.certificate);
    free(push.ca_certificate);
}

/* How many of its CSR there are of the same six hours. */
static unsigned issued_in(const struct certificate *certificate)
{
    unsigned count = 0;
    for (unsigned i = 0; i < certificate_count; i++)
        count += certificates[i]->csr == certificate->csr && certificates[i] != certificate && certificates[i]->pem &&
                 certificates[i]->not_before_s == certificate->not_before_s;
    return count;
}

static void issue(struct certificate *certificate)
{
    int64_t now_s = (int64_t)(world_true_ms() / 1000);
    int64_t term_s = (int64_t)(orders[certificate->order].placed_ms / 1000) + DAYS * (int64_t)DAY_S;
    certificate->state = ISSUED;
    /* six hours on the clock: the authority has most of them already */
    certificate->not_before_s = now_s - now_s % (6 * HOUR_S);
    certificate->not_after_s = certificate->not_before_s + CERTIFICATE_DAYS * (int64_t)DAY_S;
    if (certificate->not_after_s > term_s)
        certificate->not_after_s = term_s;
    certificate->pem = authority_issue(certificate->csr, certificate->not_before_s, certificate->not_after_s,
                                       issued_in(certificate), &certificate->serial);
    trace("issued: order %s, certificate %u", orders[certificate->order].number, id_of(certificate));
    certificate->pushes = 1 - (unsigned)chance_fault("the push is lost", 50000);
    certificate->pushes *= 1 + (unsigned)chance_fault("the push is doubled", 50000);
    certificate->with_certificate = chance_below(2) == 0;
    if (certificate->pushes > 0)
        world_at(&certificate->push,
                 chance_fault("the push is late", 30000) ? chance_between(HOUR_MS, 8 * HOUR_MS)
                                                         : chance_between(100, 60 * SECOND_MS),
                 on_push);
}

static void on_look(struct event *event)
{
    struct certificate *certificate = (struct certificate *)event;
    certificate->looking = false;
    if (certificate->state != WAITING)
        return;
    if (chance_fault("Sectigo rejects a paid order", 2000)) {
        certificate->state = REJECTED;
        orders[certificate->order].rejected = certificate->member == 0;
        return;
    }
    if (chance_fault("CAA fails at Sectigo", 2000)) {
        certificate->state = CAA_FAILED;
        return;
    }
    if (shows_token(certificate)) {
        issue(certificate);
        return;
    }
    certificate->wait_ms = certificate->wait_ms < DAY_MS ? 2 * certificate->wait_ms : DAY_MS;
    certificate->looking = true;
    world_at(&certificate->look, certificate->wait_ms, on_look);
}

static struct certificate *add_certificate(struct order *order, const struct csr *csr, const struct sectigo_form *form)
{
    struct certificate *made = calloc(1, sizeof *made);
    const char *foreign = sectigo_form_get(form, "foreignOrderNumber");
    if (!made || certificate_count == CERTIFICATES_MAX)
        abort();
    *made = (struct certificate){.order = (unsigned)(order - orders),
                                 .member = order->members++,
                                 .csr = csr,
                                 .asked_ms = world_true_ms(),
                                 .wait_ms = 10 * MINUTE_MS,
                                 .looking = true};
    made->reported_ms = made->asked_ms;
    if (!trouble_restores() && chance_fault("the report is behind", 30000))
        made->reported_ms += chance_between(SECOND_MS, 4 * MINUTE_MS); /* as long as the contract waits */
    snprintf(made->unique, sizeof made->unique, "%s", sectigo_form_get(form, "uniqueValue"));
    snprintf(made->foreign, sizeof made->foreign, "%s", foreign ? foreign : "");
    order->newest = certificate_count;
    certificates[certificate_count++] = made;
    world_at(&made->look, chance_between(200, 90 * SECOND_MS), on_look);
    return made;
}

/* ---- orders ---- */

/* For one set of names what is paid serves until it is nearly over: min(60 days, a third of the term). That an order was
 * rejected, and waits for its refund, an older copy learns from no report. */
static void check_second_purchase(unsigned set)
{
    for (unsigned i = 0; i < order_count; i++) {
        const struct order *order = &orders[i];
        uint64_t ends_ms = order->placed_ms + DAYS * DAY_MS;
        if (order->login == asking && certificates[order->first]->csr->set == set && !order->refunded &&
            !(order->rejected && trouble_restored()) && ends_ms > world_true_ms() + 60 * DAY_MS + HOUR_MS)
            wrong("names of set %u are bought a second time while order %s is paid", set, order->number);
    }
}

static const struct certificate *find_request(const struct csr *csr, const char *unique, const char *foreign)
{
    for (unsigned i = 0; i < certificate_count; i++)
        if ((certificates[i]->csr == csr && strcmp(certificates[i]->unique, unique) == 0) ||
            (foreign && strcmp(certificates[i]->foreign, foreign) == 0))
            return certificates[i];
    return NULL;
}

static void add_certificate_answer(struct sectigo_form *form, const struct certificate *certificate)
{
    sectigo_form_addf(form, "certificateID", "%u", id_of(certificate));
    sectigo_form_add(form, "uniqueValue", certificate->unique);
}

static char *apply(const struct sectigo_form *form)
{
    const struct csr *csr = authority_find(sectigo_form_get(form, "csr"));
    const char *unique = sectigo_form_get(form, "uniqueValue"), *foreign = sectigo_form_get(form, "foreignOrderNumber");
    if (!csr || !unique || !foreign)
        return refuse(-3, "An argument is missing!");
    const struct certificate *before = find_request(csr, unique, foreign);
    if (before && strcmp(before->foreign, foreign) == 0)
        return refuse(-4, "The value of the 'foreignOrderNumber' argument is invalid!");
    if (before)
        return refuse(-55, "The Request Token is not unique!");
    check_second_purchase(csr->set);
    sent_placed(foreign);
    if (order_count == ORDERS_MAX)
        abort();
    struct order *order = &orders[order_count];
    snprintf(order->number, sizeof order->number, "%u", FIRST_ORDER + order_count++);
    order->first = certificate_count;
    order->placed_ms = world_true_ms();
    order->login = asking;
    const struct certificate *certificate = add_certificate(order, csr, form);
    struct sectigo_form reply = good(0);
    sectigo_form_add(&reply, "orderNumber", order->number);
    sectigo_form_addf(&reply, "totalCost", "%d.%02d", CENTS / 100, CENTS % 100);
    sectigo_form_add(&reply, "expectedDeliveryTime", "0");
    add_certificate_answer(&reply, certificate);
    return answer(&reply);
}

static char *replace(const struct sectigo_form *form)
{
    const struct csr *csr = authority_find(sectigo_form_get(form, "csr"));
    const char *unique = sectigo_form_get(form, "uniqueValue");
    struct order *order = find_order(sectigo_form_get(form, "orderNumber"));
    if (!csr || !unique || !order)
        return refuse(-4, "The value of an argument is invalid!");
    if (find_request(csr, unique, NULL))
        return refuse(-55, "The Request Token is not unique!");
    if (order->rejected || order->refunded)
        return refuse(-20, "The order has been rejected!");
    if (order->placed_ms + DAYS * DAY_MS < world_true_ms())
        return refuse(-36, "The certificate has already expired!");
    if (csr->set != certificates[order->first]->csr->set)
        wrong("a replacement for other names than were bought");
    const struct certificate *certificate = add_certificate(order, csr, form);
    struct sectigo_form reply = good(0);
    sectigo_form_add(&reply, "expectedDeliveryTime", "0");
    add_certificate_answer(&reply, certificate);
    return answer(&reply);
}

static char *collect(const struct sectigo_form *form)
{
    const struct certificate *certificate = find_certificate(form);
    char number[SECTIGO_ORDER_NUMBER_MAX + 1];
    if (!certificate)
        return refuse(-4, "The value of an argument is invalid!");
    if (certificate->state == REJECTED)
        return refuse(-20, "The certificate request has been rejected!");
    if (certificate->state == REVOKED)
        return refuse(-21, "The certificate has been revoked!");
    number_of(certificate, number);
    struct sectigo_form reply = good(certificate->state == ISSUED ? 2 : 0);
    sectigo_form_add(&reply, "orderNumber", number);
    if (certificate->state == ISSUED) {
        sectigo_form_addf(&reply, "notBefore", "%lld", (long long)certificate->not_before_s);
        sectigo_form_addf(&reply, "notAfter", "%lld", (long long)certificate->not_after_s);
        sectigo_form_add(&reply, "certificate", certificate->pem);
        sectigo_form_add(&reply, "caCertificate", authority_cas());
    }
    return answer(&reply);
}

/* ---- reports ---- */

static void add_row(struct sectigo_form *form, unsigned row, const struct certificate *certificate, bool detailed)
{
    static const char *const words[] = {"Awaiting validation", "Pre-sign failed", "Issued", "Revoked", "Rejected"};
    const struct order *order = &orders[certificate->order];
    const struct acme_names *names = authority_names(certificate->csr->set);
    char key[64], number[SECTIGO_ORDER_NUMBER_MAX + 1], list[600] = "";
    for (size_t i = 0; i < names->count; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i > 0 ? "," : "", names->list[i].value);
    number_of(certificate, number);
#define ADD(name, ...)                                                                                                 \
    do {                                                                                                               \
        snprintf(key, sizeof key, "%u_%s", row, name);                                                                 \
        sectigo_form_addf(form, key, __VA_ARGS__);                                                                     \
    } while (0)
    ADD("orderNumber", "%s", number);
    ADD("foreignOrderNumber", "%s", certificate->foreign);
    ADD("orderStatus", "%s", order->refunded ? "Refunded" : order->rejected ? "Rejected" : words[certificate->state]);
    ADD(detailed ? "orderDateTime" : "dateTime", "%llu", (unsigned long long)(certificate->asked_ms / 1000));
    ADD("1_domain", "%s", list);
    ADD("1_status", "%s", words[certificate->state]);
    ADD("1_certificateID", "%u", id_of(certificate));
    if (certificate->state == CAA_FAILED)
        ADD("1_statusReason", "CAA: Not authorized to issue");
    if (certificate->state == ISSUED || certificate->state == REVOKED)
        ADD("1_serialNumber", "%s", certificate->serial);
#undef ADD
}

static char *status(const struct sectigo_form *form)
{
    const struct certificate *certificate = find_certificate(form);
    if (!certificate)
        return refuse(-4, "The value of an argument is invalid!");
    struct sectigo_form reply = good(0);
    add_row(&reply, 1, certificate, true);
    return answer(&reply);
}

static bool reports(const struct sectigo_form *form, const struct certificate *certificate)
{
    const char *foreign = sectigo_form_get(form, "foreignOrderNumber"), *from = sectigo_form_get(form, "notBefore");
    if (orders[certificate->order].login != asking || certificate->reported_ms > world_true_ms())
        return false;
    if (foreign)
        return strcmp(foreign, certificate->foreign) == 0;
    return certificate->asked_ms / 1000 >= strtoull(from ? from : "0", NULL, 10);
}

static char *report(const struct sectigo_form *form)
{
    const char *first = sectigo_form_get(form, "firstResultNo"), *last = sectigo_form_get(form, "lastResultNo");
    unsigned from = first ? (unsigned)atoi(first) : 1, to = last ? (unsigned)atoi(last) : UINT32_MAX, found = 0;
    struct sectigo_form rows = {0}, reply = good(0);
    for (unsigned i = 0; i < certificate_count; i++) {
        if (!reports(form, certificates[i]))
            continue;
        if (++found >= from && found <= to)
            add_row(&rows, found - from + 1, certificates[i], false);
    }
    sectigo_form_addf(&reply, "noOfResults", "%u", found);
    for (size_t i = 0; i < rows.count; i++)
        sectigo_form_add(&reply, rows.params[i].name, rows.params[i].value);
    sectigo_form_clear(&rows);
    return answer(&reply);
}

/* ---- what changes ---- */

static char *end(enum sectigo_call_kind kind, const struct sectigo_form *form)
{
    struct order *order = find_order(sectigo_form_get(form, "orderNumber"));
    struct sectigo_form reply = good(0);
    if (!order)
        return refuse(-4, "The value of the 'orderNumber' argument is invalid!");
    if (kind == SECTIGO_AUTO_REFUND)
        order->refunded = true;
    else if (certificates[order->first]->state == ISSUED)
        return refuse(-4, "The certificate is issued!");
    else
        certificates[order->first]->state = REJECTED;
    order->rejected = true;
    return answer(&reply);
}

static char *revoke(const struct sectigo_form *form)
{
    const char *serial = sectigo_form_get(form, "serialNumber");
    struct sectigo_form reply = good(0);
    for (unsigned i = 0; serial && i < certificate_count; i++)
        if (certificates[i]->pem && strcasecmp(certificates[i]->serial, serial) == 0)
            certificates[i]->state = REVOKED;
    return answer(&reply);
}

static char *look_anew(enum sectigo_call_kind kind, const struct sectigo_form *form)
{
    struct certificate *certificate = find_certificate(form);
    struct sectigo_form reply = good(0);
    if (kind == SECTIGO_RETRY_CAA_CHECK && certificate && certificate->state == CAA_FAILED) {
        certificate->state = WAITING;
        certificate->looking = true;
        world_at(&certificate->look, MINUTE_MS, on_look);
    }
    return answer(&reply);
}

void model_refuse(unsigned login, uint64_t for_ms)
{
    refused_until_ms[login] = world_ms() + for_ms;
}

char *model_answer(enum sectigo_call_kind kind, const struct sectigo_form *form, unsigned login)
{
    asking = login;
    if (world_ms() < refused_until_ms[login])
        return refuse(-16, "Permission denied!");
    switch (kind) {
    case SECTIGO_AUTO_APPLY_ORDER:
        return apply(form);
    case SECTIGO_AUTO_REPLACE_SSL:
        return replace(form);
    case SECTIGO_COLLECT_SSL:
        return collect(form);
    case SECTIGO_GET_DETAILED_ORDER_STATUS:
        return status(form);
    case SECTIGO_WEB_HOST_REPORT:
        return report(form);
    case SECTIGO_AUTO_REFUND:
    case SECTIGO_AUTO_REJECT:
        return end(kind, form);
    case SECTIGO_AUTO_REVOKE_SSL:
        return revoke(form);
    case SECTIGO_AUTO_UPDATE_DCV:
    case SECTIGO_RETRY_CAA_CHECK:
        return look_anew(kind, form);
    case SECTIGO_GET_ACCOUNT_BALANCE:
        return strdup("errorCode=0&balance=100000.00");
    default:
        return refuse(-14, "An unknown error occurred!");
    }
}

bool model_known(struct sold *sold, const char *beside)
{
    static char id[16];
    const struct order *asked = find_order(beside);
    struct store_txn *txn;
    struct store_slice owner;
    if (order_count == 0 || !process.is_up || store_read(process.store, &txn) != STORE_OK)
        return false;
    const struct order *order = &orders[chance_below(order_count)];
    bool known =
        store_get(txn, ISSUE_BY_ORDER_NUMBER, order->number, strlen(order->number), &owner) == STORE_OK;
    store_read_end(txn);
    snprintf(id, sizeof id, "%u", FIRST_CERTIFICATE + order->newest);
    *sold = (struct sold){
        .number = order->number,
        .certificate_id = id,
        .certificate = pem_like(certificates[asked ? asked->newest : order->newest])};
    return known;
}

void model_visit(model_visit_fn *visit, void *ctx)
{
    for (unsigned i = 0; i < order_count; i++) {
        const struct certificate *first = certificates[orders[i].first];
        struct sold sold = {.number = orders[i].number,
                            .foreign_order_number = first->foreign,
                            .set = first->csr->set,
                            .over = orders[i].rejected || orders[i].refunded};
        visit(ctx, &sold);
    }
}
