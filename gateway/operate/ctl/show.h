/* show: the daemon's answers for people, as tables and as objects whose values stand in a column (value.h). */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>

#include "gateway/operate/ctl/command.h"

/* A page as a table, with the way to its next on stderr. False when out of memory. */
bool show_table(const json_t *page, const struct asked *asked);
/* Label after label, what is inside further right. */
void show_object(const json_t *object);
/* A sentence of the daemon, on stderr. */
void show_complaint(const char *text);

#endif
