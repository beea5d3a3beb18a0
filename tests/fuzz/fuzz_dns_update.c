/* covers: gateway/dcv/update.c
 *
 * What a DNS server answers to our updates: whatever the octets, it is a yes, or there is a sentence; and a yes is signed
 * with our key.
 *
 * The first octet chooses what was asked, whether the answer, which is the rest, gets our id, and whether it is signed:
 * neither is what an input could guess. */
#include <stdlib.h>
#include <string.h>

#include "gateway/dcv/update.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dcv_record record = {.zone = "acme.example",
                                   .owner = "_0123456789abcdef0123456789abcdef.acme.example",
                                   .target = "0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210."
                                             "abc.sectigo.com"};

enum { OUR_ID = 4, BY_SHA512 = 8, SIGNED = 16, OTHER_SECRET = 32 };

static char zone_name[] = "acme.example", server[] = "192.0.2.53", key[] = "acmegate", secret[] = "c2VjcmV0",
            other_secret[] = "b3RoZXI=";

/* As the server would. *wire is malloc'd; false where these octets cannot be signed. */
static bool sign(uint8_t flags, const struct update_message *message, uint8_t **wire, size_t *len)
{
    const char *name = flags & BY_SHA512 ? "hmac-sha512." : "hmac-sha256.";
    ldns_rdf *mac = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_INT16_DATA, message->mac_len, message->mac);
    ldns_pkt *packet = NULL;
    uint8_t *signed_wire = NULL;
    bool good = mac && ldns_wire2pkt(&packet, *wire, *len) == LDNS_STATUS_OK && !ldns_pkt_tsig(packet) &&
                ldns_pkt_tsig_sign(packet, key, flags & OTHER_SECRET ? other_secret : secret, FUDGE_S, name, mac) ==
                    LDNS_STATUS_OK &&
                ldns_pkt2wire(&signed_wire, packet, len) == LDNS_STATUS_OK;
    if (good) {
        free(*wire);
        *wire = signed_wire;
    }
    ldns_rdf_deep_free(mac);
    ldns_pkt_free(packet);
    return good;
}

static void judge(uint8_t flags, const struct config_dcv_zone *zone, const struct update_message *message,
                  uint8_t *answer, size_t len)
{
    enum update_kind kind = (enum update_kind)(flags % 3);
    char reason[UPDATE_REASON_MAX] = "";
    if (flags & OUR_ID) {
        answer[0] = (uint8_t)(message->id >> 8);
        answer[1] = (uint8_t)message->id;
    }
    bool is_ours = (flags & SIGNED) && sign(flags, message, &answer, &len) && !(flags & OTHER_SECRET);
    bool good = update_judge(zone, &record, kind, message, answer, len, reason);
    if (good ? !is_ours : !reason[0])
        abort();
    free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct update_message message;
    if (size < 3)
        return 0;
    struct config_dcv_zone zone = {.zone = zone_name,
                                   .server = server,
                                   .tsig_name = key,
                                   .tsig_secret = secret,
                                   .tsig_algorithm = data[0] & BY_SHA512 ? CONFIG_TSIG_SHA512 : CONFIG_TSIG_SHA256};
    uint8_t *answer = malloc(size - 1);
    if (!answer || !update_make(&zone, &record, (enum update_kind)(data[0] % 3), &message)) {
        free(answer);
        return 0;
    }
    memcpy(answer, data + 1, size - 1);
    judge(data[0], &zone, &message, answer, size - 1);
    update_clear(&message);
    return 0;
}
