/* names: values of labels that people choose. A list only grows, up to its bound, so that a reader needs no lock. */
#include "gateway/metrics/names.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct list {
    atomic_uint count;
    char names[NAMES_MAX][NAME_MAX_LEN + 1];
};

static struct list logins, policies;
static pthread_mutex_t growing = PTHREAD_MUTEX_INITIALIZER;

static unsigned find_name(const struct list *list, unsigned from, unsigned count, const char *name)
{
    for (unsigned i = from; i < count; i++) {
        if (strncmp(list->names[i], name, NAME_MAX_LEN) == 0)
            return i;
    }
    return NAMES_MAX;
}

static unsigned add_name(struct list *list, unsigned looked, const char *name)
{
    pthread_mutex_lock(&growing);
    unsigned count = atomic_load(&list->count), at = find_name(list, looked, count, name);
    if (at == NAMES_MAX && count < NAMES_MAX) {
        at = count;
        snprintf(list->names[at], sizeof list->names[at], "%s", name);
        atomic_store_explicit(&list->count, count + 1, memory_order_release);
    }
    pthread_mutex_unlock(&growing);
    return at;
}

/* What would need an escape in the text format does not get in. */
static void clean(char name[static NAME_MAX_LEN + 1], const char *given)
{
    snprintf(name, NAME_MAX_LEN + 1, "%s", given);
    for (char *at = name; *at; at++)
        *at = *at == '"' || *at == '\\' || (unsigned char)*at < ' ' ? '_' : *at;
}

static unsigned number_of(struct list *list, const char *given)
{
    char name[NAME_MAX_LEN + 1];
    clean(name, given);
    unsigned count = atomic_load_explicit(&list->count, memory_order_acquire), at = find_name(list, 0, count, name);
    return at < NAMES_MAX || count == NAMES_MAX ? at : add_name(list, count, name);
}

static const char *text_of(const struct list *list, unsigned value)
{
    if (value == NAMES_MAX)
        return "other";
    return value < atomic_load_explicit(&list->count, memory_order_acquire) ? list->names[value] : NULL;
}

unsigned metrics_login(const char *name)
{
    return number_of(&logins, name);
}

unsigned metrics_policy(const char *name)
{
    return number_of(&policies, name);
}

const char *names_login(unsigned value)
{
    return text_of(&logins, value);
}

const char *names_policy(unsigned value)
{
    return text_of(&policies, value);
}
