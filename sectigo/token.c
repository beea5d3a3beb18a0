#include "sectigo/sectigo.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "sectigo/pem.h"
#include "sectigo/value.h"

static bool hex_digest(const EVP_MD *md, const uint8_t *data, size_t len, const char *digits, char *out)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned hash_len;

    if (EVP_Digest(data, len, hash, &hash_len, md, NULL) != 1)
        return false;
    for (unsigned i = 0; i < hash_len; i++) {
        *out++ = digits[hash[i] >> 4];
        *out++ = digits[hash[i] & 15];
    }
    *out = '\0';
    return true;
}

bool sectigo_token_make(const uint8_t *der, size_t len, const char *unique_value, struct sectigo_token *token)
{
    memset(token, 0, sizeof *token);
    if (unique_value && *unique_value && !sectigo_value_unique(unique_value, token->unique_value))
        return false;
    return hex_digest(EVP_md5(), der, len, "0123456789ABCDEF", token->md5_upper) &&
           hex_digest(EVP_md5(), der, len, "0123456789abcdef", token->md5_lower) &&
           hex_digest(EVP_sha256(), der, len, "0123456789abcdef", token->sha256);
}

size_t sectigo_token_file(const struct sectigo_token *token, char *out, size_t size)
{
    const char *separator = *token->unique_value ? "\n" : "";
    int len = snprintf(out, size, "%s\nsectigo.com%s%s", token->sha256, separator, token->unique_value);

    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

bool sectigo_token_cname(const struct sectigo_token *token, const char *adn, char owner[static 256],
                         char target[static 256])
{
    const char *dot = *token->unique_value ? "." : "";
    size_t len = strlen(adn);
    int adn_len = (int)(len < 300 ? len : 300);

    if (adn_len > 0 && adn[adn_len - 1] == '.')
        adn_len--;
    int owner_len = snprintf(owner, 256, "_%s.%.*s", token->md5_lower, adn_len, adn);
    snprintf(target, 256, "%.32s.%s.%s%ssectigo.com", token->sha256, token->sha256 + 32, token->unique_value, dot);
    /* A name of DNS has at most 253 characters. */
    return adn_len > 0 && owner_len <= 253;
}

char *sectigo_csr_pem(const uint8_t *der, size_t len)
{
    return sectigo_pem_encode("CERTIFICATE REQUEST", der, len);
}
