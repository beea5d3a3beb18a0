/* push: a push notification of Sectigo's. It changes no state: a certificate that it carries proves itself by the test
 * of section 6, anything else makes a query due (issuance.md section 6). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/life/asking.h"
#include "gateway/issue/life/life.h"
#include "gateway/issue/life/relayed.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/revocation/notice.h"
#include "gateway/log.h"
#include "gateway/tables.h"
#include "store/shortage.h"

struct arrival {
    struct issuer *issuer;
    struct sectigo_push *push;
    struct scheduler_post post;
};

/* More endpoints do not give the same numbers. */
enum { FOUND_MAX = 4 };

struct found {
    char ids[FOUND_MAX][ISSUANCE_ID_MAX + 1];
    unsigned count;
};

static bool take_found(void *ctx, struct store_slice key, struct store_slice value)
{
    struct found *found = ctx;
    (void)key;
    if (value.len > ISSUANCE_ID_MAX)
        return true;
    char *id = found->ids[found->count++];
    memcpy(id, value.data, value.len);
    id[value.len] = '\0';
    return found->count < FOUND_MAX;
}

/* An issuance that has ended long ago is kept no more, while its numbers stay taken. */
static void drop_removed(struct store_txn *txn, struct found *found)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < found->count; i++) {
        struct store_slice value;
        if (store_get(txn, ISSUE_ISSUANCES, found->ids[i], strlen(found->ids[i]), &value) != STORE_NOT_FOUND)
            memmove(found->ids[kept++], found->ids[i], sizeof found->ids[i]);
    }
    found->count = kept;
}

/* A push does not say of which endpoint its number is. */
static bool look_up(struct store_txn *txn, unsigned table, const char *number, struct found *found)
{
    char elsewhere[SECTIGO_ORDER_NUMBER_MAX + 2];
    struct store_slice value;
    int len = snprintf(elsewhere, sizeof elsewhere, "%s%c", number, NUMBER_ELSEWHERE);
    found->count = 0;
    if (!number[0])
        return false;
    if (store_get(txn, table, number, strlen(number), &value) == STORE_OK)
        take_found(found, (struct store_slice){0}, value);
    store_visit_prefix(txn, table, elsewhere, (size_t)len, take_found, found);
    drop_removed(txn, found);
    return found->count > 0;
}

/* An order number is the whole family's: where its first issuance has ended, the one that has the turn is meant. */
static void find_turn(struct store_txn *txn, char id[static ISSUANCE_ID_MAX + 1])
{
    struct issuance is;
    struct subscription sub = {0};
    if (issuance_load(txn, id, &is) == STORE_OK && issuance_ended(is.state) &&
        subscription_load(txn, &is.subscription, &sub) == STORE_OK && sub.under_way[0])
        memcpy(id, sub.under_way, sizeof sub.under_way);
    issuance_clear(&is);
    subscription_clear(&sub);
}

/* The certificate ID names one issuance. */
static bool find_number(struct issuer *issuer, const char *order_number, const char *certificate_id,
                        struct found *found)
{
    struct store_txn *txn;
    if (store_read(issuer->at.store, &txn) != STORE_OK)
        return false;
    if (!look_up(txn, ISSUE_BY_CERTIFICATE_ID, certificate_id, found) &&
        look_up(txn, ISSUE_BY_ORDER_NUMBER, order_number, found)) {
        for (unsigned i = 0; i < found->count; i++)
            find_turn(txn, found->ids[i]);
    }
    store_read_end(txn);
    return found->count > 0;
}

static bool is_for(const struct step *s, const struct sectigo_push *push)
{
    return !s->is.certificate_id[0] || !push->certificate_id[0] ||
           strcmp(s->is.certificate_id, push->certificate_id) == 0;
}

/* Takes the push over. */
static void apply(struct step *s, struct sectigo_push *push)
{
    struct facts facts;
    char reason[ACCEPT_REASON_MAX];
    uint64_t now_ms = clock_ms();
    bool ends = false;
    s->push = push;
    asking_facts(s, now_ms, &facts);
    if (push->certificate && is_for(s, push)) {
        enum accept_verdict verdict = submitted_judge(s, push->certificate, push->ca_certificate, reason);
        ends = submitted_judged(verdict, reason, &s->outcome);
    }
    if (!ends)
        submitted_pushed(&facts, push->kind, now_ms, &s->outcome);
    work_go(&s->work, asking_follow(s));
}

/* Polling was faster; that the login pushes is worth knowing all the same. */
struct arrival_note {
    struct store_op op;
    char login[ACME_POLICY_MAX + 1];
};

static enum store_status note_push(struct store_txn *txn, void *arg)
{
    const struct arrival_note *arrived = arg;
    return login_note_push(txn, arrived->login, clock_ms());
}

static void on_noted(struct store_op *op, enum store_status status)
{
    if (status != STORE_OK)
        log_warning("that a login pushes cannot be stored; see to the store's disk", "reason",
                    store_status_text(status));
    free(op->arg);
}

static void note_late_push(const struct step *s)
{
    struct arrival_note *arrived = shortage_calloc(1, sizeof *arrived);
    if (!arrived)
        return;
    memcpy(arrived->login, s->sub.login, sizeof arrived->login);
    arrived->op = (struct store_op){.fn = note_push, .arg = arrived, .done = on_noted};
    store_submit(s->issuer->at.store, &arrived->op);
}

static void tell_revocation(const struct step *s, const struct sectigo_push *push)
{
    if (s->is.state == ISSUANCE_COLLECTED && is_for(s, push) &&
        (push->kind == SECTIGO_PUSH_REVOKED || push->kind == SECTIGO_PUSH_PRE_REVOCATION)) {
        step_log(s, LOG_LEVEL_DEBUG, "a push says that a certificate is, or will be, revoked; asking Sectigo",
                 push->status_desc);
        notice_take(s->issuer, &s->is, push->kind);
    }
}

/* The number may have been stored since it was looked for; whoever stored it found nothing kept. */
static void keep(struct issuer *issuer, struct sectigo_push *push)
{
    struct found found;
    char order_number[sizeof push->order_number], certificate_id[sizeof push->certificate_id];
    memcpy(order_number, push->order_number, sizeof order_number);
    memcpy(certificate_id, push->certificate_id, sizeof certificate_id);
    pushes_keep(issuer->early, push, clock_boot_ms());
    if (!find_number(issuer, order_number, certificate_id, &found))
        return;
    push = pushes_take(issuer->early, order_number, certificate_id, clock_boot_ms());
    if (push)
        issuer_push(issuer, push);
    push_free(push);
}

/* Takes the push over. */
static void deliver(struct issuer *issuer, const char *id, struct sectigo_push *push)
{
    struct step *s = push ? step_make(issuer, id) : NULL;
    if (!s) {
        push_free(push); /* polling will find what it told */
    } else if (s->is.state == ISSUANCE_SUBMITTED || s->is.state == ISSUANCE_BLOCKED ||
               s->is.state == ISSUANCE_CANCELLING) {
        apply(s, push);
    } else {
        note_late_push(s);
        story_add_soon(issuer->at.store, id, STORY_PUSH, push->status_desc);
        tell_revocation(s, push);
        push_free(push);
        work_go(&s->work, WORK_DONE);
    }
}

/* On the scheduler thread. */
static void on_arrival(void *ctx)
{
    struct arrival *arrival = ctx;
    struct issuer *issuer = arrival->issuer;
    struct sectigo_push *push = arrival->push;
    struct found found;

    free(arrival);
    if (atomic_load(&issuer->run.stopping)) {
        push_free(push);
    } else if (!find_number(issuer, push->order_number, push->certificate_id, &found)) {
        keep(issuer, push);
    } else {
        for (unsigned i = 1; i < found.count; i++)
            deliver(issuer, found.ids[i], push_copy(push));
        deliver(issuer, found.ids[0], push);
    }
}

bool issuer_push(struct issuer *issuer, const struct sectigo_push *push)
{
    if (atomic_load(&issuer->run.stopping))
        return true;
    if (atomic_load(&issuer->run.rests))
        return relayed_keep(issuer, push);
    struct arrival *arrival = shortage_calloc(1, sizeof *arrival);
    if (arrival)
        arrival->push = push_copy(push);
    if (!arrival || !arrival->push) {
        free(arrival);
        log_info("out of memory: a push is forgotten, polling will find what it told", "order_number",
                 push->order_number);
        return true;
    }
    arrival->issuer = issuer;
    arrival->post = (struct scheduler_post){.fn = on_arrival, .ctx = arrival};
    scheduler_post(issuer->at.scheduler, &arrival->post);
    return true;
}
