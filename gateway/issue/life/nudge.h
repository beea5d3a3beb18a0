/* nudge: Sectigo has an order, and is asked to go on with it. Inside this room only, on the egress thread; steps as in
 * errand.h. */
#ifndef GATEWAY_ISSUE_LIFE_NUDGE_H
#define GATEWAY_ISSUE_LIFE_NUDGE_H

#include "gateway/issue/life/errand.h"

/* Once after submission: AutoUpdateDCV with the methods that the order has makes Sectigo look at once. */
enum step nudge_step(struct errand *errand);
/* Of a blocked one: Sectigo says that CAA forbids it, and CollectSSL is not due yet. */
bool nudge_is_about_caa(const struct errand *errand);
/* Looks at CAA as Sectigo would; where that passes, RetryCAACheck, at most once in 10 minutes. */
enum step nudge_caa(struct errand *errand);

#endif
