#include "gateway/issue/life/pushes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "store/shortage.h"

struct kept {
    struct sectigo_push *push;
    uint64_t until_ms;
};

struct pushes {
    pthread_mutex_t lock;
    struct kept list[PUSHES_MAX]; /* oldest first */
    unsigned count;
};

struct pushes *pushes_make(void)
{
    struct pushes *pushes = shortage_calloc(1, sizeof *pushes);
    if (pushes)
        pthread_mutex_init(&pushes->lock, NULL);
    return pushes;
}

static struct sectigo_push *take_at(struct pushes *pushes, unsigned at)
{
    struct sectigo_push *push = pushes->list[at].push;
    pushes->count--;
    memmove(pushes->list + at, pushes->list + at + 1, (pushes->count - at) * sizeof *pushes->list);
    return push;
}

void pushes_free(struct pushes *pushes)
{
    if (!pushes)
        return;
    while (pushes->count > 0)
        push_free(take_at(pushes, pushes->count - 1));
    pthread_mutex_destroy(&pushes->lock);
    free(pushes);
}

static void drop_old(struct pushes *pushes, uint64_t now_ms)
{
    while (pushes->count > 0 && pushes->list[0].until_ms <= now_ms)
        push_free(take_at(pushes, 0));
}

void pushes_keep(struct pushes *pushes, struct sectigo_push *push, uint64_t now_ms)
{
    pthread_mutex_lock(&pushes->lock);
    drop_old(pushes, now_ms);
    if (pushes->count == PUSHES_MAX)
        push_free(take_at(pushes, 0));
    pushes->list[pushes->count++] = (struct kept){push, now_ms + PUSHES_KEPT_S * 1000};
    pthread_mutex_unlock(&pushes->lock);
}

static bool same(const char *a, const char *b)
{
    return *a && strcmp(a, b) == 0;
}

struct sectigo_push *pushes_take(struct pushes *pushes, const char *order_number, const char *certificate_id,
                                 uint64_t now_ms)
{
    struct sectigo_push *found = NULL;
    pthread_mutex_lock(&pushes->lock);
    drop_old(pushes, now_ms);
    for (unsigned i = 0; i < pushes->count && !found; i++) {
        const struct sectigo_push *push = pushes->list[i].push;
        if (same(push->order_number, order_number) || same(push->certificate_id, certificate_id))
            found = take_at(pushes, i);
    }
    pthread_mutex_unlock(&pushes->lock);
    return found;
}

static bool copy_text(char **to, const char *from)
{
    return !from || (*to = shortage_strdup(from)) != NULL;
}

struct sectigo_push *push_copy(const struct sectigo_push *push)
{
    struct sectigo_push *copy = shortage_malloc(sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *push;
    copy->certificate = copy->ca_certificate = copy->removed_domains = NULL;
    if (copy_text(&copy->certificate, push->certificate) && copy_text(&copy->ca_certificate, push->ca_certificate) &&
        copy_text(&copy->removed_domains, push->removed_domains))
        return copy;
    push_free(copy);
    return NULL;
}

void push_free(struct sectigo_push *push)
{
    if (!push)
        return;
    sectigo_push_clear(push);
    free(push);
}
