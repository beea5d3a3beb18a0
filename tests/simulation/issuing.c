/* issuing: what Sectigo does by itself: it looks at names, issues, revokes and tells. And what others tell in its name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "tests/simulation/model.h"

enum { OF_SOMEBODY_ELSE = 4096 }; /* a number that no certificate of the model has */

/* ---- telling ---- */

/* Of the certificate pem, which may be NULL. */
static void push(const struct certificate *about, enum sectigo_push_status kind, const char *pem)
{
    struct sectigo_push push = {.kind = kind, .status_code = 6};
    model_number(about, push.order_number);
    snprintf(push.certificate_id, sizeof push.certificate_id, "%u", model_id(about));
    push.certificate = pem ? strdup(pem) : NULL;
    push.ca_certificate = pem ? strdup(authority_cas()) : NULL;
    issuer_push(process.issuer, &push);
    free(push.certificate);
    free(push.ca_certificate);
}

static void on_push(struct event *event)
{
    struct certificate *certificate = (struct certificate *)((char *)event - offsetof(struct certificate, push));
    if (process.is_up && certificate->pem) {
        bool revoked = certificate->state == REVOKED;
        trace("push: certificate %u is %s", model_id(certificate), revoked ? "revoked" : "issued");
        push(certificate, revoked ? SECTIGO_PUSH_REVOKED : SECTIGO_PUSH_ISSUED,
             certificate->with_certificate ? certificate->pem : NULL);
        certificate->pushes--;
    }
    if (certificate->pushes > 0)
        world_at(&certificate->push, chance_between(SECOND_MS, 10 * MINUTE_MS), on_push);
}

const char *issuing_like(const struct certificate *about)
{
    unsigned first = chance_below(model.certificate_count);
    for (unsigned i = chance_below(2) ? model.certificate_count : 0; i < model.certificate_count; i++) {
        const struct certificate *other = model.certificates[(first + i) % model.certificate_count];
        if (other != about && other->pem && other->csr->set == about->csr->set)
            return other->pem;
    }
    return model.certificates[first]->pem;
}

/* What an attacker may have at hand for the names of this order: the certificate of any other, one that an authority of
 * his own made of its very CSR, and one that Sectigo made for somebody else who has the names. */
static const char *forged_for(const struct certificate *about)
{
    const char *serial;
    int64_t now_s = (int64_t)(world_true_ms() / 1000), begins_s = now_s - now_s % (6 * HOUR_S);
    int64_t ends_s = begins_s + CERTIFICATE_DAYS * (int64_t)DAY_S;
    unsigned which = chance_below(4);
    const struct csr *csr = authority_csr(about->csr->set, chance_below(KEYS));
    if (which == 0)
        return authority_imitate(about->csr, begins_s, ends_s);
    if (which == 1 && csr != about->csr)
        return authority_issue(csr, begins_s, ends_s, OF_SOMEBODY_ELSE, &serial);
    return issuing_like(about);
}

void model_forge(void)
{
    static const enum sectigo_push_status kinds[] = {SECTIGO_PUSH_ISSUED,  SECTIGO_PUSH_FAILED,   SECTIGO_PUSH_REJECTED,
                                                     SECTIGO_PUSH_REVOKED, SECTIGO_PUSH_REPLACED, SECTIGO_PUSH_PRE_REVOCATION};
    if (!process.is_up || model.certificate_count == 0)
        return;
    const struct certificate *about = model.certificates[chance_below(model.certificate_count)];
    trace("a forged push about certificate %u", model_id(about));
    push(about, kinds[chance_below(sizeof kinds / sizeof *kinds)], forged_for(about));
}

/* ---- Sectigo revokes ---- */

static void tell_once_more(struct certificate *certificate)
{
    if (certificate->pushes++ == 0)
        world_at(&certificate->push, chance_between(SECOND_MS, 10 * MINUTE_MS), on_push);
}

static void on_revocation(struct event *event)
{
    struct certificate *certificate = (struct certificate *)((char *)event - offsetof(struct certificate, revocation));
    if (certificate->state != ISSUED)
        return;
    trace("Sectigo revokes certificate %u", model_id(certificate));
    certificate->state = REVOKED;
    tell_once_more(certificate);
}

/* Some of it is announced a day before. */
static void on_announcement(struct event *event)
{
    struct certificate *certificate = (struct certificate *)((char *)event - offsetof(struct certificate, revocation));
    if (process.is_up)
        push(certificate, SECTIGO_PUSH_PRE_REVOCATION, NULL);
    world_at(event, DAY_MS, on_revocation);
}

static void plan_revocation(struct certificate *certificate)
{
    if (!model.revokes || !chance_fault("Sectigo is going to revoke a certificate", 100000))
        return;
    world_at(&certificate->revocation, chance_between(MINUTE_MS, DAY_MS),
             chance_below(2) == 0 ? on_revocation : on_announcement);
}

/* ---- looking, and issuing ---- */

static bool shows_token(const struct certificate *certificate)
{
    char wanted[160], *body = NULL;
    bool shown = process.is_up && names_show_files(certificate->csr->set) &&
                 issuer_dcv_file(process.issuer, certificate->csr->md5, strlen(certificate->csr->md5), &body) == STORE_OK;
    snprintf(wanted, sizeof wanted, "%s\nsectigo.com\n%s", certificate->csr->sha256, certificate->unique);
    shown = shown && strcmp(body, wanted) == 0;
    free(body);
    return shown;
}

/* How many of its CSR there are of the same six hours. */
static unsigned issued_in(const struct certificate *certificate)
{
    unsigned count = 0;
    for (unsigned i = 0; i < model.certificate_count; i++)
        count += model.certificates[i]->csr == certificate->csr && model.certificates[i] != certificate &&
                 model.certificates[i]->pem && model.certificates[i]->not_before_s == certificate->not_before_s;
    return count;
}

static void issue(struct certificate *certificate)
{
    int64_t now_s = (int64_t)(world_true_ms() / 1000);
    int64_t term_s = (int64_t)(model.orders[certificate->order].placed_ms / 1000) + TERM_DAYS * (int64_t)DAY_S;
    certificate->state = ISSUED;
    /* six hours on the clock: the authority has most of them already */
    certificate->not_before_s = now_s - now_s % (6 * HOUR_S);
    certificate->not_after_s = certificate->not_before_s + CERTIFICATE_DAYS * (int64_t)DAY_S;
    if (certificate->not_after_s > term_s)
        certificate->not_after_s = term_s;
    certificate->pem = authority_issue(certificate->csr, certificate->not_before_s, certificate->not_after_s,
                                       issued_in(certificate), &certificate->serial);
    trace("issued: order %s, certificate %u", model.orders[certificate->order].number, model_id(certificate));
    certificate->pushes = 1 - (unsigned)chance_fault("the push is lost", 50000);
    certificate->pushes *= 1 + (unsigned)chance_fault("the push is doubled", 50000);
    certificate->with_certificate = chance_below(2) == 0;
    if (certificate->pushes > 0)
        world_at(&certificate->push,
                 chance_fault("the push is late", 30000) ? chance_between(HOUR_MS, 8 * HOUR_MS)
                                                         : chance_between(100, 60 * SECOND_MS),
                 on_push);
    plan_revocation(certificate);
}

static void on_look(struct event *event)
{
    struct certificate *certificate = (struct certificate *)event;
    if (certificate->state != WAITING)
        return;
    if (chance_fault("Sectigo rejects a paid order", 2000)) {
        certificate->state = REJECTED;
        model.orders[certificate->order].rejected = certificate->member == 0;
        return;
    }
    if (chance_fault("CAA fails at Sectigo", 2000) || !names_let_issue(certificate->csr->set)) {
        certificate->state = CAA_FAILED;
        return;
    }
    if (shows_token(certificate)) {
        issue(certificate);
        return;
    }
    certificate->wait_ms = certificate->wait_ms < DAY_MS ? 2 * certificate->wait_ms : DAY_MS;
    world_at(&certificate->look, certificate->wait_ms, on_look);
}


void issuing_look(struct certificate *certificate, uint64_t in_ms)
{
    world_at(&certificate->look, in_ms, on_look);
}
