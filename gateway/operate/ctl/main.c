/* acmegatectl: the operator's command. It knows the daemon by its admin socket alone. */
#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>

#include "gateway/operate/ctl/exchange.h"
#include "gateway/operate/ctl/show.h"
#include "gateway/operate/ctl/show_key.h"

static enum outcome print(const struct asked *asked, const char *text, const json_t *json)
{
    bool good = true;
    if (asked->json)
        printf("%s\n", text);
    else if (asked->command->columns)
        good = show_table(json, asked);
    else if (json_object_get(json, "hmac_key"))
        show_key(json);
    else
        show_object(json);
    if (good && fflush(stdout) == 0 && !ferror(stdout))
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
    if (!command_read(argc, argv, &asked, &outcome))
        return (int)outcome;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    outcome = exchange(&asked, &text, &json);
    if (outcome == DONE)
        outcome = print(&asked, text, json);
    free(text);
    json_decref(json);
    curl_global_cleanup();
    return (int)outcome;
}
