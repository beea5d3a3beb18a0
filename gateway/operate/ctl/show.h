/* show: the daemon's answers for people.
 *
 * A key says what its value is: _ms a UNIX time in milliseconds (shown in UTC), _cents hundredths of the account's
 * currency. Whatever a terminal would obey is shown as "?": clients and Sectigo wrote some of it.
 */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>

#include "gateway/operate/ctl/command.h"

/* A page as a table, with the way to its next on stderr. False when out of memory. */
bool show_table(const json_t *page, const struct asked *asked);
/* Key after key, what is inside further right. */
void show_object(const json_t *object);
/* A sentence of the daemon, on stderr. */
void show_complaint(const char *text);

#endif
