/* value: a value of the daemon's answer for people, and what to call it. The key says what it is: _ms a UNIX time in
 * milliseconds (shown in UTC), _cents hundredths of the account's currency, _octets a size, days and seconds a span.
 * Whatever a terminal would obey is shown as "?": clients and Sectigo wrote some of it.
 */
#ifndef CTL_VALUE_H
#define CTL_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct value_style {
    const char *currency;  /* NULL: the answer names none */
    bool zero_is_no_limit; /* of numbers that bound something */
};

/* "amount today" for amount_today_cents. */
void value_label(const char *key, char *out, size_t size);
/* value NULL, null and "" are "-". */
void value_text(const struct value_style *style, const char *key, const json_t *value, char *out, size_t size);
enum { VALUE_KEY_SIZE = 64 };
/* The first of several keys ("policy|members.policy") whose value says something, else the last; key is its name. */
const json_t *value_find(const json_t *item, const char *keys, char key[static VALUE_KEY_SIZE]);
/* Characters, as columns count them. */
size_t value_width(const char *text);
/* Takes out what a terminal would obey. */
void value_tame(char *text);

#endif
