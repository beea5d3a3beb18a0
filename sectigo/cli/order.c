/* apply and replace: AutoApplyOrder and AutoReplaceSSL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/cli/command.h"
#include "sectigo/cli/exchange.h"
#include "sectigo/cli/request.h"
#include "sectigo/cli/show.h"
#include "sectigo/cli/collect.h"
#include "sectigo/dcv.h"
#include "sectigo/product.h"

static const char *given_to_order(const struct session *session, const char *name)
{
    const char *value = sectigo_form_get(&session->form, name);
    return value && *value ? value : NULL;
}

static bool is_yes(const struct session *session, const char *name)
{
    const char *value = given_to_order(session, name);
    return value && strcasecmp(value, "Y") == 0;
}

/* ---- answers ---- */

/* Domain control by a hash: what has to be published is known only now, where Sectigo chose the uniqueValue. */
static void tell_control(const struct session *session, const struct sectigo_order_answer *order)
{
    const char *method = given_to_order(session, "dcvMethod"), *tokens = given_to_order(session, "validationTokens");
    bool hashed = (method && strcasestr(method, "CSR_HASH")) || (tokens && strcasestr(tokens, "CSRHASH"));

    if (!hashed || session->settings.json || !session->csr_file)
        return;
    fputs("What proves control of a name: sectigo token", stderr);
    request_put_option(stderr, "csr", session->csr_file);
    if (*order->unique_value)
        request_put_option(stderr, "uniqueValue", order->unique_value);
    fputs(" --name NAME\n", stderr);
}

static json_t *order_json(const struct session *session, const struct sectigo_order_answer *order,
                          enum outcome *outcome)
{
    json_t *json = outcome_begin(session, order->code, order->message, outcome);

    put_text(json, "orderNumber", order->order_number);
    put_text(json, "certificateID", order->certificate_id);
    put_text(json, "certificateStatus", order->certificate_status);
    if (order->has_cost)
        put_cents(json, "totalCost", order->cost_cents);
    if (order->code == 1)
        put_text(json, "payment", "required");
    put_text(json, "uniqueValue", order->unique_value);
    put_text(json, "siteLockUserID", order->site.user_id);
    put_text(json, "siteLockSiteID", order->site.site_id);
    put_text(json, "foreignOrderNumber", given_to_order(session, "foreignOrderNumber"));
    return json;
}

static bool read_cart(const struct session *session, struct sectigo_cart *cart)
{
    const char *product = given_to_order(session, "product");
    char reason[SECTIGO_MESSAGE_MAX];
    int code;

    return product && sectigo_cart_parse(product, cart, &code, reason);
}

/* What was asked for, of what the order can have: a licence has no certificate. */
static struct sectigo_order_flags flags_of(const struct session *session)
{
    const char *format = given_to_order(session, "responseFormat");
    struct sectigo_cart cart = {0};
    bool certificate = !read_cart(session, &cart) || cart.certificate;

    return (struct sectigo_order_flags){
        .url_encoded = format && strcmp(format, "1") == 0,
        .certificate_id = certificate && is_yes(session, "showCertificateID"),
        .certificate_state = certificate && is_yes(session, "showCertificateState"),
        .sitelock = (cart.families & (SECTIGO_SITELOCK | SECTIGO_SITELOCK_ADDON)) != 0,
    };
}

/* What to do about an order that answers 1. */
static void tell_payment(const struct session *session, const struct sectigo_order_answer *order)
{
    if (order->code != 1 || session->settings.json)
        return;
    char *line = request_command_line(session, "authorize", "orderNumber", order->order_number);
    fprintf(stderr, "The order waits for its payment, which takes it from the account:\n    %s\n",
            line ? line : "sectigo authorize --orderNumber");
    free(line);
}

static bool answer_order_call(struct session *session, const char *body, size_t len, enum outcome *outcome)
{
    const struct sectigo_order_flags flags = flags_of(session);
    struct sectigo_order_answer order;

    if (!sectigo_parse_order(session->command->call, body, len, &flags, &order))
        return false;
    json_t *json = order_json(session, &order, outcome);
    if (!show(session, json, NULL, *outcome)) {
        *outcome = OUTCOME_LOCAL;
        return true;
    }
    if (*outcome != OUTCOME_DONE)
        return true;
    memcpy(session->order_number, order.order_number, sizeof session->order_number);
    memcpy(session->certificate_id, order.certificate_id, sizeof session->certificate_id);
    tell_control(session, &order);
    tell_payment(session, &order);
    return true;
}

static enum outcome run_and_wait(struct session *session)
{
    const char *number = given_to_order(session, "orderNumber");
    enum outcome outcome = exchange_run(session);

    if (outcome != OUTCOME_DONE || !session->settings.wait || session->settings.dry_run)
        return outcome;
    /* Replacements are told by their certificate; without its ID the family's order number finds the newest. */
    if (!*session->order_number && number)
        snprintf(session->order_number, sizeof session->order_number, "%s", number);
    return collect_placed(session);
}

/* ---- apply ---- */

static const struct preset apply_presets[] = {
    {"responseFormat", "1", PRESET_DEFAULT},
    {"showCertificateID", "Y", PRESET_DEFAULT},
    {"checkFONIsUnique", "Y", PRESET_ALWAYS}, /* a repeat must not buy twice */
    {0},
};

/* What the reference wants of every SSL certificate, and has one sensible value for. */
static const struct preset certificate_presets[] = {
    {"serverSoftware", "-1", PRESET_DEFAULT},
    {"isCustomerValidated", "N", PRESET_DEFAULT},
    {0},
};

static bool make_foreign_order_number(struct session *session)
{
    char unique[SECTIGO_UNIQUE_VALUE_MAX + 1];

    const char *own = sectigo_form_get(&session->form, "foreignOrderNumber");

    if (own) {
        if (*own && !strpbrk(own, ", \t\r\n"))
            return true;
        complain(session,
                 "--foreignOrderNumber \"%.64s\" could not be looked up again: it must be one word without "
                 "commas (leave it out and one is made)",
                 own);
        return false;
    }
    if (!sectigo_unique_value_make(unique)) {
        complain(session, "no random numbers can be had for a foreignOrderNumber");
        return false;
    }
    sectigo_form_addf(&session->form, "foreignOrderNumber", "cli-%s", unique);
    return true;
}

static bool prepare_apply(struct session *session)
{
    const char *product = given_to_order(session, "product");
    struct sectigo_cart cart;

    /* What is wrong with the product is said by the check that follows. */
    bool certificate = read_cart(session, &cart) && cart.certificate;
    if (certificate && !exchange_add_presets(session, certificate_presets, &session->form))
        return false;
    if (session->settings.wait && product && !certificate) {
        complain(session, "--wait is for SSL certificates: product %.64s has none to collect", product);
        return false;
    }
    return make_foreign_order_number(session);
}

static char *question_apply(const struct session *session)
{
    char *text = NULL;
    struct sectigo_cart cart;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);

    if (!stream)
        return NULL;
    fputs(is_yes(session, "test") ? "Place a test order for " : "Buy ", stream);
    if (read_cart(session, &cart))
        for (size_t i = 0; i < cart.count; i++)
            fprintf(stream, "%s%s", i > 0 ? " and " : "", cart.items[i]->name);
    fprintf(stream, " (%s)", given_to_order(session, "product"));
    if (given_to_order(session, "days"))
        fprintf(stream, " for %s days", given_to_order(session, "days"));
    fprintf(stream, " at %s%s%s? ", session->settings.url, session->settings.login ? " as " : "",
            session->settings.login ? session->settings.login : "");
    fputs(is_yes(session, "test") ? "Nothing is charged." : "The account is charged.", stream);
    if (fclose(stream) == 0)
        return text;
    free(text);
    return NULL;
}

static void advise_apply(const struct session *session)
{
    const char *foreign = given_to_order(session, "foreignOrderNumber");
    char *line = request_command_line(session, "report", "foreignOrderNumber", foreign);

    fprintf(stderr,
            "The order may have been placed and paid. Do not order again; look first whether it is there:\n"
            "    %s\n"
            "An earlier order of the same request is found by its name: sectigo report --fqdn NAME.\n"
            "Where it still is not there after 15 minutes, the same command with --foreignOrderNumber %s may be given "
            "again: Sectigo takes a number once.\n",
            line ? line : "sectigo report --foreignOrderNumber", foreign);
    free(line);
}

const struct command apply_command = {
    .name = "apply",
    .summary = "order a certificate or another product (AutoApplyOrder)",
    .call = SECTIGO_AUTO_APPLY_ORDER,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN | OPTIONS_ASK | OPTIONS_WAIT,
    .presets = apply_presets,
    .run = run_and_wait,
    .prepare = prepare_apply,
    .answer = answer_order_call,
    .question = question_apply,
    .advise = advise_apply,
};

/* ---- replace ---- */

static const struct preset replace_presets[] = {
    {"responseFormat", "1", PRESET_DEFAULT},
    {"showCertificateID", "Y", PRESET_DEFAULT},
    {0},
};

static void advise_replace(const struct session *session)
{
    char *line = request_command_line(session, "status", "orderNumber", given_to_order(session, "orderNumber"));

    fprintf(stderr, "The replacement may have been made. Look first whether it is there:\n    %s\n",
            line ? line : "sectigo status --orderNumber");
    free(line);
}

const struct command replace_command = {
    .name = "replace",
    .summary = "have an order's certificate issued anew, free of charge (AutoReplaceSSL)",
    .call = SECTIGO_AUTO_REPLACE_SSL,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN | OPTIONS_WAIT,
    .presets = replace_presets,
    .run = run_and_wait,
    .answer = answer_order_call,
    .advise = advise_replace,
};
