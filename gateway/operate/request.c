#include "gateway/operate/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/libraries.h"
#include "sectigo/result.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000, DAYS_MAX = 3650, REASON_MAX = 5 };

/* ---- answers ---- */

void answer_json(struct http_answer *answer, int status, json_t *json)
{
    free(answer->body);
    answer->body = json ? libraries_dump(json, JSON_INDENT(2)) : NULL;
    answer->status = answer->body ? status : 500;
    answer->content_type = "application/json";
    answer->body_len = answer->body ? strlen(answer->body) : 0;
    json_decref(json);
}

void answer_money(struct request *request, json_t *json)
{
    if (json && json_object_set_new(json, "currency", json_string(request->config->spending.currency)) != 0) {
        json_decref(json);
        json = NULL;
    }
    answer_json(request->answer, 200, json);
}

void answer_error(struct http_answer *answer, int status, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c; c++) { /* parts of it come from the request */
        if ((unsigned char)*c > 126 || (unsigned char)*c < ' ')
            *c = '?';
    }
    answer_json(answer, status, json_pack("{s:s}", "error", text));
}

void answer_store(struct http_answer *answer, enum store_status status, const char *what)
{
    if (status == STORE_NOT_FOUND)
        answer_error(answer, 404, "there is no such %s", what);
    else
        answer_error(answer, 503, "the %s: %s", what, store_status_text(status));
}

/* ---- the query ---- */

/* Two hexadecimal digits; 0 for anything else, and for 00, which no text may hold. */
static char unescape(const char *text)
{
    char digits[3] = {text[0], text[0] ? text[1] : '\0', '\0'};
    char *end;
    if (strspn(digits, "0123456789abcdefABCDEF") != 2)
        return '\0';
    return (char)strtoul(digits, &end, 16);
}

bool request_decode(const char *text, size_t len, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            c = len - i > 2 ? unescape(text + i + 1) : '\0';
            i += 2;
        }
        if (c == '\0' || used + 1 >= size)
            return false;
        out[used++] = c;
    }
    out[used] = '\0';
    return true;
}

static bool read_number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && value <= max;
}

static bool take_limit(struct request *request, const char *value)
{
    uint64_t limit;
    bool good = read_number(value, LIMIT_MAX, &limit) && limit > 0;
    if (good)
        request->limit = (unsigned)limit;
    return good;
}

static bool take_after(struct request *request, const char *value)
{
    snprintf(request->after, sizeof request->after, "%s", value);
    return value[0] != '\0';
}

static bool take_state(struct request *request, const char *value)
{
    int len = snprintf(request->state, sizeof request->state, "%s", value);
    return len > 0 && (size_t)len < sizeof request->state;
}

static bool take_since(struct request *request, const char *value)
{
    return read_number(value, INT64_MAX, &request->since_ms);
}

static bool take_days(struct request *request, const char *value)
{
    uint64_t days;
    bool good = read_number(value, DAYS_MAX, &days) && days > 0;
    if (good)
        request->days = (unsigned)days;
    return good;
}

static bool take_months(struct request *request, const char *value)
{
    uint64_t months;
    bool good = read_number(value, REQUEST_MONTHS_MAX, &months) && months > 0;
    if (good)
        request->months = (unsigned)months;
    return good;
}

static bool take_reason(struct request *request, const char *value)
{
    /* NOLINTNEXTLINE(bugprone-too-small-loop-variable): REASON_MAX is far below 256 */
    for (uint8_t code = 0; code <= REASON_MAX; code++) {
        const char *text = sectigo_revocation_reason(code);
        char number[4];
        snprintf(number, sizeof number, "%u", code);
        request->reason = code;
        if (text && (strcasecmp(text, value) == 0 || strcmp(number, value) == 0))
            return true;
    }
    return false;
}

static bool take_refusals(struct request *request, const char *value)
{
    request->refusals = true;
    return strcmp(value, "1") == 0;
}

static bool take_filter(char filter[static FILTER_MAX + 1], const char *value)
{
    int len = snprintf(filter, FILTER_MAX + 1, "%s", value);
    return len > 0 && len <= FILTER_MAX;
}

static bool take_name(struct request *request, const char *value)
{
    return take_filter(request->name, value);
}

static bool take_account(struct request *request, const char *value)
{
    return take_filter(request->account, value);
}

static bool take_policy(struct request *request, const char *value)
{
    return take_filter(request->policy, value);
}

static bool take_target(struct request *request, const char *value)
{
    return take_filter(request->target, value);
}

static bool take_newest(struct request *request, const char *value)
{
    request->newest = true;
    return strcmp(value, "1") == 0;
}

static bool take_skip_preflight(struct request *request, const char *value)
{
    request->skip_preflight = true;
    return strcmp(value, "1") == 0;
}

static bool take_accept_orphans(struct request *request, const char *value)
{
    request->accept_orphans = true;
    return strcmp(value, "1") == 0;
}

static bool take_preview(struct request *request, const char *value)
{
    request->preview = true;
    return strcmp(value, "1") == 0;
}

const struct parameter parameters[] = {
    {"limit", TAKES_PAGE, take_limit, "a number from 1 to 1000", true},
    {"after", TAKES_PAGE, take_after, "the cursor that a page ended with", false},
    {"state", TAKES_STATE, take_state, "a state", false},
    {"name", TAKES_NAME, take_name, "a name, .NAME for all below it, or a pattern with *", false},
    {"account", TAKES_ACCOUNT, take_account, "the id of an account", false},
    {"policy", TAKES_POLICY, take_policy, "the name of a policy", false},
    {"target", TAKES_TARGET, take_target, "the name of a target", false},
    {"newest", TAKES_NEWEST, take_newest, "1", true},
    {"since", TAKES_SINCE, take_since, "UNIX time in milliseconds", true},
    {"days", TAKES_DAYS, take_days, "a number from 1 to 3650", true},
    {"months", TAKES_MONTHS, take_months, "a number from 1 to 60", true},
    {"reason", TAKES_REASON, take_reason,
     "unspecified, keyCompromise, affiliationChanged, superseded or cessationOfOperation", false},
    {"refusals", TAKES_REFUSALS, take_refusals, "1", true},
    {"skip_preflight", TAKES_SKIP_PREFLIGHT, take_skip_preflight, "1", true},
    {"accept_orphans", TAKES_ORPHANS, take_accept_orphans, "1", true},
    {"preview", TAKES_PREVIEW, take_preview, "1", true},
};
const size_t parameter_count = sizeof parameters / sizeof *parameters;

static bool take_member(struct request *request, unsigned takes, const char *name, const char *value)
{
    for (size_t i = 0; i < parameter_count; i++) {
        if (strcmp(parameters[i].name, name) != 0 || !(takes & parameters[i].of))
            continue;
        if (parameters[i].take(request, value))
            return true;
        answer_error(request->answer, 400, "the parameter %s wants %s", name, parameters[i].wants);
        return false;
    }
    answer_error(request->answer, 400, "%s is no parameter of %s", name, request->call->path);
    return false;
}

bool request_query(struct request *request, unsigned takes)
{
    const char *at = request->call->query;
    request->limit = LIMIT_DEFAULT;
    while (*at) {
        char name[16], value[CURSOR_MAX + 1];
        size_t len = strcspn(at, "&"), name_len = strcspn(at, "=&");
        size_t value_at = name_len < len ? name_len + 1 : len;
        if (!request_decode(at, name_len, name, sizeof name) ||
            !request_decode(at + value_at, len - value_at, value, sizeof value)) {
            answer_error(request->answer, 400, "the query cannot be read");
            return false;
        }
        if (!take_member(request, takes, name, value))
            return false;
        at += len + (at[len] == '&');
    }
    return true;
}
