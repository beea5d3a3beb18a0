/* sim: a world of its own time and chance, in which the real gateway lives: one process, one thread, one seed.
 *
 * Law of this header
 * - Time is virtual. It stands still while anything can be done, and then jumps to the next thing.
 * - Whatever is left to chance is drawn from the seed. What goes wrong on purpose is drawn by chance_fault alone, which
 *   numbers what it lets happen: a run can be repeated with some of it switched off, and so shrunk.
 * - The gateway sees the world through gateway/egress/egress.h and sectigo/transport.h, which outside.c stands in for.
 *   model.c is Sectigo, written from the reference, and not from the stand-in of the end-to-end tests.
 */
#ifndef TESTS_SIMULATION_SIM_H
#define TESTS_SIMULATION_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "acme/acme.h"
#include "acme/csr.h"
#include "gateway/config/current.h"
#include "gateway/issue/issuer.h"
#include "sectigo/sectigo.h"

/* ---- chance.c ---- */

void chance_begin(uint64_t seed);
uint64_t chance(void);
/* 0 to n - 1. */
unsigned chance_below(unsigned n);
/* Between both. */
uint64_t chance_between(uint64_t from, uint64_t to);
/* Whether this goes wrong here and now, of so many in a million; never after chance_calm, nor where it is switched off.
 */
bool chance_fault(const char *what, unsigned of_a_million);
void chance_calm(void);
/* How many faults have happened; they are numbered from 0. */
unsigned chance_faults(void);
/* What libcrypto draws from here on is no matter of the gateway's, until it goes on with what it was given. */
uint64_t chance_aside(void);
void chance_go_on(uint64_t aside);
/* In each run that follows: whether this fault does not happen, and none of those from that number on. */
void chance_leave_out(unsigned number, bool out);
void chance_end_at(unsigned number);

/* ---- world.c: time, events, trace, verdict ---- */

struct event {
    uint64_t at_ms, order;
    void (*fn)(struct event *event);
};
void world_begin(void);
void world_end(void);
/* CLOCK_BOOTTIME, and the time that all but the gateway agree on, in milliseconds. */
uint64_t world_ms(void);
uint64_t world_true_ms(void);
/* As a new process finds the clocks. */
void world_claim_clock(void);
/* The gateway's system clock is set by so much. */
void world_set_clock(int64_t ahead_ms);
void world_at(struct event *event, uint64_t in_ms, void (*fn)(struct event *event));
/* Goes on to the time of the next event, no later than until_ms, and lets it happen. False: there is none. */
bool world_next(uint64_t until_ms);
uint64_t world_events(void);

extern bool world_traces;
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* An invariant does not hold. */
void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool world_is_wrong(void);
const char *world_verdict(void);
/* Which rule it is that is broken, whatever the sentence names; NULL: none. */
const void *world_rule(void);

/* ---- memory.c ---- */

/* Of what the rooms ask for from now on, that request is refused; 0: none is. */
void memory_short_in(unsigned requests);
/* Zeroed, and never refused: for whoever is called from the rooms. */
void *memory_need(size_t size);

/* ---- authority.c: keys and CSRs from a small pool, certificates ---- */

enum { SETS = 40, KEYS = 4, NAMES_OF_SET = 2 };
struct csr {
    unsigned set;
    uint8_t *der;
    size_t der_len;
    char *pem;      /* as sectigo_csr_pem writes it */
    char md5[33];   /* upper case */
    char sha256[65];
    struct acme_csr parsed;
};
void authority_make(const char *folder);
void authority_free(void);
/* The names that belong together: one, or two. */
const struct acme_names *authority_names(unsigned set);
const struct csr *authority_csr(unsigned set, unsigned key);
/* As csr_parse gives it; the caller clears the copy. */
void authority_parsed(const struct csr *csr, struct acme_csr *copy);
const struct csr *authority_find(const char *pem);
/* PEM, and the serial number in hexadecimal, which is made of all that is asked for; both the authority's. number: tells
 * those of one time apart. */
const char *authority_issue(const struct csr *csr, int64_t not_before_s, int64_t not_after_s, unsigned number,
                            const char **serial);
/* The same of an authority that no anchor knows: PEM. */
const char *authority_imitate(const struct csr *csr, int64_t not_before_s, int64_t not_after_s);
const char *authority_cas(void);
const char *authority_anchors(void); /* the file */

/* ---- outside.c: the gateway's window ---- */

struct egress *outside_make(void);
/* One thing that the egress thread would do now. False: nothing. */
bool outside_step(struct egress *egress);
/* While it is frozen nothing reaches it, and nothing leaves. */
void outside_freeze(struct egress *egress, bool frozen);
bool outside_is_frozen(const struct egress *egress);
/* What is on its way when the world ends. */
void outside_end(void);
/* An operator lets the login buy, whatever its report says. */
void outside_overrule(struct egress *egress, unsigned login);
/* When its next deadline is; UINT64_MAX: none. */
uint64_t outside_next_ms(const struct egress *egress);

/* ---- model.c: Sectigo ---- */

void model_begin(void);
void model_end(void);
enum { LOGINS = 2 }; /* each an account of its own: "partner" and "partner-2" */
extern const char *const login_names[LOGINS]; /* of the configuration: process.c */
/* Does what the call asks for; the answer's body, malloc'd. */
char *model_answer(enum sectigo_call_kind kind, const struct sectigo_form *form, unsigned login);
/* The report knows what this request ordered within the minutes that the contract waits: it came twice, and the gateway may
 * hear the refusal of its first sending alone, which ends an order that no report knows. */
void model_report_soon(const struct sectigo_form *form);
/* From now on, for so long; 0: not any more. */
void model_refuse(unsigned login, uint64_t for_ms);
/* A push that is not Sectigo's, now. */
void model_forge(void);
/* A request leaves: nothing that the gateway has delivered certificates of is to be ended by it. */
void model_leaves(enum sectigo_call_kind kind, const struct sectigo_form *form);
/* Of certificates, by serial number: somebody who may wants it revoked; it is; the orders of this request have it, false:
 * Sectigo has not issued it for an order, or those of another had it before; and that of any, NULL: of none. */
void model_revocation_asked(const char *serial);
bool model_is_revoked(const char *serial);
bool model_give(const char *serial, const char *foreign);
const char *model_any_serial(void);
/* Whether this order has the number of the family and this certificate of the ID, either of which may be "". */
bool model_is_request_of(const char *foreign, const char *number, const char *certificate_id);
/* A copy of the store of that time takes its place: of what was to be revoked since it knows nothing. */
void model_restored(uint64_t copied_ms);
/* What was to be revoked two days ago is. */
void model_check_revocations(void);
/* Of what it has sold. */
struct sold {
    const char *number, *foreign_order_number;
    const char *certificate_id, *certificate; /* of its newest; PEM of another or NULL. model_known alone */
    unsigned set;
    bool over; /* rejected or refunded */
};
typedef void model_visit_fn(void *ctx, const struct sold *sold);
void model_visit(model_visit_fn *visit, void *ctx);
unsigned model_purchases(void);
/* One that the gateway's store knows, to be mixed up with the order of the number beside (NULL: none). False: there is
 * none. */
bool model_known(struct sold *sold, const char *beside);

/* ---- odd.c ---- */

/* Something else in its place; takes body. */
char *odd_answer(char *body);

/* ---- names.c: what the outside sees of the names ---- */

void names_begin(void);
void names_end(void);
/* One of the looks of this gateway ends without an answer. False: it has none. */
bool names_stop(struct egress *egress);
/* How the gateway is to take what it sees of them: dcv.preflight. */
const char *names_preflight(void);
/* Whether all names of the set show what the gateway serves, and whether their CAA lets Sectigo issue, now. */
bool names_show_files(unsigned set);
bool names_let_issue(unsigned set);
/* Whether the gateway has seen both to be so, with this uniqueValue in the files. */
bool names_were_seen(unsigned set, const char *unique);

/* ---- sent.c: what the gateway sent ---- */

/* What a gateway has heard since its start. */
struct heard {
    bool time;            /* of Sectigo's Date */
    bool reports[LOGINS]; /* what it ordered with them, whether it knows it or not; or an operator overrules that */
};
void sent_begin(void);
void sent_end(void);
/* A request leaves the gateway, whatever becomes of it; how it looked to the gateway in the end. */
enum seen_as { SEEN_ANSWERED, SEEN_NEVER_LEFT, SEEN_LOST };
/* heard: NULL where it is of a gateway that was replaced. */
void sent_request(enum sectigo_call_kind kind, const struct sectigo_form *form, unsigned login, const struct heard *heard);
/* What the gateway remembers of what it sent is of earlier. */
void sent_restored(void);
/* An order was sold. */
void sent_placed(const char *foreign);
void sent_answer(enum sectigo_call_kind kind, const struct sectigo_form *form, enum seen_as as, const char *body);
/* ---- process.c: the gateway ---- */

enum { PURCHASES_PER_DAY = 15, PURCHASES_PER_MONTH = 20 }; /* the limits of its configuration */
struct process {
    struct store *store;
    struct egress *egress;
    struct upstream *upstream;
    struct scheduler *scheduler;
    struct issuer *issuer;
    struct acme *acme;
    struct config_current *configs;
    bool is_up;
    uint64_t batches; /* that the writer has run */
};
extern struct process process;
void process_prepare(const char *folder); /* writes what the configuration names */
void process_begin(void);                 /* an empty store, and the first start */
/* False: it could not, since the disk is full; it is to be tried again. */
bool process_start(void);
/* As kill -9: nothing of what is queued is stored, whoever waits is told so. */
void process_kill(void);
/* It stops where it is, as by SIGSTOP: whoever starts after that takes the store over. Before that has happened it goes
 * on as it was by process_thaw; afterwards it goes on, and nothing that it does is stored, until it ends. */
void process_freeze(void);
bool process_is_frozen(void); /* and nobody has taken over */
void process_thaw(void);
void process_end_former(void);
/* One step of one of its threads, by chance. False: there is nothing to do at this time. */
bool process_step(void);
uint64_t process_next_ms(void);
void process_end(void);
/* All commits fail until it is not full any more. */
void process_fill_disk(bool full);
/* The store as it is now is kept aside: knowing: as a backup, which knows that it is one, or as the disk has it. */
void process_copy(bool knowing);
/* While it is not up: the store is what was kept. */
void process_restore(void);
/* Whether the purchases of a month are limited, too, in this world. */
bool process_is_frugal(void);
/* Whether memory runs short in it. */
bool process_is_short(void);
/* The configuration names another single-domain product, its price in whole units and a login, and is read anew. */
void process_edit(unsigned product, unsigned price, unsigned login);

/* ---- trouble.c ---- */

void trouble_begin(unsigned commits_to_crash);
void trouble_after_step(void);
/* From here on the world is calm. */
void trouble_ends(void);
unsigned trouble_crashes(void);
/* Whether the store may become an older copy in this world, and whether it has. */
bool trouble_restores(void);
bool trouble_restored(void);

/* ---- operator.c ---- */

void operator_begin(void);
/* Whether he gives orders up in this world. */
bool operator_drops(void);

/* ---- clients.c ---- */

struct clients_figures {
    unsigned placed, acknowledged, valid, invalid, refused;
};
void clients_begin(unsigned orders, uint64_t within_ms);
bool clients_are_done(void);
/* The order of any that waits for its certificate; false: of none. */
bool clients_waiting_order(char text[static ACME_ID_TEXT + 1]);
void clients_end(void);
struct clients_figures clients_figures(void);
/* In each world that follows: this one does not come. */
void clients_leave_out(unsigned number, bool out);
/* Orders made since then may be gone. */
void clients_restored(uint64_t since_ms);

/* ---- shrink.c ---- */

/* run: the whole world once more, false: it is wrong. Leaves out what its verdict does not need; false: it is not wrong.
 */
bool shrink(unsigned clients, bool (*run)(void *ctx), void *ctx);

/* ---- check.c: what must hold at every moment, and at the end ---- */

void check_now(void);
void check_end(void);

#endif
