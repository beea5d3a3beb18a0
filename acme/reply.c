#include "acme/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acme/libraries.h"
#include "store/shortage.h"

static char out_of_memory[] =
    "{\"type\":\"urn:ietf:params:acme:error:serverInternal\",\"detail\":\"" ACME_OUT_OF_MEMORY "\",\"status\":503}";
static const char problem_type[] = "application/problem+json";

void acme_url(const struct acme_view *acme, const char *kind, const struct acme_id *id, const char *tail,
              char url[static ACME_URL_MAX])
{
    char text[ACME_ID_TEXT + 1];
    acme_id_text(id, text);
    snprintf(url, ACME_URL_MAX, "%s/acme/%s/%s%s", acme->config.base_url, kind, text, tail);
}

void acme_path_url(const struct acme_view *acme, const char *path, char url[static ACME_URL_MAX])
{
    snprintf(url, ACME_URL_MAX, "%s%s", acme->config.base_url, path);
}

void acme_challenge_url(const struct acme_view *acme, const struct acme_id *authz, enum acme_challenge_type type,
                        char url[static ACME_URL_MAX])
{
    char tail[32];
    snprintf(tail, sizeof tail, "/%s", acme_challenge_type_text(type));
    acme_url(acme, "challenge", authz, tail, url);
}

json_t *acme_url_json(const struct acme_view *acme, const char *kind, const struct acme_id *id, const char *tail)
{
    char url[ACME_URL_MAX];
    acme_url(acme, kind, id, tail, url);
    return json_string(url);
}

json_t *acme_time_json(uint64_t seconds)
{
    char text[32];
    time_t when = (time_t)seconds;
    struct tm utc;
    if (!gmtime_r(&when, &utc) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        return NULL;
    return json_string(text);
}

json_t *acme_stored_problem_json(const char *document)
{
    return json_loads(document, JSON_REJECT_DUPLICATES, NULL);
}

static void free_body(struct acme_reply *reply)
{
    if (reply->body != out_of_memory)
        free(reply->body);
    reply->body = NULL;
    reply->body_len = 0;
}

void acme_reply_clear(struct acme_reply *reply)
{
    while (reply->link_count > 0)
        free(reply->links[--reply->link_count]);
    free_body(reply);
}

static void set_body(struct acme_reply *reply, int status, const char *content_type, char *body, size_t len)
{
    free_body(reply);
    reply->status = status;
    reply->content_type = content_type;
    reply->body = body;
    reply->body_len = len;
}

void acme_reply_out_of_memory(struct acme_reply *reply)
{
    set_body(reply, 503, problem_type, out_of_memory, sizeof out_of_memory - 1);
    reply->retry_after_s = ACME_RETRY_MEMORY_S;
}

static void reply_with(struct acme_task *task, int status, const char *content_type, json_t *json)
{
    char *body = json ? libraries_dump(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (body)
        set_body(&task->reply, status, content_type, body, strlen(body));
    else
        acme_reply_out_of_memory(&task->reply);
}

void acme_reply_json(struct acme_task *task, int status, json_t *json)
{
    reply_with(task, status, "application/json", json);
}

void acme_reply_text(struct acme_task *task, const char *content_type, char *body, size_t len)
{
    if (body)
        set_body(&task->reply, 200, content_type, body, len);
    else
        acme_reply_out_of_memory(&task->reply);
}

/* Whatever was found wrong while memory was short: it may be right. */
enum acme_step acme_refuse(struct acme_task *task)
{
    if (shortage_count() != task->shortages)
        acme_problem_out_of_memory(&task->problem);
    task->refused = true;
    task->reply.retry_after_s = task->problem.retry_after_s;
    reply_with(task, task->problem.status, problem_type, acme_problem_json(&task->problem));
    return ACME_DONE;
}

void acme_reply_link(struct acme_task *task, const char *url, const char *rel)
{
    struct acme_reply *reply = &task->reply;
    if (reply->link_count < ACME_LINKS_MAX &&
        asprintf(&reply->links[reply->link_count], "<%s>;rel=\"%s\"", url, rel) >= 0)
        reply->link_count++;
}
