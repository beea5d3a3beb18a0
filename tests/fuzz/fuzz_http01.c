/* covers: gateway/validate/http01.c
 *
 * What web servers that strangers name answer to http-01, redirects from one to the next among it: each validation ends
 * once, valid by the key authorization alone, and what only inner servers said is not shown.
 *
 * The network is the input (CMakeLists.txt: --wrap). Each answer of it is a line: what became of the request, the HTTP
 * status, flags, as three octets; where it redirects to, a tab, and the body up to the end of the line. */
#include <stdlib.h>

#include "gateway/validate/http01.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __wrap_egress_fetch(struct egress *egress, struct egress_fetch *fetch);
void __wrap_validate_end(struct validate_job *job);
void __wrap_validate_end_later(struct validate_job *job);

enum { CUT = 1, PRIVATE = 2, EXPECTED = 4 }; /* flags; EXPECTED: the body is the key authorization */

static const char KEY_AUTHORIZATION[] = "token.thumbprint", SECRET[] = "within";
static const uint8_t *at, *end; /* what is left of the network */
static unsigned ended, fetches;
static bool proved, hidden; /* by the last answer; SECRET stands in nothing that may be shown */

static const uint8_t *until(int octet, const uint8_t *from, const uint8_t *to)
{
    const uint8_t *found = memchr(from, octet, (size_t)(to - from));
    return found ? found : to;
}

static void answer(struct egress_fetch *fetch, const uint8_t *line, const uint8_t *line_end)
{
    static const long statuses[] = {200, 301, 302, 303, 307, 308, 404, 500, 204, 0};
    const uint8_t *tab = until('\t', line + 3, line_end);
    const uint8_t *body = tab < line_end ? tab + 1 : line_end;
    size_t len = (size_t)(tab - line - 3), room = sizeof fetch->redirect - 1;
    memcpy(fetch->redirect, line + 3, len < room ? len : room);
    fetch->redirect[len < room ? len : room] = '\0';
    len = (size_t)(line_end - body);
    fetch->body_len = len < EGRESS_FETCH_BODY_MAX ? len : EGRESS_FETCH_BODY_MAX;
    memcpy(fetch->body, body, fetch->body_len);
    if (line[2] & EXPECTED) {
        fetch->body_len = sizeof KEY_AUTHORIZATION - 1;
        memcpy(fetch->body, KEY_AUTHORIZATION, fetch->body_len);
    }
    fetch->result = (enum egress_fetch_result)(line[0] % (EGRESS_FETCH_INTERNAL + 1));
    fetch->status = statuses[line[1] % (sizeof statuses / sizeof *statuses)];
    fetch->cut = line[2] & CUT;
    fetch->address = line[2] & PRIVATE ? "10.0.0.1" : "192.0.2.1";
}

/* The real one calls back later; http-01 does nothing between. */
void __wrap_egress_fetch(struct egress *egress, struct egress_fetch *fetch)
{
    static const uint8_t nothing[3] = {EGRESS_FETCH_CONNECTION, 0, 0};
    (void)egress;
    const uint8_t *line = at, *line_end = until('\n', at, end);
    at = line_end < end ? line_end + 1 : end;
    if (line_end - line < 3) {
        line = nothing;
        line_end = nothing + 3;
    }
    fetch->body_len = 0;
    snprintf(fetch->reason, sizeof fetch->reason, "it was so");
    answer(fetch, line, line_end);
    fetch->body[fetch->body_len] = '\0';
    bool own = strcasecmp(fetch->url->host, "a.example") == 0 && !(line[2] & PRIVATE);
    bool shown = memmem(fetch->body, fetch->body_len, SECRET, strlen(SECRET)) || strstr(fetch->redirect, SECRET);
    hidden = hidden && !(own && shown) && !strstr(fetch->url->text, SECRET);
    proved = fetch->result == EGRESS_FETCH_ANSWERED && fetch->status == 200 && !fetch->cut &&
             strncmp(fetch->body, KEY_AUTHORIZATION, sizeof KEY_AUTHORIZATION - 1) == 0;
    fetches++;
    fetch->fn(fetch->ctx, fetch);
}

void __wrap_validate_end(struct validate_job *job)
{
    bool valid = job->problem.type == ACME_PROBLEM_NONE;
    ended++;
    if ((valid && !proved) || (!valid && !job->problem.detail[0]))
        abort();
    if (hidden && strstr(job->problem.detail, SECRET))
        abort();
}

void __wrap_validate_end_later(struct validate_job *job)
{
    __wrap_validate_end(job);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct validate_config config = {.http_port = 80, .tls_port = 443, .redirects_max = 4};
    struct validate_job job = {.config = &config};
    snprintf(job.validation.token, sizeof job.validation.token, "token");
    snprintf(job.validation.key_authorization, sizeof job.validation.key_authorization, "%s", KEY_AUTHORIZATION);
    job.validation.identifier.type = ACME_DNS_NAME;
    snprintf(job.validation.identifier.value, sizeof job.validation.identifier.value, "a.example");
    at = data;
    end = data + size;
    ended = fetches = 0;
    proved = false;
    hidden = true;
    http01_start(&job);
    if (ended != 1 || fetches == 0 || fetches > config.redirects_max + 1)
        abort();
    acme_problem_clear(&job.problem);
    return 0;
}
