#include "gateway/config/current.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

struct config_current {
    pthread_mutex_t lock;
    struct config *config;
};

struct config_current *config_current_make(struct config *config)
{
    struct config_current *current = calloc(1, sizeof *current);
    if (current == NULL)
        return NULL;
    pthread_mutex_init(&current->lock, NULL);
    current->config = config;
    return current;
}

void config_current_free(struct config_current *current)
{
    if (current == NULL)
        return;
    config_drop(current->config);
    pthread_mutex_destroy(&current->lock);
    free(current);
}

/* Only the count of holds is written, which is nobody's to read. */
static atomic_uint *holds_of(const struct config *config)
{
    return &((struct config *)(uintptr_t)config)->holds;
}

const struct config *config_hold(const struct config *config)
{
    atomic_fetch_add(holds_of(config), 1);
    return config;
}

const struct config *config_take(struct config_current *current)
{
    pthread_mutex_lock(&current->lock);
    const struct config *config = config_hold(current->config);
    pthread_mutex_unlock(&current->lock);
    return config;
}

void config_drop(const struct config *config)
{
    if (config != NULL && atomic_fetch_sub(holds_of(config), 1) == 1)
        config_free((struct config *)(uintptr_t)config);
}

void config_replace(struct config_current *current, struct config *fresh)
{
    pthread_mutex_lock(&current->lock);
    struct config *old = current->config;
    current->config = fresh;
    pthread_mutex_unlock(&current->lock);
    config_drop(old);
}
