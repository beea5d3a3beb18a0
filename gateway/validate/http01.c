/* http-01, RFC 8555 section 8.3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/egress/fetch.h"
#include "gateway/validate/excerpt.h"
#include "gateway/validate/job.h"
#include "store/shortage.h"

struct http01 {
    struct validate_job *job;
    struct egress_url url;
    unsigned redirects;
    struct egress_fetch fetch;
};

static void end_validation(struct http01 *http01)
{
    struct validate_job *job = http01->job;
    free(http01);
    validate_end(job);
}

static void on_fetch(void *ctx, struct egress_fetch *fetch);

static void fetch(struct http01 *http01, uint16_t port)
{
    http01->fetch.url = &http01->url;
    http01->fetch.port = port;
    http01->fetch.deadline_ms = http01->job->deadline_ms;
    http01->fetch.rules = http01->job->config->rules;
    http01->fetch.fn = on_fetch;
    http01->fetch.ctx = http01;
    http01->fetch.view = EGRESS_OWN_VIEW;
    http01->fetch.proxy = NULL;
    http01->fetch.may_ask = NULL;
    egress_fetch(http01->job->egress, &http01->fetch);
}

/* What the answer said, for a problem. Whoever may order a name could read by it what inner servers answer: shown is
 * only what the name's own server on a public address says. */
static const char *said(const struct http01 *http01, const char *data, size_t len, char out[static EXCERPT_SIZE])
{
    if (strcasecmp(http01->url.host, http01->job->validation.identifier.value) != 0)
        return "(not shown, as another host said it)";
    if (egress_address_private(http01->fetch.address))
        return "(not shown, as it came from a private address)";
    return excerpt(data, len, out);
}

/* ---- redirects ---- */

/* The port to connect to; 0: not one that a redirect may name. Without a port in the URL the configured one is meant.
 */
static uint16_t redirect_port(const struct validate_config *config, const struct egress_url *url)
{
    if (url->port == 0)
        return url->https ? config->tls_port : config->http_port;
    bool allowed =
        url->port == 80 || url->port == 443 || url->port == config->http_port || url->port == config->tls_port;
    return allowed ? url->port : 0;
}

/* False: the problem says why the redirect is not followed. */
static bool judge_redirect(struct http01 *http01, struct egress_url *target, uint16_t *port)
{
    const struct validate_config *config = http01->job->config;
    struct acme_problem *problem = &http01->job->problem;
    const char *from = http01->url.text, *to = http01->fetch.redirect;
    char reason[EGRESS_REASON_MAX], buffer[EXCERPT_SIZE];
    const char *quoted = said(http01, to, strlen(to), buffer);
    if (http01->redirects >= config->redirects_max)
        return acme_problem_set(problem, ACME_CONNECTION, "%.300s: more than %u redirects.", from,
                                config->redirects_max);
    if (!egress_url_parse(to, target, reason))
        return acme_problem_set(problem, target->no_memory ? ACME_SERVER_INTERNAL : ACME_INCORRECT_RESPONSE,
                                "%.300s at %s redirects to %s, which is not followed: %s.", from, http01->fetch.address,
                                quoted, reason);
    if (egress_address_parse(target->host, NULL) && strcmp(target->host, http01->job->validation.identifier.value) != 0)
        return acme_problem_set(
            problem, ACME_INCORRECT_RESPONSE,
            "%.300s at %s redirects to %s, which is not followed: its host is an address, not a name.", from,
            http01->fetch.address, quoted);
    *port = redirect_port(config, target);
    if (*port == 0)
        return acme_problem_set(problem, ACME_INCORRECT_RESPONSE,
                                "%.300s at %s redirects to %s, which is not followed: its port is neither %u nor %u.",
                                from, http01->fetch.address, quoted, config->http_port, config->tls_port);
    return true;
}

static bool is_redirect(const struct egress_fetch *fetch)
{
    static const long statuses[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (fetch->status == statuses[i])
            return fetch->redirect[0] != '\0';
    return false;
}

static void follow(struct http01 *http01)
{
    struct egress_url target;
    uint16_t port = 0;
    if (!judge_redirect(http01, &target, &port)) {
        end_validation(http01);
        return;
    }
    http01->redirects++;
    http01->url = target;
    fetch(http01, port);
}

/* ---- the answer ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Trailing white space does not count (RFC 8555 section 8.3). */
static bool is_key_authorization(const struct egress_fetch *fetch, const char *expected)
{
    size_t len = fetch->body_len;
    while (len > 0 && is_space(fetch->body[len - 1]))
        len--;
    return !fetch->cut && len == strlen(expected) && memcmp(fetch->body, expected, len) == 0;
}

static void judge_answer(struct http01 *http01)
{
    const struct egress_fetch *fetch = &http01->fetch;
    struct acme_problem *problem = &http01->job->problem;
    const char *expected = http01->job->validation.key_authorization;
    char buffer[EXCERPT_SIZE];
    const char *quoted = said(http01, fetch->body, fetch->body_len, buffer);
    if (fetch->status != 200)
        acme_problem_set(problem, ACME_INCORRECT_RESPONSE,
                         "%.300s at %s: HTTP status %ld instead of 200, and the body %s.", http01->url.text,
                         fetch->address, fetch->status, quoted);
    else if (!is_key_authorization(fetch, expected))
        acme_problem_set(problem, ACME_INCORRECT_RESPONSE,
                         "%.300s at %s: the body is %s instead of the key authorization \"%s\".", http01->url.text,
                         fetch->address, quoted, expected);
}

static void on_fetch(void *ctx, struct egress_fetch *fetch)
{
    static const enum acme_problem_type types[] = {
        [EGRESS_FETCH_DNS] = ACME_DNS,
        [EGRESS_FETCH_CONNECTION] = ACME_CONNECTION,
        [EGRESS_FETCH_TLS] = ACME_TLS,
        [EGRESS_FETCH_NOT_HTTP] = ACME_INCORRECT_RESPONSE,
        [EGRESS_FETCH_INTERNAL] = ACME_SERVER_INTERNAL,
    };
    struct http01 *http01 = ctx;
    if (fetch->result == EGRESS_FETCH_ANSWERED && is_redirect(fetch)) {
        follow(http01);
        return;
    }
    if (fetch->result == EGRESS_FETCH_ANSWERED)
        judge_answer(http01);
    else
        acme_problem_set(&http01->job->problem, types[fetch->result], "Fetching %.300s: %s.", http01->url.text,
                         fetch->reason);
    end_validation(http01);
}

void http01_start(struct validate_job *job)
{
    char path[64 + ACME_TOKEN_TEXT];
    struct http01 *http01 = shortage_malloc(sizeof *http01);
    snprintf(path, sizeof path, "/.well-known/acme-challenge/%s", job->validation.token);
    if (http01 == NULL ||
        !egress_url_http(&http01->url, job->validation.identifier.value, job->config->http_port, path)) {
        free(http01);
        acme_problem_set(&job->problem, ACME_SERVER_INTERNAL, "The validation could not be started: out of memory.");
        validate_end_later(job);
        return;
    }
    http01->job = job;
    http01->redirects = 0;
    fetch(http01, job->config->http_port);
}
