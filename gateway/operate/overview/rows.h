/* rows: a list that is made in memory, as an answer. Inside this room only. */
#ifndef GATEWAY_OPERATE_ROWS_H
#define GATEWAY_OPERATE_ROWS_H

#include "gateway/operate/object.h"
#include "gateway/operate/request.h"

struct rows {
    json_t *items; /* owned until rows_answer */
    bool failed;   /* out of memory */
    bool more;     /* there are others */
};

void rows_begin(struct rows *rows);
/* Takes row; NULL fails. */
void rows_add(struct rows *rows, json_t *row);
/* "day": "2026-11-27", of a day since 1970. */
void rows_day(struct object *object, uint32_t day);
/* {"items": [...], "more": whether there are others}, or what the store said where it was not STORE_OK of "the days".
 */
void rows_answer(struct rows *rows, struct request *request, enum store_status status, const char *what);

#endif
