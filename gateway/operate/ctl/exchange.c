#include "gateway/operate/ctl/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "gateway/operate/ctl/adoption.h"
#include "gateway/operate/ctl/remote.h"
#include "gateway/operate/ctl/show.h"

enum { ANSWER_MAX = 64 << 20, CONNECT_TIMEOUT_S = 10, TIMEOUT_S = 300, URL_SIZE = 2048, PATH_SIZE = 4096 };

struct answer {
    char *text; /* owned */
    size_t len;
    bool failed;
    char fault[CURL_ERROR_SIZE];
};

static size_t on_reply_body(char *data, size_t size, size_t count, void *ctx)
{
    struct answer *answer = ctx;
    size_t len = size * count;
    char *text = answer->len + len < ANSWER_MAX ? realloc(answer->text, answer->len + len + 1) : NULL;
    if (!text) {
        answer->failed = true;
        return 0;
    }
    memcpy(text + answer->len, data, len);
    answer->text = text;
    answer->len += len;
    text[answer->len] = '\0';
    return len;
}

/* ---- the URL ---- */

static bool add_to_url(CURL *easy, char url[static URL_SIZE], const char *prefix, const char *value)
{
    size_t used = strlen(url);
    char *escaped = curl_easy_escape(easy, value, 0);
    int len = escaped ? snprintf(url + used, URL_SIZE - used, "%s%s", prefix, escaped) : -1;
    curl_free(escaped);
    return len >= 0 && (size_t)len < URL_SIZE - used;
}

/* What stands behind the command and in no path nor body. */
static const char *target_of(const struct asked *asked)
{
    const struct command *command = asked->command;
    return command->body == BODY_NONE && !strchr(command->path, '*') ? asked->argument : NULL;
}

static bool add_query(CURL *easy, char url[static URL_SIZE], const struct asked *asked)
{
    const char *const parameters[][2] = {{"limit=", asked->limit},
                                         {"after=", asked->after},
                                         {"state=", asked->state},
                                         {"since=", asked->since_ms[0] ? asked->since_ms : NULL},
                                         {"name=", asked->name},
                                         {"account=", asked->account},
                                         {"policy=", asked->policy},
                                         {"target=", target_of(asked)},
                                         {"days=", asked->days},
                                         {"months=", asked->months},
                                         {"reason=", asked->reason},
                                         {"refusals=", asked->refusals ? "1" : NULL},
                                         {"newest=", asked->newest ? "1" : NULL},
                                         {"skip_preflight=", asked->skip_preflight ? "1" : NULL},
                                         {"accept_orphans=", asked->accept_orphans ? "1" : NULL},
                                         {"preview=", asked->preview ? "1" : NULL}};
    bool first = true;
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        char prefix[32];
        if (!parameters[i][1])
            continue;
        snprintf(prefix, sizeof prefix, "%c%s", first ? '?' : '&', parameters[i][0]);
        if (!add_to_url(easy, url, prefix, parameters[i][1]))
            return false;
        first = false;
    }
    return true;
}

static bool make_url(CURL *easy, const struct asked *asked, char url[static URL_SIZE])
{
    const char *path = asked->command->path, *star = strchr(path, '*');
    const char *base = asked->url ? asked->url : "http://localhost";
    size_t base_len = strlen(base);
    while (base_len > 0 && base[base_len - 1] == '/')
        base_len--;
    if (base_len > URL_SIZE / 2)
        return false;
    snprintf(url, URL_SIZE, "%.*s%.*s", (int)base_len, base, (int)(star ? star - path : (long)strlen(path)), path);
    if (star && !add_to_url(easy, url, "", asked->argument))
        return false;
    size_t used = strlen(url);
    int len = snprintf(url + used, URL_SIZE - used, "%s", star ? star + 1 : "");
    return len >= 0 && (size_t)len < URL_SIZE - used &&
           (asked->command->body == BODY_ADOPTION || asked->command->body == BODY_TOKEN || add_query(easy, url, asked));
}

/* ---- the body ---- */

/* The daemon has another working folder, and one elsewhere other folders. NULL: said what is wrong. */
static char *backup_body(const struct asked *asked)
{
    const char *directory = asked->argument;
    char here[PATH_SIZE] = "", whole[2 * PATH_SIZE];
    if (directory[0] != '/' && asked->url) {
        fprintf(stderr, "acmegatectl: with --url the folder is one of the gateway's machine: give its path from /\n");
        return NULL;
    }
    if (directory[0] != '/' && !getcwd(here, sizeof here)) {
        fprintf(stderr, "acmegatectl: the working folder cannot be found: %s\n", strerror(errno));
        return NULL;
    }
    int len = snprintf(whole, sizeof whole, "%s%s%s", here, here[0] ? "/" : "", directory);
    json_t *json = len > 0 && (size_t)len < sizeof whole ? json_pack("{s:s}", "directory", whole) : NULL;
    char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!body)
        fprintf(stderr, "acmegatectl: the folder's path is too long or no UTF-8\n");
    return body;
}

/* Texts; the daemon knows what each has to be. NULL: said what is wrong. */
static char *members_body(const struct asked *asked)
{
    json_t *json = json_object();
    int failed = json == NULL;
    for (unsigned i = 0; i < asked->member_count; i++) {
        const char *value = strchr(asked->members[i], '=') + 1;
        failed |=
            json_object_setn_new(json, asked->members[i], (size_t)(value - 1 - asked->members[i]), json_string(value));
    }
    char *body = failed ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (!body)
        fprintf(stderr, "acmegatectl: a KEY=VALUE is no UTF-8\n");
    return body;
}

/* NULL: said what is wrong. */
static char *token_body(const struct asked *asked)
{
    json_t *json = json_pack("{s:s, s:s*}", "role", asked->role, "name", asked->argument);
    if (json && asked->days)
        json_object_set_new(json, "days", json_integer(strtoll(asked->days, NULL, 10)));
    char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!body)
        fprintf(stderr, "acmegatectl: the role or the name is no UTF-8\n");
    return body;
}

/* False: said what is wrong. */
static bool make_body(const struct asked *asked, char **body)
{
    switch (asked->command->body) {
    case BODY_DIRECTORY:
        *body = backup_body(asked);
        return *body != NULL;
    case BODY_MEMBERS:
        *body = members_body(asked);
        return *body != NULL;
    case BODY_ADOPTION:
        *body = adoption_body(asked);
        return *body != NULL;
    case BODY_TOKEN:
        *body = token_body(asked);
        return *body != NULL;
    case BODY_NONE:
        break;
    }
    return true;
}

/* ---- the exchange ---- */

static void set_options(CURL *easy, const struct asked *asked, const char *url, struct answer *answer)
{
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, answer->fault);
    if (!asked->url)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, asked->socket);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, asked->command->slow ? 0L : (long)TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_reply_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
}

static enum outcome read_outcome(CURL *easy, const struct answer *answer, json_t **json)
{
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    *json = answer->text ? json_loadb(answer->text, answer->len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (status == 200 && *json)
        return DONE;
    const char *error = json_string_value(json_object_get(*json, "error"));
    if (error)
        show_complaint(error);
    else
        fprintf(stderr, "acmegatectl: the daemon answers %ld, and not as this program expects\n", status);
    json_decref(*json);
    *json = NULL;
    return status == 404 && error ? NOT_FOUND : FAILED;
}

static enum outcome perform(CURL *easy, const struct asked *asked, struct answer *answer, json_t **json)
{
    CURLcode code = curl_easy_perform(easy);
    if (code == CURLE_OK)
        return read_outcome(easy, answer, json);
    if (answer->failed)
        fprintf(stderr, "acmegatectl: the answer is too large; give --limit\n");
    else if (asked->url)
        remote_complain(asked, code, answer->fault);
    else
        fprintf(stderr,
                "acmegatectl: %s: %s: does acmegate run, is this its admin socket (--socket), and may you use it?\n",
                asked->socket, curl_easy_strerror(code));
    return UNREACHABLE;
}

enum outcome exchange(const struct asked *asked, char **text, json_t **json)
{
    struct answer answer = {0};
    char url[URL_SIZE];
    enum outcome outcome = FAILED;
    char *body = NULL;
    struct curl_slist *headers = NULL;
    CURL *easy = curl_easy_init();
    if (!easy || !make_url(easy, asked, url)) {
        fprintf(stderr, "acmegatectl: out of memory, or an argument is too long\n");
        goto out;
    }
    if (!make_body(asked, &body))
        goto out;
    headers = curl_slist_append(NULL, "Content-Type: application/json");
    set_options(easy, asked, url, &answer);
    if (strcmp(asked->command->method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body ? body : "");
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    }
    if (asked->url && !remote_set(easy, asked, &headers))
        goto out;
    outcome = perform(easy, asked, &answer, json);
out:
    curl_easy_cleanup(easy); /* which knows what is freed below */
    curl_slist_free_all(headers);
    free(body);
    if (outcome == DONE)
        *text = answer.text;
    else
        free(answer.text);
    return outcome;
}
