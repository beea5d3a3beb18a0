#include "gateway/dcv/preflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/egress/fetch.h"
#include "gateway/validate/excerpt.h"

struct preflight {
    preflight_done_fn *done;
    void *ctx;
    char *body; /* wanted */
    struct egress_url url;
    struct egress_fetch fetch;
};

static void end(struct preflight *preflight, const char *reason)
{
    preflight_done_fn *done = preflight->done;
    void *ctx = preflight->ctx;
    free(preflight->body);
    free(preflight);
    done(ctx, reason[0] == '\0', reason);
}

/* ---- comparing ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next line off the text, without white space at its end. */
static size_t next_line(const char **text, const char *end_of_text, const char **line)
{
    *line = *text;
    const char *line_end = memchr(*text, '\n', (size_t)(end_of_text - *text));
    if (line_end == NULL)
        line_end = end_of_text;
    *text = line_end < end_of_text ? line_end + 1 : end_of_text;
    size_t len = (size_t)(line_end - *line);
    while (len > 0 && is_blank((*line)[len - 1]))
        len--;
    return len;
}

/* Line by line; a text that ends stands for empty lines. */
static bool same_lines(const char *a, size_t a_len, const char *b, size_t b_len)
{
    const char *a_end = a + a_len, *b_end = b + b_len;
    while (a < a_end || b < b_end) {
        const char *a_line, *b_line;
        size_t a_line_len = next_line(&a, a_end, &a_line);
        size_t b_line_len = next_line(&b, b_end, &b_line);
        if (a_line_len != b_line_len || memcmp(a_line, b_line, a_line_len) != 0)
            return false;
    }
    return true;
}

/* ---- judging ---- */

/* Leaves the reason empty when all is well. */
static void judge(const struct preflight *preflight, char reason[static PREFLIGHT_REASON_MAX])
{
    const struct egress_fetch *fetch = &preflight->fetch;
    const char *url = preflight->url.text;
    char found[EXCERPT_SIZE], wanted[EXCERPT_SIZE];
    excerpt(fetch->body, fetch->body_len, found);
    reason[0] = '\0';
    if (fetch->result != EGRESS_FETCH_ANSWERED)
        snprintf(reason, PREFLIGHT_REASON_MAX, "%.400s cannot be fetched: %.500s", url, fetch->reason);
    else if (fetch->redirect[0] != '\0')
        snprintf(reason, PREFLIGHT_REASON_MAX,
                 "%.400s at %s port %u redirects (HTTP status %ld) to %.200s, which Sectigo does not follow", url,
                 fetch->address, fetch->port, fetch->status, fetch->redirect);
    else if (fetch->status != 200)
        snprintf(reason, PREFLIGHT_REASON_MAX, "%.400s at %s port %u: HTTP status %ld instead of 200, and the body %s",
                 url, fetch->address, fetch->port, fetch->status, found);
    else if (fetch->cut || !same_lines(fetch->body, fetch->body_len, preflight->body, strlen(preflight->body)))
        snprintf(reason, PREFLIGHT_REASON_MAX, "%.400s at %s port %u: the body is %s instead of %s", url,
                 fetch->address, fetch->port, found, excerpt(preflight->body, strlen(preflight->body), wanted));
}

static void on_fetch(void *ctx, struct egress_fetch *fetch)
{
    (void)fetch;
    struct preflight *preflight = ctx;
    char reason[PREFLIGHT_REASON_MAX];
    judge(preflight, reason);
    end(preflight, reason);
}

bool preflight_http(struct egress *egress, const struct preflight_http *want, preflight_done_fn *done, void *ctx)
{
    struct preflight *preflight = calloc(1, sizeof *preflight);
    char *body = strdup(want->body);
    if (preflight == NULL || body == NULL || !egress_url_http(&preflight->url, want->name, want->port, want->path)) {
        free(preflight);
        free(body);
        return false;
    }
    preflight->done = done;
    preflight->ctx = ctx;
    preflight->body = body;
    preflight->fetch.url = &preflight->url;
    preflight->fetch.port = want->port;
    preflight->fetch.deadline_ms = egress_now_ms() + want->timeout_ms;
    preflight->fetch.fn = on_fetch;
    preflight->fetch.ctx = preflight;
    egress_fetch(egress, &preflight->fetch);
    return true;
}
