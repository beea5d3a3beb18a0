/* story: one order from its client's first word to the last of ours, in order of time: what the order, its
 * authorizations, its issuance and its certificate say, and what was noted step by step (story.h). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/authorization.h"
#include "acme/certificate.h"
#include "acme/order.h"
#include "gateway/clock.h"
#include "gateway/issue/record/story.h"
#include "gateway/operate/overview/rows.h"
#include "gateway/operate/view.h"

enum { TEXT_MAX = 600 };

/* Who did it: the client, our own look at domain control, Sectigo, its push, the operator, the gateway. */
struct event {
    const char *who;
    uint64_t first_ms, last_ms;
    uint32_t times;
    const char *what, *words, *state;
};

struct telling {
    struct store_txn *txn;
    struct rows rows;
};

/* Behind all that were not later. Takes row. */
static void insert(struct rows *rows, json_t *row, uint64_t at_ms)
{
    size_t at = rows->failed ? 0 : json_array_size(rows->items);
    while (at > 0 &&
           (uint64_t)json_integer_value(json_object_get(json_array_get(rows->items, at - 1), "time_ms")) > at_ms)
        at--;
    if (rows->failed)
        json_decref(row);
    else
        rows->failed = json_array_insert_new(rows->items, at, row) != 0;
}

static void add_event(struct telling *t, const struct event *event)
{
    struct object o;
    if (event->first_ms == 0)
        return;
    object_begin(&o);
    object_time(&o, "time_ms", event->first_ms);
    object_time(&o, "last_ms", event->last_ms ? event->last_ms : event->first_ms);
    object_number(&o, "times", event->times ? event->times : 1);
    object_text(&o, "who", event->who);
    object_text(&o, "what", event->what);
    object_text(&o, "state", event->state);
    object_text(&o, "words", event->words);
    insert(&t->rows, object_end(&o), event->first_ms);
}

static void add_client(struct telling *t, uint64_t at_ms, const char *what, const char *words)
{
    add_event(t, &(struct event){.who = "client", .first_ms = at_ms, .what = what, .words = words});
}

/* What is kept in whole seconds comes after what happened within that second. */
static uint64_t late_in_ms(uint64_t second)
{
    return second ? second * 1000 + 999 : 0;
}

/* ---- the ACME side ---- */

static void tell_challenges(struct telling *t, const struct acme_authz *authz)
{
    char words[TEXT_MAX];
    for (unsigned i = 0; i < authz->challenge_count; i++) {
        const struct acme_challenge *challenge = &authz->challenges[i];
        snprintf(words, sizeof words, "control of %s%s is proved by %s", authz->wildcard ? "*." : "",
                 authz->identifier.value, acme_challenge_type_text(challenge->type));
        add_client(t, challenge->validated_s * 1000, "challenge", words);
    }
}

static void tell_authorizations(struct telling *t, const struct acme_order *order)
{
    for (size_t i = 0; i < order->names.count; i++) {
        struct acme_authz authz;
        if (acme_authz_load(t->txn, &order->authzs[i], &authz) == STORE_OK)
            tell_challenges(t, &authz);
        acme_authz_clear(&authz);
    }
}

/* The sentence of a problem document. */
static void tell_error(struct telling *t, const struct acme_order *order)
{
    json_t *problem = order->error ? json_loads(order->error, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    if (order->status == ACME_ORDER_INVALID)
        add_event(t, &(struct event){.who = "gateway",
                                     .first_ms = late_in_ms(order->updated_s),
                                     .what = "order",
                                     .state = acme_order_status_text(order->status),
                                     .words = detail ? detail : order->error});
    json_decref(problem);
}

static void tell_order(struct telling *t, const struct acme_order *order)
{
    add_client(t, order->created_s * 1000, "newOrder", order->user_agent);
    tell_authorizations(t, order);
    add_client(t, order->finalized_ms, "finalize", NULL);
    if (order->status == ACME_ORDER_PROCESSING)
        add_client(t, late_in_ms(order->read_s), "order read", "the client asks how far it is");
    tell_error(t, order);
}

static void tell_certificate(struct telling *t, const struct acme_order *order)
{
    struct acme_certificate certificate;
    char serial[VIEW_SERIAL_SIZE], words[TEXT_MAX];
    if (!order->has_certificate)
        return;
    if (acme_certificate_load(t->txn, &order->certificate, &certificate) == STORE_OK) {
        view_serial(&certificate, serial);
        snprintf(words, sizeof words, "serial number %s", serial);
        add_event(t, &(struct event){.who = "gateway",
                                     .first_ms = certificate.issued_ms,
                                     .what = "certificate",
                                     .state = "valid",
                                     .words = words});
        add_client(t, late_in_ms(certificate.downloaded_s), "certificate fetched", NULL);
        add_event(t, &(struct event){
                         .who = "client", .first_ms = certificate.revocation_asked_ms, .what = "revocation asked"});
        add_event(t, &(struct event){.who = "sectigo",
                                     .first_ms = certificate.revoked_ms,
                                     .what = "revocation confirmed",
                                     .state = "revoked"});
    }
    acme_certificate_clear(&certificate);
}

/* ---- the issuance ---- */

static const char *who_of(const char *what)
{
    return !what[0]                            ? "gateway"
           : strcmp(what, STORY_PUSH) == 0     ? STORY_PUSH
           : strcmp(what, STORY_OPERATOR) == 0 ? STORY_OPERATOR
           : isupper((unsigned char)what[0])   ? "sectigo"
                                               : "control";
}

static enum store_status tell_issuance(struct telling *t, const struct issuance *is)
{
    struct story *story = malloc(sizeof *story);
    enum store_status status = story ? story_load(t->txn, is->id, story) : STORE_IO;
    for (uint32_t i = 0; status == STORE_OK && i < story->count; i++) {
        const struct story_line *line = &story->lines[i];
        add_event(t, &(struct event){.who = who_of(line->what),
                                     .first_ms = line->first_ms,
                                     .last_ms = line->last_ms,
                                     .times = line->times,
                                     .what = line->what,
                                     .state = issuance_state_text(line->state),
                                     .words = line->words});
    }
    t->rows.more = status == STORE_OK && story->left_out > 0;
    free(story);
    return status;
}

/* ---- all of it ---- */

static enum store_status tell(struct telling *t, const char *text)
{
    struct acme_id id;
    struct acme_order order;
    struct issuance is;
    if (!acme_id_parse(text, strlen(text), &id))
        return STORE_NOT_FOUND;
    enum store_status status = acme_order_load(t->txn, &id, &order);
    if (status == STORE_OK)
        status = acme_order_refresh(t->txn, &order, clock_ms() / 1000);
    if (status == STORE_OK) {
        tell_order(t, &order);
        if (view_issuance_of(t->txn, &id, &is) == STORE_OK)
            status = tell_issuance(t, &is);
        issuance_clear(&is);
        tell_certificate(t, &order);
    }
    acme_order_clear(&order);
    return status;
}

void order_story_get(struct request *request)
{
    struct telling t;
    rows_begin(&t.rows);
    enum store_status status = store_read(request->admin->store, &t.txn);
    if (status == STORE_OK) {
        status = tell(&t, request->argument);
        store_read_end(t.txn);
    }
    rows_answer(&t.rows, request, status, "order");
}
