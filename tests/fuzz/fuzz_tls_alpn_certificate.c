/* covers: gateway/validate/alpn_certificate.c
 *
 * A certificate as a tls-alpn-01 peer shows it. */
#include <stdlib.h>
#include <string.h>

#include "gateway/validate/alpn_certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct acme_identifier name = {.type = ACME_DNS_NAME, .value = "www.example"};
    static const struct acme_identifier address = {.type = ACME_IP_ADDRESS, .value = "192.0.2.1"};
    static const unsigned char digest[ALPN_DIGEST_LEN] = "0123456789abcdef0123456789abcdef";
    char reason[ALPN_REASON_MAX] = "";
    const unsigned char *at = data;
    X509 *certificate = d2i_X509(NULL, &at, (long)size);
    if (certificate == NULL)
        return 0;
    bool is_name = alpn_certificate_check(certificate, &name, digest, reason);
    if (!is_name && (reason[0] == '\0' || strnlen(reason, sizeof reason) == sizeof reason))
        abort();
    if (alpn_certificate_check(certificate, &address, digest, reason) && is_name)
        abort(); /* one certificate, one identifier */
    X509_free(certificate);
    return 0;
}
