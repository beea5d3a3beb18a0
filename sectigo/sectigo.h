/* sectigo: the partner API (AutoApplyOrder and its sister calls) as a library.
 *
 * Pure functions apart from the transport (sectigo/transport.h). Knows nothing of ACME, of the store, of HTTP servers.
 * "reference N" below is section N of AutoApplyOrder 3.0; "notes N" of what is known beyond it. Any thread.
 */
#ifndef SECTIGO_SECTIGO_H
#define SECTIGO_SECTIGO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SECTIGO_MESSAGE_MAX = 512,     /* octets of an error message kept */
    SECTIGO_ORDER_NUMBER_MAX = 64, /* order numbers are text: 1234567repl#1 */
    SECTIGO_CERTIFICATE_ID_MAX = 16,
    SECTIGO_UNIQUE_VALUE_MAX = 20,
    SECTIGO_FON_MAX = 64,
    SECTIGO_REPLY_MAX = 1024 * 1024, /* octets of a reply; longer ones are an unknown outcome */
};

/* ---- calls ---- */

enum sectigo_call_kind {
    SECTIGO_AUTO_APPLY_ORDER,
    SECTIGO_AUTO_REPLACE_SSL,
    SECTIGO_COLLECT_SSL,
    SECTIGO_GET_DETAILED_ORDER_STATUS,
    SECTIGO_AUTO_REVOKE_SSL,
    SECTIGO_AUTO_REJECT,
    SECTIGO_GET_ACCOUNT_BALANCE,
    SECTIGO_AUTO_UPDATE_DCV,
    SECTIGO_GET_MDC_DOMAIN_DETAILS,
    SECTIGO_AUTO_REFUND,
    SECTIGO_WEB_HOST_REPORT,
    SECTIGO_RETRY_CAA_CHECK,
    SECTIGO_RESEND_DCV_EMAIL,
    SECTIGO_GET_DCV_EMAIL_ADDRESS_LIST,
    SECTIGO_DECODE_CSR,
    SECTIGO_MODIFY_THIRD_PARTY_DETAILS,
    SECTIGO_SL_GET_UPGRADE_COST,
    SECTIGO_AUTO_AUTHORIZE,
    SECTIGO_CALLS
};

struct sectigo_call_info {
    const char *name; /* "AutoApplyOrder" */
    const char *path; /* "/products/!AutoApplyOrder" */
    bool changes;     /* changes something upstream: fresh connection, never repeated by itself */
    bool login;       /* sends loginName and loginPassword */
};
const struct sectigo_call_info *sectigo_call_info(enum sectigo_call_kind kind);

/* ---- forms: application/x-www-form-urlencoded, kept in order, keys may repeat ---- */

struct sectigo_param {
    char *name, *value; /* owned */
    bool secret;        /* never shown, wiped when freed */
};
struct sectigo_form {
    struct sectigo_param *params; /* owned */
    size_t count, capacity;
    bool failed; /* sticky: out of memory */
};
/* A value that is NULL adds nothing. */
void sectigo_form_add(struct sectigo_form *form, const char *name, const char *value);
void sectigo_form_add_secret(struct sectigo_form *form, const char *name, const char *value);
void sectigo_form_addf(struct sectigo_form *form, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* First value of that name without regard to case; NULL where absent. */
const char *sectigo_form_get(const struct sectigo_form *form, const char *name);
/* Encoded text, malloc'd, or NULL. mask: secrets are shown as *** (for people). */
char *sectigo_form_encode(const struct sectigo_form *form, bool mask);
/* Splits first, decodes after. Keys named in keep_plus (NULL-terminated, may be NULL) keep a literal '+'. False when it
 * is not a form (bad escape, NUL, too many pairs). */
bool sectigo_form_parse(const char *text, size_t len, const char *const *keep_plus, struct sectigo_form *form);
void sectigo_form_clear(struct sectigo_form *form);

/* ---- answers ---- */

/* What a code means for whoever made the call; the classes of issuance section 5. */
enum sectigo_class {
    SECTIGO_PLACED,                 /* 0, 1 and whatever counts as success for the call */
    SECTIGO_PERHAPS_PLACED_EARLIER, /* -55, any refusal naming foreignOrderNumber or uniqueValue, a code of an
                                       order call that is not listed */
    SECTIGO_CSR_REFUSED,
    SECTIGO_CONFIGURATION, /* and negative codes not listed */
    SECTIGO_NO_CREDIT,
    SECTIGO_LOGIN_REFUSED,
    SECTIGO_LATER,
    SECTIGO_UNKNOWN,           /* -14 */
    SECTIGO_SUBSCRIPTION_OVER, /* AutoReplaceSSL -20 -21 -36 */
    SECTIGO_PENDING,           /* CollectSSL 0 -22 -26: not yet */
    SECTIGO_REJECTED,          /* CollectSSL -20 */
    SECTIGO_REVOKED,           /* CollectSSL -21 */
};

/* message may be NULL. A refusal is judged by its message too (foreignOrderNumber, uniqueValue). */
enum sectigo_class sectigo_classify(enum sectigo_call_kind call, int code, const char *message);
/* Whether an answer of this call, which need not be read otherwise, has the code of a refused login (-16). */
bool sectigo_refuses_login(enum sectigo_call_kind call, const char *body, size_t len);
/* The reference's words for a code of a call; NULL where not listed. Static. */
const char *sectigo_code_text(enum sectigo_call_kind call, int code);
/* The ACME problem that a CSR_REFUSED code becomes: "badCSR" or "rejectedIdentifier"; NULL otherwise.
 * Static. */
const char *sectigo_code_acme_type(int code);

/* The account of a SiteLock licence (notes 2.17); "" where absent. Only the newline formats are known to carry it. */
struct sectigo_site {
    char user_id[17], site_id[64];
};

/* AutoApplyOrder and AutoReplaceSSL, both formats. */
struct sectigo_order_answer {
    int code;
    char message[SECTIGO_MESSAGE_MAX];               /* "" on success */
    char order_number[SECTIGO_ORDER_NUMBER_MAX + 1]; /* "" where absent (normal for AutoReplaceSSL) */
    char certificate_id[SECTIGO_CERTIFICATE_ID_MAX + 1];
    char certificate_status[64];
    char unique_value[SECTIGO_UNIQUE_VALUE_MAX + 1];
    bool has_cost;
    int64_t cost_cents; /* totalCost in hundredths of the account's currency */
    struct sectigo_site site;
};

/* What a request asked for, which decides how the positional lines of format 0 are read. */
struct sectigo_order_flags {
    bool url_encoded;       /* responseFormat=1 */
    bool certificate_id;    /* showCertificateID=Y */
    bool certificate_state; /* showCertificateState=Y */
    bool sitelock;          /* a SiteLock product is ordered: the two last lines name its account */
};

/* False: the body does not parse as an answer (HTML, truncated, errorCode missing, success of AutoApplyOrder without
 * order number): the outcome is unknown. All parsers below: the same rule. */
bool sectigo_parse_order(enum sectigo_call_kind call, const char *body, size_t len,
                         const struct sectigo_order_flags *flags, struct sectigo_order_answer *answer);

struct sectigo_collect_answer {
    int code;
    char message[SECTIGO_MESSAGE_MAX];
    char order_number[SECTIGO_ORDER_NUMBER_MAX + 1];
    int64_t not_before_s, not_after_s;
    char *certificate;     /* owned: PEM of the leaf, NULL where absent */
    char *ca_certificates; /* owned: PEM blocks as they came, NULL where absent */
    char *fqdn;            /* owned, may be NULL */
    char certificate_status[64], validation_status[64];
    int dcv_status, csr_status;                 /* -1 0 1 2; -2 where absent */
    char *mdc_domain_details;                   /* owned, raw, may be NULL */
    char *zip_file, *netscape_sequence, *pkcs7; /* owned base64 as it came, NULL where absent */
};
/* Of the URL-encoded form (responseFormat=1). */
bool sectigo_parse_collect(const char *body, size_t len, struct sectigo_collect_answer *answer);
void sectigo_collect_clear(struct sectigo_collect_answer *answer);
/* Of the newline form (responseFormat=0, responseType=3): the last certificate is the leaf, except where query_type is
 * 3. Which line is which is known for one flag at a time; with two where certificates come, it is no answer. */
struct sectigo_collect_flags {
    int query_type;
    bool validity_period, fqdn, ext_status;
};
bool sectigo_parse_collect_lines(const char *body, size_t len, const struct sectigo_collect_flags *flags,
                                 struct sectigo_collect_answer *answer);

/* A row per certificate of GetDetailedOrderStatus and WebHostReport (X_... and X_Y_... keys). */
struct sectigo_report_certificate {
    char *type, *names, *status, *reason, *serial_number; /* owned, NULL where absent */
    char certificate_id[SECTIGO_CERTIFICATE_ID_MAX + 1];
    int64_t not_before_s, not_after_s;
    int product, days; /* code and term; 0 where absent, or told in words */
    int csr_status, dcv_status, caa_status, ov_callback_status, organization_status, free_dv_up_status,
        ev_click_through_status; /* -2 where absent */
};
/* An organisation that automatic validation found (X_suggestedOrgDetails); NULL where absent. */
struct sectigo_organization {
    char *name, *street, *locality, *state, *postal_code, *country, *duns_number, *telephone; /* owned */
};
struct sectigo_report_order {
    char order_number[SECTIGO_ORDER_NUMBER_MAX + 1];
    char foreign_order_number[SECTIGO_FON_MAX + 1];  /* "" where absent */
    char *status, *reason;                           /* owned */
    int64_t ordered_s;                               /* 0 where absent */
    struct sectigo_report_certificate *certificates; /* owned */
    size_t certificate_count;
    char *suggested_status; /* owned: Found, NotFound, NotYetCompleted, NotApplicable; NULL where absent */
    struct sectigo_organization *organizations; /* owned */
    size_t organization_count;
};
struct sectigo_report_answer {
    int code;
    char message[SECTIGO_MESSAGE_MAX];
    uint64_t result_count;               /* noOfResults */
    struct sectigo_report_order *orders; /* owned */
    size_t order_count;
};
/* WebHostReport without noOfResults, or with results counted but none listed, is no answer: "no such order" is only
 * said where Sectigo said so. order_count may be below result_count where the report has further pages. */
bool sectigo_parse_report(enum sectigo_call_kind call, const char *body, size_t len,
                          struct sectigo_report_answer *answer);
void sectigo_report_clear(struct sectigo_report_answer *answer);

/* ---- push, reference 6 and notes 2.13 ---- */

enum sectigo_push_status {
    SECTIGO_PUSH_OTHER = 0,
    SECTIGO_PUSH_ISSUED,         /* 6, 9 */
    SECTIGO_PUSH_REVOKED,        /* 8 */
    SECTIGO_PUSH_REPLACED,       /* 14 */
    SECTIGO_PUSH_BRAND,          /* 12 */
    SECTIGO_PUSH_FAILED,         /* 3, 5 */
    SECTIGO_PUSH_REJECTED,       /* 7 */
    SECTIGO_PUSH_PRE_REVOCATION, /* eventType PreRevocationNotification */
    SECTIGO_PUSH_VERIFIED,       /* status verified, with any code: phone number verified */
    SECTIGO_PUSH_CLICK_THROUGH,  /* status click-through, with any code: EV e-mail sent */
};
struct sectigo_push {
    enum sectigo_push_status kind;
    int status_code;
    char order_number[SECTIGO_ORDER_NUMBER_MAX + 1];
    char certificate_id[SECTIGO_CERTIFICATE_ID_MAX + 1];
    char status[64], status_desc[SECTIGO_MESSAGE_MAX], event_type[64], verification_code[64];
    char reason[SECTIGO_MESSAGE_MAX]; /* of FAILED and REJECTED: what follows "PRE-SIGN FAILED: "; "" where absent */
    char revocation_reason[64], revocation_reason_code[16];
    char *certificate;     /* owned PEM or NULL */
    char *ca_certificate;  /* owned PEM blocks or NULL */
    char *removed_domains; /* owned or NULL */
    bool no_memory;        /* of one that could not be read: for want of it */
};
/* The query, and the body of a POST (none: len 0): a form, or a flat JSON object. Blanks around values are dropped.
 * False when it is no push, or where a field is there twice with different values. A certificate that cannot be read is
 * left out: the push is then as good as one without. */
bool sectigo_parse_push(const char *query, size_t query_len, const char *body, size_t len, struct sectigo_push *push);
void sectigo_push_clear(struct sectigo_push *push);
/* Links that end the callback (OV) and the click-through and callback (EV), malloc'd; NULL where the push carries no
 * verificationCode, or when out of memory. base_url: "https://secure.trust-provider.com". */
char *sectigo_push_ov_link(const struct sectigo_push *push, const char *base_url);
char *sectigo_push_ev_link(const struct sectigo_push *push, const char *base_url);

/* ---- domain control, reference 1 (dcvMethod) and notes 3 ---- */

struct sectigo_token {
    char md5_upper[33], md5_lower[33];
    char sha256[65];
    char unique_value[SECTIGO_UNIQUE_VALUE_MAX + 1]; /* may be "" */
};
/* Over the exact octets of the CSR. False when unique_value (may be NULL) is too long or not alphanumeric, or hashing
 * fails. */
bool sectigo_token_make(const uint8_t *der, size_t len, const char *unique_value, struct sectigo_token *token);
/* Where Sectigo looks for it on every name. */
#define SECTIGO_DCV_PATH "/.well-known/pki-validation/"
/* Body of SECTIGO_DCV_PATH <MD5>.txt. Returns its length, 0 where it does not fit. */
size_t sectigo_token_file(const struct sectigo_token *token, char *out, size_t size);
/* CNAME record for an authorization domain name: owner "_<md5>.<adn>" and target, without final dots. */
bool sectigo_token_cname(const struct sectigo_token *token, const char *adn, char owner[static 256],
                         char target[static 256]);

/* What a CSR says, for callers that have read and verified it: parsing it again costs more than all other checks. The
 * subject's attributes besides the common name count as absent, as DV products take them. */
struct sectigo_csr_facts {
    bool common_name, common_name_wildcard;
    size_t names; /* in the subject alternative name */
};
/* Request parameters of AutoApplyOrder: checked against the reference's table before they leave. csr NULL: the form's
 * own is parsed. False: *reason is a sentence that names the parameter. */
bool sectigo_order_check_known(const struct sectigo_form *form, const struct sectigo_csr_facts *csr,
                               char reason[static SECTIGO_MESSAGE_MAX]);

/* PEM text ("CERTIFICATE REQUEST") of the same octets; malloc'd or NULL. */
char *sectigo_csr_pem(const uint8_t *der, size_t len);
/* The octets of a csr parameter: base64, with or without header and footer. malloc'd; NULL where it is neither. */
uint8_t *sectigo_csr_der(const char *text, size_t *len);

#endif
