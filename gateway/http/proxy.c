#include "gateway/http/proxy.h"

#include <string.h>

#include "gateway/address.h"
#include "gateway/http/bodies.h"
#include "gateway/http/proxy_header.h"

bool proxy_is_trusted(const struct loop *loop, enum http_listener kind, const char *address)
{
    return address_in_any(address, (const char *const *)loop->setup->trusted[kind]);
}

static bool is_from_proxy(const struct connection *connection, const char *address)
{
    return proxy_is_trusted(connection->loop, connection_kind(connection), address);
}

/* ---- the PROXY protocol ---- */

bool proxy_speaks_first(const struct connection *connection)
{
    return connection->loop->setup->protocol[connection_kind(connection)] &&
           is_from_proxy(connection, connection->peer);
}

static void on_header(h2o_socket_t *sock, const char *err)
{
    struct connection *connection = sock->on_close.data;
    char client[INET6_ADDRSTRLEN];
    size_t used;
    enum proxy_header_verdict verdict =
        err ? PROXY_HEADER_BAD
            : proxy_header_read((const uint8_t *)sock->input->bytes, sock->input->size, client, &used);
    if (verdict == PROXY_HEADER_MORE)
        return;
    h2o_socket_read_stop(sock);
    if (verdict == PROXY_HEADER_BAD) {
        h2o_socket_close(sock);
        return;
    }
    h2o_buffer_consume(&sock->input, used);
    if (client[0])
        memcpy(connection->peer, client, sizeof client);
    bodies_accept(connection);
}

void proxy_begin(struct connection *connection)
{
    h2o_socket_read_start(connection->sock, on_header);
}

/* ---- X-Forwarded-For ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* An address in the one way that it is written in. It may stand in brackets (IPv6), and a port behind those or behind
 * an IPv4 address. */
static bool read_address(h2o_iovec_t entry, char address[static INET6_ADDRSTRLEN])
{
    const char *bracket = entry.len > 0 && *entry.base == '[' ? memchr(entry.base, ']', entry.len) : NULL;
    const char *colon = memchr(entry.base, ':', entry.len);
    if (bracket)
        entry = h2o_iovec_init(entry.base + 1, (size_t)(bracket - entry.base) - 1);
    else if (colon && memchr(entry.base, '.', (size_t)(colon - entry.base)))
        entry.len = (size_t)(colon - entry.base);
    if (entry.len >= INET6_ADDRSTRLEN)
        return false;
    memcpy(address, entry.base, entry.len);
    address[entry.len] = '\0';
    return address_rewrite(strchr(address, ':') ? AF_INET6 : AF_INET, address, address);
}

/* The last entry of the list, which is cut off it. */
static h2o_iovec_t take_last(h2o_iovec_t *list)
{
    size_t begin = list->len, end = list->len;
    while (begin > 0 && list->base[begin - 1] != ',')
        begin--;
    list->len = begin > 0 ? begin - 1 : 0;
    while (begin < end && is_blank(list->base[begin]))
        begin++;
    while (end > begin && is_blank(list->base[end - 1]))
        end--;
    return h2o_iovec_init(list->base + begin, end - begin);
}

/* Goes back through one field's list. False: the client is found, or what comes before cannot be believed. */
static bool go_back(const struct connection *connection, h2o_iovec_t list, char client[static INET6_ADDRSTRLEN])
{
    char address[INET6_ADDRSTRLEN];
    while (list.len > 0) {
        if (!read_address(take_last(&list), address))
            return false;
        memcpy(client, address, sizeof address);
        if (!is_from_proxy(connection, address))
            return false;
    }
    return true;
}

void proxy_find_client(const h2o_req_t *req, char client[static INET6_ADDRSTRLEN])
{
    const struct connection *connection = connection_of(req);
    memcpy(client, connection->peer, sizeof connection->peer);
    if (!is_from_proxy(connection, client))
        return;
    /* Several fields are one list, in their order; the last was added last. */
    for (size_t i = req->headers.size; i-- > 0;) {
        const h2o_header_t *header = &req->headers.entries[i];
        if (header->name == &H2O_TOKEN_X_FORWARDED_FOR->buf && !go_back(connection, header->value, client))
            return;
    }
}
