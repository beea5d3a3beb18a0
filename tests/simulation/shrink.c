/* shrink: of what happened in a world that is wrong, what matters: clients who never come, and faults that do not
 * happen, as long as the same rule is broken. From the last to the first, since whatever is left out changes what comes
 * after it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/simulation/sim.h"

enum { ROUNDS = 3, SECONDS_MAX = 120 };

/* What can be left out, by number. */
struct part {
    const char *what;
    void (*leave_out)(unsigned number, bool out);
    unsigned count, left;
    bool *out, *before;
};

static const void *rule;
static unsigned runs;
static time_t until;

/* Whether the same rule is broken still. */
static bool matters_not(bool (*run)(void *ctx), void *ctx)
{
    runs++;
    return !run(ctx) && world_rule() == rule;
}

static void apply(struct part *part)
{
    part->left = 0;
    for (unsigned i = 0; i < part->count; i++) {
        part->leave_out(i, part->out[i]);
        part->left += !part->out[i];
    }
}

static void leave_out(struct part *part, unsigned from, unsigned to, bool (*run)(void *ctx), void *ctx)
{
    unsigned left = part->left;
    memcpy(part->before, part->out, part->count * sizeof *part->out);
    memset(part->out + from, true, to - from);
    apply(part);
    if (part->left == left || (time(NULL) < until && matters_not(run, ctx)))
        return;
    memcpy(part->out, part->before, part->count * sizeof *part->out);
    apply(part);
}

static void shrink_part(struct part *part, bool (*run)(void *ctx), void *ctx)
{
    for (unsigned size = part->count; size > 0; size /= 2) {
        for (unsigned to = part->count; to > 0; to -= to < size ? to : size)
            leave_out(part, to < size ? 0 : to - size, to, run, ctx);
        fprintf(stderr, "%u of %u %s after %u runs\n", part->left, part->count, part->what, runs);
    }
}

bool shrink(unsigned clients, bool (*run)(void *ctx), void *ctx)
{
    struct part parts[] = {{.what = "clients", .leave_out = clients_leave_out, .count = clients},
                           {.what = "faults", .leave_out = chance_leave_out}};
    bool wrong_at_first = !run(ctx);
    rule = world_rule();
    parts[1].count = chance_faults();
    chance_end_at(chance_faults());
    until = time(NULL) + SECONDS_MAX;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        parts[i].left = parts[i].count;
        parts[i].out = calloc(2 * parts[i].count + 1, sizeof *parts[i].out);
        parts[i].before = parts[i].out + parts[i].count;
        if (!parts[i].out)
            abort();
    }
    for (unsigned round = 0; wrong_at_first && round < ROUNDS; round++)
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            shrink_part(&parts[i], run, ctx);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        free(parts[i].out);
    return wrong_at_first;
}
