#include "gateway/operate/ctl/since.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char SINCE_FORMS[] = "today, yesterday, 2h, 7d, 2026-11-22, 2026-11-22T08:30 (UTC) or UNIX milliseconds";

enum { DAY_S = 86400, NUMBER_MAX = 1000000 };

static bool read_day(const char *text, time_t now, long long *ms)
{
    bool yesterday = strcmp(text, "yesterday") == 0;
    if (!yesterday && strcmp(text, "today") != 0)
        return false;
    *ms = (long long)(now - now % DAY_S - (yesterday ? DAY_S : 0)) * 1000;
    return true;
}

/* "2h", "90 minutes ago" */
static bool read_ago(const char *text, time_t now, long long *ms)
{
    static const struct {
        const char *letter, *word;
        long seconds;
    } units[] = {
        {"s", "second", 1}, {"m", "minute", 60}, {"h", "hour", 3600}, {"d", "day", DAY_S}, {"w", "week", 7 * DAY_S}};
    char unit[16] = "", end = '\0';
    long number;
    int got = sscanf(text, "%7ld%15[a-z ]%c", &number, unit, &end);
    if (got != 2 || number < 0 || number > NUMBER_MAX || text[0] < '0' || text[0] > '9')
        return false;
    char *ago = strstr(unit, " ago");
    if (ago != NULL)
        *ago = '\0';
    const char *word = unit + strspn(unit, " ");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t len = strlen(units[i].word);
        bool whole = strncmp(word, units[i].word, len) == 0 && strcmp(word + len + (word[len] == 's'), "") == 0;
        if (strcmp(word, units[i].letter) != 0 && !whole)
            continue;
        *ms = ((long long)now - number * units[i].seconds) * 1000;
        return true;
    }
    return false;
}

static bool read_date(const char *text, long long *ms)
{
    static const char *const forms[] = {"%Y-%m-%d",          "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M",
                                        "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M",    "%Y-%m"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm at = {.tm_mday = 1};
        const char *end = strptime(text, forms[i], &at);
        if (end == NULL || (*end != '\0' && strcmp(end, "Z") != 0))
            continue;
        int day = at.tm_mday;
        *ms = (long long)timegm(&at) * 1000;
        return at.tm_mday == day; /* no 31st of February */
    }
    return false;
}

static bool read_number(const char *text, long long *ms)
{
    char *end;
    *ms = strtoll(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && strlen(text) <= 15;
}

bool since_read(const char *text, time_t now, long long *ms)
{
    return read_number(text, ms) || read_day(text, now, ms) || read_ago(text, now, ms) || read_date(text, ms);
}
