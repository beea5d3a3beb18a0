#include "gateway/dcv/preflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/dcv/caa.h"
#include "gateway/dcv/global.h"
#include "gateway/egress/fetch.h"
#include "gateway/metrics/metrics.h"
#include "gateway/validate/excerpt.h"

struct preflight {
    struct egress *egress;
    preflight_done_fn *done;
    void *ctx;
    uint32_t timeout_ms;
    const struct config_dcv *dcv;
    bool *not_global;
    char *body; /* wanted */
    struct egress_url url;
    struct egress_fetch fetch;
};

static void end_preflight(struct preflight *preflight, const char *reason)
{
    preflight_done_fn *done = preflight->done;
    void *ctx = preflight->ctx;
    metrics_count(METRIC_PREFLIGHTS, METRIC_LOOK_HTTP, reason[0] == '\0');
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
static void judge_looks(const struct preflight *preflight, char reason[static PREFLIGHT_REASON_MAX])
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

/* Addresses that somebody asked for a moment ago let a look pass, but none fails by them. */
static void on_fetch(void *ctx, struct egress_fetch *fetch)
{
    struct preflight *preflight = ctx;
    char reason[PREFLIGHT_REASON_MAX];
    judge_looks(preflight, reason);
    if (reason[0] != '\0' && fetch->addresses.recent) {
        fetch->recent_ms = 0;
        fetch->deadline_ms = egress_now_ms() + preflight->timeout_ms;
        egress_fetch(preflight->egress, fetch);
        return;
    }
    if (fetch->none_allowed && preflight->not_global != NULL)
        *preflight->not_global = true;
    end_preflight(preflight, reason);
}

static bool may_ask(void *ctx, const struct egress_address *address)
{
    const struct preflight *preflight = ctx;
    return address_is_global(address, &preflight->dcv->global);
}

bool preflight_http(struct egress *egress, const struct preflight_http *want, preflight_done_fn *done, void *ctx)
{
    struct preflight *preflight = calloc(1, sizeof *preflight);
    char *body = strdup(want->body);
    if (preflight == NULL || body == NULL ||
        !egress_url_http(&preflight->url, want->name, want->dcv->http_port, want->path)) {
        free(preflight);
        free(body);
        return false;
    }
    preflight->egress = egress;
    preflight->done = done;
    preflight->ctx = ctx;
    preflight->timeout_ms = want->timeout_ms;
    preflight->dcv = want->dcv;
    preflight->not_global = want->not_global;
    preflight->body = body;
    preflight->fetch.url = &preflight->url;
    preflight->fetch.port = want->dcv->http_port;
    preflight->fetch.view = EGRESS_OUTSIDE_VIEW;
    preflight->fetch.recent_ms = want->recent_ms;
    preflight->fetch.proxy = want->dcv->http_proxy;
    preflight->fetch.may_ask = may_ask;
    preflight->fetch.deadline_ms = egress_now_ms() + want->timeout_ms;
    preflight->fetch.fn = on_fetch;
    preflight->fetch.ctx = preflight;
    egress_fetch(egress, &preflight->fetch);
    return true;
}

/* ---- CNAME ---- */

struct cname_look {
    preflight_done_fn *done;
    void *ctx;
    char owner[256], target[256];
};

/* An uncompressed name of the wire as text without the final dot; octets that no name of ours has become '?'. False
 * where it is none. */
static bool read_name(const uint8_t *wire, size_t len, char text[static 256])
{
    size_t at = 0, out = 0;
    while (at < len && wire[at] != 0) {
        size_t label = wire[at++];
        if (label > 63 || at + label > len || out + label + 1 >= 256)
            return false;
        if (out > 0)
            text[out++] = '.';
        for (size_t i = 0; i < label; i++)
            text[out++] = (char)(wire[at + i] > ' ' && wire[at + i] <= '~' ? wire[at + i] : '?');
        at += label;
    }
    text[out] = '\0';
    return at < len;
}

static void on_cname(void *ctx, const struct egress_dns_answer *answer)
{
    struct cname_look look = *(struct cname_look *)ctx;
    char found[256] = "", reason[PREFLIGHT_REASON_MAX] = "";
    free(ctx);
    if (answer->status != EGRESS_DNS_ANSWER)
        snprintf(reason, sizeof reason, "the CNAME record %.250s -> %.250s cannot be looked up: %.250s", look.owner,
                 look.target, answer->reason);
    else if (answer->record_count != 1 || !read_name(answer->rdata[0], answer->rdata_len[0], found) ||
             strcasecmp(found, look.target) != 0)
        snprintf(reason, sizeof reason, "the CNAME record at %.250s has the target %.250s instead of %.250s",
                 look.owner, found, look.target);
    metrics_count(METRIC_PREFLIGHTS, METRIC_LOOK_CNAME, reason[0] == '\0');
    look.done(look.ctx, reason[0] == '\0', reason);
}

bool preflight_cname(struct egress *egress, const struct preflight_cname *want, preflight_done_fn *done, void *ctx)
{
    struct cname_look *look = calloc(1, sizeof *look);
    if (look == NULL)
        return false;
    look->done = done;
    look->ctx = ctx;
    snprintf(look->owner, sizeof look->owner, "%s", want->owner);
    snprintf(look->target, sizeof look->target, "%s", want->target);
    bool started =
        egress_resolve_in(egress, EGRESS_OUTSIDE_VIEW, look->owner, EGRESS_RR_CNAME, want->timeout_ms, on_cname, look);
    if (!started)
        free(look);
    return started;
}

/* ---- CAA ---- */

struct caa_look {
    struct egress *egress;
    preflight_done_fn *done;
    void *ctx;
    const struct config_strings *identities;
    bool wildcard;
    bool recent; /* of what was climbed over something was answered before, to somebody else */
    uint32_t timeout_ms, recent_ms;
    const char *owner; /* where the search is, within name */
    char name[256];
};

static void end_caa(struct caa_look *look, const char *reason)
{
    preflight_done_fn *done = look->done;
    void *ctx = look->ctx;
    metrics_count(METRIC_PREFLIGHTS, METRIC_LOOK_CAA, reason[0] == '\0');
    free(look);
    done(ctx, reason[0] == '\0', reason);
}

static void on_caa(void *ctx, const struct egress_dns_answer *answer);

/* Of the name itself always anew; those above it are the same for many names. */
static bool ask_caa(struct caa_look *look)
{
    return egress_resolve_recent(look->egress, EGRESS_OUTSIDE_VIEW, look->owner, EGRESS_RR_CAA, look->timeout_ms,
                                 look->owner == look->name ? 0 : look->recent_ms, on_caa, look);
}

static void ask_caa_or_end(struct caa_look *look)
{
    if (!ask_caa(look))
        end_caa(look, "the CAA records cannot be looked up: out of memory");
}

/* A refusal of a moment ago may be mended by now: the whole look is made anew. */
static void look_anew(struct caa_look *look)
{
    look->recent = false;
    look->recent_ms = 0;
    look->owner = look->name;
    ask_caa_or_end(look);
}

/* One label up; from the top there is nothing that restricts. */
static void climb(struct caa_look *look)
{
    const char *dot = strchr(look->owner, '.');
    look->owner = dot != NULL ? dot + 1 : "";
    if (look->owner[0] == '\0')
        end_caa(look, "");
    else
        ask_caa_or_end(look);
}

static void on_caa(void *ctx, const struct egress_dns_answer *answer)
{
    struct caa_look *look = ctx;
    struct caa_set set = {0};
    char reason[PREFLIGHT_REASON_MAX] = "", words[CAA_REASON_MAX];
    look->recent = look->recent || answer->recent;
    if (answer->status == EGRESS_DNS_NODATA || answer->status == EGRESS_DNS_NXDOMAIN) {
        climb(look);
        return;
    }
    for (size_t i = 0; i < answer->record_count; i++)
        caa_read(&set, answer->rdata[i], answer->rdata_len[i], look->identities);
    if (answer->status != EGRESS_DNS_ANSWER)
        snprintf(reason, sizeof reason, "the CAA records of %.250s (for %.250s) cannot be looked up: %.250s",
                 look->owner, look->name, answer->reason);
    else if (!caa_judge(&set, look->owner, look->wildcard, words))
        snprintf(reason, sizeof reason, "%s%.250s: %s", look->wildcard ? "*." : "", look->name, words);
    if (reason[0] != '\0' && look->recent)
        look_anew(look);
    else
        end_caa(look, reason);
}

bool preflight_caa(struct egress *egress, const struct preflight_caa *want, preflight_done_fn *done, void *ctx)
{
    struct caa_look *look = calloc(1, sizeof *look);
    if (look == NULL)
        return false;
    *look = (struct caa_look){.egress = egress,
                              .done = done,
                              .ctx = ctx,
                              .identities = want->identities,
                              .wildcard = strncmp(want->name, "*.", 2) == 0,
                              .timeout_ms = want->timeout_ms,
                              .recent_ms = want->recent_ms};
    snprintf(look->name, sizeof look->name, "%s", want->name + (look->wildcard ? 2 : 0));
    look->owner = look->name;
    bool started = ask_caa(look);
    if (!started)
        free(look);
    return started;
}
