/* licence: what licences are refused for beside their arguments: who has one already, and when it may be renewed
 * (reference 2.1; SiteLock's rules are in sitelock.h). */
#ifndef SANDBOX_LICENCE_H
#define SANDBOX_LICENCE_H

#include "sectigo/sandbox/call.h"

/* Of an AutoApplyOrder whose products are in call->cart; of SiteLock, term and price go into the order. False:
 * answered. Lock held. */
bool licence_check(struct call *call, struct order *order);

#endif
