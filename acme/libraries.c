#include "acme/libraries.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "store/shortage.h"

/* OpenSSL also says where in itself it allocates. */
static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return shortage_malloc(size);
}

static void *crypto_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return shortage_realloc(old, size);
}

static void crypto_free(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

void libraries_count_shortages(void)
{
    CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free);
    json_set_alloc_funcs(shortage_malloc, free);
}

char *libraries_dump(const json_t *json, size_t flags)
{
    unsigned before = shortage_count();
    char *text = json_dumps(json, flags);
    if (text && shortage_count() != before) {
        free(text);
        text = NULL;
    }
    return text;
}
