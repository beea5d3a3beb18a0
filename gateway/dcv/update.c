#include "gateway/dcv/update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

/* Resolvers that Sectigo asks must not keep an old record for long. */
enum { TTL_S = 60, FUDGE_S = 300, MAC_RDF = 3, ERROR_RDF = 5 };

static const char *algorithm(const struct config_dcv_zone *zone)
{
    return zone->tsig_algorithm == CONFIG_TSIG_SHA512 ? "hmac-sha512." : "hmac-sha256.";
}

/* ---- making ---- */

/* target NULL: without data. */
static bool push_record(ldns_rr_list *list, const char *owner, const char *target, ldns_rr_class class, uint32_t ttl)
{
    ldns_rr *rr = ldns_rr_new();
    ldns_rdf *name = ldns_dname_new_frm_str(owner), *data = target ? ldns_dname_new_frm_str(target) : NULL;
    bool good = rr && name && (!target || data);
    if (good) {
        ldns_rr_set_owner(rr, name);
        ldns_rr_set_type(rr, LDNS_RR_TYPE_CNAME);
        ldns_rr_set_class(rr, class);
        ldns_rr_set_ttl(rr, ttl);
        name = NULL;
        good = !target || ldns_rr_push_rdf(rr, data);
        if (good)
            data = NULL;
        good = good && ldns_rr_list_push_rr(list, rr);
        if (good)
            rr = NULL;
    }
    ldns_rdf_deep_free(name);
    ldns_rdf_deep_free(data);
    ldns_rr_free(rr);
    return good;
}

static ldns_pkt *make_update(const char *zone_name, const struct dcv_record *record, enum update_kind kind)
{
    ldns_pkt *packet = NULL;
    ldns_rr_list *changes = ldns_rr_list_new();
    ldns_rdf *zone = ldns_dname_new_frm_str(zone_name);
    bool good = changes && zone;
    if (good && kind == UPDATE_PUBLISH)
        good = push_record(changes, record->owner, NULL, LDNS_RR_CLASS_ANY, 0) &&
               push_record(changes, record->owner, record->target, LDNS_RR_CLASS_IN, TTL_S);
    else if (good)
        good = push_record(changes, record->owner, record->target, LDNS_RR_CLASS_NONE, 0);
    if (good)
        packet = ldns_update_pkt_new(zone, LDNS_RR_CLASS_IN, NULL, changes, NULL);
    if (!packet)
        ldns_rdf_deep_free(zone);    /* otherwise the packet's */
    ldns_rr_list_deep_free(changes); /* of which the packet has copies */
    return packet;
}

static ldns_pkt *make_query(const struct dcv_record *record)
{
    ldns_rdf *owner = ldns_dname_new_frm_str(record->owner);
    return owner ? ldns_pkt_query_new(owner, LDNS_RR_TYPE_CNAME, LDNS_RR_CLASS_IN, 0) : NULL;
}

static bool keep_mac(const ldns_pkt *packet, struct update_message *message)
{
    const ldns_rdf *mac = ldns_rr_rdf(ldns_pkt_tsig(packet), MAC_RDF);
    message->mac_len = mac ? ldns_rdf_size(mac) : 0;
    if (message->mac_len == 0 || message->mac_len > sizeof message->mac)
        return false;
    memcpy(message->mac, ldns_rdf_data(mac), message->mac_len);
    return true;
}

bool update_make(const struct config_dcv_zone *zone, const struct dcv_record *record, enum update_kind kind,
                 struct update_message *message)
{
    ldns_pkt *packet = kind == UPDATE_LOOK ? make_query(record) : make_update(zone->zone, record, kind);
    *message = (struct update_message){0};
    if (!packet)
        return false;
    ldns_pkt_set_random_id(packet);
    message->id = ldns_pkt_id(packet);
    bool good = ldns_pkt_tsig_sign(packet, zone->tsig_name, zone->tsig_secret, FUDGE_S, algorithm(zone), NULL) ==
                    LDNS_STATUS_OK &&
                keep_mac(packet, message) && ldns_pkt2wire(&message->wire, packet, &message->len) == LDNS_STATUS_OK;
    ldns_pkt_free(packet);
    return good;
}

void update_clear(struct update_message *message)
{
    free(message->wire);
    *message = (struct update_message){0};
}

/* ---- judging ---- */

/* ldns 1.8 takes the signature out of the packet while it looks, and leaves it out where it knows no such algorithm. */
static bool verify(const struct config_dcv_zone *zone, const struct update_message *message, ldns_pkt *answer,
                   const uint8_t *wire, size_t len)
{
    ldns_rdf *mac = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_INT16_DATA, message->mac_len, message->mac);
    ldns_rr *signature = ldns_pkt_tsig(answer);
    bool good = mac && signature &&
                ldns_pkt_tsig_verify(answer, wire, len, zone->tsig_name, zone->tsig_secret, mac);
    ldns_pkt_set_tsig(answer, signature);
    ldns_rdf_deep_free(mac);
    return good;
}

/* A hint only, since such an answer is not signed: wrong key, key not permitted and zone not served all are NOTAUTH. */
static const char *hint(const ldns_pkt *answer)
{
    const ldns_rdf *error = ldns_pkt_tsig(answer) ? ldns_rr_rdf(ldns_pkt_tsig(answer), ERROR_RDF) : NULL;
    int code = error && ldns_rdf_size(error) == 2 ? ldns_rdf2native_int16(error) : 0;
    if (code == 16)
        return " (TSIG error 16: the secret is not the one that the server has)";
    if (code == 17)
        return " (TSIG error 17: the server does not know the key, or does not permit it this update)";
    if (code == 18)
        return " (TSIG error 18: the clocks of the server and of this machine differ)";
    return ldns_pkt_get_rcode(answer) == LDNS_RCODE_NOTAUTH ? " (the server may not serve the zone)" : "";
}

static bool has_record(const ldns_pkt *answer, const struct dcv_record *record)
{
    const ldns_rr_list *list = ldns_pkt_answer(answer);
    ldns_rdf *owner = ldns_dname_new_frm_str(record->owner), *target = ldns_dname_new_frm_str(record->target);
    bool found = false;
    for (size_t i = 0; owner && target && !found && i < ldns_rr_list_rr_count(list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        found = ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME && ldns_dname_compare(ldns_rr_owner(rr), owner) == 0 &&
                ldns_rr_rdf(rr, 0) && ldns_dname_compare(ldns_rr_rdf(rr, 0), target) == 0;
    }
    ldns_rdf_deep_free(owner);
    ldns_rdf_deep_free(target);
    return found;
}

static bool judge_packet(const struct config_dcv_zone *zone, const struct dcv_record *record, enum update_kind kind,
                         const struct update_message *message, ldns_pkt *answer, const uint8_t *wire, size_t len,
                         char reason[static UPDATE_REASON_MAX])
{
    ldns_pkt_rcode rcode = ldns_pkt_get_rcode(answer);
    const ldns_lookup_table *text = ldns_lookup_by_id(ldns_rcodes, (int)rcode);
    bool refused = rcode != LDNS_RCODE_NOERROR && !(kind == UPDATE_LOOK && rcode == LDNS_RCODE_NXDOMAIN);
    reason[0] = '\0';
    if (ldns_pkt_id(answer) != message->id || !ldns_pkt_qr(answer))
        snprintf(reason, UPDATE_REASON_MAX, "the answer of %s belongs to another question", zone->server);
    else if (refused)
        snprintf(reason, UPDATE_REASON_MAX, "%s refuses the update of zone %.200s: %s%s", zone->server, zone->zone,
                 text ? text->name : "an unusual error code", hint(answer));
    else if (!verify(zone, message, answer, wire, len))
        snprintf(reason, UPDATE_REASON_MAX, "the answer of %s is not signed with the TSIG key %.200s", zone->server,
                 zone->tsig_name);
    else if (kind == UPDATE_LOOK && !has_record(answer, record))
        snprintf(reason, UPDATE_REASON_MAX,
                 "%s took the update but does not have the CNAME record at %.250s: is there another record?",
                 zone->server, record->owner);
    return reason[0] == '\0';
}

bool update_judge(const struct config_dcv_zone *zone, const struct dcv_record *record, enum update_kind kind,
                  const struct update_message *message, const uint8_t *wire, size_t len,
                  char reason[static UPDATE_REASON_MAX])
{
    ldns_pkt *answer = NULL;
    if (ldns_wire2pkt(&answer, wire, len) != LDNS_STATUS_OK) {
        snprintf(reason, UPDATE_REASON_MAX, "the answer of %s is no DNS message", zone->server);
        return false;
    }
    bool good = judge_packet(zone, record, kind, message, answer, wire, len, reason);
    ldns_pkt_free(answer);
    return good;
}
