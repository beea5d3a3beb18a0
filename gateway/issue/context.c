#include "gateway/issue/context.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* After the store would not take a step (a full disk, say). */
enum { UNSTORED_REST_MIN_MS = 1000, UNSTORED_REST_MAX_MS = 30 * 1000 };

void issuer_debug_stop(const struct issuer *issuer, const char *point)
{
    static atomic_flag frozen = ATOMIC_FLAG_INIT;
    if (!issuer->stop_at || strcmp(issuer->stop_at, point) != 0)
        return;
    if (!issuer->freezes)
        kill(getpid(), SIGKILL);
    else if (!atomic_flag_test_and_set(&frozen))
        raise(SIGSTOP); /* this thread goes no further */
}

void issuer_debug_commit(const struct issuer *issuer, enum issuance_state from, enum issuance_state to, bool before)
{
    char point[64];
    if (!issuer->stop_at)
        return;
    snprintf(point, sizeof point, "%s%s%s", issuance_state_text(to), from == to ? "-again" : "",
             before ? ":before" : "");
    issuer_debug_stop(issuer, point);
}

const struct config_profile *issuer_profile(const struct issuer *issuer, const char *name)
{
    const struct config *config = issuer->at.config;
    for (unsigned i = 0; i < config->profile_count; i++) {
        if (strcmp(config->profiles[i].name, name) == 0)
            return &config->profiles[i];
    }
    return NULL;
}

void issuer_note_stored(struct issuer *issuer, bool stored)
{
    uint_least64_t never = 0;
    if (stored)
        atomic_store(&issuer->unstored_ms, 0);
    else
        atomic_compare_exchange_strong(&issuer->unstored_ms, &never, egress_now_ms());
}

uint64_t issuer_unstored_rest_ms(struct issuer *issuer)
{
    uint64_t since_ms = atomic_load(&issuer->unstored_ms);
    uint64_t rest_ms = since_ms ? egress_now_ms() - since_ms : 0;
    return rest_ms < UNSTORED_REST_MIN_MS   ? UNSTORED_REST_MIN_MS
           : rest_ms > UNSTORED_REST_MAX_MS ? UNSTORED_REST_MAX_MS
                                            : rest_ms;
}
