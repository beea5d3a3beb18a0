#include "gateway/issue/context.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

void issuer_answer(void *work, const struct upstream_reply *reply)
{
    work_answer(work, reply);
}

enum work_next issuer_ask(struct work *work, struct upstream_login *login, enum sectigo_call_kind kind,
                          struct sectigo_form *form)
{
    upstream_call(login, kind, form, issuer_answer, work);
    return WORK_WAIT;
}

struct upstream_login *issuer_login(const struct work *work, const struct subscription *sub, const char *sentence)
{
    const struct issuer *issuer = work->owner;
    const struct config_login *config = config_login_named(work->config, sub->login);
    if (config && strcmp(config->url, sub->endpoint) == 0)
        return upstream_login(issuer->at.upstream, config);
    work->kind->log(work, LOG_LEVEL_ERROR, sentence, sub->login);
    return NULL;
}
