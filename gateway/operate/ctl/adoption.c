#include "gateway/operate/ctl/adoption.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* One number a line; what follows behind a comma, a blank or # is for people. False: said what is wrong. */
static bool read_numbers(const char *path, json_t *numbers)
{
    char line[1024];
    bool good = true;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (!file) {
        fprintf(stderr, "acmegatectl: %s: %s\n", path, strerror(errno));
        return false;
    }
    while (good && fgets(line, sizeof line, file)) {
        const char *number = line + strspn(line, " \t\"");
        size_t len = strcspn(number, " \t\r\n,;\"#");
        good = len == 0 || json_array_append_new(numbers, json_stringn(number, len)) == 0;
    }
    good = good && !ferror(file);
    if (!good)
        fprintf(stderr, "acmegatectl: %s: it cannot be read, or is no UTF-8\n", path);
    if (file != stdin)
        fclose(file);
    return good;
}

char *adoption_body(const struct asked *asked)
{
    json_t *numbers = json_array(), *body = NULL;
    char *text = NULL;
    bool numbered = asked->argument || asked->file;
    if (!numbers || (asked->file && !read_numbers(asked->file, numbers)))
        goto out;
    if (asked->argument && json_array_append_new(numbers, json_string(asked->argument)) != 0)
        goto out;
    body = json_pack("{s:s*, s:s*, s:s*, s:O*, s:I, s:I, s:b}", "policy", asked->policy, "login", asked->login, "name",
                     asked->name, "numbers", numbered ? numbers : NULL, "days",
                     (json_int_t)(asked->days ? strtoll(asked->days, NULL, 10) : 0), "since_ms",
                     (json_int_t)strtoll(asked->since_ms, NULL, 10), "preview", asked->preview);
    text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    if (!text)
        fprintf(stderr, "acmegatectl: a policy, login or name is no UTF-8\n");
out:
    json_decref(body);
    json_decref(numbers);
    return text;
}
