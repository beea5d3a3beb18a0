#include "sectigo/cli/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/cli/exchange.h"
#include "sectigo/cli/show.h"

/* As the transport adds it, without the password itself. */
static void add_login(const struct session *session, struct sectigo_form *form)
{
    bool password = *session->settings.password || !session->settings.client_certificate;

    if (!sectigo_call_info(session->command->call)->login)
        return;
    sectigo_form_add(form, "loginName", session->settings.login);
    if (password)
        sectigo_form_add_secret(form, "loginPassword", "***");
}

static const char *masked(const struct sectigo_param *param)
{
    return param->secret ? "***" : param->value;
}

static void print_request(const char *url, const struct sectigo_form *form)
{
    printf("POST %s\n", url);
    for (size_t i = 0; i < form->count; i++) {
        const char *value = masked(&form->params[i]);
        size_t len = strlen(value);
        printf("%s=%s%s", form->params[i].name, value, len > 0 && value[len - 1] == '\n' ? "" : "\n");
    }
    fflush(stdout);
}

static json_t *request_json(const char *url, const struct sectigo_form *form)
{
    json_t *request = json_object(), *parameters;

    put_text(request, "outcome", "not sent");
    put_text(request, "url", url);
    json_object_set_new(request, "parameters", json_object());
    parameters = json_object_get(request, "parameters");
    for (size_t i = 0; i < form->count; i++)
        put_text(parameters, form->params[i].name, masked(&form->params[i]));
    return request;
}

enum outcome request_show(const struct session *session)
{
    struct sectigo_form form = exchange_copy(&session->form);
    const char *base = session->settings.url;
    size_t len = strlen(base);
    char *url = NULL;
    bool ok;

    add_login(session, &form);
    if (asprintf(&url, "%.*s%s", (int)(len > 0 && base[len - 1] == '/' ? len - 1 : len), base,
                 sectigo_call_info(session->command->call)->path) < 0)
        url = NULL;
    ok = url && !form.failed;
    if (!ok)
        complain(session, "out of memory");
    else if (session->settings.json)
        ok = show(session, request_json(url, &form), NULL, OUTCOME_DONE);
    else
        print_request(url, &form);
    free(url);
    sectigo_form_clear(&form);
    return ok ? OUTCOME_DONE : OUTCOME_LOCAL;
}

/* ---- what to type next ---- */

void request_put_option(FILE *stream, const char *option, const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:/@,+=";
    bool quote = !*value || strspn(value, plain) != strlen(value);

    if (!quote) {
        fprintf(stream, " --%s %s", option, value);
        return;
    }
    fprintf(stream, " --%s '", option);
    for (; *value; value++) {
        if (*value == '\'')
            fputs("'\\''", stream);
        else
            putc(*value, stream);
    }
    putc('\'', stream);
}

char *request_command_line(const struct session *session, const char *command, const char *option, const char *value)
{
    const struct settings *settings = &session->settings;
    const struct {
        const char *option, *value;
    } same[] = {
        {"url", strcmp(settings->url, SECTIGO_URL) == 0 ? NULL : settings->url},
        {"ca-file", settings->ca_file},
        {"login", settings->login},
        {"password-file", settings->password_file},
        {"client-certificate", settings->client_certificate},
        {"client-key", settings->client_key},
        {"proxy", settings->proxy},
        {option, value},
    };
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);

    if (!stream)
        return NULL;
    fprintf(stream, "sectigo %s", command);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (same[i].value)
            request_put_option(stream, same[i].option, same[i].value);
    if (fclose(stream) == 0)
        return text;
    free(text);
    return NULL;
}
