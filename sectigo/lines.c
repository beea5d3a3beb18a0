#include "sectigo/lines.h"

#include <string.h>

void sectigo_lines_start(struct sectigo_lines *lines, const char *body, size_t len)
{
    while (len > 0 && (body[len - 1] == '\n' || body[len - 1] == '\r'))
        len--;
    lines->at = body;
    lines->end = body + len;
    lines->failed = false;
}

const char *sectigo_lines_next(struct sectigo_lines *lines)
{
    if (lines->failed || lines->at >= lines->end)
        return NULL;
    const char *start = lines->at;
    const char *newline = memchr(start, '\n', (size_t)(lines->end - start));
    const char *end = newline ? newline : lines->end;
    lines->at = newline ? newline + 1 : lines->end;

    size_t len = (size_t)(end - start);
    if (len > 0 && start[len - 1] == '\r')
        len--;
    if (len >= sizeof lines->line || memchr(start, '\0', len)) {
        lines->failed = true;
        return NULL;
    }
    memcpy(lines->line, start, len);
    lines->line[len] = '\0';
    return lines->line;
}

bool sectigo_lines_ended(const struct sectigo_lines *lines)
{
    return !lines->failed && lines->at >= lines->end;
}
