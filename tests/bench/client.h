/* client: one account and its orders, one after another, as a state machine: a reply decides on the next request. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "account.h"
#include "bench.h"
#include "exchange.h"

struct client {
    struct bench *bench;
    struct account account;
    struct exchange exchange;
    uint64_t wake_us; /* 0: waits for no time */
    void (*on_wake)(struct client *client);

    /* the request */
    enum step step;
    char *url, *payload;
    char nonce[HEADER_MAX]; /* "": one must be fetched */
    bool fetching_nonce;
    unsigned attempts;

    /* the order */
    unsigned plan;
    char *order, *finalize, *authorization;
    char **authorizations;
    unsigned authorization_count, authorization_next;
    uint64_t due_us, begun_us, finalized_us; /* due_us: --rate */
};

bool client_make(struct client *client, struct bench *bench);
void client_free(struct client *client);
/* Each makes the client active; it stops being so when the account is made or failed, or no order is left. */
void client_begin_account(struct client *client);
void client_begin_orders(struct client *client);
/* Called by the loop: the transfer has ended, the time has come. */
void client_on_done(struct client *client, CURLcode code);
void client_on_wake(struct client *client);

#endif
