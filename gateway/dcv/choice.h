/* choice: by which method of domain control validation (DCV) a name is proved to Sectigo, and in which zone.
 * issuance.md section 9. Pure; any thread.
 */
#ifndef GATEWAY_DCV_CHOICE_H
#define GATEWAY_DCV_CHOICE_H

#include <stdbool.h>

#include "acme/identifier.h"
#include "acme/problem.h"
#include "gateway/config/config.h"
#include "sectigo/dcv.h"

struct dcv_choice {
    enum sectigo_dcv_method method;
    const struct config_dcv_zone *zone; /* of SECTIGO_DCV_CNAME: the deepest that covers the name */
};

/* An IP address: as dcv.ip_method says; a wildcard: CNAME; other names: the first of dcv.methods that can serve it.
 * False where none can: *problem is rejectedIdentifier with a text for the client. */
bool dcv_choose(const struct config_dcv *dcv, const struct acme_identifier *name, struct dcv_choice *choice,
                struct acme_problem *problem);
/* NULL where no zone of that name is configured. */
const struct config_dcv_zone *dcv_zone(const struct config_dcv *dcv, const char *name);

#endif
