/* adopt: Sectigo's report has an order with our foreignOrderNumber, whose answer was not read. issuance.md section 4,
 * rule 4. On the egress thread. */
#ifndef GATEWAY_ISSUE_LIFE_ADOPT_H
#define GATEWAY_ISSUE_LIFE_ADOPT_H

#include "gateway/issue/life/errand.h"

/* Of unknown; answer has at least one order. Where there is one, which agrees with what was sent and is nobody else's,
 * the issuance is submitted with its numbers; else it is held, with a sentence that says what disagrees. */
enum step adopt(struct errand *errand, const struct sectigo_report_answer *answer);

#endif
