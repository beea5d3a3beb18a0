/* DecodeCSR (notes 2.9): no login, GET or POST. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/sandbox/call.h"

struct line {
    const char *show, *name; /* show: the argument that asks for it */
    char value[512];
};

static void fill_lines(const struct csr *csr, struct line *lines, size_t count)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(csr->request);
    for (size_t i = 0; i < count; i++) {
        struct line *line = &lines[i];
        if (strcmp(line->name, "CN") == 0)
            snprintf(line->value, sizeof line->value, "%s", csr->common_name);
        else if (strcmp(line->name, "O") == 0)
            snprintf(line->value, sizeof line->value, "%s", csr->organization);
        else if (strcmp(line->name, "C") == 0)
            snprintf(line->value, sizeof line->value, "%s", csr->country);
        else if (strcmp(line->name, "KeySize") == 0)
            snprintf(line->value, sizeof line->value, "%d", EVP_PKEY_get_bits(key));
        else if (strcmp(line->name, "md5") == 0)
            snprintf(line->value, sizeof line->value, "%s", csr->md5);
        else if (strcmp(line->name, "sha256") == 0)
            snprintf(line->value, sizeof line->value, "%s", csr->sha256);
        else
            hex_lower(csr->sha1, sizeof csr->sha1, line->value);
    }
}

static void write_text(struct call *call, const struct line *lines, size_t count)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    fprintf(stream, "0\n");
    for (size_t i = 0; i < count; i++) {
        if (argument_yes(call->form, lines[i].show) && (*lines[i].value || argument_yes(call->form, "showEmptyFields")))
            fprintf(stream, "%s=%s\n", lines[i].name, lines[i].value);
    }
    fclose(stream);
    answer_text(call->answer, 200, "text/plain", text);
    free(text);
}

static void write_json(struct call *call, const struct line *lines, size_t count)
{
    json_t *object = json_pack("{s:i}", "errorCode", 0);
    for (size_t i = 0; i < count; i++) {
        if (argument_yes(call->form, lines[i].show))
            json_object_set_new(object, lines[i].name, json_string(lines[i].value));
    }
    answer_json(call->answer, 200, object);
}

static void put_xml(FILE *stream, const char *text)
{
    for (; *text; text++) {
        if (strchr("<>&\"", *text))
            fprintf(stream, "&#%d;", *text);
        else
            putc(*text, stream);
    }
}

static void write_xml(struct call *call, const struct line *lines, size_t count)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    fprintf(stream, "<?xml version=\"1.0\"?>\n<DecodeCSR><errorCode>0</errorCode>");
    for (size_t i = 0; i < count; i++) {
        if (!argument_yes(call->form, lines[i].show))
            continue;
        fprintf(stream, "<%s>", lines[i].name);
        put_xml(stream, lines[i].value);
        fprintf(stream, "</%s>", lines[i].name);
    }
    fprintf(stream, "</DecodeCSR>\n");
    fclose(stream);
    answer_text(call->answer, 200, "text/xml", text);
    free(text);
}

void call_decode_csr(struct call *call)
{
    struct line lines[] = {
        {"showCN", "CN", ""},
        {"showAddress", "O", ""},
        {"showAddress", "C", ""},
        {"showKeySize", "KeySize", ""},
        {"showCSRHashes", "sha1", ""},
        {"showCSRHashes2", "md5", ""},
        {"showCSRHashes2", "sha256", ""},
    };
    const size_t count = sizeof lines / sizeof *lines;
    int code = csr_read(sectigo_form_get(call->form, "csr"), &call->csr);
    call->answer->newline = true;
    if (code) {
        answer_refuse_as(call->answer, call->kind, code);
        return;
    }
    fill_lines(&call->csr, lines, count);
    switch (argument_number(call->form, "responseFormat", 0)) {
    case 2:
        write_json(call, lines, count);
        break;
    case 1:
        write_xml(call, lines, count);
        break;
    default:
        write_text(call, lines, count);
        break;
    }
}
