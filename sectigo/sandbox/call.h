/* call: one request to one of Sectigo's endpoints, from form to answer.
 *
 * call_run does what all calls share (POST, arguments, login, limits, counting), then hands over to the endpoint's
 * function. Runs on the connection's thread.
 */
#ifndef SANDBOX_CALL_H
#define SANDBOX_CALL_H

#include "sectigo/product.h"
#include "sectigo/sandbox/answer.h"
#include "sectigo/sandbox/argument.h"
#include "sectigo/sandbox/csr.h"
#include "sectigo/sandbox/sandbox.h"

struct call {
    struct sandbox *sandbox;
    enum sectigo_call_kind kind;
    const struct sectigo_form *form;
    struct account *account; /* NULL: the endpoint wants no login */
    struct answer *answer;
    const struct order *placed; /* set by calls that place an order */
    int64_t found;              /* set by reports: how many orders they found; -1 before */

    /* Of calls that bring a CSR: read before the lock is taken, judged after the login. */
    struct csr csr;
    int csr_code;             /* of csr_read */
    int late_code;            /* a refusal that has its turn after the CSR's own */
    struct sectigo_cart cart; /* AutoApplyOrder: the products */
};

/* An endpoint's own part. The lock is held. */
typedef void call_fn(struct call *call);
struct endpoint {
    enum sectigo_call_kind kind;
    const char *path;
    const char *name; /* as faults name it */
    bool may_get;
    const struct argument *arguments; /* NULL: the function checks them itself, by check */
    bool (*check)(struct call *call); /* before the login; without the lock; false: answered */
    call_fn *run;
    bool format_default_url; /* responseFormat absent: URL-encoded */
};

/* By path; NULL where there is none. */
const struct endpoint *endpoint_find(const char *path);
void call_run(const struct endpoint *endpoint, struct call *call, bool is_post);

/* The endpoints' functions, one file for each group. */
call_fn call_apply, call_replace, call_collect, call_status, call_report, call_revoke, call_reject, call_refund,
    call_balance, call_update_dcv, call_domain_details, call_resend_email, call_email_addresses, call_retry_caa,
    call_decode_csr, call_modify_third_party, call_upgrade_cost, call_authorize;
bool call_check_apply(struct call *call);
bool call_check_replace(struct call *call);

/* The order that a form names by orderNumber, certificateID or baseOrderNumber (newest of the family), if it belongs to
 * the login; refuses with -4 and returns NULL where there is none. Lock held. */
struct order *call_find_order(struct call *call);

#endif
