/* The certificate resource, RFC 8555 section 7.4.2: downloading one. */
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

static enum acme_step deliver(struct acme_task *task, struct acme_certificate *certificate)
{
    static const struct acme_operation note = {.change = note_download};
    char *chain = certificate->chain;
    certificate->chain = NULL;
    acme_reply_text(task, "application/pem-certificate-chain", chain, strlen(chain));
    acme_set_subject(task, &certificate->order);
    task->certificate = certificate->id;
    task->operation = &note;
    return certificate->downloaded_s == 0 ? ACME_COMMIT : ACME_DONE;
}

enum acme_step acme_post_certificate(struct acme_exchange *x, struct acme_task *task)
{
    struct acme_certificate certificate;
    if (!acme_no_payload(x, task))
        return acme_refuse(task);
    enum store_status status = acme_certificate_load(x->snapshot, &x->id, &certificate);
    enum acme_step step;
    if (status == STORE_OK && memcmp(&certificate.account, &task->account.id, sizeof certificate.account) == 0) {
        step = deliver(task, &certificate);
    } else {
        if (status == STORE_OK || status == STORE_NOT_FOUND)
            acme_problem_status(&task->problem, 404, ACME_MALFORMED, "There is no such certificate.");
        else
            acme_store_problem(&task->problem, status);
        step = acme_refuse(task);
    }
    acme_certificate_clear(&certificate);
    return step;
}
