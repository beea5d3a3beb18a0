/* names: what the outside sees of the names, their CAA records and the files on their web servers, and what goes wrong
 * with both. In place of egress's look-ups and fetches: each ends later, by an event. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/egress/fetch.h"
#include "tests/simulation/sim.h"

enum { ZONE = SETS * NAMES_OF_SET, OWNERS, SEEN_MAX = 8 };
enum caa { CAA_NOBODY, CAA_OURS, CAA_OTHERS, CAA_NONE, CAA_WITH_ACCOUNT, CAA_BOGUS, CAA_SERVFAIL, CAA_SILENT, CAA_KINDS };
enum file { FILE_SERVED, FILE_MISSING, FILE_OTHER, FILE_MOVED, FILE_REFUSED, FILE_UNRESOLVED, FILE_KINDS };

static const char ZONE_NAME[] = "sim.example";

/* A name, or the zone that they are all in. */
struct owner {
    enum caa caa;
    enum file file;
    uint64_t until_ms;            /* as long as it stays so */
    enum caa given;               /* as it was answered last */
    uint64_t given_ms, allowed_ms; /* then; and when an answer last let Sectigo issue. 0: never */
};

/* That the files of a set were seen, by the uniqueValue in them. */
struct seen {
    char unique[SECTIGO_UNIQUE_VALUE_MAX + 1];
    uint64_t at_ms[NAMES_OF_SET];
};

struct look {
    struct event event; /* first */
    struct egress *egress;
    struct egress_fetch *fetch; /* NULL: a look-up */
    egress_dns_fn *done;        /* of a look-up; NULL: nobody waits */
    void *ctx;
    unsigned owner; /* OWNERS: of no interest */
    uint32_t max_age_ms;
    uint64_t began_ms;
    struct look *next, *prev;
};

static struct owner owners[OWNERS];
static struct seen seen[SETS][SEEN_MAX];
static unsigned seen_count[SETS];
static struct look *looks;
static const char *preflight;

void names_begin(void)
{
    static const char *const modes[] = {"off", "off", "off", "enforce", "enforce", "warn"};
    memset(owners, 0, sizeof owners);
    memset(seen, 0, sizeof seen);
    memset(seen_count, 0, sizeof seen_count);
    preflight = modes[chance_below(sizeof modes / sizeof *modes)];
}

const char *names_preflight(void)
{
    return preflight;
}

/* ---- how they are ---- */

/* Drawn anew where its time is over; without preflight nothing is ever in the way. */
static struct owner *owner_at(unsigned at)
{
    struct owner *owner = &owners[at];
    if (world_ms() < owner->until_ms || strcmp(preflight, "off") == 0)
        return owner;
    bool caa = chance_fault("CAA or its DNS is in the way", at == ZONE ? 20000 : 10000);
    bool file = at != ZONE && chance_fault("a file is not seen", 20000);
    owner->caa = caa ? CAA_OTHERS + chance_below(CAA_KINDS - CAA_OTHERS) : chance_below(CAA_OTHERS);
    owner->file = file ? FILE_MISSING + chance_below(FILE_KINDS - FILE_MISSING) : FILE_SERVED;
    owner->until_ms =
        world_ms() + (caa || file ? chance_between(MINUTE_MS, 4 * HOUR_MS) : chance_between(HOUR_MS, DAY_MS));
    return owner;
}

static unsigned owner_named(const char *name)
{
    unsigned set, i;
    if (sscanf(name, "n%u-%u.", &set, &i) == 2 && set < SETS && i < NAMES_OF_SET)
        return set * NAMES_OF_SET + i;
    return strcmp(name, ZONE_NAME) == 0 ? ZONE : OWNERS;
}

static bool allows(enum caa caa)
{
    return caa == CAA_NOBODY || caa == CAA_OURS;
}

bool names_show_files(unsigned set)
{
    bool shown = true;
    for (unsigned i = 0; i < authority_names(set)->count; i++)
        shown = shown && owner_at(set * NAMES_OF_SET + i)->file == FILE_SERVED;
    return shown;
}

/* Sectigo judges itself what names it with an account. */
bool names_let_issue(unsigned set)
{
    bool may = true;
    for (unsigned i = 0; i < authority_names(set)->count; i++) {
        enum caa caa = owner_at(set * NAMES_OF_SET + i)->caa;
        if (caa == CAA_NOBODY)
            caa = owner_at(ZONE)->caa;
        may = may && (allows(caa) || caa == CAA_WITH_ACCOUNT);
    }
    return may;
}

/* ---- what has been seen ---- */

/* Since when it was looked for: the gateway may have been frozen meanwhile. */
static void note_file(unsigned owner, uint64_t since_ms, const char *body)
{
    unsigned set = owner / NAMES_OF_SET;
    const char *unique = strrchr(body, '\n');
    struct seen *at = NULL;
    for (unsigned i = 0; unique && i < SEEN_MAX; i++)
        if (strcmp(seen[set][i].unique, unique + 1) == 0)
            at = &seen[set][i];
    if (unique && !at) {
        at = &seen[set][seen_count[set]++ % SEEN_MAX];
        memset(at, 0, sizeof *at);
        snprintf(at->unique, sizeof at->unique, "%.20s", unique + 1);
    }
    if (at)
        at->at_ms[owner % NAMES_OF_SET] = since_ms;
}

/* Both are looked for at once, and each look-up of a climb has its own time. */
static bool was_allowed(unsigned at, uint64_t since_ms)
{
    const struct owner *owner = &owners[at];
    uint64_t from_ms = since_ms > MINUTE_MS ? since_ms - MINUTE_MS : 0;
    return owner->allowed_ms >= from_ms && owner->allowed_ms > 0;
}

bool names_were_seen(unsigned set, const char *unique)
{
    const struct seen *at = NULL;
    for (unsigned i = 0; i < SEEN_MAX; i++)
        if (strcmp(seen[set][i].unique, unique) == 0)
            at = &seen[set][i];
    bool good = at != NULL;
    for (unsigned i = 0; good && i < authority_names(set)->count; i++)
        good = at->at_ms[i] > 0 && was_allowed(set * NAMES_OF_SET + i, at->at_ms[i]);
    return good;
}

/* ---- looks ---- */

static void forget(struct look *look)
{
    *(look->prev ? &look->prev->next : &looks) = look->next;
    if (look->next)
        look->next->prev = look->prev;
    free(look);
}

static struct look *begin_look(struct egress *egress, uint64_t in_ms, void (*fn)(struct event *event))
{
    struct look *look = memory_need(sizeof *look);
    *look = (struct look){.egress = egress, .began_ms = world_ms(), .next = looks};
    if (looks)
        looks->prev = look;
    looks = look;
    world_at(&look->event, in_ms, fn);
    return look;
}

void names_end(void)
{
    while (looks)
        forget(looks);
}

/* ---- CAA ---- */

static void answer(struct look *look, enum caa caa, bool recent)
{
    static const char *const records[] = {[CAA_OURS] = "sectigo.com",
                                          [CAA_OTHERS] = "letsencrypt.org",
                                          [CAA_NONE] = ";",
                                          [CAA_WITH_ACCOUNT] = "sectigo.com; accounturi=https://sectigo.example/1"};
    static const enum egress_dns_status statuses[] = {[CAA_BOGUS] = EGRESS_DNS_BOGUS,
                                                      [CAA_SERVFAIL] = EGRESS_DNS_FAILURE,
                                                      [CAA_SILENT] = EGRESS_DNS_TIMEOUT};
    char record[128];
    const uint8_t *data = (const uint8_t *)record;
    bool has_record = caa > CAA_NOBODY && caa <= CAA_WITH_ACCOUNT;
    size_t len = has_record ? 7 + (size_t)snprintf(record + 7, sizeof record - 7, "%s", records[caa]) : 0;
    memcpy(record, "\0\5issue", 7);
    struct egress_dns_answer said = {.recent = recent, .rdata = &data, .rdata_len = &len, .record_count = has_record};
    said.status = has_record ? EGRESS_DNS_ANSWER : caa == CAA_NOBODY ? EGRESS_DNS_NODATA : statuses[caa];
    snprintf(said.reason, sizeof said.reason, "as simulated");
    look->done(look->ctx, &said);
}

/* Later, where it would reach a gateway that is frozen. */
static bool waits(struct look *look, void (*fn)(struct event *event))
{
    bool frozen = (look->done || look->fetch) && outside_is_frozen(look->egress);
    if (frozen)
        world_at(&look->event, SECOND_MS, fn);
    return frozen;
}

static void on_looked_up(struct event *event)
{
    struct look *look = (struct look *)event;
    if (waits(look, on_looked_up))
        return;
    if (look->done && look->owner == OWNERS) {
        answer(look, CAA_NOBODY, false);
    } else if (look->done) {
        struct owner *owner = owner_at(look->owner);
        bool recent = look->max_age_ms > 0 && owner->given_ms > 0 && world_ms() - owner->given_ms <= look->max_age_ms;
        if (!recent) {
            owner->given = owner->caa;
            owner->given_ms = world_ms();
        }
        if (allows(owner->given))
            owner->allowed_ms = world_ms();
        answer(look, owner->given, recent);
    }
    forget(look);
}

bool egress_resolve_recent(struct egress *egress, enum egress_view view, const char *name, int rr_type,
                           uint32_t timeout_ms, uint32_t max_age_ms, egress_dns_fn *done, void *ctx)
{
    unsigned at = owner_named(name);
    bool silent = at < OWNERS && owner_at(at)->caa == CAA_SILENT;
    if (view != EGRESS_OUTSIDE_VIEW || rr_type != EGRESS_RR_CAA)
        abort();
    struct look *look = begin_look(egress, silent ? timeout_ms : chance_between(1, 300), on_looked_up);
    look->done = done;
    look->ctx = ctx;
    look->owner = at;
    look->max_age_ms = max_age_ms;
    return true;
}

bool egress_resolve_in(struct egress *egress, enum egress_view view, const char *name, int rr_type, uint32_t timeout_ms,
                       egress_dns_fn *done, void *ctx)
{
    return egress_resolve_recent(egress, view, name, rr_type, timeout_ms, 0, done, ctx);
}

bool egress_resolve(struct egress *egress, const char *name, int rr_type, uint32_t timeout_ms, egress_dns_fn *done,
                    void *ctx)
{
    return egress_resolve_in(egress, EGRESS_OWN_VIEW, name, rr_type, timeout_ms, done, ctx);
}

/* ---- files ---- */

static void fail(struct egress_fetch *fetch, enum egress_fetch_result result)
{
    fetch->result = result;
    snprintf(fetch->reason, sizeof fetch->reason, "as simulated");
}

/* The web server of the name sends what is asked for on to the gateway. */
static void serve(const struct look *look)
{
    struct egress_fetch *fetch = look->fetch;
    unsigned owner = look->owner;
    const char *slash = strrchr(fetch->url->text, '/');
    char *body = NULL;
    fetch->result = EGRESS_FETCH_ANSWERED;
    fetch->address = "192.0.2.1";
    fetch->status = 404;
    if (owners[owner].file == FILE_OTHER)
        body = strdup("It works!");
    else if (owners[owner].file == FILE_MOVED)
        snprintf(fetch->redirect, sizeof fetch->redirect, "https://elsewhere.example/");
    else if (owners[owner].file == FILE_SERVED && process.is_up)
        issuer_dcv_file(process.issuer, slash + 1, strcspn(slash + 1, "."), &body);
    if (body) {
        fetch->status = 200;
        fetch->body_len = (size_t)snprintf(fetch->body, sizeof fetch->body, "%s", body);
    }
    if (body && owners[owner].file == FILE_SERVED)
        note_file(owner, look->began_ms, body);
    free(body);
}

/* Now and then the address is one of a moment ago, and nobody answers there any more. */
static void on_fetched(struct event *event)
{
    struct look *look = (struct look *)event;
    struct egress_fetch *fetch = look->fetch;
    if (waits(look, on_fetched))
        return;
    if (fetch) {
        struct owner *owner = owner_at(look->owner);
        bool stale = fetch->recent_ms > 0 && chance_fault("an address is stale", 10000);
        fetch->addresses.recent = fetch->recent_ms > 0 && (stale || chance_below(2) == 0);
        if (owner->file == FILE_UNRESOLVED)
            fail(fetch, EGRESS_FETCH_DNS);
        else if (owner->file == FILE_REFUSED || stale)
            fail(fetch, EGRESS_FETCH_CONNECTION);
        else
            serve(look);
        fetch->fn(fetch->ctx, fetch);
    }
    forget(look);
}

void egress_fetch(struct egress *egress, struct egress_fetch *fetch)
{
    unsigned at = owner_named(strstr(fetch->url->text, "//") + 2);
    if (at >= ZONE)
        abort();
    struct look *look = begin_look(egress, chance_between(5, 2000), on_fetched);
    fetch->status = 0;
    fetch->addresses.recent = false;
    fetch->redirect[0] = '\0';
    fetch->body_len = 0;
    fetch->body[0] = '\0';
    look->fetch = fetch;
    look->owner = at;
}

/* ---- the end of a gateway ---- */

bool names_stop(struct egress *egress)
{
    for (struct look *look = looks; look; look = look->next) {
        if (look->egress != egress || (!look->done && !look->fetch))
            continue;
        egress_dns_fn *done = look->done;
        struct egress_fetch *fetch = look->fetch;
        look->done = NULL;
        look->fetch = NULL;
        if (fetch) {
            fail(fetch, EGRESS_FETCH_INTERNAL);
            fetch->fn(fetch->ctx, fetch);
        } else {
            struct egress_dns_answer said = {.status = EGRESS_DNS_SHORTAGE, .reason = "the gateway is stopping"};
            done(look->ctx, &said);
        }
        return true;
    }
    return false;
}
