/* pem: base64 and PEM of certificates and requests. Internal to sectigo/. Pure; any thread. */
#ifndef SECTIGO_PEM_H
#define SECTIGO_PEM_H

#include "sectigo/sectigo.h"

/* PEM text of one block, malloc'd; NULL when out of memory. */
char *sectigo_pem_encode(const char *label, const uint8_t *der, size_t len);
/* Base64 without armour (blanks and line ends allowed, and blanks that stand for '+') of exactly one DER object,
 * malloc'd; NULL where it is none. */
uint8_t *sectigo_base64_der(const char *text, size_t text_len, size_t *len);
/* Appends what a field of an answer holds (bare base64, or PEM blocks) to *pem as CERTIFICATE blocks and counts them.
 * False where it is neither, or when out of memory; *pem stays the caller's. */
bool sectigo_pem_append(const char *field, char **pem, size_t *blocks);

#endif
