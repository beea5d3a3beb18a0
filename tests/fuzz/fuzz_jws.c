/* covers: acme/jws.c
 *
 * A request body, an inner JWS or an external account binding: the same octets are tried as each, and also as a bare
 * protected header, since no fuzzer changes JSON through base64. */
#include <stdlib.h>

#include "acme/json.c"
#include "acme/jws.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the rest of the room relies on without looking again. */
static void check(const struct jws *jws, enum jws_role role)
{
    bool mac = jws->alg >= JWS_HS256;

    if (jws->alg == JWS_NONE || mac != (role == JWS_BINDING) || !jws->url[0])
        abort();
    if ((jws->nonce[0] != '\0') != (role == JWS_REQUEST) || jws->has_jwk == (jws->kid[0] != '\0'))
        abort();
    if (!jws->payload || jws->payload[jws->payload_len] != '\0' || jws->signature_len == 0 ||
        !memchr(jws->signing_input, '.', jws->signing_input_len))
        abort();
}

static void try(const uint8_t *data, size_t size, enum jws_role role)
{
    struct acme_problem problem = {0};
    struct jws jws;

    if (jws_parse(data, size, role, &jws, &problem)) {
        check(&jws, role);
        if (jws.has_jwk)
            jws_verify(&jws, jws.jwk.kind, jws.jwk.key, &problem);
        if (role == JWS_BINDING)
            jws_verify_mac(&jws, (const uint8_t *)"key", 3, &problem);
    } else if (problem.type == ACME_PROBLEM_NONE || jws.payload || jws.signing_input) {
        abort();
    }
    acme_problem_clear(&problem);
    jws_clear(&jws);
}

static void try_header(const uint8_t *data, size_t size, enum jws_role role)
{
    struct acme_problem problem = {0};
    struct jws jws = {0};
    json_t *header = acme_json_parse(data, size, "header", &problem);

    if (header && !read_header(header, role, &jws, &problem) && problem.type == ACME_PROBLEM_NONE)
        abort();
    json_decref(header);
    acme_problem_clear(&problem);
    jws_clear(&jws);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_header(data, size, JWS_REQUEST);
    try_header(data, size, JWS_INNER_KEY);
    try_header(data, size, JWS_BINDING);
    try(data, size, JWS_REQUEST);
    try(data, size, JWS_INNER_KEY);
    try(data, size, JWS_BINDING);
    return 0;
}
