#include "gateway/operate/ask.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Has two owners, the operator's thread and the call: whoever is last frees it. */
struct question {
    struct upstream_login *login;
    enum sectigo_call_kind kind;
    struct sectigo_form form;
    bool balance;
    struct egress_post post;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool ended, abandoned;
    struct ask_answer answer;
};

static void question_free(struct question *question)
{
    pthread_cond_destroy(&question->answered);
    pthread_mutex_destroy(&question->lock);
    sectigo_form_clear(&question->form);
    free(question->answer.body);
    free(question);
}

static void read_reply(struct ask_answer *answer, const struct upstream_reply *reply)
{
    bool there = reply->outcome == UPSTREAM_ANSWERED;
    answer->body = there ? malloc(reply->body_len + 1) : NULL;
    answer->status = 502;
    if (answer->body) {
        memcpy(answer->body, reply->body, reply->body_len);
        answer->body[reply->body_len] = '\0';
        answer->body_len = reply->body_len;
    } else {
        snprintf(answer->reason, sizeof answer->reason, "%.400s",
                 there           ? "out of memory"
                 : reply->reason ? reply->reason
                                 : "no answer");
    }
}

/* On the egress thread. */
static void on_answer(void *ctx, const struct upstream_reply *reply)
{
    struct question *question = ctx;
    pthread_mutex_lock(&question->lock);
    read_reply(&question->answer, reply);
    question->ended = true;
    bool mine = question->abandoned;
    pthread_cond_signal(&question->answered);
    pthread_mutex_unlock(&question->lock);
    if (mine)
        question_free(question);
}

/* On the egress thread. */
static void begin(void *ctx)
{
    struct question *question = ctx;
    if (question->balance)
        upstream_ask_balance(question->login, on_answer, question);
    else
        upstream_call(question->login, question->kind, &question->form, on_answer, question);
}

static struct question *question_make(struct upstream_login *login, enum sectigo_call_kind kind,
                                      struct sectigo_form *form)
{
    struct question *question = calloc(1, sizeof *question);
    pthread_condattr_t monotonic;
    if (!question)
        return NULL;
    question->login = login;
    question->kind = kind;
    question->balance = form == NULL;
    if (form)
        question->form = *form;
    question->post = (struct egress_post){.fn = begin, .ctx = question};
    pthread_mutex_init(&question->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&question->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return question;
}

/* False: no answer in time; the question is the call's alone from here on. */
static bool await(struct question *question)
{
    struct timespec until;
    int error = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ASK_WAIT_S;
    pthread_mutex_lock(&question->lock);
    while (!question->ended && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&question->answered, &question->lock, &until);
    bool ended = question->ended;
    question->abandoned = !ended;
    pthread_mutex_unlock(&question->lock);
    return ended;
}

static bool fail(struct ask_answer *answer, int status, const char *reason)
{
    *answer = (struct ask_answer){.status = status};
    snprintf(answer->reason, sizeof answer->reason, "%s", reason);
    return false;
}

bool ask(struct egress *egress, struct upstream_login *login, enum sectigo_call_kind kind, struct sectigo_form *form,
         struct ask_answer *answer)
{
    struct question *question = question_make(login, kind, form);
    char late[64];
    if (!question && form)
        sectigo_form_clear(form);
    if (!question)
        return fail(answer, 503, "out of memory");
    if (form)
        *form = (struct sectigo_form){0};
    if (!egress_post(egress, &question->post)) {
        question_free(question);
        return fail(answer, 503, "the gateway is stopping");
    }
    snprintf(late, sizeof late, "no answer from Sectigo within %d seconds", ASK_WAIT_S);
    if (!await(question))
        return fail(answer, 504, late);
    *answer = question->answer;
    question->answer.body = NULL;
    question_free(question);
    return answer->body != NULL;
}
