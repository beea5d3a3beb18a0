/* dcv: domain control as Sectigo looks at it (notes 3), over the network. A prover belongs to one thread. */
#ifndef SANDBOX_DCV_H
#define SANDBOX_DCV_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "sectigo/sandbox/lookup.h"

enum { DCV_LOOKED_MAX = 640 };

struct dcv {
    struct lookup *lookup;
    CURL *curl;
    uint16_t http_port, https_port;
};
bool dcv_open(struct dcv *dcv, const char *resolver, uint16_t http_port, uint16_t https_port);
void dcv_close(struct dcv *dcv);

struct dcv_question {
    const char *name, *method;
    const char *md5, *sha256, *unique_value; /* of the CSR, lower-case hex; unique_value may be NULL */
    bool follow_redirects;
};
/* True where control is proved. looked: a sentence on what was asked and found. */
bool dcv_prove(struct dcv *dcv, const struct dcv_question *question, char looked[static DCV_LOOKED_MAX]);

enum caa_result { CAA_ALLOWED, CAA_FORBIDDEN, CAA_NO_ANSWER };
/* RFC 8659: the closest record set up the tree must name one of Sectigo's identities. */
enum caa_result caa_check(struct lookup *lookup, const char *name, char looked[static DCV_LOOKED_MAX]);

#endif
