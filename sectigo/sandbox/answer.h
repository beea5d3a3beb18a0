/* answer: a reply in the making: fields in order, written out in either response format of the reference. */
#ifndef SANDBOX_ANSWER_H
#define SANDBOX_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "sectigo/sectigo.h"

struct answer_field {
    char *name, *value;
    bool literal; /* goes out unescaped in the URL-encoded format */
};
struct answer {
    unsigned http_status; /* 200 */
    bool newline;         /* responseFormat=0: the values alone, one a line */
    bool accepted;        /* something was changed upstream by this call */
    int code;
    struct answer_field *fields;
    size_t count;
    bool failed;      /* out of memory: HTTP status 500 */
    const char *type; /* of body, kept by pointer; NULL: by the format */
    char *body;       /* owned: the whole body where it is not made of fields */
    size_t len;
};

void answer_open(struct answer *answer, bool newline);
void answer_clear(struct answer *answer);

void answer_add(struct answer *answer, const char *name, const char *value);
void answer_addf(struct answer *answer, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void answer_add_literal(struct answer *answer, const char *name, const char *value);

/* First field of every answer. Drops what was added before. */
void answer_code(struct answer *answer, int code);
/* A refusal with a text. */
void answer_refuse(struct answer *answer, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A refusal in the reference's words for that call. */
void answer_refuse_as(struct answer *answer, enum sectigo_call_kind call, int code);
/* The three refusals that name an argument: -2, -3, -4. */
void answer_refuse_argument(struct answer *answer, int code, const char *name);

/* A body of JSON (takes it), or of any text (copied). */
void answer_json(struct answer *answer, unsigned http_status, json_t *json);
void answer_text(struct answer *answer, unsigned http_status, const char *type, const char *text);

/* Any octets (takes them). */
void answer_octets(struct answer *answer, const char *type, uint8_t *octets, size_t len);

/* Writes the fields into body, unless there is one. */
void answer_finish(struct answer *answer);

#endif
