/* Rate limits (RFC 8555 section 6.6): what makes something new is limited, what reads is not. */
#include "client.h"

static const char *const one_name[] = {"www.example.com", NULL};

static void limit(struct world *w, unsigned address, unsigned account, unsigned external_key)
{
    w->config.rates = (struct acme_rates){address, account, external_key};
    world_restart(w);
}

static void an_account_that_asks_too_much(void **state)
{
    (void)state;
    struct world w;
    struct client c, other;
    char url[ACME_URL_MAX], kept[ACME_URL_MAX], ignored[ACME_URL_MAX];
    world_open(&w);
    limit(&w, 0, 2, 0);
    register_client(&w, &c);
    register_client(&w, &other);
    struct reply r = new_order(&w, &c, one_name, url);
    assert_status(&r, 201);
    strcpy(kept, url);
    reply_free(&r);
    r = post(&w, &c, "/acme/new-authz", "{}"); /* a request that is refused counts, too */
    assert_problem(&r, 400, ACME_MALFORMED, "identifier");
    r = new_order(&w, &c, one_name, url);
    assert_int_equal(r.it->retry_after_s, 30);
    assert_true(r.it->nonce[0] != '\0');
    assert_problem(&r, 429, ACME_RATE_LIMITED, "by this account: at most 2 a minute. Try again in 30 s.");
    for (int i = 0; i < 5; i++) { /* reading goes on */
        r = post(&w, &c, kept, NULL);
        assert_status(&r, 200);
        reply_free(&r);
    }
    r = new_order(&w, &other, one_name, ignored);
    assert_status(&r, 201);
    reply_free(&r);
    w.now_ms += 30 * 1000;
    r = new_order(&w, &c, one_name, url);
    assert_status(&r, 201);
    reply_free(&r);
    client_free(&c);
    client_free(&other);
    world_close(&w);
}

static void an_address_that_asks_too_much(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    char url[ACME_URL_MAX], kept[ACME_URL_MAX];
    world_open(&w);
    limit(&w, 2, 0, 0);
    register_client(&w, &c);
    struct reply r = new_order(&w, &c, one_name, url);
    assert_status(&r, 201);
    strcpy(kept, url);
    reply_free(&r);
    r = new_order(&w, &c, one_name, url);
    assert_int_equal(r.it->retry_after_s, 30);
    assert_problem(&r, 429, ACME_RATE_LIMITED, "by this address: at most 2 a minute");
    r = post(&w, &c, kept, NULL);
    assert_status(&r, 200);
    reply_free(&r);
    client_free(&c);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_account_that_asks_too_much),
                                       cmocka_unit_test(an_address_that_asks_too_much)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
