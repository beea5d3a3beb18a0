#include <stddef.h>

#include "gateway/operate/ctl/command.h"

static const struct column orders[] = {
    {"ORDER", "id"},        {"STATUS", "status"}, {"CREATED", "created_ms"},
    {"PROFILE", "profile"}, {"NAMES", "names"},   {NULL, NULL},
};
static const struct column subscriptions[] = {
    {"SUBSCRIPTION", "id"}, {"STATE", "state"}, {"BOUGHT", "bought_ms"}, {"TERM ENDS", "term_end_ms"},
    {"PAID", "paid_cents"}, {"LOGIN", "login"}, {"NAMES", "names"},      {NULL, NULL},
};
static const struct column issuances[] = {
    {"ISSUANCE", "id"},         {"STATE", "state"}, {"KIND", "kind"}, {"CHANGED", "changed_ms"},
    {"NUMBER", "order_number"}, {"NOTE", "note"},   {NULL, NULL},
};
static const struct column logins[] = {
    {"LOGIN", "login"}, {"STATE", "state"}, {"PAUSED", "paused_ms"}, {"LAST PUSH", "last_push_ms"},
    {"URL", "url"},     {NULL, NULL},
};
static const struct column sums[] = {
    {"MONTH", "month"},
    {"PROFILE", "profile"},
    {"LOGIN", "login"},
    {"PURCHASES", "purchases"},
    {"REPLACEMENTS", "replacements"},
    {"AMOUNT", "amount_cents"},
    {NULL, NULL},
};
static const struct column audit[] = {
    {"TIME", "time_ms"},
    {"WHAT", "what"},
    {"AMOUNT", "amount_cents"},
    {"NUMBER", "order_number"},
    {"ISSUANCE", "issuance"},
    {"NAMES", "names"},
    {NULL, NULL},
};

const struct command commands[] = {
    {{"status", NULL}, NULL, "GET", "/status", 0, NULL, false, "counts, jobs, issuances by state, logins, the store"},
    {{"order", "list"}, NULL, "GET", "/orders", OPTIONS_PAGE, orders, false, "ACME orders, oldest first"},
    {{"order", "show"}, "ORDER", "GET", "/orders/*", 0, NULL, false, "an order with its authorizations and issuance"},
    {{"order", "retry"}, "ORDER", "POST", "/orders/*/retry", 0, NULL, false, "take its next step now"},
    {{"subscription", "list"},
     NULL,
     "GET",
     "/subscriptions",
     OPTIONS_PAGE,
     subscriptions,
     false,
     "paid Sectigo orders, oldest first"},
    {{"subscription", "show"},
     "SUBSCRIPTION",
     "GET",
     "/subscriptions/*",
     0,
     NULL,
     false,
     "one with its family, its queue, and what is under way"},
    {{"issuance", "list"},
     NULL,
     "GET",
     "/issuances",
     OPTIONS_PAGE | OPTION_STATE,
     issuances,
     false,
     "CSRs on their way to a certificate"},
    {{"issuance", "show"}, "ISSUANCE", "GET", "/issuances/*", 0, NULL, false, "one with its numbers and times"},
    {{"upstream", "status"},
     NULL,
     "GET",
     "/upstreams",
     0,
     logins,
     false,
     "the Sectigo logins: open, refused or paused"},
    {{"upstream", "pause"}, "LOGIN", "POST", "/upstreams/*/pause", 0, NULL, false, "buy nothing with it until resumed"},
    {{"upstream", "resume"}, "LOGIN", "POST", "/upstreams/*/resume", 0, NULL, false, "buy again; what is held goes on"},
    {{"cost", NULL}, NULL, "GET", "/cost", 0, sums, false, "what was spent, by month, profile and login"},
    {{"audit", NULL},
     NULL,
     "GET",
     "/audit",
     OPTIONS_PAGE | OPTION_SINCE,
     audit,
     false,
     "every purchase and replacement, oldest first"},
    {{"backup", NULL}, "DIRECTORY", "POST", "/backup", 0, NULL, true, "write a copy of the store into a new folder"},
    {{NULL, NULL}, NULL, NULL, NULL, 0, NULL, false, NULL},
};
