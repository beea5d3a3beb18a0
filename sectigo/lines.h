/* lines: an answer in the newline format, read line by line. Internal to sectigo/. */
#ifndef SECTIGO_LINES_H
#define SECTIGO_LINES_H

#include "sectigo/sectigo.h"

struct sectigo_lines {
    const char *at, *end;
    bool failed; /* a NUL, or a line over the limit */
    char line[1024];
};

/* Empty lines at the end do not count. */
void sectigo_lines_start(struct sectigo_lines *lines, const char *body, size_t len);
/* Without its line end, valid until the next call; NULL after the last one, which no reader of a value accepts. */
const char *sectigo_lines_next(struct sectigo_lines *lines);
/* Everything was read, and nothing failed. */
bool sectigo_lines_ended(const struct sectigo_lines *lines);

#endif
