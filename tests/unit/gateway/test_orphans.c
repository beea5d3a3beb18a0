/* orphans: what an edit of the configuration leaves without orders, counted over several snapshots. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "acme/durations.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/issue/upkeep/orphans.h"

#define TEXT(literal) ((char *)(uintptr_t)(literal))

enum { ALL = 1250, KINDS = 5, EACH = ALL / KINDS }; /* two and a half snapshots */

static const uint64_t NOW_MS = 1000 * DAY_MS;

/* By the kind: serves on; its profile is not in the second configuration; has ended; is being bought with that profile;
 * its login had another URL. */
static enum store_status fill(struct store_txn *txn, void *arg)
{
    static const enum subscription_state states[KINDS] = {SUBSCRIPTION_LIVE, SUBSCRIPTION_LIVE, SUBSCRIPTION_ENDED,
                                                          SUBSCRIPTION_BUYING, SUBSCRIPTION_LIVE};
    enum store_status status = STORE_OK;
    (void)arg;
    for (unsigned i = 0; i < ALL && status == STORE_OK; i++) {
        unsigned kind = i % KINDS;
        struct acme_identifier identifier = {.type = ACME_DNS_NAME};
        struct subscription sub = {.id = {{(uint8_t)(i >> 8), (uint8_t)i}},
                                   .state = states[kind],
                                   .login = "main",
                                   .endpoint = TEXT(kind == 4 ? "https://old.example" : "https://ca.example"),
                                   .names = {.list = &identifier, .count = 1},
                                   .days = 365,
                                   .bought_ms = NOW_MS - DAY_MS};
        snprintf(identifier.value, sizeof identifier.value, "n%u.example", i);
        snprintf(sub.profile, sizeof sub.profile, kind == 1 || kind == 3 ? "second" : "first");
        status = subscription_insert(txn, &sub);
    }
    return status == STORE_OK ? store_put(txn, ISSUE_SUBSCRIPTIONS, "stray", 5, "", 0) : status;
}

static bool rest(void *ctx)
{
    unsigned *left = ctx;
    return (*left)-- > 0;
}

static void check(const struct orphans *found, unsigned by_profile, unsigned under_way)
{
    assert_int_equal(found->live, 3 * EACH);
    assert_int_equal(found->by_profile, by_profile);
    assert_int_equal(found->by_login, EACH);
    assert_int_equal(found->by_policy, 0);
    assert_int_equal(found->under_way, under_way);
    assert_int_equal(found->unreadable, 1);
}

static void test_two_configurations(void **state)
{
    struct temp_store *temp = *state;
    struct config_login login = {.name = TEXT("main"), .url = TEXT("https://ca.example")};
    struct config_profile profiles[] = {{.name = TEXT("first"), .login = TEXT("main")},
                                        {.name = TEXT("second"), .login = TEXT("main")}};
    const struct config was = {.logins = &login, .login_count = 1, .profiles = profiles, .profile_count = 2},
                        fresh = {.logins = &login, .login_count = 1, .profiles = profiles, .profile_count = 1};
    struct orphans_look looks[] = {{.config = &was}, {.config = &fresh}};
    unsigned rests = 9, few = 1;
    assert_int_equal(store_call(temp->store, fill, NULL), STORE_OK);
    for (unsigned again = 0; again < 2; again++) { /* what was found before is forgotten */
        assert_int_equal(orphans_count(temp->store, looks, 2, NOW_MS, NULL, NULL), STORE_OK);
        check(&looks[0].found, 0, 0);
        check(&looks[1].found, EACH, EACH);
    }
    assert_int_equal(orphans_count(temp->store, &looks[1], 1, NOW_MS, rest, &rests), STORE_OK);
    check(&looks[1].found, EACH, EACH);
    assert_int_equal(rests, 7);
    assert_int_equal(orphans_count(temp->store, looks, 1, NOW_MS, rest, &few), STORE_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_configurations, temp_store_set_up, temp_store_tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
