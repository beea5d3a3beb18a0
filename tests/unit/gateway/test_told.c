/* told: what is told once, again and not at all; what waits for whom. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "acme/durations.h"
#include "gateway/notify/notices.h"
#include "gateway/notify/tell.h"
#include "gateway/notify/told.h"

static const uint64_t NOW = (uint64_t)20000 * DAY_MS;

static char *to[] = {"pki@acme.example", NULL};
static struct config_target targets[2];
static struct config config;

/* A webhook that wants all, and a mail that wants what is held. */
static void configure(void)
{
    memset(targets, 0, sizeof targets);
    targets[0] = (struct config_target){.name = "hook", .webhook = {.url = "https://a.example"}};
    memset(targets[0].events, true, sizeof targets[0].events);
    targets[1] = (struct config_target){
        .name = "mail", .mail = {.server = "m.example", .to = {.list = to, .count = 1}, .policy_contacts = true}};
    targets[1].events[CONFIG_EVENT_HELD] = true;
    config.notify = (struct config_notify){.targets = targets, .target_count = 2, .collect_ms = 60000};
}

static void add(struct events *events, enum config_event kind, const char *subject, uint64_t mark, const char *policy)
{
    struct event event = {.kind = kind, .mark = mark};
    snprintf(event.subject, sizeof event.subject, "%s", subject);
    snprintf(event.policy, sizeof event.policy, "%s", policy);
    events_add(events, &event, "text of %s", subject);
    events->looked[kind] = true;
}

/* How many were new. */
static unsigned look(struct temp_store *temp, const struct events *events, uint64_t now_ms)
{
    struct told_news news = {.config = &config, .events = events, .now_ms = now_ms};
    struct store_txn *txn;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    bool is_news = told_is_news(txn, &news);
    store_read_end(txn);
    if (is_news)
        assert_int_equal(store_call(temp->store, told_store, &news), STORE_OK);
    return news.told;
}

static unsigned waiting(struct temp_store *temp, const char *recipient)
{
    struct store_txn *txn;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    unsigned count = notices_count(txn, recipient);
    store_read_end(txn);
    return count;
}

static uint64_t due_of(struct temp_store *temp, const char *recipient)
{
    struct store_txn *txn;
    uint64_t due_ms = 0;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    store_job_get(txn, JOB_TELL, recipient, strlen(recipient), &due_ms);
    store_read_end(txn);
    return due_ms;
}

static void test_once_until_it_is_over_and_back(void **state)
{
    struct temp_store *temp = *state;
    struct events held = {0}, none = {0};
    none.looked[CONFIG_EVENT_HELD] = true;
    add(&held, CONFIG_EVENT_HELD, "i1", 0, "");
    assert_int_equal(look(temp, &held, NOW), 1);
    assert_int_equal(look(temp, &held, NOW + 1), 0);
    assert_int_equal(look(temp, &held, NOW + 2 * DAY_MS), 0);
    assert_int_equal(look(temp, &none, NOW + 2 * DAY_MS), 0);
    assert_int_equal(look(temp, &held, NOW + 2 * DAY_MS + 1), 1);
    assert_int_equal(waiting(temp, "hook"), 2);
    events_clear(&held);
}

/* A look that has not seen all of a kind forgets nothing of it. */
static void test_what_was_not_looked_at_is_not_over(void **state)
{
    struct temp_store *temp = *state;
    struct events held = {0}, none = {0};
    add(&held, CONFIG_EVENT_HELD, "i1", 0, "");
    look(temp, &held, NOW);
    look(temp, &none, NOW + 1);
    assert_int_equal(look(temp, &held, NOW + 2), 0);
    events_clear(&held);
}

static void test_another_mark_is_told_after_an_hour(void **state)
{
    struct temp_store *temp = *state;
    struct events one = {0}, other = {0};
    add(&one, CONFIG_EVENT_BLOCKED, "i1", 1, "");
    add(&other, CONFIG_EVENT_BLOCKED, "i1", 2, "");
    assert_int_equal(look(temp, &one, NOW), 1);
    assert_int_equal(look(temp, &other, NOW + HOUR_MS - 1), 0);
    assert_int_equal(look(temp, &other, NOW + HOUR_MS), 1);
    assert_int_equal(look(temp, &other, NOW + 9 * HOUR_MS), 0);
    events_clear(&one);
    events_clear(&other);
}

static void test_the_past_is_history(void **state)
{
    struct temp_store *temp = *state;
    struct events events = {0}, more = {0};
    add(&events, CONFIG_EVENT_PUSH, "main", 0, "");
    add(&events, CONFIG_EVENT_HELD, "i1", 0, "");
    assert_int_equal(look(temp, &events, NOW), 1); /* what is so now is told */
    add(&more, CONFIG_EVENT_PUSH, "main", 0, "");
    add(&more, CONFIG_EVENT_PUSH, "other", 0, "");
    assert_int_equal(look(temp, &more, NOW + 1), 1);
    assert_int_equal(look(temp, &more, NOW + 400 * DAY_MS), 0);
    events_clear(&events);
    events_clear(&more);
}

static void test_who_wants_it(void **state)
{
    struct temp_store *temp = *state;
    struct events events = {0};
    char recipient[RECIPIENT_MAX + 1], name[CONFIG_TARGET_MAX + 1];
    add(&events, CONFIG_EVENT_HELD, "i1", 0, "shop");
    add(&events, CONFIG_EVENT_LOGIN, "main", 0, "");
    look(temp, &events, NOW);
    recipient_make("mail", "shop", recipient);
    assert_string_equal(recipient_split(recipient, name), "shop");
    assert_string_equal(name, "mail");
    assert_int_equal(waiting(temp, "hook"), 2);
    assert_int_equal(waiting(temp, "mail"), 1);
    assert_int_equal(waiting(temp, recipient), 1);
    events_clear(&events);
}

struct told_before {
    uint64_t told_ms;
};

static enum store_status set_told(struct store_txn *txn, void *arg)
{
    const struct recipient state = {.told_ms = ((struct told_before *)arg)->told_ms};
    return recipient_save(txn, "hook", &state);
}

/* At once, or collect after the last; a job that is there stays. */
static void test_when_it_is_told(void **state)
{
    struct temp_store *temp = *state;
    struct events events = {0};
    struct told_before before = {NOW - 10000};
    add(&events, CONFIG_EVENT_HELD, "i1", 0, "");
    assert_int_equal(store_call(temp->store, set_told, &before), STORE_OK);
    look(temp, &events, NOW);
    assert_int_equal(due_of(temp, "hook"), NOW + 50000);
    assert_int_equal(due_of(temp, "mail"), NOW);
    add(&events, CONFIG_EVENT_HELD, "i2", 0, "");
    look(temp, &events, NOW + 20000);
    assert_int_equal(due_of(temp, "hook"), NOW + 50000);
    assert_int_equal(due_of(temp, "mail"), NOW);
    events_clear(&events);
}

static enum store_status check_full(struct store_txn *txn, void *arg)
{
    struct recipient told;
    json_t *items = NULL;
    assert_int_equal(recipient_load(txn, "hook", &told), STORE_OK);
    assert_int_equal(told.left_out, 3);
    assert_int_equal(notices_load(txn, "hook", &items), STORE_OK);
    assert_int_equal(json_array_size(items), NOTICES_MAX);
    assert_int_equal(notices_remove(txn, "hook", items), STORE_OK);
    assert_int_equal(notices_count(txn, "hook"), 0);
    json_decref(items);
    (void)arg;
    return STORE_OK;
}

static void test_a_full_target_counts(void **state)
{
    struct temp_store *temp = *state;
    struct events events = {0};
    char subject[16];
    for (unsigned i = 0; i < NOTICES_MAX + 3; i++) {
        snprintf(subject, sizeof subject, "i%u", i);
        add(&events, CONFIG_EVENT_HELD, subject, 0, "");
    }
    assert_int_equal(look(temp, &events, NOW), NOTICES_MAX + 3);
    assert_int_equal(store_call(temp->store, check_full, NULL), STORE_OK);
    events_clear(&events);
}

static uint64_t audit_from(struct temp_store *temp, uint64_t now_ms)
{
    struct store_txn *txn;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    uint64_t from_ms = told_audit_from_ms(txn, now_ms);
    store_read_end(txn);
    return from_ms;
}

static void test_where_the_audit_is_read_from(void **state)
{
    struct temp_store *temp = *state;
    const uint64_t overlap = 10 * MINUTE_MS;
    struct events none = {0};
    assert_int_equal(audit_from(temp, NOW), NOW - overlap);
    look(temp, &none, NOW);
    assert_int_equal(audit_from(temp, NOW + HOUR_MS), NOW - overlap);
    assert_int_equal(audit_from(temp, NOW + 9 * DAY_MS), NOW + 8 * DAY_MS - overlap); /* a day at most */
    assert_int_equal(audit_from(temp, NOW - DAY_MS), NOW - DAY_MS - overlap);         /* the clock was set back */
}

/* A thousand of a kind, and it counts as not looked at. */
static void test_too_many_of_a_kind(void **state)
{
    struct events events = {0};
    char subject[16];
    (void)state;
    for (unsigned i = 0; i <= 1000; i++) {
        struct event event = {.kind = CONFIG_EVENT_HELD};
        events.looked[CONFIG_EVENT_HELD] = true;
        snprintf(subject, sizeof subject, "i%u", i);
        memcpy(event.subject, subject, sizeof subject);
        events_add(&events, &event, "text");
        assert_int_equal(events.looked[CONFIG_EVENT_HELD], i < 1000);
    }
    assert_int_equal(events.count, 1000);
    events_clear(&events);
}

static void test_back_off(void **state)
{
    (void)state;
    assert_int_equal(tell_back_off_ms(1, 30000), 30000);
    assert_int_equal(tell_back_off_ms(2, 30000), 60000);
    assert_int_equal(tell_back_off_ms(5, 30000), 480000);
    assert_int_equal(tell_back_off_ms(8, 30000), HOUR_MS);
    assert_int_equal(tell_back_off_ms(UINT32_MAX, 100), HOUR_MS);
}

static int set_up(void **state)
{
    static struct temp_store temp;
    configure();
    temp_store_open(&temp);
    *state = &temp;
    return 0;
}

static int tear_down(void **state)
{
    temp_store_close(*state);
    return 0;
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_once_until_it_is_over_and_back),
        WITH_STORE(test_what_was_not_looked_at_is_not_over),
        WITH_STORE(test_another_mark_is_told_after_an_hour),
        WITH_STORE(test_the_past_is_history),
        WITH_STORE(test_who_wants_it),
        WITH_STORE(test_when_it_is_told),
        WITH_STORE(test_a_full_target_counts),
        WITH_STORE(test_where_the_audit_is_read_from),
        cmocka_unit_test(test_too_many_of_a_kind),
        cmocka_unit_test(test_back_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
