#include "gateway/operate/object.h"

#include <stdlib.h>
#include <string.h>

void object_begin(struct object *object)
{
    object->json = json_object();
    object->failed = object->json == NULL;
}

void object_put(struct object *object, const char *key, json_t *value)
{
    if (object->failed)
        json_decref(value);
    else if (json_object_set_new(object->json, key, value) != 0)
        object->failed = true;
}

json_t *text_json(const char *text)
{
    if (!text || !*text)
        return json_null();
    json_t *json = json_string(text);
    char *copy = json ? NULL : strdup(text);
    if (!copy)
        return json;
    for (char *c = copy; *c; c++) {
        if ((unsigned char)*c > 127)
            *c = '?';
    }
    json = json_string(copy);
    free(copy);
    return json;
}

void object_text(struct object *object, const char *key, const char *text)
{
    object_put(object, key, text_json(text));
}

void object_number(struct object *object, const char *key, uint64_t value)
{
    object_put(object, key, json_integer((json_int_t)value));
}

void object_time(struct object *object, const char *key, uint64_t time_ms)
{
    object_put(object, key, time_ms ? json_integer((json_int_t)time_ms) : json_null());
}

void object_id(struct object *object, const char *key, const struct acme_id *id)
{
    char text[ACME_ID_TEXT + 1];
    acme_id_text(id, text);
    object_text(object, key, text);
}

void object_names(struct object *object, const char *key, const struct acme_names *names)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < names->count; i++) {
        if (json_array_append_new(list, json_string(names->list[i].value)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    object_put(object, key, list);
}

json_t *object_end(struct object *object)
{
    if (object->failed)
        json_decref(object->json);
    return object->failed ? NULL : object->json;
}
