/* prepared, published: the answers to Sectigo's domain control are put in place, and looked at as Sectigo would
 * (issuance.md section 9). HTTP answers are served from the commit on that made the issuance; CNAME records are stored
 * first, so that none is forgotten, then published. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/dcv/preflight.h"
#include "gateway/dcv/publish.h"
#include "gateway/issue/life/asking.h"
#include "gateway/issue/life/commit.h"
#include "gateway/issue/life/life.h"
#include "gateway/issue/order/prepare.h"
#include "gateway/issue/order/queue.h"

static const struct config_dcv *settings(const struct step *s)
{
    return &s->rules.dcv;
}

/* ---- decisions ---- */

/* Of what was never sent, so nothing is owed. */
static bool ends_too_late(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    char words[NOTE_MAX];
    if (f->is->sends > 0 || !facts_is_due(f, now_ms))
        return false;
    if (facts_is_given_up(f)) {
        outcome_refuse(out, ACME_SERVER_INTERNAL, facts_note(f));
    } else {
        snprintf(words, sizeof words, "the order could not be placed in time: %.900s",
                 *facts_note(f) ? facts_note(f) : "Sectigo could not be reached");
        outcome_refuse(out, ACME_SERVER_INTERNAL, words);
    }
    return true;
}

void prepared_first(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    if (!ends_too_late(f, now_ms, out))
        outcome_ask(out, ASK_PUBLISHERS);
}

void prepared_published(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    outcome_note(out, "%s", r->why);
    if (r->why[0])
        outcome_stay(out, now_ms + f->dcv->preflight_retry_ms);
    else if (r->stored_first)
        outcome_stay(out, 0); /* then they are published */
    else
        outcome_go(out, ISSUANCE_PUBLISHED, 0);
}

void published_first(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    if (ends_too_late(f, now_ms, out))
        return;
    if (f->unpublished) /* the rules have changed since */
        outcome_go(out, ISSUANCE_PREPARED, 0);
    else if (f->dcv->preflight == CONFIG_PREFLIGHT_OFF || f->skip_preflight)
        out->kind = OUTCOME_SEND;
    else
        outcome_ask(out, ASK_PREFLIGHT);
}

/* A record that is not seen may have been replaced by that of an issuance with the same CSR: it is published anew. */
void published_seen(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    uint64_t again_ms = now_ms + f->dcv->preflight_retry_ms;
    outcome_note(out, "%s", r->why);
    if (!r->parsed)
        outcome_stay(out, again_ms);
    else if (r->turned)
        outcome_go(out, ISSUANCE_PREPARED, 0);
    else if (!r->why[0] || f->dcv->preflight == CONFIG_PREFLIGHT_WARN)
        out->kind = OUTCOME_SEND;
    else if (r->unseen && f->is->sends == 0)
        outcome_go(out, ISSUANCE_PREPARED, again_ms);
    else
        outcome_stay(out, again_ms);
}

/* ---- asking: the records of prepared ---- */

static void on_published(void *ctx, bool ok, const char *reason)
{
    struct step *s = ctx;
    if (!ok) {
        step_see(s, reason);
        step_log(
            s, LOG_LEVEL_WARNING,
            "a record for Sectigo's domain control cannot be published; trying again. See to the DNS server or hook",
            reason);
    }
    if (--s->checks == 0)
        asking_answer(s, &s->seen);
}

static void start_publishing(struct step *s, const struct dcv_records *wanted)
{
    size_t count = wanted->count; /* the step may be gone after the last one */
    s->checks = (unsigned)count;
    for (size_t i = 0; i < count; i++)
        publish_record(s->issuer->at.egress, settings(s), &wanted->list[i], on_published, s);
}

/* Records that a configuration of before has published stay in the list, to be removed in the end. */
static bool join_stored(struct step *s, const struct dcv_records *wanted, size_t *added)
{
    struct store_txn *txn;
    if (store_read(s->issuer->at.store, &txn) != STORE_OK)
        return false;
    enum store_status status = dcv_records_load(txn, s->is.id, &s->records);
    store_read_end(txn);
    return (status == STORE_OK || status == STORE_NOT_FOUND) && dcv_records_join(&s->records, wanted, added);
}

void prepared_ask(struct step *s)
{
    struct dcv_records wanted;
    struct dcv_answer answer = prepare_answer(&s->is);
    size_t added = 0;
    const char *why = "";

    bool made = dcv_records_make(settings(s), &s->sub.names, &answer, &wanted);
    if (!made)
        why = "the DCV token cannot be computed: out of memory";
    else if (wanted.count > 0 && !join_stored(s, &wanted, &added))
        why = "the DCV records cannot be read from the store";
    reading_of_look(&s->seen, &s->ask, made, why);
    s->seen.stored_first = added > 0;
    if (*why || wanted.count == 0 || added > 0) /* without records the public listener serves the file */
        asking_answer(s, &s->seen);
    else
        start_publishing(s, &wanted);
    dcv_records_clear(&wanted);
}

/* ---- asking: the preflight of published ---- */

/* A name has no address for Sectigo to fetch a file from: where a zone covers it, CNAME will do. That is stored, so
 * that the order says what was published. */
static bool turn_to_cname(struct step *s)
{
    static const struct dcv_records none = {0};
    size_t added;
    if (!s->not_global || s->is.sends > 0 || s->rules.dcv.zone_count == 0 || !dcv_rules_cname_first(&s->rules) ||
        !join_stored(s, &none, &added))
        return false;
    s->records.cname_first = true;
    return true;
}

static void end_preflight(struct step *s)
{
    s->seen.turned = turn_to_cname(s);
    asking_answer(s, &s->seen);
}

/* Of several reasons all that have room are told. */
static void add_note(struct step *s, const char *reason)
{
    size_t len = strlen(s->seen.why);
    if (len == 0 || len + strlen(reason) + 2 < sizeof s->seen.why)
        snprintf(s->seen.why + len, sizeof s->seen.why - len, "%s%s", len > 0 ? "; " : "", reason);
}

static void on_preflight(void *ctx, bool ok, const char *reason)
{
    struct step *s = ctx;
    if (!ok) {
        add_note(s, reason);
        step_log(s, LOG_LEVEL_WARNING,
                 "the answer to Sectigo's domain control cannot be seen; looking again. See to what is missing there",
                 reason);
    }
    if (--s->checks == 0)
        end_preflight(s);
}

static void on_cname_preflight(void *ctx, bool ok, const char *reason)
{
    struct step *s = ctx;
    s->seen.unseen = s->seen.unseen || !ok;
    on_preflight(ctx, ok, reason);
}

static bool look_for_file(struct step *s, const struct sectigo_token *token, const char *name)
{
    char path[80], body[160];
    if (sectigo_token_file(token, body, sizeof body) == 0)
        return false;
    snprintf(path, sizeof path, SECTIGO_DCV_PATH "%s.txt", token->md5_upper);
    struct preflight_http want = {.not_global = &s->not_global,
                                  .name = name,
                                  .dcv = settings(s),
                                  .path = path,
                                  .body = body,
                                  .timeout_ms = s->work.config->validation.timeout_ms,
                                  .recent_ms = PREFLIGHT_RECENT_MS};
    return preflight_http(s->issuer->at.egress, &want, on_preflight, s);
}

static bool look_for_record(struct step *s, const struct sectigo_token *token, const char *zone)
{
    char owner[256], target[256];
    struct preflight_cname want = {
        .owner = owner, .target = target, .timeout_ms = s->work.config->validation.timeout_ms};
    return sectigo_token_cname(token, zone, owner, target) &&
           preflight_cname(s->issuer->at.egress, &want, on_cname_preflight, s);
}

static void look_for_caa(struct step *s, const struct acme_identifier *name)
{
    struct preflight_caa want = {.identities = &settings(s)->caa_identities,
                                 .name = name->value,
                                 .timeout_ms = s->work.config->validation.timeout_ms,
                                 .recent_ms = PREFLIGHT_RECENT_MS};
    if (!preflight_caa(s->issuer->at.egress, &want, on_preflight, s))
        on_preflight(s, false, "preflight cannot be started: out of memory");
}

static void look_for(struct step *s, const struct sectigo_token *token, const struct acme_identifier *name)
{
    struct acme_problem problem = {0};
    struct dcv_choice choice;
    if (!dcv_choose(settings(s), name, &choice, &problem)) {
        on_preflight(s, false, problem.detail);
    } else if (choice.method == SECTIGO_DCV_IP_ADDRESS) {
        on_preflight(s, true, ""); /* Sectigo has validated the address before */
    } else {
        bool started = choice.method == SECTIGO_DCV_CNAME ? look_for_record(s, token, choice.zone->zone)
                                                          : look_for_file(s, token, name->value);
        if (!started)
            on_preflight(s, false, "preflight cannot be started: out of memory");
    }
    acme_problem_clear(&problem);
}

void published_ask(struct step *s)
{
    const struct dcv_answer answer = prepare_answer(&s->is);
    const struct acme_names *names = &s->sub.names;
    reading_of_look(&s->seen, &s->ask, answer.made,
                    answer.made ? "" : "the DCV token cannot be computed: out of memory");
    if (!answer.made) {
        asking_answer(s, &s->seen);
        return;
    }
    s->checks = 1; /* nothing ends before all have begun */
    for (size_t i = 0; i < names->count; i++) {
        s->checks++;
        look_for(s, &answer.token, &names->list[i]);
        if (names->list[i].type != ACME_DNS_NAME)
            continue; /* an address has no CAA */
        s->checks++;
        look_for_caa(s, &names->list[i]);
    }
    on_preflight(s, true, "");
}

/* ---- entering prepared ---- */

enum store_status prepared_enter(struct commit *c)
{
    enum store_status status = STORE_OK;
    if (c->outcome->kind == OUTCOME_OVER)
        status = queue_renew(c->txn, c->sub, SUBSCRIPTION_ENDED, c->is, c->now_ms);
    return status == STORE_OK ? prepare_issuance(c->txn, c->is, c->now_ms) : status;
}
