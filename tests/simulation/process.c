/* process: the gateway, from the store's engine to acme, made, stepped and killed by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/account.h"
#include "acme/durations.h"
#include "acme/external_key.h"
#include "acme/policy.h"
#include "gateway/clock.h"
#include "gateway/issue/upkeep/upkeep.h"
#include "gateway/tables.h"
#include "store/memory/cabinets.h"
#include "tests/simulation/sim.h"

/* While the clock is in doubt, which may be for hours, jobs look several times a second whether it still is: this
 * machine is too slow for that. They do so each five seconds, and more seldom the longer it takes. */
static const uint64_t DOUBTFUL_TURN_MS = 5 * SECOND_MS, LONG_DOUBTFUL_TURN_MS = 15 * SECOND_MS;

enum { REQUESTS_OF_A_STEP = 60 };

struct process process;
const char *const login_names[LOGINS] = {"main", "second"};
static char folder[256], yaml[512];
static const char STORE_NAME[] = "simulated", COPY_NAME[] = "simulated-copy";
static bool dying, disk_full;
static struct config *written; /* what stands in the file; NULL: not read yet */
static struct process former; /* frozen, or thawed after another has taken over */
static bool fenced;           /* that has happened */
static bool frugal, short_of_memory; /* of this world */
static const uint8_t seal[EXTERNAL_KEY_SEAL_LEN] = {1, 2, 3};

static void write_file(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

static void write_configuration(unsigned product, unsigned price, unsigned login)
{
    char text[4096], month[64];
    snprintf(month, sizeof month, ", purchases_per_month: %d", PURCHASES_PER_MONTH);
    snprintf(text, sizeof text,
             "store: {path: /nowhere}\n"
             "acme: {listen: [\"127.0.0.1:1\"], url: https://acme.sim.example, tls: {certificate: %s, key: %s}}\n"
             "public: {listen: [\"127.0.0.1:2\"], push: {user: sectigo, password_file: %s/password}}\n"
             "admin: {socket: %s/admin.sock}\n"
             "dcv: {preflight: \"%s\"}\n"
             "spending: {purchases_per_day: %d%s}\n"
             "logins: [{name: main, url: https://sectigo.sim.example, login: partner, password_file: %s/password, "
             "trust_anchors: %s, calls_per_minute: 0}, {name: second, url: https://sectigo.sim.example, "
             "login: partner-2, password_file: %s/password, trust_anchors: %s, calls_per_minute: 0}]\n"
             "profiles: [{name: dv, login: %s, days: 365, products: {single: %u, wildcard: 489, multi: 492}, "
             "prices: {single: %u, wildcard: 149, multi: 49, extra_name: 0}, contact_email: pki@sim.example}]\n"
             "default_profile: dv\n",
             authority_anchors(), authority_anchors(), folder, folder, names_preflight(), PURCHASES_PER_DAY,
             frugal ? month : "", folder, authority_anchors(),
             folder, authority_anchors(), login_names[login], product, price);
    write_file("acmegate.yaml", text);
    config_drop(written);
    written = NULL;
}

/* Each start reads it; it is parsed once. */
static struct config *read_configuration(void)
{
    char reason[CONFIG_REASON_MAX];
    if (!written)
        written = config_load(yaml, reason);
    config_hold(written);
    return written;
}

void process_prepare(const char *in)
{
    snprintf(folder, sizeof folder, "%s", in);
    snprintf(yaml, sizeof yaml, "%s/acmegate.yaml", folder);
    write_file("password", "secret\n");
}

/* ---- start ---- */

static enum store_status on_commit(void *ctx)
{
    (void)ctx;
    return dying ? STORE_IO : disk_full ? STORE_FULL : chance_fault("the store is full", 1500) ? STORE_FULL : STORE_OK;
}

static void need(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "simulation: %s\n", what);
        abort();
    }
}

bool process_is_frozen(void)
{
    return former.is_up && !fenced;
}

static void open_store(void)
{
    static const char *const tables[] = {ACME_TABLE_NAMES, ISSUE_TABLE_NAMES};
    static char reason[STORE_REASON_SIZE];
    struct store_config config = {.engine = STORE_MEMORY,
                                  .path = STORE_NAME,
                                  .tables = tables,
                                  .table_count = ISSUE_TABLE_END,
                                  .schema = 1,
                                  .stepped = true,
                                  .take_over = process_is_frozen(),
                                  .fault = on_commit};
    need(store_open(&config, &process.store, reason) == STORE_OK, reason);
    if (config.take_over)
        trace("another gateway takes the store over");
    fenced = fenced || config.take_over;
}

static void notify(void *ctx, const struct acme_id *topic)
{
    (void)ctx;
    (void)topic;
}

static void make_acme(void)
{
    static const struct acme_profile profiles[] = {{"dv", "dv"}};
    struct acme_config config = {.store = process.store,
                                 .base_url = "https://acme.sim.example",
                                 .instance = "a",
                                 .external_account_required = true,
                                 .seal = seal,
                                 .profiles = profiles,
                                 .profile_count = 1,
                                 .identifiers_max = 100,
                                 .offer = {[ACME_HTTP_01] = true},
                                 .order_lifetime_s = 7 * 24 * 3600,
                                 .authz_valid_s = 24 * 3600};
    issuer_hooks(process.issuer, &config.hooks);
    config.hooks.revoke = issuer_revoke;
    process.acme = acme_make(&config);
}

/* Nothing that it still wants to store is stored. */
static void stop(struct process *gateway)
{
    bool was_dying = dying;
    dying = true;
    gateway->is_up = false;
    issuer_stop(gateway->issuer);
    scheduler_stop(gateway->scheduler);
    egress_stop(gateway->egress, 0);
    store_close(gateway->store);
    egress_free(gateway->egress);
    scheduler_free(gateway->scheduler);
    issuer_free(gateway->issuer);
    upstream_free(gateway->upstream);
    acme_free(gateway->acme);
    config_current_free(gateway->configs);
    dying = was_dying;
}

bool process_start(void)
{
    char reason[CONFIG_REASON_MAX];
    world_claim_clock();
    open_store();
    process.configs = config_current_make(read_configuration());
    need(process.configs != NULL, "configuration");
    const struct config *config = config_take(process.configs);
    process.egress = outside_make();
    process.upstream = upstream_make(config, process.egress, reason);
    need(process.upstream != NULL, reason);
    process.scheduler = scheduler_make(process.store);
    struct issuer_config issuer = {.configs = process.configs,
                                   .store = process.store,
                                   .scheduler = process.scheduler,
                                   .egress = process.egress,
                                   .upstream = process.upstream,
                                   .notify = notify};
    process.issuer = issuer_make(&issuer);
    enum store_status status = issuer_recover(process.issuer);
    need(status == STORE_OK || status == STORE_FULL, store_status_text(status));
    make_acme();
    config_drop(config);
    process.is_up = status == STORE_OK;
    trace(process.is_up ? "the gateway starts" : "the gateway cannot start: the disk is full");
    if (!process.is_up)
        stop(&process);
    return process.is_up;
}

void process_kill(void)
{
    trace("the gateway is killed");
    stop(&process);
}

/* ---- two of them ---- */

void process_freeze(void)
{
    trace("the gateway is stopped where it is");
    former = process;
    outside_freeze(former.egress, true);
    process = (struct process){.batches = former.batches};
}

void process_thaw(void)
{
    trace(fenced ? "the gateway that was replaced goes on" : "the gateway goes on");
    outside_freeze(former.egress, false);
    if (fenced)
        return;
    process = former;
    former = (struct process){.is_up = false};
}

void process_end_former(void)
{
    if (former.is_up) {
        trace("the gateway that was replaced ends");
        outside_freeze(former.egress, false);
        stop(&former);
    }
    fenced = false;
}

void process_end(void)
{
    process_end_former();
    if (process.is_up)
        process_kill();
    config_drop(written);
    written = NULL;
    cabinet_forget(STORE_NAME);
    cabinet_forget(COPY_NAME);
}

void process_fill_disk(bool full)
{
    disk_full = full;
}

void process_copy(bool knowing)
{
    char reason[STORE_REASON_SIZE];
    trace("the store is copied, and the copy %s", knowing ? "knows that it is one" : "does not know that it is one");
    if (knowing)
        need(store_backup(process.store, COPY_NAME, reason) == STORE_OK, reason);
    else
        need(cabinet_copy(STORE_NAME, COPY_NAME), "copy");
}

void process_restore(void)
{
    need(cabinet_copy(COPY_NAME, STORE_NAME), "restored");
}

/* ---- the configuration is read anew ---- */

void process_edit(unsigned product, unsigned price, unsigned login)
{
    char reason[CONFIG_REASON_MAX];
    write_configuration(product, price, login);
    struct config *fresh = config_load(yaml, reason);
    need(fresh != NULL, reason);
    struct upstream_terms *terms = upstream_prepare(process.upstream, fresh, reason);
    need(terms != NULL, reason);
    const struct config *was = config_take(process.configs);
    if (upkeep_admit(process.store, was, fresh) == STORE_OK) {
        trace("the profile buys product %u with login %u from here on", product, login);
        upstream_adopt(process.upstream, terms);
        config_hold(fresh);
        config_replace(process.configs, fresh);
        upkeep_begin(process.store, was, fresh);
        config_drop(fresh);
    } else {
        upstream_terms_free(terms);
        config_free(fresh);
    }
    config_drop(was);
}

/* ---- what an operator sets up ---- */

static enum store_status set_up(struct store_txn *txn, void *arg)
{
    struct external_key key = {.id = ""};
    struct acme_policy policy = {.builtin = false};
    char reason[ACME_POLICY_REASON_MAX];
    json_t *members = json_pack("{s:s,s:[s]}", "validation", "trusted", "names", "*");
    (void)arg;
    need(acme_policy_make("fleet", &policy) && acme_policy_set(&policy, members, reason), "policy");
    json_decref(members);
    enum store_status status = acme_policy_save(txn, &policy);
    acme_policy_clear(&policy);
    need(external_key_make(&key, "fleet", "fleet", world_true_ms() / 1000, seal), "key");
    return status == STORE_OK ? external_key_insert(txn, &key) : status;
}

bool process_is_frugal(void)
{
    return frugal;
}

bool process_is_short(void)
{
    return short_of_memory;
}

void process_begin(void)
{
    disk_full = false;
    frugal = chance_below(8) == 0;
    short_of_memory = chance_below(4) == 0;
    write_configuration(488, 49, 0);
    while (!process_start()) {
    }
    while (store_call(process.store, set_up, NULL) != STORE_OK) {
    }
}

/* ---- steps ---- */

static bool step_of(struct process *gateway)
{
    uint64_t wait_ms;
    unsigned first = chance_below(3);
    for (unsigned i = 0; gateway->is_up && i < 3; i++) {
        unsigned which = (first + i) % 3;
        bool stored = which == 0 && store_step(gateway->store);
        gateway->batches += stored;
        if (stored ||
            (which == 1 && scheduler_step(gateway->scheduler, &wait_ms)) ||
            (which == 2 && outside_step(gateway->egress)))
            return true;
    }
    return false;
}

/* Who was replaced and does not know it does what it would have done. */
static bool step(void)
{
    bool two = former.is_up && !outside_is_frozen(former.egress);
    bool first = two && chance_below(2) == 0 && step_of(&former);
    return first || step_of(&process) || (two && step_of(&former));
}

/* A world in which memory runs short does so within some steps. */
bool process_step(void)
{
    bool runs_short = process.is_up && short_of_memory && chance_fault("an allocation fails", 2000);
    memory_short_in(runs_short ? 1 + chance_below(REQUESTS_OF_A_STEP) : 0);
    bool done = step();
    memory_short_in(0);
    return done;
}

static uint64_t least_wait_ms(void)
{
    uint64_t wait_ms = clock_doubt_ms() / 4;
    if (!clock_in_doubt())
        return 0;
    return wait_ms < DOUBTFUL_TURN_MS        ? DOUBTFUL_TURN_MS
           : wait_ms > LONG_DOUBTFUL_TURN_MS ? LONG_DOUBTFUL_TURN_MS
                                             : wait_ms;
}

static uint64_t next_of(const struct process *gateway)
{
    uint64_t wait_ms;
    if (!gateway->is_up || outside_is_frozen(gateway->egress))
        return UINT64_MAX;
    uint64_t next_ms = outside_next_ms(gateway->egress);
    scheduler_step(gateway->scheduler, &wait_ms);
    uint64_t due_ms = wait_ms > UINT64_MAX - world_ms() ? UINT64_MAX : world_ms() + wait_ms;
    uint64_t soonest_ms = world_ms() + least_wait_ms();
    next_ms = due_ms < next_ms ? due_ms : next_ms;
    return next_ms > soonest_ms ? next_ms : soonest_ms;
}

uint64_t process_next_ms(void)
{
    uint64_t next_ms = next_of(&process), former_ms = next_of(&former);
    return former_ms < next_ms ? former_ms : next_ms;
}
