/* routes: what the API has, on the socket and at admin.listen: one table for routing, roles and what /openapi.json
 * says (openapi.c). Inside this room only.
 */
#ifndef GATEWAY_OPERATE_ROUTES_H
#define GATEWAY_OPERATE_ROUTES_H

#include "gateway/operate/request.h"

/* Of the gateway that owns the store alone: it calls Sectigo or others, or changes what only that one has in memory. */
enum { OF_OWNER = 1 << 24 };

struct route {
    const char *method, *path; /* * stands for one segment */
    void (*handle)(struct request *request);
    unsigned takes;     /* parameters, and OF_OWNER */
    enum role role;     /* at admin.listen: who has it, or one above it; the socket is for admins */
    const char *body;   /* what the JSON object that may stand there is, by its name in schemas.json; NULL: none may */
    const char *answer; /* what is answered, likewise */
    bool https_only;    /* of no meaning on the socket, which has none */
    const char *help;
};

extern const struct route routes[];
extern const size_t route_count;

/* Routes the request: answers it, or says why not. */
void route_request(struct request *request);

#endif
