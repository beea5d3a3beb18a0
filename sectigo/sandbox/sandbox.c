#include "sectigo/sandbox/sandbox.h"

#include <stdio.h>
#include <string.h>

struct account *sandbox_account(struct sandbox *sandbox, const char *name)
{
    for (unsigned i = 0; name && i < sandbox->options.login_count; i++) {
        if (strcmp(sandbox->accounts[i].login->name, name) == 0)
            return &sandbox->accounts[i];
    }
    return NULL;
}

int64_t sandbox_credit(const struct sandbox *sandbox, const struct account *account)
{
    return sandbox->settings.credit_cents - account->spent_cents;
}

static void count_spent(struct sandbox *sandbox)
{
    for (size_t i = 0; i < sandbox->book.count; i++) {
        const struct order *order = sandbox->book.orders[i];
        struct account *account = sandbox_account(sandbox, order->login);
        if (account)
            account->spent_cents += order->debited_cents - order->refunded_cents;
    }
}

/* Settings of the last run, where there are any; the delay of the command line counts for this one. */
static bool open_settings(struct sandbox *sandbox)
{
    json_t *kept = json_object_get(sandbox->book.kept, "settings");
    const char *wrong;
    settings_default(&sandbox->settings);
    if (kept && !record_decode(&settings_type, kept, &sandbox->settings, &wrong)) {
        fprintf(stderr, "sectigo-sandbox: settings of another version in the journal (%s)\n", wrong);
        return false;
    }
    sandbox->settings.issue_delay_ms = sandbox->options.issue_delay_ms;
    return true;
}

/* Certificates tell where the plain listener answers for them; the port has to be known before any is issued. */
static void set_status_url(struct sandbox *sandbox)
{
    const struct options *options = &sandbox->options;
    bool wildcard = strcmp(options->plain_address, "0.0.0.0") == 0 || strcmp(options->plain_address, "::") == 0;
    const char *host = !wildcard ? options->plain_address : options->tls_name ? options->tls_name : "127.0.0.1";
    char url[128];
    if (!*options->plain_address || !options->plain_port)
        return;
    snprintf(url, sizeof url, strchr(host, ':') ? "http://[%.90s]:%u" : "http://%.90s:%u", host, options->plain_port);
    ca_set_status_url(&sandbox->ca, url);
}

bool sandbox_open(struct sandbox *sandbox)
{
    const struct options *options = &sandbox->options;
    char reason[JOURNAL_REASON_MAX], names[512];
    bool wildcard = strcmp(options->address, "0.0.0.0") == 0 || strcmp(options->address, "::") == 0;
    snprintf(names, sizeof names, "localhost,127.0.0.1,::1%s%s%s%s", wildcard ? "" : ",",
             wildcard ? "" : options->address, options->tls_name ? "," : "",
             options->tls_name ? options->tls_name : "");
    pthread_mutex_init(&sandbox->lock, NULL);
    pthread_cond_init(&sandbox->changed, NULL);
    for (unsigned i = 0; i < options->login_count; i++)
        sandbox->accounts[i].login = &options->logins[i];
    if (!ca_open(&sandbox->ca, options->folder, names, reason) || !book_open(&sandbox->book, options->folder, reason)) {
        fprintf(stderr, "sectigo-sandbox: %s\n", reason);
        return false;
    }
    set_status_url(sandbox);
    count_spent(sandbox);
    return faults_open(&sandbox->faults) && calls_open(&sandbox->calls) && open_settings(sandbox);
}

void sandbox_close(struct sandbox *sandbox)
{
    book_close(&sandbox->book);
    ca_close(&sandbox->ca);
    faults_close(&sandbox->faults);
    calls_close(&sandbox->calls);
    record_clear(&settings_type, &sandbox->settings);
    pthread_mutex_destroy(&sandbox->lock);
    pthread_cond_destroy(&sandbox->changed);
}
