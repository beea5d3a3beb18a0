/* csr: certificate requests as certbot makes them, without a common name; each with a key of its own. */
#ifndef BENCH_CSR_H
#define BENCH_CSR_H

/* base64url of the DER, malloc'd; NULL when out of memory. names: count of them, separated by commas. */
char *csr_make(const char *names);

#endif
