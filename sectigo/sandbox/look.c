#include "sectigo/sandbox/look.h"

#include <stdlib.h>
#include <string.h>

#include "sectigo/sandbox/progress.h"

void progress_look(struct sandbox *sandbox, struct order *order)
{
    order->looks = 0;
    order->look_generation++;
    worker_add(sandbox, JOB_LOOK, order, now_ms(), order->look_generation);
}

static void look_later(struct sandbox *sandbox, struct order *order)
{
    const struct settings *settings = &sandbox->settings;
    int64_t wait_ms = settings->look_first_ms << (order->looks < 20 ? order->looks : 20);
    order->looks++;
    worker_add(sandbox, JOB_LOOK, order, now_ms() + (wait_ms < settings->look_max_ms ? wait_ms : settings->look_max_ms),
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

void look_run(struct sandbox *sandbox, struct tools *tools, const struct job *job)
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
