#include "sectigo/reply.h"

#include <string.h>
#include <strings.h>

#include "sectigo/value.h"

const char *const sectigo_reply_base64[] = {
    "certificate", "caCertificate", "zipFile", "netscapeCertificateSequence", "pkcs7", NULL,
};

static size_t without_line_ends(const char *body, size_t len)
{
    while (len > 0 && (body[len - 1] == '\n' || body[len - 1] == '\r'))
        len--;
    return len;
}

/* errorCode, or error_code as WebHostReport has it; exactly one. */
static const char *code_text(const struct sectigo_form *form)
{
    const char *text = NULL;

    for (size_t i = 0; i < form->count; i++) {
        const char *name = form->params[i].name;

        if (strcasecmp(name, "errorCode") != 0 && strcasecmp(name, "error_code") != 0)
            continue;
        if (text)
            return NULL;
        text = form->params[i].value;
    }
    return text;
}

void sectigo_reply_message(enum sectigo_call_kind call, int code, const char *text,
                           char message[static SECTIGO_MESSAGE_MAX])
{
    if (code < 0 && (!text || !*text))
        text = sectigo_code_text(call, code);
    sectigo_value_text(code < 0 ? text : NULL, message, SECTIGO_MESSAGE_MAX);
}

bool sectigo_reply_open(enum sectigo_call_kind call, const char *body, size_t len, struct sectigo_reply *reply)
{
    memset(reply, 0, sizeof *reply);
    if (!sectigo_form_parse(body, without_line_ends(body, len), sectigo_reply_base64, &reply->form))
        return false;
    if (!sectigo_value_int(code_text(&reply->form), &reply->code))
        return false;
    const char *text = sectigo_form_get(&reply->form, "errorMessage");
    if (!text)
        text = sectigo_form_get(&reply->form, "error_message");
    sectigo_reply_message(call, reply->code, text, reply->message);
    return true;
}

/* The field with the code, or the code alone in the first line. */
static bool read_code(const char *field, size_t len, bool first, int *code)
{
    static const char *const names[] = {"errorCode=", "error_code=", ""};
    char text[12];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t name_len = strlen(names[i]), digits = 0;
        if (len < name_len || strncasecmp(field, names[i], name_len) != 0 || (name_len == 0 && !first))
            continue;
        const char *value = field + name_len;
        while (digits < len - name_len && digits < sizeof text - 1 && !strchr("\r\n", value[digits]))
            digits++;
        memcpy(text, value, digits);
        text[digits] = '\0';
        return sectigo_value_int(text, code);
    }
    return false;
}

bool sectigo_refuses_login(enum sectigo_call_kind call, const char *body, size_t len)
{
    int code;
    for (size_t at = 0; at < len; at++) {
        const char *end = memchr(body + at, '&', len - at);
        size_t field_len = end ? (size_t)(end - body) - at : len - at;
        if (read_code(body + at, field_len, at == 0, &code))
            return sectigo_classify(call, code, NULL) == SECTIGO_LOGIN_REFUSED;
        at += field_len;
    }
    return false;
}

void sectigo_reply_clear(struct sectigo_reply *reply)
{
    sectigo_form_clear(&reply->form);
}

static const char *read_index(const char *text, unsigned *index)
{
    unsigned value = 0;
    size_t digits = 0;

    while (text[digits] >= '0' && text[digits] <= '9' && digits < 6)
        value = value * 10 + (unsigned)(text[digits++] - '0');
    *index = 0;
    if (digits == 0 || text[digits] != '_')
        return text;
    *index = value;
    return value >= 1 && value <= 99999 ? text + digits + 1 : NULL;
}

const char *sectigo_reply_indexes(const char *name, unsigned *first, unsigned *second)
{
    const char *rest = read_index(name, first);

    *second = 0;
    return rest && *first ? read_index(rest, second) : rest;
}
