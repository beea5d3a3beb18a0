#include "sectigo/sandbox/fields.h"

#include <stdlib.h>
#include <string.h>

#define AT(type, record, field) ((type *)(void *)((char *)(record) + (field)->offset))
#define AT_CONST(type, record, field) ((const type *)(const void *)((const char *)(record) + (field)->offset))

static json_t *encode_list(const struct field *field, const struct list *list, bool hidden)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < list->count; i++) {
        json_t *item = record_encode(field->items, (const char *)list->items + i * field->items->size, hidden);
        if (!item || json_array_append_new(array, item)) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* The value of a field; *absent: it is left out. NULL otherwise means failure. */
static json_t *encode_field(const struct field *field, const void *record, bool hidden, bool *absent)
{
    *absent = false;
    switch (field->type) {
    case FIELD_TEXT: {
        const char *text = *AT_CONST(char *, record, field);
        *absent = !text;
        return text ? json_string(text) : NULL;
    }
    case FIELD_NUMBER:
        return json_integer(*AT_CONST(int64_t, record, field));
    case FIELD_TIME: {
        int64_t time_ms = *AT_CONST(int64_t, record, field);
        *absent = time_ms == 0;
        return time_ms ? json_real((double)time_ms / 1000.0) : NULL;
    }
    case FIELD_FLAG:
        return json_boolean(*AT_CONST(bool, record, field));
    case FIELD_WORD:
        return json_string(field->words[*AT_CONST(int, record, field)]);
    case FIELD_LIST:
        return encode_list(field, AT_CONST(struct list, record, field), hidden);
    }
    return NULL;
}

json_t *record_encode(const struct record_type *type, const void *record, bool hidden)
{
    json_t *object = json_object();
    for (const struct field *field = type->fields; object && field->name; field++) {
        bool absent;
        json_t *value;
        if (field->hidden && !hidden)
            continue;
        value = encode_field(field, record, hidden, &absent);
        if (absent)
            continue;
        if (!value || json_object_set_new(object, field->name, value)) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static bool decode_list(const struct field *field, json_t *json, struct list *list, const char **wrong)
{
    size_t index;
    json_t *value;
    if (!json_is_array(json))
        return false;
    json_array_foreach(json, index, value)
    {
        void *item = list_append(field->items, list);
        if (!item || !record_decode(field->items, value, item, wrong))
            return false;
    }
    return true;
}

static void clear_field(const struct field *field, void *record)
{
    if (field->type == FIELD_TEXT) {
        free(*AT(char *, record, field));
        *AT(char *, record, field) = NULL;
    } else if (field->type == FIELD_LIST) {
        struct list *list = AT(struct list, record, field);
        for (size_t i = 0; i < list->count; i++)
            record_clear(field->items, (char *)list->items + i * field->items->size);
        free(list->items);
        *list = (struct list){0};
    }
}

static bool decode_word(const struct field *field, json_t *json, int *word)
{
    const char *text = json_string_value(json);
    for (int i = 0; text && field->words[i]; i++) {
        if (strcmp(field->words[i], text) == 0) {
            *word = i;
            return true;
        }
    }
    return false;
}

static bool decode_field(const struct field *field, json_t *json, void *record, const char **wrong)
{
    clear_field(field, record);
    switch (field->type) {
    case FIELD_TEXT:
        return json_is_string(json) && text_set(AT(char *, record, field), json_string_value(json));
    case FIELD_NUMBER:
        *AT(int64_t, record, field) = json_integer_value(json);
        return json_is_integer(json);
    case FIELD_TIME:
        *AT(int64_t, record, field) = (int64_t)(json_number_value(json) * 1000.0 + 0.5);
        return json_is_number(json);
    case FIELD_FLAG:
        *AT(bool, record, field) = json_is_true(json);
        return json_is_boolean(json);
    case FIELD_WORD:
        return decode_word(field, json, AT(int, record, field));
    case FIELD_LIST:
        return decode_list(field, json, AT(struct list, record, field), wrong);
    }
    return false;
}

bool record_decode(const struct record_type *type, json_t *json, void *record, const char **wrong)
{
    const char *name;
    json_t *value;
    *wrong = "(not an object)";
    if (!json_is_object(json))
        return false;
    json_object_foreach(json, name, value)
    {
        const struct field *field = type->fields;
        while (field->name && strcmp(field->name, name) != 0)
            field++;
        *wrong = field->name ? field->name : "(a name it does not know)";
        if (!field->name || !decode_field(field, value, record, wrong))
            return false;
    }
    return true;
}

void record_clear(const struct record_type *type, void *record)
{
    for (const struct field *field = type->fields; field->name; field++)
        clear_field(field, record);
    memset(record, 0, type->size);
}

void *list_append(const struct record_type *type, struct list *list)
{
    void *items = realloc(list->items, (list->count + 1) * type->size), *item;
    if (!items)
        return NULL;
    list->items = items;
    item = (char *)items + list->count * type->size;
    memset(item, 0, type->size);
    list->count++;
    return item;
}

bool text_set(char **text, const char *value)
{
    char *copy = value ? strdup(value) : NULL;
    if (value && !copy)
        return false;
    free(*text);
    *text = copy;
    return true;
}
