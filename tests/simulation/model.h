/* model: what model.c (what is asked of Sectigo), rows.c (what it reports) and issuing.c (what it does by itself)
 * share. */
#ifndef TESTS_SIMULATION_MODEL_H
#define TESTS_SIMULATION_MODEL_H

#include "tests/simulation/sim.h"

enum { ORDERS_MAX = 20000, CERTIFICATES_MAX = 60000, FIRST_ORDER = 1000001, FIRST_CERTIFICATE = 5000001 };
enum { TERM_DAYS = 365, CERTIFICATE_DAYS = 199, CENTS = 4900 };

enum certificate_state { WAITING, CAA_FAILED, ISSUED, REVOKED, REJECTED };

struct certificate {
    struct event look; /* first */
    struct event push, revocation;
    unsigned index, order, member; /* member: of the family, 0 is the purchase */
    const struct csr *csr;
    char unique[SECTIGO_UNIQUE_VALUE_MAX + 1], foreign[SECTIGO_FON_MAX + 1];
    enum certificate_state state;
    uint64_t asked_ms, wait_ms, reported_ms; /* reported_ms: from when on reports know it */
    int64_t not_before_s, not_after_s;
    const char *pem, *serial;
    unsigned pushes; /* to come */
    bool with_certificate;
    char owner[SECTIGO_FON_MAX + 1]; /* the request whose orders got it; "": nobody's yet */
    uint64_t to_be_revoked_ms; /* since when its client or operator wants it revoked; 0: nobody does */
    bool forgotten;            /* that has been, with the store that knew it */
};

struct order {
    char number[SECTIGO_ORDER_NUMBER_MAX + 1];
    unsigned first, newest, members; /* certificates */
    uint64_t placed_ms;
    unsigned login;
    bool rejected, refunded, over; /* over: it says so itself */
};

/* Of this world. */
struct model {
    struct order *orders;
    struct certificate **certificates;
    unsigned order_count, certificate_count;
    bool revokes;         /* Sectigo revokes certificates by itself */
    bool revoked_is_over; /* and replaces none of an order whose newest certificate is revoked */
};
extern struct model model;

unsigned model_id(const struct certificate *certificate);
void model_number(const struct certificate *certificate, char number[static SECTIGO_ORDER_NUMBER_MAX + 1]);
/* An answer that grows by rows. */
struct page {
    char *text; /* owned by whoever it is handed on to */
    size_t len, room; /* 0: of text as it is */
};
/* The row of that number, as reports have it, or (detailed) as the status of an order has it. */
void page_add(struct page *page, unsigned row, const struct certificate *certificate, bool detailed);
/* Sectigo looks at the names, in so long. */
void issuing_look(struct certificate *certificate, uint64_t in_ms);
/* The certificate of any other, half of the time one for the same names: that is the one to be taken in by. NULL: that
 * one has none. */
const char *issuing_like(const struct certificate *about);

#endif
