#include "acme/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "acme/durations.h"
#include "acme/libraries.h"

#define URN "urn:ietf:params:acme:error:"

/* RFC 8555 section 6.7 names the types and leaves most of the statuses open: what is not fixed there follows the
 * public servers that clients were written against. */
static const struct {
    const char *urn;
    int status;
} types[ACME_PROBLEM_TYPES] = {
    [ACME_PROBLEM_NONE] = {"about:blank", 500},
    [ACME_ACCOUNT_DOES_NOT_EXIST] = {URN "accountDoesNotExist", 400},
    [ACME_ALREADY_REVOKED] = {URN "alreadyRevoked", 400},
    [ACME_ALREADY_REPLACED] = {URN "alreadyReplaced", 409},
    [ACME_BAD_CSR] = {URN "badCSR", 400},
    [ACME_BAD_NONCE] = {URN "badNonce", 400},
    [ACME_BAD_PUBLIC_KEY] = {URN "badPublicKey", 400},
    [ACME_BAD_REVOCATION_REASON] = {URN "badRevocationReason", 400},
    [ACME_BAD_SIGNATURE_ALGORITHM] = {URN "badSignatureAlgorithm", 400},
    [ACME_CAA] = {URN "caa", 403},
    [ACME_COMPOUND] = {URN "compound", 400},
    [ACME_CONNECTION] = {URN "connection", 400},
    [ACME_DNS] = {URN "dns", 400},
    [ACME_EXTERNAL_ACCOUNT_REQUIRED] = {URN "externalAccountRequired", 403},
    [ACME_INCORRECT_RESPONSE] = {URN "incorrectResponse", 403},
    [ACME_INVALID_CONTACT] = {URN "invalidContact", 400},
    [ACME_INVALID_PROFILE] = {URN "invalidProfile", 400},
    [ACME_MALFORMED] = {URN "malformed", 400},
    [ACME_ORDER_NOT_READY] = {URN "orderNotReady", 403},
    [ACME_RATE_LIMITED] = {URN "rateLimited", 429},
    [ACME_REJECTED_IDENTIFIER] = {URN "rejectedIdentifier", 400},
    [ACME_SERVER_INTERNAL] = {URN "serverInternal", 500},
    [ACME_TLS] = {URN "tls", 400},
    [ACME_UNAUTHORIZED] = {URN "unauthorized", 403},
    [ACME_UNSUPPORTED_CONTACT] = {URN "unsupportedContact", 400},
    [ACME_UNSUPPORTED_IDENTIFIER] = {URN "unsupportedIdentifier", 400},
    [ACME_USER_ACTION_REQUIRED] = {URN "userActionRequired", 403},
};

/* Octets of the UTF-8 sequence that a lead octet begins (0: none), and the least code point that needs so many. */
static size_t sequence_len(unsigned char lead, uint32_t *bits, uint32_t *least)
{
    static const struct {
        unsigned char mask, mark;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if ((lead & forms[i].mask) == forms[i].mark) {
            *bits = lead & (unsigned char)~forms[i].mask;
            *least = forms[i].least;
            return i + 1;
        }
    }
    return 0;
}

static bool is_printable(uint32_t point)
{
    bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
    bool line = point == 0x2028 || point == 0x2029;
    bool direction = (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
    bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return !control && !line && !direction && !surrogate && point <= 0x10ffff;
}

/* Length of the printable character at text, 0 where there is none. */
static size_t printable_len(const unsigned char *text, size_t left)
{
    uint32_t point, least;
    size_t len = sequence_len(*text, &point, &least);

    if (len == 0 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (text[i] & 0x3f);
    }
    return point >= least && is_printable(point) ? len : 0;
}

/* Peers' words end in JSON, logs and terminals: each octet that is no printable UTF-8 becomes a question mark. A
 * character that was cut by the buffer's end is dropped. */
static void copy_printable(char *to, const char *from, bool cut)
{
    size_t len = strlen(from);

    while (len > 0) {
        size_t n = printable_len((const unsigned char *)from, len);
        if (n == 0 && cut && len < 4 && (*from & 0xc0) == 0xc0)
            break;
        if (n == 0) {
            *to++ = '?';
            n = 1;
        } else {
            memcpy(to, from, n);
            to += n;
        }
        from += n;
        len -= n;
    }
    *to = '\0';
}

static void set(struct acme_problem *problem, int status, enum acme_problem_type type, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

static void set(struct acme_problem *problem, int status, enum acme_problem_type type, const char *format, va_list args)
{
    char text[ACME_DETAIL_MAX]; /* apart, because args may quote problem->detail */
    int len = vsnprintf(text, sizeof text, format, args);

    if (len < 0)
        text[0] = '\0';
    acme_problem_clear(problem);
    problem->type = type;
    problem->status = status;
    copy_printable(problem->detail, text, len >= (int)sizeof text);
}

bool acme_problem_set(struct acme_problem *problem, enum acme_problem_type type, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(problem, types[type].status, type, format, args);
    va_end(args);
    return false;
}

bool acme_problem_status(struct acme_problem *problem, int status, enum acme_problem_type type, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(problem, status, type, format, args);
    va_end(args);
    return false;
}

bool acme_problem_out_of_memory(struct acme_problem *problem)
{
    acme_problem_status(problem, 503, ACME_SERVER_INTERNAL, ACME_OUT_OF_MEMORY);
    problem->retry_after_s = ACME_RETRY_MEMORY_S;
    return false;
}

void acme_problem_clear(struct acme_problem *problem)
{
    json_decref(problem->extra);
    memset(problem, 0, sizeof *problem);
}

const char *acme_problem_urn(enum acme_problem_type type)
{
    return types[type].urn;
}

enum acme_problem_type acme_problem_from_urn(const char *urn)
{
    for (int type = 0; type < ACME_PROBLEM_TYPES; type++) {
        if (strcmp(urn, types[type].urn) == 0)
            return (enum acme_problem_type)type;
    }
    return ACME_PROBLEM_NONE;
}

json_t *acme_problem_json(const struct acme_problem *problem)
{
    json_t *document = json_pack("{s:s, s:s, s:i}", "type", acme_problem_urn(problem->type), "detail", problem->detail,
                                 "status", problem->status);

    if (document && problem->extra && json_object_update(document, problem->extra) != 0) {
        json_decref(document);
        return NULL;
    }
    return document;
}

char *acme_problem_dump(const struct acme_problem *problem)
{
    json_t *document = acme_problem_json(problem);
    char *text = document ? libraries_dump(document, JSON_COMPACT) : NULL;

    json_decref(document);
    return text;
}
