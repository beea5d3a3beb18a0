/* organization: the organisations suggested in an order's details (reference 8). Internal to sectigo/. */
#ifndef SECTIGO_ORGANIZATION_H
#define SECTIGO_ORGANIZATION_H

#include "sectigo/sectigo.h"

/* One field of the order: "suggestedOrgDetails" (the status, or a whole form of its own) or "organizationName" and so
 * on. index: which organisation, counted from 0. False when out of memory; a name that is none of them is let be. */
bool sectigo_organization_read(struct sectigo_report_order *order, const char *name, const char *value, size_t index);
void sectigo_organization_clear(struct sectigo_report_order *order);

#endif
