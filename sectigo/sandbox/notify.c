#include "sectigo/sandbox/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/sandbox/issue.h"
#include "sectigo/sandbox/progress.h"
#include "sectigo/sandbox/push.h"

enum { PUSH_ATTEMPTS = 3 };

static struct notification *add_notification(struct order *order, const struct notice *notice)
{
    struct notification *notification = list_append(&notification_type, &order->notifications);
    if (notification && text_set(&notification->status, notice->status) &&
        text_set(&notification->description, notice->description) &&
        text_set(&notification->verification_code, notice->verification_code) &&
        text_set(&notification->event_type, notice->event_type) &&
        text_set(&notification->removed_domains, notice->removed_domains) &&
        text_set(&notification->certificate_id, order->certificate_id)) {
        notification->status_code = notice->status_code;
        notification->next_ms = now_ms();
        return notification;
    }
    if (notification)
        notification->done = true;
    return NULL;
}

void progress_notify(struct sandbox *sandbox, struct order *order, const struct notice *notice)
{
    struct fault fault = {0};
    bool fires = sandbox->options.push_url && faults_take(&sandbox->faults, order_endpoint(order), FAULT_PUSH, &fault);
    unsigned copies = fires && fault.action == FAULT_PUSH_DUPLICATE ? 2 : 1;
    while (sandbox->options.push_url && copies--) {
        struct notification *notification = add_notification(order, notice);
        if (!notification)
            break;
        if (fires && fault.action == FAULT_PUSH_DROP) {
            notification->done = true;
            text_set(&notification->result, "dropped by a fault");
            break;
        }
        if (fires && fault.action == FAULT_PUSH_DELAY)
            notification->next_ms += (int64_t)(fault.seconds * 1000);
        worker_add(sandbox, JOB_NOTIFY, order, notification->next_ms, order->notifications.count - 1);
    }
    book_save(&sandbox->book, order);
}

void progress_end(struct sandbox *sandbox, struct order *order, enum order_state state, const char *reason)
{
    struct notice notice = {0};
    char text[512];
    order->state = (int)state;
    order->closed_ms = now_ms();
    text_set(&order->reason, reason);
    switch (state) {
    case ORDER_FAILED:
        snprintf(text, sizeof text, "PRE-SIGN FAILED: %s", reason);
        notice = (struct notice){.status = "failed", .description = text, .status_code = 3};
        break;
    case ORDER_REJECTED:
        snprintf(text, sizeof text, "Rejected: %s", reason ? reason : "");
        notice = (struct notice){.status = "rejected", .description = text, .status_code = 7};
        break;
    case ORDER_REVOKED:
        notice = (struct notice){.status = "revoked", .description = "Revoked", .status_code = 8};
        break;
    default:
        notice = (struct notice){.status = "replaced", .description = "Replaced", .status_code = 14};
        break;
    }
    progress_notify(sandbox, order, &notice);
}

static bool copy_notification(const struct notification *from, struct notification *to)
{
    to->status_code = from->status_code;
    return text_set(&to->status, from->status) && text_set(&to->description, from->description) &&
           text_set(&to->verification_code, from->verification_code) && text_set(&to->event_type, from->event_type) &&
           text_set(&to->removed_domains, from->removed_domains) && text_set(&to->certificate_id, from->certificate_id);
}

static bool push_fill(struct push *push, const struct sandbox *sandbox, const struct order *order, uint64_t number)
{
    const struct certificate *certificate = order_certificate(order);
    bool issued = number < order->notifications.count && order_notification(order, number)->status_code == 6;
    *push = (struct push){0};
    if (number >= order->notifications.count || order_notification(order, number)->done)
        return false;
    if (issued && certificate) {
        push->certificate = strdup(certificate->pem);
        push->ca_certificates = issue_chain(&sandbox->ca, order->test, CHAIN_LEAF_FIRST);
        if (!push->certificate || !push->ca_certificates)
            return false;
    }
    push->order_number = strdup(order->number);
    return push->order_number && copy_notification(order_notification(order, number), &push->notification);
}

static void note_push(struct sandbox *sandbox, struct order *order, uint64_t number, bool delivered, const char *result)
{
    struct notification *notification = order_notification(order, number);
    notification->attempts++;
    text_set(&notification->result, result);
    if (delivered)
        notification->delivered_ms = now_ms();
    notification->done = delivered || notification->attempts >= PUSH_ATTEMPTS;
    if (!notification->done) {
        notification->next_ms = now_ms() + sandbox->settings.push_retry_ms * notification->attempts;
        worker_add(sandbox, JOB_NOTIFY, order, notification->next_ms, number);
    }
    book_save(&sandbox->book, order);
    pthread_cond_broadcast(&sandbox->changed);
}

void notify_run(struct sandbox *sandbox, struct tools *tools, struct order *order, uint64_t number)
{
    const struct push_target target = {sandbox->options.push_url, sandbox->options.push_ca,
                                       sandbox->options.push_certificate};
    struct push push;
    struct fault fault;
    char result[PUSH_RESULT_MAX];
    bool wanted, delivered;
    pthread_mutex_lock(&sandbox->lock);
    wanted = push_fill(&push, sandbox, order, number);
    pthread_mutex_unlock(&sandbox->lock);
    if (wanted && push.certificate && faults_take(&sandbox->faults, order_endpoint(order), FAULT_CARRY, &fault))
        issue_wrong(&sandbox->ca, &push.certificate);
    if (wanted) {
        delivered = push_send(tools->push, &target, &push, result);
        pthread_mutex_lock(&sandbox->lock);
        note_push(sandbox, order, number, delivered, result);
        pthread_mutex_unlock(&sandbox->lock);
    }
    push_clear(&push);
}
