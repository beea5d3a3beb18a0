/* prepared, published: the answers to Sectigo's domain control are put in place, and looked at as Sectigo would
 * (issuance.md section 9). HTTP answers are served from the commit on that made the issuance; CNAME records are stored
 * first, so that none is forgotten, then published. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/dcv/preflight.h"
#include "gateway/dcv/publish.h"
#include "gateway/issue/life/ending.h"
#include "gateway/issue/life/errand.h"
#include "gateway/issue/life/step.h"
#include "gateway/issue/order/prepare.h"

static enum step go(struct errand *e, enum issuance_state to, uint64_t due_ms)
{
    e->result.to = to;
    e->result.due_ms = due_ms;
    return STEP_COMMIT;
}

static void note(struct errand *e, const char *text)
{
    snprintf(e->result.note, sizeof e->result.note, "%s", text);
}

static const struct config_dcv *settings(const struct errand *e)
{
    return &e->rules.dcv;
}

static enum step try_again(struct errand *e, const char *why)
{
    note(e, why);
    return go(e, e->is.state, clock_ms() + settings(e)->preflight_retry_ms);
}

/* It was never placed, so nothing is owed. */
static enum step too_late(struct errand *e)
{
    if (ending_is_given_up(e))
        return step_refused(e, ACME_SERVER_INTERNAL, e->is.note);
    acme_problem_set(&e->result.problem, ACME_SERVER_INTERNAL, "the order could not be placed in time: %s",
                     e->is.note && *e->is.note ? e->is.note : "Sectigo could not be reached");
    note(e, e->result.problem.detail);
    return go(e, ISSUANCE_REFUSED, 0);
}

static bool is_too_late(const struct errand *e)
{
    return e->is.sends == 0 && ending_is_due(e);
}

/* ---- prepared ---- */

static void on_published(void *ctx, bool ok, const char *reason)
{
    struct errand *e = ctx;
    if (!ok) {
        note(e, reason);
        errand_log(
            e, LOG_LEVEL_WARNING,
            "a record for Sectigo's domain control cannot be published; trying again. See to the DNS server or hook",
            reason);
    }
    if (--e->checks > 0)
        return;
    if (e->result.note[0])
        go(e, ISSUANCE_PREPARED, clock_ms() + settings(e)->preflight_retry_ms);
    else
        go(e, ISSUANCE_PUBLISHED, 0);
    errand_commit(e);
}

static void start_publishing(struct errand *e, const struct dcv_records *wanted)
{
    size_t count = wanted->count; /* the errand may be gone after the last one */
    e->checks = (unsigned)count;
    for (size_t i = 0; i < count; i++)
        publish_record(e->issuer->at.egress, settings(e), &wanted->list[i], on_published, e);
}

/* Records that a configuration of before has published stay in the list, to be removed in the end. */
static bool join_stored(struct errand *e, const struct dcv_records *wanted, size_t *added)
{
    struct store_txn *txn;
    if (store_read(e->issuer->at.store, &txn) != STORE_OK)
        return false;
    enum store_status status = dcv_records_load(txn, e->is.id, &e->result.records);
    store_read_end(txn);
    return (status == STORE_OK || status == STORE_NOT_FOUND) && dcv_records_join(&e->result.records, wanted, added);
}

enum step control_prepared(struct errand *e)
{
    struct dcv_records wanted;
    struct dcv_answer answer = prepare_answer(&e->is);
    size_t added;
    enum step step = STEP_WAIT;

    /* This state was stored with the finalize, or by the issuance before: nothing has passed errand_commit yet. */
    issuer_debug_stop(e->issuer, issuance_state_text(ISSUANCE_PREPARED));
    if (is_too_late(e))
        return too_late(e);
    if (!dcv_records_make(settings(e), &e->sub.names, &answer, &wanted))
        step = try_again(e, "the DCV token cannot be computed: out of memory");
    else if (wanted.count == 0)
        step = go(e, ISSUANCE_PUBLISHED, 0); /* the public listener serves the file */
    else if (!join_stored(e, &wanted, &added))
        step = try_again(e, "the DCV records cannot be read from the store");
    else if (added > 0)
        step = go(e, ISSUANCE_PREPARED, 0); /* stored, then published */
    else
        start_publishing(e, &wanted);
    dcv_records_clear(&wanted);
    return step;
}

/* ---- published ---- */

/* A name has no address for Sectigo to fetch a file from: where a zone covers it, CNAME will do. That is stored, so
 * that the order says what was published. */
static bool turn_to_cname(struct errand *e)
{
    static const struct dcv_records none = {0};
    size_t added;
    if (!e->result.not_global || e->is.sends > 0 || e->rules.dcv.zone_count == 0 || !dcv_rules_cname_first(&e->rules) ||
        !join_stored(e, &none, &added))
        return false;
    e->result.records.cname_first = true;
    go(e, ISSUANCE_PREPARED, 0);
    return true;
}

/* A record that is not seen may have been replaced by that of an issuance with the same CSR: it is published anew. */
static void end_preflight(struct errand *e)
{
    uint64_t again_ms = clock_ms() + settings(e)->preflight_retry_ms;
    if (turn_to_cname(e)) {
        errand_commit(e);
        return;
    }
    if (!e->result.note[0] || settings(e)->preflight == CONFIG_PREFLIGHT_WARN)
        go(e, ISSUANCE_SUBMITTING, 0);
    else
        go(e, e->result.unseen && e->is.sends == 0 ? ISSUANCE_PREPARED : ISSUANCE_PUBLISHED, again_ms);
    errand_commit(e);
}

/* Of several reasons all that have room are told. */
static void add_note(struct errand *e, const char *reason)
{
    size_t len = strlen(e->result.note);
    if (len == 0 || len + strlen(reason) + 2 < sizeof e->result.note)
        snprintf(e->result.note + len, sizeof e->result.note - len, "%s%s", len > 0 ? "; " : "", reason);
}

static void on_preflight(void *ctx, bool ok, const char *reason)
{
    struct errand *e = ctx;
    if (!ok) {
        add_note(e, reason);
        errand_log(e, LOG_LEVEL_WARNING,
                   "the answer to Sectigo's domain control cannot be seen; looking again. See to what is missing there",
                   reason);
    }
    if (--e->checks == 0)
        end_preflight(e);
}

static void on_cname_preflight(void *ctx, bool ok, const char *reason)
{
    struct errand *e = ctx;
    e->result.unseen = e->result.unseen || !ok;
    on_preflight(ctx, ok, reason);
}

static bool look_for_file(struct errand *e, const struct sectigo_token *token, const char *name)
{
    char path[80], body[160];
    if (sectigo_token_file(token, body, sizeof body) == 0)
        return false;
    snprintf(path, sizeof path, SECTIGO_DCV_PATH "%s.txt", token->md5_upper);
    struct preflight_http want = {.not_global = &e->result.not_global,
                                  .name = name,
                                  .dcv = settings(e),
                                  .path = path,
                                  .body = body,
                                  .timeout_ms = e->issuer->at.config->validation.timeout_ms};
    return preflight_http(e->issuer->at.egress, &want, on_preflight, e);
}

static bool look_for_record(struct errand *e, const struct sectigo_token *token, const char *zone)
{
    char owner[256], target[256];
    struct preflight_cname want = {
        .owner = owner, .target = target, .timeout_ms = e->issuer->at.config->validation.timeout_ms};
    return sectigo_token_cname(token, zone, owner, target) &&
           preflight_cname(e->issuer->at.egress, &want, on_cname_preflight, e);
}

static void look_for_caa(struct errand *e, const struct acme_identifier *name)
{
    struct preflight_caa want = {.identities = &settings(e)->caa_identities,
                                 .name = name->value,
                                 .timeout_ms = e->issuer->at.config->validation.timeout_ms};
    if (!preflight_caa(e->issuer->at.egress, &want, on_preflight, e))
        on_preflight(e, false, "preflight cannot be started: out of memory");
}

static void look_for(struct errand *e, const struct sectigo_token *token, const struct acme_identifier *name)
{
    struct acme_problem problem = {0};
    struct dcv_choice choice;
    if (!dcv_choose(settings(e), name, &choice, &problem)) {
        on_preflight(e, false, problem.detail);
    } else if (choice.method == SECTIGO_DCV_IP_ADDRESS) {
        on_preflight(e, true, ""); /* Sectigo has validated the address before */
    } else {
        bool started = choice.method == SECTIGO_DCV_CNAME ? look_for_record(e, token, choice.zone->zone)
                                                          : look_for_file(e, token, name->value);
        if (!started)
            on_preflight(e, false, "preflight cannot be started: out of memory");
    }
    acme_problem_clear(&problem);
}

/* By the operator, for this order (acmegatectl order retry --skip-preflight). */
static bool is_skipped(const struct errand *e)
{
    struct store_txn *txn;
    struct dcv_records records = {0};
    if (store_read(e->issuer->at.store, &txn) != STORE_OK)
        return false;
    bool skipped = dcv_records_load(txn, e->is.id, &records) == STORE_OK && records.skip_preflight;
    store_read_end(txn);
    dcv_records_clear(&records);
    return skipped;
}

enum step control_published(struct errand *e)
{
    if (is_too_late(e))
        return too_late(e);
    if (settings(e)->preflight == CONFIG_PREFLIGHT_OFF || is_skipped(e))
        return go(e, ISSUANCE_SUBMITTING, 0);
    const struct dcv_answer answer = prepare_answer(&e->is);
    if (!answer.made)
        return try_again(e, "the DCV token cannot be computed: out of memory");
    const struct acme_names *names = &e->sub.names;
    e->checks = 1; /* nothing ends before all have begun */
    for (size_t i = 0; i < names->count; i++) {
        e->checks++;
        look_for(e, &answer.token, &names->list[i]);
        if (names->list[i].type != ACME_DNS_NAME)
            continue; /* an address has no CAA */
        e->checks++;
        look_for_caa(e, &names->list[i]);
    }
    on_preflight(e, true, "");
    return STEP_WAIT;
}
