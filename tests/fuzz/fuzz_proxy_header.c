/* covers: gateway/http/proxy_header.c
 *
 * The header of the PROXY protocol, of both versions. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "gateway/http/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char client[INET6_ADDRSTRLEN];
    struct in6_addr address;
    size_t used;
    if (proxy_header_read(data, size, client, &used) != PROXY_HEADER_GOOD)
        return 0;
    if (used == 0 || used > size || used > PROXY_HEADER_MAX)
        abort();
    if (client[0] && inet_pton(AF_INET, client, &address) != 1 && inet_pton(AF_INET6, client, &address) != 1)
        abort();
    return 0;
}
