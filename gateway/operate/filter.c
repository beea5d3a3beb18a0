#include "gateway/operate/filter.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/operate/view.h"

static bool is_name(const char *filter, const char *name)
{
    char pattern[FILTER_MAX + 2]; /* what is longer fits nothing */
    snprintf(pattern, sizeof pattern, "%s%s", filter[0] == '.' ? "*" : "", filter);
    return fnmatch(pattern, name, FNM_CASEFOLD) == 0;
}

bool filter_any_name(const char *filter, const struct acme_names *names)
{
    bool found = false;
    for (size_t i = 0; !found && i < names->count; i++)
        found = is_name(filter, names->list[i].value);
    return found;
}

bool filter_names(const struct request *request, const struct acme_names *names)
{
    return request->name[0] == '\0' || filter_any_name(request->name, names);
}

static bool is_asked(const char *filter, const char *text)
{
    return filter[0] == '\0' || strcmp(filter, text) == 0;
}

static bool is_account(const struct request *request, const struct acme_id *account)
{
    char text[ACME_ID_TEXT + 1];
    acme_id_text(account, text);
    return is_asked(request->account, text);
}

bool filter_order(const struct request *request, const struct acme_order *order)
{
    return filter_names(request, &order->names) && is_asked(request->policy, order->policy) &&
           is_asked(request->state, acme_order_status_text(order->status)) && is_account(request, &order->account);
}

static bool has_part(const struct request *request, struct store_txn *txn, const struct subscription *sub)
{
    struct acme_certificate certificate;
    struct issuance is;
    bool found = request->account[0] == '\0';
    if (!found && sub->has_certificate) {
        found = acme_certificate_load(txn, &sub->certificate, &certificate) == STORE_OK &&
                is_account(request, &certificate.account);
        acme_certificate_clear(&certificate);
    }
    if (!found && sub->under_way[0]) {
        found = issuance_load(txn, sub->under_way, &is) == STORE_OK && is_account(request, &is.account);
        issuance_clear(&is);
    }
    return found;
}

bool filter_subscription(const struct request *request, struct store_txn *txn, const struct subscription *sub)
{
    return filter_names(request, &sub->names) && is_asked(request->policy, sub->policy) &&
           is_asked(request->state, view_subscription_state(sub->state)) && has_part(request, txn, sub);
}

bool filter_issuance(const struct request *request, struct store_txn *txn, const struct issuance *is)
{
    struct subscription sub;
    if (!is_account(request, &is->account))
        return false;
    if (request->name[0] == '\0' && request->policy[0] == '\0')
        return true;
    bool found = subscription_load(txn, &is->subscription, &sub) == STORE_OK && filter_names(request, &sub.names) &&
                 is_asked(request->policy, sub.policy);
    subscription_clear(&sub);
    return found;
}

bool filter_certificate(const struct request *request, const struct acme_certificate *certificate)
{
    return is_asked(request->policy, certificate->policy) && is_account(request, &certificate->account);
}

bool filter_key(const struct request *request, const struct external_key *key)
{
    return is_asked(request->policy, key->policy) && is_asked(request->state, key->enabled ? "enabled" : "disabled");
}

static bool line_has_name(const struct request *request, const json_t *line)
{
    bool found = request->name[0] == '\0';
    json_t *name;
    size_t i;
    json_array_foreach(json_object_get(line, "names"), i, name)
    {
        found = found || (json_is_string(name) && is_name(request->name, json_string_value(name)));
    }
    return found;
}

static bool line_has(const char *filter, const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));
    return is_asked(filter, text ? text : "");
}

bool filter_audit(const struct request *request, const json_t *line)
{
    bool of_policy = line_has(request->policy, line, "policy") || line_has(request->policy, line, "subject") ||
                     line_has(request->policy, json_object_get(line, "members"), "policy");
    return line_has_name(request, line) && line_has(request->account, line, "account") && of_policy;
}
