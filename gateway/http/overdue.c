/* overdue: requests that do not come. h2o has one limit for the time between two requests and the time that one takes;
 * the first has to be long, since a client is told to come back in a minute, and the second short. So h2o keeps the
 * long one, and the short one is kept here, by a look at all connections every now and then. */
#include "gateway/http/internal.h"

enum { LOOKS = 8 }; /* in the time that a request has */

static uint64_t limit_ms(const struct loop *loop)
{
    uint32_t configured = loop->server->config.request_timeout_ms;
    return configured ? configured : REQUEST_TIMEOUT_MS;
}

static void end_silent(struct crowd *crowd, uint64_t now_ms, uint64_t limit_ms)
{
    for (h2o_linklist_t *node = crowd->silent.next; node != &crowd->silent; node = node->next) {
        struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, link, node);
        if (now_ms - connection->waits_since_ms < limit_ms)
            break; /* those behind it came later */
        if (h2o_socket_is_reading(connection->sock))
            accept_ask_to_leave(connection);
    }
}

/* What h2o has read of a request that is not whole stays in the socket's buffer, body included. */
static void end_unfinished(struct crowd *crowd, uint64_t now_ms, uint64_t limit_ms)
{
    for (h2o_linklist_t *node = crowd->served.next; node != &crowd->served; node = node->next) {
        struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, link, node);
        if (!h2o_socket_is_reading(connection->sock) || connection->sock->input->size == 0)
            continue;
        if (connection->waits_since_ms == 0)
            connection->waits_since_ms = now_ms;
        else if (now_ms - connection->waits_since_ms >= limit_ms)
            accept_ask_to_leave(connection);
    }
}

void overdue_end(struct loop *loop, uint64_t now_ms)
{
    if (now_ms < overdue_next_ms(loop))
        return;
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        end_silent(&loop->crowds[kind], now_ms, limit_ms(loop));
        end_unfinished(&loop->crowds[kind], now_ms, limit_ms(loop));
    }
    loop->overdue_look_ms = now_ms + limit_ms(loop) / LOOKS;
}

uint64_t overdue_next_ms(const struct loop *loop)
{
    return accept_count(loop) > 0 ? loop->overdue_look_ms : UINT64_MAX;
}
