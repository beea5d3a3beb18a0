/* What a policy bounds: profiles, accounts, orders, names, certificates. */
#include "tests/unit/acme/bound.h"

static void names_profiles_and_quotas_are_held(void **state)
{
    (void)state;
    static const char *const foreign[] = {"a.example", "b.other", "c.other", NULL};
    struct world w;
    struct external_key key;
    struct client c, second;
    struct acme_order order;
    char url[ACME_URL_MAX];
    open_bound(&w, &key, "{\"names\":[\".example\"],\"orders_per_day\":2,\"accounts\":1,\"profiles\":[\"short\"]}");
    struct reply r = bind_account(&w, &c, &key);
    assert_status(&r, 201);
    reply_free(&r);
    r = new_order(&w, &c, foreign, url);
    assert_int_equal(json_array_size(json_object_get(r.json, "subproblems")), 2);
    assert_problem(&r, 400, ACME_REJECTED_IDENTIFIER, "does not allow b.other");
    for (int i = 0; i < 2; i++) {
        r = new_order(&w, &c, one_name, url);
        assert_status(&r, 201);
        reply_free(&r);
        order_read(&w, url, &order);
        assert_string_equal(order.profile, "short");
        acme_order_clear(&order);
    }
    r = new_order(&w, &c, one_name, url);
    assert_true(r.it->retry_after_s > 0 && r.it->retry_after_s <= 86400);
    assert_problem(&r, 429, ACME_RATE_LIMITED, "used up until midnight UTC");
    r = bind_account(&w, &second, &key);
    assert_problem(&r, 429, ACME_RATE_LIMITED, "allows 1 accounts");
    client_free(&c);
    client_free(&second);
    world_close(&w);
}

static void a_profile_is_one_that_the_policy_allows(void **state)
{
    (void)state;
    static const char wish[] = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],\"profile\":\"%s\"}";
    static const struct acme_profile profiles[] = {{"standard", "a"}, {"short", "b"}, {"long", "c"}};
    static const struct {
        const char *profile;
        int status;
    } cases[] = {{"short", 201}, {"long", 201}, {"standard", 400}, {"nobody's", 400}};
    struct world w;
    struct external_key key;
    struct client c;
    struct acme_order order;
    char payload[256], url[ACME_URL_MAX];
    open_bound(&w, &key, "{\"names\":[\"*\"],\"profiles\":[\"short\",\"long\"],\"default_profile\":\"long\"}");
    w.config.profiles = profiles;
    w.config.profile_count = 3;
    world_restart(&w);
    struct reply r = bind_account(&w, &c, &key);
    reply_free(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(payload, sizeof payload, wish, cases[i].profile);
        r = post(&w, &c, "/acme/new-order", payload);
        if (cases[i].status == 400) {
            assert_problem(&r, 400, ACME_INVALID_PROFILE, NULL);
        } else {
            assert_status(&r, cases[i].status);
            reply_free(&r);
        }
    }
    r = new_order(&w, &c, one_name, url);
    assert_status(&r, 201);
    reply_free(&r);
    order_read(&w, url, &order);
    assert_string_equal(order.profile, "long");
    acme_order_clear(&order);
    client_free(&c);
    world_close(&w);
}

/* Of two ready orders the second finds the day's certificates used up; it is still ready the day after. */
static void certificates_are_counted_when_a_csr_is_accepted(void **state)
{
    (void)state;
    static const char *const many[] = {"a.example", "b.example", "c.example", NULL};
    struct world w;
    struct external_key key;
    struct client c;
    char url[2][ACME_URL_MAX], finalize[ACME_URL_MAX + 16];
    char *csr = csr_payload(one_name);
    open_bound(&w, &key,
               "{\"names\":[\"*\"],\"validation\":\"trusted\",\"certificates_per_day\":1,"
               "\"names_per_order\":2}");
    struct reply r = bind_account(&w, &c, &key);
    reply_free(&r);
    r = new_order(&w, &c, many, url[0]);
    assert_problem(&r, 400, ACME_REJECTED_IDENTIFIER, "allows 2 names in an order, not 3");
    for (int i = 0; i < 2; i++) {
        r = new_order(&w, &c, one_name, url[i]);
        assert_status(&r, 201);
        reply_free(&r);
    }
    for (int day = 0; day < 2; day++) {
        snprintf(finalize, sizeof finalize, "%s/finalize", url[day]);
        r = post(&w, &c, finalize, csr);
        assert_status(&r, 200);
        assert_string_equal(member(&r, "status"), "processing");
        reply_free(&r);
        if (day == 0) {
            snprintf(finalize, sizeof finalize, "%s/finalize", url[1]);
            r = post(&w, &c, finalize, csr);
            assert_problem(&r, 429, ACME_RATE_LIMITED, "1 certificates a day");
            w.now_ms += 86400 * 1000ULL;
        }
    }
    r = new_order(&w, &c, one_name, url[0]); /* refused early */
    assert_problem(&r, 429, ACME_RATE_LIMITED, "1 certificates a day");
    client_free(&c);
    free(csr);
    world_close(&w);
}

static void order_status(struct world *w, struct client *c, const char *const *names, int status)
{
    char url[ACME_URL_MAX];
    struct reply r = new_order(w, c, names, url);
    if (status == 429) {
        assert_int_equal(r.it->retry_after_s, 86400);
        assert_problem(&r, 429, ACME_RATE_LIMITED, "different names within 200 days");
    } else {
        assert_status(&r, status);
        reply_free(&r);
    }
}

static void different_names_are_counted_while_they_last(void **state)
{
    (void)state;
    static const char *const two[] = {"a.example", "*.a.example", NULL}, *const other[] = {"b.example", NULL},
                             *const both[] = {"a.example", "b.example", NULL};
    struct world w;
    struct external_key key;
    struct client c;
    open_bound(&w, &key, "{\"names\":[\"*\"],\"distinct_names\":2}");
    struct reply r = bind_account(&w, &c, &key);
    reply_free(&r);
    order_status(&w, &c, two, 201);
    order_status(&w, &c, two, 201); /* known names are free */
    order_status(&w, &c, other, 429);
    order_status(&w, &c, both, 429);
    w.now_ms += 150 * 86400 * 1000ULL;
    order_status(&w, &c, two, 201); /* they count from their latest order */
    w.now_ms += 199 * 86400 * 1000ULL;
    order_status(&w, &c, other, 429);
    w.now_ms += 2 * 86400 * 1000ULL;
    order_status(&w, &c, other, 201);
    order_status(&w, &c, both, 201);
    order_status(&w, &c, two, 429);
    client_free(&c);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_profiles_and_quotas_are_held),
        cmocka_unit_test(a_profile_is_one_that_the_policy_allows),
        cmocka_unit_test(certificates_are_counted_when_a_csr_is_accepted),
        cmocka_unit_test(different_names_are_counted_while_they_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
