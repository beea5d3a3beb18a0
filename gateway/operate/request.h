/* request: one call of the admin socket or of admin.listen, as its handlers see it. Inside this room only. */
#ifndef GATEWAY_OPERATE_REQUEST_H
#define GATEWAY_OPERATE_REQUEST_H

#include <jansson.h>

#include "acme/account.h"
#include "acme/external_key.h"
#include "gateway/audit.h"
#include "gateway/operate/access/caller.h"
#include "gateway/operate/admin.h"
#include "gateway/scan.h"

enum { ARGUMENT_MAX = 128, CURSOR_MAX = 2 * SCAN_KEY_MAX, BODY_MAX = 64 * 1024 };

/* Parameters that a route may take. */
enum {
    TAKES_PAGE = 1,
    TAKES_STATE = 2,
    TAKES_SINCE = 4,
    TAKES_SKIP_PREFLIGHT = 64,
    TAKES_NAME = 128,
    TAKES_ACCOUNT = 256,
    TAKES_POLICY = 512,
    TAKES_NEWEST = 1024,
    TAKES_DAYS = 2048,
    TAKES_REASON = 4096,
    TAKES_REFUSALS = 8192,
    TAKES_MONTHS = 16384,
    TAKES_TARGET = 32768,
    TAKES_ORPHANS = 65536,
    TAKES_PREVIEW = 131072,
};
enum { FILTER_MAX = 255, REQUEST_MONTHS_MAX = 60 };

struct request {
    struct admin *admin;
    const struct config *config; /* in force when it came */
    const struct http_call *call;
    struct http_answer *answer;
    struct audit_by by;              /* who asks */
    struct caller *caller;           /* the same at admin.listen; NULL on the socket */
    char argument[ARGUMENT_MAX + 1]; /* what stands for * in the route */
    unsigned limit;
    char after[CURSOR_MAX + 1];                                                 /* "": from the beginning */
    char state[16];                                                             /* "": all */
    char name[FILTER_MAX + 1], account[FILTER_MAX + 1], policy[FILTER_MAX + 1]; /* "": all; see filter.h */
    char target[FILTER_MAX + 1];                                                /* of notifications; "": all */
    bool newest;                                                                /* the list begins with the newest */
    uint64_t since_ms;
    unsigned days;   /* 0: not said */
    unsigned months; /* 0: not said; at most REQUEST_MONTHS_MAX */
    uint8_t reason;  /* of a revocation, RFC 5280 section 5.3.1 */
    bool refusals;   /* of the audit: what was refused */
    bool skip_preflight;
    bool accept_orphans, preview; /* of a reload */
};

/* What a query may have. */
struct parameter {
    const char *name;
    unsigned of; /* TAKES_ */
    bool (*take)(struct request *request, const char *value);
    const char *wants;
    bool number;
};
extern const struct parameter parameters[];
extern const size_t parameter_count;

/* False: *request->answer says what is wrong. takes: parameters allowed. */
bool request_query(struct request *request, unsigned takes);
/* Percent signs decoded; false for a bad or too long one. */
bool request_decode(const char *text, size_t len, char *out, size_t size);

/* Takes json; NULL: out of memory. */
void answer_json(struct http_answer *answer, int status, json_t *json);
/* The same with status 200 and the member "currency", for an object with money in it. */
void answer_money(struct request *request, json_t *json);
void answer_error(struct http_answer *answer, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What the store said, where it was not STORE_OK; what: "the order". */
void answer_store(struct http_answer *answer, enum store_status status, const char *what);

/* A line in the audit about what the request does outside the store, before it is done; where the store takes none (it
 * is full, say) the log has one, for a backup is wanted then more than ever. */
void act_note(const struct request *request, const char *what, const char *subject);

/* The handlers. */
void status_get(struct request *request);
void orders_list(struct request *request);
void subscriptions_list(struct request *request);
void issuances_list(struct request *request);
void kept_list(struct request *request);
void audit_list(struct request *request);
/* overview/ */
void days_get(struct request *request);
void live_get(struct request *request);
void calendar_get(struct request *request);
void latency_get(struct request *request);
void order_story_get(struct request *request);
void order_get(struct request *request);
void subscription_get(struct request *request);
void subscription_refund(struct request *request);
void subscription_release(struct request *request);
void subscriptions_adopt(struct request *request);
void issuance_get(struct request *request);
void order_retry(struct request *request);
void order_cancel(struct request *request);
void order_drop(struct request *request);
void order_authorize(struct request *request);
void accounts_list(struct request *request);
void account_get(struct request *request);
void account_deactivate(struct request *request);
void certificates_list(struct request *request);
void certificates_expiring(struct request *request);
void certificate_get(struct request *request);
void certificate_revoke(struct request *request);
void limits_get(struct request *request);
void upstreams_get(struct request *request);
void upstream_pause(struct request *request);
void upstream_resume(struct request *request);
void upstream_reconcile(struct request *request);
void clock_trust_post(struct request *request);
void config_show(struct request *request);
void config_compare(struct request *request);
void config_reload(struct request *request);
void upstream_test(struct request *request);
void dcv_check(struct request *request);
void notify_list(struct request *request);
void notify_test(struct request *request);
void forecast_get(struct request *request);
void cost_get(struct request *request);
void policies_list(struct request *request);
void policy_get(struct request *request);
void policy_create(struct request *request);
void policy_set(struct request *request);
void policy_delete(struct request *request);
void keys_list(struct request *request);
void key_get(struct request *request);
void key_create(struct request *request);
void key_set(struct request *request);
void key_disable(struct request *request);
void key_enable(struct request *request);
void backup_post(struct request *request);
void store_compact_post(struct request *request);
void tokens_list(struct request *request);
void token_post(struct request *request);
void token_revoke_post(struct request *request);
void openapi_get(struct request *request);
void session_get(struct request *request);
void session_post(struct request *request);
void session_delete(struct request *request);

/* An account with all that is known of it. NULL when out of memory. */
json_t *account_view(struct store_txn *txn, const struct acme_account *account);
/* Without its secret; a row of the list, too. NULL when out of memory. */
json_t *external_key_json(const struct external_key *key);
/* Clients that gave up: accounts of certificates of the last 30 days that nobody fetched within an hour. */
json_t *patience_json(struct store_txn *txn, uint64_t now_ms);

#endif
