#include "sectigo/sandbox/answer.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/value.h"

void answer_open(struct answer *answer, bool newline)
{
    *answer = (struct answer){.http_status = 200, .newline = newline};
}

static void drop_fields(struct answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        free(answer->fields[i].name);
        free(answer->fields[i].value);
    }
    free(answer->fields);
    answer->fields = NULL;
    answer->count = 0;
}

void answer_clear(struct answer *answer)
{
    drop_fields(answer);
    free(answer->body);
    *answer = (struct answer){0};
}

static void add_pair(struct answer *answer, const char *name, const char *value, bool literal)
{
    struct answer_field *fields = realloc(answer->fields, (answer->count + 1) * sizeof *fields);
    if (!fields) {
        answer->failed = true;
        return;
    }
    answer->fields = fields;
    fields[answer->count] = (struct answer_field){strdup(name), strdup(value), literal};
    answer->failed |= !fields[answer->count].name || !fields[answer->count].value;
    answer->count++;
}

void answer_add(struct answer *answer, const char *name, const char *value)
{
    add_pair(answer, name, value, false);
}

void answer_add_literal(struct answer *answer, const char *name, const char *value)
{
    add_pair(answer, name, value, true);
}

static void add_formatted(struct answer *answer, const char *name, const char *format, va_list values)
{
    char *text = NULL;
    if (vasprintf(&text, format, values) < 0) {
        answer->failed = true;
        return;
    }
    add_pair(answer, name, text, false);
    free(text);
}

void answer_addf(struct answer *answer, const char *name, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    add_formatted(answer, name, format, values);
    va_end(values);
}

void answer_code(struct answer *answer, int code)
{
    drop_fields(answer);
    answer->code = code;
    answer_addf(answer, "errorCode", "%d", code);
}

void answer_refuse(struct answer *answer, int code, const char *format, ...)
{
    va_list values;
    answer_code(answer, code);
    va_start(values, format);
    add_formatted(answer, "errorMessage", format, values);
    va_end(values);
}

void answer_refuse_as(struct answer *answer, enum sectigo_call_kind call, int code)
{
    const char *text = sectigo_code_text(call, code);
    answer_refuse(answer, code, "%s", text ? text : "An unknown error occurred!");
}

void answer_refuse_argument(struct answer *answer, int code, const char *given)
{
    char name[65]; /* whatever a client sent: it must not break the line it stands in */
    sectigo_value_text(given, name, sizeof name);
    if (code == -2)
        answer_refuse(answer, code, "'%s' is an unrecognised argument!", name);
    else if (code == -3)
        answer_refuse(answer, code, "The '%s' argument is missing!", name);
    else
        answer_refuse(answer, code, "The value of the '%s' argument is invalid!", name);
}

void answer_json(struct answer *answer, unsigned http_status, json_t *json)
{
    answer->http_status = http_status;
    answer->type = "application/json";
    answer->body = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) : NULL;
    answer->len = answer->body ? strlen(answer->body) : 0;
    answer->failed |= !answer->body;
    json_decref(json);
}

void answer_text(struct answer *answer, unsigned http_status, const char *type, const char *text)
{
    answer->http_status = http_status;
    answer->type = type;
    free(answer->body);
    answer->body = strdup(text);
    answer->len = strlen(text);
    answer->failed |= !answer->body;
}

void answer_octets(struct answer *answer, const char *type, uint8_t *octets, size_t len)
{
    answer->type = type;
    answer->body = (char *)octets;
    answer->len = len;
}

static void put_escaped(FILE *stream, const char *text)
{
    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~", *text))
            putc(*text, stream);
        else if (*text == ' ')
            putc('+', stream);
        else
            fprintf(stream, "%%%02X", (unsigned char)*text);
    }
}

static void put_field(FILE *stream, const struct answer_field *field, bool first, bool newline)
{
    if (newline) {
        fprintf(stream, "%s\n", field->value);
        return;
    }
    if (!first)
        putc('&', stream);
    put_escaped(stream, field->name);
    putc('=', stream);
    if (field->literal)
        fputs(field->value, stream);
    else
        put_escaped(stream, field->value);
}

void answer_finish(struct answer *answer)
{
    FILE *stream;
    if (!answer->body && !answer->failed) {
        stream = open_memstream(&answer->body, &answer->len);
        for (size_t i = 0; stream && i < answer->count; i++)
            put_field(stream, &answer->fields[i], i == 0, answer->newline);
        if (!stream || fclose(stream))
            answer->failed = true;
    }
    if (answer->failed) {
        free(answer->body);
        answer->body = NULL;
        answer->len = 0;
        answer->http_status = 500;
    }
    if (!answer->type)
        answer->type = answer->newline ? "text/plain" : "application/x-www-form-urlencoded";
}
