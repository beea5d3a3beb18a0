/* Domain control after the order: AutoUpdateDCV, GetMDCDomainDetails, ResendDCVEmail, GetDCVEmailAddressList,
 * RetryCAACheck (notes 2.3 to 2.6, 2.11). */
#include <ctype.h>
#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/dcv.h"
#include "sectigo/sandbox/call.h"
#include "sectigo/sandbox/progress.h"

enum { CAA_PAUSE_MS = 600000 };

static const char *given_argument(const struct call *call, const char *name)
{
    const char *value = sectigo_form_get(call->form, name);
    return value && *value ? value : NULL;
}

static struct domain *find_domain(const struct order *order, const char *name)
{
    for (size_t i = 0; i < order->domains.count; i++) {
        if (strcasecmp(order_domain(order, i)->name, name) == 0)
            return order_domain(order, i);
    }
    return NULL;
}

/* The n-th part of a list, "" behind its end. */
static void part_of(const char *list, size_t n, char *out, size_t size)
{
    static const char separators[] = ", \t\r\n";
    out[0] = 0;
    for (list = list ? list + strspn(list, separators) : NULL; list && *list; n--) {
        size_t len = strcspn(list, separators);
        if (n == 0) {
            snprintf(out, size, "%.*s", (int)len, list);
            return;
        }
        list += len;
        list += strspn(list, separators);
    }
}

/* The change as it is asked for, and the argument that a refusal names. */
struct change {
    const char *method, *email; /* email NULL: not given */
    const char *argument;
};

/* -47 where it is validated already. */
static int update(struct domain *domain, struct change *change, bool list)
{
    enum sectigo_dcv_method method;
    bool known = sectigo_dcv_method_read(change->method, &method) && method != SECTIGO_DCV_IP_ADDRESS;
    if (!known || !sectigo_dcv_method_fits(method, domain->name)) {
        change->argument = list ? "newMethods" : "newMethod";
        return -4;
    }
    if (domain->validated)
        return -47;
    if (method == SECTIGO_DCV_EMAIL && change->email && !sectigo_dcv_email_fits(change->email, domain->name)) {
        change->argument = list ? "newDCVEmailAddresses" : "newDCVEmailAddress";
        return -4;
    }
    return text_set(&domain->method, sectigo_dcv_method_name(method)) &&
                   (!change->email || text_set(&domain->email, change->email))
               ? 0
               : -14;
}

static int update_list(const struct call *call, const struct order *order, const char **argument)
{
    const char *names = given_argument(call, "domainNames"), *methods = given_argument(call, "newMethods");
    char name[300], method[40], email[300];
    struct change change = {.method = method, .argument = *argument};
    int worst = 0, done = 0;
    for (size_t n = 0;; n++) {
        struct domain *domain;
        int code;
        part_of(names, n, name, sizeof name);
        if (!*name)
            break;
        part_of(methods, n, method, sizeof method);
        part_of(given_argument(call, "newDCVEmailAddresses"), n, email, sizeof email);
        change.email = *email ? email : NULL;
        domain = find_domain(order, name);
        code = domain ? update(domain, &change, true) : -4;
        done += code == 0;
        worst = code ? code : worst;
    }
    *argument = change.argument;
    return done ? 0 : worst;
}

/* One name, or all of them where none is given. */
static int update_named(const struct call *call, const struct order *order, const char **argument)
{
    const char *name = given_argument(call, "domainName");
    struct change change = {.method = given_argument(call, "newMethod"),
                            .email = given_argument(call, "newDCVEmailAddress"),
                            .argument = *argument};
    struct domain *domain = name ? find_domain(order, name) : NULL;
    int code = name ? -4 : -47, done = 0;
    if (domain)
        code = update(domain, &change, false);
    for (size_t i = 0; !name && i < order->domains.count; i++) {
        int result = update(order_domain(order, i), &change, false);
        done += result == 0;
        code = result != -47 ? result : code;
    }
    *argument = change.argument;
    return done ? 0 : code;
}

void call_update_dcv(struct call *call)
{
    struct order *order = call_find_order(call);
    bool list = given_argument(call, "domainNames") != NULL;
    const char *argument;
    int code;
    if (!order)
        return;
    if (!given_argument(call, list ? "newMethods" : "newMethod")) {
        answer_refuse_argument(call->answer, -3, list ? "newMethods" : "newMethod");
        return;
    }
    if (!list && strcasecmp(given_argument(call, "newMethod"), "EMAIL") == 0 &&
        !given_argument(call, "newDCVEmailAddress")) {
        answer_refuse_argument(call->answer, -3, "newDCVEmailAddress");
        return;
    }
    argument = list ? "domainNames" : "domainName";
    code = list ? update_list(call, order, &argument) : update_named(call, order, &argument);
    if (code == -4)
        answer_refuse_argument(call->answer, -4, argument);
    else if (code == -47)
        answer_refuse(call->answer, -47, "domainName is already validated!");
    else if (code)
        answer_refuse_as(call->answer, call->kind, code);
    if (code)
        return;
    answer_code(call->answer, 0);
    call->answer->accepted = true;
    book_save(&call->sandbox->book, order);
    if (order->state == ORDER_PENDING)
        progress_look(call->sandbox, order);
}

static json_t *details_json(const struct order *order)
{
    json_t *domains = json_array();
    for (size_t i = 0; i < order->domains.count; i++) {
        const struct domain *domain = order_domain(order, i);
        json_array_append_new(domains,
                              json_pack("{s:s, s:s, s:s}", "domainName", domain->name, "dcvMethod", domain->method,
                                        "dcvStatus", domain->validated ? "Validated" : "Awaiting Validation"));
    }
    return json_pack("{s:i, s:o}", "errorCode", 0, "domains", domains);
}

void call_domain_details(struct call *call)
{
    struct order *order = call_find_order(call);
    if (!order)
        return;
    answer_code(call->answer, 0);
    if (argument_number(call->form, "responseFormat", 1) == 2) {
        answer_json(call->answer, 200, details_json(order));
        return;
    }
    for (size_t i = 0; i < order->domains.count; i++) {
        const struct domain *domain = order_domain(order, i);
        char key[40];
        snprintf(key, sizeof key, "%zu_domainName", i + 1);
        answer_add(call->answer, key, domain->name);
        snprintf(key, sizeof key, "%zu_dcvMethod", i + 1);
        answer_add(call->answer, key, domain->method);
        snprintf(key, sizeof key, "%zu_dcvStatus", i + 1);
        answer_add(call->answer, key, domain->validated ? "Validated" : "Awaiting Validation");
        if (argument_yes(call->form, "showStatusDetails") && domain->looked) {
            snprintf(key, sizeof key, "%zu_statusDetails", i + 1);
            answer_add(call->answer, key, domain->looked);
        }
    }
}

/* ---- e-mail ---- */

void call_resend_email(struct call *call)
{
    struct order *order = call_find_order(call);
    const char *address = given_argument(call, "dcvEmailAddress");
    if (!order)
        return;
    for (size_t i = 0; i < order->domains.count; i++) {
        if (sectigo_dcv_email_fits(address, order_domain(order, i)->name)) {
            answer_code(call->answer, 0);
            return;
        }
    }
    answer_refuse_argument(call->answer, -4, "dcvEmailAddress");
}

/* Tab-separated lines, or an object of lists. */
static void list_addresses(struct call *call, const char *name)
{
    const char *base = psl_registrable_domain(psl_builtin(), name);
    const char *levels[] = {base ? base : name, base && strcmp(base, name) != 0 ? name : NULL};
    json_t *addresses = json_array();
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    fprintf(stream, "0\ndomain_name\t%s\nwhois_email\tnone\n", name);
    for (size_t level = 0; level < 2 && levels[level]; level++) {
        for (const char *const *mailbox = sectigo_dcv_mailboxes(); *mailbox; mailbox++) {
            fprintf(stream, "level%zu_email\t%s@%s\n", level + 2, *mailbox, levels[level]);
            json_array_append_new(addresses, json_sprintf("%s@%s", *mailbox, levels[level]));
        }
    }
    fclose(stream);
    if (argument_number(call->form, "responseFormat", 1) == 2)
        answer_json(call->answer, 200,
                    json_pack("{s:i, s:s, s:O}", "errorCode", 0, "domain_name", name, "emailAddresses", addresses));
    else
        answer_text(call->answer, 200, "text/plain", text);
    json_decref(addresses);
    free(text);
}

void call_email_addresses(struct call *call)
{
    const char *name = given_argument(call, "domainName");
    call->answer->newline = true;
    if (name_is_ip(name))
        answer_refuse_as(call->answer, call->kind, -19);
    else if (!name_is_dns(name))
        answer_refuse_argument(call->answer, -4, "domainName");
    else
        list_addresses(call, strncmp(name, "*.", 2) == 0 ? name + 2 : name);
}

/* ---- CAA ---- */

void call_retry_caa(struct call *call)
{
    struct order *order = call_find_order(call);
    if (!order)
        return;
    if (order->caa_relaunched_ms && now_ms() - order->caa_relaunched_ms < CAA_PAUSE_MS) {
        answer_refuse(call->answer, -42, "Call limit reached, please try again later");
        return;
    }
    if (order->state != ORDER_FAILED) {
        answer_refuse(call->answer, -296, "Wrong certificate state");
        return;
    }
    order->caa_relaunched_ms = now_ms();
    order->state = ORDER_PENDING;
    text_set(&order->reason, NULL);
    book_save(&call->sandbox->book, order);
    progress_look(call->sandbox, order);
    answer_code(call->answer, 0);
    answer_add(call->answer, "errorMessage", "CAA Check successfully relaunched");
    call->answer->accepted = true;
}
