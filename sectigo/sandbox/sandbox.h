/* sandbox: what the parts of the stand-in share.
 *
 * One mutex guards book, settings, accounts and counters: it is held for the moment of a change, never across the
 * network. faults has its own. ca and options are read-only once the program serves.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <pthread.h>

#include "sectigo/sandbox/book.h"
#include "sectigo/sandbox/ca.h"
#include "sectigo/sandbox/calls.h"
#include "sectigo/sandbox/clock.h"
#include "sectigo/sandbox/faults.h"
#include "sectigo/sandbox/options.h"
#include "sectigo/sandbox/settings.h"
#include "sectigo/sectigo.h"

struct account {
    const struct options_login *login;
    int64_t spent_cents; /* debited less refunded, over all orders */
    int64_t failures;    /* wrong passwords in a row */
    bool locked;
    unsigned collecting;     /* CollectSSL calls under way */
    int64_t window_s, calls; /* of the present minute */
};

struct worker;
struct sandbox {
    struct options options;
    struct ca ca;
    struct faults faults;
    struct worker *worker;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* after a notification went out or a request was answered */
    struct book book;
    struct settings settings;
    struct account accounts[OPTIONS_LOGINS_MAX];
    uint64_t requests[SECTIGO_CALLS], answered[SECTIGO_CALLS];
    uint64_t concurrent_collects; /* CollectSSL calls of a login while another was under way: forbidden */
    uint64_t connections;         /* that came, also those that a fault refused */
    uint64_t numbered;            /* that were let in: the number of the last */
    struct calls calls;
};

/* False: a line on stderr says why. */
bool sandbox_open(struct sandbox *sandbox);
void sandbox_close(struct sandbox *sandbox);

/* Account of a login name, case-sensitive; NULL where there is none. */
struct account *sandbox_account(struct sandbox *sandbox, const char *name);
/* What is left of an account's credit. Lock held. */
int64_t sandbox_credit(const struct sandbox *sandbox, const struct account *account);

#endif
