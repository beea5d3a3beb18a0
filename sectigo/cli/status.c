/* status and report: GetDetailedOrderStatus and WebHostReport. */
#include "sectigo/cli/command.h"
#include "sectigo/cli/exchange.h"
#include "sectigo/cli/show.h"

static void add_certificate(json_t *list, const struct sectigo_report_certificate *certificate)
{
    json_t *json = json_object();

    put_text(json, "certificateID", certificate->certificate_id);
    put_text(json, "type", certificate->type);
    put_text(json, "names", certificate->names);
    put_text(json, "certificateStatus", certificate->status);
    put_text(json, "certificateStatusReason", certificate->reason);
    put_text(json, "serialNumber", certificate->serial_number);
    put_time(json, "notBefore", certificate->not_before_s);
    put_time(json, "notAfter", certificate->not_after_s);
    put_status(json, "csrStatus", certificate->csr_status);
    put_status(json, "dcvStatus", certificate->dcv_status);
    put_status(json, "caaStatus", certificate->caa_status);
    put_status(json, "ovCallBackStatus", certificate->ov_callback_status);
    put_status(json, "organizationValidationStatus", certificate->organization_status);
    put_status(json, "freeDVUPStatus", certificate->free_dv_up_status);
    put_status(json, "evClickThroughStatus", certificate->ev_click_through_status);
    json_array_append_new(list, json);
}

static void add_organization(json_t *list, const struct sectigo_organization *organization)
{
    json_t *json = json_object();

    put_text(json, "organizationName", organization->name);
    put_text(json, "streetAddress", organization->street);
    put_text(json, "localityName", organization->locality);
    put_text(json, "stateOrProvinceName", organization->state);
    put_text(json, "postalCode", organization->postal_code);
    put_text(json, "countryName", organization->country);
    put_text(json, "dunsNumber", organization->duns_number);
    put_text(json, "telephoneNumber", organization->telephone);
    json_array_append_new(list, json);
}

static void add_order(json_t *list, const struct sectigo_report_order *order)
{
    json_t *json = json_object(), *certificates, *organizations;

    put_text(json, "orderNumber", order->order_number);
    put_text(json, "foreignOrderNumber", order->foreign_order_number);
    put_time(json, "orderDateTime", order->ordered_s);
    put_text(json, "orderStatus", order->status);
    put_text(json, "orderStatusReason", order->reason);
    put_text(json, "suggestedOrgDetails", order->suggested_status);
    certificates = put_array(json, "certificates");
    for (size_t i = 0; i < order->certificate_count; i++)
        add_certificate(certificates, &order->certificates[i]);
    organizations = put_array(json, "organizations");
    for (size_t i = 0; i < order->organization_count; i++)
        add_organization(organizations, &order->organizations[i]);
    json_array_append_new(list, json);
}

static bool show_orders(const struct session *session, const char *body, size_t len, const struct show_table *table,
                        enum outcome *outcome)
{
    struct sectigo_report_answer report;

    if (!sectigo_parse_report(session->command->call, body, len, &report))
        return false;
    json_t *json = outcome_begin(session, report.code, report.message, outcome);
    if (report.code >= 0) {
        json_t *orders;
        put_number(json, "noOfResults", (int64_t)report.result_count);
        orders = put_array(json, "orders");
        for (size_t i = 0; i < report.order_count; i++)
            add_order(orders, &report.orders[i]);
    }
    if (!show(session, json, table, *outcome))
        *outcome = OUTCOME_LOCAL;
    sectigo_report_clear(&report);
    return true;
}

/* ---- status ---- */

static const struct preset status_presets[] = {
    {"queryType", "2", PRESET_DEFAULT},
    {"responseFormat", "1", PRESET_UNSENT},
    {0},
};

static bool answer_status(struct session *session, const char *body, size_t len, enum outcome *outcome)
{
    return show_orders(session, body, len, NULL, outcome);
}

const struct command status_command = {
    .name = "status",
    .summary = "how far an order and its replacements are (GetDetailedOrderStatus)",
    .call = SECTIGO_GET_DETAILED_ORDER_STATUS,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN,
    .presets = status_presets,
    .run = exchange_run,
    .answer = answer_status,
};

/* ---- report ---- */

static bool answer_report(struct session *session, const char *body, size_t len, enum outcome *outcome)
{
    static const char *const columns[] = {"orderNumber", "foreignOrderNumber", "orderDateTime",
                                          "orderStatus", "certificateID",      "notAfter",
                                          "names",       "csrStatus",          "dcvStatus",
                                          "caaStatus",   "ovCallBackStatus",   "organizationValidationStatus",
                                          NULL};
    static const struct show_table table = {"orders", "certificates", columns};

    return show_orders(session, body, len, &table, outcome);
}

const struct command report_command = {
    .name = "report",
    .summary = "list orders by number, name, date or the number you gave them (WebHostReport)",
    .call = SECTIGO_WEB_HOST_REPORT,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN,
    .run = exchange_run,
    .answer = answer_report,
};
