/* look_ends: what is going to expire. */
#include <stdio.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "acme/certificate.h"
#include "acme/durations.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/notify/look.h"
#include "gateway/scan.h"
#include "gateway/tables.h"

struct looking {
    const struct look *look;
    struct events *events;
};

static bool ends_soon(const struct look *look, uint64_t end_ms)
{
    return end_ms > look->now_ms && end_ms <= look->now_ms + (uint64_t)look->config->notify.expiring_s * SECOND_MS;
}

/* ---- certificates that nothing renews ---- */

static void add_certificate(struct looking *looking, const struct subscription *sub,
                            const struct acme_certificate *certificate)
{
    struct event event = {.kind = CONFIG_EVENT_EXPIRING, .since_ms = (uint64_t)certificate->not_after_s * SECOND_MS};
    char names[EVENT_NAMES_SIZE], end[EVENT_TIME_SIZE];
    acme_id_text(&certificate->id, event.subject);
    snprintf(event.policy, sizeof event.policy, "%s", sub->policy);
    event_names(&sub->names, names);
    event_time(event.since_ms, end);
    events_add(looking->events, &event,
               "The certificate of %s (policy %s) ends at %s, and nothing has renewed it: look after its ACME client. "
               "acmegatectl certificate show %s",
               names, sub->policy, end, event.subject);
}

static bool is_unrenewed(struct store_txn *txn, const struct subscription *sub,
                         const struct acme_certificate *certificate)
{
    return certificate->revocation == ACME_REVOCATION_NONE && !certificate->has_replacement &&
           !subscription_has_successor(txn, sub);
}

static bool look_at_subscription(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct looking *looking = ctx;
    struct subscription sub;
    struct acme_certificate certificate = {0};
    struct acme_id id;
    (void)value;
    if (!acme_id_read(key, &id))
        return true;
    if (subscription_load(txn, &id, &sub) == STORE_OK && sub.has_certificate &&
        acme_certificate_load(txn, &sub.certificate, &certificate) == STORE_OK &&
        ends_soon(looking->look, (uint64_t)certificate.not_after_s * SECOND_MS) &&
        is_unrenewed(txn, &sub, &certificate))
        add_certificate(looking, &sub, &certificate);
    acme_certificate_clear(&certificate);
    subscription_clear(&sub);
    return true;
}

/* ---- the listeners' own ---- */

/* When the first certificate of the file ends, 0 where that cannot be told. */
static uint64_t end_of(const char *path)
{
    struct tm when;
    uint64_t end_ms = 0;
    FILE *file = fopen(path, "re");
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    if (certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) == 1)
        end_ms = (uint64_t)timegm(&when) * SECOND_MS;
    X509_free(certificate);
    return end_ms;
}

/* Also where it has ended: clients cannot connect. */
static void look_at_listener(const struct looking *looking, const char *listener, const struct config_tls *tls)
{
    struct event event = {.kind = CONFIG_EVENT_TLS};
    char end[EVENT_TIME_SIZE];
    event.since_ms = tls->certificate ? end_of(tls->certificate) : 0;
    if (event.since_ms == 0 ||
        event.since_ms > looking->look->now_ms + (uint64_t)looking->look->config->notify.expiring_s * SECOND_MS)
        return;
    event_time(event.since_ms, end);
    snprintf(event.subject, sizeof event.subject, "%s %s", listener, end);
    events_add(looking->events, &event,
               "The gateway's own certificate of the %s listener ends at %s (%s): renew it, then systemctl reload "
               "acmegate.",
               listener, end, tls->certificate);
}

void look_at_ends(const struct look *look, struct events *events)
{
    struct looking looking = {look, events};
    const struct scan_from from = {.len = 0};
    events->looked[CONFIG_EVENT_EXPIRING] = events->looked[CONFIG_EVENT_TLS] = true;
    if (scan(look->store, ISSUE_SUBSCRIPTIONS, &from, look_at_subscription, &looking) != STORE_OK)
        events->looked[CONFIG_EVENT_EXPIRING] = false;
    look_at_listener(&looking, "acme", &look->config->acme.tls);
    look_at_listener(&looking, "public", &look->config->public.tls);
    look_at_listener(&looking, "metrics", &look->config->metrics.tls);
}
