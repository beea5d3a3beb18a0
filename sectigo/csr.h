/* csr: what the check of an order has to know of its CSR. Internal to sectigo/. Pure; any thread. */
#ifndef SECTIGO_CSR_H
#define SECTIGO_CSR_H

#include "sectigo/parameter.h"

/* Fills the csr_ members of facts. 0, or the status code: -9 not base64, -10 cannot be decoded. */
int sectigo_csr_read(const char *text, struct sectigo_order_facts *facts);

#endif
