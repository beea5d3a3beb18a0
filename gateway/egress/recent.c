/* recent: answers of DNS that were given a moment ago, for those to whom such a one will do. A slot holds the last one
 * of the names that fall on it, so that memory is bounded whatever names clients think of. */
#include "gateway/egress/internal.h"
#include "store/shortage.h"

#include <stdlib.h>
#include <string.h>

struct recent_answer {
    unsigned uses; /* by the table, and by lookups that have yet to deliver it */
    uint64_t given_ms;
    enum egress_view view;
    int rr_type;
    const char *name;
    struct egress_dns_answer answer; /* what it and the name point to follows, in the same memory */
};

enum { OCTETS_MAX = 512 };

static struct recent_answer **slot_of(struct egress_dns *dns, enum egress_view view, const char *name, int rr_type)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    hash = (hash ^ (uint32_t)view) * 16777619u;
    hash = (hash ^ (uint32_t)rr_type) * 16777619u;
    return &dns->recent[(hash ^ hash >> 16) % EGRESS_RECENT_SLOTS];
}

/* What was published a moment ago is not told of a name that is about to be proved: only what leads to a host, and who
 * may issue. A failure is never kept. */
static bool is_kept(int rr_type, const struct egress_dns_answer *answer)
{
    return (rr_type == EGRESS_RR_A || rr_type == EGRESS_RR_AAAA || rr_type == EGRESS_RR_CAA) &&
           (answer->status == EGRESS_DNS_ANSWER || answer->status == EGRESS_DNS_NODATA ||
            answer->status == EGRESS_DNS_NXDOMAIN);
}

static struct recent_answer *copy_of(const char *name, const struct egress_dns_answer *answer)
{
    size_t count = answer->record_count, octets = strlen(name) + 1;
    for (size_t i = 0; i < count && octets <= OCTETS_MAX; i++)
        octets += answer->rdata_len[i] + sizeof(size_t) + sizeof(uint8_t *);
    if (octets > OCTETS_MAX)
        return NULL;
    struct recent_answer *copy = shortage_calloc(1, sizeof *copy + octets);
    if (copy == NULL)
        return NULL;
    const uint8_t **rdata = (const uint8_t **)(copy + 1);
    size_t *lengths = (size_t *)(rdata + count);
    uint8_t *at = (uint8_t *)(lengths + count);
    for (size_t i = 0; i < count; at += lengths[i++]) {
        rdata[i] = at;
        lengths[i] = answer->rdata_len[i];
        memcpy(at, answer->rdata[i], lengths[i]);
    }
    memcpy(at, name, strlen(name) + 1);
    copy->name = (const char *)at;
    copy->answer = *answer;
    copy->answer.rdata = rdata;
    copy->answer.rdata_len = lengths;
    copy->answer.recent = true;
    return copy;
}

void egress_recent_keep(struct egress_dns *dns, enum egress_view view, const char *name, int rr_type,
                        const struct egress_dns_answer *answer)
{
    struct recent_answer **slot = slot_of(dns, view, name, rr_type);
    struct recent_answer *copy = is_kept(rr_type, answer) ? copy_of(name, answer) : NULL;
    if (*slot != NULL)
        egress_recent_release(*slot);
    *slot = copy;
    if (copy == NULL)
        return;
    copy->uses = 1;
    copy->given_ms = egress_now_ms();
    copy->view = view;
    copy->rr_type = rr_type;
}

struct recent_answer *egress_recent_take(struct egress_dns *dns, enum egress_view view, const char *name, int rr_type,
                                         uint32_t max_age_ms)
{
    struct recent_answer *found = *slot_of(dns, view, name, rr_type);
    if (found == NULL || found->view != view || found->rr_type != rr_type || strcmp(found->name, name) != 0 ||
        egress_now_ms() - found->given_ms >= max_age_ms)
        return NULL;
    found->uses++;
    return found;
}

const struct egress_dns_answer *egress_recent_answer(const struct recent_answer *recent)
{
    return &recent->answer;
}

void egress_recent_release(struct recent_answer *recent)
{
    if (--recent->uses == 0)
        free(recent);
}

void egress_recent_clear(struct egress_dns *dns)
{
    for (size_t i = 0; i < EGRESS_RECENT_SLOTS; i++) {
        if (dns->recent[i] != NULL)
            egress_recent_release(dns->recent[i]);
        dns->recent[i] = NULL;
    }
}
