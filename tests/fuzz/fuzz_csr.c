/* covers: acme/csr.c
 *
 * Certificate requests. The signature always "verifies" here: otherwise no changed request would be read further. */
#include <stdlib.h>

#include <openssl/x509.h>

#define X509_REQ_verify(request, key) 1
#include "acme/csr.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acme_problem problem = {0};
    struct acme_names none = {0};
    struct acme_csr csr;

    if (csr_parse(data, size, &csr, &problem)) {
        if (csr.names.count == 0 || csr.names.count > NAMES_MAX || csr.der_len != size || !csr.key)
            abort();
        if (!csr_check(&csr, &csr.names, NULL, &problem) || csr_check(&csr, &none, NULL, &problem))
            abort();
    } else if (problem.type == ACME_PROBLEM_NONE || csr.der || csr.key || csr.names.list) {
        abort();
    }
    acme_problem_clear(&problem);
    csr_clear(&csr);
    return 0;
}
