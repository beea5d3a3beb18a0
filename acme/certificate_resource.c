/* The certificate resource, RFC 8555 section 7.4.2: downloading one, by its first chain or another. */
#include <stdio.h>
#include <string.h>

#include "acme/reply.h"

/* Notes the first download: from then on the certificate counts as replaced by this one. */
static enum store_status note_download(struct store_txn *txn, struct acme_task *task)
{
    struct acme_certificate certificate;
    enum store_status status = acme_certificate_load(txn, &task->certificate, &certificate);
    if (status == STORE_OK && certificate.downloaded_s == 0) {
        certificate.downloaded_s = acme_now_s(task);
        status = acme_certificate_save(txn, &certificate);
    }
    acme_certificate_clear(&certificate);
    return status;
}

/* Every chain but the one that is served; 0 is the first, i is alternates[i - 1]. */
static void link_others(struct acme_task *task, const struct acme_certificate *certificate, unsigned served)
{
    for (unsigned i = 0; i <= certificate->alternate_count; i++) {
        char tail[16] = "", url[ACME_URL_MAX];
        if (i > 0)
            snprintf(tail, sizeof tail, "/%u", i);
        acme_url(task->acme, "certificate", &certificate->id, tail, url);
        if (i != served)
            acme_reply_link(task, url, "alternate");
    }
}

static enum acme_step deliver(struct acme_task *task, const struct acme_certificate *certificate, unsigned which,
                              char *chain)
{
    static const struct acme_operation note = {.change = note_download};
    acme_reply_text(task, "application/pem-certificate-chain", chain, strlen(chain));
    link_others(task, certificate, which);
    acme_set_subject(task, &certificate->order);
    task->certificate = certificate->id;
    task->operation = &note;
    task->patience_ms = ACME_PATIENCE_MS;
    return certificate->downloaded_s == 0 ? ACME_NOTE : ACME_DONE;
}

static enum acme_step serve_chain(struct acme_exchange *x, struct acme_task *task, unsigned which)
{
    struct acme_certificate certificate;
    char *chain = NULL;
    if (!acme_no_payload(x, task))
        return acme_refuse(task);
    enum store_status status = acme_certificate_load(x->snapshot, &x->id, &certificate);
    if (status == STORE_OK && memcmp(&certificate.account, &task->account.id, sizeof certificate.account) != 0)
        status = STORE_NOT_FOUND;
    if (status == STORE_OK)
        status = acme_certificate_chain(x->snapshot, &certificate, which, &chain);
    enum acme_step step;
    if (status == STORE_OK) {
        step = deliver(task, &certificate, which, chain);
    } else {
        if (status == STORE_NOT_FOUND)
            acme_problem_status(&task->problem, 404, ACME_MALFORMED, "There is no such certificate.");
        else
            acme_store_problem(&task->problem, status);
        step = acme_refuse(task);
    }
    acme_certificate_clear(&certificate);
    return step;
}

enum acme_step acme_post_certificate(struct acme_exchange *x, struct acme_task *task)
{
    return serve_chain(x, task, 0);
}

enum acme_step acme_post_alternate(struct acme_exchange *x, struct acme_task *task)
{
    struct store_slice text = acme_last_segment(x);
    uint8_t digit = *text.data;
    bool is_number = text.len == 1 && digit >= '1' && digit <= '0' + ACME_ALTERNATES_MAX;
    return serve_chain(x, task, is_number ? (unsigned)(digit - '0') : ACME_ALTERNATES_MAX + 1);
}
