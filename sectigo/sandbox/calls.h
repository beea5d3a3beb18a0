/* calls: what was read, one after another, and what was answered: for tests that ask in which order a client sends, and
 * whether it looked in between.
 *
 * The newest CALLS_MAX are kept, in memory only. Guarded by the sandbox's lock.
 */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include "sectigo/sandbox/answer.h"
#include "sectigo/sandbox/fields.h"
#include "sectigo/sectigo.h"

enum { CALLS_MAX = 20000 };

/* One call. Texts are those of the request, NULL where it has none of that name. */
struct call_line {
    int64_t connection; /* from 1, in the order of their coming */
    int64_t read_ms;    /* time of day at which the request had come whole */
    int64_t since_ms;   /* the same, monotonic: no test moves it */
    int64_t ended_ms;   /* monotonic: the answer was made; 0: not yet */
    int call;           /* enum sectigo_call_kind */
    char *login, *foreign_order_number, *unique_value;
    char *order_number, *base_order_number, *certificate_id, *serial_number; /* what it names */
    char *query_type;
    int64_t code, http_status; /* of the answer */
    int64_t found;             /* orders in a report; -1: not one that has any */
    bool lost;                 /* the answer did not arrive, or not so that it can be read */
    char *placed;              /* number of the order that it placed */
};

struct calls {
    struct call_line *lines; /* owned, CALLS_MAX in a ring */
    uint64_t count;          /* begun in all */
};

bool calls_open(struct calls *calls);
void calls_close(struct calls *calls);
/* A request was read; its number, for calls_end. */
uint64_t calls_begin(struct calls *calls, enum sectigo_call_kind call, const struct sectigo_form *form,
                     uint64_t connection);
/* It was answered, or is not going to be. placed: number of the order that it placed, or NULL. */
void calls_end(struct calls *calls, uint64_t number, const struct answer *answer, int64_t found, const char *placed,
               bool lost);
/* An array, oldest first; NULL when out of memory. */
json_t *calls_show(const struct calls *calls);

#endif
