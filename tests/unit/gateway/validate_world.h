/* validate_world: one validation, started on the egress thread and waited for. */
#ifndef TESTS_VALIDATE_WORLD_H
#define TESTS_VALIDATE_WORLD_H

#include "gateway/validate/validate.h"

#include "egress_world.h"

#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define KEY_AUTHORIZATION TOKEN ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"

struct verdict {
    struct world *world;
    const struct validate_config *config;
    struct acme_validation validation;
    struct egress_post post;
    struct ending ending;
    bool starting, early, refused; /* checked by the test's own thread */
    enum acme_problem_type type;
    char detail[ACME_DETAIL_MAX];
    uint64_t until_s;
};

static inline void verdict_done(void *ctx, const struct acme_problem *problem, uint64_t until_s)
{
    struct verdict *verdict = ctx;
    verdict->early = verdict->starting;
    verdict->until_s = until_s;
    verdict->type = problem != NULL ? problem->type : ACME_PROBLEM_NONE;
    snprintf(verdict->detail, sizeof verdict->detail, "%s", problem != NULL ? problem->detail : "");
    ending_come(&verdict->ending);
}

static inline void verdict_start(void *ctx)
{
    struct verdict *verdict = ctx;
    verdict->starting = true;
    verdict->refused =
        !validate_start(verdict->world->egress, verdict->config, &verdict->validation, verdict_done, verdict);
    verdict->starting = false;
    if (verdict->refused)
        ending_come(&verdict->ending);
}

/* Validates value by the challenge; the verdict's type and detail are then set. */
static inline void judge(struct world *world, const struct validate_config *config, enum acme_challenge_type type,
                         const char *value, struct verdict *verdict)
{
    *verdict = (struct verdict){.world = world, .config = config, .validation = {.type = type}};
    struct acme_identifier *identifier = &verdict->validation.identifier;
    bool address = strpbrk(value, "ghijklmnopqrstuvwxyz") == NULL;
    identifier->type = address ? ACME_IP_ADDRESS : ACME_DNS_NAME;
    snprintf(identifier->value, sizeof identifier->value, "%s", value);
    strcpy(verdict->validation.token, TOKEN);
    strcpy(verdict->validation.key_authorization, KEY_AUTHORIZATION);
    ending_start(&verdict->ending);
    world_post(world, &verdict->post, verdict_start, verdict);
    ending_wait(&verdict->ending);
    assert_int_equal(verdict->ending.times, 1);
    assert_false(verdict->early || verdict->refused);
}

static inline void expect_problem(const struct verdict *verdict, enum acme_problem_type type, const char *text)
{
    if (strstr(verdict->detail, text) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", text, verdict->detail);
    assert_int_equal(verdict->type, type);
}

static inline void expect_valid(const struct verdict *verdict)
{
    assert_string_equal(verdict->detail, "");
    assert_int_equal(verdict->type, ACME_PROBLEM_NONE);
}

#endif
