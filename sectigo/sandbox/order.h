/* order: what the sandbox keeps of an order, and the tables that turn it into JSON.
 *
 * Every order number has one record: a purchase, or a replacement of the same family ("1000001repl#1"), which names
 * its purchase as base. Plain data, guarded by the sandbox's lock.
 */
#ifndef SANDBOX_ORDER_H
#define SANDBOX_ORDER_H

#include <openssl/x509.h>

#include "sectigo/product.h"
#include "sectigo/sandbox/fields.h"

enum order_kind {
    ORDER_PURCHASE,
    ORDER_REPLACEMENT,
};

enum order_state {
    ORDER_UNPAID,  /* status 1: waits for payment */
    ORDER_PENDING, /* waits for domain control, CAA, organisation, call-back, click-through */
    ORDER_READY,   /* everything validated, being signed */
    ORDER_ISSUED,
    ORDER_FAILED, /* pre-sign failed (CAA); RetryCAACheck tries again */
    ORDER_REJECTED,
    ORDER_REVOKED,
    ORDER_REPLACED,
    ORDER_FULFILLED, /* no certificate in it: a licence, done when placed */
};
extern const char *const order_state_words[];

/* Of one step of validation; the numbers of the reference. */
enum step_status {
    STEP_NOT_REQUIRED = -1,
    STEP_NOT_COMPLETED = 0,
    STEP_COMPLETED = 1,
    STEP_IN_PROGRESS = 2,
};

/* One name of an order and how its control is proved. */
struct domain {
    char *name;
    char *method;    /* EMAIL, HTTP_CSR_HASH, HTTPS_CSR_HASH, CNAME_CSR_HASH, IP_ADDRESS_PRE */
    char *email;     /* where method is EMAIL */
    bool additional; /* www. or apex that Sectigo adds: left out where it does not validate */
    bool base;       /* the base name added to a wildcard: proved with it */
    bool removed;    /* left out of the certificate */
    bool validated;
    int64_t attempts;
    int64_t looked_ms; /* last attempt */
    char *looked;      /* what was looked up and found, a sentence */
};

struct certificate {
    char *id, *serial; /* serial: lower-case hex */
    int64_t not_before_s, not_after_s;
    char *spki_sha256;
    char *names; /* of the certificate, comma-separated */
    char *pem;
    int64_t revoked_ms;
    int64_t revocation_reason;
    char *revocation_text;
};

/* One notification. done: delivered, given up or dropped. */
struct notification {
    char *status, *description, *verification_code, *event_type, *removed_domains, *certificate_id;
    int64_t status_code;
    int64_t attempts;
    int64_t next_ms, delivered_ms;
    bool done;
    char *result; /* of the last attempt */
};

struct order {
    char *number, *base_number;
    int kind, state;
    char *login, *foreign_order_number, *product, *certificate_id;
    int64_t days, debited_cents, refunded_cents;
    int64_t price_cents;  /* debited, or to be debited */
    int64_t ip_addresses; /* of a licence */
    bool test;
    bool web_products; /* free ones were added when it was authorized */
    int64_t placed_ms, issued_ms, closed_ms;
    char *csr; /* base64 of the DER octets as received */
    char *csr_md5, *csr_sha256, *unique_value;
    char *common_name; /* of the certificate, NULL: none */
    char *subject;     /* organisation details that go into the certificate, "O=..\nC=.." */
    char *organization, *contact_email;
    char *service_login; /* appRepLoginName: the account with HackerGuardian */
    /* Of a SiteLock licence: its site, its present term, what it goes on from, ",1060,1068," that have ended. */
    char *domain_name, *previous_number, *ended;
    int64_t starts_ms, ends_ms;
    bool auto_renew;
    char *details;             /* changed by modifyThirdPartyDetails: "name=value\n" */
    struct list domains;       /* struct domain */
    struct list certificates;  /* struct certificate: none or one */
    struct list notifications; /* struct notification */
    int64_t caa_status, call_back_status, organization_status, click_through_status, brand_status;
    char *caa_looked;
    int64_t caa_relaunched_ms;
    char *verification_code;
    char *reason;         /* why rejected, failed */
    int64_t replacements; /* of a purchase: how many were placed */
    int64_t collected_ms; /* the certificate was first handed out */

    /* Not kept. */
    X509_REQ *request;        /* owned: the CSR, parsed, until it is signed; NULL: parse it again */
    uint64_t look_generation; /* a look of an older generation is void */
    unsigned looks;           /* how many have been taken since the last change, for the schedule */
    int64_t missed;           /* reports that were asked for it, and lagged */
};

extern const struct record_type domain_type, certificate_type, notification_type, order_type;

/* Frees all that the order owns, and the order (may be NULL). */
void order_free(struct order *order);
struct domain *order_domain(const struct order *order, size_t index);
/* Of the call that placed it, as faults name it. Static. */
const char *order_endpoint(const struct order *order);
/* The products. False: an order of a stand-in that knew others. */
bool order_cart(const struct order *order, struct sectigo_cart *cart);
/* NULL while none is issued. */
struct certificate *order_certificate(const struct order *order);
struct notification *order_notification(const struct order *order, size_t index);
/* "35.00" */
void order_money(int64_t cents, char out[static 32]);
/* Names as they go (or went) into the certificate: those not removed, comma-separated; malloc'd, NULL when out of
 * memory. */
char *order_names(const struct order *order);
/* DCV over all names: STEP_COMPLETED, STEP_IN_PROGRESS or STEP_NOT_REQUIRED where there is no name. */
enum step_status order_dcv_status(const struct order *order);
/* Whether everything that must be done before signing is done. */
bool order_complete(const struct order *order);
/* Status as the certificate reports show it: "Awaiting Validation", "Issued", ... Static. */
const char *order_status_text(const struct order *order);

#endif
