#include "acme/remark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/route.h"
#include "store/shortage.h"

/* A list of texts as one, cut at a bound; what did not fit is counted. */
struct list {
    char *text;
    size_t len;
    unsigned left_out;
};

static const char too_many[] = " and 4294967295 more";

static void add_words(struct list *list, const char *text, const char *between)
{
    size_t len = strlen(text);
    if (!list->text)
        list->text = shortage_calloc(1, ACME_REMARK_NAMES_MAX + sizeof too_many);
    if (!list->text || list->left_out > 0 || list->len + len + 2 > ACME_REMARK_NAMES_MAX) {
        list->left_out++;
        return;
    }
    list->len +=
        (size_t)snprintf(list->text + list->len, ACME_REMARK_NAMES_MAX, "%s%s", list->len ? between : "", text);
}

/* The text, owned by the caller; NULL: there was none. */
static char *finish_list(struct list *list)
{
    if (list->text && list->left_out > 0)
        snprintf(list->text + list->len, sizeof too_many, " and %u more", list->left_out);
    return list->text;
}

static void add_identifier(struct list *list, const json_t *identifier)
{
    const char *value = json_string_value(json_object_get(identifier, "value"));
    if (value)
        add_words(list, value, ", ");
}

/* As they were asked for: what is refused may be no name at all. */
static char *asked_names(const json_t *payload)
{
    struct list list = {0};
    size_t i;
    const json_t *identifier;
    json_array_foreach(json_object_get(payload, "identifiers"), i, identifier) add_identifier(&list, identifier);
    add_identifier(&list, json_object_get(payload, "identifier"));
    return finish_list(&list);
}

static char *known_names(const struct acme_task *task)
{
    struct list list = {0};
    for (size_t i = 0; i < task->order.names.count; i++)
        add_words(&list, task->order.names.list[i].value, ", ");
    if (!list.text && task->authz.identifier.value[0])
        add_words(&list, task->authz.identifier.value, ", ");
    return finish_list(&list);
}

void acme_note_names(struct acme_exchange *x, struct acme_task *task)
{
    struct acme_problem ignored = {0};
    if (task->verified && !x->payload && !acme_is_post_as_get(x))
        x->payload = acme_json_parse(x->jws.payload, x->jws.payload_len, "payload", &ignored);
    acme_problem_clear(&ignored);
    free(task->remark_names);
    task->remark_names = asked_names(x->payload);
}

/* What is said of each name says more than what is said of all. */
static char *subproblem_details(const struct acme_problem *problem)
{
    struct list list = {0};
    size_t i;
    const json_t *sub;
    json_array_foreach(json_object_get(problem->extra, "subproblems"), i, sub)
    {
        const char *detail = json_string_value(json_object_get(sub, "detail"));
        if (detail)
            add_words(&list, detail, " ");
    }
    return finish_list(&list);
}

/* A CSR that is going to become a certificate: who asked for what may cost money. */
static bool is_accepted(const struct acme_task *task)
{
    return !task->refused && strcmp(acme_resource_text(task->route), "finalize") == 0;
}

/* A stale nonce is cured by the client itself, with every reply; what anybody may fetch is asked by everybody. */
static bool is_worth_a_line(const struct acme_task *task)
{
    return task->resource &&
           ((task->refused && task->problem.type != ACME_BAD_NONCE) || task->foreign_replaces || is_accepted(task));
}

static const char *known(const char *text)
{
    return text && *text ? text : NULL;
}

bool acme_task_remark(struct acme_task *task, struct acme_remark *remark)
{
    if (!is_worth_a_line(task))
        return false;
    if (!task->remark_names)
        task->remark_names = known_names(task);
    free(task->remark_reason);
    task->remark_reason = task->refused ? subproblem_details(&task->problem) : NULL;
    *remark = (struct acme_remark){
        .msg = task->refused       ? "a request is refused"
               : is_accepted(task) ? "a CSR is accepted"
                                   : "a newOrder replaces what was not issued here; that is ignored",
        .request = task->resource,
        .account = known(task->asker),
        .external_key = known(task->account.external_key[0] ? task->account.external_key : task->named_key),
        .policy = known(task->account.policy),
        .order = strcmp(task->subject, task->asker) == 0 ? NULL : known(task->subject),
        .names = task->remark_names,
        .serial = known(task->serial),
        .replaces = task->refused ? NULL : task->order.replaces,
        .problem = task->refused ? strrchr(acme_problem_urn(task->problem.type), ':') + 1 : NULL,
        .reason = task->refused ? (task->remark_reason ? task->remark_reason : task->problem.detail) : NULL,
    };
    return true;
}
