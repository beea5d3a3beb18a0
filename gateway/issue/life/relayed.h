/* relayed: a push that came to a gateway which serves beside the owner of the store, on its way to that one. */
#ifndef GATEWAY_ISSUE_LIFE_RELAYED_H
#define GATEWAY_ISSUE_LIFE_RELAYED_H

#include <stdbool.h>

#include "gateway/issue/issuer.h"
#include "gateway/work.h"

/* RELAYED_MAX pushes are kept at most, of RELAYED_SIZE_MAX octets each, for at most RELAYED_KEPT_MS. One about the same
 * takes the place of an older one. Where RELAYED_TRIES places in a row are taken by others, as in a flood, the first of
 * them is lost, and polling finds what it told. */
enum { RELAYED_MAX = 4096, RELAYED_TRIES = 8, RELAYED_SIZE_MAX = 128 * 1024, RELAYED_KEPT_MS = 3600 * 1000 };

/* Stores it with the job that hands it over, and waits for the commit. False: it could not be stored. Not on a loop. */
bool relayed_keep(struct issuer *issuer, const struct sectigo_push *push);

extern const struct work_kind relayed_work;

#endif
