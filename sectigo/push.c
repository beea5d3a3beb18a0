#include "sectigo/sectigo.h"

#include <stdio.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "sectigo/pem.h"
#include "sectigo/reply.h"
#include "sectigo/value.h"

static const struct {
    int code;
    enum sectigo_push_status kind;
} statuses[] = {
    {6, SECTIGO_PUSH_ISSUED}, {9, SECTIGO_PUSH_ISSUED}, {8, SECTIGO_PUSH_REVOKED}, {14, SECTIGO_PUSH_REPLACED},
    {12, SECTIGO_PUSH_BRAND}, {3, SECTIGO_PUSH_FAILED}, {5, SECTIGO_PUSH_FAILED},  {7, SECTIGO_PUSH_REJECTED},
};

/* verified and click-through come with any status code of the certificate. */
static enum sectigo_push_status kind_of(const struct sectigo_push *push)
{
    if (strcasecmp(push->event_type, "PreRevocationNotification") == 0)
        return SECTIGO_PUSH_PRE_REVOCATION;
    if (strcasecmp(push->status, "verified") == 0)
        return SECTIGO_PUSH_VERIFIED;
    if (strcasecmp(push->status, "click-through") == 0)
        return SECTIGO_PUSH_CLICK_THROUGH;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].code == push->status_code)
            return statuses[i].kind;
    return SECTIGO_PUSH_OTHER;
}

/* NULL where there is none, or none that can be read: a query is due in either case. */
static char *read_certificates(const struct sectigo_form *form, const char *name)
{
    char *pem = NULL;
    size_t blocks = 0;

    for (size_t i = 0; i < form->count; i++) {
        if (strcasecmp(form->params[i].name, name) != 0 || !*form->params[i].value)
            continue;
        if (!sectigo_pem_append(form->params[i].value, &pem, &blocks)) {
            free(pem);
            return NULL;
        }
    }
    return pem;
}

static void read_text(const struct sectigo_form *form, const char *name, char *out, size_t size)
{
    sectigo_value_text(sectigo_form_get(form, name), out, size);
}

/* "PRE-SIGN FAILED: CAA: Not authorized to issue" -> "CAA: Not authorized to issue". */
static void split_reason(struct sectigo_push *push)
{
    const char *colon = strstr(push->status_desc, ": ");

    if (push->kind == SECTIGO_PUSH_FAILED || push->kind == SECTIGO_PUSH_REJECTED)
        sectigo_value_text(colon ? colon + 2 : NULL, push->reason, sizeof push->reason);
}

static bool read_push(const struct sectigo_form *form, struct sectigo_push *push)
{
    const char *code = sectigo_form_get(form, "statusCode");
    bool failed = false;

    if (code && !sectigo_value_int(code, &push->status_code))
        return false;
    bool numbered = sectigo_value_order_number(sectigo_form_get(form, "orderNumber"), push->order_number);
    bool identified = sectigo_value_certificate_id(sectigo_form_get(form, "certificateID"), push->certificate_id);
    read_text(form, "status", push->status, sizeof push->status);
    read_text(form, "statusDesc", push->status_desc, sizeof push->status_desc);
    read_text(form, "eventType", push->event_type, sizeof push->event_type);
    read_text(form, "verificationCode", push->verification_code, sizeof push->verification_code);
    read_text(form, "revocationReasonCode", push->revocation_reason_code, sizeof push->revocation_reason_code);
    read_text(form, "revocationReasonName", push->revocation_reason, sizeof push->revocation_reason);
    push->certificate = read_certificates(form, "certificate");
    push->ca_certificate = read_certificates(form, "caCertificate");
    push->removed_domains = sectigo_value_dup(sectigo_form_get(form, "removedDomains"), &failed);
    push->kind = kind_of(push);
    split_reason(push);
    return !failed && (numbered || identified) && (code || *push->status || *push->event_type);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Drops blanks at both ends. */
static void trim(const char **text, size_t *len)
{
    while (*len > 0 && is_blank((*text)[*len - 1]))
        --*len;
    for (; *len > 0 && is_blank(**text); --*len)
        ++*text;
}

static void trim_value(char *value)
{
    const char *text = value;
    size_t len = strlen(value);

    trim(&text, &len);
    memmove(value, text, len);
    value[len] = '\0';
}

/* A flat object: its strings and whole numbers become fields; null is none. False for any other value. */
static bool read_json(const char *text, size_t len, struct sectigo_form *form)
{
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL), *value;
    const char *name;
    bool good = json_is_object(object);

    json_object_foreach(object, name, value)
    {
        if (json_is_string(value))
            sectigo_form_add(form, name, json_string_value(value));
        else if (json_is_integer(value))
            sectigo_form_addf(form, name, "%lld", (long long)json_integer_value(value));
        else
            good = good && json_is_null(value);
    }
    json_decref(object);
    return good && !form->failed;
}

static bool read_body(const char *text, size_t len, struct sectigo_form *form)
{
    trim(&text, &len);
    return len > 0 && *text == '{' ? read_json(text, len, form)
                                   : sectigo_form_parse(text, len, sectigo_reply_base64, form);
}

static bool is_said_twice(const struct sectigo_form *form, const char *name)
{
    const char *first = sectigo_form_get(form, name);

    for (size_t i = 0; first && i < form->count; i++)
        if (strcasecmp(form->params[i].name, name) == 0 && strcmp(form->params[i].value, first) != 0)
            return true;
    return false;
}

/* A field that has two values has none. Certificates come as several fields of one name. */
static bool is_in_doubt(const struct sectigo_form *form)
{
    static const char *const once[] = {"orderNumber",      "certificateID",        "status",
                                       "statusCode",       "statusDesc",           "eventType",
                                       "verificationCode", "revocationReasonCode", "revocationReasonName",
                                       "removedDomains"};

    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        if (is_said_twice(form, once[i]))
            return true;
    return false;
}

bool sectigo_parse_push(const char *query, size_t query_len, const char *body, size_t len, struct sectigo_push *push)
{
    struct sectigo_form form = {0}, rest = {0};

    memset(push, 0, sizeof *push);
    bool ok = read_body(body, len, &form) && sectigo_form_parse(query, query_len, sectigo_reply_base64, &rest);
    for (size_t i = 0; ok && i < rest.count; i++)
        sectigo_form_add(&form, rest.params[i].name, rest.params[i].value);
    for (size_t i = 0; i < form.count; i++)
        trim_value(form.params[i].value);
    ok = ok && !form.failed && !is_in_doubt(&form) && read_push(&form, push);
    bool no_memory = form.failed || rest.failed;
    sectigo_form_clear(&rest);
    sectigo_form_clear(&form);
    if (!ok)
        sectigo_push_clear(push);
    push->no_memory = !ok && no_memory;
    return ok;
}

void sectigo_push_clear(struct sectigo_push *push)
{
    free(push->certificate);
    free(push->ca_certificate);
    free(push->removed_domains);
    memset(push, 0, sizeof *push);
}

/* Reference 6: the links of the callback (OV) and of the click-through with callback (EV). */
static char *link_to(const char *base_url, const char *page, const struct sectigo_push *push)
{
    struct sectigo_form form = {0};
    char *link = NULL;

    sectigo_form_add(&form, "orderNumber", push->order_number);
    sectigo_form_add(&form, "code2", push->verification_code);
    char *query = sectigo_form_encode(&form, false);
    if (query && asprintf(&link, "%s/products/%s?%s", base_url, page, query) < 0)
        link = NULL;
    free(query);
    sectigo_form_clear(&form);
    return link;
}

char *sectigo_push_ov_link(const struct sectigo_push *push, const char *base_url)
{
    return *push->verification_code ? link_to(base_url, "EnterCallbackCode", push) : NULL;
}

char *sectigo_push_ev_link(const struct sectigo_push *push, const char *base_url)
{
    return *push->verification_code ? link_to(base_url, "ExecuteAgreementsWithCode", push) : NULL;
}
