#include "acme/spki.h"

#include <pthread.h>
#include <stdint.h>

#include <openssl/core_names.h>
#include <openssl/obj_mac.h>
#include <openssl/provider.h>

/* ---- a library context without algorithms ---- */

static OSSL_LIB_CTX *bare; /* for as long as the process lives */
static pthread_once_t bare_once = PTHREAD_ONCE_INIT;

/* Without a provider of its own a context would load the default one. Where it cannot be made, the library's own
 * context does as well. */
static void make_bare(void)
{
    bare = OSSL_LIB_CTX_new();
    if (bare && !OSSL_PROVIDER_load(bare, "null")) {
        OSSL_LIB_CTX_free(bare);
        bare = NULL;
    }
}

X509_REQ *spki_read_request(const unsigned char **der, long len)
{
    pthread_once(&bare_once, make_bare);
    return (X509_REQ *)ASN1_item_d2i_ex(NULL, der, len, ASN1_ITEM_rptr(X509_REQ), bare, NULL);
}

/* ---- the key ---- */

static const struct curve {
    int nid;
    const char *name;
    int point_len;
} curves[] = {{NID_X9_62_prime256v1, "P-256", 65}, {NID_secp384r1, "P-384", 97}, {NID_secp521r1, "P-521", 133}};

static EVP_PKEY *key_of_point(const char *curve, const unsigned char *point, size_t len)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point, len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* All other keys, the long way. */
static EVP_PKEY *decode(X509_PUBKEY *spki)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(spki, &der);
    const unsigned char *next = der;
    EVP_PKEY *key = len > 0 ? d2i_PUBKEY(NULL, &next, len) : NULL;
    OPENSSL_free(der);
    return key;
}

EVP_PKEY *spki_key(X509_PUBKEY *spki)
{
    const unsigned char *point;
    X509_ALGOR *algorithm;
    const ASN1_OBJECT *object;
    const void *parameter;
    int len, type;
    if (X509_PUBKEY_get0_param(NULL, &point, &len, &algorithm, spki) != 1)
        return NULL;
    X509_ALGOR_get0(&object, &type, &parameter, algorithm);
    int nid =
        OBJ_obj2nid(object) == NID_X9_62_id_ecPublicKey && type == V_ASN1_OBJECT ? OBJ_obj2nid(parameter) : NID_undef;
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        if (nid == curves[i].nid && len == curves[i].point_len && point[0] == 0x04)
            return key_of_point(curves[i].name, point, (size_t)len);
    return decode(spki);
}
