/* calendar: how many certificates end on which day, and of how many of them nothing newer is there. */
#include "acme/certificate.h"
#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/operate/certificates.h"
#include "gateway/operate/overview/rows.h"
#include "gateway/tables.h"

/* Where nobody says how many; at most, since nobody sells longer ones. */
enum { DAYS_SHOWN = 90, DAYS_MOST = 400 };

struct calendar {
    uint32_t today, days;
    uint32_t ending[DAYS_MOST];
};

static bool note_subscription(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct calendar *calendar = ctx;
    struct subscription sub;
    struct acme_certificate certificate = {0};
    struct acme_id id;
    (void)value;
    if (!acme_id_read(key, &id))
        return true;
    if (subscription_load(txn, &id, &sub) == STORE_OK && sub.has_certificate &&
        acme_certificate_load(txn, &sub.certificate, &certificate) == STORE_OK) {
        int64_t day = certificate.not_after_s / DAY_S - calendar->today;
        if (day >= 0 && day < calendar->days && certificate.revocation == ACME_REVOCATION_NONE &&
            !subscription_has_successor(txn, &sub))
            calendar->ending[day]++;
    }
    acme_certificate_clear(&certificate);
    subscription_clear(&sub);
    return true;
}

void calendar_get(struct request *request)
{
    struct scan_from from = {.len = 0};
    struct rows rows;
    uint32_t days = request->days ? request->days : DAYS_SHOWN;
    struct calendar calendar = {.today = (uint32_t)(clock_ms() / DAY_MS), .days = days < DAYS_MOST ? days : DAYS_MOST};
    rows_begin(&rows);
    enum store_status status = scan(request->admin->store, ISSUE_SUBSCRIPTIONS, &from, note_subscription, &calendar);
    for (uint32_t i = 0; i < calendar.days && status == STORE_OK; i++) {
        struct object o;
        object_begin(&o);
        rows_day(&o, calendar.today + i);
        object_number(&o, "certificates", calendar.ending[i]);
        rows_add(&rows, object_end(&o));
    }
    rows_answer(&rows, request, status, "subscriptions");
}
