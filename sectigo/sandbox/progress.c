#include "sectigo/sandbox/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sectigo/sandbox/csr.h"
#include "sectigo/sandbox/issue.h"
#include "sectigo/sandbox/push.h"

enum { PUSH_ATTEMPTS = 3 };

static void add_job(struct sandbox *sandbox, enum job_kind kind, struct order *order, int64_t due_ms, uint64_t number)
{
    struct job job = {.due_ms = due_ms, .kind = kind, .order = order, .number = number};
    if (!worker_add(sandbox, &job))
        fprintf(stderr, "sectigo-sandbox: out of memory, order %s stands still\n", order->number);
}

/* ---- looking ---- */

static const char *endpoint_of(const struct order *order)
{
    return order->kind == ORDER_REPLACEMENT ? "AutoReplaceSSL" : "AutoApplyOrder";
}

void progress_look(struct sandbox *sandbox, struct order *order)
{
    order->looks = 0;
    order->look_generation++;
    add_job(sandbox, JOB_LOOK, order, now_ms(), order->look_generation);
}

static void look_later(struct sandbox *sandbox, struct order *order)
{
    const struct settings *settings = &sandbox->settings;
    int64_t wait_ms = settings->look_first_ms << (order->looks < 20 ? order->looks : 20);
    order->looks++;
    add_job(sandbox, JOB_LOOK, order, now_ms() + (wait_ms < settings->look_max_ms ? wait_ms : settings->look_max_ms),
            order->look_generation);
}

/* One name looked at: what to ask, copied under the lock, and what was found. */
struct look {
    char *name, *method;
    bool due, proved, caa_due;
    char looked[DCV_LOOKED_MAX];
};
struct looks {
    struct look *items;
    size_t count;
    char *md5, *sha256, *unique_value;
    bool follow_redirects, caa_due;
    enum caa_result caa;
    char caa_looked[DCV_LOOKED_MAX];
};

static void looks_clear(struct looks *looks)
{
    for (size_t i = 0; i < looks->count; i++) {
        free(looks->items[i].name);
        free(looks->items[i].method);
    }
    free(looks->items);
    free(looks->md5);
    free(looks->sha256);
    free(looks->unique_value);
}

static bool looks_fill(struct looks *looks, const struct sandbox *sandbox, const struct order *order)
{
    *looks = (struct looks){.follow_redirects = sandbox->settings.fetch_follows_redirects,
                            .caa_due = order->caa_status != STEP_COMPLETED};
    looks->items = calloc(order->domains.count + 1, sizeof *looks->items);
    if (!looks->items || !text_set(&looks->md5, order->csr_md5) || !text_set(&looks->sha256, order->csr_sha256) ||
        !text_set(&looks->unique_value, order->unique_value))
        return false;
    looks->count = order->domains.count;
    for (size_t i = 0; i < looks->count; i++) {
        const struct domain *domain = order_domain(order, i);
        looks->items[i].due = !domain->validated && !domain->removed;
        looks->items[i].caa_due = looks->caa_due && !domain->removed && !domain->additional;
        if (!text_set(&looks->items[i].name, domain->name) || !text_set(&looks->items[i].method, domain->method))
            return false;
    }
    return true;
}

static void look_at_names(struct tools *tools, struct looks *looks)
{
    for (size_t i = 0; i < looks->count; i++) {
        struct look *look = &looks->items[i];
        struct dcv_question question = {
            .name = look->name,
            .method = look->method,
            .md5 = looks->md5,
            .sha256 = looks->sha256,
            .unique_value = looks->unique_value,
            .follow_redirects = looks->follow_redirects,
        };
        if (look->due)
            look->proved = dcv_prove(&tools->dcv, &question, look->looked);
    }
}

/* Only once all names are proved, as close to signing as can be. The first name that is not allowed decides. */
static void look_at_caa(struct tools *tools, struct looks *looks)
{
    looks->caa = CAA_ALLOWED;
    for (size_t i = 0; i < looks->count; i++) {
        if (looks->items[i].due && !looks->items[i].proved && looks->items[i].caa_due)
            looks->caa = CAA_NO_ANSWER;
    }
    for (size_t i = 0; i < looks->count && looks->caa == CAA_ALLOWED; i++) {
        if (looks->items[i].caa_due)
            looks->caa = caa_check(tools->dcv.lookup, looks->items[i].name, looks->caa_looked);
    }
}

static void note_names(struct order *order, const struct looks *looks)
{
    for (size_t i = 0; i < looks->count && i < order->domains.count; i++) {
        struct domain *domain = order_domain(order, i);
        if (!looks->items[i].due || strcmp(domain->name, looks->items[i].name) != 0)
            continue;
        domain->attempts++;
        domain->looked_ms = now_ms();
        domain->validated = looks->items[i].proved;
        text_set(&domain->looked, looks->items[i].looked);
    }
}

static void note_caa(struct sandbox *sandbox, struct order *order, const struct looks *looks)
{
    if (!looks->caa_due)
        return;
    if (*looks->caa_looked)
        text_set(&order->caa_looked, looks->caa_looked);
    if (looks->caa == CAA_ALLOWED)
        order->caa_status = STEP_COMPLETED;
    else if (looks->caa == CAA_FORBIDDEN)
        progress_end(sandbox, order, ORDER_FAILED, "CAA: Not authorized to issue");
}

static bool still_wanted(const struct order *order, uint64_t generation)
{
    return order->state == ORDER_PENDING && order->look_generation == generation;
}

static void run_look(struct sandbox *sandbox, struct tools *tools, const struct job *job)
{
    struct order *order = job->order;
    struct looks looks = {0};
    bool ready;
    pthread_mutex_lock(&sandbox->lock);
    ready = still_wanted(order, job->number) && looks_fill(&looks, sandbox, order);
    pthread_mutex_unlock(&sandbox->lock);
    if (ready) {
        look_at_names(tools, &looks);
        if (looks.caa_due)
            look_at_caa(tools, &looks);
        pthread_mutex_lock(&sandbox->lock);
        if (still_wanted(order, job->number)) {
            note_names(order, &looks);
            note_caa(sandbox, order, &looks);
            if (order->state == ORDER_PENDING) {
                progress_advance(sandbox, order);
                if (order->state == ORDER_PENDING &&
                    (order_dcv_status(order) != STEP_COMPLETED || order->caa_status != STEP_COMPLETED))
                    look_later(sandbox, order);
            }
        }
        pthread_mutex_unlock(&sandbox->lock);
    }
    looks_clear(&looks);
}

/* ---- signing ---- */

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
        add_job(sandbox, JOB_ISSUE, order, now_ms() + sandbox->settings.issue_delay_ms, 0);
    }
    book_save(&sandbox->book, order);
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

/* ---- telling ---- */

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
    bool fires = sandbox->options.push_url && faults_take(&sandbox->faults, endpoint_of(order), FAULT_PUSH, &fault);
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
        add_job(sandbox, JOB_NOTIFY, order, notification->next_ms, order->notifications.count - 1);
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
        add_job(sandbox, JOB_NOTIFY, order, notification->next_ms, number);
    }
    book_save(&sandbox->book, order);
    pthread_cond_broadcast(&sandbox->changed);
}

static void run_notify(struct sandbox *sandbox, struct tools *tools, struct order *order, uint64_t number)
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
    if (wanted && push.certificate && faults_take(&sandbox->faults, endpoint_of(order), FAULT_CARRY, &fault))
        issue_wrong(&sandbox->ca, &push.certificate);
    if (wanted) {
        delivered = push_send(tools->push, &target, &push, result);
        pthread_mutex_lock(&sandbox->lock);
        note_push(sandbox, order, number, delivered, result);
        pthread_mutex_unlock(&sandbox->lock);
    }
    push_clear(&push);
}

/* ---- all together ---- */

void progress_run(struct sandbox *sandbox, struct tools *tools, const struct job *job)
{
    switch (job->kind) {
    case JOB_LOOK:
        run_look(sandbox, tools, job);
        break;
    case JOB_ISSUE:
        run_issue(sandbox, job->order);
        break;
    case JOB_NOTIFY:
        run_notify(sandbox, tools, job->order, job->number);
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
            add_job(sandbox, JOB_ISSUE, order, now_ms() + sandbox->settings.issue_delay_ms, 0);
        for (size_t n = 0; n < order->notifications.count && sandbox->options.push_url; n++) {
            if (!order_notification(order, n)->done)
                add_job(sandbox, JOB_NOTIFY, order, order_notification(order, n)->next_ms, n);
        }
    }
    pthread_mutex_unlock(&sandbox->lock);
}
