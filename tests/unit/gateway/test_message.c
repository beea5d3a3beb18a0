/* message: digests and their forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/notify/message.h"

static const uint64_t NOW_MS = 1700000000000;

/* So many of the kind, with the text, into items. */
static json_t *add(json_t *items, const char *kind, const char *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(
            items, json_pack("{s:s, s:s+, s:s}", "event", kind, "subject", kind, i % 2 ? "a" : "b", "text", text));
    return items;
}

static struct message make(const json_t *items)
{
    return (struct message){
        .gateway = "https://acme.example:14000/x", .instance = "a", .items = items, .now_ms = NOW_MS};
}

static json_t *body_of(const json_t *items, enum config_format format)
{
    struct message message = make(items);
    char *text = message_body(&message, format);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    free(text);
    return json;
}

static void test_subject(void **state)
{
    char subject[MESSAGE_SUBJECT_SIZE];
    json_t *items = add(add(json_array(), "held", "x", 2), "credit", "y", 1), *none = json_array();
    struct message message = make(items);
    (void)state;
    message_subject(&message, subject);
    assert_string_equal(subject, "acmegate acme.example:14000: 1 credit, 2 held");
    message = make(none);
    message_subject(&message, subject);
    assert_string_equal(subject, "acmegate acme.example:14000: a test");
    json_decref(items);
    json_decref(none);
}

static unsigned count_in(const char *text, const char *word)
{
    unsigned count = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        count++;
    return count;
}

static void test_of_a_kind_ten_are_shown(void **state)
{
    json_t *items = add(add(json_array(), "held", "first\nsecond\x01", 12), "tls", "ends", 10);
    struct message message = make(items);
    (void)state;
    message.left_out = 7;
    char *text = message_text(&message);
    assert_int_equal(count_in(text, "[held] first second \n"), 10);
    assert_int_equal(count_in(text, "[held] and 2 more\n"), 1);
    assert_int_equal(count_in(text, "[tls] ends\n"), 10);
    assert_int_equal(count_in(text, "[tls] and"), 0);
    assert_int_equal(count_in(text, "and 7 more that nobody wrote down"), 1);
    free(text);
    json_decref(items);
}

/* A text is bounded, whatever the notes say. */
static void test_long_texts(void **state)
{
    char note[3000];
    memset(note, 'n', sizeof note - 1);
    note[sizeof note - 1] = '\0';
    json_t *items = json_array();
    (void)state;
    for (unsigned kind = 0; kind < CONFIG_EVENTS; kind++)
        add(items, config_event_text((enum config_event)kind), note, 20);
    struct message message = make(items);
    char *text = message_text(&message);
    assert_in_range(strlen(text), 8000, 12000);
    free(text);
    json_decref(items);
}

static void test_json_has_all(void **state)
{
    json_t *items = add(json_array(), "held", "x", 30);
    json_t *json = body_of(items, CONFIG_FORMAT_JSON);
    (void)state;
    assert_int_equal(json_array_size(json_object_get(json, "events")), 30);
    assert_string_equal(json_string_value(json_object_get(json, "time")), "2023-11-14T22:13:20Z");
    assert_true(json_is_false(json_object_get(json, "test")));
    json_decref(json);
    json_decref(items);
}

/* What is markup there is text, and nobody is called. */
static void test_chats(void **state)
{
    json_t *items = add(json_array(), "held", "<!channel> & @all", 1), *json = body_of(items, CONFIG_FORMAT_SLACK);
    (void)state;
    const char *text = json_string_value(json_object_get(json, "text"));
    assert_non_null(strstr(text, "&lt;!channel&gt; &amp; @all"));
    json_decref(json);
    json = body_of(items, CONFIG_FORMAT_MATTERMOST);
    text = json_string_value(json_object_get(json, "text"));
    assert_non_null(strstr(text, "\n```\n[held] <!channel> & @all\n```"));
    json_decref(json);
    json = body_of(items, CONFIG_FORMAT_TEAMS);
    json_t *card = json_object_get(json_array_get(json_object_get(json, "attachments"), 0), "content");
    json_t *block = json_array_get(json_object_get(card, "body"), 1);
    assert_string_equal(json_string_value(json_object_get(block, "text")), "[held] <!channel> & @all\n");
    json_decref(json);
    json_decref(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subject),    cmocka_unit_test(test_of_a_kind_ten_are_shown),
        cmocka_unit_test(test_long_texts), cmocka_unit_test(test_json_has_all),
        cmocka_unit_test(test_chats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
