#include "sectigo/sandbox/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/sandbox/issue.h"
#include "sectigo/sandbox/look.h"
#include "sectigo/sandbox/notify.h"

/* An extra name that did not validate is left out: "if the additional FQDN fails, Sectigo issues without it". */
static void drop_additional(struct order *order)
{
    for (size_t i = 0; i < order->domains.count; i++) {
        struct domain *domain = order_domain(order, i);
        domain->removed |= domain->additional && !domain->validated;
    }
}

void progress_advance(struct sandbox *sandbox, struct order *order)
{
    if (order->state == ORDER_PENDING && order_complete(order)) {
        drop_additional(order);
        order->state = ORDER_READY;
        worker_add(sandbox, JOB_ISSUE, order, now_ms() + sandbox->settings.issue_delay_ms, 0);
    }
    book_save(&sandbox->book, order);
}

void progress_issue(struct sandbox *sandbox)
{
    for (size_t i = 0; i < sandbox->book.count; i++) {
        if (sandbox->book.orders[i]->state == ORDER_READY)
            worker_add(sandbox, JOB_ISSUE, sandbox->book.orders[i], now_ms(), 0);
    }
}

static void supersede(struct sandbox *sandbox, const struct order *order)
{
    struct order *base = book_find(&sandbox->book, order->base_number);
    for (int64_t n = 0; base && n <= base->replacements; n++) {
        char number[128];
        struct order *earlier;
        snprintf(number, sizeof number, n ? "%srepl#%lld" : "%s", base->number, (long long)n);
        earlier = book_find(&sandbox->book, number);
        if (!earlier || earlier == order || earlier->state != ORDER_ISSUED)
            continue;
        if (sandbox->settings.replacement_revokes) {
            order_certificate(earlier)->revoked_ms = now_ms();
            order_certificate(earlier)->revocation_reason = 4;
            progress_end(sandbox, earlier, ORDER_REVOKED, "superseded");
        } else {
            progress_end(sandbox, earlier, ORDER_REPLACED, NULL);
        }
    }
}

/* Names that were left out, for the notification; malloc'd or NULL. */
static char *removed_names(const struct order *order)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    if (!stream)
        return NULL;
    for (size_t i = 0; i < order->domains.count; i++) {
        if (order_domain(order, i)->removed)
            fprintf(stream, "%s%s", ftell(stream) ? "," : "", order_domain(order, i)->name);
    }
    if (fclose(stream) || !len) {
        free(text);
        return NULL;
    }
    return text;
}

static void note_issued(struct sandbox *sandbox, struct order *order, struct certificate *made)
{
    struct certificate *certificate = list_append(&certificate_type, &order->certificates);
    struct notice notice = {.status = "issued", .description = "Valid", .status_code = 6};
    char *removed = removed_names(order);
    if (!certificate) {
        free(removed);
        return;
    }
    *certificate = *made;
    *made = (struct certificate){0};
    order->state = ORDER_ISSUED;
    order->issued_ms = now_ms();
    notice.removed_domains = removed;
    progress_notify(sandbox, order, &notice);
    free(removed);
    if (order->kind == ORDER_REPLACEMENT)
        supersede(sandbox, order);
}

static void run_issue(struct sandbox *sandbox, struct order *order)
{
    struct issue issue = {0};
    struct certificate certificate = {0};
    bool wanted;
    pthread_mutex_lock(&sandbox->lock);
    wanted = order->state == ORDER_READY && issue_prepare(&issue, &sandbox->book, order);
    pthread_mutex_unlock(&sandbox->lock);
    if (wanted && issue_sign(&issue, &sandbox->ca, &certificate)) {
        pthread_mutex_lock(&sandbox->lock);
        if (order->state == ORDER_READY)
            note_issued(sandbox, order, &certificate);
        pthread_mutex_unlock(&sandbox->lock);
    }
    record_clear(&certificate_type, &certificate);
    issue_clear(&issue);
}

void progress_run(struct sandbox *sandbox, struct tools *tools, const struct job *job)
{
    switch (job->kind) {
    case JOB_LOOK:
        look_run(sandbox, tools, job);
        break;
    case JOB_ISSUE:
        run_issue(sandbox, job->order);
        break;
    case JOB_NOTIFY:
        notify_run(sandbox, tools, job->order, job->number);
        break;
    }
}

void progress_resume(struct sandbox *sandbox)
{
    pthread_mutex_lock(&sandbox->lock);
    for (size_t i = 0; i < sandbox->book.count; i++) {
        struct order *order = sandbox->book.orders[i];
        if (order->state == ORDER_PENDING)
            progress_look(sandbox, order);
        if (order->state == ORDER_READY)
            worker_add(sandbox, JOB_ISSUE, order, now_ms() + sandbox->settings.issue_delay_ms, 0);
        for (size_t n = 0; n < order->notifications.count && sandbox->options.push_url; n++) {
            if (!order_notification(order, n)->done)
                worker_add(sandbox, JOB_NOTIFY, order, order_notification(order, n)->next_ms, n);
        }
    }
    pthread_mutex_unlock(&sandbox->lock);
}
