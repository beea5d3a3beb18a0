/* model: Sectigo's side of the partner API, written from the reference: what it sells, and what it answers. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "acme/certificate.h"
#include "acme/durations.h"
#include "gateway/tables.h"
#include "sectigo/code.h"
#include "tests/simulation/model.h"

struct model model;
static unsigned asking; /* the login that asks */
static uint64_t refused_until_ms[LOGINS];

void model_begin(void)
{
    model = (struct model){.orders = calloc(ORDERS_MAX, sizeof *model.orders),
                           .certificates = calloc(CERTIFICATES_MAX, sizeof *model.certificates),
                           .revokes = chance_below(8) == 0,
                           .revoked_is_over = chance_below(2) == 0};
    if (!model.orders || !model.certificates)
        abort();
    memset(refused_until_ms, 0, sizeof refused_until_ms);
}

void model_end(void)
{
    for (unsigned i = 0; i < model.certificate_count; i++) {
        free(model.certificates[i]);
    }
    free(model.orders);
    free(model.certificates);
}

unsigned model_purchases(void)
{
    return model.order_count;
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
    return index >= 0 && index < (long)model.order_count && model.orders[index].login == asking ? &model.orders[index] : NULL;
}

static struct certificate *find_certificate(const struct sectigo_form *form)
{
    const char *id = sectigo_form_get(form, "certificateID");
    const char *number = sectigo_form_get(form, "orderNumber");
    long index = id ? strtol(id, NULL, 10) - FIRST_CERTIFICATE : -1;
    if (id)
        return index >= 0 && index < (long)model.certificate_count && model.orders[model.certificates[index]->order].login == asking
                   ? model.certificates[index]
                   : NULL;
    struct order *order = find_order(number ? number : sectigo_form_get(form, "baseOrderNumber"));
    return order ? model.certificates[order->newest] : NULL;
}

unsigned model_id(const struct certificate *certificate)
{
    return FIRST_CERTIFICATE + certificate->index;
}

void model_number(const struct certificate *certificate, char number[static SECTIGO_ORDER_NUMBER_MAX + 1])
{
    const struct order *order = &model.orders[certificate->order];
    if (certificate->member == 0)
        memcpy(number, order->number, sizeof order->number);
    else
        snprintf(number, SECTIGO_ORDER_NUMBER_MAX + 1, "%.40srepl#%u", order->number, certificate->member);
}

static struct certificate *add_certificate(struct order *order, const struct csr *csr, const struct sectigo_form *form)
{
    struct certificate *made = calloc(1, sizeof *made);
    const char *foreign = sectigo_form_get(form, "foreignOrderNumber");
    if (!made || model.certificate_count == CERTIFICATES_MAX)
        abort();
    *made = (struct certificate){.index = model.certificate_count,
                                 .order = (unsigned)(order - model.orders),
                                 .member = order->members++,
                                 .csr = csr,
                                 .asked_ms = world_true_ms(),
                                 .wait_ms = 10 * MINUTE_MS};
    made->reported_ms = made->asked_ms;
    if (!trouble_restores() && chance_fault("the report is behind", 30000))
        made->reported_ms += chance_between(SECOND_MS, 4 * MINUTE_MS); /* as long as the contract waits */
    /* Then Sectigo refuses the repeat. An operator who gives such an order up before it was repeated goes by the report. */
    if (!trouble_restores() && !operator_drops() && chance_fault("the report is hours behind", 4000))
        made->reported_ms += chance_between(4 * MINUTE_MS, 5 * HOUR_MS);
    snprintf(made->unique, sizeof made->unique, "%s", sectigo_form_get(form, "uniqueValue"));
    snprintf(made->foreign, sizeof made->foreign, "%s", foreign ? foreign : "");
    order->newest = model.certificate_count;
    model.certificates[model.certificate_count++] = made;
    issuing_look(made, chance_between(200, 90 * SECOND_MS));
    return made;
}

void model_report_soon(const struct sectigo_form *form)
{
    const char *foreign = sectigo_form_get(form, "foreignOrderNumber");
    uint64_t latest_ms = world_true_ms() + 4 * MINUTE_MS;
    for (unsigned i = 0; foreign && i < model.certificate_count; i++) {
        struct certificate *made = model.certificates[i];
        if (strcmp(made->foreign, foreign) == 0 && made->reported_ms > latest_ms)
            made->reported_ms = latest_ms;
    }
}

/* ---- orders ---- */

/* For one set of names what is paid serves until it is nearly over: min(60 days, a third of the term). That an order was
 * rejected, and waits for its refund, an older copy learns from no report. Where Sectigo revokes what was replaced, each
 * key has an order of its own. */
static void check_second_purchase(unsigned set)
{
    for (unsigned i = 0; i < model.order_count; i++) {
        const struct order *order = &model.orders[i];
        uint64_t ends_ms = order->placed_ms + TERM_DAYS * DAY_MS;
        if (order->login == asking && model.certificates[order->first]->csr->set == set && !order->refunded &&
            !order->over && !model.revokes &&
            !(order->rejected && trouble_restored()) && ends_ms > world_true_ms() + 60 * DAY_MS + HOUR_MS)
            wrong("names of set %u are bought a second time while order %s is paid", set, order->number);
    }
}

static const struct certificate *find_request(const struct csr *csr, const char *unique, const char *foreign)
{
    for (unsigned i = 0; i < model.certificate_count; i++)
        if ((model.certificates[i]->csr == csr && strcmp(model.certificates[i]->unique, unique) == 0) ||
            (foreign && strcmp(model.certificates[i]->foreign, foreign) == 0))
            return model.certificates[i];
    return NULL;
}

static void add_certificate_answer(struct sectigo_form *form, const struct certificate *certificate)
{
    sectigo_form_addf(form, "certificateID", "%u", model_id(certificate));
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
    if (model.order_count == ORDERS_MAX)
        abort();
    struct order *order = &model.orders[model.order_count];
    snprintf(order->number, sizeof order->number, "%u", FIRST_ORDER + model.order_count++);
    order->first = model.certificate_count;
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
    if (model.revoked_is_over && model.certificates[order->newest]->state == REVOKED) {
        order->over = true;
        return refuse(-21, "The order has already been revoked!");
    }
    if (order->placed_ms + TERM_DAYS * DAY_MS < world_true_ms())
        return refuse(-36, "The certificate has already expired!");
    if (csr->set != model.certificates[order->first]->csr->set)
        wrong("a replacement for other names than were bought");
    const struct certificate *certificate = add_certificate(order, csr, form);
    struct sectigo_form reply = good(0);
    sectigo_form_add(&reply, "expectedDeliveryTime", "0");
    add_certificate_answer(&reply, certificate);
    return answer(&reply);
}

/* Of the same family and CSR. */
static const struct certificate *one_before(const struct certificate *certificate)
{
    for (unsigned i = model.orders[certificate->order].first; i < certificate->index; i++)
        if (model.certificates[i]->order == certificate->order && model.certificates[i]->csr == certificate->csr &&
            model.certificates[i]->state == ISSUED)
            return model.certificates[i];
    return NULL;
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
    model_number(certificate, number);
    const struct certificate *before = one_before(certificate);
    if (certificate->state == WAITING && before && chance_fault("Sectigo serves the certificate before", 50000))
        certificate = before;
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

static char *status(const struct sectigo_form *form)
{
    const struct certificate *certificate = find_certificate(form);
    if (!certificate)
        return refuse(-4, "The value of an argument is invalid!");
    struct sectigo_form reply = good(0);
    struct page page = {.text = answer(&reply)};
    page_add(&page, 1, certificate, true);
    return page.text;
}

/* Which rows a report is asked for. */
struct asked {
    const char *foreign; /* of one request alone; NULL: of all */
    uint64_t from_s;
};

static bool reports(const struct asked *asked, const struct certificate *certificate)
{
    if (model.orders[certificate->order].login != asking || certificate->reported_ms > world_true_ms())
        return false;
    return asked->foreign ? strcmp(asked->foreign, certificate->foreign) == 0 : certificate->asked_ms / 1000 >= asked->from_s;
}

static char *report(const struct sectigo_form *form)
{
    const char *first = sectigo_form_get(form, "firstResultNo"), *last = sectigo_form_get(form, "lastResultNo");
    unsigned from = first ? (unsigned)atoi(first) : 1, to = last ? (unsigned)atoi(last) : UINT32_MAX, all = 0, found = 0;
    const char *since = sectigo_form_get(form, "notBefore");
    struct asked asked = {sectigo_form_get(form, "foreignOrderNumber"), since ? strtoull(since, NULL, 10) : 0};
    struct sectigo_form reply = good(0);
    for (unsigned i = 0; i < model.certificate_count; i++)
        all += reports(&asked, model.certificates[i]);
    sectigo_form_addf(&reply, "noOfResults", "%u", all);
    struct page page = {.text = answer(&reply)};
    for (unsigned i = 0; found < to && i < model.certificate_count; i++)
        if (reports(&asked, model.certificates[i]) && ++found >= from)
            page_add(&page, found - from + 1, model.certificates[i], false);
    return page.text;
}

/* ---- what changes ---- */

/* Whether the gateway's store has a certificate of it. */
static bool is_delivered(const struct order *order)
{
    struct store_txn *txn;
    bool delivered = false;
    if (!process.is_up || store_read(process.store, &txn) != STORE_OK)
        return false;
    for (unsigned i = order->first; i < model.certificate_count; i++) {
        const struct certificate *one = model.certificates[i];
        uint8_t serial[ACME_SERIAL_MAX];
        size_t len;
        if (one->order == (unsigned)(order - model.orders) && one->pem &&
            OPENSSL_hexstr2buf_ex(serial, sizeof serial, &len, one->serial, '\0') == 1)
            delivered = delivered || acme_certificate_serial_taken(txn, serial, len) == STORE_OK;
    }
    store_read_end(txn);
    return delivered;
}

void model_leaves(enum sectigo_call_kind kind, const struct sectigo_form *form)
{
    bool ends = kind == SECTIGO_AUTO_REJECT || kind == SECTIGO_AUTO_REFUND;
    const struct order *order = ends ? find_order(sectigo_form_get(form, "orderNumber")) : NULL;
    if (order && is_delivered(order))
        wrong("%s of order %s, which serves certificates", sectigo_call_info(kind)->name, order->number);
}

static char *end(enum sectigo_call_kind kind, const struct sectigo_form *form)
{
    struct order *order = find_order(sectigo_form_get(form, "orderNumber"));
    struct sectigo_form reply = good(0);
    if (!order)
        return refuse(-4, "The value of the 'orderNumber' argument is invalid!");
    if (kind == SECTIGO_AUTO_REFUND)
        order->refunded = true;
    else if (model.certificates[order->first]->state == ISSUED)
        return refuse(-4, "The certificate is issued!");
    else
        model.certificates[order->first]->state = REJECTED;
    order->rejected = true;
    return answer(&reply);
}

/* ---- revocation ---- */

static struct certificate *by_serial(const char *serial)
{
    for (unsigned i = 0; serial && i < model.certificate_count; i++)
        if (model.certificates[i]->pem && strcasecmp(model.certificates[i]->serial, serial) == 0)
            return model.certificates[i];
    return NULL;
}

/* By the serial number or certificate ID of one that somebody wants revoked, and by nothing else: an order number would
 * end the whole order. */
static char *revoke(const struct sectigo_form *form)
{
    const char *id = sectigo_form_get(form, "certificateID");
    struct certificate *certificate = by_serial(sectigo_form_get(form, "serialNumber"));
    if (!certificate && id)
        certificate = find_certificate(form);
    if (sectigo_form_get(form, "orderNumber") || !certificate)
        wrong("AutoRevokeSSL names no certificate of ours: %s", sectigo_form_get(form, "serialNumber"));
    else if (certificate->to_be_revoked_ms == 0)
        wrong("AutoRevokeSSL of certificate %u, which nobody wants revoked", model_id(certificate));
    if (certificate && certificate->state == REVOKED)
        return refuse(-21, "The certificate has already been revoked!");
    if (certificate)
        certificate->state = REVOKED;
    struct sectigo_form reply = good(0);
    return answer(&reply);
}

void model_revocation_asked(const char *serial)
{
    struct certificate *certificate = by_serial(serial);
    if (certificate && certificate->to_be_revoked_ms == 0)
        certificate->to_be_revoked_ms = world_ms();
}

void model_restored(uint64_t copied_ms)
{
    for (unsigned i = 0; i < model.certificate_count; i++) {
        struct certificate *certificate = model.certificates[i];
        certificate->forgotten = certificate->forgotten || certificate->to_be_revoked_ms >= copied_ms;
    }
}

bool model_is_revoked(const char *serial)
{
    const struct certificate *certificate = by_serial(serial);
    return certificate && certificate->state == REVOKED;
}

bool model_give(const char *serial, const char *foreign)
{
    struct certificate *certificate = by_serial(serial);
    if (!certificate)
        return false;
    if (!certificate->owner[0])
        snprintf(certificate->owner, sizeof certificate->owner, "%s", foreign);
    return strcmp(certificate->owner, foreign) == 0;
}

const char *model_any_serial(void)
{
    unsigned any = model.certificate_count ? chance_below(model.certificate_count) : 0;
    return any < model.certificate_count && model.certificates[any]->pem ? model.certificates[any]->serial : NULL;
}

bool model_is_request_of(const char *foreign, const char *number, const char *certificate_id)
{
    unsigned order = number[0] ? (unsigned)(strtol(number, NULL, 10) - FIRST_ORDER) : UINT_MAX;
    unsigned index = certificate_id[0] ? (unsigned)(strtol(certificate_id, NULL, 10) - FIRST_CERTIFICATE) : UINT_MAX;
    bool in_family = number[0] == '\0', is_it = certificate_id[0] == '\0';
    for (unsigned i = 0; i < model.certificate_count; i++) {
        const struct certificate *one = model.certificates[i];
        bool same = strcmp(one->foreign, foreign) == 0;
        in_family = in_family || (same && one->order == order);
        is_it = is_it || (same && one->index == index);
    }
    return in_family && is_it;
}

static bool is_overdue(const struct certificate *certificate)
{
    return certificate->to_be_revoked_ms > 0 && !certificate->forgotten &&
           world_ms() > certificate->to_be_revoked_ms + 2 * DAY_MS &&
           certificate->state == ISSUED && certificate->not_after_s * 1000 > (int64_t)world_true_ms();
}

void model_check_revocations(void)
{
    for (unsigned i = 0; i < model.certificate_count; i++)
        if (is_overdue(model.certificates[i]))
            wrong("certificate %u was to be revoked, and is not", model_id(model.certificates[i]));
}

/* ---- what changes nothing ---- */

static char *look_anew(enum sectigo_call_kind kind, const struct sectigo_form *form)
{
    struct certificate *certificate = find_certificate(form);
    struct sectigo_form reply = good(0);
    if (kind == SECTIGO_RETRY_CAA_CHECK && certificate && certificate->state == CAA_FAILED) {
        certificate->state = WAITING;
        issuing_look(certificate, MINUTE_MS);
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
    if (model.order_count == 0 || !process.is_up || store_read(process.store, &txn) != STORE_OK)
        return false;
    const struct order *order = &model.orders[chance_below(model.order_count)];
    snprintf(id, sizeof id, "%u", FIRST_CERTIFICATE + order->newest);
    bool known = store_get(txn, ISSUE_BY_ORDER_NUMBER, order->number, strlen(order->number), &owner) == STORE_OK &&
                 store_get(txn, ISSUE_BY_CERTIFICATE_ID, id, strlen(id), &owner) == STORE_OK;
    store_read_end(txn);
    *sold = (struct sold){
        .number = order->number,
        .certificate_id = id,
        .certificate = issuing_like(model.certificates[asked ? asked->newest : order->newest])};
    return known;
}

void model_visit(model_visit_fn *visit, void *ctx)
{
    for (unsigned i = 0; i < model.order_count; i++) {
        const struct certificate *first = model.certificates[model.orders[i].first];
        struct sold sold = {.number = model.orders[i].number,
                            .foreign_order_number = first->foreign,
                            .set = first->csr->set,
                            .over = model.orders[i].rejected || model.orders[i].refunded || model.orders[i].over};
        visit(ctx, &sold);
    }
}
