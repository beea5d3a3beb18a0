/* A resolver that sent garbage for a while is asked like any other within seconds of its first answer: the library
 * remembers for minutes how slow one was, and would answer SERVFAIL by itself meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/egress/internal.h"

#include "egress_world.h"

enum { NAMES = 16, GARBAGE_MS = 45000, ROUND_MS = 200, PATIENCE_MS = 3000, FORGOTTEN_MS = 10000 };

struct asked {
    struct world *world;
    const char *name;
    struct egress_post post;
    struct ending ending;
    enum egress_dns_status status;
    char reason[EGRESS_REASON_MAX];
};

static char names[NAMES][32];
static struct dns_row bad[NAMES + 1], good[NAMES + 1];

static void on_answer(void *ctx, const struct egress_dns_answer *answer)
{
    struct asked *asked = ctx;
    asked->status = answer->status;
    snprintf(asked->reason, sizeof asked->reason, "%s", answer->reason);
    ending_come(&asked->ending);
}

static void ask_text(void *ctx)
{
    struct asked *asked = ctx;
    assert_true(egress_resolve(asked->world->egress, asked->name, DNS_TXT, PATIENCE_MS, on_answer, asked));
}

/* All names at once, until the last one has its answer. */
static unsigned count_answers(struct world *world)
{
    static struct asked asked[NAMES];
    unsigned answers = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        asked[i].world = world;
        asked[i].name = names[i];
        ending_start(&asked[i].ending);
        world_post(world, &asked[i].post, ask_text, &asked[i]);
    }
    for (unsigned i = 0; i < NAMES; i++) {
        ending_wait(&asked[i].ending);
        answers += asked[i].status == EGRESS_DNS_ANSWER ? 1 : 0;
    }
    return answers;
}

static void is_asked_as_soon_as_it_answers(void **state)
{
    struct world world;
    (void)state;
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(names[i], sizeof names[i], "n%u.example", i);
        bad[i] = (struct dns_row){names[i], DNS_TXT, NULL, DNS_GARBAGE};
        good[i] = (struct dns_row){names[i], DNS_TXT, "text", 0};
    }
    world_start(&world, bad);
    for (uint64_t until_ms = egress_now_ms() + GARBAGE_MS; egress_now_ms() < until_ms;) {
        assert_int_equal(count_answers(&world), 0);
        poll(NULL, 0, ROUND_MS);
    }
    world.dns.rows = good;
    uint64_t back_ms = egress_now_ms();
    while (count_answers(&world) < NAMES) /* what was learned of it in the last second still counts */
        assert_true(egress_now_ms() - back_ms < FORGOTTEN_MS);
    for (unsigned round = 0; round < 5; round++)
        assert_int_equal(count_answers(&world), NAMES);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_asked_as_soon_as_it_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
