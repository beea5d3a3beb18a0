#include "gateway/operate/web/web.h"

#include <stdlib.h>
#include <string.h>

/* Its own scripts and styles, and nothing from anywhere else; nor may a page of others frame it. */
static const char POLICY[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                             "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct web_file *find_file(const char *path)
{
    for (size_t i = 0; i < web_files_count; i++) {
        if (strcmp(web_files[i].path, path) == 0)
            return &web_files[i];
    }
    return NULL;
}

/* The browser has this one already, perhaps among others (RFC 9110 section 13.1.2). */
static bool is_known(const struct http_call *call, const struct web_file *file)
{
    return strstr(call->if_none_match, file->etag) != NULL;
}

bool web_serve(const struct http_call *call, struct http_answer *answer)
{
    const struct web_file *file = find_file(call->path);
    if (!file)
        return false;
    if (strcmp(call->method, "GET") != 0 && strcmp(call->method, "HEAD") != 0) {
        http_answer_text(answer, 405, "this is read with GET\n");
        answer->allow = "GET, HEAD";
        return true;
    }
    answer->status = is_known(call, file) ? 304 : 200;
    answer->content_type = file->type;
    answer->etag = file->etag;
    answer->cache_control = "no-cache"; /* asked for each time, sent where it has changed */
    answer->security_policy = POLICY;
    answer->body = malloc(file->len ? file->len : 1);
    if (!answer->body) {
        answer->status = 503;
        return true;
    }
    memcpy(answer->body, file->data, file->len);
    answer->body_len = file->len;
    return true;
}
