/* show_key: a new external account key, with what to type into clients. */
#ifndef CTL_SHOW_KEY_H
#define CTL_SHOW_KEY_H

#include <jansson.h>

/* The answer of eab create: the secret is in it, and is shown this once. */
void show_key(const json_t *key);

#endif
