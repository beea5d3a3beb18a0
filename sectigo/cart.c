#include "sectigo/product.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/value.h"

struct verdict {
    int *code;
    char *reason;
};

__attribute__((format(printf, 3, 4))) static bool refuse_cart(struct verdict *verdict, int code, const char *format,
                                                              ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(verdict->reason, SECTIGO_MESSAGE_MAX, format, args);
    va_end(args);
    sectigo_value_text(verdict->reason, verdict->reason, SECTIGO_MESSAGE_MAX);
    *verdict->code = code;
    return false;
}

/* The code at *text, which moves behind its comma; -1 where there is none. */
static int next_code(const char **text)
{
    char word[16];
    int code;
    size_t len = strcspn(*text, ",");
    const char *start = *text + strspn(*text, " \t");
    size_t word_len = (size_t)(*text + len - start);

    while (start < *text + len && word_len > 0 && strchr(" \t", start[word_len - 1]))
        word_len--;
    *text += len + ((*text)[len] == ',');
    if (word_len == 0 || word_len >= sizeof word)
        return -1;
    memcpy(word, start, word_len);
    word[word_len] = '\0';
    return sectigo_value_int(word, &code) && code > 0 ? code : -1;
}

struct codes {
    int list[2 * SECTIGO_CART_MAX];
    size_t count;
};

static bool has(const struct codes *codes, int code)
{
    for (size_t i = 0; i < codes->count; i++)
        if (codes->list[i] == code)
            return true;
    return false;
}

static bool read_codes(const char *text, struct codes *codes, struct verdict *verdict)
{
    const char *end = text + strlen(text);

    for (const char *at = text; at < end;) {
        int code = next_code(&at);

        if (code < 0)
            return refuse_cart(verdict, -4, "product \"%.100s\" is not a list of numbers with commas between", text);
        if (has(codes, code))
            return refuse_cart(verdict, -4, "product names %d twice", code);
        if (codes->count == sizeof codes->list / sizeof *codes->list)
            return refuse_cart(verdict, -4, "product names more than %zu codes", codes->count);
        codes->list[codes->count++] = code;
    }
    return codes->count > 0 && end[-1] != ',' ? true
                                              : refuse_cart(verdict, -4, "product ends where a code should follow");
}

static bool fill_cart(const struct codes *codes, struct sectigo_cart *cart, struct verdict *verdict)
{
    for (size_t i = 0; i < codes->count; i++) {
        const struct sectigo_product *product = sectigo_product_find(codes->list[i]);

        if (!product)
            return refuse_cart(verdict, -4, "product %d is not in the catalogue", codes->list[i]);
        if (product->pair && (!has(codes, product->code) || !has(codes, product->pair)))
            return refuse_cart(verdict, -4, "product %d,%d (%s) is sold as a pair only", product->code, product->pair,
                               product->name);
        if (codes->list[i] == product->pair)
            continue;
        if (cart->count == SECTIGO_CART_MAX)
            return refuse_cart(verdict, -4, "product names more than %d products", SECTIGO_CART_MAX);
        cart->items[cart->count++] = product;
        cart->families |= product->family;
        if (product->family & SECTIGO_CERTIFICATES)
            cart->certificate = product;
        if (product->family == SECTIGO_SITELOCK)
            cart->sitelock = product;
    }
    return true;
}

static size_t count_of(const struct sectigo_cart *cart, unsigned families)
{
    size_t count = 0;

    for (size_t i = 0; i < cart->count; i++)
        count += (cart->items[i]->family & families) != 0;
    return count;
}

static bool trial_guardian(const struct sectigo_cart *cart)
{
    for (size_t i = 0; i < cart->count; i++)
        if (cart->items[i]->family == SECTIGO_HACKERGUARDIAN && cart->items[i]->trial)
            return true;
    return false;
}

/* Notes 2.17: one licence of the family, the bundle only beside a certificate, each add-on as the licence takes it. */
static bool sitelock_together(const struct sectigo_cart *cart, struct verdict *verdict)
{
    if (count_of(cart, SECTIGO_SITELOCK) > 1)
        return refuse_cart(verdict, -54, "product can have one SiteLock license only");
    if (cart->sitelock && cart->sitelock->code == SECTIGO_SITELOCK_BUNDLE && !cart->certificate)
        return refuse_cart(verdict, -124, "product 1072 (%s) must come with an SSL certificate", cart->sitelock->name);
    for (size_t i = 0; cart->sitelock && i < cart->count; i++)
        if (cart->items[i]->family == SECTIGO_SITELOCK_ADDON &&
            sectigo_sitelock_takes(cart->sitelock->code, cart->items[i]->code) == SECTIGO_TAKES_NOT)
            return refuse_cart(verdict, -121, "product %d (%s) does not take the add-on %d (%s)", cart->sitelock->code,
                               cart->sitelock->name, cart->items[i]->code, cart->items[i]->name);
    return true;
}

/* Reference 1 (product) and the codes of 2.1 that speak of what may be ordered together. */
static bool sold_together(const struct sectigo_cart *cart, struct verdict *verdict)
{
    if (count_of(cart, SECTIGO_CERTIFICATES | SECTIGO_DOCUMENT_SIGNING) > 1)
        return refuse_cart(verdict, -4, "product must have exactly one certificate");
    if (count_of(cart, SECTIGO_HACKERGUARDIAN | SECTIGO_HACKERPROOF) > 1)
        return refuse_cart(verdict, -54, "product can have one main license only");
    if (count_of(cart, SECTIGO_CODEGUARD) > 1)
        return refuse_cart(verdict, -67, "product can have one CodeGuard license only");
    if (count_of(cart, SECTIGO_WEB_SECURITY) > 1)
        return refuse_cart(verdict, -82, "product must have only one Web Package product");
    if ((cart->families & SECTIGO_IP_PACK) && trial_guardian(cart))
        return refuse_cart(verdict, -58, "product 356 (additional IP addresses) is not available for a trial license");
    if ((cart->families & (SECTIGO_ETOKEN | SECTIGO_SHIPPING)) && !(cart->families & SECTIGO_DOCUMENT_SIGNING))
        return refuse_cart(verdict, -81, "product 577 or 163 (eToken, shipping) must come with Document Signing (706)");
    if ((cart->families & SECTIGO_TRUSTLOGO) && (!cart->certificate || cart->certificate->validation < SECTIGO_OV))
        return refuse_cart(verdict, -4, "product 36 (TrustLogo) must come with an OV or EV certificate");
    return sitelock_together(cart, verdict);
}

bool sectigo_cart_parse(const char *product, struct sectigo_cart *cart, int *code,
                        char reason[static SECTIGO_MESSAGE_MAX])
{
    struct verdict verdict = {.code = code, .reason = reason};
    struct codes codes = {0};

    memset(cart, 0, sizeof *cart);
    if (!*product)
        return refuse_cart(&verdict, -4, "product is empty");
    return read_codes(product, &codes, &verdict) && fill_cart(&codes, cart, &verdict) && sold_together(cart, &verdict);
}
