#include "sectigo/sandbox/pay.h"

#include "sectigo/sandbox/progress.h"
#include "sectigo/sandbox/sitelock.h"

void pay_begin(struct sandbox *sandbox, struct order *order)
{
    if (order->previous_number)
        sitelock_begin(sandbox, order);
    if (order->state == ORDER_PENDING)
        progress_look(sandbox, order);
}

int pay_order(struct sandbox *sandbox, struct order *order)
{
    struct account *account = sandbox_account(sandbox, order->login);
    if (account && order->price_cents > sandbox_credit(sandbox, account))
        return -15;
    order->debited_cents = order->price_cents;
    if (account)
        account->spent_cents += order->debited_cents;
    order->state = order->certificate_id ? ORDER_PENDING : ORDER_FULFILLED;
    pay_begin(sandbox, order);
    book_save(&sandbox->book, order);
    return 0;
}
