/* value: single values of an answer, read strictly. Internal to sectigo/. Pure; any thread.
 *
 * Every reader answers false (and leaves *out alone) where text is NULL or is not wholly what it should be.
 */
#ifndef SECTIGO_VALUE_H
#define SECTIGO_VALUE_H

#include "sectigo/sectigo.h"

/* Decimal, an optional '-', no blanks, no leading zeros. */
bool sectigo_value_int(const char *text, int *out);
/* Seconds since 1970: decimal digits, or "YYYY-MM-DD[ HH:MM[:SS]]" read as UTC. */
bool sectigo_value_seconds(const char *text, int64_t *out);
/* "210.00", "35", "0.5" to hundredths; no sign, no separators of thousands, at most two decimals. */
bool sectigo_value_cents(const char *text, int64_t *out);
bool sectigo_value_order_number(const char *text, char out[static SECTIGO_ORDER_NUMBER_MAX + 1]);
bool sectigo_value_certificate_id(const char *text, char out[static SECTIGO_CERTIFICATE_ID_MAX + 1]);
bool sectigo_value_unique(const char *text, char out[static SECTIGO_UNIQUE_VALUE_MAX + 1]);
/* The account of a SiteLock licence: up to 16 digits, and a text that is not empty. */
bool sectigo_value_site(const char *user_id, const char *site_id, struct sectigo_site *out);
/* -1 not required, 0 not completed, 1 completed, 2 in progress; -2 for anything else. */
int sectigo_value_status(const char *text);

/* Words for people: control characters become blanks, octets that are not UTF-8 become '?', cut at a character where
 * longer. NULL gives "". */
void sectigo_value_text(const char *text, char *out, size_t size);
/* The same, malloc'd; NULL for NULL or when out of memory (then *failed is set). */
char *sectigo_value_dup(const char *text, bool *failed);

/* Overwrites and frees; NULL is let be. */
void sectigo_value_wipe(char *text);

/* Octets of the UTF-8 character that starts at text; 0 where none does (also at the end). */
size_t sectigo_value_character(const char *text);

#endif
