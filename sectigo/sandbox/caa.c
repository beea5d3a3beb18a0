/* CAA, RFC 8659, as far as an authority must look: part of dcv.h. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sectigo/sandbox/csr.h"
#include "sectigo/sandbox/dcv.h"

static const char *const identities[] = {"sectigo.com", "comodoca.com", "usertrust.com", "trust-provider.com"};

/* Whether the value of an issue or issuewild property names one of ours: the domain before any parameters. */
static bool names_us(const char *value, size_t len)
{
    while (len && (*value == ' ' || *value == '\t')) {
        value++;
        len--;
    }
    for (size_t i = 0; i < sizeof identities / sizeof *identities; i++) {
        size_t own = strlen(identities[i]);
        if (len >= own && strncasecmp(value, identities[i], own) == 0 && (len == own || strchr("; \t", value[own])))
            return true;
    }
    return false;
}

struct verdict {
    bool restricted[2], allowed[2]; /* [0] issue, [1] issuewild */
    bool unknown_critical;
};

static void read_property(const unsigned char *rdata, size_t len, struct verdict *verdict)
{
    size_t tag_len = len >= 2 ? rdata[1] : 0;
    const char *tag = (const char *)rdata + 2;
    int kind;
    if (len < 2 || !tag_len || 2 + tag_len > len)
        return;
    if (tag_len == 5 && strncasecmp(tag, "issue", 5) == 0) {
        kind = 0;
    } else if (tag_len == 9 && strncasecmp(tag, "issuewild", 9) == 0) {
        kind = 1;
    } else {
        verdict->unknown_critical |= (rdata[0] & 0x80) != 0;
        return;
    }
    verdict->restricted[kind] = true;
    verdict->allowed[kind] |= names_us(tag + tag_len, len - 2 - tag_len);
}

static enum caa_result judge_records(const struct ub_result *result, bool wildcard)
{
    struct verdict verdict = {0};
    int kind;
    for (size_t i = 0; result->data[i]; i++)
        read_property((const unsigned char *)result->data[i], (size_t)result->len[i], &verdict);
    kind = wildcard && verdict.restricted[1] ? 1 : 0;
    if (verdict.unknown_critical || (verdict.restricted[kind] && !verdict.allowed[kind]))
        return CAA_FORBIDDEN;
    return CAA_ALLOWED;
}

enum caa_result caa_check(struct lookup *lookup, const char *name, char looked[static DCV_LOOKED_MAX])
{
    bool wildcard = strncmp(name, "*.", 2) == 0;
    const char *level = wildcard ? name + 2 : name;
    snprintf(looked, DCV_LOOKED_MAX, "%s: no CAA", name);
    if (name_is_ip(name))
        return CAA_ALLOWED;
    for (; level; level = strchr(level, '.') ? strchr(level, '.') + 1 : NULL) {
        struct ub_result *result;
        enum lookup_status status = lookup_ask(lookup, level, LOOKUP_CAA, &result);
        enum caa_result verdict;
        if (status == LOOKUP_NONE)
            continue;
        if (status == LOOKUP_FAILED) {
            snprintf(looked, DCV_LOOKED_MAX, "%s: CAA of %s could not be looked up", name, level);
            return CAA_NO_ANSWER;
        }
        verdict = judge_records(result, wildcard);
        ub_resolve_free(result);
        snprintf(looked, DCV_LOOKED_MAX, "%s: CAA of %s %s", name, level,
                 verdict == CAA_ALLOWED ? "allows" : "does not allow");
        return verdict;
    }
    return CAA_ALLOWED;
}
