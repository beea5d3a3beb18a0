#include "sectigo/dcv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/lines.h"
#include "sectigo/reply.h"
#include "sectigo/value.h"

enum { ADDRESSES_MAX = 1000 };

/* "level2" of "level2_email"; false where the key tells no address. */
static bool read_source(const char *key, char source[static 16])
{
    const char *end = strstr(key, "_email");
    size_t len = end ? (size_t)(end - key) : 0;

    if (!end || end[6] || len == 0 || len >= 16)
        return false;
    memcpy(source, key, len);
    source[len] = '\0';
    return true;
}

static bool add_address(struct sectigo_dcv_addresses *answer, const char source[static 16], const char *email)
{
    bool failed = false;

    if (answer->count == ADDRESSES_MAX)
        return false;
    struct sectigo_dcv_address *list = realloc(answer->list, (answer->count + 1) * sizeof *list);
    if (!list)
        return false;
    answer->list = list;
    list[answer->count].email = sectigo_value_dup(email, &failed);
    memcpy(list[answer->count].source, source, sizeof list->source);
    answer->count += !failed;
    return !failed;
}

/* "level2_email\tadmin@example.org"; the same key comes again for each address, "none" says that there is none. */
static bool read_entry(struct sectigo_dcv_addresses *answer, char *line)
{
    char *value = line + strcspn(line, "\t ");
    char source[16] = "";
    bool failed = false;

    if (!*value)
        return false;
    *value++ = '\0';
    value += strspn(value, "\t ");
    if (strcasecmp(line, "domain_name") == 0) {
        free(answer->domain);
        answer->domain = sectigo_value_dup(value, &failed);
        return !failed;
    }
    if (!read_source(line, source) || strcasecmp(value, "none") == 0)
        return true;
    return add_address(answer, source, value);
}

bool sectigo_parse_dcv_addresses(const char *body, size_t len, struct sectigo_dcv_addresses *answer)
{
    struct sectigo_lines lines;

    memset(answer, 0, sizeof *answer);
    sectigo_lines_start(&lines, body, len);
    bool ok = sectigo_value_int(sectigo_lines_next(&lines), &answer->code);
    if (ok && answer->code < 0)
        sectigo_reply_message(SECTIGO_GET_DCV_EMAIL_ADDRESS_LIST, answer->code, sectigo_lines_next(&lines),
                              answer->message);
    while (ok && answer->code >= 0 && sectigo_lines_next(&lines))
        ok = !*lines.line || read_entry(answer, lines.line);
    ok = ok && sectigo_lines_ended(&lines) && (answer->code < 0 || answer->domain || answer->count > 0);
    if (!ok)
        sectigo_dcv_addresses_clear(answer);
    return ok;
}

void sectigo_dcv_addresses_clear(struct sectigo_dcv_addresses *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        free(answer->list[i].email);
    free(answer->list);
    free(answer->domain);
    memset(answer, 0, sizeof *answer);
}
