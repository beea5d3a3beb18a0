#include "sectigo/sectigo.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/pem.h"
#include "sectigo/reply.h"
#include "sectigo/value.h"

/* All values of a key that repeats, one per certificate of the chain. */
static bool read_chain(const struct sectigo_form *form, const char *name, char **pem, size_t *blocks)
{
    for (size_t i = 0; i < form->count; i++) {
        const struct sectigo_param *param = &form->params[i];

        if (strcasecmp(param->name, name) == 0 && *param->value && !sectigo_pem_append(param->value, pem, blocks))
            return false;
    }
    return true;
}

static void read_details(const struct sectigo_form *form, struct sectigo_collect_answer *answer, bool *failed)
{
    sectigo_value_order_number(sectigo_form_get(form, "orderNumber"), answer->order_number);
    sectigo_value_seconds(sectigo_form_get(form, "notBefore"), &answer->not_before_s);
    sectigo_value_seconds(sectigo_form_get(form, "notAfter"), &answer->not_after_s);
    sectigo_value_text(sectigo_form_get(form, "certificateStatus"), answer->certificate_status,
                       sizeof answer->certificate_status);
    sectigo_value_text(sectigo_form_get(form, "validationStatus"), answer->validation_status,
                       sizeof answer->validation_status);
    answer->dcv_status = sectigo_value_status(sectigo_form_get(form, "dcvStatus"));
    answer->csr_status = sectigo_value_status(sectigo_form_get(form, "csrStatus"));
    answer->fqdn = sectigo_value_dup(sectigo_form_get(form, "fqdn"), failed);
    const char *details = sectigo_form_get(form, "mdcDomainDetails2");
    answer->mdc_domain_details =
        sectigo_value_dup(details ? details : sectigo_form_get(form, "mdcDomainDetails"), failed);
    answer->zip_file = sectigo_value_dup(sectigo_form_get(form, "zipFile"), failed);
    answer->netscape_sequence = sectigo_value_dup(sectigo_form_get(form, "netscapeCertificateSequence"), failed);
    answer->pkcs7 = sectigo_value_dup(sectigo_form_get(form, "pkcs7"), failed);
}

bool sectigo_parse_collect(const char *body, size_t len, struct sectigo_collect_answer *answer)
{
    struct sectigo_reply reply;
    size_t leaves = 0, authorities = 0;
    bool failed = false;

    memset(answer, 0, sizeof *answer);
    bool ok = sectigo_reply_open(SECTIGO_COLLECT_SSL, body, len, &reply);
    if (ok) {
        answer->code = reply.code;
        memcpy(answer->message, reply.message, sizeof answer->message);
        read_details(&reply.form, answer, &failed);
        ok = !failed && read_chain(&reply.form, "certificate", &answer->certificate, &leaves) &&
             read_chain(&reply.form, "caCertificate", &answer->ca_certificates, &authorities);
    }
    bool attached = leaves || authorities || answer->zip_file || answer->netscape_sequence || answer->pkcs7;
    if (leaves > 1 || (answer->code == 2 && !attached))
        ok = false;
    sectigo_reply_clear(&reply);
    if (!ok)
        sectigo_collect_clear(answer);
    return ok;
}

void sectigo_collect_clear(struct sectigo_collect_answer *answer)
{
    free(answer->certificate);
    free(answer->ca_certificates);
    free(answer->fqdn);
    free(answer->mdc_domain_details);
    free(answer->zip_file);
    free(answer->netscape_sequence);
    free(answer->pkcs7);
    memset(answer, 0, sizeof *answer);
}
