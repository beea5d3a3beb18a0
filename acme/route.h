/* route: which path is which resource; the only list of them. Private to this room. */
#ifndef ACME_ROUTE_H
#define ACME_ROUTE_H

#include "acme/task.h"

enum acme_signer {
    ACME_SIGNED_BY_ACCOUNT, /* kid */
    ACME_SIGNED_BY_JWK,     /* the key itself: newAccount */
    ACME_SIGNED_BY_EITHER,  /* an account, or the certificate's own key: revokeCert */
};

struct acme_route {
    const char *pattern; /* ":id" stands for an id, ":type" for a challenge type, ":text" for anything */
    enum acme_signer signer;
    acme_handler *get;  /* GET and HEAD; NULL: not allowed */
    acme_handler *post; /* NULL: not allowed */
    bool limited;       /* counts against the limits of config.h; never what only reads */
    bool large;         /* its body may have names, a CSR, a certificate or a binding */
    bool is_directory;  /* Link rel="index" is on every reply but this one's */
    const char *name;   /* in the directory, without ":text"; NULL: not shown there */
    const char *noun;   /* what it is called for people where it has no name */
};

/* Fills *id and *type where the pattern has them. NULL: no such resource. */
const struct acme_route *acme_route_find(const char *path, size_t len, struct acme_id *id,
                                         enum acme_challenge_type *type);
/* Its place in the list, that of acme_resource_text; NULL: the one behind the last. */
unsigned acme_route_number(const struct acme_route *route);
/* See acme_body_max; NULL: there is none. */
size_t acme_route_body_max(const struct acme_route *route);
/* The i-th route, NULL behind the last. */
const struct acme_route *acme_route_at(size_t i);

#endif
