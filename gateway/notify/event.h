/* event: something that an operator is told of, and a list of such. One thread.
 */
#ifndef GATEWAY_NOTIFY_EVENT_H
#define GATEWAY_NOTIFY_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/identifier.h"
#include "acme/limits.h"
#include "gateway/config/config.h"

enum { EVENT_SUBJECT_MAX = 180, EVENT_NAMES_SIZE = 200 };

struct event {
    enum config_event kind;
    char subject[EVENT_SUBJECT_MAX + 1]; /* what it is about: with the kind, what is told once */
    uint64_t mark; /* of what it says: where that is another, it is told again. 0: says but one thing */
    char policy[ACME_POLICY_MAX + 1]; /* whose contact is told as well; "": nobody's */
    uint64_t since_ms;
    char *text; /* owned: a sentence or two for people */
};

struct events {
    struct event *list; /* owned */
    unsigned count, capacity;
    bool looked[CONFIG_EVENTS]; /* all that there are of this kind are in the list */
    bool failed;                /* out of memory */
};

/* Copies *event and writes its text; beyond a thousand of a kind no more are taken, and the kind counts as not looked
 * at. */
void events_add(struct events *events, const struct event *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void events_clear(struct events *events);

/* A mark of a text; never 0. */
uint64_t event_mark(const char *text);
/* What has happened, and stays so: not told again when it is seen no more. */
bool event_is_once(enum config_event kind);
/* "a.example, b.example and 3 more". */
void event_names(const struct acme_names *names, char out[static EVENT_NAMES_SIZE]);
/* "35.00 EUR" */
enum { EVENT_MONEY_SIZE = 40 };
void event_money(int64_t cents, const char *currency, char out[static EVENT_MONEY_SIZE]);
/* "2026-12-01 08:30 UTC" */
enum { EVENT_TIME_SIZE = 32 };
void event_time(uint64_t time_ms, char out[static EVENT_TIME_SIZE]);

#endif
