/* openapi: the API described for programs (OpenAPI 3.1), made of the tables by which it works: routes.c and the
 * parameters of request.c. What bodies and answers look like is in schemas.json.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "gateway/operate/routes.h"
#include "gateway/operate/web/web.h"

enum { TEXT_SIZE = 160 };

static const char ABOUT[] =
    "What acmegatectl says to the admin socket, over HTTPS. Times are UNIX milliseconds in members that end in _ms, "
    "null "
    "for none; money is hundredths of currency in members that end in _cents; sizes are octets in members that end in "
    "_octets. A route's security names the role that it wants: whoever has operate has read, and admin has all.";

/* "/orders/{id}/retry" */
static void path_text(const struct route *route, char out[static TEXT_SIZE])
{
    const char *star = strchr(route->path, '*');
    if (star)
        snprintf(out, TEXT_SIZE, "%.*s{id}%s", (int)(star - route->path), route->path, star + 1);
    else
        snprintf(out, TEXT_SIZE, "%s", route->path);
}

/* "post_orders_id_retry" */
static void operation_text(const struct route *route, char out[static TEXT_SIZE])
{
    char path[TEXT_SIZE], whole[2 * TEXT_SIZE];
    size_t used = 0;
    path_text(route, path);
    snprintf(whole, sizeof whole, "%s%s", route->method, path);
    for (const char *from = whole; *from && used + 1 < TEXT_SIZE; from++) {
        if (*from != '{' && *from != '}')
            out[used++] = isalnum((unsigned char)*from) ? (char)tolower((unsigned char)*from) : '_';
    }
    out[used] = '\0';
}

static json_t *reference(const char *schema)
{
    return json_pack("{s:s+}", "$ref", "#/components/schemas/", schema);
}

/* application/json of that schema. */
static json_t *content(const char *schema)
{
    return json_pack("{s:{s:{s:o}}}", "content", "application/json", "schema", reference(schema));
}

static json_t *parameter_json(const struct parameter *parameter)
{
    return json_pack("{s:s, s:s, s:s, s:{s:s}}", "name", parameter->name, "in", "query", "description",
                     parameter->wants, "schema", "type", parameter->number ? "integer" : "string");
}

static json_t *parameters_json(const struct route *route)
{
    json_t *list = json_array();
    int failed = list == NULL;
    if (strchr(route->path, '*'))
        failed |= json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", "id", "in", "path",
                                                        "required", true, "schema", "type", "string"));
    for (size_t i = 0; i < parameter_count; i++) {
        if (parameters[i].of & route->takes)
            failed |= json_array_append_new(list, parameter_json(&parameters[i]));
    }
    if (!failed)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *answer_described(const char *text, const char *schema)
{
    json_t *answer = content(schema);
    if (answer && json_object_set_new(answer, "description", json_string(text)) == 0)
        return answer;
    json_decref(answer);
    return NULL;
}

/* A token of that role; or a browser's session, which proves itself besides where it changes something. */
static json_t *security_json(const struct route *route)
{
    const char *role = role_text(route->role);
    return strcmp(route->method, "GET") == 0
               ? json_pack("[{s:[s]}, {s:[s]}]", "token", role, "session", role)
               : json_pack("[{s:[s]}, {s:[s], s:[]}]", "token", role, "session", role, "csrf");
}

static json_t *operation_json(const struct route *route)
{
    char id[TEXT_SIZE];
    operation_text(route, id);
    json_t *operation =
        json_pack("{s:s, s:s, s:o, s:o, s:{s:o, s:o}}", "operationId", id, "summary", route->help, "parameters",
                  parameters_json(route), "security", security_json(route), "responses", "200",
                  answer_described("Done", route->answer), "default", answer_described("Refused, or failed", "error"));
    if (operation && route->body && json_object_set_new(operation, "requestBody", content(route->body)) != 0) {
        json_decref(operation);
        return NULL;
    }
    return operation;
}

static json_t *paths_json(void)
{
    json_t *paths = json_object();
    int failed = paths == NULL;
    for (size_t i = 0; i < route_count && !failed; i++) {
        char path[TEXT_SIZE], method[8];
        size_t len = 0;
        path_text(&routes[i], path);
        for (; routes[i].method[len] && len + 1 < sizeof method; len++)
            method[len] = (char)tolower((unsigned char)routes[i].method[len]);
        method[len] = '\0';
        if (!json_object_get(paths, path))
            failed |= json_object_set_new(paths, path, json_object());
        failed |= json_object_set_new(json_object_get(paths, path), method, operation_json(&routes[i]));
    }
    if (!failed)
        return paths;
    json_decref(paths);
    return NULL;
}

static json_t *components_json(void)
{
    json_t *schemas = json_loadb((const char *)api_files[0].data, api_files[0].len, JSON_REJECT_DUPLICATES, NULL);
    return json_pack("{s:o, s:{s:{s:s, s:s}, s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}}}", "schemas", schemas,
                     "securitySchemes", "token", "type", "http", "scheme", "bearer", "session", "type", "apiKey", "in",
                     "cookie", "name", "__Host-acmegate", "csrf", "type", "apiKey", "in", "header", "name",
                     "X-CSRF-Token");
}

void openapi_get(struct request *request)
{
    answer_json(request->answer, 200,
                json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:o}", "openapi", "3.1.0", "info", "title", "acmegate",
                          "version", ACMEGATE_VERSION, "description", ABOUT, "paths", paths_json(), "components",
                          components_json()));
}
