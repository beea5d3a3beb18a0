#include "gateway/validate/persist_record.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "acme/base64url.h"

enum { DIGEST_LEN = 32 };

struct cursor {
    const char *at, *end;
};

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool in_domain(char c)
{
    return is_alphanumeric(c) || c == '-' || c == '.';
}

static bool in_value(char c)
{
    return c >= '!' && c <= '~' && c != ';';
}

/* The run of such characters from here; it may be empty. */
static size_t take_run(struct cursor *c, bool (*in)(char), const char **start)
{
    *start = c->at;
    while (c->at < c->end && in(*c->at))
        c->at++;
    return (size_t)(c->at - *start);
}

static bool copy_value(char *out, size_t size, const char *text, size_t len)
{
    if (len == 0 || len >= size)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static bool read_issuer(struct cursor *c, struct persist_record *record)
{
    const char *start;
    size_t len = take_run(c, in_domain, &start);
    if (len > 0 && start[len - 1] == '.')
        len--;
    if (!copy_value(record->issuer, sizeof record->issuer, start, len))
        return false;
    for (char *letter = record->issuer; *letter; letter++)
        *letter = *letter >= 'A' && *letter <= 'Z' ? (char)(*letter - 'A' + 'a') : *letter;
    return true;
}

static bool read_time(const char *text, size_t len, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out = value;
    return len > 0;
}

static bool is_tag(const char *tag, size_t tag_len, const char *name)
{
    return tag_len == strlen(name) && strncasecmp(tag, name, tag_len) == 0;
}

static bool keep_tag(struct persist_record *record, bool *has_policy, const char *tag, size_t tag_len,
                     const char *value, size_t len)
{
    bool again;
    if (is_tag(tag, tag_len, "accounturi"))
        return !record->account_uri[0] && copy_value(record->account_uri, sizeof record->account_uri, value, len);
    if (is_tag(tag, tag_len, "policy")) {
        again = *has_policy;
        *has_policy = true;
        record->wildcard = is_tag(value, len, "wildcard");
        return !again;
    }
    if (is_tag(tag, tag_len, "persistuntil")) {
        again = record->has_until;
        record->has_until = true;
        return !again && read_time(value, len, &record->until_s);
    }
    return true;
}

/* tag "=" value, with white space around each. */
static bool read_parameter(struct cursor *c, struct persist_record *record, bool *has_policy)
{
    const char *tag, *value;
    skip_space(c);
    size_t tag_len = take_run(c, is_alphanumeric, &tag);
    skip_space(c);
    if (tag_len == 0 || c->at == c->end || *c->at++ != '=')
        return false;
    skip_space(c);
    size_t len = take_run(c, in_value, &value);
    skip_space(c);
    return keep_tag(record, has_policy, tag, tag_len, value, len);
}

bool persist_record_parse(const char *text, size_t len, struct persist_record *record)
{
    struct cursor c = {text, text + len};
    bool has_policy = false;
    memset(record, 0, sizeof *record);
    skip_space(&c);
    if (!read_issuer(&c, record))
        return false;
    skip_space(&c);
    while (c.at < c.end) {
        if (*c.at++ != ';' || !read_parameter(&c, record, &has_policy))
            return false;
    }
    return record->account_uri[0] != '\0';
}

bool persist_hash(const char *domain, const char *thumbprint, const char *account_url,
                  char text[static PERSIST_HASH_TEXT + 1])
{
    char input[1 + ACME_NAME_MAX + 64 + ACME_URL_MAX + 1];
    unsigned char digest[DIGEST_LEN];
    int len = snprintf(input, sizeof input, "%c%s%s%s", (char)strlen(domain), domain, thumbprint, account_url);
    if (strlen(domain) > ACME_NAME_MAX || len < 0 || (size_t)len >= sizeof input ||
        EVP_Digest(input, (size_t)len, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    base64url_encode(digest, sizeof digest, text);
    return true;
}
