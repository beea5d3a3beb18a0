/* accounts: ACME accounts as the operator sees them, and how one is ended. */
#include <stdio.h>
#include <string.h>

#include "acme/account.h"
#include "acme/base64url.h"
#include "acme/tables.h"
#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/operate/object.h"
#include "gateway/operate/page.h"

/* The policy that it has now: its key's. An account whose key is gone or disabled keeps the one that it had. */
static const char *policy_of(struct store_txn *txn, const struct acme_account *account, struct external_key *key)
{
    return account->external_key[0] && external_key_load(txn, account->external_key, key) == STORE_OK ? key->policy
                                                                                                      : account->policy;
}

static json_t *contacts_json(const struct acme_account *account)
{
    json_t *list = json_array();
    for (unsigned i = 0; list && i < account->contact_count; i++) {
        if (json_array_append_new(list, text_json(account->contacts[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static void account_fields(struct object *o, const struct acme_account *account, const char *policy)
{
    object_begin(o);
    object_id(o, "id", &account->id);
    object_text(o, "status", acme_account_status_text(account->status));
    object_time(o, "created_ms", account->created_s * 1000);
    object_text(o, "policy", policy);
    object_text(o, "key", account->external_key);
    object_put(o, "contacts", contacts_json(account));
}

/* ---- the list ---- */

static bool is_of(const struct request *request, const struct acme_account *account, const char *policy)
{
    return (!request->policy[0] || strcmp(request->policy, policy) == 0) &&
           (!request->state[0] || strcmp(request->state, acme_account_status_text(account->status)) == 0);
}

static json_t *account_row(struct page *page, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct acme_id id;
    struct acme_account account;
    struct external_key external;
    char text[ACME_ID_TEXT + 1];
    json_t *row = NULL;
    (void)value;
    if (!page_id(key, &id, text))
        return NULL;
    if (acme_account_load(txn, &id, &account) != STORE_OK) {
        row = page_unreadable(page, text);
    } else {
        const char *policy = policy_of(txn, &account, &external);
        if (is_of(page->request, &account, policy)) {
            struct object o;
            account_fields(&o, &account, policy);
            row = page_row(page, object_end(&o));
        }
    }
    acme_account_clear(&account);
    return row;
}

void accounts_list(struct request *request)
{
    static const char *const states[] = {"valid", "deactivated", "revoked", NULL};
    struct page page = {.row = account_row};
    struct scan_from from = {.len = 0};
    if (page_takes_state(request, states))
        page_answer(request, ACME_ACCOUNTS, &page, &from);
}

/* ---- one ---- */

struct order_count {
    uint8_t account[ACME_ID_LEN];
    uint64_t orders;
};

static bool count_order(void *ctx, struct store_slice key, struct store_slice value)
{
    struct order_count *count = ctx;
    (void)key, (void)value;
    count->orders++;
    return true;
}

json_t *account_view(struct store_txn *txn, const struct acme_account *account)
{
    struct object o;
    struct external_key key;
    struct order_count count = {.orders = 0};
    char thumbprint[64];
    store_visit_prefix(txn, ACME_ACCOUNT_ORDERS, account->id.octets, ACME_ID_LEN, count_order, &count);
    base64url_encode(account->thumbprint, JWK_THUMBPRINT_LEN, thumbprint);
    account_fields(&o, account, policy_of(txn, account, &key));
    object_put(&o, "terms_agreed", json_boolean(account->terms_agreed));
    object_text(&o, "thumbprint", thumbprint);
    object_number(&o, "orders", count.orders);
    return object_end(&o);
}

/* ---- an account that is ended ---- */

struct ending {
    const char *text;
    struct acme_id id;
    const struct audit_by *by;
    uint64_t now_ms;
    uint32_t order_lifetime_s;
    enum acme_account_status was;
};

static enum store_status end_account(struct store_txn *txn, void *arg)
{
    struct ending *e = arg;
    struct acme_account account;
    enum store_status status = acme_account_load(txn, &e->id, &account);
    e->was = status == STORE_OK ? account.status : 0;
    if (status == STORE_OK && !acme_account_set_status(&account, ACME_ACCOUNT_REVOKED))
        status = STORE_REFUSED;
    if (status == STORE_OK)
        status = acme_account_save(txn, &account);
    if (status == STORE_OK)
        status = acme_account_cancel_orders(txn, &account, e->order_lifetime_s, e->now_ms);
    if (status == STORE_OK)
        status = audit_note(txn, "account deactivated", e->text, NULL, e->by, e->now_ms);
    acme_account_clear(&account);
    return status;
}

void account_deactivate(struct request *request)
{
    struct ending e = {.text = request->argument,
                       .by = &request->by,
                       .now_ms = clock_ms(),
                       .order_lifetime_s = request->config->acme.order_lifetime_s};
    enum store_status status = acme_id_parse(request->argument, strlen(request->argument), &e.id)
                                   ? store_call(request->admin->store, end_account, &e)
                                   : STORE_NOT_FOUND;
    if (status == STORE_REFUSED) {
        answer_error(request->answer, 409, "the account is %s already, for good", acme_account_status_text(e.was));
    } else if (status != STORE_OK) {
        answer_store(request->answer, status, "account");
    } else {
        struct object o;
        log_info("the operator deactivates an account", "account", request->argument);
        object_begin(&o);
        object_text(&o, "account", request->argument);
        object_text(&o, "status", acme_account_status_text(ACME_ACCOUNT_REVOKED));
        object_text(&o, "decided",
                    "refused from its next request on; its orders that are not finalized have ended, and what has not "
                    "been sent to Sectigo ends when its turn comes");
        answer_json(request->answer, 200, object_end(&o));
    }
}
