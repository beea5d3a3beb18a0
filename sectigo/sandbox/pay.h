/* pay: the payment of an order that was answered with 1. */
#ifndef SANDBOX_PAY_H
#define SANDBOX_PAY_H

#include "sectigo/sandbox/sandbox.h"

/* Charges an unpaid order and lets it begin. 0, or -15 where the credit does not reach. Lock held. */
int pay_order(struct sandbox *sandbox, struct order *order);
/* What begins with an order that is placed and paid. Lock held. */
void pay_begin(struct sandbox *sandbox, struct order *order);

#endif
