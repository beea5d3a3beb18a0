/* csr: what the check of an order has to know of its CSR. Internal to sectigo/. Pure; any thread. */
#ifndef SECTIGO_CSR_H
#define SECTIGO_CSR_H

#include "sectigo/parameter.h"

/* Fills the csr_ members of facts. 0, or the status code: -9 not base64, -10 cannot be decoded. */
int sectigo_csr_read(const char *text, struct sectigo_order_facts *facts);
/* Its common name, or the names and addresses of its subject alternative name with commas between; malloc'd, NULL where
 * it has none or cannot be read. */
char *sectigo_csr_common_name(const char *text);
char *sectigo_csr_alternative_names(const char *text);

#endif
