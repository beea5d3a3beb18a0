#include "sectigo/sandbox/bundle.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static STACK_OF(X509) * read_all(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    STACK_OF(X509) *all = sk_X509_new_null();
    X509 *one;
    while (bio && all && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        if (!sk_X509_push(all, one))
            X509_free(one);
    }
    ERR_clear_error(); /* of the end of the text */
    BIO_free(bio);
    return all;
}

/* ---- PKCS #7 and Netscape ---- */

static uint8_t *copy_der(unsigned char *der, int len, size_t *out_len)
{
    uint8_t *out = len > 0 ? malloc((size_t)len) : NULL;
    if (out) {
        memcpy(out, der, (size_t)len);
        *out_len = (size_t)len;
    }
    OPENSSL_free(der);
    return out;
}

/* SignedData that signs nothing. */
static uint8_t *make_pkcs7(STACK_OF(X509) * all, size_t *out_len)
{
    PKCS7 *message = PKCS7_new();
    unsigned char *der = NULL;
    int len = -1;
    bool ok = message && PKCS7_set_type(message, NID_pkcs7_signed) && PKCS7_content_new(message, NID_pkcs7_data);
    for (int i = 0; ok && i < sk_X509_num(all); i++)
        ok = PKCS7_add_certificate(message, sk_X509_value(all, i));
    if (ok) {
        PKCS7_set_detached(message, 1);
        len = i2d_PKCS7(message, &der);
    }
    PKCS7_free(message);
    return copy_der(der, len, out_len);
}

static uint8_t *make_netscape(STACK_OF(X509) * all, size_t *out_len)
{
    NETSCAPE_CERT_SEQUENCE *sequence = NETSCAPE_CERT_SEQUENCE_new();
    unsigned char *der = NULL;
    int len = -1;
    if (sequence) {
        sequence->certs = all;
        len = i2d_NETSCAPE_CERT_SEQUENCE(sequence, &der);
        sequence->certs = NULL;
    }
    NETSCAPE_CERT_SEQUENCE_free(sequence);
    return copy_der(der, len, out_len);
}

/* ---- ZIP, stored: a header before each file, and a directory of them at the end ---- */

static uint32_t crc32_of(const char *data, size_t len)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint8_t)data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static void put16(FILE *stream, size_t value)
{
    putc((int)(value & 0xff), stream);
    putc((int)(value >> 8 & 0xff), stream);
}

static void put32(FILE *stream, size_t value)
{
    put16(stream, value & 0xffff);
    put16(stream, value >> 16);
}

struct zip_entry {
    char name[40];
    char *text; /* owned */
    size_t len, offset;
    uint32_t crc;
};

/* What both headers of an entry have in common: version, flags, stored, 1980-01-01, sizes. */
static void put_entry(FILE *stream, const struct zip_entry *entry)
{
    put16(stream, 10);
    put16(stream, 0);
    put16(stream, 0);
    put16(stream, 0);
    put16(stream, 1 << 5 | 1);
    put32(stream, entry->crc);
    put32(stream, entry->len);
    put32(stream, entry->len);
    put16(stream, strlen(entry->name));
    put16(stream, 0);
}

static void put_file(FILE *stream, struct zip_entry *entry)
{
    entry->offset = (size_t)ftell(stream);
    put32(stream, 0x04034b50);
    put_entry(stream, entry);
    fputs(entry->name, stream);
    fwrite(entry->text, 1, entry->len, stream);
}

static void put_directory(FILE *stream, const struct zip_entry *entries, size_t count)
{
    size_t start = (size_t)ftell(stream), end;
    for (size_t i = 0; i < count; i++) {
        put32(stream, 0x02014b50);
        put16(stream, 20);
        put_entry(stream, &entries[i]);
        put16(stream, 0); /* comment, disk, attributes */
        put16(stream, 0);
        put16(stream, 0);
        put32(stream, 0);
        put32(stream, entries[i].offset);
        fputs(entries[i].name, stream);
    }
    end = (size_t)ftell(stream);
    put32(stream, 0x06054b50);
    put16(stream, 0);
    put16(stream, 0);
    put16(stream, count);
    put16(stream, count);
    put32(stream, end - start);
    put32(stream, start);
    put16(stream, 0);
}

static bool fill_entry(struct zip_entry *entry, size_t number, X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    long len = bio && PEM_write_bio_X509(bio, certificate) ? BIO_get_mem_data(bio, &data) : 0;
    snprintf(entry->name, sizeof entry->name, "certificate%zu.crt", number);
    entry->text = len > 0 ? strndup(data, (size_t)len) : NULL;
    BIO_free(bio);
    entry->len = entry->text ? (size_t)len : 0;
    entry->crc = entry->text ? crc32_of(entry->text, entry->len) : 0;
    return entry->text != NULL;
}

static uint8_t *make_zip(STACK_OF(X509) * all, size_t *out_len)
{
    size_t count = (size_t)sk_X509_num(all), len = 0;
    struct zip_entry *entries = calloc(count, sizeof *entries);
    char *text = NULL;
    FILE *stream = entries ? open_memstream(&text, &len) : NULL;
    bool ok = stream != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        ok = fill_entry(&entries[i], i + 1, sk_X509_value(all, (int)i));
        if (ok)
            put_file(stream, &entries[i]);
    }
    if (ok)
        put_directory(stream, entries, count);
    ok = stream && fclose(stream) == 0 && ok;
    for (size_t i = 0; entries && i < count; i++)
        free(entries[i].text);
    free(entries);
    if (!ok) {
        free(text);
        return NULL;
    }
    *out_len = len;
    return (uint8_t *)text;
}

uint8_t *bundle_make(enum bundle_kind kind, const char *pem, size_t *len)
{
    STACK_OF(X509) *all = read_all(pem);
    uint8_t *out = NULL;
    if (all && sk_X509_num(all) > 0) {
        out = kind == BUNDLE_ZIP     ? make_zip(all, len)
              : kind == BUNDLE_PKCS7 ? make_pkcs7(all, len)
                                     : make_netscape(all, len);
    }
    sk_X509_pop_free(all, X509_free);
    return out;
}
