#include "sectigo/sandbox/faults.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct rule {
    char *endpoint, *action;
    int64_t times, skip, fired; /* times: how often it may still fire, -1: always; skip: matches let through first */
    double probability, seconds;
    const struct named_action *named;
    int number;
};

static const struct named_action {
    const char *name; /* '#' stands for a number */
    enum fault_action action;
    enum fault_phase phase;
    double seconds; /* default */
} actions[] = {
    {"refuse", FAULT_REFUSE, FAULT_CONNECT, 0},
    {"overtaken", FAULT_OVERTAKEN, FAULT_BEFORE, 10},
    {"delay", FAULT_DELAY, FAULT_BEFORE, 1},
    {"code:#", FAULT_CODE, FAULT_BEFORE, 0},
    {"status-#", FAULT_STATUS, FAULT_BEFORE, 0},
    {"lose-reply-after-accept", FAULT_LOSE, FAULT_AFTER, 0},
    {"close-without-reply", FAULT_CLOSE, FAULT_AFTER, 0},
    {"code-after-accept:#", FAULT_CODE_AFTER, FAULT_AFTER, 0},
    {"status-#-after-accept", FAULT_STATUS_AFTER, FAULT_AFTER, 0},
    {"html-after-accept", FAULT_HTML, FAULT_AFTER, 0},
    {"reset-mid-body", FAULT_RESET_BODY, FAULT_AFTER, 0},
    {"truncate", FAULT_TRUNCATE, FAULT_AFTER, 0},
    {"short-body", FAULT_SHORT, FAULT_AFTER, 0},
    {"foreign-number", FAULT_FOREIGN_NUMBER, FAULT_AFTER, 0},
    {"foreign-certificate", FAULT_FOREIGN_CERTIFICATE, FAULT_AFTER, 0},
    {"slow", FAULT_SLOW, FAULT_AFTER, 5},
    {"push-early", FAULT_PUSH_EARLY, FAULT_AFTER, 10},
    {"push-drop", FAULT_PUSH_DROP, FAULT_PUSH, 0},
    {"push-duplicate", FAULT_PUSH_DUPLICATE, FAULT_PUSH, 0},
    {"push-delay", FAULT_PUSH_DELAY, FAULT_PUSH, 2},
    {"wrong-certificate", FAULT_WRONG_CERTIFICATE, FAULT_CARRY, 0},
};

static const struct field rule_fields[] = {
    {.name = "endpoint", .type = FIELD_TEXT, .offset = offsetof(struct rule, endpoint)},
    {.name = "action", .type = FIELD_TEXT, .offset = offsetof(struct rule, action)},
    {.name = "times", .type = FIELD_NUMBER, .offset = offsetof(struct rule, times)},
    {.name = "skip", .type = FIELD_NUMBER, .offset = offsetof(struct rule, skip)},
    {.name = "fired", .type = FIELD_NUMBER, .offset = offsetof(struct rule, fired)},
    {0},
};
static const struct record_type rule_type = {sizeof(struct rule), rule_fields};

/* "code:-42" against "code:#" */
static bool match_action(const char *pattern, const char *text, int *number)
{
    size_t before = strcspn(pattern, "#");
    char *end;
    if (!pattern[before])
        return strcmp(pattern, text) == 0;
    if (strncmp(pattern, text, before) != 0 || !text[before])
        return false;
    *number = (int)strtol(text + before, &end, 10);
    return end != text + before && strcmp(end, pattern + before + 1) == 0;
}

static bool name_action(struct rule *rule)
{
    for (size_t i = 0; rule->action && i < sizeof actions / sizeof *actions; i++) {
        if (match_action(actions[i].name, rule->action, &rule->number)) {
            rule->named = &actions[i];
            return true;
        }
    }
    return false;
}

static double take_number(json_t *json, const char *name, double otherwise)
{
    json_t *value = json_object_get(json, name);
    double number = json_is_number(value) ? json_number_value(value) : otherwise;
    json_object_del(json, name);
    return number;
}

static bool read_rule(json_t *json, struct rule *rule, char reason[static 256])
{
    const char *wrong;
    json_t *copy = json_copy(json);
    bool ok;
    double seconds = take_number(copy, "seconds", -1);
    rule->probability = take_number(copy, "probability", 1.0);
    rule->times = 1;
    ok = record_decode(&rule_type, copy, rule, &wrong);
    json_decref(copy);
    if (!ok)
        snprintf(reason, 256, "a rule is an object; wrong here: %s", wrong);
    else if (!name_action(rule))
        snprintf(reason, 256, "there is no action \"%.100s\"", rule->action ? rule->action : "");
    else
        rule->seconds = seconds < 0 ? rule->named->seconds : seconds;
    return ok && rule->named;
}

bool faults_open(struct faults *faults)
{
    *faults = (struct faults){.fired = json_array()};
    return faults->fired && pthread_mutex_init(&faults->lock, NULL) == 0;
}

static void clear_rules(struct list *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        record_clear(&rule_type, (struct rule *)rules->items + i);
    free(rules->items);
    *rules = (struct list){0};
}

void faults_close(struct faults *faults)
{
    clear_rules(&faults->rules);
    json_decref(faults->fired);
    pthread_mutex_destroy(&faults->lock);
}

static bool by_chance(double probability)
{
    uint32_t draw = 0;
    if (probability >= 1.0)
        return true;
    RAND_bytes((unsigned char *)&draw, sizeof draw);
    return (double)draw / 4294967296.0 < probability;
}

static bool rule_fires(struct rule *rule, const char *endpoint, enum fault_phase phase)
{
    /* Before TLS nobody knows which endpoint will be asked for. */
    bool any = !rule->endpoint || strcmp(rule->endpoint, "*") == 0 || phase == FAULT_CONNECT;
    if (rule->named->phase != phase || rule->times == 0 || (!any && strcasecmp(rule->endpoint, endpoint) != 0))
        return false;
    if (rule->skip > 0) {
        rule->skip--;
        return false;
    }
    return by_chance(rule->probability);
}

bool faults_take(struct faults *faults, const char *endpoint, enum fault_phase phase, struct fault *fault)
{
    bool fires = false;
    pthread_mutex_lock(&faults->lock);
    for (size_t i = 0; !fires && i < faults->rules.count; i++) {
        struct rule *rule = (struct rule *)faults->rules.items + i;
        fires = rule_fires(rule, endpoint, phase);
        if (!fires)
            continue;
        rule->fired++;
        if (rule->times > 0)
            rule->times--;
        *fault = (struct fault){rule->named->action, rule->number, rule->seconds};
        json_array_append_new(faults->fired, json_pack("{s:s, s:s, s:f}", "endpoint", endpoint, "action", rule->action,
                                                       "time", (double)time(NULL)));
    }
    pthread_mutex_unlock(&faults->lock);
    return fires;
}

static bool add_rules(struct list *rules, json_t *json, char reason[static 256])
{
    size_t index;
    json_t *value;
    if (!json_is_array(json)) {
        struct rule *rule = list_append(&rule_type, rules);
        return rule && read_rule(json, rule, reason);
    }
    json_array_foreach(json, index, value)
    {
        struct rule *rule = list_append(&rule_type, rules);
        if (!rule || !read_rule(value, rule, reason))
            return false;
    }
    return true;
}

bool faults_add(struct faults *faults, json_t *json, char reason[static 256])
{
    struct list added = {0};
    bool ok;
    snprintf(reason, 256, "out of memory");
    ok = add_rules(&added, json, reason);
    pthread_mutex_lock(&faults->lock);
    for (size_t i = 0; ok && i < added.count; i++) {
        struct rule *rule = list_append(&rule_type, &faults->rules), *source = (struct rule *)added.items + i;
        ok = rule != NULL;
        if (ok) {
            *rule = *source; /* with what it owns */
            *source = (struct rule){0};
        }
    }
    pthread_mutex_unlock(&faults->lock);
    clear_rules(&added);
    return ok;
}

void faults_clear(struct faults *faults)
{
    pthread_mutex_lock(&faults->lock);
    clear_rules(&faults->rules);
    json_array_clear(faults->fired);
    pthread_mutex_unlock(&faults->lock);
}

json_t *faults_show(struct faults *faults)
{
    json_t *rules = json_array(), *fired;
    pthread_mutex_lock(&faults->lock);
    for (size_t i = 0; rules && i < faults->rules.count; i++) {
        const struct rule *rule = (struct rule *)faults->rules.items + i;
        json_t *json = record_encode(&rule_type, rule, true);
        json_object_set_new(json, "probability", json_real(rule->probability));
        json_object_set_new(json, "seconds", json_real(rule->seconds));
        json_array_append_new(rules, json);
    }
    fired = json_copy(faults->fired);
    pthread_mutex_unlock(&faults->lock);
    return json_pack("{s:o, s:o}", "rules", rules, "fired", fired);
}
