/* digest: in place of libcrypto's EVP_Digest, which looks for the algorithm anew each time: that takes longer than the
 * few hundred octets of a CSR or a record. */
#define OPENSSL_SUPPRESS_DEPRECATED /* what needs no looking for */
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

static int by_name(const void *data, size_t len, unsigned char *out, unsigned *size, const EVP_MD *type)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int good = ctx && EVP_DigestInit_ex(ctx, type, NULL) == 1 && EVP_DigestUpdate(ctx, data, len) == 1 &&
               EVP_DigestFinal_ex(ctx, out, size) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

static int md5(const void *data, size_t len, unsigned char *out)
{
    MD5_CTX ctx;
    return MD5_Init(&ctx) == 1 && MD5_Update(&ctx, data, len) == 1 && MD5_Final(out, &ctx) == 1;
}

static int sha256(const void *data, size_t len, unsigned char *out)
{
    SHA256_CTX ctx;
    return SHA256_Init(&ctx) == 1 && SHA256_Update(&ctx, data, len) == 1 && SHA256_Final(out, &ctx) == 1;
}

int EVP_Digest(const void *data, size_t len, unsigned char *out, unsigned *size, const EVP_MD *type, ENGINE *engine)
{
    (void)engine; /* there is none */
    if (type != EVP_md5() && type != EVP_sha256())
        return by_name(data, len, out, size, type);
    if (size)
        *size = type == EVP_md5() ? MD5_DIGEST_LENGTH : SHA256_DIGEST_LENGTH;
    return type == EVP_md5() ? md5(data, len, out) : sha256(data, len, out);
}
