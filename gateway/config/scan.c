/* config_scan: where everything stands.
 *
 * libcyaml reports the line of the value before the one it means, and reads on where we want a refusal; so the file
 * goes through libyaml's parser once before. */
#include "gateway/config/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 8, PLACES_MAX = 20000 };

struct level {
    bool is_mapping;
    bool has_key; /* a key was read, its value is next */
    unsigned entries;
    size_t path_len;
};

struct scan {
    struct config_reading *reading;
    struct level levels[DEPTH_MAX];
    unsigned depth, documents;
    char path[CONFIG_PATH_MAX];
};

static unsigned line_of(const yaml_event_t *event)
{
    return (unsigned)event->start_mark.line + 1;
}

static bool note_event(struct scan *scan, const yaml_event_t *event)
{
    struct config_reading *r = scan->reading;
    if (r->place_count == PLACES_MAX)
        return config_fail_at(r, line_of(event), "", "too many entries");
    if (r->place_count == r->place_capacity) {
        unsigned capacity = r->place_capacity > 0 ? 2 * r->place_capacity : 64;
        struct config_place *places = realloc(r->places, capacity * sizeof *places);
        if (places == NULL)
            return config_fail(r, "", "out of memory");
        r->places = places;
        r->place_capacity = capacity;
    }
    char *path = strdup(scan->path);
    if (path == NULL)
        return config_fail(r, "", "out of memory");
    r->places[r->place_count++] = (struct config_place){.path = path, .line = line_of(event)};
    return true;
}

static bool on_key(struct scan *scan, struct level *level, const yaml_event_t *event)
{
    scan->path[level->path_len] = '\0';
    if (event->type != YAML_SCALAR_EVENT)
        return config_fail_at(scan->reading, line_of(event), scan->path, "a key must be a single word");
    const char *key = (const char *)event->data.scalar.value;
    if (level->path_len + strlen(key) + 2 > sizeof scan->path)
        return config_fail_at(scan->reading, line_of(event), scan->path, "unknown key (it is longer than any)");
    char joined[CONFIG_PATH_MAX];
    config_join(joined, scan->path, key);
    memcpy(scan->path, joined, sizeof joined);
    level->has_key = true;
    return note_event(scan, event);
}

static bool on_entry(struct scan *scan, struct level *level, const yaml_event_t *event)
{
    char index[16];
    int len = snprintf(index, sizeof index, "[%u]", ++level->entries);
    if (level->path_len + (size_t)len >= sizeof scan->path)
        return config_fail_at(scan->reading, line_of(event), scan->path, "too deep");
    memcpy(scan->path + level->path_len, index, (size_t)len + 1);
    return note_event(scan, event);
}

static bool push(struct scan *scan, const yaml_event_t *event)
{
    if (scan->depth == DEPTH_MAX)
        return config_fail_at(scan->reading, line_of(event), scan->path, "nested too deep; no key goes that far");
    scan->levels[scan->depth++] =
        (struct level){.is_mapping = event->type == YAML_MAPPING_START_EVENT, .path_len = strlen(scan->path)};
    return true;
}

/* A scalar, or the start of a mapping or list. */
static bool on_node(struct scan *scan, const yaml_event_t *event)
{
    struct level *level = scan->depth > 0 ? &scan->levels[scan->depth - 1] : NULL;
    bool scalar = event->type == YAML_SCALAR_EVENT;
    if (scalar && strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
        return config_fail_at(scan->reading, line_of(event), scan->path, "holds an octet of zero");
    if (level != NULL && level->is_mapping && !level->has_key)
        return on_key(scan, level, event);
    if (level != NULL && level->is_mapping)
        level->has_key = false;
    else if (level != NULL && !on_entry(scan, level, event))
        return false;
    return scalar || push(scan, event);
}

static bool on_yaml_event(struct scan *scan, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++scan->documents == 1 ||
               config_fail_at(scan->reading, line_of(event), "", "a second document begins here; only one is read");
    case YAML_ALIAS_EVENT:
        return config_fail_at(scan->reading, line_of(event), scan->path, "aliases (*name) are not allowed");
    case YAML_SCALAR_EVENT:
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        return on_node(scan, event);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        scan->depth--;
        return true;
    default:
        return true;
    }
}

static bool syntax_error(struct config_reading *r, const yaml_parser_t *parser)
{
    const char *problem = parser->problem != NULL ? parser->problem : "cannot be read";
    unsigned line = parser->error == YAML_READER_ERROR ? 0 : (unsigned)parser->problem_mark.line + 1;
    return config_fail_at(r, line, "", "not YAML: %s%s%s", parser->context != NULL ? parser->context : "",
                          parser->context != NULL ? ": " : "", problem);
}

bool config_scan(struct config_reading *r, const char *text, size_t len)
{
    struct scan scan = {.reading = r};
    yaml_parser_t parser;
    bool good = true, ended = false;
    if (yaml_parser_initialize(&parser) == 0)
        return config_fail(r, "", "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    while (good && !ended) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            good = syntax_error(r, &parser);
            break;
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        good = on_yaml_event(&scan, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (good && r->place_count == 0)
        return config_fail_at(r, 0, "", "holds no keys; deploy/acmegate.yaml is an example");
    return good;
}

void config_scan_free(struct config_reading *r)
{
    for (unsigned i = 0; i < r->place_count; i++)
        free(r->places[i].path);
    free(r->places);
    r->places = NULL;
    r->place_count = r->place_capacity = 0;
}
