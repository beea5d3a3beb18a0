/* certificates: what was issued, as the operator sees it: lists, one with its chain, and its revocation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "acme/order.h"
#include "acme/tables.h"
#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/issuer.h"
#include "gateway/log.h"
#include "gateway/operate/certificates.h"
#include "gateway/operate/filter.h"
#include "gateway/operate/object.h"
#include "gateway/operate/page.h"
#include "gateway/operate/view.h"
#include "sectigo/result.h"

/* ---- what becomes of it ---- */

/* The subscription that it is of: STORE_OK, or not; clear it in any case. */
static enum store_status subscription_of(struct store_txn *txn, const struct acme_certificate *certificate,
                                         struct subscription *sub)
{
    struct issuance is;
    memset(sub, 0, sizeof *sub);
    enum store_status status = issuance_load(txn, certificate->issuance, &is);
    if (status == STORE_OK)
        status = subscription_load(txn, &is.subscription, sub);
    issuance_clear(&is);
    return status;
}

/* Its names have a newer certificate. */
static bool is_replaced(struct store_txn *txn, const struct acme_certificate *certificate,
                        const struct subscription *sub)
{
    return (sub->has_certificate && memcmp(&sub->certificate, &certificate->id, sizeof certificate->id) != 0) ||
           subscription_has_successor(txn, sub);
}

static const char *state_of(struct store_txn *txn, const struct acme_certificate *certificate,
                            const struct subscription *sub)
{
    return certificate->revocation == ACME_REVOCATION_DONE          ? "revoked"
           : (uint64_t)certificate->not_after_s * 1000 < clock_ms() ? "expired"
           : certificate->revocation == ACME_REVOCATION_ASKED       ? "revoking"
           : sub->state != 0 && is_replaced(txn, certificate, sub)  ? "replaced"
                                                                    : "valid";
}

static const char *const states[] = {"valid", "replaced", "expired", "revoking", "revoked", NULL};

/* ---- rows and one ---- */

static void certificate_row_fields(struct object *o, struct store_txn *txn, const struct acme_certificate *certificate,
                                   const struct subscription *sub, const struct acme_names *names)
{
    char serial[VIEW_SERIAL_SIZE];
    view_serial(certificate, serial);
    object_begin(o);
    object_id(o, "id", &certificate->id);
    object_text(o, "state", state_of(txn, certificate, sub));
    object_names(o, "names", names);
    object_time(o, "not_before_ms", (uint64_t)certificate->not_before_s * 1000);
    object_time(o, "not_after_ms", (uint64_t)certificate->not_after_s * 1000);
    object_text(o, "policy", certificate->policy);
    object_text(o, "serial_number", serial);
}

static json_t *certificate_view(struct store_txn *txn, const struct acme_certificate *certificate,
                                const struct subscription *sub, const struct acme_names *names)
{
    struct object o;
    char *chain;
    certificate_row_fields(&o, txn, certificate, sub, names);
    object_text(&o, "profile", certificate->profile);
    object_id(&o, "account", &certificate->account);
    object_id(&o, "order", &certificate->order);
    object_text(&o, "issuance", certificate->issuance);
    if (sub->state != 0)
        object_id(&o, "subscription", &sub->id);
    object_text(&o, "certificate_id", certificate->certificate_id);
    object_time(&o, "issued_ms", certificate->issued_ms);
    object_time(&o, "downloaded_ms", certificate->downloaded_s * 1000);
    object_time(&o, "renew_from_ms", certificate->renew_from_ms);
    object_time(&o, "revocation_asked_ms", certificate->revocation_asked_ms);
    object_time(&o, "revoked_ms", certificate->revoked_ms);
    object_text(&o, "revocation_reason",
                certificate->revocation_asked_ms ? sectigo_revocation_reason(certificate->revocation_reason) : NULL);
    acme_certificate_chain(txn, certificate, 0, &chain);
    object_text(&o, "chain", chain);
    free(chain);
    return object_end(&o);
}

/* ---- the list ---- */

static bool ends_in_time(const struct request *request, const struct acme_certificate *certificate)
{
    uint64_t end_ms = (uint64_t)certificate->not_after_s * 1000;
    return request->days == 0 || (end_ms >= clock_ms() && end_ms < clock_ms() + request->days * DAY_MS);
}

/* What is dear to find out is asked last. */
static json_t *wanted_row(struct page *page, struct store_txn *txn, const struct acme_certificate *certificate)
{
    const struct request *request = page->request;
    struct acme_order order = {0};
    struct subscription sub = {0};
    json_t *row = NULL;
    bool wanted = ends_in_time(request, certificate) && filter_certificate(request, certificate);
    if (wanted) {
        acme_order_load(txn, &certificate->order, &order); /* one that is gone has no names to show */
        subscription_of(txn, certificate, &sub);
        wanted = filter_names(request, &order.names) &&
                 (!request->state[0] || strcmp(request->state, state_of(txn, certificate, &sub)) == 0);
    }
    if (wanted) {
        struct object o;
        certificate_row_fields(&o, txn, certificate, &sub, &order.names);
        row = page_row(page, object_end(&o));
    }
    acme_order_clear(&order);
    subscription_clear(&sub);
    return row;
}

static json_t *certificate_row(struct page *page, struct store_txn *txn, struct store_slice key,
                               struct store_slice value)
{
    struct acme_id id;
    struct acme_certificate certificate;
    char text[ACME_ID_TEXT + 1];
    (void)value;
    if (!page_id(key, &id, text))
        return NULL;
    json_t *row = acme_certificate_load(txn, &id, &certificate) == STORE_OK ? wanted_row(page, txn, &certificate)
                                                                            : page_unreadable(page, text);
    acme_certificate_clear(&certificate);
    return row;
}

void certificates_list(struct request *request)
{
    struct page page = {.row = certificate_row};
    struct scan_from from = {.len = 0};
    if (page_takes_state(request, states))
        page_answer(request, ACME_CERTIFICATES, &page, &from);
}

/* Those that nothing newer stands for. */
void certificates_expiring(struct request *request)
{
    snprintf(request->state, sizeof request->state, "valid");
    request->days = request->days ? request->days : CERTIFICATES_EXPIRING_DAYS;
    certificates_list(request);
}

/* ---- one ---- */

/* A serial number as people paste it: hexadecimal digits of either case, with or without colons. */
static size_t read_serial(const char *text, uint8_t serial[static 20])
{
    char digits[41];
    size_t count = 0;
    for (; *text; text++) {
        if (*text == ':')
            continue;
        if (count + 1 >= sizeof digits || !strchr("0123456789abcdefABCDEF", *text))
            return 0;
        digits[count++] = *text;
    }
    digits[count] = '\0';
    if (count == 0 || count % 2 != 0)
        return 0;
    for (size_t i = 0; i < count / 2; i++) {
        char octet[3] = {digits[2 * i], digits[2 * i + 1], '\0'};
        serial[i] = (uint8_t)strtoul(octet, NULL, 16);
    }
    return count / 2;
}

/* By its id or its serial number. Clear it in any case. */
static enum store_status find_certificate(struct store_txn *txn, const char *text, struct acme_certificate *certificate)
{
    struct acme_id id;
    uint8_t serial[20];
    memset(certificate, 0, sizeof *certificate);
    size_t len = read_serial(text, serial);
    while (len > 1 && serial[0] == 0) /* the store has the magnitude */
        memmove(serial, serial + 1, --len);
    enum store_status status = STORE_NOT_FOUND;
    if (acme_id_parse(text, strlen(text), &id))
        status = acme_certificate_load(txn, &id, certificate);
    if (status == STORE_NOT_FOUND && len > 0 && acme_certificate_by_serial(txn, serial, len, &id) == STORE_OK) {
        acme_certificate_clear(certificate);
        status = acme_certificate_load(txn, &id, certificate);
    }
    return status;
}

enum store_status certificate_show(struct store_txn *txn, const char *text, json_t **json)
{
    struct acme_certificate certificate;
    struct acme_order order = {0};
    struct subscription sub = {0};
    enum store_status status = find_certificate(txn, text, &certificate);
    if (status == STORE_OK) {
        acme_order_load(txn, &certificate.order, &order);
        subscription_of(txn, &certificate, &sub);
        *json = certificate_view(txn, &certificate, &sub, &order.names);
    }
    acme_certificate_clear(&certificate);
    acme_order_clear(&order);
    subscription_clear(&sub);
    return status;
}

/* ---- revocation ---- */

struct revoking {
    const char *text;
    struct issuer *issuer;
    uint8_t reason;
    const struct audit_by *by;
    uint64_t now_ms;
    char serial[VIEW_SERIAL_SIZE];
    const char *conflict; /* why it is not done */
};

static const char *conflict_of(const struct acme_certificate *certificate)
{
    return certificate->revocation == ACME_REVOCATION_DONE ? "the certificate is revoked"
           : certificate->revocation == ACME_REVOCATION_ASKED
               ? "the certificate's revocation is under way; acmegatectl "
                 "certificate show says when Sectigo has confirmed it"
           : !clock_in_doubt() && (uint64_t)certificate->not_after_s * SECOND_MS < clock_ms()
               ? "the certificate has expired"
               : NULL;
}

static enum store_status begin_revocation(struct store_txn *txn, const struct revoking *r,
                                          struct acme_certificate *certificate)
{
    if (!acme_certificate_set_revocation(certificate, ACME_REVOCATION_ASKED))
        return STORE_REFUSED;
    certificate->revocation_reason = r->reason;
    certificate->revocation_asked_ms = r->now_ms;
    json_t *members = json_pack("{s:s}", "reason", sectigo_revocation_reason(r->reason));
    enum store_status status = members ? acme_certificate_save(txn, certificate) : STORE_IO;
    if (status == STORE_OK)
        status = issuer_revoke_for_operator(r->issuer, txn, certificate, r->now_ms);
    if (status == STORE_OK)
        status = audit_note(txn, "certificate revoked", r->serial, members, r->by, r->now_ms);
    json_decref(members);
    return status;
}

static enum store_status revoke(struct store_txn *txn, void *arg)
{
    struct revoking *r = arg;
    struct acme_certificate certificate;
    enum store_status status = find_certificate(txn, r->text, &certificate);
    r->conflict = status == STORE_OK ? conflict_of(&certificate) : NULL;
    if (r->conflict)
        status = STORE_REFUSED;
    if (status == STORE_OK) {
        view_serial(&certificate, r->serial);
        status = begin_revocation(txn, r, &certificate);
    }
    acme_certificate_clear(&certificate);
    return status;
}

void certificate_revoke(struct request *request)
{
    struct revoking r = {.text = request->argument,
                         .issuer = request->admin->issuer,
                         .reason = request->reason,
                         .by = &request->by,
                         .now_ms = clock_ms()};
    enum store_status status = store_call(request->admin->store, revoke, &r);
    if (status == STORE_REFUSED) {
        answer_error(request->answer, 409, "%s", r.conflict ? r.conflict : "the certificate cannot be revoked");
    } else if (status != STORE_OK) {
        answer_store(request->answer, status, "certificate");
    } else {
        struct object o;
        log_info("the operator revokes a certificate", "serial", r.serial, "reason",
                 sectigo_revocation_reason(r.reason));
        object_begin(&o);
        object_text(&o, "serial_number", r.serial);
        object_text(&o, "reason", sectigo_revocation_reason(r.reason));
        object_text(
            &o, "decided",
            "asked of Sectigo until it confirms; the next order of its names is a free replacement where Sectigo "
            "still takes one, else a purchase");
        answer_json(request->answer, 200, object_end(&o));
    }
}
