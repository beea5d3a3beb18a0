#include "gateway/dcv/caa.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CRITICAL = 0x80 };

static const char *const documented[] = {"sectigo.com", "comodoca.com", "usertrust.com", "trust-provider.com"};

struct text {
    const char *at;
    size_t len;
};

static struct text trim(struct text text)
{
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool is_text(struct text text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.at, word, text.len) == 0;
}

/* What stands before the next mark, which is taken off with it. */
static struct text take_until(struct text *rest, char mark)
{
    const char *end = rest->len > 0 ? memchr(rest->at, mark, rest->len) : NULL;
    struct text taken = {rest->at, end ? (size_t)(end - rest->at) : rest->len};
    size_t gone = taken.len + (end != NULL);
    rest->at += gone;
    rest->len -= gone;
    return trim(taken);
}

/* ---- issue and issuewild ---- */

static bool names_us(struct text issuer, const struct config_strings *identities)
{
    for (unsigned i = 0; i < identities->count; i++)
        if (is_text(issuer, identities->list[i]))
            return true;
    for (size_t i = 0; identities->count == 0 && i < sizeof documented / sizeof *documented; i++)
        if (is_text(issuer, documented[i]))
            return true;
    return false;
}

static bool has_parameter_to_judge(struct text parameters)
{
    while (parameters.len > 0) {
        struct text parameter = take_until(&parameters, ';');
        struct text name = take_until(&parameter, '=');
        if (is_text(name, "accounturi") || is_text(name, "validationmethods"))
            return true;
    }
    return false;
}

/* Octets from the network, shown to people. */
static void show(struct text text, char *out, size_t room)
{
    size_t len = text.len < room ? text.len : room;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(text.at[i] < ' ' || text.at[i] > '~' || text.at[i] == '"' ? '?' : text.at[i]);
    out[len] = '\0';
}

static void read_issue(struct caa_rule *rule, struct text value, const struct config_strings *identities)
{
    struct text parameters = value;
    bool ours = names_us(take_until(&parameters, ';'), identities);
    bool judged = ours && has_parameter_to_judge(parameters);
    if (!rule->restricts || (judged && !rule->judged))
        show(value, rule->value, CAA_VALUE_MAX);
    rule->restricts = true;
    rule->allows = rule->allows || (ours && !judged);
    rule->judged = rule->judged || judged;
}

/* ---- a record, and the set ---- */

void caa_read(struct caa_set *set, const uint8_t *rdata, size_t len, const struct config_strings *identities)
{
    size_t tag_len = len >= 2 ? rdata[1] : 0;
    if (tag_len == 0 || 2 + tag_len > len) {
        set->broken = true;
        return;
    }
    struct text tag = {(const char *)rdata + 2, tag_len}, value = {tag.at + tag_len, len - 2 - tag_len};
    if (is_text(tag, "issue"))
        read_issue(&set->issue[0], value, identities);
    else if (is_text(tag, "issuewild"))
        read_issue(&set->issue[1], value, identities);
    else if ((rdata[0] & CRITICAL) && !is_text(tag, "iodef") && !is_text(tag, "issuemail") && !is_text(tag, "issuevmc"))
        show(tag, set->critical, CAA_TAG_MAX);
}

bool caa_judge(const struct caa_set *set, const char *owner, bool wildcard, char reason[static CAA_REASON_MAX])
{
    const char *tag = wildcard && set->issue[1].restricts ? "issuewild" : "issue";
    const struct caa_rule *rule = &set->issue[wildcard && set->issue[1].restricts];
    reason[0] = '\0';
    if (set->broken)
        snprintf(reason, CAA_REASON_MAX, "a CAA record of %.250s cannot be read", owner);
    else if (set->critical[0])
        snprintf(
            reason, CAA_REASON_MAX,
            "a CAA record of %.250s has the critical property %s, which forbids every authority that does not know "
            "it",
            owner, set->critical);
    else if (rule->restricts && !rule->allows && rule->judged)
        snprintf(reason, CAA_REASON_MAX,
                 "the CAA record of %.200s, %s \"%s\", has accounturi or validationmethods, which only Sectigo can "
                 "judge: add one without, or skip preflight",
                 owner, tag, rule->value);
    else if (rule->restricts && !rule->allows)
        snprintf(reason, CAA_REASON_MAX,
                 "the CAA record of %.200s, %s \"%s\", does not let Sectigo issue: add %s \"sectigo.com\"", owner, tag,
                 rule->value, tag);
    return reason[0] == '\0';
}
