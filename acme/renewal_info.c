/* renewalInfo, renewal information (ARI), RFC 9773 section 4: when a certificate is best renewed. Anybody may ask; the answer says nothing that
 * the certificate does not. */
#include <openssl/sha.h>

#include "acme/certificate_name.h"
#include "acme/reply.h"

enum { EARLY_WINDOW_S = HOUR_S };

/* A number that is always the same for a certificate, and spread evenly over many. */
static uint32_t spread(const struct acme_certificate *certificate)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256(certificate->serial, certificate->serial_len, digest);
    return (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 | digest[3];
}

/* The window begins in the first quarter of the last third of the lifetime and is an eighth of that third long: a fleet
 * that was issued at once does not come back at once, and most of the third is left for an issuance that takes long. Of
 * a revoked certificate it is over, and of one that is going to be revoked it began when that was told. */
static void window(const struct acme_certificate *certificate, int64_t *start_s, int64_t *end_s)
{
    int64_t third_s = (certificate->not_after_s - certificate->not_before_s) / 3;
    int64_t offset_s = third_s / 4 * (int64_t)(spread(certificate) >> 16) / 0xffff;
    *start_s = certificate->not_after_s - third_s + offset_s;
    *end_s = *start_s + third_s / 8 + 1;
    if (certificate->renew_from_ms) {
        *start_s = (int64_t)(certificate->renew_from_ms / 1000);
        *end_s = *start_s + EARLY_WINDOW_S;
    }
    if (certificate->revocation != ACME_REVOCATION_NONE) {
        *end_s = (int64_t)(certificate->revocation_asked_ms / 1000);
        *start_s = *end_s - 1;
    }
}

static json_t *info_json(const struct acme_certificate *certificate)
{
    int64_t start_s, end_s;
    window(certificate, &start_s, &end_s);
    return json_pack("{s:{s:o, s:o}}", "suggestedWindow", "start", acme_time_json((uint64_t)start_s), "end",
                     acme_time_json((uint64_t)end_s));
}

static enum acme_step answer_window(struct acme_task *task, const struct acme_certificate *certificate)
{
    acme_reply_json(task, 200, info_json(certificate));
    acme_set_subject(task, &certificate->order);
    if (task->reply.status == 200)
        task->reply.retry_after_s = certificate->revocation == ACME_REVOCATION_NONE && !certificate->renew_from_ms
                                        ? ACME_RETRY_RENEWAL_S
                                        : ACME_RETRY_RENEWAL_REVOKED_S;
    return ACME_DONE;
}

enum acme_step acme_get_renewal_info(struct acme_exchange *x, struct acme_task *task)
{
    struct store_slice text = acme_last_segment(x);
    struct certificate_name name;
    struct acme_certificate certificate = {0};
    if (!certificate_name_parse((const char *)text.data, text.len, &name)) {
        acme_problem_set(&task->problem, ACME_MALFORMED,
                         "The last part of the path does not name a certificate: base64url of its authority key "
                         "identifier, a dot, base64url of its serial number (RFC 9773 section 4.1).");
        return acme_refuse(task);
    }
    enum store_status status = store_read(task->acme->config.store, &x->snapshot);
    if (status == STORE_OK)
        status = certificate_by_name(x->snapshot, &name, &certificate);
    if (status == STORE_NOT_FOUND)
        acme_problem_status(&task->problem, 404, ACME_MALFORMED, "There is no such certificate.");
    else if (status != STORE_OK)
        acme_store_problem(&task->problem, status);
    enum acme_step step = status == STORE_OK ? answer_window(task, &certificate) : acme_refuse(task);
    acme_certificate_clear(&certificate);
    return step;
}
