/* dns_packet: the records that an answer of DNS has to the question in it. */
#include "gateway/egress/internal.h"
#include "store/shortage.h"

#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

static bool is_of(const ldns_rr *rr, const ldns_rdf *owner, ldns_rr_type type)
{
    return ldns_rr_get_type(rr) == type && ldns_dname_compare(ldns_rr_owner(rr), owner) == 0;
}

/* The name at the end of the aliases. */
static const ldns_rdf *follow(const ldns_rr_list *answer, const ldns_rdf *owner)
{
    for (size_t steps = 0; steps < ldns_rr_list_rr_count(answer); steps++) {
        const ldns_rdf *target = NULL;
        for (size_t i = 0; target == NULL && i < ldns_rr_list_rr_count(answer); i++) {
            const ldns_rr *rr = ldns_rr_list_rr(answer, i);
            if (is_of(rr, owner, LDNS_RR_TYPE_CNAME))
                target = ldns_rr_rdf(rr, 0);
        }
        if (target == NULL)
            break;
        owner = target;
    }
    return owner;
}

static size_t octets_of(const ldns_rr *rr)
{
    size_t octets = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
        octets += ldns_rdf_size(ldns_rr_rdf(rr, i));
    return octets;
}

static uint8_t *write_octets(const ldns_rr *rr, uint8_t *at)
{
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        memcpy(at, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
        at += ldns_rdf_size(rdf);
    }
    return at;
}

/* One piece of memory: pointers, lengths, octets. */
static bool copy_records(const ldns_rr_list *list, const ldns_rdf *owner, ldns_rr_type type,
                         struct egress_dns_answer *answer, void **memory)
{
    size_t all = ldns_rr_list_rr_count(list), octets = 0;
    for (size_t i = 0; i < all; i++)
        octets += octets_of(ldns_rr_list_rr(list, i));
    const uint8_t **rdata = *memory = shortage_malloc(all * (sizeof *rdata + sizeof(size_t)) + octets + 1);
    if (rdata == NULL)
        return false;
    size_t *lengths = (size_t *)(rdata + all), count = 0;
    uint8_t *at = (uint8_t *)(lengths + all);
    for (size_t i = 0; i < all; i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        if (!is_of(rr, owner, type))
            continue;
        rdata[count] = at;
        at = write_octets(rr, at);
        lengths[count] = (size_t)(at - rdata[count]);
        count++;
    }
    answer->rdata = rdata;
    answer->rdata_len = lengths;
    answer->record_count = count;
    return true;
}

bool egress_dns_records(const uint8_t *packet, size_t len, struct egress_dns_answer *answer, int *rcode, void **memory)
{
    ldns_pkt *read = NULL;
    *memory = NULL;
    ldns_status status = ldns_wire2pkt(&read, packet, len);
    if (status != LDNS_STATUS_OK || ldns_rr_list_rr_count(ldns_pkt_question(read)) != 1) {
        ldns_pkt_free(read);
        *rcode = LDNS_RCODE_SERVFAIL;
        if (status == LDNS_STATUS_MEM_ERR)
            shortage_note();
        return status != LDNS_STATUS_MEM_ERR;
    }
    const ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(read), 0);
    const ldns_rr_list *list = ldns_pkt_answer(read);
    ldns_rr_type type = ldns_rr_get_type(question);
    const ldns_rdf *owner = ldns_rr_owner(question);
    *rcode = ldns_pkt_get_rcode(read);
    bool good = copy_records(list, type == LDNS_RR_TYPE_CNAME ? owner : follow(list, owner), type, answer, memory);
    ldns_pkt_free(read);
    return good;
}
