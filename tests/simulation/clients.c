/* clients: what a fleet does, behind the verification of signatures: orders, CSRs, patience and the want of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/account.h"
#include "acme/durations.h"
#include "acme/task.h"
#include "gateway/clock.h"
#include "tests/simulation/sim.h"

enum { ACCOUNTS = 6, REFUSALS_MAX = 40, CLIENTS_MAX = 10000, UNHEARD_MAX = 4 /* doubled so often: 8 minutes */ };
enum kind { PATIENT, IMPATIENT, REUSING, RENEWING, MALICIOUS, KINDS };
enum stage { ORDERING, FINALIZING, WAITING, REVOKING, ENDED };

struct client {
    struct event event; /* first */
    struct store_op op;
    struct acme_task *task;
    enum kind kind;
    enum stage stage;
    struct acme_id account, order, certificate;
    char serial[2 * ACME_SERIAL_MAX + 1]; /* of its certificate */
    unsigned set, key, runs, refusals;
    unsigned unheard; /* how often in a row nobody answered */
    bool busy, acknowledged;
    uint64_t finalized_ms, acknowledged_ms;
};

static struct client *clients;
static struct acme_id accounts[ACCOUNTS];
static unsigned count, ended;
static struct clients_figures figures;
static bool left_out[CLIENTS_MAX];
static uint64_t lost_from_ms, lost_to_ms; /* what was acknowledged between them may be gone */

static void on_client(struct event *event);

static void again(struct client *client, uint64_t in_ms)
{
    world_at(&client->event, in_ms, on_client);
}

static void end(struct client *client)
{
    client->stage = ENDED;
    ended++;
}

/* ---- requests ---- */

static struct acme_task *make_task(struct client *client)
{
    struct acme_task *task = calloc(1, sizeof *task);
    if (!task)
        abort();
    task->acme = acme_view_take(process.acme);
    task->now_ms = clock_ms();
    task->doubtful = clock_in_doubt();
    task->account.id = client->account;
    snprintf(task->account.policy, sizeof task->account.policy, "fleet");
    snprintf(task->account.external_key, sizeof task->account.external_key, "fleet");
    return task;
}

static enum store_status order(struct store_txn *txn, void *arg)
{
    struct client *client = arg;
    struct acme_task *task = client->task;
    const struct acme_names *names = authority_names(client->set);
    const struct acme_hooks *hooks = &task->acme->config.hooks;
    acme_order_clear(&task->order);
    acme_policy_clear(&task->policy);
    acme_problem_clear(&task->problem);
    bool good = acme_id_make(&task->order.id, task->now_ms);
    for (size_t i = 0; good && i < names->count; i++)
        good = names_add(&task->order.names, &names->list[i]);
    task->order.account = client->account;
    task->order.created_s = task->order.updated_s = acme_now_s(task);
    snprintf(task->order.policy, sizeof task->order.policy, "fleet");
    task->order.authzs = memory_need(names->count * sizeof *task->order.authzs);
    task->order.user_agent = memory_need(1);
    enum store_status status = acme_policy_load(txn, "fleet", &task->policy);
    if (!good || status != STORE_OK)
        return good ? status : STORE_IO;
    if (!hooks->may_order(hooks->ctx, txn, "fleet", names, task->order.profile, &task->problem))
        return STORE_REFUSED;
    return acme_create_order(txn, task);
}

static enum store_status finalize(struct store_txn *txn, void *arg)
{
    struct client *client = arg;
    acme_problem_clear(&client->task->problem);
    client->task->order.id = client->order;
    return acme_accept_csr(txn, client->task);
}

/* A want of ours, which the client may try again. */
static bool is_shortage(const struct acme_task *task)
{
    return process_is_short() && task->problem.type == ACME_SERVER_INTERNAL;
}

static void on_ordered(struct client *client, enum store_status status)
{
    if (status == STORE_OK && !chance_fault("a client does not hear of its order", 10000)) {
        client->order = client->task->order.id;
        client->stage = FINALIZING;
        figures.placed++;
        again(client, chance_between(1, 2000));
    } else if (status == STORE_REFUSED) {
        if (client->task->problem.type != ACME_RATE_LIMITED && !is_shortage(client->task))
            wrong("newOrder is refused: %s", client->task->problem.detail);
        /* names whose paid order was rejected, and which no refund frees, wait for an operator */
        if (++client->refusals < REFUSALS_MAX) {
            again(client, chance_between(MINUTE_MS, 3 * HOUR_MS));
        } else {
            figures.refused++;
            end(client);
        }
    } else {
        again(client, chance_between(SECOND_MS, MINUTE_MS));
    }
}

static void on_finalized(struct client *client, enum store_status status)
{
    if (status == STORE_OK && !chance_fault("a client does not hear of finalize", 10000)) {
        char text[ACME_ID_TEXT + 1];
        acme_id_text(&client->order, text);
        trace("order %s of set %u is acknowledged", text, client->set);
        client->stage = WAITING;
        client->acknowledged = true;
        client->acknowledged_ms = world_ms();
        figures.acknowledged++;
        again(client, chance_between(SECOND_MS, 20 * SECOND_MS));
    } else if (status == STORE_NOT_FOUND && lost_to_ms > 0) {
        client->stage = ORDERING;
        again(client, chance_between(SECOND_MS, MINUTE_MS));
    } else if (status == STORE_REFUSED &&
               (client->task->problem.type == ACME_RATE_LIMITED || is_shortage(client->task)) &&
               ++client->refusals < REFUSALS_MAX) {
        again(client, chance_between(MINUTE_MS, 3 * HOUR_MS)); /* its names may be blocked since newOrder */
    } else if (status == STORE_REFUSED) {
        trace("finalize is refused: %s", client->task->problem.detail);
        if (client->task->problem.type != ACME_ORDER_NOT_READY && client->task->problem.type != ACME_RATE_LIMITED &&
            !is_shortage(client->task))
            wrong("finalize is refused: %s", client->task->problem.detail);
        figures.refused++;
        end(client);
    } else {
        again(client, chance_between(SECOND_MS, MINUTE_MS));
    }
}

static void on_done(struct store_op *op, enum store_status status)
{
    struct client *client = (struct client *)((char *)op - offsetof(struct client, op));
    client->busy = false;
    if (client->stage == ORDERING)
        on_ordered(client, status);
    else
        on_finalized(client, status);
    acme_task_free(client->task);
    client->task = NULL;
}

static void submit(struct client *client)
{
    client->task = make_task(client);
    if (client->stage == FINALIZING)
        authority_parsed(authority_csr(client->set, client->key), &client->task->csr);
    client->busy = true;
    client->op =
        (struct store_op){.fn = client->stage == ORDERING ? order : finalize, .arg = client, .done = on_done};
    store_submit(process.store, &client->op);
}

/* ---- what a client waits for ---- */

/* Of what Sectigo has issued. What an older copy has forgotten may be taken for something new. */
static void check_origin(struct client *client, const struct acme_certificate *certificate)
{
    for (size_t i = 0; i < certificate->serial_len; i++)
        snprintf(client->serial + 2 * i, 3, "%02X", certificate->serial[i]);
    if (!model_give(client->serial, certificate->issuance) && !trouble_restored())
        wrong("the certificate of %s was issued for nothing that was ordered, or another has it", certificate->issuance);
}

static void check_certificate(struct store_txn *txn, struct client *client, const struct acme_order *is)
{
    struct acme_certificate certificate = {.serial_len = 0};
    client->certificate = is->certificate;
    if (!is->has_certificate || acme_certificate_load(txn, &is->certificate, &certificate) != STORE_OK)
        wrong("an order is valid without a certificate");
    else if (memcmp(certificate.spki_sha256, authority_csr(client->set, client->key)->parsed.spki_sha256, 32) != 0)
        wrong("an order has the certificate of another key");
    else
        check_origin(client, &certificate);
    acme_certificate_clear(&certificate);
}

static bool may_be_gone(const struct client *client)
{
    return client->acknowledged_ms >= lost_from_ms && client->acknowledged_ms <= lost_to_ms;
}

/* False: the order is gone. */
static bool look(struct client *client, enum acme_order_status *found)
{
    struct store_txn *txn;
    struct acme_order is;
    if (store_read(process.store, &txn) != STORE_OK)
        abort();
    enum store_status status = acme_order_load(txn, &client->order, &is);
    /* One that an older copy has as it was before its finalize runs out there. */
    if (status == STORE_OK && acme_order_refresh(txn, &is, clock_ms() / 1000) != STORE_OK)
        abort();
    if (status != STORE_OK && !may_be_gone(client))
        wrong("an acknowledged order is gone");
    else if (status != STORE_OK)
        trace("an order is gone with the store that knew it");
    else if (is.status == ACME_ORDER_VALID)
        check_certificate(txn, client, &is);
    else if (is.status == ACME_ORDER_INVALID && (!is.error || !is.error[0]))
        wrong("an order is invalid, and does not say why");
    if (status == STORE_OK && is.status == ACME_ORDER_INVALID)
        trace("invalid: %.300s", is.error);
    *found = status == STORE_OK ? is.status : ACME_ORDER_INVALID;
    acme_order_clear(&is);
    store_read_end(txn);
    return status == STORE_OK;
}

/* Another run of the same client: a renewal, or one that has dropped its key. */
static void begin_anew(struct client *client, bool same_key, uint64_t in_ms)
{
    client->stage = ORDERING;
    client->acknowledged = false;
    client->runs++;
    if (!same_key)
        client->key = chance_below(KEYS);
    again(client, in_ms);
}

/* An order that has accepted a CSR takes no other; a push is nobody's word. */
static void attack(struct client *client)
{
    model_forge();
    client->task = make_task(client);
    authority_parsed(authority_csr(client->set, (client->key + 1) % KEYS), &client->task->csr);
    if (store_call(process.store, finalize, client) == STORE_OK)
        wrong("an order takes another CSR");
    acme_task_free(client->task);
    client->task = NULL;
}

/* What comes after a run that has ended. */
static void go_on(struct client *client)
{
    if (client->kind == RENEWING && client->runs < 2)
        begin_anew(client, false, chance_between(HOUR_MS, DAY_MS));
    else if (client->kind == REUSING && client->runs < 2)
        begin_anew(client, true, chance_between(MINUTE_MS, 6 * HOUR_MS));
    else
        end(client);
}

/* ---- revocation ---- */

static enum store_status revoke(struct store_txn *txn, void *arg)
{
    struct client *client = arg;
    acme_problem_clear(&client->task->problem);
    client->task->certificate = client->certificate;
    return acme_revoke_certificate(txn, client->task);
}

static void begin_revocation(struct client *client)
{
    client->task = make_task(client);
    enum store_status status = store_call(process.store, revoke, client);
    if (status == STORE_REFUSED && client->task->problem.type != ACME_ALREADY_REVOKED &&
        client->task->problem.type != ACME_MALFORMED)
        wrong("a revocation is refused: %s", client->task->problem.detail);
    acme_task_free(client->task);
    client->task = NULL;
    if (status != STORE_OK) {
        go_on(client);
        return;
    }
    trace("certificate %s is to be revoked, says its client", client->serial);
    model_revocation_asked(client->serial);
    client->stage = REVOKING;
    client->acknowledged_ms = world_ms();
    again(client, MINUTE_MS);
}

/* What was acknowledged goes on by its job until Sectigo has confirmed it. */
static void check_revocation(const struct client *client, enum acme_revocation is, bool goes_on)
{
    if (is == ACME_REVOCATION_NONE && !may_be_gone(client))
        wrong("an acknowledged revocation is forgotten");
    if (is == ACME_REVOCATION_DONE && !model_is_revoked(client->serial))
        wrong("certificate %s counts as revoked, and is not", client->serial);
    if (is == ACME_REVOCATION_ASKED && !goes_on)
        wrong("nothing continues the revocation of certificate %s", client->serial);
    if (is == ACME_REVOCATION_ASKED && world_ms() - client->acknowledged_ms > 20 * DAY_MS)
        wrong("certificate %s is not revoked after 20 days", client->serial);
}

static void wait_for_revocation(struct client *client)
{
    struct store_txn *txn;
    struct acme_certificate certificate;
    uint64_t due_ms;
    if (store_read(process.store, &txn) != STORE_OK)
        abort();
    bool there = acme_certificate_load(txn, &client->certificate, &certificate) == STORE_OK;
    enum acme_revocation is = there ? certificate.revocation : ACME_REVOCATION_NONE;
    bool goes_on = store_job_get(txn, JOB_REVOKE, client->certificate.octets, ACME_ID_LEN, &due_ms) == STORE_OK;
    acme_certificate_clear(&certificate);
    store_read_end(txn);
    check_revocation(client, is, goes_on);
    if (is == ACME_REVOCATION_ASKED)
        again(client, 10 * MINUTE_MS);
    else
        go_on(client);
}

/* It backs off, as clients do, but asks more often than within issuance.superseded_after, which is an hour. Who has ill
 * will asks each minute at first. */
static uint64_t patience_ms(const struct client *client, uint64_t waited_ms)
{
    const uint64_t least_ms = 30 * SECOND_MS, most_ms = 45 * MINUTE_MS;
    if (client->kind == MALICIOUS)
        return waited_ms < HOUR_MS ? MINUTE_MS : 30 * MINUTE_MS;
    return waited_ms < least_ms ? least_ms : waited_ms > most_ms ? most_ms : waited_ms;
}

static void wait_for(struct client *client)
{
    enum acme_order_status status;
    bool there = look(client, &status);
    uint64_t waited_ms = world_ms() - client->acknowledged_ms;
    if (!there) {
        begin_anew(client, true, chance_between(SECOND_MS, HOUR_MS));
    } else if (status == ACME_ORDER_VALID || status == ACME_ORDER_INVALID) {
        figures.valid += status == ACME_ORDER_VALID;
        figures.invalid += status == ACME_ORDER_INVALID;
        if (status == ACME_ORDER_VALID && chance_fault("a client revokes", 30000))
            begin_revocation(client);
        else
            go_on(client);
    } else if (client->kind == IMPATIENT && client->runs < 2 && waited_ms > 30 * SECOND_MS) {
        begin_anew(client, chance_below(2) == 0, chance_between(MINUTE_MS, 2 * HOUR_MS));
    } else if (waited_ms > 20 * DAY_MS) {
        wrong("an acknowledged order has not ended after 20 days");
        end(client);
    } else {
        again(client, patience_ms(client, waited_ms));
    }
}

static enum store_status note(struct store_txn *txn, void *arg)
{
    const struct client *client = arg;
    struct acme_order is;
    enum store_status status = acme_order_load(txn, &client->order, &is);
    if (status == STORE_OK && is.status == ACME_ORDER_PROCESSING) {
        is.read_s = clock_ms() / 1000;
        status = acme_order_save(txn, &is);
    }
    acme_order_clear(&is);
    return status;
}

static void on_client(struct event *event)
{
    struct client *client = (struct client *)event;
    if (!process.is_up) {
        again(client, chance_between(SECOND_MS, 30 * SECOND_MS) << client->unheard);
        client->unheard += client->unheard < UNHEARD_MAX;
        return;
    }
    client->unheard = 0;
    if (client->stage == WAITING) {
        store_call(process.store, note, client);
        if (client->kind == MALICIOUS && chance_below(4) == 0)
            attack(client);
        wait_for(client);
    } else if (client->stage == REVOKING) {
        wait_for_revocation(client);
    } else {
        submit(client);
    }
}

/* ---- the fleet ---- */

static enum store_status make_accounts(struct store_txn *txn, void *arg)
{
    enum store_status status = STORE_OK;
    (void)arg;
    for (unsigned i = 0; status == STORE_OK && i < ACCOUNTS; i++) {
        struct acme_account account = {.status = ACME_ACCOUNT_VALID, .created_s = world_true_ms() / 1000};
        acme_id_make(&account.id, world_true_ms());
        memcpy(account.thumbprint, account.id.octets, sizeof account.id.octets);
        snprintf(account.external_key, sizeof account.external_key, "fleet");
        account.key = strdup("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"AA\",\"y\":\"AA\"}");
        status = acme_account_bind_key(txn, account.thumbprint, &account.id);
        if (status == STORE_OK)
            status = acme_account_save(txn, &account);
        accounts[i] = account.id;
        acme_account_clear(&account);
    }
    return status;
}

void clients_begin(unsigned orders, uint64_t within_ms)
{
    if (orders > CLIENTS_MAX)
        orders = CLIENTS_MAX;
    clients = calloc(orders, sizeof *clients);
    if (!clients)
        abort();
    count = orders;
    ended = 0;
    figures = (struct clients_figures){0};
    lost_from_ms = lost_to_ms = 0;
    while (store_call(process.store, make_accounts, NULL) != STORE_OK) {
    }
    uint64_t in_ms = 0;
    for (unsigned i = 0; i < orders; i++) {
        bool alone = i == 0 || chance_below(2) == 0; /* or it comes with the one before, for the same names */
        in_ms = alone ? chance_between(0, within_ms) : in_ms + chance_below(5000);
        clients[i].kind = chance_below(KINDS);
        clients[i].account = accounts[chance_below(ACCOUNTS)];
        clients[i].set = alone ? chance_below(SETS) : clients[i - 1].set;
        clients[i].key = chance_below(KEYS);
        if (left_out[i])
            end(&clients[i]);
        else
            again(&clients[i], in_ms);
    }
}

void clients_leave_out(unsigned number, bool out)
{
    left_out[number] = out;
}

bool clients_waiting_order(char text[static ACME_ID_TEXT + 1])
{
    unsigned first = count ? chance_below(count) : 0;
    for (unsigned i = 0; i < count; i++) {
        const struct client *client = &clients[(first + i) % count];
        if (client->stage != WAITING)
            continue;
        acme_id_text(&client->order, text);
        return true;
    }
    return false;
}

bool clients_are_done(void)
{
    return ended == count;
}

struct clients_figures clients_figures(void)
{
    return figures;
}

void clients_restored(uint64_t since_ms)
{
    lost_from_ms = since_ms;
    lost_to_ms = world_ms();
}

void clients_end(void)
{
    free(clients);
}
