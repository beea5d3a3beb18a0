/* caa: does a CAA record set let Sectigo issue? RFC 8659, and RFC 8657 as far as it concerns us. Pure; any thread.
 *
 * accounturi and validationmethods are Sectigo's to judge, and we know neither its account nor its word for a method: a
 * record that names Sectigo with one of them allows nothing here.
 */
#ifndef GATEWAY_DCV_CAA_H
#define GATEWAY_DCV_CAA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/config/config.h"

enum { CAA_REASON_MAX = 512, CAA_TAG_MAX = 32, CAA_VALUE_MAX = 128 };

/* One record set, read record by record. Zeroed before the first. */
struct caa_set {
    /* Of issue [0] and of issuewild [1]. */
    struct caa_rule {
        bool restricts;                /* there is such a record */
        bool allows;                   /* one names Sectigo without a parameter that is Sectigo's to judge */
        bool judged;                   /* one names Sectigo with such a parameter */
        char value[CAA_VALUE_MAX + 1]; /* printable, of the record that says most: judged, else the first */
    } issue[2];
    char critical[CAA_TAG_MAX + 1]; /* tag of a critical property that nobody here knows; "": none */
    bool broken;                    /* a record that is none */
};

/* identities: Sectigo's; an empty list stands for those that Sectigo documents. */
void caa_read(struct caa_set *set, const uint8_t *rdata, size_t len, const struct config_strings *identities);
/* False: *reason says which record at owner is in the way. */
bool caa_judge(const struct caa_set *set, const char *owner, bool wildcard, char reason[static CAA_REASON_MAX]);

#endif
