#include "sectigo/sectigo.h"

#include <stdio.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
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
        sectigo_value_text(colon ? colon + 2 : NULL, push->reason, sizeof(push->reason));
}

static bool read_push(const struct sectigo_form *form, struct sectigo_push *push)
{
    const char *code = sectigo_form_get(form, "statusCode");
    bool failed = false;

    if (code && !sectigo_value_int(code, &push->status_code))
        return false;
    bool numbered = sectigo_value_order_number(sectigo_form_get(form, "orderNumber"), push->order_number);
    bool identified = sectigo_value_certificate_id(sectigo_form_get(form, "certificateID"), push->certificate_id);
    read_text(form, "status", push->status, sizeof(push->status));
    read_text(form, "statusDesc", push->status_desc, sizeof(push->status_desc));
    read_text(form, "eventType", push->event_type, sizeof(push->event_type));
    read_text(form, "verificationCode", push->verification_code, sizeof(push->verification_code));
    read_text(form, "revocationReasonCode", push->revocation_reason_code, sizeof(push->revocation_reason_code));
    read_text(form, "revocationReasonName", push->revocation_reason, sizeof(push->revocation_reason));
    push->certificate = read_certificates(form, "certificate");
    push->ca_certificate = read_certificates(form, "caCertificate");
    push->removed_domains = sectigo_value_dup(sectigo_form_get(form, "removedDomains"), &failed);
    push->kind = kind_of(push);
    split_reason(push);
    return !failed && (numbered || identified) && (code || *push->status || *push->event_type);
}

bool sectigo_parse_push(const char *text, size_t len, struct sectigo_push *push)
{
    struct sectigo_form form;

    memset(push, 0, sizeof(*push));
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (!sectigo_form_parse(text, len, sectigo_reply_base64, &form))
        return false;
    bool ok = read_push(&form, push);
    sectigo_form_clear(&form);
    if (!ok)
        sectigo_push_clear(push);
    return ok;
}

void sectigo_push_clear(struct sectigo_push *push)
{
    free(push->certificate);
    free(push->ca_certificate);
    free(push->removed_domains);
    memset(push, 0, sizeof(*push));
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
