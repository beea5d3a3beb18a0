/* calling: a client of the small TLS server, and calls of it. */
#ifndef TESTS_UNIT_SECTIGO_CALLING_H
#define TESTS_UNIT_SECTIGO_CALLING_H

#include "tls_server.h"

static struct sectigo_client *client_with(const struct server *server, struct sectigo_client_config config)
{
    char url[64], reason[SECTIGO_MESSAGE_MAX];

    snprintf(url, sizeof url, "https://127.0.0.1:%u", server->port);
    config.url = url;
    config.login_name = "partner";
    config.login_password = "sehr+geheim&=1";
    struct sectigo_client *client = sectigo_client_make(&config, reason);
    assert_non_null(client);
    return client;
}

static struct sectigo_client *client_of(const struct server *server)
{
    return client_with(server, (struct sectigo_client_config){.ca_file = ca_file, .timeout_ms = 20000});
}

static struct sectigo_call *make_call(struct sectigo_client *client, enum sectigo_call_kind kind)
{
    struct sectigo_form form = {0};

    sectigo_form_add(&form, "orderNumber", "1234567repl#1");
    struct sectigo_call *call = sectigo_call_make(client, kind, &form);
    assert_non_null(call);
    assert_int_equal(form.count, 0);
    return call;
}

#endif
