#include "sectigo/sectigo.h"

#include <stdlib.h>
#include <string.h>

#include "sectigo/lines.h"
#include "sectigo/pem.h"
#include "sectigo/reply.h"
#include "sectigo/value.h"

static bool read_fqdn(struct sectigo_lines *lines, struct sectigo_collect_answer *answer)
{
    bool failed = false;

    answer->fqdn = sectigo_value_dup(sectigo_lines_next(lines), &failed);
    return answer->fqdn && !failed;
}

/* Code 1: that there are certificates, and what was asked to be shown of them. */
static bool read_available(struct sectigo_lines *lines, const struct sectigo_collect_flags *flags,
                           struct sectigo_collect_answer *answer)
{
    if (flags->validity_period && (!sectigo_value_seconds(sectigo_lines_next(lines), &answer->not_before_s) ||
                                   !sectigo_value_seconds(sectigo_lines_next(lines), &answer->not_after_s)))
        return false;
    return (!flags->fqdn || read_fqdn(lines, answer)) && sectigo_lines_ended(lines);
}

/* All blocks to ca_certificates, then the last one out of them. */
static bool split_leaf(struct sectigo_collect_answer *answer)
{
    char *last = answer->ca_certificates;

    for (char *at = last; at; at = strstr(at + 1, "-----BEGIN"))
        last = at;
    if (!last)
        return false;
    answer->certificate = strdup(last);
    *last = '\0';
    if (last == answer->ca_certificates) {
        free(answer->ca_certificates);
        answer->ca_certificates = NULL;
    }
    return answer->certificate != NULL;
}

/* Code 2: PEM blocks, root first; after them the status where it was asked for. */
static bool read_attached(struct sectigo_lines *lines, const struct sectigo_collect_flags *flags,
                          struct sectigo_collect_answer *answer)
{
    size_t blocks = 0;

    if (flags->validity_period + flags->fqdn + flags->ext_status > 1 || flags->validity_period)
        return false;
    if (flags->fqdn && !read_fqdn(lines, answer))
        return false;
    char *rest = strndup(lines->at, (size_t)(lines->end - lines->at));
    bool ok = rest && strstr(rest, "-----BEGIN") && sectigo_pem_append(rest, &answer->ca_certificates, &blocks);
    const char *tail = NULL;
    for (const char *at = rest; ok && (at = strstr(at, "-----END")); at++)
        tail = strchr(at, '\n');
    if (flags->ext_status)
        sectigo_value_text(tail ? tail + 1 : NULL, answer->certificate_status, sizeof answer->certificate_status);
    free(rest);
    return ok && (flags->query_type == 3 || split_leaf(answer)) && (!flags->ext_status || *answer->certificate_status);
}

bool sectigo_parse_collect_lines(const char *body, size_t len, const struct sectigo_collect_flags *flags,
                                 struct sectigo_collect_answer *answer)
{
    struct sectigo_lines lines;
    bool ok = false;

    memset(answer, 0, sizeof *answer);
    answer->dcv_status = answer->csr_status = -2;
    sectigo_lines_start(&lines, body, len);
    if (!sectigo_value_int(sectigo_lines_next(&lines), &answer->code))
        return false;
    if (answer->code < 0) {
        sectigo_reply_message(SECTIGO_COLLECT_SSL, answer->code, sectigo_lines_next(&lines), answer->message);
        ok = sectigo_lines_ended(&lines);
    } else if (answer->code == 0) {
        ok = sectigo_lines_ended(&lines);
    } else if (answer->code == 1) {
        ok = read_available(&lines, flags, answer);
    } else if (answer->code == 2) {
        ok = read_attached(&lines, flags, answer);
    }
    if (!ok)
        sectigo_collect_clear(answer);
    return ok;
}
