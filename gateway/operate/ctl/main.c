/* acmegatectl: the operator's command. It knows the daemon by its admin socket alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "gateway/operate/ctl/complete.h"
#include "gateway/operate/ctl/exchange.h"
#include "gateway/operate/ctl/pages.h"
#include "gateway/operate/ctl/show.h"
#include "gateway/operate/ctl/show_key.h"
#include "gateway/operate/ctl/value.h"

/* The secret alone on stdout, so that it can go into a file. */
static void show_token(const json_t *token)
{
    static const struct value_style style = {.currency = NULL};
    char ends[64];
    value_text(&style, "expires_ms", json_object_get(token, "expires_ms"), ends, sizeof ends);
    printf("%s\n", json_string_value(json_object_get(token, "token")));
    fprintf(stderr, "acmegatectl: the token \"%s\" is shown this once, and ends %s\n",
            json_string_value(json_object_get(token, "name")), ends);
}

static enum outcome print(const struct asked *asked, const char *text, const json_t *json)
{
    const char *only = asked->command->only ? json_string_value(json_object_get(json, asked->command->only)) : NULL;
    if (asked->json)
        printf("%s\n", text);
    else if (only)
        printf("%s", only);
    else if (json_object_get(json, "hmac_key"))
        show_key(json);
    else if (json_object_get(json, "token"))
        show_token(json);
    else
        show_object(json);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return DONE;
    fprintf(stderr, "acmegatectl: the answer cannot be written\n");
    return FAILED;
}

int main(int argc, char **argv)
{
    struct asked asked;
    enum outcome outcome;
    char *text = NULL;
    json_t *json = NULL;
    if (argc > 1 && strcmp(argv[1], "--complete") == 0)
        return (int)complete(argc, argv);
    if (!command_read(argc, argv, &asked, &outcome))
        return (int)outcome;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (asked.command->columns)
        outcome = pages_show(&asked);
    else if ((outcome = exchange(&asked, &text, &json)) == DONE)
        outcome = print(&asked, text, json);
    free(text);
    json_decref(json);
    curl_global_cleanup();
    return (int)outcome;
}
