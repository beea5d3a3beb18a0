/* housekeeping_world: a purchase with all that belongs to it, as a test wants it, and one pass of housekeeping over it.
 */
#ifndef TESTS_UNIT_GATEWAY_HOUSEKEEPING_WORLD_H
#define TESTS_UNIT_GATEWAY_HOUSEKEEPING_WORLD_H

#include "static_config.h"
#include "tests/unit/gateway/temp_store.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acme/account.h"
#include "acme/authorization.h"
#include "acme/certificate.h"
#include "acme/durations.h"
#include "acme/order.h"
#include "acme/policy.h"
#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/keep/sweep.h"
#include "gateway/scheduler.h"

static const char ISSUANCE[] = "a0123456789abcdef0123456789abcdef", OTHER[] = "afedcba9876543210fedcba9876543210";
static char login_name[] = "main", endpoint[] = "https://sectigo.example", nothing[] = "", instance[] = "a";
static const uint8_t serial[] = {7};

/* A purchase with all that belongs to it, as a test wants it; days are ago. */
struct made {
    enum acme_order_status order;
    enum issuance_kind kind;
    enum issuance_state issuance; /* 0: the order has none */
    enum subscription_state subscription;
    unsigned ended, certificate_ended, bought, others_ended; /* others_ended 0: no second order */
    bool numberless, no_certificate, replaced_since;
    bool unnumbered; /* the subscription: nobody knows Sectigo's number of it */
    enum acme_revocation revocation;
    const char *under_way, *queued;
    unsigned keep_days; /* of its policy; 0: there is none */
};

static const struct made LONG_AGO = {.order = ACME_ORDER_VALID,
                                     .kind = ISSUANCE_PURCHASE,
                                     .issuance = ISSUANCE_COLLECTED,
                                     .subscription = SUBSCRIPTION_EXHAUSTED,
                                     .ended = 300,
                                     .certificate_ended = 100,
                                     .bought = 301};

struct bench {
    struct temp_store temp;
    struct config_login login;
    struct config config;
    struct sweep sweep;
    uint64_t now_ms;
    struct made made;
    struct acme_id account, order, other, certificate, subscription, authz;
};

/* ---- the world ---- */

/* Nothing has confirmed the clock yet: once in a process, before set_up. */
static int set_up_in_doubt(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    temp_store_open(&b->temp);
    b->login = (struct config_login){.name = login_name};
    b->config = (struct config){
        .instance = instance,
        .logins = &b->login,
        .login_count = 1,
        .housekeeping = {
            .ended_orders_s = 90 * DAY_S, .unused_accounts_s = 365 * DAY_S, .audit_s = 400 * DAY_S, .every_s = DAY_S}};
    struct keeper_config at = {.configs = static_config(&b->config), .store = b->temp.store};
    sweep_begin(&b->sweep, &at);
    b->now_ms = clock_ms();
    *state = b;
    return 0;
}

static int set_up(void **state)
{
    clock_trust();
    return set_up_in_doubt(state);
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    temp_store_close(&b->temp);
    config_current_free(b->sweep.at.configs);
    free(b);
    return 0;
}

static uint64_t ago_ms(const struct bench *b, unsigned days)
{
    return b->now_ms - days * (uint64_t)DAY_MS;
}

static void id_of(struct acme_id *id, uint64_t time_ms)
{
    assert_true(acme_id_make(id, time_ms));
}

static enum store_status make_account(struct store_txn *txn, void *arg)
{
    const struct bench *b = arg;
    struct acme_account account = {
        .id = b->account, .status = ACME_ACCOUNT_VALID, .created_s = ago_ms(b, 400) / 1000, .key = nothing};
    memcpy(account.thumbprint, b->account.octets, ACME_ID_LEN);
    enum store_status status = acme_account_save(txn, &account);
    return status == STORE_OK ? acme_account_bind_key(txn, account.thumbprint, &account.id) : status;
}

static enum store_status make_order(struct store_txn *txn, const struct bench *b, const struct acme_id *id,
                                    unsigned ended)
{
    struct acme_identifier name = {.type = ACME_DNS_NAME, .value = "www.example.org"};
    uint8_t key[2 * ACME_ID_LEN];
    struct acme_id authz = b->authz;
    struct acme_order order = {.id = *id,
                               .account = b->account,
                               .status = b->made.order,
                               .created_s = ago_ms(b, ended + 1) / 1000,
                               .expires_s = ago_ms(b, ended) / 1000,
                               .updated_s = ago_ms(b, ended) / 1000,
                               .names = {.list = &name, .count = 1},
                               .authzs = &authz,
                               .policy = "fleet",
                               .has_certificate = b->made.order == ACME_ORDER_VALID && !b->made.no_certificate,
                               .certificate = b->certificate,
                               .user_agent = nothing};
    memcpy(key, b->account.octets, ACME_ID_LEN);
    memcpy(key + ACME_ID_LEN, id->octets, ACME_ID_LEN);
    enum store_status status = acme_order_save(txn, &order);
    if (status == STORE_OK)
        status = store_put(txn, ACME_ACCOUNT_ORDERS, key, sizeof key, NULL, 0);
    return status == STORE_OK && b->made.issuance
               ? store_put(txn, ISSUE_BY_ORDER, id->octets, ACME_ID_LEN, ISSUANCE, strlen(ISSUANCE))
               : status;
}

static enum store_status make_authz(struct store_txn *txn, void *arg)
{
    const struct bench *b = arg;
    struct acme_authz authz = {.id = b->authz,
                               .account = b->account,
                               .order = b->order,
                               .status = ACME_AUTHZ_VALID,
                               .created_s = ago_ms(b, b->made.ended + 1) / 1000,
                               .expires_s = ago_ms(b, b->made.ended) / 1000,
                               .identifier = {.type = ACME_DNS_NAME, .value = "www.example.org"}};
    enum store_status status = acme_authz_save(txn, &authz);
    return status == STORE_OK ? acme_valid_authz_put(txn, &authz) : status;
}

static enum store_status make_certificate(struct store_txn *txn, const struct bench *b)
{
    struct acme_certificate certificate = {.id = b->certificate,
                                           .account = b->account,
                                           .order = b->order,
                                           .policy = "fleet",
                                           .serial_len = sizeof serial,
                                           .not_after_s = (int64_t)(ago_ms(b, b->made.certificate_ended) / 1000),
                                           .issued_ms = ago_ms(b, b->made.ended),
                                           .chain = (char[]){"x"},
                                           .certificate_id = (char[]){"77"},
                                           .issuance = (char *)(uintptr_t)ISSUANCE,
                                           .revocation = b->made.revocation};
    memcpy(certificate.serial, serial, sizeof serial);
    return b->made.no_certificate ? STORE_OK : acme_certificate_save(txn, &certificate);
}

static enum store_status make_issuance(struct store_txn *txn, const struct bench *b)
{
    struct acme_id orders[] = {b->order, b->other};
    struct issuance is = {.kind = b->made.kind,
                          .state = b->made.issuance,
                          .subscription = b->subscription,
                          .account = b->account,
                          .orders = orders,
                          .order_count = b->made.others_ended ? 2 : 1,
                          .csr = (uint8_t[]){1},
                          .csr_len = 1,
                          .created_ms = ago_ms(b, b->made.ended),
                          .changed_ms = ago_ms(b, b->made.ended),
                          .sends = 1,
                          .note = nothing};
    snprintf(is.id, sizeof is.id, "%s", ISSUANCE);
    if (!b->made.numberless)
        snprintf(is.order_number, sizeof is.order_number, "1234");
    enum store_status status = issuance_save(txn, &is);
    return status == STORE_OK ? store_put(txn, ISSUE_BY_ORDER_NUMBER, "1234", 4, ISSUANCE, strlen(ISSUANCE)) : status;
}

static enum store_status make_subscription(struct store_txn *txn, const struct bench *b)
{
    char queue[1][ISSUANCE_ID_MAX + 1] = {""};
    struct acme_identifier name = {.type = ACME_DNS_NAME, .value = "www.example.org"};
    struct subscription sub = {.id = b->subscription,
                               .state = b->made.subscription,
                               .policy = "fleet",
                               .profile = "dv",
                               .login = "main",
                               .endpoint = endpoint,
                               .names = {.list = &name, .count = 1},
                               .days = 365,
                               .bought_ms = ago_ms(b, b->made.bought),
                               .order_number = "1234",
                               .has_certificate = !b->made.replaced_since && !b->made.no_certificate,
                               .certificate = b->certificate};
    snprintf(sub.under_way, sizeof sub.under_way, "%s", b->made.under_way ? b->made.under_way : "");
    if (b->made.queued) {
        snprintf(queue[0], sizeof queue[0], "%s", b->made.queued);
        sub.queue = queue;
        sub.queue_count = 1;
    }
    if (b->made.unnumbered)
        sub.order_number[0] = '\0';
    enum store_status status = subscription_insert(txn, &sub);
    return status == STORE_OK ? numbers_claim(txn, NUMBER_ORDER, "1234", &sub) : status;
}

static enum store_status make_policy(struct store_txn *txn, unsigned keep_days)
{
    struct acme_policy policy;
    enum store_status status = acme_policy_make("fleet", &policy) ? STORE_OK : STORE_IO;
    policy.keep_days = keep_days;
    if (status == STORE_OK)
        status = acme_policy_save(txn, &policy);
    acme_policy_clear(&policy);
    return status;
}

static enum store_status make(struct store_txn *txn, void *arg)
{
    struct bench *b = arg;
    enum store_status status = make_account(txn, b);
    if (status == STORE_OK)
        status = make_order(txn, b, &b->order, b->made.ended);
    if (status == STORE_OK && b->made.others_ended)
        status = make_order(txn, b, &b->other, b->made.others_ended);
    if (status == STORE_OK)
        status = make_authz(txn, b);
    if (status == STORE_OK && b->made.keep_days)
        status = make_policy(txn, b->made.keep_days);
    if (status == STORE_OK && b->made.issuance)
        status = make_certificate(txn, b);
    if (status == STORE_OK && b->made.issuance)
        status = make_issuance(txn, b);
    return status == STORE_OK && b->made.issuance && b->made.subscription ? make_subscription(txn, b) : status;
}

static void make_world(struct bench *b, const struct made *made)
{
    b->made = *made;
    id_of(&b->account, ago_ms(b, 400));
    id_of(&b->order, ago_ms(b, made->ended + 1));
    id_of(&b->other, ago_ms(b, made->others_ended + 1));
    id_of(&b->certificate, ago_ms(b, made->ended));
    id_of(&b->subscription, ago_ms(b, made->bought));
    id_of(&b->authz, ago_ms(b, made->ended + 1));
    assert_int_equal(store_call(b->temp.store, make, b), STORE_OK);
}

/* ---- one pass ---- */

static struct housekeeping_diary diary_of(const struct bench *b)
{
    struct housekeeping_diary diary;
    struct store_txn *txn;
    assert_int_equal(store_read(b->temp.store, &txn), STORE_OK);
    assert_int_equal(diary_load_housekeeping(txn, &diary), STORE_OK);
    store_read_end(txn);
    return diary;
}

/* Steps until nothing is due soon: a step rests for many times as long as it took, which may be seconds. */
static void pass(struct bench *b)
{
    for (int i = 0; i < 100; i++) {
        if (sweep_turn(&b->sweep) >= 30 * 1000)
            return;
    }
    fail_msg("housekeeping comes to no end");
}

static bool is_there(const struct bench *b, unsigned table, const void *key, size_t len)
{
    struct store_slice value;
    struct store_txn *txn;
    assert_int_equal(store_read(b->temp.store, &txn), STORE_OK);
    bool there = store_get(txn, table, key, len, &value) == STORE_OK;
    store_read_end(txn);
    return there;
}

static bool has_order(const struct bench *b)
{
    return is_there(b, ACME_ORDERS, b->order.octets, ACME_ID_LEN);
}

static uint64_t count(const struct bench *b, unsigned table)
{
    return temp_store_count(&b->temp, table);
}

#endif
