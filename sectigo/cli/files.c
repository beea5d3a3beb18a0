#include "sectigo/cli/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/sectigo.h"

enum { TEXT_MAX = 64 * 1024, DER_SEQUENCE = 0x30 };

/* At most size - 1 octets and a NUL behind; false: *reason says why, without the path. */
static bool read_some(const char *path, char *data, size_t size, size_t *len, char reason[static REASON_MAX])
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");

    if (!file) {
        snprintf(reason, REASON_MAX, "cannot be opened: %s", strerror(errno));
        return false;
    }
    errno = 0;
    *len = fread(data, 1, size - 1, file);
    bool fine = !ferror(file), longer = getc(file) != EOF;
    if (!fine)
        snprintf(reason, REASON_MAX, "cannot be read: %s", strerror(errno));
    else if (longer)
        snprintf(reason, REASON_MAX, "is longer than %zu octets", size - 1);
    if (!standard)
        fclose(file);
    data[*len] = '\0';
    return fine && !longer;
}

char *file_text(const char *path, size_t *len, char reason[static REASON_MAX])
{
    char detail[REASON_MAX] = "is more than memory holds", *text = malloc(TEXT_MAX);

    if (text && read_some(path, text, TEXT_MAX, len, detail))
        return text;
    snprintf(reason, REASON_MAX, "the file \"%.100s\" %.100s", path, detail);
    free(text);
    return NULL;
}

/* A private key is refused whatever else the file holds. */
static char *read_csr(const char *path, size_t *len, char reason[static REASON_MAX])
{
    char *text = file_text(path, len, reason);

    if (!text || !memmem(text, *len, "PRIVATE KEY", 11))
        return text;
    snprintf(reason, REASON_MAX, "the file \"%.100s\" holds a private key, which must never leave this machine", path);
    explicit_bzero(text, *len);
    free(text);
    return NULL;
}

static uint8_t *decode_request(char *text, size_t *len)
{
    if (*len > 0 && (uint8_t)text[0] == DER_SEQUENCE)
        return (uint8_t *)text;
    uint8_t *der = strlen(text) == *len ? sectigo_csr_der(text, len) : NULL;
    if (der)
        free(text);
    return der;
}

char *file_csr(const char *path, char reason[static REASON_MAX])
{
    size_t len;
    char *text = read_csr(path, &len, reason);

    if (!text)
        return NULL;
    uint8_t *der = decode_request(text, &len);
    if (!der)
        return text;
    char *pem = sectigo_csr_pem(der, len);
    free(der);
    if (!pem)
        snprintf(reason, REASON_MAX, "out of memory");
    return pem;
}

uint8_t *file_csr_der(const char *path, size_t *len, char reason[static REASON_MAX])
{
    char *text = read_csr(path, len, reason);
    uint8_t *der = text ? decode_request(text, len) : NULL;

    if (text && !der) {
        snprintf(reason, REASON_MAX, "the file \"%.100s\" holds no certificate request", path);
        free(text);
    }
    return der;
}

bool file_secret(const char *path, char *secret, size_t size, char reason[static REASON_MAX])
{
    size_t len;
    bool ok = read_some(path, secret, size, &len, reason);

    if (ok && strlen(secret) != len) {
        snprintf(reason, REASON_MAX, "is no text");
        ok = false;
    }
    secret[strcspn(secret, "\r\n")] = '\0';
    if (ok && !*secret)
        snprintf(reason, REASON_MAX, "has an empty first line");
    if (ok && *secret)
        return true;
    explicit_bzero(secret, size);
    return false;
}

/* Beside its place first, so that a full disk leaves no half a chain behind. */
bool file_write(const char *path, const void *data, size_t len, char reason[static REASON_MAX])
{
    char *beside = NULL;
    FILE *file = NULL;
    bool ok = false;

    if (asprintf(&beside, "%s.new", path) < 0) {
        beside = NULL;
        goto out;
    }
    file = fopen(beside, "we");
    if (!file)
        goto out;
    ok = fwrite(data, 1, len, file) == len;
    ok = fclose(file) == 0 && ok;
    ok = ok && rename(beside, path) == 0;
out:
    if (!ok)
        snprintf(reason, REASON_MAX, "\"%.100s\" cannot be written: %s", path, strerror(errno));
    if (!ok && file)
        remove(beside);
    free(beside);
    return ok;
}
