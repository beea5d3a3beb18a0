#include "sectigo/sandbox/dcv.h"

#include <ctype.h>
#include <libpsl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/sandbox/csr.h"

enum { ADDRESSES_MAX = 8, BODY_MAX = 4096, FETCH_TIMEOUT_MS = 5000 };

/* Second lines that are taken; the other one is of older clients. */
static const char *const authorities[] = {"sectigo.com", "comodoca.com"};

struct body {
    char text[BODY_MAX + 1];
    size_t len;
};

static size_t on_file(char *data, size_t size, size_t count, void *arg)
{
    struct body *body = arg;
    size_t len = size * count;
    if (len > BODY_MAX - body->len)
        return 0;
    memcpy(body->text + body->len, data, len);
    body->len += len;
    body->text[body->len] = 0;
    return len;
}

bool dcv_open(struct dcv *dcv, const char *resolver, uint16_t http_port, uint16_t https_port)
{
    *dcv = (struct dcv){.http_port = http_port, .https_port = https_port};
    dcv->lookup = lookup_open(resolver);
    dcv->curl = curl_easy_init();
    return dcv->lookup && dcv->curl;
}

void dcv_close(struct dcv *dcv)
{
    lookup_close(dcv->lookup);
    curl_easy_cleanup(dcv->curl);
}

static void __attribute__((format(printf, 2, 3))) note_look(char looked[static DCV_LOOKED_MAX], const char *format, ...)
{
    size_t len = strlen(looked);
    va_list values;
    va_start(values, format);
    vsnprintf(looked + len, DCV_LOOKED_MAX - len, format, values);
    va_end(values);
}

/* Octets from the network, shown to people: one line of plain characters. */
static void say_text(char looked[static DCV_LOOKED_MAX], const char *text)
{
    char plain[101];
    size_t i;
    for (i = 0; i < sizeof plain - 1 && text[i]; i++)
        plain[i] = isprint((unsigned char)text[i]) ? text[i] : ' ';
    plain[i] = 0;
    note_look(looked, "\"%s\"", plain);
}

/* "<sha256>\nsectigo.com[\n<uniqueValue>]", line ends of any kind, blanks at the end allowed. */
static bool body_matches(const char *text, const struct dcv_question *question)
{
    const char *unique = question->unique_value ? question->unique_value : "";
    char wanted[256], got[BODY_MAX + 1];
    size_t len = 0;
    for (; *text; text++) {
        if (*text != '\r')
            got[len++] = *text;
    }
    while (len && isspace((unsigned char)got[len - 1]))
        len--;
    got[len] = 0;
    for (size_t i = 0; i < sizeof authorities / sizeof *authorities; i++) {
        snprintf(wanted, sizeof wanted, "%s\n%s%s%s", question->sha256, authorities[i], *unique ? "\n" : "", unique);
        if (strcmp(got, wanted) == 0)
            return true;
    }
    return false;
}

static CURLcode fetch(struct dcv *dcv, const char *url, const char *connect_to, bool follow, struct body *body,
                      long *status)
{
    struct curl_slist *target = curl_slist_append(NULL, connect_to);
    CURL *curl = dcv->curl;
    CURLcode result;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CONNECT_TO, target);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "Sectigo DCV");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)FETCH_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, follow ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L); /* control of the name is what is to be proved */
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_file);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    result = target ? curl_easy_perform(curl) : CURLE_OUT_OF_MEMORY;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    curl_easy_reset(curl); /* which knows target and body */
    curl_slist_free_all(target);
    return result;
}

static bool prove_at(struct dcv *dcv, const struct dcv_question *question, const char *address, bool https,
                     char looked[static DCV_LOOKED_MAX])
{
    char name[260], md5[33], url[512], connect_to[128];
    struct body body = {0};
    long status = 0;
    CURLcode result;
    bool ok;
    for (size_t i = 0; i < sizeof md5; i++)
        md5[i] = (char)toupper((unsigned char)question->md5[i]);
    snprintf(name, sizeof name, strchr(question->name, ':') ? "[%s]" : "%s", question->name);
    snprintf(url, sizeof url, "%s://%s" SECTIGO_DCV_PATH "%s.txt", https ? "https" : "http", name, md5);
    snprintf(connect_to, sizeof connect_to, strchr(address, ':') ? "::[%s]:%u" : "::%s:%u", address,
             https ? dcv->https_port : dcv->http_port);
    result = fetch(dcv, url, connect_to, question->follow_redirects, &body, &status);
    note_look(looked, "%s at %s: ", url, connect_to + 2);
    if (result != CURLE_OK) {
        note_look(looked, "%s. ", curl_easy_strerror(result));
        return false;
    }
    ok = status == 200 && body_matches(body.text, question);
    note_look(looked, "status %ld, body %s ", status, ok ? "as wanted." : "");
    if (!ok)
        say_text(looked, body.text);
    return ok;
}

static bool prove_by_fetch(struct dcv *dcv, const struct dcv_question *question, bool https,
                           char looked[static DCV_LOOKED_MAX])
{
    char addresses[ADDRESSES_MAX][46];
    size_t count = 1;
    int failed = 0;
    if (name_is_wildcard(question->name)) {
        note_look(looked, "a wildcard cannot be proved by a file");
        return false;
    }
    if (name_is_ip(question->name))
        snprintf(addresses[0], sizeof addresses[0], "%s", question->name);
    else
        count = lookup_addresses(dcv->lookup, question->name, addresses, ADDRESSES_MAX, &failed);
    if (!count)
        note_look(looked, "%s %s", question->name, failed ? "could not be looked up" : "has no address");
    for (size_t i = 0; i < count; i++) {
        if (prove_at(dcv, question, addresses[i], https, looked))
            return true;
    }
    return false;
}

/* An uncompressed name of a record to text without the final dot. */
static bool dname_text(const unsigned char *wire, int len, char out[static 256])
{
    size_t at = 0;
    int i = 0;
    while (i < len && wire[i]) {
        int label = wire[i++];
        if (label > 63 || i + label > len || at + (size_t)label + 1 > 255)
            return false;
        if (at)
            out[at++] = '.';
        memcpy(out + at, wire + i, (size_t)label);
        at += (size_t)label;
        i += label;
    }
    out[at] = 0;
    return i < len;
}

static bool target_matches(const char *target, const struct dcv_question *question)
{
    const char *unique = question->unique_value ? question->unique_value : "";
    char wanted[256];
    for (size_t i = 0; i < sizeof authorities / sizeof *authorities; i++) {
        snprintf(wanted, sizeof wanted, "%.32s.%s.%s%s%s", question->sha256, question->sha256 + 32, unique,
                 *unique ? "." : "", authorities[i]);
        if (strcasecmp(target, wanted) == 0)
            return true;
    }
    return false;
}

static bool prove_at_level(struct dcv *dcv, const struct dcv_question *question, const char *level,
                           char looked[static DCV_LOOKED_MAX])
{
    char owner[300], target[256];
    struct ub_result *result;
    enum lookup_status status;
    bool ok = false;
    snprintf(owner, sizeof owner, "_%s.%s", question->md5, level);
    status = lookup_ask(dcv->lookup, owner, LOOKUP_CNAME, &result);
    note_look(looked, "%s CNAME: ", owner);
    if (status != LOOKUP_FOUND) {
        note_look(looked, status == LOOKUP_NONE ? "none. " : "no answer. ");
        return false;
    }
    for (size_t i = 0; !ok && result->data[i]; i++) {
        if (!dname_text((const unsigned char *)result->data[i], result->len[i], target))
            continue;
        ok = target_matches(target, question);
        say_text(looked, target);
        note_look(looked, ok ? " as wanted. " : ". ");
    }
    ub_resolve_free(result);
    return ok;
}

/* From the name itself up to the registrable domain. */
static bool prove_by_cname(struct dcv *dcv, const struct dcv_question *question, char looked[static DCV_LOOKED_MAX])
{
    const char *level = strncmp(question->name, "*.", 2) == 0 ? question->name + 2 : question->name;
    const char *top = psl_registrable_domain(psl_builtin(), level);
    size_t top_len = strlen(top ? top : level);
    for (; level; level = strchr(level, '.') ? strchr(level, '.') + 1 : NULL) {
        if (strlen(level) < top_len)
            break;
        if (prove_at_level(dcv, question, level, looked))
            return true;
    }
    return false;
}

bool dcv_prove(struct dcv *dcv, const struct dcv_question *question, char looked[static DCV_LOOKED_MAX])
{
    looked[0] = 0;
    if (strcmp(question->method, "HTTP_CSR_HASH") == 0)
        return prove_by_fetch(dcv, question, false, looked);
    if (strcmp(question->method, "HTTPS_CSR_HASH") == 0)
        return prove_by_fetch(dcv, question, true, looked);
    if (strcmp(question->method, "CNAME_CSR_HASH") == 0)
        return prove_by_cname(dcv, question, looked);
    if (strcmp(question->method, "IP_ADDRESS_PRE") == 0) {
        note_look(looked, "%s taken as validated before", question->name);
        return name_is_ip(question->name);
    }
    note_look(looked, "waits for the answer to an e-mail");
    return false;
}
