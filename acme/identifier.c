#include "acme/identifier.h"

#include <arpa/inet.h>
#include <string.h>

#include <idn2.h>

#include "store/shortage.h"

enum { LABEL_MAX = 63, QUOTE_MAX = 260 };

static int quote_len(size_t len)
{
    return len < QUOTE_MAX ? (int)len : QUOTE_MAX;
}

/* Every complaint about a name quotes it as it came. */
struct name {
    const char *text;
    size_t len;
    struct acme_problem *problem;
};

static bool refuse_name(const struct name *name, enum acme_problem_type type, const char *reason)
{
    return acme_problem_set(name->problem, type, "The name \"%.*s\" is refused: %s", quote_len(name->len), name->text,
                            reason);
}

static bool malformed(const struct name *name, const char *reason)
{
    return refuse_name(name, ACME_MALFORMED, reason);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c);
}

/* An A-label is valid when it is what its own U-label gives under the rules for registration (RFC 5891 section 4):
 * this refuses broken Punycode, code points that are not allowed, or not where they are, and second spellings. */
static bool a_label_valid(const char *label)
{
    char *unicode = NULL;
    int status = idn2_to_unicode_8z8z(label, &unicode, IDN2_NO_TR46);

    if (status == IDN2_OK)
        status = idn2_register_u8((const uint8_t *)unicode, (const uint8_t *)label, NULL, IDN2_NO_TR46);
    if (status == IDN2_MALLOC)
        shortage_note();
    idn2_free(unicode);
    return status == IDN2_OK;
}

static bool character_valid(const struct name *name, char c)
{
    if (is_alphanumeric(c) || c == '-')
        return true;
    if (c == '_')
        return malformed(name, "an underscore cannot be in the name of a host");
    if (c == '*')
        return malformed(name, "a wildcard is \"*.\" in front of the name and nowhere else");
    if ((unsigned char)c >= 0x80)
        return malformed(name, "it is not ASCII; write internationalised names as A-labels (xn--...)");
    return malformed(name, "only letters, digits, hyphens and dots can be in it");
}

/* label is lower-case already. */
static bool label_valid(const struct name *name, const char *label, size_t len)
{
    char text[LABEL_MAX + 1];

    if (len == 0)
        return malformed(name, "it has an empty label (two dots in a row, or a dot in front)");
    if (len > LABEL_MAX)
        return malformed(name, "a label is longer than 63 characters");
    for (size_t i = 0; i < len; i++) {
        if (!character_valid(name, label[i]))
            return false;
    }
    if (label[0] == '-' || label[len - 1] == '-')
        return malformed(name, "a label begins or ends with a hyphen");
    if (len < 4 || label[2] != '-' || label[3] != '-')
        return true;
    if (memcmp(label, "xn", 2) != 0)
        return malformed(name, "hyphens as third and fourth character of a label are reserved (RFC 5890)");
    memcpy(text, label, len);
    text[len] = '\0';
    return a_label_valid(text) || malformed(name, "a label that begins with xn-- is not valid under IDNA 2008");
}

static bool last_label_valid(const struct name *name, const char *label, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(label[i]))
            return true;
    }
    return malformed(name, "its last label is a number; for an IP address use an identifier of type \"ip\"");
}

/* text is lower-case and has no wildcard in front. */
static bool host_valid(const struct name *name, const char *text, size_t len)
{
    const char *end = text + len, *label = text;
    unsigned labels = 0;

    if (memchr(text, ':', len))
        return malformed(name,
                         "it looks like an IPv6 address or has a port; use an identifier of type \"ip\", no port");
    for (;;) {
        const char *dot = memchr(label, '.', (size_t)(end - label));
        size_t label_len = (size_t)((dot ? dot : end) - label);
        if (!label_valid(name, label, label_len))
            return false;
        labels++;
        if (!dot)
            return last_label_valid(name, label, label_len) &&
                   (labels >= 2 ||
                    refuse_name(name, ACME_REJECTED_IDENTIFIER, "it has a single label; a full domain name is needed"));
        label = dot + 1;
    }
}

static bool parse_dns(const struct name *name, struct acme_identifier *out)
{
    size_t skip = name->len >= 2 && memcmp(name->text, "*.", 2) == 0 ? 2 : 0;

    if (name->len == 0)
        return acme_problem_set(name->problem, ACME_MALFORMED, "An identifier of type \"dns\" is empty");
    if (name->text[name->len - 1] == '.')
        return malformed(name, "write it without the final dot");
    if (name->len > ACME_NAME_MAX)
        return malformed(name, "it is longer than 253 characters");
    for (size_t i = 0; i < name->len; i++) {
        char c = name->text[i];
        out->value[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out->value[name->len] = '\0';
    return host_valid(name, out->value + skip, name->len - skip);
}

/* IPv4 in IPv6 clothes would be a second name for the same host. */
static bool is_embedded_ipv4(const struct in6_addr *address)
{
    return IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address);
}

static bool parse_ip(const struct name *name, struct acme_identifier *out)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct in_addr v4;
    struct in6_addr v6;

    if (name->len == 0 || name->len >= sizeof text || memchr(name->text, '\0', name->len))
        return malformed(name, "it is not an IP address");
    memcpy(text, name->text, name->len);
    text[name->len] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1)
        return inet_ntop(AF_INET, &v4, out->value, sizeof out->value) != NULL;
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return malformed(name, "it is not an IP address (no brackets, port, prefix length or zone)");
    if (is_embedded_ipv4(&v6))
        return malformed(name, "it is an IPv4 address inside an IPv6 one; write it as IPv4");
    return inet_ntop(AF_INET6, &v6, out->value, sizeof out->value) != NULL;
}

bool identifier_parse(const char *type, const char *text, size_t len, struct acme_identifier *out,
                      struct acme_problem *problem)
{
    struct name name = {text, len, problem};

    memset(out, 0, sizeof *out);
    if (strcmp(type, "dns") == 0) {
        out->type = ACME_DNS_NAME;
        return parse_dns(&name, out);
    }
    if (strcmp(type, "ip") == 0) {
        out->type = ACME_IP_ADDRESS;
        return parse_ip(&name, out);
    }
    return acme_problem_set(problem, ACME_UNSUPPORTED_IDENTIFIER,
                            "Identifiers of type \"%.40s\" are not supported; \"dns\" and \"ip\" are", type);
}

bool identifier_is_wildcard(const struct acme_identifier *identifier)
{
    return identifier->type == ACME_DNS_NAME && identifier->value[0] == '*';
}

json_t *identifier_json(const struct acme_identifier *identifier)
{
    return json_pack("{s:s, s:s}", "type", identifier->type == ACME_DNS_NAME ? "dns" : "ip", "value",
                     identifier->value);
}
