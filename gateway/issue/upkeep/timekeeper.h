/* timekeeper: asks Sectigo what time it is while the clock is in doubt, and has all jobs judged anew after a jump of
 * the gateway's time.
 *
 * Any reply's Date ends a doubt (gateway/clock.h); where no call is due, GetAccountBalance is asked with each login, at
 * once and again after as long as the doubt has lasted, a minute at most: it changes nothing.
 */
#ifndef GATEWAY_ISSUE_UPKEEP_TIMEKEEPER_H
#define GATEWAY_ISSUE_UPKEEP_TIMEKEEPER_H

struct issuer;
struct timekeeper;

/* NULL when out of memory. */
struct timekeeper *timekeeper_make(struct issuer *issuer);
/* From now on, on the egress thread, until the issuer stops. */
void timekeeper_start(struct timekeeper *timekeeper);
/* After egress_stop. NULL is fine. */
void timekeeper_free(struct timekeeper *timekeeper);

#endif
