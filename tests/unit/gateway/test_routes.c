/* routes: the table of the API against its description, and against what acmegatectl knows. */
#include "static_config.h"
#include "tests/unit/gateway/temp_store.h"

#include <ctype.h>
#include <string.h>

#include "gateway/operate/ctl/commands.c"
#include "gateway/operate/routes.h"

static char euro[] = "EUR";
static struct config config = {.spending = {.currency = euro}};

/* "/orders/{id}" is "/orders/" and a star. */
static void with_id(const char *path, char out[static 128])
{
    const char *star = strchr(path, '*');
    snprintf(out, 128, "%.*s%s%s", (int)(star ? star - path : (long)strlen(path)), path, star ? "{id}" : "",
             star ? star + 1 : "");
}

static const json_t *operation_of(const json_t *description, const struct route *route)
{
    char path[128], method[8] = "";
    with_id(route->path, path);
    for (size_t i = 0; route->method[i]; i++)
        method[i] = (char)tolower((unsigned char)route->method[i]);
    return json_object_get(json_object_get(json_object_get(description, "paths"), path), method);
}

/* The role that each of its ways in wants. */
static void assert_role(const json_t *operation, const struct route *route)
{
    const json_t *way;
    size_t i;
    assert_int_equal(json_array_size(json_object_get(operation, "security")), 2);
    json_array_foreach(json_object_get(operation, "security"), i, way)
    {
        const json_t *roles = json_object_get(way, i == 0 ? "token" : "session");
        assert_int_equal(json_array_size(roles), 1);
        assert_string_equal(json_string_value(json_array_get(roles, 0)), role_text(route->role));
        assert_int_equal(json_object_get(way, "csrf") != NULL, i == 1 && strcmp(route->method, "GET") != 0);
    }
}

static bool has_parameter(const json_t *operation, const char *name)
{
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(operation, "parameters"), i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
            return true;
    }
    return false;
}

static void assert_described(const json_t *description, const struct route *route)
{
    const json_t *operation = operation_of(description, route);
    if (!operation)
        fail_msg("%s %s is not described", route->method, route->path);
    assert_role(operation, route);
    assert_string_equal(json_string_value(json_object_get(operation, "summary")), route->help);
    assert_int_equal(json_object_get(operation, "requestBody") != NULL, route->body != NULL);
    assert_int_equal(has_parameter(operation, "id"), strchr(route->path, '*') != NULL);
    for (size_t i = 0; i < parameter_count; i++)
        assert_int_equal(has_parameter(operation, parameters[i].name), (parameters[i].of & route->takes) != 0);
}

static void test_every_route_is_described(void **state)
{
    struct temp_store temp;
    struct admin admin = {.configs = static_config(&config)};
    struct http_answer answer = {.status = 500};
    struct http_call call = {.method = "GET", .path = "/openapi.json", .query = "", .body = "", .uid = -1};
    const json_t *item;
    const char *path;
    size_t described = 0;
    (void)state;
    temp_store_open(&temp);
    admin.store = temp.store;
    admin_handle(&admin, &call, &answer);
    assert_int_equal(answer.status, 200);
    json_t *description = json_loadb(answer.body, answer.body_len, 0, NULL);
    for (size_t i = 0; i < route_count; i++)
        assert_described(description, &routes[i]);
    json_object_foreach(json_object_get(description, "paths"), path, item) described += json_object_size(item);
    assert_int_equal(described, route_count);
    json_decref(description);
    free(answer.body);
    temp_store_close(&temp);
    config_current_free(admin.configs);
}

/* ---- acmegatectl ---- */

static const struct route *route_of(const struct command *command)
{
    for (size_t i = 0; i < route_count; i++) {
        if (strcmp(routes[i].path, command->path) == 0 && strcmp(routes[i].method, command->method) == 0)
            return &routes[i];
    }
    return NULL;
}

/* Options that become parameters. */
static const struct {
    unsigned option, takes;
} same[] = {
    {OPTION_LIMIT, TAKES_PAGE},      {OPTION_AFTER, TAKES_PAGE},          {OPTION_STATE, TAKES_STATE},
    {OPTION_SINCE, TAKES_SINCE},     {OPTION_SKIP, TAKES_SKIP_PREFLIGHT}, {OPTION_NAME, TAKES_NAME},
    {OPTION_ACCOUNT, TAKES_ACCOUNT}, {OPTION_POLICY, TAKES_POLICY},       {OPTION_NEWEST, TAKES_NEWEST},
    {OPTION_DAYS, TAKES_DAYS},       {OPTION_REASON, TAKES_REASON},       {OPTION_REFUSALS, TAKES_REFUSALS},
    {OPTION_MONTHS, TAKES_MONTHS},
};

static void test_every_command_has_its_route(void **state)
{
    (void)state;
    for (const struct command *c = commands; c->words[0]; c++) {
        const struct route *route = route_of(c);
        if (!route)
            fail_msg("%s %s: there is no %s %s", c->words[0], c->words[1] ? c->words[1] : "", c->method, c->path);
        assert_int_equal(c->body != BODY_NONE, route->body != NULL);
        for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
            bool in_body = c->body == BODY_ADOPTION || c->body == BODY_TOKEN;
            if (!in_body && (c->options & same[i].option) && !(route->takes & same[i].takes))
                fail_msg("%s %s: option %u is no parameter of %s", c->words[0], c->words[1] ? c->words[1] : "",
                         same[i].option, route->path);
        }
    }
}

static void test_every_route_has_its_command(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_count; i++) {
        bool found = routes[i].https_only || strcmp(routes[i].path, "/openapi.json") == 0;
        for (const struct command *c = commands; c->words[0] && !found; c++)
            found = route_of(c) == &routes[i];
        if (!found)
            fail_msg("no command asks for %s %s", routes[i].method, routes[i].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_is_described),
        cmocka_unit_test(test_every_command_has_its_route),
        cmocka_unit_test(test_every_route_has_its_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
