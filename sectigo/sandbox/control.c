#include "sectigo/sandbox/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/sandbox/progress.h"

struct request {
    struct sandbox *sandbox;
    const char *rest; /* of the path, behind the route's own */
    json_t *json;     /* the body; NULL where there is none */
    struct answer *answer;
};

static void answer_complaint(struct answer *answer, unsigned status, const char *reason)
{
    answer_json(answer, status, json_pack("{s:s}", "error", reason));
}

static void show_page(struct request *request)
{
    char *text;
    pthread_mutex_lock(&request->sandbox->lock);
    text = page_make(request->sandbox);
    pthread_mutex_unlock(&request->sandbox->lock);
    if (text)
        answer_text(request->answer, 200, "text/html; charset=utf-8", text);
    else
        request->answer->failed = true;
    free(text);
}

static void show_ledger(struct request *request)
{
    json_t *json;
    pthread_mutex_lock(&request->sandbox->lock);
    json = ledger_all(request->sandbox);
    pthread_mutex_unlock(&request->sandbox->lock);
    answer_json(request->answer, 200, json);
}

static void show_calls(struct request *request)
{
    json_t *json;
    pthread_mutex_lock(&request->sandbox->lock);
    json = calls_show(&request->sandbox->calls);
    pthread_mutex_unlock(&request->sandbox->lock);
    answer_json(request->answer, 200, json);
}

static void show_faults(struct request *request)
{
    answer_json(request->answer, 200, faults_show(&request->sandbox->faults));
}

static void add_faults(struct request *request)
{
    char reason[256];
    if (faults_add(&request->sandbox->faults, request->json, reason))
        show_faults(request);
    else
        answer_complaint(request->answer, 400, reason);
}

static void clear_faults(struct request *request)
{
    faults_clear(&request->sandbox->faults);
    show_faults(request);
}

static void show_settings(struct request *request)
{
    json_t *json;
    pthread_mutex_lock(&request->sandbox->lock);
    json = record_encode(&settings_type, &request->sandbox->settings, true);
    pthread_mutex_unlock(&request->sandbox->lock);
    answer_json(request->answer, 200, json);
}

/* Tried on a copy first: a wrong name changes nothing. */
static bool change_settings(struct sandbox *sandbox, json_t *json, const char **wrong)
{
    json_t *old = record_encode(&settings_type, &sandbox->settings, true), *kept;
    struct settings settings = {0};
    bool ok =
        record_decode(&settings_type, old, &settings, wrong) && record_decode(&settings_type, json, &settings, wrong);
    json_decref(old);
    if (!ok) {
        record_clear(&settings_type, &settings);
        return false;
    }
    record_clear(&settings_type, &sandbox->settings);
    sandbox->settings = settings;
    kept = record_encode(&settings_type, &sandbox->settings, true);
    return kept && book_keep(&sandbox->book, "settings", kept);
}

static void set_settings(struct request *request)
{
    const char *wrong = "";
    char reason[256];
    bool ok;
    pthread_mutex_lock(&request->sandbox->lock);
    ok = change_settings(request->sandbox, request->json, &wrong);
    pthread_mutex_unlock(&request->sandbox->lock);
    snprintf(reason, sizeof reason, "wrong in these settings: %s", wrong);
    if (ok)
        show_settings(request);
    else
        answer_complaint(request->answer, 400, reason);
}

static void unlock(struct request *request)
{
    pthread_mutex_lock(&request->sandbox->lock);
    for (unsigned i = 0; i < request->sandbox->options.login_count; i++) {
        request->sandbox->accounts[i].locked = false;
        request->sandbox->accounts[i].failures = 0;
    }
    pthread_mutex_unlock(&request->sandbox->lock);
    answer_json(request->answer, 200, json_object());
}

static void issue(struct request *request)
{
    pthread_mutex_lock(&request->sandbox->lock);
    progress_issue(request->sandbox);
    pthread_mutex_unlock(&request->sandbox->lock);
    answer_json(request->answer, 200, json_object());
}

static void show_order(struct request *request)
{
    struct order *order;
    json_t *json;
    pthread_mutex_lock(&request->sandbox->lock);
    order = book_find(&request->sandbox->book, request->rest);
    json = order ? ledger_order(order) : NULL;
    pthread_mutex_unlock(&request->sandbox->lock);
    if (json)
        answer_json(request->answer, 200, json);
    else
        answer_complaint(request->answer, 404, "there is no such order");
}

/* "1000001/advance" */
static void advance(struct request *request)
{
    size_t len = strcspn(request->rest, "/");
    char number[128], reason[256] = "there is no such order";
    struct order *order;
    json_t *json = NULL;
    snprintf(number, sizeof number, "%.*s", (int)(len < 127 ? len : 127), request->rest);
    if (strcmp(request->rest + len, "/advance") != 0) {
        answer_complaint(request->answer, 404, "there is only /sandbox/orders/NUMBER/advance");
        return;
    }
    pthread_mutex_lock(&request->sandbox->lock);
    order = book_find(&request->sandbox->book, number);
    if (order && advance_order(request->sandbox, order, request->json, reason))
        json = ledger_order(order);
    pthread_mutex_unlock(&request->sandbox->lock);
    if (json)
        answer_json(request->answer, 200, json);
    else
        answer_complaint(request->answer, order ? 409 : 404, reason);
}

static const struct route {
    const char *method, *path;
    bool prefix;
    bool wants_json;
    void (*run)(struct request *request);
} routes[] = {
    {"GET", "/sandbox/", false, false, show_page},
    {"GET", "/sandbox/ledger", false, false, show_ledger},
    {"GET", "/sandbox/calls", false, false, show_calls},
    {"GET", "/sandbox/faults", false, false, show_faults},
    {"POST", "/sandbox/faults", false, true, add_faults},
    {"DELETE", "/sandbox/faults", false, false, clear_faults},
    {"GET", "/sandbox/settings", false, false, show_settings},
    {"POST", "/sandbox/settings", false, true, set_settings},
    {"POST", "/sandbox/unlock", false, false, unlock},
    {"POST", "/sandbox/issue", false, false, issue},
    {"GET", "/sandbox/orders/", true, false, show_order},
    {"POST", "/sandbox/orders/", true, false, advance},
};

static bool matches(const struct route *route, const char *method, const char *path)
{
    bool here = route->prefix ? strncmp(route->path, path, strlen(route->path)) == 0 : strcmp(route->path, path) == 0;
    return here && strcmp(route->method, method) == 0;
}

void control_run(struct sandbox *sandbox, const char *method, const char *path, const char *body, size_t len,
                 struct answer *answer)
{
    struct request request = {.sandbox = sandbox, .answer = answer};
    request.json = len ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!matches(&routes[i], method, path))
            continue;
        request.rest = path + strlen(routes[i].path);
        if (!request.json && (len || routes[i].wants_json))
            answer_complaint(answer, 400, "the body is not JSON");
        else
            routes[i].run(&request);
        json_decref(request.json);
        return;
    }
    json_decref(request.json);
    answer_complaint(answer, 404, "nothing is here; see the sandbox's README");
}
