/* object: a JSON object built field after field, with a sticky error: put all, ask once at the end. */
#ifndef GATEWAY_OPERATE_OBJECT_H
#define GATEWAY_OPERATE_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "acme/id.h"
#include "acme/identifier.h"

struct object {
    json_t *json; /* owned until object_end */
    bool failed;  /* out of memory */
};

void object_begin(struct object *object);
/* Takes value; NULL fails. */
void object_put(struct object *object, const char *key, json_t *value);
/* Text that is no UTF-8 loses what is not ASCII; NULL and "" are null. */
void object_text(struct object *object, const char *key, const char *text);
void object_number(struct object *object, const char *key, uint64_t value);
/* UNIX milliseconds, null for 0. key ends in _ms. */
void object_time(struct object *object, const char *key, uint64_t time_ms);
void object_id(struct object *object, const char *key, const struct acme_id *id);
void object_names(struct object *object, const char *key, const struct acme_names *names);
/* A new reference, or NULL where something failed. */
json_t *object_end(struct object *object);

/* The same for a text alone. NULL when out of memory. */
json_t *text_json(const char *text);

#endif
