#include "sectigo/sectigo.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/organization.h"
#include "sectigo/reply.h"
#include "sectigo/value.h"

enum { ORDERS_MAX = 5000, CERTIFICATES_MAX = 200 };

enum kind { TEXT, SECONDS, NUMBER, STATUS, CERTIFICATE_ID };

#define FIELD(kind, member) kind, offsetof(struct sectigo_report_certificate, member)

/* The keys of both calls: GetDetailedOrderStatus (reference 8) and WebHostReport (notes 2.7). */
static const struct {
    const char *name;
    enum kind kind;
    size_t offset;
} fields[] = {
    {"objectType", FIELD(TEXT, type)},
    {"type", FIELD(TEXT, type)},
    {"FQDN", FIELD(TEXT, names)},
    {"domain", FIELD(TEXT, names)},
    {"certificateStatus", FIELD(TEXT, status)},
    {"status", FIELD(TEXT, status)},
    {"certificateStatusReason", FIELD(TEXT, reason)},
    {"statusReason", FIELD(TEXT, reason)},
    {"serialNumber", FIELD(TEXT, serial_number)},
    {"certificateID", FIELD(CERTIFICATE_ID, certificate_id)},
    {"notBefore", FIELD(SECONDS, not_before_s)},
    {"notAfter", FIELD(SECONDS, not_after_s)},
    {"product", FIELD(NUMBER, product)},
    {"days", FIELD(NUMBER, days)},
    {"csrStatus", FIELD(STATUS, csr_status)},
    {"dcvStatus", FIELD(STATUS, dcv_status)},
    {"caaStatus", FIELD(STATUS, caa_status)},
    {"ovCallBackStatus", FIELD(STATUS, ov_callback_status)},
    {"organizationValidationStatus", FIELD(STATUS, organization_status)},
    {"freeDVUPStatus", FIELD(STATUS, free_dv_up_status)},
    {"evClickThroughStatus", FIELD(STATUS, ev_click_through_status)},
};
enum { FIELDS = sizeof fields / sizeof *fields };

/* Orders and certificates in order of appearance, with the indexes that their keys carry. */
struct reader {
    struct sectigo_report_answer *answer;
    unsigned *order_index;        /* of answer->orders */
    unsigned **certificate_index; /* of each order's certificates */
    size_t capacity;
    bool failed;
};

static bool replace_text(char **slot, const char *value)
{
    bool failed = false;

    free(*slot);
    *slot = sectigo_value_dup(value, &failed);
    return !failed;
}

static bool grow_orders(struct reader *reader)
{
    size_t capacity = reader->capacity ? reader->capacity * 2 : 16;

    if (reader->answer->order_count < reader->capacity)
        return true;
    struct sectigo_report_order *orders = realloc(reader->answer->orders, capacity * sizeof *orders);
    if (orders)
        reader->answer->orders = orders;
    unsigned *order_index = realloc(reader->order_index, capacity * sizeof *order_index);
    if (order_index)
        reader->order_index = order_index;
    unsigned **certificate_index = realloc(reader->certificate_index, capacity * sizeof *certificate_index);
    if (certificate_index)
        reader->certificate_index = certificate_index;
    if (!orders || !order_index || !certificate_index)
        return false;
    reader->capacity = capacity;
    return true;
}

/* The last order is the likely one, so the search goes backwards. NULL: too many, or out of memory. */
static struct sectigo_report_order *order_at(struct reader *reader, unsigned index)
{
    struct sectigo_report_answer *answer = reader->answer;

    for (size_t i = answer->order_count; i-- > 0;)
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is one where an order is */
        if (reader->order_index[i] == index)
            return &answer->orders[i];
    if (answer->order_count == ORDERS_MAX || !grow_orders(reader))
        return NULL;
    reader->order_index[answer->order_count] = index;
    reader->certificate_index[answer->order_count] = NULL;
    memset(&answer->orders[answer->order_count], 0, sizeof *answer->orders);
    return &answer->orders[answer->order_count++];
}

static struct sectigo_report_certificate *certificate_at(struct reader *reader, struct sectigo_report_order *order,
                                                         unsigned index)
{
    unsigned **indexes = &reader->certificate_index[order - reader->answer->orders];
    size_t count = order->certificate_count;

    for (size_t i = count; i-- > 0;)
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is one where a certificate is */
        if ((*indexes)[i] == index)
            return &order->certificates[i];
    if (count == CERTIFICATES_MAX)
        return NULL;
    struct sectigo_report_certificate *certificates = realloc(order->certificates, (count + 1) * sizeof *certificates);
    if (certificates)
        order->certificates = certificates;
    unsigned *grown = realloc(*indexes, (count + 1) * sizeof *grown);
    if (grown)
        *indexes = grown;
    if (!certificates || !grown)
        return NULL;
    grown[count] = index;
    certificates[count] = (struct sectigo_report_certificate){
        .csr_status = -2,
        .dcv_status = -2,
        .caa_status = -2,
        .ov_callback_status = -2,
        .organization_status = -2,
        .free_dv_up_status = -2,
        .ev_click_through_status = -2,
    };
    return &certificates[order->certificate_count++];
}

static bool set_field(struct sectigo_report_certificate *certificate, size_t field, const char *value)
{
    void *slot = (char *)certificate + fields[field].offset;

    switch (fields[field].kind) {
    case TEXT:
        return replace_text(slot, value);
    case SECONDS:
        sectigo_value_seconds(value, slot);
        return true;
    case NUMBER:
        if (!sectigo_value_int(value, slot) || *(int *)slot < 0)
            *(int *)slot = 0;
        return true;
    case STATUS:
        *(int *)slot = sectigo_value_status(value);
        return true;
    case CERTIFICATE_ID:
        sectigo_value_certificate_id(value, slot);
        return true;
    }
    return false;
}

static bool read_certificate(struct reader *reader, unsigned order_index, unsigned index, const char *name,
                             const char *value)
{
    struct sectigo_report_order *order = order_at(reader, order_index);
    struct sectigo_report_certificate *certificate = order ? certificate_at(reader, order, index) : NULL;

    if (!certificate)
        return false;
    for (size_t i = 0; i < FIELDS; i++)
        if (strcasecmp(name, fields[i].name) == 0)
            return set_field(certificate, i, value);
    return true; /* a key of later versions */
}

static bool read_order(struct reader *reader, unsigned index, const char *name, const char *value)
{
    struct sectigo_report_order *order = order_at(reader, index);

    if (!order)
        return false;
    if (strcasecmp(name, "orderNumber") == 0)
        return sectigo_value_order_number(value, order->order_number);
    if (strcasecmp(name, "orderStatus") == 0)
        return replace_text(&order->status, value);
    if (strcasecmp(name, "orderStatusReason") == 0)
        return replace_text(&order->reason, value);
    if (strcasecmp(name, "dateTime") == 0 || strcasecmp(name, "orderDateTime") == 0) {
        sectigo_value_seconds(value, &order->ordered_s);
        return true;
    }
    if (strcasecmp(name, "foreignOrderNumber") == 0) {
        if (strlen(value) < sizeof order->foreign_order_number)
            sectigo_value_text(value, order->foreign_order_number, sizeof order->foreign_order_number);
        return true;
    }
    return sectigo_organization_read(order, name, value, 0);
}

static bool read_all(struct reader *reader, const struct sectigo_form *form)
{
    for (size_t i = 0; i < form->count; i++) {
        unsigned first, second;
        const char *name = sectigo_reply_indexes(form->params[i].name, &first, &second);
        const char *value = form->params[i].value;

        if (!name || (second && !read_certificate(reader, first, second, name, value)) ||
            (first && !second && !read_order(reader, first, name, value)))
            return false;
    }
    return true;
}

static bool every_order_numbered(const struct sectigo_report_answer *answer)
{
    for (size_t i = 0; i < answer->order_count; i++)
        if (!*answer->orders[i].order_number)
            return false;
    return true;
}

/* noOfResults tells that the list is there, and whole. */
static bool read_count(enum sectigo_call_kind call, const struct sectigo_form *form,
                       struct sectigo_report_answer *answer)
{
    const char *text = sectigo_form_get(form, "noOfResults");
    int count;

    if (!text && call == SECTIGO_WEB_HOST_REPORT)
        return false;
    if (!text) {
        answer->result_count = answer->order_count;
        return answer->order_count > 0;
    }
    if (!sectigo_value_int(text, &count) || count < 0)
        return false;
    answer->result_count = (uint64_t)count;
    return count == 0 || answer->order_count > 0;
}

static void free_reader(struct reader *reader)
{
    for (size_t i = 0; i < reader->answer->order_count; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is one where an order is */
        free(reader->certificate_index[i]);
    free(reader->certificate_index);
    free(reader->order_index);
}

bool sectigo_parse_report(enum sectigo_call_kind call, const char *body, size_t len,
                          struct sectigo_report_answer *answer)
{
    struct reader reader = {.answer = answer};
    struct sectigo_reply reply;

    memset(answer, 0, sizeof *answer);
    bool ok = sectigo_reply_open(call, body, len, &reply);
    if (ok) {
        answer->code = reply.code;
        memcpy(answer->message, reply.message, sizeof answer->message);
    }
    if (ok && reply.code >= 0)
        ok = read_all(&reader, &reply.form) && every_order_numbered(answer) && read_count(call, &reply.form, answer);
    free_reader(&reader);
    sectigo_reply_clear(&reply);
    if (!ok)
        sectigo_report_clear(answer);
    return ok;
}

static void clear_certificate(struct sectigo_report_certificate *certificate)
{
    free(certificate->type);
    free(certificate->names);
    free(certificate->status);
    free(certificate->reason);
    free(certificate->serial_number);
}

void sectigo_report_clear(struct sectigo_report_answer *answer)
{
    for (size_t i = 0; i < answer->order_count; i++) {
        struct sectigo_report_order *order = &answer->orders[i];

        for (size_t j = 0; j < order->certificate_count; j++)
            clear_certificate(&order->certificates[j]);
        free(order->certificates);
        free(order->status);
        free(order->reason);
        sectigo_organization_clear(order);
    }
    free(answer->orders);
    memset(answer, 0, sizeof *answer);
}
