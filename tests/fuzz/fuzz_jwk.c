/* covers: acme/jwk.c
 *
 * An account key: what is accepted is within our bounds, and its canonical text gives the same key again. */
#include <stdlib.h>

#include "acme/jwk.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct jwk *jwk)
{
    struct acme_problem problem = {0};
    struct jwk again;
    int bits = EVP_PKEY_get_bits(jwk->key);

    if (jwk->kind == JWK_RSA && (bits < ACME_RSA_BITS_MIN || bits > ACME_RSA_BITS_MAX))
        abort();
    if (!jwk_parse_text(jwk->canonical, strlen(jwk->canonical), &again, &problem))
        abort();
    if (again.kind != jwk->kind || strcmp(again.canonical, jwk->canonical) != 0 ||
        memcmp(again.thumbprint, jwk->thumbprint, JWK_THUMBPRINT_LEN) != 0 || EVP_PKEY_eq(again.key, jwk->key) != 1)
        abort();
    jwk_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acme_problem problem = {0};
    struct jwk jwk;

    if (jwk_parse_text((const char *)data, size, &jwk, &problem))
        check(&jwk);
    else if (jwk.key || problem.type == ACME_PROBLEM_NONE)
        abort();
    jwk_clear(&jwk);
    acme_problem_clear(&problem);
    return 0;
}
