#include "sectigo/sandbox/lookup.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DEADLINE_MS = 5000 };

struct lookup {
    struct ub_ctx *context;
};
struct question {
    int done, error;
    struct ub_result *result;
};

/* Options and forwarder first, then threads, then zones: each later step finalises the earlier (libunbound's rule). */
static int configure_lookup(struct ub_ctx *context, const char *resolver)
{
    static const char *const options[][2] = {
        {"cache-max-ttl:", "0"},           {"cache-max-negative-ttl:", "0"}, {"aggressive-nsec:", "no"},
        {"do-not-query-localhost:", "no"}, {"outgoing-range:", "64"},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (ub_ctx_set_option(context, options[i][0], options[i][1]))
            return -1;
    }
    if (resolver ? ub_ctx_set_fwd(context, resolver) : ub_ctx_resolvconf(context, NULL))
        return -1;
    return ub_ctx_async(context, 1) || ub_ctx_zone_remove(context, "test.") ? -1 : 0;
}

struct lookup *lookup_open(const char *resolver)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup && (lookup->context = ub_ctx_create()) && configure_lookup(lookup->context, resolver) == 0)
        return lookup;
    lookup_close(lookup);
    return NULL;
}

void lookup_close(struct lookup *lookup)
{
    if (lookup && lookup->context)
        ub_ctx_delete(lookup->context);
    free(lookup);
}

static void on_looked_up(void *arg, int error, struct ub_result *result)
{
    struct question *question = arg;
    question->done = 1;
    question->error = error;
    question->result = result;
}

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum lookup_status lookup_ask(struct lookup *lookup, const char *name, enum lookup_type type, struct ub_result **result)
{
    struct question question = {0};
    int64_t deadline_ms = clock_ms() + DEADLINE_MS, left_ms = DEADLINE_MS;
    int id = 0;
    *result = NULL;
    if (ub_resolve_async(lookup->context, name, (int)type, 1, &question, on_looked_up, &id))
        return LOOKUP_FAILED;
    while (!question.done && left_ms > 0) {
        struct pollfd wait = {.fd = ub_fd(lookup->context), .events = POLLIN};
        poll(&wait, 1, (int)left_ms);
        ub_process(lookup->context);
        left_ms = deadline_ms - clock_ms();
    }
    if (!question.done)
        ub_cancel(lookup->context, id);
    if (!question.done || question.error || !question.result)
        return LOOKUP_FAILED;
    if (!question.result->havedata || question.result->bogus) {
        int failed = question.result->bogus || (question.result->rcode != 0 && question.result->rcode != 3);
        ub_resolve_free(question.result);
        return failed ? LOOKUP_FAILED : LOOKUP_NONE;
    }
    *result = question.result;
    return LOOKUP_FOUND;
}

static size_t add_addresses(const struct ub_result *result, int family, int size, char (*out)[46], size_t max)
{
    size_t count = 0;
    for (size_t i = 0; result->data[i] && count < max; i++) {
        if (result->len[i] == size && inet_ntop(family, result->data[i], out[count], sizeof out[count]))
            count++;
    }
    return count;
}

size_t lookup_addresses(struct lookup *lookup, const char *name, char (*out)[46], size_t max, int *failed)
{
    struct ub_result *result;
    size_t count = 0;
    enum lookup_status status = lookup_ask(lookup, name, LOOKUP_A, &result);
    *failed = status == LOOKUP_FAILED;
    if (status == LOOKUP_FOUND) {
        count = add_addresses(result, AF_INET, 4, out, max);
        ub_resolve_free(result);
    }
    status = lookup_ask(lookup, name, LOOKUP_AAAA, &result);
    *failed |= status == LOOKUP_FAILED;
    if (status == LOOKUP_FOUND) {
        count += add_addresses(result, AF_INET6, 16, out + count, max - count);
        ub_resolve_free(result);
    }
    return count;
}
