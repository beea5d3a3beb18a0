/* licence: what licences (HackerGuardian, HackerProof, CodeGuard, Web Security) are refused for beside their arguments:
 * who has one already, and when it may be renewed (reference 2.1). */
#ifndef SANDBOX_LICENCE_H
#define SANDBOX_LICENCE_H

#include "sectigo/sandbox/call.h"

/* Of an AutoApplyOrder whose products are in call->cart. False: answered. Lock held. */
bool licence_check(struct call *call);

#endif
