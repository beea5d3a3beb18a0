#include "gateway/notify/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acme/libraries.h"

/* What chat programs take, with room to spare: Teams refuses messages of more than 28 KiB. */
enum { OF_A_KIND = 10, TEXT_MAX = 12000, LINE_MAX_LEN = 1200 };

static const char *member(const json_t *item, const char *key)
{
    const char *text = json_string_value(json_object_get(item, key));
    return text ? text : "";
}

/* How many of this kind come before the index-th. */
static size_t before(const struct message *m, size_t index)
{
    size_t count = 0;
    for (size_t i = 0; i < index; i++)
        count +=
            strcmp(member(json_array_get(m->items, i), "event"), member(json_array_get(m->items, index), "event")) == 0;
    return count;
}

static size_t count_kind(const struct message *m, const char *kind)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(m->items); i++)
        count += strcmp(member(json_array_get(m->items, i), "event"), kind) == 0;
    return count;
}

/* "acme.example.org": URL without scheme and path. */
static void host_of(const char *url, char out[static 100])
{
    const char *at = strstr(url, "://");
    at = at ? at + 3 : url;
    snprintf(out, 100, "%.*s", (int)strcspn(at, "/"), at);
}

void message_subject(const struct message *m, char out[static MESSAGE_SUBJECT_SIZE])
{
    char host[100];
    host_of(m->gateway, host);
    size_t used = (size_t)snprintf(out, MESSAGE_SUBJECT_SIZE, "acmegate %.80s:", host);
    if (json_array_size(m->items) == 0)
        snprintf(out + used, MESSAGE_SUBJECT_SIZE - used, " a test");
    for (unsigned kind = 0; kind < CONFIG_EVENTS; kind++) {
        const char *text = config_event_text((enum config_event)kind);
        size_t count = count_kind(m, text);
        if (count > 0 && used + strlen(text) + 24 < MESSAGE_SUBJECT_SIZE)
            used += (size_t)snprintf(out + used, MESSAGE_SUBJECT_SIZE - used, "%s %zu %s",
                                     out[used - 1] == ':' ? "" : ",", count, text);
    }
}

/* ---- the text ---- */

struct text {
    char *data; /* owned: TEXT_MAX octets */
    size_t used;
};

static void add_line(struct text *text, const char *line)
{
    size_t len = strlen(line);
    if (text->used + len + 2 > TEXT_MAX)
        return;
    memcpy(text->data + text->used, line, len);
    text->used += len;
    text->data[text->used++] = '\n';
    text->data[text->used] = '\0';
}

static void add_notice(struct text *text, const json_t *item)
{
    char line[LINE_MAX_LEN];
    snprintf(line, sizeof line, "[%s] %s", member(item, "event"), member(item, "text"));
    for (char *c = line; *c; c++)
        *c = (unsigned char)*c < ' ' || *c == 127 ? ' ' : *c;
    add_line(text, line);
}

static void add_rest(const struct message *m, struct text *text)
{
    char line[200];
    for (unsigned kind = 0; kind < CONFIG_EVENTS; kind++) {
        const char *word = config_event_text((enum config_event)kind);
        size_t count = count_kind(m, word);
        snprintf(line, sizeof line, "[%s] and %zu more", word, count > OF_A_KIND ? count - OF_A_KIND : 0);
        if (count > OF_A_KIND)
            add_line(text, line);
    }
    snprintf(line, sizeof line, "and %u more that nobody wrote down: acmegatectl status has the numbers", m->left_out);
    if (m->left_out)
        add_line(text, line);
}

char *message_text(const struct message *m)
{
    struct text text = {.data = malloc(TEXT_MAX)};
    const json_t *item;
    size_t i;
    if (!text.data)
        return NULL;
    text.data[0] = '\0';
    if (json_array_size(m->items) == 0)
        add_line(&text, "This is a test: what acmegate has to tell arrives here.");
    json_array_foreach(m->items, i, item)
    {
        if (before(m, i) < OF_A_KIND)
            add_notice(&text, item);
    }
    add_rest(m, &text);
    return text.data;
}

/* ---- the forms ---- */

/* Slack's: what would be markup there is text. */
static char *escape(const char *text)
{
    size_t size = strlen(text) * strlen("&amp;") + 1, used = 0;
    char *out = calloc(1, size);
    for (; out && *text; text++) {
        const char *word = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
        if (word)
            used += (size_t)snprintf(out + used, size - used, "%s", word);
        else
            out[used++] = *text;
    }
    return out;
}

static json_t *plain_json(const struct message *m, const char *text)
{
    struct tm at;
    char time[32] = "";
    time_t seconds = (time_t)(m->now_ms / 1000);
    if (gmtime_r(&seconds, &at))
        strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &at);
    return json_pack("{s:s, s:s, s:s, s:b, s:O, s:I, s:s}", "gateway", m->gateway, "instance", m->instance, "time",
                     time, "test", json_array_size(m->items) == 0, "events", m->items, "left_out",
                     (json_int_t)m->left_out, "text", text);
}

/* https://api.slack.com/messaging/webhooks */
static json_t *slack_json(const char *subject, const char *text)
{
    char *escaped = escape(text);
    json_t *json = escaped ? json_pack("{s:s++++}", "text", "*", subject, "*\n", escaped, "") : NULL;
    free(escaped);
    return json;
}

/* The workflow of Teams that takes webhooks wants an Adaptive Card. */
static json_t *teams_json(const char *subject, const char *text)
{
    return json_pack("{s:s, s:[{s:s, s:{s:s, s:s, s:s, s:[{s:s, s:s, s:s, s:b}, {s:s, s:s, s:b}]}}]}", "type",
                     "message", "attachments", "contentType", "application/vnd.microsoft.card.adaptive", "content",
                     "$schema", "http://adaptivecards.io/schemas/adaptive-card.json", "type", "AdaptiveCard", "version",
                     "1.4", "body", "type", "TextBlock", "text", subject, "weight", "Bolder", "wrap", 1, "type",
                     "TextBlock", "text", text, "wrap", 1);
}

/* A block of code, so that nothing in it is markup, nor calls anybody (@all). */
static json_t *mattermost_json(const char *subject, const char *text)
{
    return json_pack("{s:s++++}", "text", "**", subject, "**\n```\n", text, "```");
}

char *message_body(const struct message *m, enum config_format format)
{
    char subject[MESSAGE_SUBJECT_SIZE];
    char *text = message_text(m), *body = NULL;
    json_t *json = NULL;
    message_subject(m, subject);
    if (text && format == CONFIG_FORMAT_JSON)
        json = plain_json(m, text);
    else if (text && format == CONFIG_FORMAT_SLACK)
        json = slack_json(subject, text);
    else if (text && format == CONFIG_FORMAT_TEAMS)
        json = teams_json(subject, text);
    else if (text)
        json = mattermost_json(subject, text);
    if (json)
        body = libraries_dump(json, JSON_COMPACT);
    json_decref(json);
    free(text);
    return body;
}
